//! The clerk: enters the bank's orders in the accounting program in words of his own, gives them to bills, splits, edits and
//! takes them back, and enters some that no bank ever carried out. Managers put back deals that are paid.
//!
//! Which order each of his payments was meant to be is kept for the checks; what became of it the accounting side's own
//! truth tells. A process may be told to die around the page that shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::payment::{self, PaymentOrder};
use domain::{FunnelId, StageId};
use emulator_bitrix24::{RobotAction, RobotSeed};
use emulator_harness::{FaultKind, FaultRule};
use emulator_kontur_accounting::{
    Allocation, Bill, BillState, Direction, Id, Kopecks, NewPayment, Payer, Payment, RecordState,
};
use jiff::Timestamp;
use planner::{Booking, MovedBy, PaidStage};

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::check::deal_of;
use crate::days::day::secs;
use crate::days::world::World;
use crate::machine::process::Process;
use crate::offices::office::{INVOICE, PAID_STAGE};
use crate::people::bank::{BUYERS_ACCOUNT, Bank, today};
use crate::people::managers::Office;
use crate::troubles::death::{OF_MONEY, OF_TAKING};

/// What an office has agreed upon whose accounting program holds payments as well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clerking {
    /// Mean time between two acts.
    pub(crate) every: Duration,
    /// None: what follows from what the accounting side can tell.
    pub(crate) booking: Option<Booking>,
    /// What only a statement shows waits so long for the accountant, and so does a bill that is only marked as paid.
    pub(crate) wait_hours: u32,
    pub(crate) moves: Moving,
}

/// How a paid deal gets to its stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moving {
    /// We put it there.
    Directly,
    /// The portal's automation does, when we say so.
    Trigger,
    /// It would, had anybody bound our trigger to a stage.
    Unbound,
}

/// Longer than any day here.
const NEVER: u32 = 100;
/// Our trigger, as the portal's automation knows it.
const TRIGGER: &str = "trigger:provodka_paid";

impl Clerking {
    /// Whether the accountant says what is given.
    pub(crate) fn is_accountants(self) -> bool {
        self.booking != Some(Booking::Provodka)
    }

    /// What only the bank knows is decided by rule while we watch.
    pub(crate) fn is_decided_at_last(self) -> bool {
        self.wait_hours < NEVER
    }

    /// The stage of paid deals, as the policy names it.
    pub(crate) fn stage(self) -> PaidStage {
        PaidStage {
            funnel: FunnelId(0),
            to: StageId::new(PAID_STAGE),
            from: vec![StageId::new(INVOICE)],
            by: match self.moves {
                Moving::Directly => MovedBy::Stage,
                Moving::Trigger | Moving::Unbound => MovedBy::Trigger,
            },
        }
    }

    /// The portal's rule that moves what our trigger says is paid.
    pub(crate) fn robot(self) -> Option<RobotSeed> {
        (self.moves == Moving::Trigger).then(|| RobotSeed {
            on_stage: Some(TRIGGER.to_owned()),
            on_field: None,
            after_ms: 1_500,
            then: RobotAction::MoveTo {
                stage: PAID_STAGE.to_owned(),
            },
            times: None,
        })
    }
}

impl Weather {
    /// Few days have one: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_clerk(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Clerking);
        let customs = &self.customs;
        let others = [
            customs.restore.is_some(),
            customs.poison.is_some(),
            customs.import.is_some(),
            customs.belated,
            !customs.is_usual(),
        ];
        if !dice.chance(60) || others.contains(&true) {
            return;
        }
        let (booking, wait_hours) = match dice.below(4) {
            0 => (Some(Booking::Provodka), NEVER),
            1 => (Some(Booking::Accounting), NEVER),
            2 => (None, NEVER),
            _ => (Some(Booking::Accounting), 1),
        };
        let moves = match dice.below(100) {
            0..50 => Moving::Directly,
            50..85 => Moving::Trigger,
            _ => Moving::Unbound,
        };
        let every = dice.time(secs(12), secs(35));
        self.customs.clerk = Some(Clerking {
            every,
            booking,
            wait_hours,
            // Only an application has triggers.
            moves: if self.app { moves } else { Moving::Directly },
        });
        self.bank = true;
        // Nobody pays before there are bills.
        self.day = self.day.max(dice.time(secs(1_000), secs(2_400)));
        self.deals = self.deals.max(dice.between(3, 6));
        self.managers = self.managers.min(secs(30));
        if moves != Moving::Directly || dice.chance(700) {
            // Else it is always faster than money.
            self.robot_after_ms = None;
        }
        if dice.chance(600) {
            let kinds = [
                FaultKind::AnswerLost,
                FaultKind::CutBody,
                FaultKind::Status(502),
                FaultKind::Slow {
                    delay: dice.time(secs(1), secs(40)),
                },
            ];
            self.accounting_faults.push(FaultRule {
                permille: u16::try_from(dice.between(50, 600)).unwrap_or(300),
                method: Some("listPayments".to_owned()),
                ..FaultRule::always(dice.pick(&kinds).unwrap_or(FaultKind::AnswerLost))
            });
        }
    }
}

impl Weather {
    /// On some of these days it is asked while we watch how a bill was paid that is only marked so: they are drawn
    /// from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_marks(&mut self, seed: u64) {
        let is_drawn = Dice::of(seed, About::Marks).chance(700);
        let clerk = self.customs.clerk.as_mut();
        // Where we decide, nothing else waits.
        let clerk = clerk.filter(|clerk| is_drawn && !clerk.is_accountants());
        if let Some(clerk) = clerk {
            clerk.wait_hours = 1;
        }
    }
}

/// What a tenant's clerk did.
pub(crate) struct Clerk {
    dice: Dice,
    /// Which order of the bank each of his payments was meant to be, by its place.
    pub(crate) entered: BTreeMap<Id, usize>,
    /// The orders that he split, by their places.
    pub(crate) split: BTreeSet<usize>,
    /// Second parts of them that he comes to later.
    left_over: Vec<(usize, NewPayment)>,
}

impl Clerk {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::of(seed, About::Clerk),
            entered: BTreeMap::new(),
            split: BTreeSet::new(),
            left_over: Vec::new(),
        }
    }

    /// Something at the accounting program.
    fn works(&mut self, office: &Office, bank: &Bank, now: Timestamp) {
        if !self.left_over.is_empty() && self.dice.chance(350) {
            return self.finish_split(office, bank, now);
        }
        let payments = held(office);
        let picked = self.dice.pick(&payments);
        match (self.dice.below(100), picked) {
            (0..38, _) | (_, None) => {
                for _order in 0..self.dice.between(1, 3) {
                    self.enter(office, bank, now);
                }
            }
            (38..70, Some(payment)) => self.allocate(office, bank, &payment, now),
            (70..82, Some(payment)) => self.edit(office, bank, &payment, now),
            (82..89, Some(payment)) => self.split(office, bank, &payment, now),
            (89..95, Some(payment)) => {
                if let Some(person) = office.person() {
                    let id = payment.meta.id;
                    let done = person.delete_payment(id);
                    office.tell(now, "deleted payment", format!("{id}: {:?}", done.err()));
                }
            }
            (_, Some(_)) => self.mistake(office, now),
        }
    }

    /// An order that is not in the books yet, at times in other words, at times given at once.
    fn enter(&mut self, office: &Office, bank: &Bank, now: Timestamp) {
        let there: BTreeSet<Id> = held(office).iter().map(|one| one.meta.id).collect();
        let held = self.entered.iter().filter(|(id, _)| there.contains(*id));
        let held: BTreeSet<usize> = held.map(|(_, place)| *place).collect();
        let missing = (0..bank.orders.len()).filter(|place| !held.contains(place));
        let missing: Vec<usize> = missing.collect();
        let Some(place) = self.dice.pick(&missing) else {
            return;
        };
        let Some(paid) = bank.orders.get(place) else {
            return;
        };
        let mut new = as_entered(&paid.order);
        if self.dice.chance(200) {
            new.purpose.push_str(", по выписке");
        }
        let given = self.dice.chance(600);
        if let Some(payment) = self.add(office, new, place, now)
            && given
        {
            self.allocate(office, bank, &payment, now);
        }
    }

    /// Puts a payment into the books that is meant to be this order, or a part of it.
    fn add(
        &mut self,
        office: &Office,
        new: NewPayment,
        place: usize,
        now: Timestamp,
    ) -> Option<Payment> {
        let added = office.person()?.add_payment(new);
        let words = match &added {
            Ok(payment) => format!(
                "order {place} as {}: {} kopecks",
                payment.meta.id, payment.sum.0
            ),
            Err(problem) => format!("order {place}: {problem:?}"),
        };
        office.tell(now, "entered payment", words);
        let payment = added.ok()?;
        self.entered.insert(payment.meta.id, place);
        Some(Payment::clone(&payment))
    }

    /// Gives a payment to bills, in the place of what was given before: to those that the buyer meant, to any, in whole or in
    /// part, or to none.
    fn allocate(&mut self, office: &Office, bank: &Bank, payment: &Payment, now: Timestamp) {
        let place = self.entered.get(&payment.meta.id);
        let meant = place.and_then(|place| bank.orders.get(*place));
        let meant = meant.map_or(&[][..], |paid| &paid.meant);
        let truth = office.accounting.truth();
        let open: Vec<&Bill> = truth
            .bills()
            .map(|bill| &**bill)
            .filter(|bill| bill.state == BillState::Open)
            .collect();
        let is_meant = |bill: &&&Bill| {
            let deal = bill.comment.as_deref().and_then(deal_of);
            deal.is_some_and(|deal| meant.contains(&deal))
        };
        let of_meant: Vec<&Bill> = open.iter().filter(is_meant).copied().collect();
        let among = if of_meant.is_empty() { open } else { of_meant };
        let what = self.dice.below(100);
        let count = match what {
            0..60 => among.len().min(2),
            60..76 => 1,
            76..88 => 2,
            _ => 0,
        };
        let mut left = payment.sum.0;
        let mut given: BTreeMap<Id, i64> = BTreeMap::new();
        for nth in 0..count {
            let bill = match what {
                0..60 => among.get(nth).copied(),
                _ => self.dice.pick(&among),
            };
            let Some(bill) = bill.filter(|bill| !given.contains_key(&bill.meta.id)) else {
                continue;
            };
            let own = payment.allocations.iter();
            let own = own.filter(|one| one.bill_id == bill.meta.id);
            let own: i64 = own.map(|one| one.sum.0).sum();
            let open = bill.sum.0.saturating_sub(bill.paid_sum.0);
            let most = open.saturating_add(own).min(left);
            let most = u64::try_from(most).unwrap_or(0);
            let sum = match what {
                0..60 => most,
                _ => self.dice.between(1, most.max(1)).min(most),
            };
            let sum = i64::try_from(sum).unwrap_or(0);
            if sum > 0 {
                left = left.saturating_sub(sum);
                given.insert(bill.meta.id, sum);
            }
        }
        give(office, payment.meta.id, given, now);
    }

    /// Another sum, number or day by mistake, or as the bank has it again.
    fn edit(&mut self, office: &Office, bank: &Bank, payment: &Payment, now: Timestamp) {
        let place = self.entered.get(&payment.meta.id);
        let order = place.and_then(|place| bank.orders.get(*place));
        // A part is no whole order again.
        let is_part = place.is_some_and(|place| self.split.contains(place));
        let mut changed = written(payment);
        match (self.dice.below(100), order) {
            (0..40, Some(paid)) if !is_part => changed = as_entered(&paid.order),
            (40..65, _) | (_, None) => {
                let sum = u64::try_from(payment.sum.0).unwrap_or(1);
                let other = self.dice.between(1, sum.saturating_mul(2));
                changed.sum = Kopecks(i64::try_from(other).unwrap_or(1));
            }
            (65..72, Some(_)) if !is_part => {
                changed.date = changed.date.yesterday().unwrap_or(changed.date);
            }
            (65..80, Some(_)) => changed.number = Some(self.dice.between(1, 9).to_string()),
            (_, Some(_)) => changed.purpose.push_str(", исправлено"),
        }
        let Some(person) = office.person() else {
            return;
        };
        let (number, date) = (&changed.number, changed.date);
        let words = format!("{} kopecks, № {number:?} of {date}", changed.sum.0);
        let done = person.edit_payment(payment.meta.id, changed);
        let words = format!("{}: {words}: {:?}", payment.meta.id, done.err());
        office.tell(now, "edited payment", words);
    }

    /// An order becomes two under its number, each for bills of its own.
    fn split(&mut self, office: &Office, bank: &Bank, payment: &Payment, now: Timestamp) {
        let place = self.entered.get(&payment.meta.id).copied();
        let Some(place) = place.filter(|place| !self.split.contains(place)) else {
            return;
        };
        let is_whole = bank.orders.get(place).is_some_and(|paid| {
            let whole = as_entered(&paid.order);
            (whole.sum, whole.number, whole.date)
                == (payment.sum, payment.number.clone(), payment.date)
        });
        let whole = u64::try_from(payment.sum.0).unwrap_or(0);
        let is_money = payment.direction == Direction::Incoming && whole >= 2;
        let Some(person) = office.person().filter(|_| is_whole && is_money) else {
            return;
        };
        let first = i64::try_from(self.dice.between(1, whole.saturating_sub(1))).unwrap_or(1);
        let given: i64 = payment.allocations.iter().map(|one| one.sum.0).sum();
        if given > first {
            give(office, payment.meta.id, BTreeMap::new(), now);
        }
        let mut changed = written(payment);
        changed.sum = Kopecks(first);
        let done = person.edit_payment(payment.meta.id, changed);
        let words = format!(
            "{}: {first} of {whole} kopecks: {:?}",
            payment.meta.id,
            done.as_ref().err()
        );
        office.tell(now, "split payment", words);
        let Ok(first_part) = done else {
            return;
        };
        self.split.insert(place);
        let mut rest = written(payment);
        rest.sum = Kopecks(payment.sum.0.saturating_sub(first));
        self.left_over.push((place, rest));
        if self.dice.chance(500) {
            self.allocate(office, bank, &first_part, now);
        }
        if self.dice.chance(600) {
            self.finish_split(office, bank, now);
        }
    }

    /// The second part of an order that was split last.
    fn finish_split(&mut self, office: &Office, bank: &Bank, now: Timestamp) {
        let Some((place, rest)) = self.left_over.pop() else {
            return;
        };
        let Some(added) = self.add(office, rest.clone(), place, now) else {
            // The books are closed.
            self.left_over.push((place, rest));
            return;
        };
        if self.dice.chance(600) {
            self.allocate(office, bank, &added, now);
        }
    }

    /// Money that nobody ever paid.
    fn mistake(&mut self, office: &Office, now: Timestamp) {
        let Some(person) = office.person() else {
            return;
        };
        let sum = self.dice.between(1, 100_000);
        let added = person.add_payment(NewPayment {
            number: Some("77".to_owned()),
            date: today(now),
            direction: Direction::Incoming,
            sum: Kopecks(i64::try_from(sum).unwrap_or(1)),
            payer: Payer {
                account_number: Some(BUYERS_ACCOUNT.to_owned()),
                ..Payer::default()
            },
            bank_account: None,
            purpose: "Поступление".to_owned(),
        });
        let words = format!("{sum} kopecks: {:?}", added.err());
        office.tell(now, "entered by mistake", words);
    }

    /// A manager puts a deal back that went on since it was paid.
    fn put_back(&mut self, office: &mut Office, now: Timestamp) {
        let is_paid = |id: &i64| office.portal.deal_field(*id, "STAGE_ID") == PAID_STAGE;
        let living = office.deals.iter().filter(|(_, deal)| !deal.deleted);
        let paid: Vec<i64> = living.map(|(id, _)| *id).filter(is_paid).collect();
        if let Some(deal) = self.dice.pick(&paid) {
            office.tell(now, "put back", format!("deal {deal}"));
            office.move_to(now, deal, INVOICE);
        }
    }
}

/// What is given of a payment over there, in the place of what was.
pub(crate) fn give(office: &Office, payment: Id, given: BTreeMap<Id, i64>, now: Timestamp) {
    let allocations = given.into_iter().map(|(bill_id, sum)| Allocation {
        bill_id,
        sum: Kopecks(sum),
    });
    let allocations: Vec<Allocation> = allocations.collect();
    let words = allocations
        .iter()
        .map(|one| format!("{} to {}", one.sum.0, one.bill_id));
    let words: Vec<String> = words.collect();
    if let Some(person) = office.person() {
        let done = person.allocate(payment, allocations);
        let words = format!("{payment}: {words:?}: {:?}", done.err());
        office.tell(now, "gave payment", words);
    }
}

/// What the accounting program holds of payments, deleted ones left out.
pub(crate) fn held(office: &Office) -> Vec<Payment> {
    let truth = office.accounting.truth();
    let own = truth.organizations.values();
    own.flat_map(|own| &own.payments)
        .filter(|payment| payment.state == RecordState::Active)
        .map(|payment| Payment::clone(payment))
        .collect()
}

/// A payment as it stands in the books.
fn written(payment: &Payment) -> NewPayment {
    NewPayment {
        number: payment.number.clone(),
        date: payment.date,
        direction: payment.direction,
        sum: payment.sum,
        payer: payment.payer.clone(),
        bank_account: payment.bank_account_id,
        purpose: payment.purpose.clone(),
    }
}

/// An order as the clerk types it in.
fn as_entered(order: &PaymentOrder) -> NewPayment {
    let other = &order.other;
    NewPayment {
        number: Some(order.number.clone()),
        date: order.date,
        direction: match order.direction {
            payment::Direction::In => Direction::Incoming,
            payment::Direction::Out => Direction::Outgoing,
        },
        sum: Kopecks(order.amount.kopecks()),
        payer: Payer {
            name: other.name.clone(),
            inn: other.inn.as_ref().map(ToString::to_string),
            kpp: None,
            account_number: other.account.as_ref().map(|one| one.as_str().to_owned()),
            bik: None,
        },
        bank_account: None,
        purpose: order.purpose.clone(),
    }
}

impl World {
    /// The clerk does something, or a manager with a deal that is paid.
    pub(crate) fn clerk(&mut self, now: Timestamp) {
        let place = self.some_tenant();
        let Some(tenant) = self.tenants.get_mut(place) else {
            return;
        };
        let (clerk, office) = (&mut tenant.clerk, &mut tenant.office);
        if clerk.dice.chance(80) {
            Process::one_dies(&self.slots, &OF_MONEY, 3, &mut clerk.dice);
        }
        if self.deaths.chance(60) {
            Process::one_dies(&self.slots, &OF_TAKING, 1, &mut self.deaths);
        }
        if clerk.dice.chance(100) {
            clerk.put_back(office, now);
        } else {
            clerk.works(office, &tenant.bank, now);
        }
    }
}
