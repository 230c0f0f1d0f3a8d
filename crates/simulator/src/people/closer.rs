//! The closer: on some days on which we decide what a payment is for, whoever keeps the books marks bills as paid there
//! by money of which nobody can tell what it is, and lets the mark close them, by the answer that the question offers.
//! He presses twice, at once or soon after, and some of his programs break off; he takes back what he closed, or the
//! mark; some buyers pay all the same.
//!
//! What was said to him is kept for the checks. Not here: what came of it (`check::closed`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use desk::Desk;
use desk::payments::fingerprint;
use domain::DealId;
use emulator_kontur_accounting::{Bill, BillState, Direction, Id, Kopecks, NewPayment, Payer};
use jiff::Timestamp;
use planner::marked::SETTLE;
use serde_json::Value;
use store::Case;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::check::deal_of;
use crate::days::day::secs;
use crate::days::world::{World, told};
use crate::evidence::records::{Entry, Ledger};
use crate::machine::freeze::pause;
use crate::people::administrator::{MARK_GONE, MARKED_PAID, transaction};
use crate::people::bank::{BUYERS_ACCOUNT, today, zone};
use crate::people::clerk::{give, held};
use crate::people::managers::Office;
use crate::people::presses::{Outcome, answer, is_doomed};

/// In whose name a closing is taken back.
pub(crate) const REOPENS: &str = "главный бухгалтер";

/// One time that he let a mark close a bill.
#[derive(Clone, Debug)]
pub(crate) struct Closing {
    /// In whose name: one for each, so that what came of it is told apart.
    pub(crate) by: String,
    /// Whose bill it was about.
    pub(crate) deal: i64,
    /// What was said to each press, and whether its program was to break off.
    pub(crate) said: Vec<(Outcome, bool)>,
    /// When all were refused although it is asked just so still, and about which bill.
    pub(crate) in_vain: Option<(Timestamp, String)>,
}

/// Whoever lets marks close bills.
pub(crate) struct Closer {
    dice: Dice,
    pub(crate) closings: Vec<Closing>,
    /// The transactions that he took back.
    pub(crate) reopened: BTreeSet<i64>,
    /// The transactions of which the evening has decided what becomes of them.
    seen: BTreeSet<i64>,
}

impl Weather {
    /// Few days have it: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_closing(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Closing);
        let (is_drawn, every) = (dice.chance(800), dice.time(secs(15), secs(50)));
        let clerk = self.customs.clerk.as_mut();
        // What the accountant gives would come to us with the mark.
        let clerk = clerk.filter(|clerk| is_drawn && !clerk.is_accountants());
        if let Some(clerk) = clerk {
            // It is asked about while the day lasts.
            clerk.wait_hours = 0;
            self.customs.closes = Some(every);
        }
    }
}

/// What closes bills without a payment and stands.
pub(crate) fn standing(ledger: &Ledger) -> Vec<&Entry> {
    let undone = ledger.entries.iter().filter_map(|one| one.undoes);
    let undone: BTreeSet<i64> = undone.collect();
    let closed = ledger.of_bills().filter(|one| one.kind == "settlement");
    let stands = closed.filter(|one| !undone.contains(&one.transaction));
    stands.collect()
}

impl Closer {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::of(seed, About::Closer),
            closings: Vec::new(),
            reopened: BTreeSet::new(),
            seen: BTreeSet::new(),
        }
    }

    /// A bill becomes paid over there, by a payment that names neither the bill nor its payer.
    fn mark(&mut self, office: &Office, now: Timestamp) {
        let truth = office.accounting.truth();
        let is_open = |bill: &&Bill| {
            let is_ours = bill.comment.as_deref().and_then(deal_of).is_some();
            is_ours && bill.state == BillState::Open && bill.paid_sum < bill.sum
        };
        let bills = truth.bills().map(|bill| &**bill).filter(is_open);
        let mut bills: Vec<&Bill> = bills.collect();
        // Those first of which nothing is paid: no mark is asked about while money of its buyer waits for a decision.
        if bills.iter().any(|bill| bill.paid_sum.0 == 0) {
            bills.retain(|bill| bill.paid_sum.0 == 0);
        }
        let (Some(bill), Some(person)) = (self.dice.pick(&bills), office.person()) else {
            return;
        };
        let open = bill.sum.0.saturating_sub(bill.paid_sum.0);
        // Its sum tells nothing either.
        let more = i64::try_from(self.dice.between(1, 100_000)).unwrap_or(1);
        let added = person.add_payment(NewPayment {
            number: Some("78".to_owned()),
            date: today(now),
            direction: Direction::Incoming,
            sum: Kopecks(open.saturating_add(more)),
            payer: Payer {
                account_number: Some(BUYERS_ACCOUNT.to_owned()),
                ..Payer::default()
            },
            bank_account: None,
            purpose: "Поступление".to_owned(),
        });
        let words = format!("№ {}: {:?}", bill.number, added.as_ref().err());
        office.tell(now, "marked as paid", words);
        if let Ok(payment) = added {
            give(
                office,
                payment.meta.id,
                BTreeMap::from([(bill.meta.id, open)]),
                now,
            );
        }
    }

    /// One of the bills that stand closed, with what closed it.
    fn one_closed(&mut self, ledger: &Ledger) -> Option<(i64, String)> {
        let closed = self.dice.pick(&standing(ledger))?;
        Some((closed.transaction, closed.bill.clone()?))
    }
}

/// The mark of a bill goes: nothing is given to it over there any more.
fn unmark(office: &Office, bill: &str, now: Timestamp) {
    office.tell(now, "mark taken back", bill);
    for payment in held(office) {
        let given = payment.allocations.iter();
        let others = given.filter(|one| one.bill_id.to_string() != bill);
        let others: BTreeMap<Id, i64> = others.map(|one| (one.bill_id, one.sum.0)).collect();
        if others.len() < payment.allocations.len() {
            give(office, payment.meta.id, others, now);
        }
    }
}

impl World {
    /// Something with marks, or with what they closed.
    pub(crate) async fn close_by_mark(&mut self) -> Result<(), String> {
        let (place, now) = (self.some_tenant(), self.now());
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(());
        };
        let ledger = self.records.ledger(&tenant.id)?;
        let Some(closer) = &mut tenant.closer else {
            return Ok(());
        };
        match closer.dice.below(100) {
            0..40 => closer.mark(&tenant.office, now),
            40..50 => {
                if let Some((_, bill)) = closer.one_closed(&ledger) {
                    unmark(&tenant.office, &bill, now);
                }
            }
            50..55 => {
                if let Some((number, _)) = closer.one_closed(&ledger) {
                    self.reopen(place, number).await?;
                }
            }
            _ => {
                self.answer_marks(place).await?;
            }
        }
        Ok(())
    }

    /// In the evening he goes on answering, marks go and buyers pay what is closed; at first more bills are marked.
    /// True if anything was done.
    pub(crate) async fn close_in_the_evening(&mut self, at_first: bool) -> Result<bool, String> {
        if self.weather.customs.closes.is_none() {
            return Ok(false);
        }
        let (mut done, now) = (at_first, self.now());
        for place in 0..self.tenants.len() {
            done |= self.answer_marks(place).await?;
            done |= self.disturb_closed(place).await?;
            let tenant = self.tenants.get_mut(place).filter(|_| at_first);
            if let Some(tenant) = tenant
                && let Some(closer) = &mut tenant.closer
            {
                closer.mark(&tenant.office, now);
            }
        }
        Ok(done)
    }

    /// Answers some of what is asked about marks; true if anything was said.
    async fn answer_marks(&mut self, place: usize) -> Result<bool, String> {
        let mut said = false;
        for case in self.open_cases(place).await? {
            let code = case.facts.code.as_str();
            if ![MARKED_PAID, MARK_GONE].contains(&code) || !self.closer_has_time(place) {
                continue;
            }
            let about = case.facts.facts.get("about").and_then(Value::as_str);
            match about.and_then(transaction) {
                Some(number) if code == MARK_GONE => said |= self.reopen(place, number).await?,
                Some(_) | None if code == MARKED_PAID => {
                    said |= self.press_close(place, &case).await?
                }
                Some(_) | None => {}
            }
        }
        Ok(said)
    }

    fn closer_has_time(&mut self, place: usize) -> bool {
        let tenant = self.tenants.get_mut(place);
        let closer = tenant.and_then(|tenant| tenant.closer.as_mut());
        closer.is_some_and(|closer| closer.dice.chance(600))
    }

    /// The mark closes its bill: at times two programs are started for it. True if it may have been done.
    async fn press_close(&mut self, place: usize, case: &Case) -> Result<bool, String> {
        let now = self.now();
        let deal = case.facts.subject.as_deal().map(DealId::get);
        let deal = deal.and_then(|id| i64::try_from(id).ok());
        let (one, other) = (self.desk_beside(place)?, self.desk_beside(place)?);
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(false);
        };
        let (Some(closer), Some(deal)) = (&mut tenant.closer, deal) else {
            return Ok(false);
        };
        let by = format!("бухгалтер {}", closer.closings.len().saturating_add(1));
        let one_fails = is_doomed(&one.store, &mut closer.dice);
        let is_twice = closer.dice.chance(600);
        let is_later = closer.dice.chance(500);
        let after = closer.dice.time(Duration::ZERO, secs(2));
        let seen = fingerprint(case);
        let asked = (case.id, seen.as_str());
        let mut said = Vec::new();
        if is_twice {
            let other_fails = is_doomed(&other.store, &mut closer.dice);
            let second = async {
                if is_later {
                    pause(after).await;
                }
                answer(&other, asked, SETTLE, &by).await
            };
            let (first, second) = tokio::join!(answer(&one, asked, SETTLE, &by), second);
            said.extend([(first, one_fails), (second, other_fails)]);
        } else {
            said.push((answer(&one, asked, SETTLE, &by).await, one_fails));
        }
        let may_be = said
            .iter()
            .any(|(outcome, _)| !matches!(outcome, Outcome::Refused(_)));
        let is_done = said
            .iter()
            .any(|(outcome, _)| matches!(outcome, Outcome::Obeyed { .. }));
        let kind = match (is_done, may_be) {
            (true, _) => "closed by its mark",
            (false, true) => "broke off by its mark",
            (false, false) => "not closed by its mark",
        };
        let words = format!("deal {deal}, by {by}: {said:?}");
        tenant.office.tell(now, kind, words);
        let in_vain = if may_be {
            None
        } else {
            self.bill_asked_still(place, case).await?
        };
        let tenant = self.tenants.get_mut(place);
        if let Some(closer) = tenant.and_then(|tenant| tenant.closer.as_mut()) {
            closer.closings.push(Closing {
                by,
                deal,
                said,
                in_vain,
            });
        }
        Ok(may_be)
    }

    /// The bill that a question would close, with the moment, where it is asked just as it was read.
    async fn bill_asked_still(
        &self,
        place: usize,
        case: &Case,
    ) -> Result<Option<(Timestamp, String)>, String> {
        let asked = self.open_cases(place).await?;
        let is_same = |one: &Case| one.id == case.id && fingerprint(one) == fingerprint(case);
        let bill = case.facts.facts.pointer("/by_mark/invoice");
        let bill = bill.and_then(Value::as_str);
        let bill = bill.filter(|_| asked.iter().any(is_same));
        Ok(bill.map(|bill| (self.now(), bill.to_owned())))
    }

    /// What a mark closed is open again; true if it was closed.
    async fn reopen(&mut self, place: usize, number: i64) -> Result<bool, String> {
        let now = self.now();
        let desk = self.desk_beside(place)?;
        let order = (REOPENS, "отметка снята");
        let undone = desk.unsettle(number, order, &zone()).await.map_err(told)?;
        let tenant = self.tenants.get_mut(place).filter(|_| undone.is_some());
        let Some(tenant) = tenant else {
            return Ok(false);
        };
        tenant
            .office
            .tell(now, "opened again", format!("transaction {number}"));
        if let Some(closer) = &mut tenant.closer {
            closer.reopened.insert(number);
        }
        Ok(true)
    }

    /// Of some bills that stand closed the mark goes, or their money comes; of each once. True if anything was done.
    async fn disturb_closed(&mut self, place: usize) -> Result<bool, String> {
        let now = self.now();
        let Some(id) = self.tenants.get(place).map(|tenant| tenant.id.clone()) else {
            return Ok(false);
        };
        let ledger = self.records.ledger(&id)?;
        let mut done = false;
        for closed in standing(&ledger) {
            let Some(bill) = &closed.bill else {
                continue;
            };
            let Some(tenant) = self.tenants.get_mut(place) else {
                continue;
            };
            let Some(closer) = &mut tenant.closer else {
                continue;
            };
            if !closer.seen.insert(closed.transaction) {
                continue;
            }
            match closer.dice.below(100) {
                0..35 => unmark(&tenant.office, bill, now),
                35..65 => self.pay_all_the_same(place, bill).await?,
                _ => continue,
            }
            done = true;
        }
        Ok(done)
    }

    /// Our desk in a program of its own, beside the processes that run.
    fn desk_beside(&self, place: usize) -> Result<Desk, String> {
        let tenant = self.tenants.get(place).ok_or("no such tenant")?;
        let store = self.store.opened_again();
        Ok(Desk {
            store: store.ok_or("the records are elsewhere")?,
            portal: tenant.id.clone(),
            clock: Arc::new(self.host.steady()),
            accountant_gives: false,
        })
    }
}
