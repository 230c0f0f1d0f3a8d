//! The ledger is brought to what the accountant gave, and loses what no source shows any more.
//!
//! What he gave otherwise is taken back by corrections and given anew, share by share: what an invoice has of him as
//! before stays as it was recorded, and is his to take back whoever gave it. Nothing is overwritten. What our ledger does not
//! bear, since more would be given to an invoice than is open of it, stays with the payment of the list and is tried
//! again with the next page. A refund of ours that was taken off what he changed is released with it. An order that he
//! split counts by its parts: what a rule or he gave of the bank's whole one is taken back, with the refunds that rest on
//! it; where a part is not borne, the whole one stays as it was. Not here: which payment is which (`followed`), which order
//! is whole beside its parts (`divided`).

use std::collections::{BTreeMap, BTreeSet};

use domain::payment::{Direction, LineId, PaymentKind, PaymentOrder};
use domain::{InvoiceId, Money, OrganisationId, PortalId};
use jiff::Timestamp;
use serde_json::json;

use super::{
    InvoiceRef, PaymentState,
    batch::{Allocation, Batch, write},
    divided::{Divided, is_a_persons},
    followed::{ACCOUNTING, FollowedPage, FollowedReasons, NotTaken, WhyNotTaken},
    ledger::{Balance, BookedShare, RULE, Standing, balances, standing, withdrawn},
    refunds::{Resting, deals_of},
    sightings::decide_soon,
    take,
    undo::{Order, Transaction, transactions},
};
use crate::{
    error::StoreError,
    mechanics::work::{Lane, Look},
    sql::statements,
    subject::Subject,
    tx::Tx,
    value::{Value, params},
};

statements! {
    /// A thousand at a time: a book that is switched over later has all of them to take.
    NOT_TAKEN =
        "SELECT line, payment, given, took, body FROM followed_payment
         WHERE portal_id = $1 AND organisation_id = $2 AND taken = 0 AND +payment IS NOT NULL
         ORDER BY +told_at DESC, line LIMIT 1000";
    TAKEN =
        "UPDATE followed_payment SET taken = 1, took = given WHERE portal_id = $1 AND organisation_id = $2 AND line = $3";
    /// The key is free for an order that is shown again.
    WITHDRAW =
        "UPDATE payment SET state = 'aside', because = $3, remaining = 0, undone = undone + 1, waits_until = 0,
             key = 'withdrawn/' || CAST(number AS TEXT), nth = -1, likeness = ''
         WHERE portal_id = $1 AND number = $2";
    /// Money for an invoice that is no deal's, or not yet known to be one's.
    ELSEWHERE =
        "INSERT INTO invoice_balance (portal_id, organisation_id, invoice_id, deal, slot_kind, slot_generation, number,
             number_key, date, buyer_inn, total, paid, live, stands)
         VALUES ($1, $2, $3, 0, '', 0, '', '', '', '', 0, 0, 0, 0)
         ON CONFLICT (portal_id, organisation_id, invoice_id) DO NOTHING";
}

/// What becomes of one payment in the ledger.
struct Change {
    undo: Vec<Transaction>,
    shares: Vec<BookedShare>,
    /// Something of what it gave before stays.
    keeps: bool,
    line: Option<LineId>,
    why: WhyTakenBack,
}

/// Why something of a payment is taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WhyTakenBack {
    /// The accountant changed what he gave, or the payment itself.
    Changed,
    /// It is the bank's whole order, and its parts count.
    ByParts,
    /// It is a part of the bank's whole order, which a person gave.
    Whole,
}

impl WhyTakenBack {
    fn of(self, reasons: &FollowedReasons) -> &str {
        match self {
            WhyTakenBack::Changed => &reasons.took_back,
            WhyTakenBack::ByParts => &reasons.by_parts,
            WhyTakenBack::Whole => &reasons.whole,
        }
    }
}

/// What the accountant gave of a payment, and our ledger does not show yet.
struct Wanted {
    line: LineId,
    payment: i64,
    shares: Vec<BookedShare>,
    /// Invoices that he gave it to when his word was taken over last.
    took: BTreeSet<InvoiceRef>,
    order: PaymentOrder,
}

/// What a page changed of the payments themselves.
pub(super) struct Changed<'a> {
    /// Recorded with it.
    pub(super) new: &'a [i64],
    /// No source shows them any more.
    pub(super) withdrawn: &'a BTreeSet<i64>,
    /// The accounting side shows them no more.
    pub(super) left: &'a BTreeSet<i64>,
}

/// Brings the ledger to what the accounting side holds; tells what it does not bear.
pub(super) async fn settle(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    page: &FollowedPage,
    changed: Changed<'_>,
    now: Timestamp,
) -> Result<Vec<NotTaken>, StoreError> {
    let (withdrawn_now, left) = (changed.withdrawn, changed.left);
    let mut divided =
        Divided::completed_by(tx, portal, &page.organisation, (changed.new, left)).await?;
    let mut wanted = if page.is_taken_over {
        wanted(tx, portal, &page.organisation).await?
    } else {
        Vec::new()
    };
    let parts = wanted.iter().filter(|one| !one.shares.is_empty());
    let parts: Vec<i64> = parts.map(|one| one.payment).collect();
    divided.add(tx, portal, &parts).await?;
    let concerned: BTreeSet<i64> = withdrawn_now
        .iter()
        .chain(left)
        .copied()
        .chain(divided.concerned())
        .chain(wanted.iter().map(|one| one.payment))
        .collect();
    if concerned.is_empty() {
        let batch = Batch {
            cases: page.cases.clone(),
            ..Batch::default()
        };
        return write(tx, portal, batch, now).await.map(|()| Vec::new());
    }
    let concerned: Vec<i64> = concerned.into_iter().collect();
    release_withdrawn(tx, portal, page, withdrawn_now, now).await?;
    let payments = standing(tx, portal, concerned.iter().copied()).await?;
    let given = transactions(tx, portal, &concerned, "allocation").await?;
    let gone: Vec<i64> = withdrawn_now.iter().copied().collect();
    let came = transactions(tx, portal, &gone, "payment").await?;
    let told = wanted.iter().flat_map(|one| &one.shares);
    let told = told.map(|share| &share.invoice);
    let held = given.values().flatten().flat_map(Transaction::invoices);
    let invoices = balances(tx, portal, told.chain(held)).await?;

    let none = Vec::new();
    let of = |payment: i64| given.get(&payment).unwrap_or(&none).iter();
    let by_accountant = |payment: i64| -> Vec<Transaction> {
        let his = of(payment).filter(|one| one.author == ACCOUNTING);
        his.cloned().collect()
    };
    // More stood than is undone.
    let keeps = |payment: i64, undo: &[Transaction]| all_given(of(payment)) > all_given(undo);
    let mut changes: BTreeMap<i64, Change> = BTreeMap::new();
    for payment in left {
        let undo = by_accountant(*payment);
        changes.insert(
            *payment,
            Change {
                keeps: keeps(*payment, &undo),
                undo,
                shares: Vec::new(),
                line: None,
                why: WhyTakenBack::Changed,
            },
        );
    }
    // The same money is not given twice: what our rule or the accountant gave of the bank's whole order makes room for its
    // parts, and what a person gave does not.
    let (mut not_taken, mut looks) = (Vec::new(), Vec::new());
    wanted.retain(|one| {
        let whole = divided.whole_of(one.payment);
        let held = whole.filter(|whole| !one.shares.is_empty() && is_a_persons(of(*whole)));
        not_taken.extend(held.map(|whole| one.not_taken(WhyNotTaken::PartOf(whole))));
        held.is_none()
    });
    for part in divided.beside_a_persons() {
        changes.insert(part, Change::all_back(of(part), WhyTakenBack::Whole));
    }
    let stands = |part: i64| all_given(of(part)) > 0;
    let given_now = wanted.iter().filter(|one| !one.shares.is_empty());
    let given_now: BTreeSet<i64> = given_now.map(|one| one.payment).collect();
    let mut counted = divided.wholes_of(|part| stands(part) || given_now.contains(&part));
    counted.retain(|whole| !is_a_persons(of(*whole)));
    let is_asked =
        |whole: &i64| payments.get(whole).map(|known| known.state) == Some(PaymentState::Asked);
    let told: BTreeSet<i64> = counted.iter().copied().chain(divided.completed()).collect();
    let asked = told.into_iter().filter(is_asked);
    looks.extend(asked.map(|whole| its_parts_are_told(whole, now)));
    for whole in &counted {
        let change = Change::all_back(of(*whole), WhyTakenBack::ByParts);
        changes.insert(*whole, change);
    }
    let mut begun = divided.wholes_of(stands);
    begun.extend(left);
    let mut rests = Rests {
        resting: Resting::on(tx, portal, &concerned).await?,
        withdrawn: withdrawn_now,
        begun,
        counted,
        divided: &divided,
    };
    let mut taken = Vec::new();
    let beside: BTreeSet<i64> = divided.beside_a_persons().collect();
    for one in &wanted {
        // Whoever gave it, all of it is taken back already.
        if beside.contains(&one.payment) {
            taken.push(one.line.clone());
            continue;
        }
        let stood: Vec<Transaction> = if one.shares.is_empty() {
            let his = of(one.payment).map(|given| one.his(given));
            his.filter(|given| !given.given().is_zero()).collect()
        } else {
            of(one.payment).cloned().collect()
        };
        let had = sums(stood.iter().flat_map(Transaction::shares));
        let told = one.shares.iter();
        let told = sums(told.map(|share| (&share.invoice, share.amount)));
        if had == told {
            taken.push(one.line.clone());
            changes.remove(&one.payment);
            continue;
        }
        // What somebody else gave becomes his: he may take it back.
        let by_others = stood.iter().filter(|one| one.author != ACCOUNTING);
        let by_others: BTreeSet<&InvoiceRef> = by_others.flat_map(Transaction::invoices).collect();
        let invoices = had.keys().chain(told.keys()).copied();
        let differ = invoices.filter(|invoice| {
            had.get(invoice) != told.get(invoice) || by_others.contains(*invoice)
        });
        let differ = with_their_split(differ.collect(), &stood);
        let differs = |invoice: &InvoiceRef| differ.contains(invoice);
        let undo = stood.iter().map(|one| one.of_invoices(differs));
        let undo: Vec<Transaction> = undo.filter(|one| one.given().is_positive()).collect();
        let shares = one.shares.iter().filter(|share| differs(&share.invoice));
        changes.insert(
            one.payment,
            Change {
                keeps: keeps(one.payment, &undo),
                undo,
                shares: shares.cloned().collect(),
                line: Some(one.line.clone()),
                why: WhyTakenBack::Changed,
            },
        );
    }
    let is_refund = |one: &&Transaction| one.given().is_negative();
    let refunds = withdrawn_now.iter().flat_map(|payment| of(*payment));
    let refunds: Vec<Transaction> = refunds.filter(is_refund).cloned().collect();
    let refused = refuse_too_much(&mut changes, &payments, &invoices, (&mut rests, &refunds));
    for payment in withdrawn_now {
        let undo = of(*payment).chain(came.get(payment).into_iter().flatten());
        changes.insert(*payment, Change::all_back(undo, WhyTakenBack::Changed));
    }
    changes.retain(|_, change| !change.undo.is_empty() || !change.shares.is_empty());
    taken.extend(changes.values().filter_map(|change| change.line.clone()));
    let mut batch = booked(
        tx,
        portal,
        page,
        &changes,
        &payments,
        (&invoices, &rests),
        now,
    )
    .await?;
    batch.looks.extend(looks);
    write(tx, portal, batch, now).await?;
    let rows: Vec<Vec<Value>> = taken
        .iter()
        .map(|line| params![portal, &page.organisation, &line.0].to_vec())
        .collect();
    tx.execute_each(&TAKEN, &rows).await?;
    let not_borne = wanted.iter().filter(|one| !taken.contains(&one.line));
    not_taken.extend(not_borne.map(|one| {
        let why = refused.get(&one.payment).copied();
        one.not_taken(why.unwrap_or_default())
    }));
    Ok(not_taken)
}

impl Wanted {
    /// What of a transaction is the accountant's: what he gave, and what he gave as the rule had. What people gave or
    /// moved stays theirs.
    fn his(&self, given: &Transaction) -> Transaction {
        match given.author.as_str() {
            ACCOUNTING => given.clone(),
            RULE => given.of_invoices(|invoice| self.took.contains(invoice)),
            _ => given.of_invoices(|_| false),
        }
    }

    fn not_taken(&self, why: WhyNotTaken) -> NotTaken {
        NotTaken {
            line: self.line.clone(),
            payment: self.payment,
            order: self.order.clone(),
            why,
        }
    }
}

/// The question about a bank's whole order says something else by now.
fn its_parts_are_told(whole: i64, now: Timestamp) -> Look {
    Look {
        subject: Subject::payment(whole),
        lane: Lane::Due,
        due_at: now,
        reason: "its parts are told".to_owned(),
    }
}

/// Refunds that were taken off payments which no source shows any more are taken back before anything else is read.
async fn release_withdrawn(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    page: &FollowedPage,
    withdrawn_now: &BTreeSet<i64>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let gone: Vec<i64> = withdrawn_now.iter().copied().collect();
    let resting = Resting::on(tx, portal, &gone).await?;
    let released = resting.of(|_, _, _| true);
    if released.is_empty() {
        return Ok(());
    }
    let mut next = take(tx, portal, 0, released.len()).await?.transaction;
    let mut batch = Batch::default();
    resting.release(portal, &released, &mut next, &mut batch, page.order(now));
    // What the payment gave leaves in the same commit.
    let invoices = released.iter().flat_map(|(_, one)| one.invoices());
    batch.may_be_overpaid.extend(invoices.cloned());
    write(tx, portal, batch, now).await
}

impl FollowedPage {
    /// By whom, and why, what is not as it was is taken back.
    fn order(&self, now: Timestamp) -> Order<'_> {
        Order {
            by: ACCOUNTING,
            because: &self.because.took_back,
            today: self.today,
            now,
        }
    }
}

async fn wanted(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    organisation: &OrganisationId,
) -> Result<Vec<Wanted>, StoreError> {
    tx.list(&NOT_TAKEN, &params![portal, organisation], |row| {
        let (line, payment) = (LineId(row.text()?), row.int()?);
        let (given, took): (BTreeMap<String, i64>, BTreeMap<String, i64>) =
            (row.json()?, row.json()?);
        let of_ours = |invoice| InvoiceRef {
            organisation: organisation.clone(),
            invoice: InvoiceId::new(invoice),
        };
        let shares = given.into_iter().map(|(invoice, kopecks)| BookedShare {
            invoice: of_ours(invoice),
            amount: Money::from_kopecks(kopecks),
        });
        Ok(Wanted {
            line,
            payment,
            shares: shares.collect(),
            took: took.into_keys().map(of_ours).collect(),
            order: row.json()?,
        })
    })
    .await
}

/// These invoices, and those that belong together with them: what a credit gave to many sales is taken back whole.
fn with_their_split<'a>(
    mut invoices: BTreeSet<&'a InvoiceRef>,
    stood: &'a [Transaction],
) -> BTreeSet<&'a InvoiceRef> {
    let splits = stood.iter().filter(|one| one.is_split());
    // A credit is split once.
    for split in splits {
        if split.invoices().any(|one| invoices.contains(one)) {
            invoices.extend(split.invoices());
        }
    }
    invoices
}

fn all_given<'a>(transactions: impl IntoIterator<Item = &'a Transaction>) -> i64 {
    let given = transactions.into_iter().map(|one| one.given().kopecks());
    given.sum()
}

fn sums<'a>(
    shares: impl Iterator<Item = (&'a InvoiceRef, Money)>,
) -> BTreeMap<&'a InvoiceRef, i64> {
    let mut sums = BTreeMap::new();
    for (invoice, amount) in shares {
        *sums.entry(invoice).or_default() += amount.kopecks();
    }
    sums
}

/// Takes out what would break a rule of the ledger: more than the payment, more than is open of an invoice. What is
/// taken out keeps what it had, so all others are judged anew; with a part of an order the whole one does, and its other parts
/// wait. What refunds give back that are released with the changes, or withdrawn, is no longer open. Gives what was taken
/// out, and why.
fn refuse_too_much(
    changes: &mut BTreeMap<i64, Change>,
    payments: &BTreeMap<i64, Standing>,
    invoices: &BTreeMap<InvoiceRef, Balance>,
    (rests, withdrawn): (&mut Rests<'_>, &[Transaction]),
) -> BTreeMap<i64, WhyNotTaken> {
    let mut all = BTreeMap::new();
    loop {
        let mut open: BTreeMap<&InvoiceRef, i64> = invoices
            .iter()
            .filter(|(_, invoice)| invoice.deal.is_some())
            .map(|(id, invoice)| (id, invoice.open_to_accountant.kopecks()))
            .collect();
        for (invoice, amount) in changes
            .values()
            .flat_map(|one| &one.undo)
            .flat_map(Transaction::shares)
            .chain(
                rests
                    .released(changes)
                    .into_iter()
                    .flat_map(|(_, one)| one.shares()),
            )
            .chain(withdrawn.iter().flat_map(Transaction::shares))
        {
            if let Some(open) = open.get_mut(invoice) {
                *open += amount.kopecks();
            }
        }
        let refused = changes.iter().find_map(|(payment, change)| {
            let fits = change
                .shares
                .iter()
                .all(|share| match open.get_mut(&share.invoice) {
                    Some(open) => {
                        *open -= share.amount.kopecks();
                        *open >= 0
                    }
                    None => true,
                });
            let why = match payments.get(payment) {
                _ if change.shares.is_empty() => None,
                Some(known) if known.direction == Direction::In => {
                    (change.rest(known) < 0).then_some(WhyNotTaken::MoneyWentBack)
                }
                Some(_) | None => Some(WhyNotTaken::NotIncoming),
            };
            let why = why.or((!fits).then_some(WhyNotTaken::LessIsOpen));
            why.map(|why| (*payment, why))
        });
        let Some((payment, why)) = refused else {
            return all;
        };
        changes.remove(&payment);
        all.insert(payment, why);
        let waiting = rests.keep_whole(payment, changes);
        all.extend(
            waiting
                .into_iter()
                .map(|part| (part, WhyNotTaken::WithPart(payment))),
        );
    }
}

/// Refunds that were taken off what the accountant changes.
struct Rests<'a> {
    resting: Resting,
    /// Taken back with all that they were taken off.
    withdrawn: &'a BTreeSet<i64>,
    /// Whole orders whose parts count in their place: the same money went back off the parts, also where it was an advance.
    counted: BTreeSet<i64>,
    /// Whole orders that count no more in any case: a part is given already, or the accountant's record of it became a part.
    begun: BTreeSet<i64>,
    divided: &'a Divided,
}

impl Rests<'_> {
    /// What is released by these changes.
    fn released(&self, changes: &BTreeMap<i64, Change>) -> Vec<(i64, &Transaction)> {
        self.resting.of(|refund, payment, invoice| {
            let change = changes.get(&payment);
            let takes_back = change.zip(invoice).is_some_and(|(change, invoice)| {
                let mut undone = change.undo.iter().flat_map(Transaction::invoices);
                undone.any(|one| one == invoice)
            });
            let is_meant = takes_back || self.counted.contains(&payment);
            is_meant && !self.withdrawn.contains(&refund)
        })
    }

    /// Why a refund is released: as all that it rests on is taken back, where that has one reason.
    fn why(
        &self,
        refund: i64,
        released: &[(i64, &Transaction)],
        changes: &BTreeMap<i64, Change>,
    ) -> WhyTakenBack {
        let of_refund = released.iter().filter(|(one, _)| *one == refund);
        let rests_on = of_refund.flat_map(|(_, one)| one.others());
        let mut whys = rests_on.map(|payment| match changes.get(&payment) {
            _ if self.counted.contains(&payment) => WhyTakenBack::ByParts,
            Some(change) => change.why,
            None => WhyTakenBack::Changed,
        });
        let why = whys.next().filter(|why| whys.all(|other| other == *why));
        why.unwrap_or(WhyTakenBack::Changed)
    }

    /// A part of an order is not borne: what the whole one has stays with it, and its other parts wait. Not where one of them
    /// is given already: the whole one would count beside it; nor of what he took back himself. Gives those that wait.
    fn keep_whole(&mut self, part: i64, changes: &mut BTreeMap<i64, Change>) -> Vec<i64> {
        let mut waiting = Vec::new();
        let whole = self.divided.whole_of(part);
        if let Some(whole) = whole.filter(|whole| !self.begun.contains(whole))
            && self.has_something(whole, changes)
        {
            changes.remove(&whole);
            self.counted.remove(&whole);
            waiting.extend(self.divided.parts_of(whole));
            waiting.retain(|part| changes.remove(part).is_some());
        }
        waiting
    }

    /// Whether anything of the whole order would be taken back.
    fn has_something(&self, whole: i64, changes: &BTreeMap<i64, Change>) -> bool {
        let given = changes.get(&whole).is_some_and(|one| !one.undo.is_empty());
        given || !self.resting.of(|_, payment, _| payment == whole).is_empty()
    }
}

impl Change {
    /// All that was given is taken back.
    fn all_back<'a>(undo: impl Iterator<Item = &'a Transaction>, why: WhyTakenBack) -> Change {
        Change {
            undo: undo.cloned().collect(),
            shares: Vec::new(),
            keeps: false,
            line: None,
            why,
        }
    }

    /// What of the payment is then given to nothing.
    fn rest(&self, payment: &Standing) -> i64 {
        let given = self.shares.iter().map(|share| share.amount.kopecks());
        payment.remaining.kopecks() + all_given(&self.undo) - given.sum::<i64>()
    }
}

/// The changes as what is written.
async fn booked(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    page: &FollowedPage,
    changes: &BTreeMap<i64, Change>,
    payments: &BTreeMap<i64, Standing>,
    (invoices, rests): (&BTreeMap<InvoiceRef, Balance>, &Rests<'_>),
    now: Timestamp,
) -> Result<Batch, StoreError> {
    let gave = &page.because.gave;
    let order = page.order(now);
    let released = rests.released(changes);
    let transactions = changes
        .values()
        .map(|one| one.undo.len() + usize::from(!one.shares.is_empty()));
    let transactions = transactions.sum::<usize>() + released.len();
    let mut next = take(tx, portal, 0, transactions).await?.transaction;
    let mut batch = Batch {
        cases: page.cases.clone(),
        ..Batch::default()
    };
    for why in [
        WhyTakenBack::Changed,
        WhyTakenBack::ByParts,
        WhyTakenBack::Whole,
    ] {
        let is_why = |(refund, _): &&(i64, _)| rests.why(*refund, &released, changes) == why;
        let so: Vec<(i64, &Transaction)> = released.iter().filter(is_why).copied().collect();
        let because = why.of(&page.because);
        let order = Order { because, ..order };
        rests
            .resting
            .release(portal, &so, &mut next, &mut batch, order);
    }
    // Where the accountant only takes back, nothing can be refused: others may have paid in the refund's place.
    let refilled = released.iter().flat_map(|(_, one)| one.invoices());
    batch.may_be_overpaid.extend(refilled.cloned());
    let others = changes.values().flat_map(|one| &one.undo);
    let advances = released.iter().flat_map(|(_, one)| one.rests_on());
    let advances = advances.filter(|(_, invoice)| invoice.is_none());
    let others = others.flat_map(Transaction::others);
    let others: Vec<i64> = others.chain(advances.map(|(payment, _)| payment)).collect();
    let of_others = deals_of(tx, portal, &others).await?;
    batch.deals.extend(of_others.into_values().flatten());
    let (mut elsewhere, mut gone) = (BTreeSet::new(), Vec::new());
    for (payment, change) in changes {
        let Some(known) = payments.get(payment) else {
            continue;
        };
        let took_back = change.why.of(&page.because);
        let correction = Order {
            because: took_back,
            ..order
        };
        for undone in &change.undo {
            batch.correct(portal, next, *payment, undone, correction);
            next += 1;
        }
        if !change.undo.is_empty() {
            let undone: Vec<i64> = change.undo.iter().map(|one| one.number).collect();
            let what = match known.kind {
                PaymentKind::RefundOut => "released",
                _ => "undone",
            };
            let body =
                json!({what: undone, "payment": payment, "by": ACCOUNTING, "because": took_back});
            batch.note(*payment, "decision", body, now);
            if !change.keeps {
                batch.given_back.push(params![portal, *payment].to_vec());
            }
        }
        let held = change.undo.iter().flat_map(Transaction::invoices);
        for invoice in held.chain(change.shares.iter().map(|share| &share.invoice)) {
            match invoices.get(invoice).and_then(|known| known.deal) {
                Some(deal) => batch.deals.extend([deal]),
                None => elsewhere.extend([invoice]),
            }
        }
        let rest = change.rest(known);
        let booked = |because: &str| {
            let state = PaymentState::Booked.as_str();
            params![portal, *payment, state, because, rest, 0_i64].to_vec()
        };
        if !change.shares.is_empty() {
            let allocation = Allocation {
                payment: *payment,
                shares: &change.shares,
                dated: known.came,
                because: gave,
                author: ACCOUNTING,
            };
            batch.allocate(portal, next, &allocation, now);
            next += 1;
            batch.payments.push(booked(gave));
        } else if change.keeps {
            batch.payments.push(booked(took_back));
        } else if rests.withdrawn.contains(payment) {
            // A refund that never was: what others paid in its place stays, and people are asked about it.
            let lessened = change.undo.iter().flat_map(Transaction::invoices);
            batch.may_be_overpaid.extend(lessened.cloned());
            gone.push(params![portal, *payment, took_back].to_vec());
        } else {
            batch
                .reopened
                .push(params![portal, *payment, took_back, rest].to_vec());
            batch.looks.push(decide_soon(now));
        }
        if known.state == PaymentState::Asked {
            batch.cases.push(withdrawn(*payment));
        }
        let payer = known
            .payer
            .as_ref()
            .filter(|_| known.direction == Direction::In);
        batch.payers.extend(payer.map(ToString::to_string));
    }
    let rows: Vec<Vec<Value>> = elsewhere
        .iter()
        .map(|one| params![portal, &one.organisation, &one.invoice].to_vec())
        .collect();
    tx.execute_each(&ELSEWHERE, &rows).await?;
    tx.execute_each(&WITHDRAW, &gone).await?;
    Ok(batch)
}
