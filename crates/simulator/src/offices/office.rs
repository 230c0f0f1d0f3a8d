//! The office of the simulation: a portal with buyers, a seller, our fields, the policy.

use std::collections::BTreeMap;

use domain::observed::OurField;
use domain::{CompanyId, FunnelId, Inn, Kpp, OrganisationId, StageId, UserId};
use emulator_bitrix24::{
    CompanySeed, CustomFieldSeed, DealSeed, FunnelSeed, LineSeed, OutgoingWebhookSeed,
    PortalConfig, RequisiteSeed, RobotAction, RobotSeed, UserSeed, texts,
};
use jiff::Timestamp;
use planner::{
    Advance, Cancel, Contract, Demand, Funnel, InvoicePolicy, Mode, NewBuyers, Notices,
    Organisation, Pilot, Policy, Quiet, SmartInvoices, VatPeriod, WithoutInn,
};
use serde_json::json;

use crate::chance::customs::{Customs, OwnBooks};
use crate::chance::weather::Weather;
use crate::habits::cancels::Cancels;
use crate::habits::contracts::Contracts;
use crate::habits::exempt::PILOT_FIELD;
use crate::habits::odd_rows::OddRows;
use crate::habits::parts::PERCENT;
use crate::habits::requisites::CONTRACT;
use crate::habits::shares;
use crate::habits::staff;
use crate::habits::waybills;
use crate::offices::links;
use crate::offices::new_year::NewYear;
use crate::offices::production::Production;
use crate::offices::regimes::Regime;
use crate::offices::sellers::Sellers;
use crate::offices::terms::Terms;
use crate::people::clerk::Clerking;
use crate::troubles::hidden;

/// The stages of the funnel, in order.
pub(crate) const STAGES: [&str; 6] = [
    "NEW",
    "PREPARATION",
    "FINAL_INVOICE",
    "EXECUTING",
    "WON",
    "LOSE",
];
/// The stage in which a deal wants an invoice.
pub const INVOICE: &str = "FINAL_INVOICE";
/// Where a paid deal goes.
pub(crate) const PAID_STAGE: &str = "EXECUTING";
/// The stage of a lost deal.
pub(crate) const LOST: &str = "LOSE";
/// Responsible for every deal.
pub(crate) const MANAGER: i64 = 6;
/// Responsible for the deals that a pilot leaves out.
pub(crate) const COLLEAGUE: i64 = 7;
/// Told of what needs a hand.
pub(crate) const ADMINISTRATOR: i64 = 9;
pub(crate) const SELLER: &str = "ООО «Северный ветер»";
pub(crate) const SELLER_INN: &str = "7707083893";
/// The organisation for trying out, which stands beside it.
pub(crate) const TRIAL: &str = "Северный ветер: проба";
/// The second of two own companies, where both sell.
pub(crate) const SECOND: &str = "ООО «Южный ветер»";
pub(crate) const SECOND_INN: &str = "7736050003";
pub(crate) const SECOND_KPP: &str = "773601001";
/// Of deals, where there are two.
pub(crate) const SECOND_FUNNEL: i64 = 1;
/// Stand before the stages of the portal's own invoices.
pub(crate) const OWN_INVOICE_STAGES: &str = "DT31_3:";
/// What an old deal is called.
pub(crate) const OLD_TITLE: &str = "Давняя сделка";
/// The fields that `setup` makes.
pub const NUMBER: &str = "UF_CRM_PROVODKA_NUMBER";
pub(crate) const DATE: &str = "UF_CRM_PROVODKA_DATE";
pub const STATUS: &str = "UF_CRM_PROVODKA_STATUS";
pub(crate) const SUM: &str = "UF_CRM_PROVODKA_SUM";
pub(crate) const COMMAND: &str = "UF_CRM_PROVODKA_COMMAND";
pub(crate) const PAID: &str = "UF_CRM_PROVODKA_PAID";
pub(crate) const PAID_ON: &str = "UF_CRM_PROVODKA_PAID_ON";
/// Says who sells, where people have a say in that.
pub(crate) const SELLER_FIELD: &str = "UF_CRM_SELLER";
/// Where the portal sends its events.
pub(crate) const DOOR: &str = "https://provodka.example/webhooks/bitrix24";
/// Begins every secret and every personal detail: nothing that bears it may leave by another way than it should.
pub(crate) const CANARY: &str = "kanareyka";
const EVENTS: [&str; 14] = [
    "ONCRMDEALADD",
    "ONCRMDEALUPDATE",
    "ONCRMDEALDELETE",
    "ONCRMCOMPANYADD",
    "ONCRMCOMPANYUPDATE",
    "ONCRMCONTACTADD",
    "ONCRMCONTACTUPDATE",
    "ONCRMREQUISITEADD",
    "ONCRMREQUISITEUPDATE",
    "ONCRMREQUISITEDELETE",
    "ONCRMBANKDETAILADD",
    "ONCRMBANKDETAILUPDATE",
    "ONCRMADDRESSREGISTER",
    "ONCRMADDRESSUNREGISTER",
];

/// The host of a tenant's portal.
pub(crate) fn portal_host(place: usize) -> String {
    format!("portal-{place}.example")
}

/// The host of a tenant's books.
pub(crate) fn accounting_host(place: usize) -> String {
    format!("kontur-{place}.example")
}

pub(crate) fn portal_address(place: usize) -> String {
    format!("https://{}", portal_host(place))
}

pub(crate) fn accounting_address(place: usize) -> String {
    format!("https://{}", accounting_host(place))
}

/// The secret of our webhook.
pub(crate) fn webhook_secret(place: usize) -> String {
    format!("{CANARY}hook{place}")
}

/// What the portal's events prove themselves by.
pub(crate) fn event_token(place: usize) -> String {
    format!("{CANARY}-application-token-{place}")
}

/// Stands in the data of one tenant alone.
pub(crate) fn canary(place: usize) -> String {
    format!("Владение{place}")
}

/// A detail of a person: it may stand with the remotes, and in no journal, log or question.
pub(crate) fn person(place: usize) -> String {
    format!("{CANARY}{place}@person.example")
}

/// A number of a tenant in four hexadecimal digits, counted from `first`.
fn four_digits(first: usize, place: usize) -> String {
    format!("{:04x}", first.saturating_add(place) & 0xffff)
}

pub(crate) fn organisation(place: usize) -> String {
    let own = four_digits(0x9f10, place);
    format!("3d1f6b2a-7c54-4f0e-9a31-5b8e2c7d{own}")
}

/// Our account, as the books call it.
fn bank_account(place: usize) -> String {
    let own = four_digits(0xa110, place);
    format!("5c0d92e4-18b7-4c36-8f52-0d6b7e94{own}")
}

/// The organisation for trying out.
pub(crate) fn trial(place: usize) -> String {
    let own = four_digits(0xae10, place);
    format!("7c2a9e41-0b6d-4d83-8f57-1e94c3b0{own}")
}

/// The second of two own companies.
pub(crate) fn second(place: usize) -> String {
    let own = four_digits(0xbe10, place);
    format!("5e8d3c17-2f49-4a6b-b0c8-6d71a2f9{own}")
}

/// A stage as the portal calls it in a funnel.
pub(crate) fn stage_in(funnel: i64, stage: &str) -> String {
    if funnel == 0 {
        stage.to_owned()
    } else {
        format!("C{funnel}:{stage}")
    }
}

/// A stage as it is called in whatever funnel.
pub(crate) fn bare_stage(stage: &str) -> &str {
    let of_funnel = stage.strip_prefix('C');
    let of_funnel = of_funnel.and_then(|rest| rest.split_once(':'));
    of_funnel.map_or(stage, |(_, bare)| bare)
}

/// Who a portal is, whatever it is called.
pub(crate) fn member_id(place: usize) -> String {
    let own = four_digits(0x7550, place);
    format!("a223c6b3710f85df22e9377d6c4f{own}")
}

/// The portal before anybody works.
pub(crate) fn portal(weather: &Weather, place: usize) -> PortalConfig {
    let mut portal = PortalConfig::sample();
    portal.member_id = member_id(place);
    for hook in &mut portal.webhooks {
        hook.secret = webhook_secret(place);
    }
    for app in &mut portal.applications {
        app.client_secret = format!("{CANARY}-client-{place}");
        app.application_token = event_token(place);
    }
    let field = |name: &str, kind: &str, label: &str| CustomFieldSeed {
        entity: "CRM_DEAL".to_owned(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        label: label.to_owned(),
        multiple: false,
        items: Vec::new(),
    };
    for user in &mut portal.users {
        user.email = person(place);
    }
    portal.funnels.truncate(1);
    if weather.customs.drags.is_some() || weather.customs.production.is_some() {
        portal.funnels.push(FunnelSeed {
            id: SECOND_FUNNEL,
            name: "Вторая".to_owned(),
            stages: Vec::new(),
        });
    }
    portal.companies.truncate(1);
    portal.contacts.clear();
    portal.products.clear();
    portal.custom_fields = vec![
        field(NUMBER, "string", "Номер счёта"),
        field(DATE, "date", "Дата счёта"),
        field(STATUS, "string", "Статус счёта"),
        field(SUM, "money", "Сумма счёта"),
        field(COMMAND, "string", "Команда"),
        field(PAID, "money", "Оплачено"),
        field(PAID_ON, "date", "Дата оплаты"),
    ];
    if weather.customs.pilot_by_field() {
        let pilot = field(PILOT_FIELD, "boolean", "Через Provodka");
        portal.custom_fields.push(pilot);
    }
    if weather.customs.demand().contains(&Demand::Contract) {
        let contract = field(CONTRACT, "string", "Договор");
        portal.custom_fields.push(contract);
    }
    if weather.customs.trials.is_some() || weather.customs.sellers.is_some() {
        let seller = field(SELLER_FIELD, "string", "Организация");
        portal.custom_fields.push(seller);
    }
    let terms = weather.customs.terms.as_ref();
    portal.custom_fields.extend(terms.map(Terms::field));
    portal.users.push(UserSeed {
        id: ADMINISTRATOR,
        name: "Дежурный".to_owned(),
        last_name: "администратор".to_owned(),
        admin: true,
        ..UserSeed::default()
    });
    if weather.customs.dismissals.is_some() {
        staff::employ(&mut portal, place);
    }
    portal.companies.push(buyer(place, 0, true));
    let known = terms.into_iter().flat_map(Terms::known_buyers);
    let known = known.map(|number| buyer(place, number, true));
    portal.companies.extend(known);
    let sellers = weather.customs.sellers.as_ref();
    portal
        .companies
        .extend(sellers.map(Sellers::second_company));
    if weather.customs.hides.is_some() {
        hidden::keep_others(&mut portal, weather.customs.hides_seller);
    }
    portal.deals = vec![DealSeed {
        title: OLD_TITLE.to_owned(),
        stage: INVOICE.to_owned(),
        company: title_in(place, 0),
        lines: vec![line("Старая поставка", "1000", "1")],
        age_hours: 200,
        copies: 2,
        ..DealSeed::default()
    }];
    if !weather.app {
        portal.outgoing_webhooks.push(OutgoingWebhookSeed {
            url: DOOR.to_owned(),
            events: EVENTS.map(str::to_owned).to_vec(),
            application_token: event_token(place),
        });
    }
    portal.events = weather.events.clone();
    portal.access_token_seconds = weather.token_seconds;
    portal.row_edit_always_fires = weather.row_edit_always_fires;
    if weather.customs.odd_rows.is_some() {
        OddRows::at_portal(&mut portal);
    }
    if weather.customs.contracts.is_some() {
        Contracts::at_portal(&mut portal);
    }
    if weather.customs.waybills.is_some() {
        waybills::at_portal(&mut portal);
    }
    if weather.customs.links {
        links::at_portal(&mut portal);
    }
    if let Some(printing) = weather.customs.printing {
        printing.at_portal(&mut portal);
    }
    if weather.customs.shares {
        shares::at_portal(&mut portal);
    }
    if let Some(import) = weather.customs.import {
        portal.limits.batch_commands = import.batch;
    }
    portal.robots = robots(weather);
    portal
}

fn robots(weather: &Weather) -> Vec<RobotSeed> {
    let moves = weather.robot_after_ms.map(|after_ms| RobotSeed {
        on_stage: Some(INVOICE.to_owned()),
        on_field: None,
        after_ms,
        then: RobotAction::MoveTo {
            stage: "EXECUTING".to_owned(),
        },
        times: None,
    });
    let empties = weather.field_robot.map(|times| RobotSeed {
        on_stage: None,
        on_field: Some(STATUS.to_owned()),
        after_ms: 700,
        then: RobotAction::SetField {
            field: STATUS.to_owned(),
            value: json!("Проверено роботом"),
        },
        times: Some(times),
    });
    let takes_on = weather.customs.production.as_ref();
    let takes_on = takes_on.and_then(Production::robot);
    let paid = weather.customs.clerk.and_then(Clerking::robot);
    let all = moves.into_iter().chain(empties);
    all.chain(takes_on).chain(paid).collect()
}

/// The accounting side's books.
pub(crate) fn books(weather: &Weather, place: usize) -> serde_json::Value {
    let account = weather
        .customs
        .clerk
        .and_then(|_| crate::people::bank::account(place));
    let account = account.map(|account| {
        json!({
            "id": bank_account(place),
            "account_number": account.as_str(),
            "bik": "044525225",
            "is_main": true,
        })
    });
    let accounts: Vec<serde_json::Value> = account.into_iter().collect();
    let first = json!({
        "id": organisation(place),
        "name": "Общество с ограниченной ответственностью «Северный ветер»",
        "short_name": SELLER,
        "inn": SELLER_INN,
        "kpp": "770701001",
        "bank_accounts": accounts,
    });
    let sellers = weather.customs.sellers.as_ref();
    let second = sellers.map(|_| Sellers::second_books(place));
    let organisations: Vec<serde_json::Value> = std::iter::once(first).chain(second).collect();
    json!({
        "organizations": organisations,
        "api_keys": [{"key": format!("{CANARY}-key-{place}")}],
        "settings": {
            "idempotency_key": weather.idempotency_key,
            "list_lag_ms": weather.list_lag_ms,
        }
    })
}

/// The year in which numbers were given by hand before.
pub(crate) const GOES_ON_IN: i16 = 2026;
/// What stands before the numbers of our own books, and before those that are for trying out.
pub(crate) const PREFIX: &str = "СВ-";
pub(crate) const TRIAL_PREFIX: &str = "ТЕСТ-";
/// The same of the second of two own companies.
pub(crate) const SECOND_PREFIX: &str = "ЮВ-";

/// The organisations as our own books know them, where there is no accounting program.
pub(crate) fn own_organisations(
    place: usize,
    own: &OwnBooks,
) -> Option<Vec<connector_office::Organisation>> {
    let real = connector_office::Organisation {
        id: OrganisationId::new(organisation(place)),
        name: SELLER.to_owned(),
        inn: Inn::parse(SELLER_INN).ok()?,
        kpp: Kpp::parse("770701001").ok(),
        test: false,
        prefix: PREFIX.to_owned(),
        go_on: Some(connector_office::GoOn {
            year: GOES_ON_IN,
            number: own.first,
        }),
    };
    let trial = own.trial.then(|| connector_office::Organisation {
        id: OrganisationId::new(trial(place)),
        name: TRIAL.to_owned(),
        test: true,
        prefix: TRIAL_PREFIX.to_owned(),
        go_on: None,
        ..real.clone()
    });
    let inn = Inn::parse(SECOND_INN).ok()?;
    let second = own.second.then(|| connector_office::Organisation {
        id: OrganisationId::new(second(place)),
        name: SECOND.to_owned(),
        inn,
        kpp: Kpp::parse(SECOND_KPP).ok(),
        prefix: SECOND_PREFIX.to_owned(),
        go_on: None,
        ..real.clone()
    });
    Some(std::iter::once(real).chain(trial).chain(second).collect())
}

/// The policy as `setup --active` leaves it.
pub(crate) fn policy(
    weather: &Weather,
    place: usize,
    start_at: Timestamp,
    own_company: u64,
) -> Policy {
    let organisation = OrganisationId::new(organisation(place));
    let customs = &weather.customs;
    let ours = |id: OrganisationId, title: &str, test| Organisation {
        id,
        title: title.to_owned(),
        own_company: CompanyId(own_company),
        account: None,
        time_zone: "Europe/Moscow".to_owned(),
        test,
        vat: vat_of(customs),
        paper: None,
    };
    let trial = || ours(OrganisationId::new(trial(place)), TRIAL, true);
    let trial = customs.trials.map(|_| trial());
    let production = customs.production.as_ref();
    let mode = |id| production.map_or(Some(Mode::Active), |one| one.mode_of(id));
    let funnel = |id: i64, settle_seconds| Funnel {
        id: FunnelId(id.unsigned_abs()),
        mode: mode(id).unwrap_or(Mode::Off),
        start_at: None,
        stages: STAGES
            .map(|stage| StageId::new(stage_in(id, stage)))
            .to_vec(),
        former: Vec::new(),
        invoice_stages: vec![StageId::new(stage_in(id, INVOICE))],
        organisation: Some(organisation.clone()),
        settle_seconds,
    };
    let demand = customs.demand();
    let cancels = customs.cancels.as_ref();
    let drags = customs.drags.as_ref();
    let settles = drags.map(|drags| drags.settle_of(SECOND_FUNNEL));
    let settles = settles.or(production
        .and_then(|one| one.mode_of(SECOND_FUNNEL))
        .map(|_| weather.settle_seconds));
    let second = settles.map(|seconds| funnel(SECOND_FUNNEL, seconds));
    Policy {
        start_at,
        administrator: Some(ADMINISTRATOR.to_string()),
        accountant: None,
        fields: BTreeMap::from([
            (OurField::Number, NUMBER.to_owned()),
            (OurField::Date, DATE.to_owned()),
            (OurField::Status, STATUS.to_owned()),
            (OurField::Sum, SUM.to_owned()),
            (OurField::Command, COMMAND.to_owned()),
            (OurField::Paid, PAID.to_owned()),
            (OurField::PaidOn, PAID_ON.to_owned()),
        ]),
        money: weather
            .bank
            .then(|| crate::people::bank::policy(weather, place, &organisation))
            .flatten(),
        invoice: InvoicePolicy {
            attach: weather.attach,
            ask_above: weather.ask_above,
            advance: weather.parts.then(|| Advance {
                percent: Some(PERCENT),
                ..Advance::default()
            }),
            seller_field: customs.trials.map(|_| SELLER_FIELD.to_owned()),
            new_buyers: if customs.asks_buyers {
                NewBuyers::Ask
            } else {
                NewBuyers::Create
            },
            without_inn: match customs.foreigners {
                Some(_) => WithoutInn::OwnId,
                None => WithoutInn::Fault,
            },
            contract: demand.contains(&Demand::Contract).then(|| Contract {
                number: CONTRACT.to_owned(),
                date: None,
                title: "Договор".to_owned(),
            }),
            demand,
            cancel: cancels.map_or(Cancel::Unpaid, |one| one.cancel),
            cancel_by: cancels.map_or_else(Vec::new, Cancels::users),
            smart_invoices: Some(
                customs
                    .own_invoices
                    .as_ref()
                    .map_or(SmartInvoices::Ignore, |own| own.policy),
            ),
            no_rate: customs.regime.map(Regime::no_rate).unwrap_or_default(),
            ..InvoicePolicy::default()
        },
        notices: Notices {
            quiet: customs.quiet.map(|(from, until)| Quiet {
                from,
                until,
                time_zone: "Europe/Moscow".to_owned(),
            }),
            off: customs.silent.iter().cloned().collect(),
        },
        pilot: weather
            .pilot
            .then(|| Pilot {
                responsible: vec![UserId(MANAGER.unsigned_abs())],
                field: None,
            })
            .or_else(|| {
                customs.pilot_by_field().then(|| Pilot {
                    responsible: Vec::new(),
                    field: Some(PILOT_FIELD.to_owned()),
                })
            }),
        organisations: std::iter::once(ours(organisation.clone(), SELLER, false))
            .chain(trial)
            .collect(),
        funnels: std::iter::once(funnel(0, weather.settle_seconds))
            .chain(second)
            .collect(),
    }
}

/// How the organisation stands to VAT, where policy says so.
fn vat_of(customs: &Customs) -> Vec<VatPeriod> {
    let of_regime = customs.regime.map(Regime::periods);
    let of_year = customs.new_year.map(NewYear::periods);
    of_regime.or(of_year).unwrap_or_default()
}

/// What a buyer of this number is called.
pub fn title_of(number: u32) -> String {
    title_in(0, number)
}

/// The same of another tenant.
pub(crate) fn title_in(place: usize, number: u32) -> String {
    format!("ООО «Покупатель {number} {}»", canary(place))
}

/// The KPP of every buyer that has one.
pub(crate) const KPP: &str = "770101001";

/// A buyer with an INN whose check digit holds, one for each number.
pub(crate) fn buyer(place: usize, number: u32, with_kpp: bool) -> CompanySeed {
    let title = title_in(place, number);
    let person = person(place);
    let mut fields = texts(&[
        ("RQ_INN", &inn(number)),
        ("RQ_COMPANY_NAME", &title),
        ("RQ_DIRECTOR", &person),
        ("RQ_PHONE", &person),
        ("RQ_EMAIL", &person),
    ]);
    if with_kpp {
        fields.insert("RQ_KPP".to_owned(), KPP.to_owned());
    }
    CompanySeed {
        requisites: vec![RequisiteSeed {
            fields,
            ..RequisiteSeed::default()
        }],
        title,
        ..CompanySeed::default()
    }
}

/// One product line with VAT in its price.
pub fn line(name: &str, price: &str, quantity: &str) -> LineSeed {
    LineSeed {
        name: name.to_owned(),
        price: price.to_owned(),
        quantity: quantity.to_owned(),
        vat: "22".to_owned(),
        ..LineSeed::default()
    }
}

/// The INN of a buyer.
pub(crate) fn inn(number: u32) -> String {
    const WEIGHTS: [u32; 9] = [2, 4, 10, 3, 5, 9, 4, 6, 8];
    let first = format!("7701{number:05}");
    let digits = first.chars().filter_map(|digit| digit.to_digit(10));
    let sum: u32 = digits
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit.saturating_mul(weight))
        .sum();
    format!("{first}{}", sum % 11 % 10)
}
