//! The accounting side's payments: read by time of change, page by page, each page committed with the cursor behind it.
//!
//! How often follows from what comes: after as long a rest again as nothing came and nothing was hinted at, between two
//! bounds. One payment that cannot be read is asked about and keeps nothing back; so is what the accountant gave and our
//! ledger does not bear. Not here: what a page changes (`store::books::money`), who decides (`planner::payments`).

use std::collections::BTreeSet;

use capability::accounting::{
    PaymentPage, PaymentsFrom, ReadPayments, ToldPayment, UnreadablePayment,
};
use domain::payment::{LineId, OwnSide};
use domain::purpose::Purpose;
use engine::clock::later;
use engine::{Halted, LeaseContext};
use planner::payments::{CHANGED_BY_ACCOUNTANT, GIVEN_BY_ACCOUNTANT, GIVEN_BY_PARTS, GIVEN_WHOLE};
use planner::{MoneyPolicy, Organisation, by_strangers};
use serde_json::json;
use store::{
    Case, CaseChange, CaseFacts, CaseState, FollowedPage, FollowedPayment, FollowedReasons, Lane,
    NotTaken, Record, SeenLine, Subject, WhyNotTaken, Work,
};

use crate::{Connected, Reconciler, access, journal, overdue, portal_task};

const CODE: &str = "ACCOUNTING-PAYMENT";

pub(crate) async fn look(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    work: Work,
) -> Result<(), Halted> {
    let side = connected.accounting.payments.as_deref();
    let sides = side.zip(connected.policy.money.as_ref());
    // Its own task knocks while the accounting side keeps us out.
    if let Some((side, money)) = sides
        && !access::accounting_is_shut(ctx).await?
    {
        for organisation in &connected.policy.organisations {
            read(ctx, connected, side, money, organisation).await?;
        }
        access::regained(ctx, portal_task::FOLLOWED).await?;
    }
    let (busy, idle) = (
        reconciler.settings.payments_busy_every,
        reconciler.settings.payments_idle_every,
    );
    let last = ctx.store().money_last_followed(&ctx.portal()).await?;
    let hinted = ctx.store().accounting_hinted_for(&ctx.portal()).await?;
    // A hint may come before the list shows what it was given for: soon after it the list is asked again.
    let last = last.max(hinted.map(|at| at.min(ctx.now())));
    let quiet = last.and_then(|last| ctx.now().duration_since(last).try_into().ok());
    let rest = quiet.unwrap_or(idle).clamp(busy.min(idle), idle);
    ctx.record(Record {
        settled: vec![journal::settled_until(
            work,
            later(ctx.now(), rest),
            Lane::Due,
            "payments of the accounting side",
        )],
        ..Record::default()
    })
    .await
}

async fn read(
    ctx: &LeaseContext,
    connected: &Connected,
    side: &dyn ReadPayments,
    money: &MoneyPolicy,
    organisation: &Organisation,
) -> Result<(), Halted> {
    let portal = ctx.portal();
    let cursor = format!("payments/{}", organisation.id);
    let own = money.own_side();
    loop {
        let read_to = ctx.store().cursor_get(&portal, &cursor).await?;
        let from = match &read_to {
            Some(cursor) => PaymentsFrom::Cursor(cursor),
            None => PaymentsFrom::Moment(money.since.unwrap_or(connected.policy.start_at)),
        };
        let call = ctx.call(&portal);
        let page = ctx
            .reading(|| side.payments(&call, &organisation.id, from))
            .await;
        let lines = journal::exchanges(&call, &[]);
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                return Err(journal::halt_task(ctx, lines, &error, portal_task::FOLLOWED).await);
            }
        };
        let page = on_known_accounts(ctx, organisation, page).await?;
        let more = page.more;
        let asked = asked(ctx, organisation).await?;
        let cases = unreadable(organisation, &page, &asked);
        let is_read = is_all_read(&asked, &cases);
        let page = FollowedPage {
            organisation: organisation.id.clone(),
            cursor: (cursor.clone(), page.next.clone()),
            is_taken_over: money.is_accountants(),
            because: FollowedReasons {
                gave: GIVEN_BY_ACCOUNTANT.to_owned(),
                took_back: CHANGED_BY_ACCOUNTANT.to_owned(),
                by_parts: GIVEN_BY_PARTS.to_owned(),
                whole: GIVEN_WHOLE.to_owned(),
            },
            today: ctx.now().to_zoned(organisation.zone()).date(),
            cases,
            journal: lines,
            payments: told(page, organisation, &own),
        };
        let followed = ctx
            .store()
            .money_follow(&ctx.lease(), page, ctx.now())
            .await?;
        if !more {
            if is_read {
                overdue::payments_are_read(ctx, money, organisation).await?;
            }
            return ask_of(ctx, organisation, &followed.not_taken, &asked).await;
        }
    }
}

/// A payment that names none of our accounts is not guessed to be on one, but what is known already goes on where it is: until
/// there was a second account nobody had to name it.
async fn on_known_accounts(
    ctx: &LeaseContext,
    organisation: &Organisation,
    mut page: PaymentPage,
) -> Result<PaymentPage, Halted> {
    let without = page.unreadable.iter();
    let without = without.filter(|one| one.but_for_account.is_some());
    let lines: Vec<LineId> = without.map(|one| one.id.clone()).collect();
    if lines.is_empty() {
        return Ok(page);
    }
    let store = ctx.store();
    let mut known = store
        .money_followed_accounts(&ctx.portal(), &organisation.id, &lines)
        .await?;
    page.unreadable.retain_mut(|one| {
        let told = known.remove(&one.id).zip(one.but_for_account.take());
        let is_known = told.is_some();
        page.payments.extend(told.map(|(account, mut told)| {
            told.order.own_account = account;
            *told
        }));
        !is_known
    });
    Ok(page)
}

fn told(page: PaymentPage, organisation: &Organisation, own: &OwnSide) -> Vec<FollowedPayment> {
    let told = page.payments.into_iter();
    told.map(
        |ToldPayment {
             id,
             order,
             deleted,
             allocations,
         }| FollowedPayment {
            line: SeenLine {
                line: id,
                kind: own.kind(&order, &Purpose::read(&order.purpose)),
                order,
                organisation: organisation.id.clone(),
            },
            deleted,
            given: allocations,
        },
    )
    .collect()
}

/// Questions about single payments of an organisation that are open.
async fn asked(ctx: &LeaseContext, organisation: &Organisation) -> Result<Vec<Case>, Halted> {
    let of_organisation =
        [UNREADABLE, NOT_TAKEN].map(|what| format!("{what}/{}/", organisation.id));
    let known = ctx.known(&[Subject::portal(portal_task::FOLLOWED)]).await?;
    let open = known.cases.into_iter().filter(|case| {
        case.state == CaseState::Open
            && of_organisation
                .iter()
                .any(|prefix| case.facts.key.starts_with(prefix))
    });
    Ok(open.collect())
}

const UNREADABLE: &str = "unreadable";
const NOT_TAKEN: &str = "not-taken";

fn key(what: &str, organisation: &Organisation, line: &LineId) -> String {
    format!("{what}/{}/{}", organisation.id, line.0)
}

fn question(key: String, text: String) -> CaseChange {
    CaseChange::Open(CaseFacts {
        code: CODE.to_owned(),
        // Each is told of by itself.
        cause: format!("{CODE}: {key}"),
        key,
        subject: Subject::portal(portal_task::FOLLOWED),
        facts: json!({}),
        text,
        waits_for: Vec::new(),
    })
}

fn answered(case: &Case) -> CaseChange {
    CaseChange::Withdraw {
        subject: case.facts.subject.clone(),
        key: case.facts.key.clone(),
    }
}

/// Asks about payments of a page that cannot be read, and no more about those that can be.
fn unreadable(organisation: &Organisation, page: &PaymentPage, asked: &[Case]) -> Vec<CaseChange> {
    let mut changes: Vec<CaseChange> = page
        .unreadable
        .iter()
        .map(|one| {
            question(
                key(UNREADABLE, organisation, &one.id),
                unreadable_in_words(one),
            )
        })
        .collect();
    let read: BTreeSet<String> = page
        .payments
        .iter()
        .map(|one| key(UNREADABLE, organisation, &one.id))
        .collect();
    let mended = asked.iter().filter(|case| read.contains(&case.facts.key));
    changes.extend(mended.map(answered));
    changes
}

/// No payment is left that cannot be read: such a one may be what somebody waits for.
fn is_all_read(asked: &[Case], changes: &[CaseChange]) -> bool {
    let is_mended = |case: &Case| {
        changes.iter().any(
            |change| matches!(change, CaseChange::Withdraw { key, .. } if *key == case.facts.key),
        )
    };
    let mut before = asked
        .iter()
        .filter(|case| case.facts.key.starts_with(UNREADABLE));
    let is_asked = |change: &CaseChange| matches!(change, CaseChange::Open(_));
    before.all(is_mended) && !changes.iter().any(is_asked)
}

fn unreadable_in_words(payment: &UnreadablePayment) -> String {
    format!(
        "Платёж № {} от {} из учёта не читается: поле `{}` не такое, как обещает договор. Остальные платежи читаются \
         дальше. Исправьте платёж в учёте: он прочтётся сам.",
        by_strangers(&payment.number),
        by_strangers(&payment.date),
        payment.field
    )
}

/// Asks about what our ledger does not bear, and no more about what it does by now.
async fn ask_of(
    ctx: &LeaseContext,
    organisation: &Organisation,
    not_taken: &[NotTaken],
    asked: &[Case],
) -> Result<(), Halted> {
    let mut keys = BTreeSet::new();
    let mut cases = Vec::new();
    for one in not_taken {
        let key = key(NOT_TAKEN, organisation, &one.line);
        keys.insert(key.clone());
        cases.push(question(key, not_taken_in_words(one)));
    }
    let of_ours =
        |case: &&Case| case.facts.key.starts_with(NOT_TAKEN) && !keys.contains(&case.facts.key);
    cases.extend(asked.iter().filter(of_ours).map(answered));
    if cases.is_empty() {
        return Ok(());
    }
    ctx.record(Record {
        cases,
        ..Record::default()
    })
    .await
}

fn not_taken_in_words(one: &NotTaken) -> String {
    let payment = one.payment;
    let (why, what_next) = match one.why {
        WhyNotTaken::LessIsOpen => (
            "на счёт, по которому столько не осталось: счёт отменён, исправлен, закрыт без банка или уже оплачен другим платежом",
            format!("Посмотрите платёж {payment}: снимите лишнее"),
        ),
        WhyNotTaken::MoneyWentBack => (
            "на счета, но часть этих денег уже возвращена покупателю из аванса, и столько у платежа не осталось",
            format!("Посмотрите платёж {payment}: отмените снятие возврата"),
        ),
        WhyNotTaken::NotIncoming => (
            "на счёт, но эти деньги не пришли, а ушли",
            format!("Посмотрите платёж {payment}"),
        ),
        WhyNotTaken::PartOf(whole) => (
            "на счёт, но в банке это часть одного платежа, а его уже отнёс к счетам человек: одни деньги не считаются дважды",
            format!("Снимите со счетов платёж {whole}"),
        ),
        WhyNotTaken::WithPart(part) => (
            "на счёт, но в банке это часть одного платежа, а другая его часть не помещается на свой счёт: пока платёж стоит целиком",
            format!("Посмотрите платёж {part}"),
        ),
    };
    format!(
        "Бухгалтер разнёс платёж № {} от {} ({}) {why}. Прежнее разнесение стоит. {what_next} или исправьте в учёте.",
        by_strangers(&one.order.number),
        domain::display::date(one.order.date),
        domain::display::money(one.order.amount)
    )
}

#[cfg(test)]
mod tests {
    use domain::Money;
    use domain::payment::{AccountNumber, Direction, OtherSide, PaymentOrder};
    use jiff::civil::date;

    use super::*;

    #[test]
    fn it_is_said_why_the_ledger_does_not_bear_it() {
        let told = |why| {
            not_taken_in_words(&NotTaken {
                line: LineId("p".to_owned()),
                payment: 7,
                order: PaymentOrder {
                    own_account: AccountNumber::new("40702810200000012345").unwrap(),
                    direction: Direction::In,
                    form: None,
                    number: "5".to_owned(),
                    date: date(2026, 3, 13),
                    booked: None,
                    amount: Money::from_kopecks(13_000),
                    other: OtherSide::default(),
                    purpose: String::new(),
                },
                why,
            })
            .replace('\u{a0}', " ")
        };
        let begins = "Бухгалтер разнёс платёж № 5 от 13.03.2026 (130,00 ₽) ";
        for (why, because, ends) in [
            (
                WhyNotTaken::LessIsOpen,
                "на счёт, по которому столько не осталось: счёт отменён, исправлен, закрыт без банка или уже оплачен другим платежом",
                "Посмотрите платёж 7: снимите лишнее или исправьте в учёте.",
            ),
            (
                WhyNotTaken::MoneyWentBack,
                "на счета, но часть этих денег уже возвращена покупателю из аванса, и столько у платежа не осталось",
                "Посмотрите платёж 7: отмените снятие возврата или исправьте в учёте.",
            ),
            (
                WhyNotTaken::NotIncoming,
                "на счёт, но эти деньги не пришли, а ушли",
                "Посмотрите платёж 7 или исправьте в учёте.",
            ),
            (
                WhyNotTaken::PartOf(3),
                "на счёт, но в банке это часть одного платежа, а его уже отнёс к счетам человек: одни деньги не считаются дважды",
                "Снимите со счетов платёж 3 или исправьте в учёте.",
            ),
            (
                WhyNotTaken::WithPart(8),
                "на счёт, но в банке это часть одного платежа, а другая его часть не помещается на свой счёт: пока платёж стоит целиком",
                "Посмотрите платёж 8 или исправьте в учёте.",
            ),
        ] {
            let expected = format!("{begins}{because}. Прежнее разнесение стоит. {ends}");
            assert_eq!(told(why), expected);
        }
    }
}
