//! An order that the bank shows whole and an accountant split: its money counts once, by its parts or whole.
//!
//! Which are parts is known once the last of them is there, with or without a bill ([`super::twice`]). What was given of them
//! until then beside a whole order that a person gave waits for that person. Nor does a person give it both ways: what was given
//! first is taken back first. Not here: what becomes of each in the ledger (`given`).

use std::collections::{BTreeMap, BTreeSet};

use domain::payment::GivenOtherwise;
use domain::{Money, OrganisationId, PortalId};
use jiff::Timestamp;

use super::{
    InvoiceRef,
    batch::not_borne,
    borne::{are_open_to, rest_after},
    followed::ACCOUNTING,
    ledger::{Decided, Decision, RULE, balances, decide_together, questions, standing},
    refunds::Resting,
    twice,
    undo::{Order, Transaction, WasUndone, transactions, undo},
};
use crate::{
    error::StoreError,
    mechanics::work::{self, Lane, Look},
    sql::statements,
    subject::Subject,
    tx::Tx,
    value::{Value, params},
};

statements! {
    /// What the accountant gave is to be taken over once more, when it can be.
    TAKE_AGAIN =
        "UPDATE followed_payment SET taken = 0
         WHERE portal_id = $1 AND organisation_id = $2 AND payment = $3 AND given <> '{}'";
}

/// Orders that are there whole and in parts.
pub(super) struct Divided {
    /// The whole order of each part.
    wholes: BTreeMap<i64, i64>,
    /// Whole orders whose last part just came.
    completed: BTreeSet<i64>,
    /// Parts that were given beside a whole order which a person gave.
    beside: BTreeSet<i64>,
}

/// The bank's whole order that a payment is a part of, where a rule or the accountant gave anything of it: its money would
/// count twice, so it makes room for the part.
pub(super) struct Whole {
    number: i64,
    /// What each invoice has of it, less what was paid back of that.
    has: BTreeMap<InvoiceRef, Money>,
}

impl Whole {
    pub(super) async fn of(
        tx: &mut Tx<'_>,
        portal: &PortalId,
        part: i64,
    ) -> Result<Option<Whole>, StoreError> {
        let mut wholes = twice::wholes(tx, portal, &[part]).await?;
        let Some(number) = wholes.remove(&part) else {
            return Ok(None);
        };
        let given = transactions(tx, portal, &[number], "allocation").await?;
        let given = given.into_values().next().unwrap_or_default();
        if given.is_empty() || is_a_persons(&given) {
            return Ok(None);
        }
        let resting = Resting::on(tx, portal, &[number]).await?;
        let released = resting.of(|_, _, _| true).into_iter();
        let released = released.map(|(_, transaction)| transaction);
        let mut has: BTreeMap<InvoiceRef, Money> = BTreeMap::new();
        for (invoice, amount) in given.iter().chain(released).flat_map(Transaction::shares) {
            let sum = has.entry(invoice.clone()).or_default();
            *sum = Money::from_kopecks(sum.kopecks() + amount.kopecks());
        }
        Ok(Some(Whole { number, has }))
    }

    /// What the invoice has less once all of it is taken back.
    pub(super) fn room(&self, invoice: &InvoiceRef) -> Money {
        self.has.get(invoice).copied().unwrap_or_default()
    }

    /// Takes back what was given of it, before a person gives the part: by corrections of his, in the same commit. Gives the
    /// whole one, where anything was taken back.
    pub(super) async fn give_way(
        &self,
        tx: &mut Tx<'_>,
        portal: &PortalId,
        order: Order<'_>,
    ) -> Result<Option<i64>, StoreError> {
        match undo(tx, portal, self.number, order).await? {
            WasUndone::Done(_) => Ok(Some(self.number)),
            WasUndone::Nothing => Ok(None),
            // The part is not given beside it.
            WasUndone::MoreThanOpen { invoice, .. } => Err(not_borne(&invoice)),
        }
    }
}

/// Those of these payments that are a part of an order which a person gave whole, or an order of which a part is given by
/// whomever: nobody gives its money the other way as well.
pub(super) async fn given_otherwise(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    payments: &[i64],
) -> Result<BTreeMap<i64, GivenOtherwise>, StoreError> {
    let wholes = twice::wholes(tx, portal, payments).await?;
    let parts = twice::parts(tx, portal, payments).await?;
    let others = wholes.values().chain(parts.values().flatten());
    let others: BTreeSet<i64> = others.copied().collect();
    if others.is_empty() {
        return Ok(BTreeMap::new());
    }
    let others: Vec<i64> = others.into_iter().collect();
    let given = transactions(tx, portal, &others, "allocation").await?;
    let otherwise = payments.iter().filter_map(|payment| {
        let whole = wholes.get(payment).filter(|whole| {
            let of_whole = given.get(*whole);
            of_whole.is_some_and(is_a_persons)
        });
        let mut parts = parts.get(payment).into_iter().flatten();
        let part = parts.find(|part| given.contains_key(*part));
        let whole = whole.map(|whole| GivenOtherwise::Whole(*whole));
        let how = whole.or(part.map(|part| GivenOtherwise::Part(*part)))?;
        Some((*payment, how))
    });
    Ok(otherwise.collect())
}

/// Why what is asked about an order and its parts is looked at again: one of them is taken back.
pub(super) const TAKEN_BACK: &str = "what its order was given as is taken back";
/// The same where one of them is given.
pub(super) const GIVEN_OTHERWISE: &str = "its order is given the other way";

/// What is asked about an order and its parts says something else once this payment, which is one of them, is given or taken
/// back.
pub(super) async fn asked_anew(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    payment: i64,
    (reason, now): (&str, Timestamp),
) -> Result<Vec<Look>, StoreError> {
    let whole = twice::wholes(tx, portal, &[payment])
        .await?
        .remove(&payment);
    let parts = twice::parts(tx, portal, &[payment]).await?.remove(&payment);
    let others = whole.into_iter().chain(parts.into_iter().flatten());
    let looks = others.map(|other| Look {
        subject: Subject::payment(other),
        lane: Lane::Due,
        due_at: now,
        reason: reason.to_owned(),
    });
    Ok(looks.collect())
}

/// Those that people decided to give and that may be an order which the bank shows whole, or parts of one.
pub(super) async fn divided_by_people(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    decisions: &[Decision],
) -> Result<BTreeSet<i64>, StoreError> {
    let by_people = decisions.iter().filter(|one| one.by_parts().is_some());
    let by_people: Vec<i64> = by_people.map(|one| one.payment).collect();
    let parts = twice::wholes(tx, portal, &by_people).await?.into_keys();
    let whole_ones = twice::parts(tx, portal, &by_people).await?.into_keys();
    let divided = parts.chain(whole_ones);
    Ok(divided.filter(|one| by_people.contains(one)).collect())
}

/// A part of an order, or one that is there in parts, given by a person: refused where it is given otherwise; what a rule or
/// the accountant gave of the whole one makes room for a part, where that can then be given.
pub(super) async fn decide_divided(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    decision: &Decision,
    now: Timestamp,
) -> Result<Decided, StoreError> {
    let otherwise = given_otherwise(tx, portal, &[decision.payment]).await?;
    if otherwise.contains_key(&decision.payment) {
        return Ok(Decided::Refused);
    }
    let whole = Whole::of(tx, portal, decision.payment).await?;
    let mut in_place_of = None;
    if let (Some(whole), Some((by, how))) = (whole, decision.by_parts())
        && is_borne_with(&whole, tx, portal, decision).await?
    {
        let order = Order {
            by,
            because: &how.because,
            today: how.today,
            now,
        };
        in_place_of = whole.give_way(tx, portal, order).await?;
    }
    let decided = decide_together(tx, portal, std::slice::from_ref(decision), now).await?;
    if let [Decided::Done] = decided.as_slice() {
        let looks = asked_anew(tx, portal, decision.payment, (GIVEN_OTHERWISE, now)).await?;
        work::enqueue(tx, portal, &looks).await?;
    }
    match (decided.as_slice(), in_place_of) {
        ([Decided::Done], Some(whole)) => Ok(Decided::InPlaceOf(whole)),
        // The whole one is not taken back for nothing.
        (_, Some(_)) => Err(StoreError::NotBorne {
            what: "payment",
            key: decision.payment.to_string(),
        }),
        (decided, None) => Ok(decided.first().copied().unwrap_or(Decided::Refused)),
    }
}

/// Whether the decision stands as it was seen, and the invoices bear it once the whole order made room.
async fn is_borne_with(
    whole: &Whole,
    tx: &mut Tx<'_>,
    portal: &PortalId,
    decision: &Decision,
) -> Result<bool, StoreError> {
    let payments = standing(tx, portal, [decision.payment].into_iter()).await?;
    let asked = std::slice::from_ref(decision);
    let questions = questions(tx, portal, asked, &payments).await?;
    let shares = decision.shares().iter();
    let shares: Vec<&InvoiceRef> = shares.map(|share| &share.invoice).collect();
    let mut invoices = balances(tx, portal, shares.into_iter()).await?;
    for (invoice, balance) in &mut invoices {
        balance.open = balance.open_with(whole.room(invoice));
    }
    let payment = payments.get(&decision.payment);
    let payment = payment
        .filter(|payment| payment.awaits(decision))
        .filter(|_| questions.get(&decision.payment).copied() == decision.seen)
        .filter(|payment| are_open_to(decision.shares(), payment.came, &invoices));
    let rest = payment.and_then(|one| rest_after(one, decision.shares(), &invoices));
    Ok(rest.is_some())
}

impl Divided {
    /// Orders whose last part is among these payments, which were not known before, or that the accounting side shows whole no
    /// more.
    pub(super) async fn completed_by(
        tx: &mut Tx<'_>,
        portal: &PortalId,
        organisation: &OrganisationId,
        (new, left): (&[i64], &BTreeSet<i64>),
    ) -> Result<Divided, StoreError> {
        let left: Vec<i64> = left.iter().copied().collect();
        let of_left = twice::parts(tx, portal, &left).await?;
        let of_left = of_left.into_values().flatten();
        let last: BTreeSet<i64> = of_left.chain(new.iter().copied()).collect();
        let last: Vec<i64> = last.into_iter().collect();
        let wholes = twice::wholes(tx, portal, &last).await?;
        let mut divided = Divided {
            completed: wholes.values().copied().collect(),
            wholes,
            beside: BTreeSet::new(),
        };
        if divided.wholes.is_empty() {
            return Ok(divided);
        }
        let concerned: Vec<i64> = divided.concerned().collect();
        let given = transactions(tx, portal, &concerned, "allocation").await?;
        let of = |payment: &i64| given.get(payment).into_iter().flatten();
        let beside = divided.wholes.iter().filter(|(part, whole)| {
            let is_given = of(part).next().is_some();
            is_given && is_a_persons(of(whole))
        });
        divided.beside = beside.map(|(part, _)| *part).collect();
        let rows: Vec<Vec<Value>> = divided
            .beside
            .iter()
            .map(|part| params![portal, organisation, *part].to_vec())
            .collect();
        tx.execute_each(&TAKE_AGAIN, &rows).await?;
        Ok(divided)
    }

    /// And those that these payments are parts of.
    pub(super) async fn add(
        &mut self,
        tx: &mut Tx<'_>,
        portal: &PortalId,
        parts: &[i64],
    ) -> Result<(), StoreError> {
        self.wholes.extend(twice::wholes(tx, portal, parts).await?);
        Ok(())
    }

    /// The whole order that this is a part of.
    pub(super) fn whole_of(&self, part: i64) -> Option<i64> {
        self.wholes.get(&part).copied()
    }

    pub(super) fn parts_of(&self, whole: i64) -> impl Iterator<Item = i64> {
        let parts = self.wholes.iter().filter(move |(_, of)| **of == whole);
        parts.map(|(part, _)| *part)
    }

    /// Whole orders of which such a part is there.
    pub(super) fn wholes_of(&self, is_meant: impl Fn(i64) -> bool) -> BTreeSet<i64> {
        let meant = self.wholes.iter().filter(|(part, _)| is_meant(**part));
        meant.map(|(_, whole)| *whole).collect()
    }

    /// Whole orders whose last part just came.
    pub(super) fn completed(&self) -> impl Iterator<Item = i64> {
        self.completed.iter().copied()
    }

    /// Parts that were given beside a whole order which a person gave.
    pub(super) fn beside_a_persons(&self) -> impl Iterator<Item = i64> {
        self.beside.iter().copied()
    }

    /// All of them, parts and wholes.
    pub(super) fn concerned(&self) -> impl Iterator<Item = i64> {
        self.wholes.keys().chain(self.wholes.values()).copied()
    }
}

/// Whether a person gave any of it, and not a rule or the accountant.
pub(super) fn is_a_persons<'a>(given: impl IntoIterator<Item = &'a Transaction>) -> bool {
    let mut given = given.into_iter();
    given.any(|one| ![RULE, ACCOUNTING].contains(&one.author.as_str()))
}
