//! The open invoices that payments may be for, of each no more than its plan can use.
//!
//! Most payments name the one invoice that they are for. It is found by its number, and they are certain whatever else their
//! payers have open: of the others alone all is read that their payers have. Not here: what follows (`planner::payments`).

use std::collections::{BTreeMap, BTreeSet};

use domain::matching::{
    GoneInvoice, Incoming, OpenInvoice, OpenInvoices, may_have_no_inn, propose,
};
use domain::payment::PaymentKind;
use domain::purpose::{NameKey, NumberKey, Purpose};
use domain::{DealId, Inn, InvoiceId, Money, PortalId};
use planner::payments::{Offer, PaymentAnswer};
use store::{Found, InvoiceRef, Store, StoreError, Undecided, Wanted};

/// The invoices that all these payments may be for, and the payers whose payment may be for any of theirs.
pub(super) async fn found(
    store: &Store,
    portal: &PortalId,
    payments: &[Undecided],
    purposes: &[Purpose],
    answers: &[Option<PaymentAnswer>],
) -> Result<(Found, BTreeSet<Inn>), StoreError> {
    let wanted = by_name(payments, purposes, answers);
    let mut found = store.money_open(portal, &wanted).await?;
    let payers = unclear(payments, purposes, answers, &found);
    if payers.is_empty() {
        return Ok((found, payers));
    }
    let wanted = Wanted {
        inns: payers.iter().cloned().collect(),
        ..Wanted::default()
    };
    let others = store.money_open(portal, &wanted).await?;
    // Each once, in an order that does not depend on how it was found: where two fit alike, the first is offered first.
    let all = found.invoices.into_iter().chain(others.invoices);
    let all: BTreeMap<InvoiceId, (OpenInvoice, DealId)> =
        all.map(|one| (one.0.id.clone(), one)).collect();
    found.invoices = all.into_values().collect();
    found.chosen_before = others.chosen_before;
    Ok((found, payers))
}

/// Invoices that were taken back and that the purposes name of payments which are not certain.
pub(super) async fn gone(
    store: &Store,
    portal: &PortalId,
    payments: &[Undecided],
    purposes: &[Purpose],
    unclear: &BTreeSet<Inn>,
) -> Result<Vec<GoneInvoice>, StoreError> {
    let is_unclear = |payment: &Undecided| {
        let payer = payment.order.other.inn.as_ref();
        payment.kind == PaymentKind::Incoming && payer.is_none_or(|payer| unclear.contains(payer))
    };
    let beside = payments.iter().zip(purposes);
    let unclear = beside.filter(|(payment, _)| is_unclear(payment));
    let numbers: BTreeSet<NumberKey> = unclear.flat_map(|(_, purpose)| purpose.numbers()).collect();
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let numbers: Vec<NumberKey> = numbers.into_iter().collect();
    store.money_gone(portal, &numbers).await
}

/// By what they are found, whoever paid: number, sum, whom the purpose names beside the payer, a person's choice.
fn by_name(
    payments: &[Undecided],
    purposes: &[Purpose],
    answers: &[Option<PaymentAnswer>],
) -> Wanted {
    let numbers: BTreeSet<NumberKey> = purposes.iter().flat_map(Purpose::numbers).collect();
    let names = purposes.iter().filter_map(|one| one.third_party.as_deref());
    let names: BTreeSet<NameKey> = names.filter_map(NameKey::of).collect();
    let inns = payments
        .iter()
        .zip(purposes)
        .flat_map(|(payment, purpose)| {
            let payer = payment.order.other.inn.as_ref();
            let named = purpose.inns.iter();
            named.filter(move |named| payer != Some(*named)).cloned()
        });
    let inns: BTreeSet<Inn> = inns.collect();
    let of_strangers = payments.iter().filter(|one| {
        one.kind == PaymentKind::Incoming && may_have_no_inn(one.order.other.inn.as_ref())
    });
    let sums: BTreeSet<Money> = of_strangers.map(|one| one.remaining).collect();
    let offered = answers.iter().flatten().flat_map(|one| &one.offered);
    let invoices: BTreeSet<InvoiceRef> = offered
        .flat_map(|Offer(shares)| shares)
        .filter_map(|(invoice, _)| InvoiceRef::of_open(invoice))
        .collect();
    Wanted {
        inns: inns.into_iter().collect(),
        names: names.into_iter().collect(),
        numbers: numbers.into_iter().collect(),
        sums: sums.into_iter().collect(),
        invoices: invoices.into_iter().collect(),
    }
}

/// Payers whose payment may be for any invoice of theirs. Of several payments of one payer the first may take what the next
/// one names, and what a person chose may be anybody's.
fn unclear(
    payments: &[Undecided],
    purposes: &[Purpose],
    answers: &[Option<PaymentAnswer>],
    found: &Found,
) -> BTreeSet<Inn> {
    let is_answered = answers.iter().any(Option::is_some);
    let mut open = OpenInvoices::default();
    for (invoice, _) in &found.invoices {
        open.add(invoice.clone());
    }
    let mut of_payers: BTreeMap<&Inn, Vec<(&Undecided, &Purpose)>> = BTreeMap::new();
    for (payment, purpose) in payments.iter().zip(purposes) {
        let payer = payment.order.other.inn.as_ref();
        if let Some(payer) = payer.filter(|_| payment.kind == PaymentKind::Incoming) {
            of_payers.entry(payer).or_default().push((payment, purpose));
        }
    }
    let is_unclear = |of_payer: &[(&Undecided, &Purpose)]| match of_payer {
        [(payment, purpose)] => is_answered || !is_for_one(payment, purpose, &open),
        _ => true,
    };
    let unclear = of_payers
        .into_iter()
        .filter(|(_, of_payer)| is_unclear(of_payer));
    unclear.map(|(payer, _)| payer.clone()).collect()
}

/// Whether it is certainly for the one invoice that it names. Several are certain only beside all others of the payer.
fn is_for_one(payment: &Undecided, purpose: &Purpose, open: &OpenInvoices) -> bool {
    let order = &payment.order;
    let incoming = Incoming {
        organisation: &payment.organisation,
        payer: order.other.inn.as_ref(),
        amount: payment.remaining,
        came: order.booked.unwrap_or(order.date),
        purpose,
        chosen_before: &[],
        others: &[],
    };
    let proposal = propose(incoming, open);
    let certain = proposal.certain();
    certain.is_some_and(|certain| certain.shares.len() == 1)
}

#[cfg(test)]
mod tests {
    use domain::OrganisationId;
    use domain::matching::CountedBefore;
    use domain::payment::{AccountNumber, Direction, OtherSide, PaymentOrder};
    use jiff::Timestamp;
    use jiff::civil::date;
    use store::PaymentState;

    use super::*;

    const PAYERS: [&str; 3] = ["7707083893", "7702070139", "7736050003"];

    fn payment(number: i64, payer: &str, purpose: &str) -> Undecided {
        Undecided {
            number,
            organisation: OrganisationId::new("us"),
            kind: PaymentKind::Incoming,
            remaining: Money::from_kopecks(500),
            undone: 0,
            state: PaymentState::New,
            seen_at: Timestamp::UNIX_EPOCH,
            is_followed: false,
            has_feed: false,
            order: PaymentOrder {
                own_account: AccountNumber::new("40702810200000012345").unwrap(),
                direction: Direction::In,
                form: None,
                number: number.to_string(),
                date: date(2026, 3, 12),
                booked: None,
                amount: Money::from_kopecks(500),
                other: OtherSide {
                    inn: Some(Inn::parse(payer).unwrap()),
                    ..OtherSide::default()
                },
                purpose: purpose.to_owned(),
            },
            cases: Vec::new(),
        }
    }

    /// An open invoice of each payer: 117, 118, 119.
    fn open() -> Found {
        let invoices = (117_u64..).zip(PAYERS).map(|(number, buyer)| {
            let invoice = OpenInvoice {
                id: InvoiceId::new(format!("us/{number}")),
                seller: OrganisationId::new("us"),
                buyer: Some(Inn::parse(buyer).unwrap()),
                buyer_name: None,
                number: number.to_string(),
                date: date(2026, 3, 1),
                aliases: Vec::new(),
                open: Money::from_kopecks(500),
                counted_before: CountedBefore::default(),
            };
            (invoice, DealId(number))
        });
        Found {
            invoices: invoices.collect(),
            ..Found::default()
        }
    }

    fn of(payments: &[Undecided], answers: &[Option<PaymentAnswer>]) -> Vec<String> {
        let purposes = payments.iter().map(|one| Purpose::read(&one.order.purpose));
        let purposes: Vec<Purpose> = purposes.collect();
        let unclear = unclear(payments, &purposes, answers, &open());
        unclear.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn whom_a_purpose_names_beside_the_payer_is_looked_for_by_name_and_inn() {
        let [first, second, third] = PAYERS;
        let payments = [
            payment(
                1,
                first,
                &format!("За ООО «Ромашка», ИНН {second}, по письму"),
            ),
            payment(2, third, &format!("Оплата за услуги, ИНН {third}")),
        ];
        let purposes = payments.iter().map(|one| Purpose::read(&one.order.purpose));
        let purposes: Vec<Purpose> = purposes.collect();
        let wanted = by_name(&payments, &purposes, &[None, None]);
        assert_eq!(wanted.inns, [Inn::parse(second).unwrap()]);
        assert_eq!(wanted.names, [NameKey::of("ромашка ооо").unwrap()]);
    }

    #[test]
    fn all_that_a_payer_has_open_is_read_unless_one_invoice_is_certain_by_its_number() {
        let [first, second, third] = PAYERS;
        let named = payment(1, first, "Оплата по счету 117 от 01.03.2026");
        let unnamed = payment(2, second, "Оплата за услуги");
        let both = "Оплата по счетам 118 от 01.03.2026, 119 от 01.03.2026";
        let two = payment(3, third, both);
        let none = [None, None, None];
        assert_eq!(of(std::slice::from_ref(&named), &none[..1]), [""; 0]);
        let all = [named.clone(), unnamed.clone(), two];
        assert_eq!(of(&all, &none), [second, third]);
        // One of two may take what the other names.
        let again = payment(4, first, "Оплата по счету 117 от 01.03.2026");
        assert_eq!(of(&[named.clone(), again], &none[..2]), [first]);
        // A person may have chosen anybody's.
        let answer = PaymentAnswer {
            undone: 0,
            choice: "1".to_owned(),
            offered: Vec::new(),
            refund_of: Vec::new(),
            by: "Анна".to_owned(),
        };
        assert_eq!(
            of(&[named.clone(), unnamed], &[None, Some(answer)]),
            [second, first]
        );
        // What is no buyer's is for no invoice.
        let fee = Undecided {
            kind: PaymentKind::BankFee,
            ..named
        };
        assert_eq!(of(&[fee], &none[..1]), [""; 0]);
    }
}
