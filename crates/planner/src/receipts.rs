//! The promise: a deal shows the money of its invoices: fields, one timeline entry for each sum that came, went back to the
//! buyer or was taken back, and the stage for what is paid.
//!
//! On the event's way it is part of [`crate::invoicing`]: money that moved looks at the deal again. Not here: which invoice
//! a payment is for (`payments`).

use domain::display::{date, money};
use domain::ledger::{Life, OverdueCount, PaidState, Settlement, SettlementKind, Standing};
use domain::observed::{DealGlance, FieldValue, OurField};
use domain::payment::PaymentOrder;
use domain::{DealId, EffectKey, InvoiceStatus, Money, PortalId, Slot, SlotKind, StageId};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::asking::{about_invoice, answered, ask, case, merge, responsible};
use crate::texts::by_strangers;
use crate::{
    Action, CaseCode, Choice, DealSnapshot, MovedBy, Organisation, OurInvoice, Overdue, Plan,
    Policy, lost_deals, marked, overdue, paid_before, texts, triggers,
};

/// Money that was given to an invoice of the deal, or what settled it in another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Which of the deal's invoices got it.
    pub slot: Slot,
    /// The transaction of the ledger.
    pub transaction: i64,
    /// The day of credit as it was known then, or of the document that settles it; see `Receipt::day`.
    pub dated: Date,
    /// How much the invoice got; below zero for what a refund was taken off it.
    pub amount: Money,
    /// By what.
    pub means: Means,
    /// The correction that took it back, and why.
    pub undone: Option<(i64, String)>,
}

/// By what an invoice is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// A payment.
    Payment {
        /// Its number.
        payment: i64,
        /// What it has left for other invoices.
        remaining: Money,
        /// The order.
        order: Box<PaymentOrder>,
        /// The payer's letter that moved it here from another invoice.
        letter: Option<String>,
    },
    /// No line of a bank: cash, netting, a card, a mark of the accounting side.
    Settlement(Settlement),
    /// Money that went back to the buyer: off the invoice, or an advance, of which the invoice lost nothing.
    Refund {
        /// How much.
        returned: Money,
        /// The order.
        order: Box<PaymentOrder>,
    },
}

impl Receipt {
    /// Whether the other is of the same payment: taken back and given again, or given in parts.
    pub(crate) fn is_of_payment(&self, other: &Receipt) -> bool {
        match (&self.means, &other.means) {
            (Means::Payment { payment: one, .. }, Means::Payment { payment: two, .. }) => {
                one == two
            }
            (Means::Payment { .. } | Means::Settlement(_) | Means::Refund { .. }, _) => {
                self.transaction == other.transaction
            }
        }
    }

    /// The day of credit as it is known by now: until the bank told it, the order's own day stood for it in the ledger.
    pub(crate) fn day(&self) -> Date {
        match &self.means {
            Means::Payment { order, .. } | Means::Refund { order, .. } => {
                order.booked.unwrap_or(self.dated)
            }
            Means::Settlement(_) => self.dated,
        }
    }

    /// What the payment has left for other invoices.
    fn remaining(&self) -> Money {
        match &self.means {
            Means::Payment { remaining, .. } => *remaining,
            Means::Settlement(_) | Means::Refund { .. } => Money::ZERO,
        }
    }

    /// Whether it is what went back.
    pub(crate) fn is_refund(&self) -> bool {
        matches!(self.means, Means::Refund { .. })
    }
}

impl DealSnapshot {
    /// What stands of the money that was given to the invoice.
    pub fn paid(&self, slot: Slot) -> Money {
        let amounts = self.receipts_of(slot).map(|receipt| receipt.amount);
        Money::sum(amounts).unwrap_or_default()
    }

    /// The receipts of an invoice that stand.
    pub(crate) fn receipts_of(&self, slot: Slot) -> impl Iterator<Item = &Receipt> {
        let of_slot = move |receipt: &&Receipt| receipt.slot == slot && receipt.undone.is_none();
        self.receipts.iter().filter(of_slot)
    }
}

/// What the fields show of the money: of all invoices of the deal together.
pub(crate) fn fields(snapshot: &DealSnapshot, policy: &Policy) -> Vec<(OurField, FieldValue)> {
    if policy.money.is_none() {
        return Vec::new();
    }
    let standing = snapshot.receipts.iter().filter(|one| one.undone.is_none());
    let before = snapshot.invoices.iter().map(|one| {
        let paid = snapshot.paid(one.slot);
        snapshot.paid_of(one).checked_sub(paid).unwrap_or_default()
    });
    let paid = Money::sum(standing.map(|one| one.amount).chain(before)).unwrap_or_default();
    let day = completing(snapshot).and_then(|_| last_day(snapshot));
    let day = day.map(FieldValue::Date);
    vec![
        (OurField::Paid, FieldValue::Money(paid)),
        (OurField::PaidOn, day.unwrap_or(FieldValue::Empty)),
    ]
}

/// The word of the status field; none where it does not follow from money that is ours to count. What the accounting side
/// alone calls paid is not: sum, day and stage do not know it either. A payment that it shows is taken over or asked about; a
/// bill that it only marks as paid has none: it stays issued until its money is known, or a person settles it (`marked`).
pub(crate) fn status(
    snapshot: &DealSnapshot,
    invoice: &OurInvoice,
    policy: &Policy,
    now: Timestamp,
) -> Option<&'static str> {
    let money = policy.money.as_ref()?;
    let life = match (invoice.deleted, invoice.status) {
        (true, _) => Life::Deleted,
        (false, InvoiceStatus::Cancelled) => Life::Cancelled,
        (false, _) => Life::Live,
    };
    let remaining = snapshot.receipts_of(invoice.slot).map(Receipt::remaining);
    let organisation = policy.organisation(&invoice.organisation);
    let zone = organisation.map_or(jiff::tz::TimeZone::UTC, Organisation::zone);
    let counted = money.overdue.as_ref().map(Overdue::counted);
    let standing = Standing {
        life,
        total: invoice.total,
        paid: snapshot.paid_of(invoice),
        advance: Money::sum(remaining).unwrap_or_default(),
        due: overdue::known_due(snapshot, invoice, policy, now),
        today: now.to_zoned(zone).date(),
        count: counted.unwrap_or(OverdueCount::CalendarDays),
    };
    match standing.state() {
        PaidState::Issued => match invoice.status {
            InvoiceStatus::Paid | InvoiceStatus::PartiallyPaid => {
                Some(texts::status_label(InvoiceStatus::Issued))
            }
            // As before there was any money.
            InvoiceStatus::Issued | InvoiceStatus::Cancelled | InvoiceStatus::Unknown => None,
        },
        PaidState::Cancelled | PaidState::DeletedInAccounting => None,
        PaidState::PartlyPaid => Some("Оплачен частично"),
        PaidState::Paid => Some("Оплачен"),
        PaidState::Overpaid => Some(texts::OVERPAID_LABEL),
        PaidState::Overdue => Some(texts::OVERDUE_LABEL),
    }
}

/// Timeline, stage, and what is asked of the money.
pub(crate) fn plan(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    let mut plan = Plan::default();
    if policy.money.is_none() {
        return plan;
    }
    plan.actions.extend(entries(snapshot));
    plan.actions.extend(move_on(snapshot, glance, policy));
    merge(
        &mut plan,
        triggers::read_back(snapshot, glance, policy, now),
    );
    merge(&mut plan, in_the_books(snapshot, policy, now));
    merge(&mut plan, taken_back(snapshot, glance, policy));
    plan
}

/// What is asked of the money whether or not its deal is there still: the books answer it, or what a person says.
pub(crate) fn in_the_books(snapshot: &DealSnapshot, policy: &Policy, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let Some(money) = &policy.money else {
        return plan;
    };
    merge(&mut plan, paid_before::asked(snapshot));
    merge(&mut plan, marked::asked(snapshot, policy, money, now));
    merge(&mut plan, marked::mark_gone(snapshot));
    merge(&mut plan, astray(snapshot));
    merge(&mut plan, lost_deals::asked(snapshot));
    plan
}

/// Entries that the timeline lacks, oldest first. What was taken back before it was shown is not shown at all.
fn entries(snapshot: &DealSnapshot) -> Vec<Action> {
    let mut missing = Vec::new();
    for (place, receipt) in snapshot.receipts.iter().enumerate() {
        let of_slot = |one: &&OurInvoice| one.slot == receipt.slot;
        let Some(invoice) = snapshot.invoices.iter().find(of_slot) else {
            continue;
        };
        // One payment may be for several invoices of the deal.
        let came = came(receipt.transaction, receipt.slot);
        let is_shown = is_done(snapshot, &came);
        match &receipt.undone {
            None if !is_shown => missing.push(Action::AddTimelineEntry {
                text: came_in_words(snapshot, place, receipt, invoice),
                about: came,
                called: None,
            }),
            Some((correction, because)) if is_shown => {
                let about = format!("receipt-undone/{correction}/{}", receipt.slot);
                if !is_done(snapshot, &about) {
                    let text = undone_in_words(snapshot, receipt, invoice, because);
                    missing.push(Action::AddTimelineEntry {
                        about,
                        text,
                        called: None,
                    });
                }
            }
            None | Some(_) => {}
        }
    }
    missing
}

/// What the entry of a sum is about.
fn came(transaction: i64, slot: Slot) -> String {
    format!("receipt/{transaction}/{slot}")
}

/// The key of the effect by which a deal's timeline shows a sum that was given to one of its invoices.
pub fn entry_key(portal: &PortalId, deal: DealId, transaction: i64, slot: Slot) -> EffectKey {
    let about = came(transaction, slot);
    Action::entry_key(portal, deal, &about)
}

fn is_done(snapshot: &DealSnapshot, about: &str) -> bool {
    snapshot.done.contains_key(&format!("timeline/{about}"))
}

fn came_in_words(
    snapshot: &DealSnapshot,
    place: usize,
    receipt: &Receipt,
    invoice: &OurInvoice,
) -> String {
    let before = snapshot.receipts.iter().take(place.saturating_add(1));
    let so_far = before.filter(|one| one.slot == receipt.slot && one.undone.is_none());
    let paid = snapshot.paid_with(invoice, so_far);
    let left = invoice.total.checked_sub(paid).unwrap_or_default();
    let over = paid.checked_sub(invoice.total).unwrap_or_default();
    let left = if left.is_positive() {
        format!("осталось {}", money(left))
    } else if over.is_positive() {
        format!("оплачен полностью, переплачено {}", money(over))
    } else {
        "оплачен полностью".to_owned()
    };
    let (order, remaining, letter) = match &receipt.means {
        Means::Payment {
            order,
            remaining,
            letter,
            ..
        } => (order, *remaining, letter),
        Means::Settlement(settlement) => {
            return settled_in_words(receipt, invoice, settlement, &left);
        }
        Means::Refund { returned, order } => {
            return refunded_in_words(receipt, invoice, (*returned, order), paid);
        }
    };
    let over = if remaining.is_positive() {
        format!(
            ". От платежа осталось {}: это аванс покупателя",
            money(remaining)
        )
    } else {
        String::new()
    };
    let moved = letter
        .as_deref()
        .map(|letter| format!(". Перенесена с другого счёта: {}", by_strangers(letter)));
    let moved = moved.unwrap_or_default();
    let payer = by_strangers(order.other.name.as_deref().unwrap_or("не назван"));
    format!(
        "Оплата {} получена {}{moved}. Плательщик: {payer}, поручение № {} от {}, «{}». Счёт № {}: {left}{over}",
        money(receipt.amount),
        date(receipt.day()),
        by_strangers(&order.number),
        date(order.date),
        by_strangers(&order.purpose),
        invoice.number
    )
}

fn refunded_in_words(
    receipt: &Receipt,
    invoice: &OurInvoice,
    (returned, order): (Money, &PaymentOrder),
    paid: Money,
) -> String {
    let to = by_strangers(order.other.name.as_deref().unwrap_or("не назван"));
    let (of, stage) = if receipt.amount.is_negative() {
        ("", ". Стадию сделки проверьте сами")
    } else {
        (" из аванса", "")
    };
    format!(
        "Возврат {}{of} покупателю {}. Получатель: {to}, поручение № {} от {}, «{}». Счёт № {}: оплачено {} из {}{stage}",
        money(returned),
        date(receipt.day()),
        by_strangers(&order.number),
        date(order.date),
        by_strangers(&order.purpose),
        invoice.number,
        money(paid),
        money(invoice.total)
    )
}

fn settled_in_words(
    receipt: &Receipt,
    invoice: &OurInvoice,
    settlement: &Settlement,
    left: &str,
) -> String {
    let how = how_settled(settlement.kind);
    format!(
        "Счёт № {} закрыт {how} на {} ({}, {}; записал(а) {}): {left}",
        invoice.number,
        money(receipt.amount),
        by_strangers(&settlement.document),
        date(receipt.dated),
        by_strangers(&settlement.author)
    )
}

fn how_settled(kind: SettlementKind) -> &'static str {
    match kind {
        SettlementKind::Cash => "наличными",
        SettlementKind::Netting => "взаимозачётом",
        SettlementKind::Card => "оплатой картой",
        SettlementKind::MarkedPaid => "по отметке в учёте",
    }
}

fn undone_in_words(
    snapshot: &DealSnapshot,
    receipt: &Receipt,
    invoice: &OurInvoice,
    because: &str,
) -> String {
    let paid = snapshot.paid_of(invoice);
    if let Means::Refund { returned, .. } = &receipt.means {
        let (returned, day) = (money(*returned), date(receipt.day()));
        let (number, paid, total) = (&invoice.number, money(paid), money(invoice.total));
        return if receipt.amount.is_negative() {
            format!(
                "Возврат {returned} от {day} больше не вычитается из оплаченного по счёту № {number}: {because}. \
                 Оплачено {paid} из {total}"
            )
        } else {
            format!(
                "Возврат {returned} от {day} больше не вычитается из аванса: {because}. \
                 Счёт № {number}: оплачено {paid} из {total}"
            )
        };
    }
    let (sum, day, number) = (money(receipt.amount), date(receipt.day()), &invoice.number);
    let undone = if let Means::Settlement(settlement) = &receipt.means {
        let (how, document) = (
            how_settled(settlement.kind),
            by_strangers(&settlement.document),
        );
        format!("Закрытие счёта № {number} {how} на {sum} ({document}, {day}) снято")
    } else {
        format!("Оплата {sum} от {day} снята со счёта № {number}")
    };
    format!(
        "{undone}: {because}. Оплачено {} из {}. Стадию сделки проверьте сами",
        money(paid),
        money(invoice.total)
    )
}

/// What completed the payment of all invoices that stand; none while one is open, or while the rest after an advance is
/// not billed.
pub(crate) fn completing(snapshot: &DealSnapshot) -> Option<&Receipt> {
    let stands = |kind| snapshot.standing(kind).is_some();
    if stands(SlotKind::Advance) && !stands(SlotKind::Rest) {
        return None;
    }
    let standing = snapshot.invoices.iter().filter(|one| one.stands());
    let mut last: Option<&Receipt> = None;
    for invoice in standing {
        if snapshot.paid_of(invoice) < invoice.total {
            return None;
        }
        // What went back completes nothing. What is given again, as it was or by somebody else, came when it first did.
        let receipts = snapshot.receipts_of(invoice.slot);
        let receipts = receipts.filter(|one| !one.is_refund());
        last = last
            .into_iter()
            .chain(receipts)
            .max_by_key(|one| (first_given(snapshot, one), one.transaction));
    }
    last
}

/// The transaction by which its invoice first had money of its payment, taken back or not.
fn first_given(snapshot: &DealSnapshot, receipt: &Receipt) -> i64 {
    let same = |one: &&Receipt| one.slot == receipt.slot && one.is_of_payment(receipt);
    let given = snapshot.receipts.iter().filter(same);
    let first = given.map(|one| one.transaction).min();
    first.unwrap_or(receipt.transaction)
}

/// The last day of credit of what paid the invoices that stand, in whichever order it was learned.
fn last_day(snapshot: &DealSnapshot) -> Option<Date> {
    let standing = snapshot.invoices.iter().filter(|one| one.stands());
    let receipts = standing.flat_map(|one| snapshot.receipts_of(one.slot));
    let receipts = receipts.filter(|one| !one.is_refund());
    receipts.map(Receipt::day).max()
}

/// Paid in full: to the stage that policy names, forward and once for a payment, however often it is taken back and given
/// again; who moves the deal back keeps it there.
fn move_on(snapshot: &DealSnapshot, glance: &DealGlance, policy: &Policy) -> Option<Action> {
    let receipt = completing(snapshot)?;
    let deal = &glance.deal;
    let stage = policy.money.as_ref()?.stage(deal.funnel)?;
    let may_move = !deal.closed && !deal.lost && stage.from.contains(&deal.stage);
    let action = Action::MoveStage {
        to: stage.to.clone(),
        about: receipt.transaction,
        changed: Some(deal.changed),
        trigger: stage.by == MovedBy::Trigger,
    };
    let of_payment = snapshot.receipts.iter();
    let of_payment = of_payment.filter(|one| one.is_of_payment(receipt));
    let mut marks = of_payment.map(|one| mark(&stage.to, one.transaction));
    let was_moved = marks.any(|mark| snapshot.done.contains_key(&mark));
    (may_move && !was_moved).then_some(action)
}

/// The deal was moved for a payment that was taken back since, or went back to the buyer: where it belongs now is for people
/// to say. Money that comes again, or the deal moved back, answers it.
fn taken_back(snapshot: &DealSnapshot, glance: &DealGlance, policy: &Policy) -> Plan {
    let code = CaseCode::PaymentTakenBack;
    let deal = &glance.deal;
    let stage = policy.money.as_ref().and_then(|one| one.stage(deal.funnel));
    let place = |stage: &StageId| policy.funnel(deal.funnel)?.position(stage);
    let moved_for = stage
        .filter(|stage| place(&deal.stage) >= place(&stage.to))
        .and_then(|stage| moved_for(snapshot, &stage.to));
    let last = snapshot.receipts.iter().filter_map(lost);
    let last = last.max_by_key(|lost| lost.transaction);
    let is_paid = completing(snapshot).is_some();
    // What was taken back before the deal was moved is not what it was moved for.
    let is_since = |lost: &Lost| moved_for.is_some_and(|moved_for| lost.transaction > moved_for);
    let asked = last.filter(|lost| is_since(lost) && !is_paid && !deal.lost);
    let Some(lost) = asked else {
        return answered(snapshot, Plan::default(), &[code]);
    };
    let about = format!("correction/{}", lost.transaction);
    if snapshot.answers.to(code.as_str(), &about) == Some(LEAVE) {
        return answered(snapshot, Plan::default(), &[code]);
    }
    let choices = vec![Choice {
        word: LEAVE.to_owned(),
        text: "оставить сделку, где она есть".to_owned(),
    }];
    let question = format!(
        "Оплата, после которой сделка перешла на стадию оплаченных, {}. Если без денег дальше нельзя, \
         верните сделку на прежнюю стадию: программа сама этого не делает. Тогда вопрос снимется, и снимется, когда деньги \
         придут снова. Иначе:",
        lost.how
    );
    let text = texts::with_choices(&question, &choices);
    let mut asked = case(snapshot.id, code, text, responsible(glance));
    asked.case.choices = choices;
    asked.case.about = about;
    ask(snapshot, asked)
}

const LEAVE: &str = "leave";

/// Money that an invoice has no more.
struct Lost {
    /// By which transaction.
    transaction: i64,
    how: String,
}

/// A payment that was taken back, or a refund that stands and was taken off the invoice.
fn lost(receipt: &Receipt) -> Option<Lost> {
    match (&receipt.means, &receipt.undone) {
        (Means::Refund { returned, order }, None) if receipt.amount.is_negative() => Some(Lost {
            transaction: receipt.transaction,
            how: format!(
                "возвращена покупателю: {}, поручение № {} от {}",
                money(*returned),
                by_strangers(&order.number),
                date(order.date)
            ),
        }),
        (Means::Payment { .. } | Means::Settlement(_), Some((correction, because))) => Some(Lost {
            transaction: *correction,
            how: format!("снята: {}", by_strangers(because)),
        }),
        (Means::Payment { .. } | Means::Settlement(_) | Means::Refund { .. }, None | Some(_)) => {
            None
        }
    }
}

/// Money of an invoice that stands no more: only people know whose it is now.
fn astray(snapshot: &DealSnapshot) -> Plan {
    let code = CaseCode::PaidInvoiceGone;
    let gone =
        |invoice: &&OurInvoice| !invoice.stands() && snapshot.paid(invoice.slot).is_positive();
    let over = |invoice: &&OurInvoice| snapshot.paid(invoice.slot) > invoice.total;
    let mut invoices = snapshot.invoices.iter();
    let Some(invoice) = invoices.find(|one| gone(one) || over(one)) else {
        return answered(snapshot, Plan::default(), &[code]);
    };
    let paid = money(snapshot.paid(invoice.slot));
    let what = if gone(&invoice) {
        "счёт больше не действует".to_owned()
    } else {
        format!("счёт теперь на {}", money(invoice.total))
    };
    let text = format!(
        "По счёту № {} от {} получено {paid}, а {what}. {}",
        invoice.number,
        date(invoice.date),
        to_take_back(snapshot, invoice.slot)
    );
    ask(snapshot, about_invoice(snapshot.id, code, invoice, text))
}

/// How what an invoice got is taken back: a payment by one command, what closed it without a payment by another.
fn to_take_back(snapshot: &DealSnapshot, slot: Slot) -> String {
    let is_payment = |one: &Receipt| matches!(one.means, Means::Payment { .. });
    let mut ways = Vec::new();
    if snapshot.receipts_of(slot).any(is_payment) {
        ways.push(
            "Снимите оплату командой `provodka payments undo` и отнесите к другому счёту или верните деньги."
                .to_owned(),
        );
    }
    let is_settlement = |one: &&Receipt| matches!(one.means, Means::Settlement(_));
    let settlements = snapshot.receipts_of(slot).filter(is_settlement);
    ways.extend(settlements.map(|one| {
        format!(
            "Закрытие {} на {} без выписки снимите командой `provodka payments unsettle {}` или на странице «Без банка».",
            one.transaction,
            money(one.amount),
            one.transaction
        )
    }));
    ways.join(" ")
}

/// The sum for which the deal was moved to that stage last.
fn moved_for(snapshot: &DealSnapshot, to: &StageId) -> Option<i64> {
    let mark = mark(to, 0);
    let moved = mark.trim_end_matches('0');
    let about = snapshot
        .done
        .keys()
        .filter_map(|done| done.strip_prefix(moved)?.parse().ok());
    about.max()
}

/// What [`Action::MoveStage`] is called by: a stage is entered once for the sum that completed the payment.
pub(crate) fn mark(to: &StageId, about: i64) -> String {
    format!("stage/{to}/{about}")
}
