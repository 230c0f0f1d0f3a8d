//! A fortnight in which buyers pay late: terms pass, statements come late, promises are made, processes die.
//!
//! Beside the days of the other seeds, because two weeks cost what a hundred of those do. At its end each reminder is
//! compared with what was true when it was written: never of a bill that was paid or cancelled, never while a statement
//! was missing, at night, on a day off, before a promise was over, or twice; and what was overdue all the time was told.

use std::collections::{BTreeMap, BTreeSet};

use domain::Money;
use domain::payment::{AccountNumber, Direction, OtherSide, PaymentOrder};
use emulator_bitrix24::{CustomFieldSeed, What};
use emulator_kontur_accounting::Id;
use engine::clock::later;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use planner::{Overdue, Quiet};
use serde_json::json;
use store::AccountSpan;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::check::deal_of;
use crate::days::day::secs;
use crate::days::world::{Scene, World, told};
use crate::machine::process::Numbers;
use crate::offices::office::{self, INVOICE};
use crate::people::bank::{Paid, account};

const PROMISE: &str = "UF_CRM_PROVODKA_PROMISE";
const DEALS: usize = 8;
const DAYS: u64 = 14;
const HOUR: u64 = 3_600;

/// A bill of the fortnight, as people know it.
struct Owed {
    deal: i64,
    bill: Id,
    number: String,
    date: Date,
    kopecks: i64,
    inn: Option<String>,
    /// When the buyer paid, and whether a statement told so.
    paid: Option<Timestamp>,
    cancelled: Option<Timestamp>,
    /// Promises, each with the moment from which it stood in the deal.
    promised: Vec<(Timestamp, Date)>,
}

/// What was done in it.
#[derive(Default)]
struct Told {
    /// When statements covered which days.
    covered: Vec<(Timestamp, Date)>,
    killed: Vec<Timestamp>,
}

fn zone() -> TimeZone {
    TimeZone::get("Europe/Moscow").unwrap_or(TimeZone::UTC)
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(zone()).date()
}

/// March 2026 has but one day off that is no weekend, before the fortnight.
fn is_working(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

impl Scene {
    /// Nothing happens in it but what the fortnight draws.
    pub(crate) fn of_fortnight() -> Self {
        let weather = Weather {
            app: true,
            owners: 2,
            calm: false,
            latency_ms: (5, 200),
            bank: true,
            ..Weather::still()
        };
        let mut portal = office::portal(&weather, 0);
        portal.custom_fields.push(CustomFieldSeed {
            entity: "CRM_DEAL".to_owned(),
            name: PROMISE.to_owned(),
            kind: "date".to_owned(),
            label: "Обещали оплатить до".to_owned(),
            multiple: false,
            items: Vec::new(),
        });
        let books = office::books(&weather, 0);
        Self {
            weather,
            sites: vec![(portal, books)],
            numbers: Numbers::of_a_day(),
            doom: None,
        }
    }
}

impl World {
    /// Lives it and says what was wrong with it.
    pub(crate) async fn fortnight(&mut self) -> Result<Vec<String>, String> {
        let mut dice = Dice::of(self.seed, About::Fortnight);
        let portal = self.tenants.first().ok_or("nobody is there")?.id.clone();
        let due_days = u16::try_from(dice.between(1, 3)).unwrap_or(1);
        self.change_policy(&portal, |policy| {
            policy.invoice.due_days = Some(due_days);
            policy
                .fields
                .insert(domain::observed::OurField::Promise, PROMISE.to_owned());
            policy.notices.quiet = Some(Quiet {
                from: jiff::civil::time(20, 0, 0, 0),
                until: jiff::civil::time(8, 0, 0, 0),
                time_zone: "Europe/Moscow".to_owned(),
            });
            if let Some(money) = &mut policy.money {
                money.overdue = Some(Overdue {
                    head_after: Some(5),
                    ..Overdue::default()
                });
            }
        })
        .await?;
        let mut owed = self.bills().await?;
        let mut said = Told::default();
        let end = later(self.now(), secs(DAYS * 24 * HOUR));
        while self.now() < end {
            self.wait(dice.time(secs(HOUR / 2), secs(3 * HOUR))).await;
            self.something(&mut dice, &mut owed, &mut said).await?;
        }
        Ok(self.judged(&owed, &said, due_days))
    }

    /// Deals with their bills.
    async fn bills(&mut self) -> Result<Vec<Owed>, String> {
        let now = self.now();
        let tenant = self.tenants.first_mut().ok_or("nobody is there")?;
        for _deal in 0..DEALS {
            if let Some(deal) = tenant.office.quiet_deal(now) {
                tenant.office.move_to(now, deal, INVOICE);
            }
        }
        self.wait(secs(HOUR)).await;
        let tenant = self.tenants.first().ok_or("nobody is there")?;
        let truth = tenant.office.accounting.truth();
        let owed: Vec<Owed> = truth
            .bills()
            .filter_map(|bill| {
                Some(Owed {
                    deal: bill.comment.as_deref().and_then(deal_of)?,
                    bill: bill.meta.id,
                    number: bill.number.clone(),
                    date: bill.date,
                    kopecks: bill.sum.0,
                    inn: bill.contractor.inn.clone(),
                    paid: None,
                    cancelled: None,
                    promised: Vec::new(),
                })
            })
            .collect();
        if owed.len() < DEALS / 2 {
            return Err(format!("only {} bills were issued", owed.len()));
        }
        Ok(owed)
    }

    async fn something(
        &mut self,
        dice: &mut Dice,
        owed: &mut [Owed],
        said: &mut Told,
    ) -> Result<(), String> {
        let now = self.now();
        let place =
            usize::try_from(dice.below(u64::try_from(owed.len()).unwrap_or(1))).unwrap_or(0);
        let Some(bill) = owed.get_mut(place) else {
            return Ok(());
        };
        let act = dice.below(100);
        let ahead = i64::try_from(dice.between(0, 6)).unwrap_or(0);
        let tenant = self.tenants.first_mut().ok_or("nobody is there")?;
        match act {
            // The bank carries it out now; whoever reads statements learns of it later.
            0..12 if bill.paid.is_none() && bill.cancelled.is_none() => {
                tenant.bank.orders.push(Paid {
                    order: order(bill, day(now)).ok_or("no order")?,
                    meant: vec![bill.deal],
                    by_hand: Vec::new(),
                    strayed: false,
                });
                bill.paid = Some(now);
                tenant
                    .office
                    .tell(now, "paid", format!("deal {}", bill.deal));
            }
            12..15 if bill.paid.is_none() && bill.cancelled.is_none() => {
                let accountant = tenant.office.person().ok_or("no accountant")?;
                let cancelled = accountant.cancel_bill(bill.bill);
                cancelled.map_err(|problem| format!("{problem:?}"))?;
                bill.cancelled = Some(now);
                tenant
                    .office
                    .tell(now, "cancelled", format!("deal {}", bill.deal));
            }
            15..25 => {
                let until = day(now).checked_add(ahead.days()).map_err(told)?;
                let edited = tenant.office.portal.manager();
                let edited = edited.edit_deal(bill.deal, json!({PROMISE: until.to_string()}));
                if edited.is_ok() {
                    bill.promised.push((now, until));
                    tenant
                        .office
                        .tell(now, "promised", format!("deal {} by {until}", bill.deal));
                }
            }
            25..55 => self.statement(now, said).await?,
            55..62 => {
                let alive: Vec<u64> = self.slots.iter().flatten().map(|one| one.number).collect();
                if let Some(slot) = dice.pick(&alive).and_then(|number| self.remove(number)) {
                    said.killed.push(now);
                    self.story.tell(now, "killed", format!("slot {slot}"));
                    self.start_process(slot).await;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Everything that the bank carried out so far; what was carried out today may not be all of today.
    async fn statement(&mut self, now: Timestamp, said: &mut Told) -> Result<(), String> {
        let count = self.tenants.first().map_or(0, |one| one.bank.orders.len());
        if count > 0 {
            self.bring(0, 0..count, None).await?;
        }
        let through = day(now).yesterday().map_err(told)?;
        let span = AccountSpan {
            account: account(0).ok_or("no account")?,
            from: day(self.start),
            to: through,
        };
        let portal = self.tenants.first().ok_or("nobody is there")?.id.clone();
        if span.from <= span.to {
            let wake = Some(self.host.now());
            let covered = self.store.money_cover(&portal, &[span], wake).await;
            covered.map_err(told)?;
            said.covered.push((self.now(), through));
            self.story
                .tell(now, "statement", format!("through {through}"));
        }
        Ok(())
    }

    fn judged(&self, owed: &[Owed], said: &Told, due_days: u16) -> Vec<String> {
        let mut wrong = Vec::new();
        let Some(tenant) = self.tenants.first() else {
            return wrong;
        };
        let truth = tenant.office.portal.truth();
        let mut heard: BTreeMap<(String, String), Timestamp> = BTreeMap::new();
        let mut reminded = BTreeSet::new();
        for entry in truth.entries() {
            let What::Write {
                entity,
                after: Some(after),
                ..
            } = &entry.what
            else {
                continue;
            };
            let text = ["TEXT", "MESSAGE"]
                .iter()
                .find_map(|name| after.get(*name)?.as_str());
            let Some(text) = text.filter(|text| text.contains("не оплачен в срок"))
            else {
                continue;
            };
            let to = after.get("TO").map(ToString::to_string).unwrap_or_default();
            for bill in owed.iter().filter(|bill| names(text, bill.deal)) {
                reminded.insert(bill.deal);
                let mut say = |what: &str| {
                    wrong.push(format!(
                        "deal {}: a reminder at {} {what}: {text}",
                        bill.deal, entry.at
                    ));
                };
                moment(bill, said, entry.at, due_days, &mut say);
                // A list names a deal beside another's days: those of one message are compared with one another.
                let key = (format!("{} {to} {entity}", bill.deal), days_of(text));
                if let Some(before) = heard.insert(key, entry.at) {
                    let is_retry = said.killed.iter().any(|killed| {
                        *killed >= before && killed.duration_since(before).as_mins() < 15
                    }) || entry.at.duration_since(before).as_mins() < 15;
                    if !is_retry {
                        say("comes a second time");
                    }
                }
            }
        }
        if reminded.is_empty() {
            wrong.push("nobody was reminded of anything".to_owned());
        }
        wrong.extend(
            owed.iter()
                .filter(|bill| {
                    bill.paid.is_none()
                        && bill.cancelled.is_none()
                        && bill.promised.is_empty()
                        && !reminded.contains(&bill.deal)
                })
                .map(|bill| format!("deal {} was never reminded of", bill.deal)),
        );
        wrong
    }
}

/// What may not be at the moment of a reminder.
fn moment(bill: &Owed, said: &Told, at: Timestamp, due_days: u16, say: &mut impl FnMut(&str)) {
    let today = day(at);
    let hour = at.to_zoned(zone()).hour();
    if !(8..20).contains(&hour) {
        say("comes at night");
    }
    if !is_working(today) {
        say("comes on a day off");
    }
    if bill
        .date
        .checked_add(i64::from(due_days).days())
        .is_ok_and(|due| today <= due)
    {
        say("comes in time");
    }
    let yesterday = today.yesterday().unwrap_or(today);
    if !said
        .covered
        .iter()
        .any(|(when, through)| *when <= at && *through >= yesterday)
    {
        say("comes while a statement is missing");
    }
    let is_read = |paid: &Timestamp| {
        said.covered
            .iter()
            .any(|(when, _)| *when > *paid && *when < at)
    };
    if bill.paid.as_ref().is_some_and(is_read) {
        say("is of a bill that is paid");
    }
    // The accounting side tells it within minutes.
    if bill
        .cancelled
        .is_some_and(|when| at.duration_since(when).as_mins() > 10)
    {
        say("is of a bill that is cancelled");
    }
    let promised = bill
        .promised
        .iter()
        .rfind(|(when, _)| at.duration_since(*when).as_mins() > 1);
    if promised.is_some_and(|(_, until)| *until >= today) {
        say("comes before the promise is over");
    }
}

/// Whether a message is about a deal: it begins with its link, or lists it.
fn names(text: &str, deal: i64) -> bool {
    text.contains(&format!("/crm/deal/details/{deal}/"))
}

/// What tells one reminder from the next: for how many days, and after which promise.
fn days_of(text: &str) -> String {
    let days = text.split_once("просрочка ").map_or("", |(_, rest)| rest);
    let days = days.split(',').next().unwrap_or_default();
    let promise = text
        .split_once("Обещали оплатить до ")
        .map_or("", |(_, rest)| rest);
    format!("{days} {}", promise.split('.').next().unwrap_or_default())
}

fn order(bill: &Owed, today: Date) -> Option<PaymentOrder> {
    Some(PaymentOrder {
        own_account: account(0)?,
        direction: Direction::In,
        form: None,
        number: bill.deal.to_string(),
        date: today,
        booked: Some(today),
        amount: Money::from_kopecks(bill.kopecks),
        other: OtherSide {
            name: None,
            inn: bill
                .inn
                .as_deref()
                .and_then(|inn| domain::Inn::parse(inn).ok()),
            kpp: None,
            account: AccountNumber::new("40702810000000009001"),
            bik: None,
        },
        purpose: format!(
            "Оплата по счету № {} от {}",
            bill.number,
            domain::display::date(bill.date)
        ),
    })
}
