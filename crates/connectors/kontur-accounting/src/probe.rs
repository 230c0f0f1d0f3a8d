//! What `check` tries on the accounting side: address, key, what the service offers, organisations, rights.

use std::time::Duration;

use async_trait::async_trait;
use capability::accounting::{OwnOrganisation, ProbeAccounting};
use capability::portal::Finding;
use capability::{Call, ConnectorError};
use domain::{OrganisationId, Verdict};
use http::StatusCode;
use serde_json::json;

use crate::client::Ask;
use crate::error::Failure;
use crate::{Kontur, Waits, payments, wire};

/// The page that tells what to do when something here does not hold.
const CODE: &str = "KONTUR-ACCOUNTING";
/// The greatest page of the list of organisations.
const PAGE: usize = 100;
/// A key that opens more is not paging.
const MOST_PAGES: usize = 20;

#[async_trait]
impl ProbeAccounting for Kontur {
    async fn probe(&self, call: &Call<'_>) -> Vec<Finding> {
        let offered = match self.capabilities(call).await {
            Ok(offered) => offered,
            Err(failure) => return vec![failed("Адрес и ключ бухгалтерии", &failure.error)],
        };
        let mut findings = vec![holds(
            "Адрес и ключ бухгалтерии",
            "служба отвечает, ключ принят",
        )];
        findings.extend(self.compared(&offered));
        findings.push(self.patience(offered.timing.as_ref()));
        match self.organisations(call).await {
            Err(error) => findings.push(failed("Список организаций", &error)),
            Ok(own) if own.is_empty() => findings.push(broken(
                "Список организаций",
                "ключ не открывает ни одной организации: выпустите ключ у нужной организации",
            )),
            Ok(own) => {
                for organisation in own {
                    findings.extend(self.rights(call, &organisation).await);
                }
            }
        }
        findings
    }

    async fn organisations(&self, call: &Call<'_>) -> Result<Vec<OwnOrganisation>, ConnectorError> {
        let mut own = Vec::new();
        for page in 0..MOST_PAGES {
            let ask = Ask::get("listOrganizations", &["organizations"])
                .query("offset", page.saturating_mul(PAGE))
                .query("limit", PAGE);
            let list: wire::OrganizationList = self.client.json(call, ask).await?;
            let last = list.organizations.len() < PAGE;
            own.extend(list.organizations.into_iter().map(own_organisation));
            if last {
                break;
            }
        }
        Ok(own)
    }

    async fn impatience(&self, call: &Call<'_>) -> Result<Option<Finding>, ConnectorError> {
        let offered = self.capabilities(call).await?;
        Ok(Some(self.patience(offered.timing.as_ref())).filter(|finding| !finding.holds))
    }
}

impl Kontur {
    async fn capabilities(&self, call: &Call<'_>) -> Result<wire::Capabilities, Failure> {
        let ask = Ask::get("getCapabilities", &["capabilities"]);
        self.client.json(call, ask).await
    }

    /// Whether we wait as long as the service declares that its effects and lists may take.
    fn patience(&self, declared: Option<&wire::Timing>) -> Finding {
        let what = "Сроки службы";
        let Some(declared) = declared else {
            return broken(
                what,
                format!(
                    "служба их не объявляет, хотя договор этого требует; ждём мы {} с: узнайте у поставщика, как долго после отправки запрос может подействовать, и задайте timing.accounting_quiet не меньше",
                    self.waits.effect.as_secs()
                ),
            );
        };
        let effect = Duration::from_secs(declared.effect_within_seconds);
        let lag = Duration::from_secs(declared.list_lag_seconds);
        let Waits {
            effect: ours,
            listing,
        } = self.waits;
        let needed = effect.max(effect.saturating_add(lag).saturating_sub(listing));
        let declared = format!(
            "запрос действует до {} с после отправки, списки отстают до {} с",
            effect.as_secs(),
            lag.as_secs()
        );
        if ours < needed {
            return broken(
                what,
                format!(
                    "{declared}, а ждём мы {} с: задайте timing.accounting_quiet не меньше `{}s`, иначе после обрыва связи счёт может выйти дважды",
                    ours.as_secs(),
                    needed.as_millis().div_ceil(1_000)
                ),
            );
        }
        if lag > payments::OVERLAP {
            return broken(
                what,
                format!(
                    "{declared}, а перечитываем мы последние {} с: поступление может остаться незамеченным; договоритесь с поставщиком службы о меньшем отставании",
                    payments::OVERLAP.as_secs()
                ),
            );
        }
        holds(what, format!("{declared}; мы ждём не меньше"))
    }

    /// What the settings say against what the service declares.
    fn compared(&self, offered: &wire::Capabilities) -> Vec<Finding> {
        let with_key = self.offers.idempotency_key;
        let key = match (with_key, offered.idempotency_key.supported) {
            (true, false) => broken(
                "Ключ идемпотентности",
                "в настройках включён, но служба его не соблюдает: выключите, иначе после обрыва связи счёт может выйти дважды",
            ),
            (false, true) => holds(
                "Ключ идемпотентности",
                "служба его соблюдает: можно включить, тогда после обрыва связи не придётся искать счёт",
            ),
            (true, true) => holds("Ключ идемпотентности", "включён, служба его соблюдает"),
            (false, false) => holds(
                "Ключ идемпотентности",
                "не используется: после обрыва связи счёт ищется по метке в комментарии",
            ),
        };
        let mut findings = vec![key];
        for (what, wanted, there) in [
            (
                "Печатная форма счёта",
                self.offers.print_form,
                offered.print_form,
            ),
            (
                "Лента изменений",
                self.offers.change_feed,
                offered.change_feed,
            ),
        ] {
            if wanted && !there {
                findings.push(broken(what, "служба этого не даёт: выключите в настройках"));
            }
        }
        // Nothing else rests on them: statements bring the same money.
        findings.extend(match (self.offers.payments, offered.payments) {
            (true, false) => Some(
                "служба их не отдаёт: поступления видны только из выписок, разнесение бухгалтера не читается; уберите \
                 accounting.payments из настроек или подключите их у поставщика",
            ),
            (false, true) => Some("служба их отдаёт, в настройках выключены: accounting.payments"),
            (true, true) | (false, false) => None,
        }
        .map(|advice| holds("Поступления из учёта", advice)));
        findings
    }

    /// Reading and writing in one organisation. An empty bill cannot be created, so the right to create
    /// one shows without creating it: the service names the missing fields instead of forbidding.
    async fn rights(&self, call: &Call<'_>, organisation: &OwnOrganisation) -> Vec<Finding> {
        let account = format!("{}: расчётный счёт", organisation.name);
        let issue = format!("{}: право выставлять счета", organisation.name);
        let account = match self.has_account(call, &organisation.id).await {
            Ok(true) => holds(account, "основной счёт есть, он будет в реквизитах"),
            Ok(false) => broken(
                account,
                "нет открытого основного счёта: добавьте его в реквизитах организации",
            ),
            Err(failure) => failed(account, &failure.error),
        };
        let path = ["organizations", organisation.id.as_str(), "bills"];
        let ask = Ask::write("createBill", &path).body(&json!({}));
        let issue = match self.client.json::<wire::Bill>(call, ask).await {
            Ok(bill) => broken(
                issue,
                format!(
                    "служба создала пустой счёт № {}: удалите его и сообщите поставщику службы",
                    bill.number
                ),
            ),
            Err(failure) if named_the_fields(&failure) => holds(issue, "есть"),
            Err(failure) => failed(issue, &failure.error),
        };
        vec![account, issue]
    }

    async fn has_account(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
    ) -> Result<bool, Failure> {
        let path = ["organizations", organisation.as_str(), "bank-accounts"];
        let ask = Ask::get("listBankAccounts", &path);
        let list: wire::BankAccountList = self.client.json(call, ask).await?;
        Ok(list
            .bank_accounts
            .iter()
            .any(|account| account.is_main && !account.closed))
    }
}

fn named_the_fields(failure: &Failure) -> bool {
    let refusal = failure.refusal.as_ref();
    refusal.is_some_and(|refusal| refusal.status == StatusCode::BAD_REQUEST)
}

fn own_organisation(organisation: wire::Organization) -> OwnOrganisation {
    OwnOrganisation {
        id: OrganisationId::new(organisation.id),
        name: organisation.short_name.unwrap_or(organisation.name),
        inn: organisation.inn,
        kpp: organisation.kpp,
        // The contract has no such mark: policy says it.
        test: false,
    }
}

fn holds(what: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding {
        what: what.into(),
        holds: true,
        advice: advice.into(),
        code: None,
    }
}

fn broken(what: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding {
        holds: false,
        code: Some(CODE.to_owned()),
        ..holds(what, advice)
    }
}

fn failed(what: impl Into<String>, error: &ConnectorError) -> Finding {
    let advice = match (error.verdict, error.code.as_str()) {
        (_, "paymentRequired") => "тариф этого не позволяет: продлите или смените его",
        (Verdict::Reauthorize, _) => "ключ не принят: выпустите новый и замените его в настройках",
        (_, "forbidden") => "у ключа нет этого права: выдайте его или выпустите другой ключ",
        (_, "not-sent" | "timed-out" | "cut-off") => {
            "служба не отвечает: проверьте адрес в настройках и сеть"
        }
        (Verdict::Retry { .. }, _) => "служба сейчас занята: повторите проверку позже",
        _ => "служба ответила не по договору: сверьте адрес и описание её API",
    };
    broken(
        what,
        format!("{advice} ({}: {})", error.code, error.message),
    )
}
