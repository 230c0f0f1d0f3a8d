//! The computation: what three sides say of one organisation's month, and where they disagree. Pure.

use std::collections::{BTreeMap, BTreeSet};

use domain::display::{date, money};
use domain::payment::{AccountNumber, Direction, PaymentKind, PaymentOrder};
use domain::purpose::NumberKey;
use domain::{InvoiceId, Money, OrganisationId};
use jiff::civil::Date;
use store::{
    AccountSpan, InvoiceRef, MonthCorrection, MonthFacts, MonthPayment, MonthSettlement,
    MonthShare, PaymentState,
};

use crate::settlements::kind_word;

use super::{
    AccountMonth, Columns, Kind, Line, Month, Names, OrganisationMonth, Sum, Unseen, What,
};

/// Whose month it is, and what is known beside the facts.
pub(super) struct Side<'a> {
    pub(super) organisation: &'a OrganisationId,
    pub(super) title: &'a str,
    /// The accounts that the policy names.
    pub(super) accounts: Vec<AccountNumber>,
    /// The accounting side's payments are read since.
    pub(super) read_since: Date,
    pub(super) month: Month,
    pub(super) today: Date,
    pub(super) names: &'a Names,
    pub(super) unseen: &'a Unseen,
}

/// The month of an organisation.
pub(super) fn compare(facts: &MonthFacts, side: &Side<'_>) -> OrganisationMonth {
    let payments: Vec<&MonthPayment> = facts
        .payments
        .iter()
        .filter(|one| one.organisation == *side.organisation)
        .collect();
    let covered = Covered::of(facts, side, &payments);
    let view = View {
        side,
        covered: &covered,
        has_accounting: facts.followed.contains(side.organisation),
    };
    let mut lines = one_sided(&payments, &view);
    for payment in &payments {
        lines.extend(otherwise(payment, &view));
        lines.extend(not_shown(payment, &view));
        lines.extend(not_given(payment, &view));
    }
    let settled = facts.settlements.iter();
    let settled = settled.filter(|one| one.invoice.id.organisation == *side.organisation);
    let settled: Vec<&MonthSettlement> = settled.collect();
    for settlement in &settled {
        lines.extend(settled_lines(settlement, &view));
    }
    let of_ours = |one: &&MonthCorrection| one.organisation == *side.organisation;
    let corrections = facts.corrections.iter().filter(of_ours);
    lines.extend(corrections.map(|one| corrected(one, &view)));
    lines.extend(not_covered(&payments, &view));
    lines.sort_by_key(|line| (line.kind, line.day, line.payment));
    OrganisationMonth {
        organisation: side.organisation.clone(),
        title: side.title.to_owned(),
        sums: sums(&payments, &settled, &view),
        accounts: by_account(&payments, &view),
        lines,
    }
}

/// What all lines are judged by.
struct View<'a> {
    side: &'a Side<'a>,
    covered: &'a Covered,
    has_accounting: bool,
}

/// The days that statements cover, by account.
struct Covered {
    accounts: BTreeMap<AccountNumber, Vec<(Date, Date)>>,
}

impl Covered {
    fn of(facts: &MonthFacts, side: &Side<'_>, payments: &[&MonthPayment]) -> Self {
        let ours = payments.iter().map(|one| &one.order.own_account);
        let accounts: BTreeSet<&AccountNumber> = side.accounts.iter().chain(ours).collect();
        let spans = |account: &AccountNumber| {
            let of_account = |span: &&AccountSpan| span.account == *account;
            let spans = facts.covered.iter().filter(of_account);
            spans.map(|span| (span.from, span.to)).collect()
        };
        Self {
            accounts: accounts
                .into_iter()
                .map(|account| (account.clone(), spans(account)))
                .collect(),
        }
    }

    fn is(&self, account: &AccountNumber, day: Date) -> bool {
        let mut spans = self.accounts.get(account).into_iter().flatten();
        spans.any(|(from, to)| (*from..=*to).contains(&day))
    }

    fn any(&self, month: Month) -> bool {
        let mut spans = self.accounts.values().flatten();
        spans.any(|(from, to)| *from <= month.last() && *to >= month.first())
    }
}

impl View<'_> {
    /// A statement should show it, and does not.
    fn lacks_bank(&self, payment: &MonthPayment) -> bool {
        !payment.in_bank && self.covered.is(&payment.order.own_account, payment.day())
    }

    /// The accounting side should hold it, and does not.
    fn lacks_accounting(&self, payment: &MonthPayment) -> bool {
        self.has_accounting
            && payment.in_accounting.is_none()
            && payment.day() >= self.side.read_since
    }

    fn invoice(&self, id: &InvoiceRef) -> String {
        match self.side.names.get(id) {
            Some((number, day)) if !number.is_empty() => {
                format!("счёт № {number} от {}", date(*day))
            }
            Some(_) | None => format!("счёт {}", id.invoice),
        }
    }

    fn in_words(&self, given: &BTreeMap<&InvoiceId, Money>) -> String {
        let parts: Vec<String> = given
            .iter()
            .map(|(invoice, amount)| {
                let id = InvoiceRef {
                    organisation: self.side.organisation.clone(),
                    invoice: InvoiceId::clone(invoice),
                };
                format!("{} {}", self.invoice(&id), money(*amount))
            })
            .collect();
        if parts.is_empty() {
            "ни к чему".to_owned()
        } else {
            parts.join(", ")
        }
    }
}

/// Payments that one side lacks. Two of them that are one order with another amount, or one amount under another number,
/// are one line.
fn one_sided(payments: &[&MonthPayment], view: &View<'_>) -> Vec<Line> {
    let mut in_bank: Vec<&MonthPayment> = Vec::new();
    let mut in_accounting: Vec<&MonthPayment> = Vec::new();
    for payment in payments {
        if payment.in_bank && view.lacks_accounting(payment) {
            in_bank.push(payment);
        } else if payment.in_accounting.is_some() && view.lacks_bank(payment) {
            in_accounting.push(payment);
        }
    }
    let mut lines = Vec::new();
    for (kind, alike) in [
        (
            Kind::AmountDiffers,
            same_order as fn(&PaymentOrder) -> String,
        ),
        (Kind::OrderDiffers, same_money),
    ] {
        let mut by_likeness: BTreeMap<String, Vec<&MonthPayment>> = BTreeMap::new();
        for there in in_accounting.drain(..) {
            let of_likeness = by_likeness.entry(alike(&there.order)).or_default();
            of_likeness.push(there);
        }
        in_bank.retain(|here| {
            let twin = by_likeness.get_mut(&alike(&here.order)).and_then(Vec::pop);
            lines.extend(twin.map(|there| differs(kind, here, there)));
            twin.is_none()
        });
        in_accounting = by_likeness.into_values().flatten().collect();
    }
    lines.extend(in_bank.into_iter().map(|one| {
        let why = "есть в выписке, в учёте нет: не внесён, удалён или изменён";
        line(Kind::OnlyInBank, one, why.to_owned(), sides(one))
    }));
    lines.extend(in_accounting.into_iter().map(|one| {
        let why = "есть в учёте, а выписка этого дня его не показывает";
        line(Kind::OnlyInAccounting, one, why.to_owned(), sides(one))
    }));
    lines
}

/// One order, whatever its amount.
fn same_order(order: &PaymentOrder) -> String {
    let number = NumberKey::of(&order.number);
    let direction = matches!(order.direction, Direction::In);
    let own = order.own_account.as_str();
    format!("{own}/{direction}/{}/{}", number.as_str(), order.date)
}

/// One amount of one payer, whatever the order says.
fn same_money(order: &PaymentOrder) -> String {
    let payer = order.other.inn.as_ref().map(ToString::to_string);
    let direction = matches!(order.direction, Direction::In);
    let own = order.own_account.as_str();
    let kopecks = order.amount.kopecks();
    format!("{own}/{direction}/{}/{kopecks}", payer.unwrap_or_default())
}

fn differs(kind: Kind, here: &MonthPayment, there: &MonthPayment) -> Line {
    let (bank, accounting) = (&here.order, &there.order);
    let why = match kind {
        Kind::AmountDiffers => format!(
            "сумма: в выписке {}, в учёте {}",
            money(bank.amount),
            money(accounting.amount)
        ),
        _ => format!(
            "в выписке № {} от {}, в учёте № {} от {}",
            bank.number,
            date(bank.date),
            accounting.number,
            date(accounting.date)
        ),
    };
    let columns = Columns {
        bank: Some(signed(bank)),
        accounting: Some(signed(accounting)),
        // Our ledger has both until one of them is gone.
        crm: signed(bank).checked_add(signed(accounting)),
    };
    line(kind, here, why, columns)
}

/// Given to other invoices by the accountant than in our ledger.
fn otherwise(payment: &MonthPayment, view: &View<'_>) -> Option<Line> {
    // Over there nothing is taken off for what was paid back.
    let told = payment.in_accounting.as_ref();
    let given = told.filter(|_| payment.kind != PaymentKind::RefundOut)?;
    let there: BTreeMap<&InvoiceId, Money> = given
        .iter()
        .map(|(invoice, amount)| (invoice, *amount))
        .collect();
    let mut here: BTreeMap<&InvoiceId, Money> = BTreeMap::new();
    for share in &payment.shares {
        let sum = here.entry(&share.invoice.id.invoice).or_default();
        *sum = sum.checked_add(share.amount).unwrap_or(*sum);
    }
    if there == here {
        return None;
    }
    let why = format!(
        "отнесён в учёте: {}; здесь: {}",
        view.in_words(&there),
        view.in_words(&here)
    );
    let columns = Columns {
        bank: None,
        accounting: Money::sum(there.into_values()),
        crm: Some(payment.given()),
    };
    Some(line(Kind::AllocatedOtherwise, payment, why, columns))
}

/// Given to invoices whose deals do not show it.
fn not_shown(payment: &MonthPayment, view: &View<'_>) -> Vec<Line> {
    let unseen = payment
        .shares
        .iter()
        .filter(|one| is_unseen(one, view.side));
    unseen
        .filter_map(|share| {
            let (deal, _) = share.invoice.of_deal?;
            let invoice = view.invoice(&share.invoice.id);
            let why = format!("отнесён: {invoice}, а сделка {deal} этого ещё не показывает");
            let columns = Columns {
                crm: Some(share.amount),
                ..Columns::default()
            };
            Some(line(Kind::NotShown, payment, why, columns))
        })
        .collect()
}

fn is_unseen(share: &MonthShare, side: &Side<'_>) -> bool {
    let of_deal = share.invoice.of_deal;
    of_deal.is_some_and(|(deal, _)| side.unseen.contains(&(share.transaction, deal)))
}

/// A buyer's money that is given to nothing, or not whole.
fn not_given(payment: &MonthPayment, view: &View<'_>) -> Option<Line> {
    if !payment.is_for_invoices() || !payment.remaining.is_positive() {
        return None;
    }
    let why = match payment.state {
        PaymentState::New if payment.because.is_empty() => "ещё не рассмотрен".to_owned(),
        PaymentState::New => payment.because.clone(),
        PaymentState::Asked => format!("ждёт решения: {}", payment.because),
        PaymentState::Booked if payment.kind == PaymentKind::Register => {
            format!("{} — продажи без счёта", money(payment.remaining))
        }
        PaymentState::Booked => format!("{} осталось авансом", money(payment.remaining)),
        PaymentState::Left => format!("оставлен без счёта: {}", payment.because),
        PaymentState::Aside => payment.because.clone(),
    };
    let given = payment.in_accounting.as_ref();
    let given = given.and_then(|given| Money::sum(given.values().copied()));
    let columns = Columns {
        bank: None,
        accounting: given
            .filter(|_| view.has_accounting)
            .and_then(|given| payment.order.amount.checked_sub(given)),
        crm: Some(payment.remaining),
    };
    Some(line(Kind::NotGiven, payment, why, columns))
}

fn corrected(correction: &MonthCorrection, view: &View<'_>) -> Line {
    let what = match &correction.share {
        Some((invoice, _)) => view.invoice(&invoice.id),
        None if correction.is_of_share => "возврат аванса".to_owned(),
        None => "сам платёж".to_owned(),
    };
    let corrected = match correction.payment {
        Some(payment) => format!("платёж {payment}"),
        None => "закрытие без банка".to_owned(),
    };
    let why = format!(
        "исправлено {} за {}: {}, {}",
        date(correction.dated),
        date(correction.corrects),
        correction.because,
        correction.author
    );
    Line {
        kind: Kind::Corrected,
        day: correction.dated,
        payment: correction.payment,
        document: format!("{corrected}, {what}"),
        why,
        columns: Columns {
            crm: correction.share.as_ref().map(|(_, amount)| *amount),
            ..Columns::default()
        },
    }
}

/// An invoice that was settled without a bank line; and that its deal does not show it.
fn settled_lines(settled: &MonthSettlement, view: &View<'_>) -> Vec<Line> {
    let invoice = view.invoice(&settled.invoice.id);
    let settlement = &settled.settlement;
    let line = |kind, why| Line {
        kind,
        day: settled.dated,
        payment: None,
        document: format!("{invoice}, {}", settlement.document),
        why,
        columns: Columns {
            crm: Some(settled.amount),
            ..Columns::default()
        },
    };
    let how = kind_word(settlement.kind);
    let mut lines = vec![line(
        Kind::Settled,
        format!("{how}, записал(а) {}", settlement.author),
    )];
    if let Some((deal, _)) = settled.invoice.of_deal
        && view.side.unseen.contains(&(settled.number, deal))
    {
        let why = format!("закрыт без банка, а сделка {deal} этого ещё не показывает");
        lines.push(line(Kind::NotShown, why));
    }
    lines
}

/// Days that no statement covers, with what the accounting side holds of them. Today is not over: it is only told where
/// something of it cannot be judged.
fn not_covered(payments: &[&MonthPayment], view: &View<'_>) -> Vec<Line> {
    let month = view.side.month;
    let end = month.last().min(view.side.today);
    let mut lines = Vec::new();
    for (account, spans) in &view.covered.accounts {
        for (from, to) in gaps(month.first(), end, spans) {
            let in_gap = |one: &&&MonthPayment| {
                let order = &one.order;
                order.own_account == *account && (from..=to).contains(&one.day()) && !one.in_bank
            };
            let unseen: Vec<Money> = payments
                .iter()
                .filter(in_gap)
                .map(|one| signed(&one.order))
                .collect();
            if from == view.side.today && unseen.is_empty() {
                continue;
            }
            let days = if from == to {
                date(from)
            } else {
                format!("{} – {}", date(from), date(to))
            };
            lines.push(Line {
                kind: Kind::NotCovered,
                day: from,
                payment: None,
                document: format!("счёт {account}, {days}"),
                why: match unseen.len() {
                    0 => "выписки нет".to_owned(),
                    count => format!("выписки нет; платежей учёта за эти дни: {count}"),
                },
                columns: Columns {
                    accounting: Some(unseen)
                        .filter(|unseen| view.has_accounting && !unseen.is_empty())
                        .and_then(Money::sum),
                    ..Columns::default()
                },
            });
        }
    }
    lines
}

/// The days of `from..=to` that no span covers; spans are in order and apart.
fn gaps(from: Date, to: Date, spans: &[(Date, Date)]) -> Vec<(Date, Date)> {
    let mut gaps = Vec::new();
    let mut next = Some(from);
    for (first, last) in spans {
        let Some(begin) = next.filter(|begin| *begin <= to) else {
            break;
        };
        if *last < begin {
            continue;
        }
        if *first > begin {
            let end = first.yesterday().unwrap_or(*first).min(to);
            gaps.push((begin, end));
        }
        next = last.tomorrow().ok();
    }
    if let Some(begin) = next.filter(|begin| *begin <= to) {
        gaps.push((begin, to));
    }
    gaps
}

fn sums(payments: &[&MonthPayment], settled: &[&MonthSettlement], view: &View<'_>) -> Vec<Sum> {
    let all = |what: What| Sum {
        what,
        columns: sum(payments.iter().copied(), what, view),
    };
    let always = [What::Came, What::Given, What::Shown, What::Left].map(all);
    let others = [
        What::Commission,
        What::Refunded,
        What::TakenOff,
        What::OtherIn,
        What::OtherOut,
    ];
    let others = others.map(all);
    let is_any = |sum: &Sum| {
        let Columns {
            bank,
            accounting,
            crm,
        } = sum.columns;
        let mut told = [bank, accounting, crm].into_iter().flatten();
        told.any(|amount| !amount.is_zero())
    };
    let settled = Sum {
        what: What::Settled,
        columns: Columns {
            crm: Money::sum(settled.iter().map(|one| one.amount)),
            ..Columns::default()
        },
    };
    always
        .into_iter()
        .chain([settled].into_iter().filter(is_any))
        .chain(others.into_iter().filter(is_any))
        .collect()
}

fn sum<'a>(
    payments: impl Iterator<Item = &'a MonthPayment> + Clone,
    what: What,
    view: &View<'_>,
) -> Columns {
    let of_kind = payments.filter(|one| is_of(what, one));
    let total = |side: &dyn Fn(&MonthPayment) -> Option<Money>| {
        Money::sum(of_kind.clone().filter_map(side)).unwrap_or_default()
    };
    let given = |one: &MonthPayment| {
        let given = one.in_accounting.as_ref()?;
        Money::sum(given.values().copied())
    };
    let amount = |one: &MonthPayment| Some(one.order.amount);
    let (bank, accounting, crm) = match what {
        What::Given => (None, Some(total(&given)), total(&|one| Some(one.given()))),
        What::Shown => (
            None,
            None,
            total(&|one| {
                let shown = one.shares.iter();
                let shown = shown.filter(|share| {
                    share.invoice.of_deal.is_some() && !is_unseen(share, view.side)
                });
                Money::sum(shown.map(|share| share.amount))
            }),
        ),
        What::Left => (
            None,
            Some(total(&|one| one.order.amount.checked_sub(given(one)?))),
            total(&|one| Some(one.remaining)),
        ),
        What::Commission => (
            None,
            None,
            total(&|one| {
                let told = one.given().checked_add(one.remaining)?;
                told.checked_sub(one.order.amount)
            }),
        ),
        // What a refund has left is below zero.
        What::TakenOff => (
            None,
            None,
            total(&|one| one.order.amount.checked_add(one.remaining)),
        ),
        What::Came | What::Refunded | What::OtherIn | What::OtherOut | What::Settled => (
            Some(total(&|one| amount(one).filter(|_| one.in_bank))),
            Some(total(&|one| {
                amount(one).filter(|_| one.in_accounting.is_some())
            })),
            total(&amount),
        ),
    };
    Columns {
        bank: bank.filter(|sum| !sum.is_zero() || view.covered.any(view.side.month)),
        accounting: accounting.filter(|_| view.has_accounting),
        crm: Some(crm),
    }
}

fn is_of(what: What, payment: &MonthPayment) -> bool {
    let is_in = payment.order.direction == Direction::In;
    match what {
        What::Came | What::Given | What::Shown | What::Left => payment.is_for_invoices(),
        // No payment settles without a bank line.
        What::Settled => false,
        What::Commission => payment.kind == PaymentKind::Register && is_in,
        What::Refunded | What::TakenOff => payment.kind == PaymentKind::RefundOut,
        What::OtherIn => is_in && !payment.is_for_invoices(),
        What::OtherOut => !is_in && payment.kind != PaymentKind::RefundOut,
    }
}

fn by_account(payments: &[&MonthPayment], view: &View<'_>) -> Vec<AccountMonth> {
    let mut by_account: BTreeMap<&AccountNumber, Vec<&MonthPayment>> = BTreeMap::new();
    for account in view.covered.accounts.keys() {
        by_account.entry(account).or_default();
    }
    for payment in payments {
        let of_account = by_account.entry(&payment.order.own_account).or_default();
        of_account.push(payment);
    }
    by_account
        .into_iter()
        .map(|(number, payments)| AccountMonth {
            number: number.clone(),
            came: sum(payments.into_iter(), What::Came, view),
        })
        .collect()
}

/// What each side has of a payment.
fn sides(payment: &MonthPayment) -> Columns {
    let amount = Some(signed(&payment.order));
    Columns {
        bank: amount.filter(|_| payment.in_bank),
        accounting: amount.filter(|_| payment.in_accounting.is_some()),
        crm: amount,
    }
}

fn signed(order: &PaymentOrder) -> Money {
    match order.direction {
        Direction::In => order.amount,
        Direction::Out => Money::from_kopecks(-order.amount.kopecks()),
    }
}

fn line(kind: Kind, payment: &MonthPayment, why: String, columns: Columns) -> Line {
    let order = &payment.order;
    let name = order.other.name.as_deref().unwrap_or("без имени");
    Line {
        kind,
        day: payment.day(),
        payment: Some(payment.number),
        document: format!(
            "платёж {}, поручение № {} от {}, {}",
            payment.number,
            order.number,
            date(order.date),
            name.trim()
        ),
        why,
        columns,
    }
}

#[cfg(test)]
mod tests;
