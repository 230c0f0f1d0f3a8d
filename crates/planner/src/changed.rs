//! A deal that was changed after its invoice: told line by line once the edits are gathered, and never reissued by
//! itself. A person replaces the invoice or leaves it, by the field of the deal or by an answer.

use domain::observed::{DealGlance, DealReading, FieldValue, OurField};
use domain::{InvoiceStatus, Line, Order, Revision, Slot, SlotKind};
use jiff::{SignedDuration, Timestamp};

use crate::asking::{Lack, answered, ask, case, merge, responsible};
use crate::differences::differences;
use crate::draft::{asks_now, draft, with_parties};
use crate::orders::{Given, given, said};
use crate::plan::{GivenUp, Reply};
use crate::showing::is_not_kept;
use crate::slots::{self, Next};
use crate::{
    CaseCode, Choice, DealSnapshot, Need, Organisation, OurInvoice, Plan, Policy, Whom, cancelling,
    parts, seller, texts, vat,
};

/// The word for another invoice in the place of this one.
const REISSUE: &str = "reissue";
/// The word for another invoice beside it.
const ADDITIONAL: &str = "additional";
/// The word for leaving it.
const LEAVE: &str = "leave";

/// Whether a deal is compared with its invoice no more: it is won or lost, nothing is asked about a change of it, and no answer
/// waits to be obeyed.
pub(crate) fn is_over(snapshot: &DealSnapshot, glance: &DealGlance, invoice: &OurInvoice) -> bool {
    let key = CaseCode::DealChanged.as_str();
    let of_invoice = about(invoice.slot, "");
    let mut answers = snapshot.answers.0.iter();
    let is_decided = answers.any(|answer| {
        answer.key == key && answer.choice != LEAVE && answer.about.starts_with(&of_invoice)
    });
    glance.deal.closed && !is_decided && !snapshot.open_cases.contains_key(key)
}

/// What a question about a change is about.
fn about(slot: Slot, revision: &str) -> String {
    format!("{slot}: {revision}")
}

/// What the invoice and the deal differ in, and the answer that a person may have given to just that.
struct Change {
    found: Vec<String>,
    about: String,
    /// What another invoice could not be made without.
    lacks: Vec<String>,
}

/// What becomes of the invoice of a deal that was read whole.
pub(crate) fn plan(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    reading: &DealReading,
    invoice: &OurInvoice,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    let change = change(snapshot, reading, invoice, policy, now);
    let lacks = |kind, instead| lacks(snapshot, reading, kind, instead, policy, now);
    if let Some(given) = given(snapshot, glance) {
        if given.order == Order::Cancel {
            return cancelling::ordered(snapshot, glance, given, invoice, policy);
        }
        if let Some(ordered) = ordered(snapshot, glance, (given, now), invoice, &change, lacks) {
            return ordered;
        }
    }
    let key = CaseCode::DealChanged.as_str();
    match snapshot.answers.to(key, &change.about) {
        _ if change.found.is_empty() => {
            answered(snapshot, Plan::default(), &[CaseCode::DealChanged])
        }
        Some(LEAVE) => answered(snapshot, Plan::default(), &[CaseCode::DealChanged]),
        Some(REISSUE) if change.lacks.is_empty() && is_replaceable(snapshot, invoice) => {
            replace(snapshot, invoice, None)
        }
        Some(_) | None => {
            let added = can_be_added(snapshot, reading, policy, now);
            tell(snapshot, glance, invoice, &change, added, policy, now)
        }
    }
}

fn change(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    invoice: &OurInvoice,
    policy: &Policy,
    now: Timestamp,
) -> Change {
    let slot = invoice.slot;
    let mut lacks = lacks(snapshot, reading, slot.kind, Some(slot), policy, now);
    // A part is compared by the whole it is a part of.
    let issued = invoice.draft.of_whole();
    let asked = match asks_now(snapshot, reading, policy, &issued) {
        Err(Lack::Faults(_)) if is_as_adopted(reading, invoice) => {
            Ok(with_parties(snapshot, reading, policy, issued.clone()))
        }
        asked => asked,
    };
    let (found, revision) = match asked {
        Ok(asked) => {
            let revision = asked.revision().short().to_owned();
            (differences(&issued, &asked, policy), revision)
        }
        // No invoice could be made of it any more: that is a difference as well.
        Err(lack) => {
            let faults = lack.into_faults(snapshot.id).into_iter();
            let found: Vec<String> = faults.map(|fault| fault.what).collect();
            lacks.clone_from(&found);
            let revision = Revision::hashed(&as_typed(snapshot, reading, &found, policy));
            (found, revision.short().to_owned())
        }
    };
    Change {
        found,
        about: about(invoice.slot, &revision),
        lacks,
    }
}

/// An invoice that was taken over by the deal's amount, as no lines could be made of the deal, stands by that amount.
fn is_as_adopted(reading: &DealReading, invoice: &OurInvoice) -> bool {
    let deal = &reading.glance.deal;
    invoice.adopted
        && deal.currency == invoice.draft.currency
        && deal.amount == invoice.issued_total()
}

/// What an invoice of this kind, perhaps in the place of one, could not be made without: given up is only what another
/// can take the place of. A question of rates or sums may follow, a gap may not.
pub(crate) fn lacks(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    kind: SlotKind,
    instead: Option<Slot>,
    policy: &Policy,
    now: Timestamp,
) -> Vec<String> {
    let made = draft(snapshot, reading, policy, now).and_then(|draft| {
        let (whole, policy) = (draft.invoice, &policy.invoice);
        parts::part(snapshot, reading, kind, instead, whole, policy)
    });
    match made {
        Err(Lack::Faults(faults)) => faults.into_iter().map(|fault| fault.what).collect(),
        Ok(_) | Err(Lack::Question(_)) => Vec::new(),
    }
}

/// Whether a person answered that what was added to the deal gets an invoice of its own.
pub(crate) fn is_to_be_added(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    invoice: &OurInvoice,
    policy: &Policy,
    now: Timestamp,
) -> bool {
    let key = CaseCode::DealChanged.as_str();
    let said = |answer: &crate::Answer| answer.key == key && answer.choice == ADDITIONAL;
    snapshot.answers.0.iter().any(said) && {
        let change = change(snapshot, reading, invoice, policy, now);
        snapshot.answers.to(key, &change.about) == Some(ADDITIONAL)
            && can_be_added(snapshot, reading, policy, now)
    }
}

fn can_be_added(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    policy: &Policy,
    now: Timestamp,
) -> bool {
    slots::next(snapshot, Order::Additional) == Next::Issue(SlotKind::Additional)
        && draft(snapshot, reading, policy, now).is_ok_and(|draft| {
            let (kind, whole) = (SlotKind::Additional, draft.invoice);
            parts::part(snapshot, reading, kind, None, whole, &policy.invoice).is_ok()
        })
}

/// What people made of a deal of which no invoice could be made: an answer to it holds for nothing else.
fn as_typed(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    found: &[String],
    policy: &Policy,
) -> String {
    let rows = reading.rows.iter().map(|row| {
        let (quantity, price, vat) = (row.quantity, row.price, &row.vat);
        let vat_included = row.vat_included;
        format!("{} {quantity} {price} {vat:?} {vat_included}", row.name)
    });
    let company = format!("{:?}", reading.glance.deal.company);
    // Who cannot be told is among what was found.
    let seller = seller::organisation(reading, &snapshot.own_companies, policy)
        .map_or_else(|_| String::new(), |one| one.id.to_string());
    rows.chain([company, seller])
        .chain(found.iter().cloned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The first invoice that is still to be paid when a rate of its lines ends, by law or because its seller's regime is another one
/// by now: what is shipped later bears another rate. The administrator gets one list of them, and each can be left or replaced.
pub(crate) fn rate_ended(
    snapshot: &DealSnapshot,
    reading: Option<&DealReading>,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    let code = CaseCode::InvoiceRateEnded;
    let is_left = |invoice: &OurInvoice| {
        let about = invoice.slot.to_string();
        snapshot.answers.to(code.as_str(), &about) == Some(LEAVE)
    };
    let mut live = snapshot.invoices.iter().filter(|invoice| invoice.live);
    let ended = live.find_map(|invoice| {
        let is_open = !invoice.deleted
            && snapshot.paid_of(invoice) < invoice.total
            && matches!(
                invoice.status,
                InvoiceStatus::Issued | InvoiceStatus::PartiallyPaid
            );
        let seller = policy.organisation(&invoice.organisation);
        let zone = seller.map_or(jiff::tz::TimeZone::UTC, Organisation::zone);
        let (draft, issued) = (&invoice.draft, invoice.date);
        let today = now.to_zoned(zone).date();
        let goes_without = |line: &Line| {
            reading.is_some_and(|reading| vat::goes_without(line, reading, &policy.invoice))
        };
        let ended = vat::ended_since(draft, issued, today, seller, goes_without);
        let ended = ended.filter(|_| is_open && !is_left(invoice))?;
        Some((invoice, ended))
    });
    let Some((invoice, ended)) = ended else {
        return answered(snapshot, Plan::default(), &[code]);
    };
    let may_go_without = ended.is_without() && policy.invoice.no_rate.lets_go_without();
    if reading.is_none() && may_go_without {
        // Of which product a line is only the rows tell.
        return Plan::need(Need::Whole);
    }
    let choices = vec![Choice {
        word: LEAVE.to_owned(),
        text: "оставить счёт как есть".to_owned(),
    }];
    let text = texts::with_choices(&texts::rate_ended(invoice, ended), &choices);
    let mut asked = case(snapshot.id, code, text, Whom::Administrator);
    asked.case.choices = choices;
    asked.case.about = invoice.slot.to_string();
    ask(snapshot, asked)
}

/// After a payment an invoice is not replaced: the money would belong to none.
pub(crate) fn is_replaceable(snapshot: &DealSnapshot, invoice: &OurInvoice) -> bool {
    let is_unpaid = !snapshot.paid_of(invoice).is_positive();
    let may_be = matches!(
        invoice.status,
        InvoiceStatus::Issued | InvoiceStatus::Cancelled
    );
    is_unpaid && (invoice.deleted || may_be)
}

/// What a person ordered; none: nothing that is to be done here.
fn ordered(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    (given, now): (Given, Timestamp),
    invoice: &OurInvoice,
    change: &Change,
    lacks: impl Fn(SlotKind, Option<Slot>) -> Vec<String>,
) -> Option<Plan> {
    // A robot that gives an order again and again is not answered each time.
    let is_robots =
        given.called.is_none() && is_not_kept(snapshot, OurField::Command, &FieldValue::Empty, now);
    let said = |about: &str, text| (!is_robots).then(|| said(snapshot, given, about, text));
    let kept = |invoice: &OurInvoice, text| {
        let about = format!("order/{}/{}", invoice.slot, glance.deal.changed);
        said(&given.about(about), text)
    };
    let not_replaced =
        |invoice: &OurInvoice, lacks: &[String]| kept(invoice, texts::not_replaced(invoice, lacks));
    match given.order {
        Order::Reissue if !is_replaceable(snapshot, invoice) => {
            kept(invoice, texts::not_after_payment(invoice))
        }
        Order::Reissue if !change.lacks.is_empty() => not_replaced(invoice, &change.lacks),
        Order::Reissue => Some(replace(snapshot, invoice, Some(given))),
        order @ (Order::Issue | Order::Advance | Order::Rest | Order::Additional) => {
            match slots::next(snapshot, order) {
                Next::Nothing => {
                    let stands = snapshot.standing(SlotKind::Whole).unwrap_or(invoice);
                    said(&given.refusal(glance), texts::issued_before(stands))
                }
                // The caller issues what lacks nothing.
                Next::Issue(kind) => match lacks(kind, None) {
                    lacks if lacks.is_empty() => None,
                    lacks => said(&given.refusal(glance), texts::not_issued(kind, &lacks)),
                },
                Next::Refuse(why) => said(&given.refusal(glance), why),
                Next::Replace(slot) => {
                    let left = snapshot.invoices.iter().find(|one| one.slot == slot)?;
                    match lacks(slot.kind, Some(slot)) {
                        lacks if lacks.is_empty() => Some(replace(snapshot, left, Some(given))),
                        lacks => not_replaced(left, &lacks),
                    }
                }
            }
        }
        Order::Cancel => None,
        Order::Leave => {
            let key = CaseCode::DealChanged.as_str();
            let open = snapshot.open_cases.contains_key(key);
            let about = given.about(format!("order/left/{}", glance.deal.changed));
            if change.found.is_empty() {
                return said(&about, texts::NOTHING_TO_LEAVE.to_owned());
            }
            // Decided by this order or before it: it is said once the decision is on record.
            if snapshot.answers.to(key, &change.about) == Some(LEAVE) {
                return said(&about, texts::left(invoice));
            }
            if !open {
                return said(&about, texts::NOTHING_TO_LEAVE.to_owned());
            }
            Some(Plan {
                replies: vec![Reply {
                    key: key.to_owned(),
                    about: change.about.clone(),
                    choice: LEAVE.to_owned(),
                }],
                because: vec![format!(
                    "счёт № {} оставлен по команде в сделке",
                    invoice.number
                )],
                ..Plan::default()
            })
        }
    }
}

/// Another invoice takes the place of this one: the next plan issues it.
fn replace(snapshot: &DealSnapshot, invoice: &OurInvoice, by: Option<Given>) -> Plan {
    let called = by.and_then(|given| given.called);
    let plan = Plan {
        given_up: Some(GivenUp {
            slot: invoice.slot,
            by_order: by.is_some() && called.is_none(),
        }),
        obeyed: called,
        because: vec![format!(
            "счёт № {} перевыставляется по решению человека",
            invoice.number
        )],
        ..Plan::default()
    };
    let asked = [
        CaseCode::DealChanged,
        CaseCode::InvoiceEdited,
        CaseCode::InvoiceCancelled,
        CaseCode::InvoiceDeleted,
        CaseCode::InvoiceRateEnded,
    ];
    answered(snapshot, plan, &asked)
}

/// Tells of the difference once nobody has edited for a while.
fn tell(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    invoice: &OurInvoice,
    change: &Change,
    added: bool,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    let gathered = SignedDuration::from_secs(i64::from(policy.invoice.gather_seconds));
    let settled_at = glance.deal.changed.checked_add(gathered).unwrap_or(now);
    let key = CaseCode::DealChanged.as_str();
    if now < settled_at && !snapshot.open_cases.contains_key(key) {
        return Plan::later(settled_at, "сделку ещё правят: ждём, пока закончат");
    }
    let mut choices = Vec::new();
    if change.lacks.is_empty() && is_replaceable(snapshot, invoice) {
        choices.push(Choice {
            word: REISSUE.to_owned(),
            text: "перевыставить: новый счёт вместо этого".to_owned(),
        });
    }
    if added {
        choices.push(Choice {
            word: ADDITIONAL.to_owned(),
            text: "дополнительный: отдельный счёт на добавленное".to_owned(),
        });
    }
    choices.push(Choice {
        word: LEAVE.to_owned(),
        text: "оставить счёт как есть".to_owned(),
    });
    let text = texts::changed(invoice, &change.found, &change.lacks, &choices);
    let mut asked = case(
        snapshot.id,
        CaseCode::DealChanged,
        text,
        responsible(glance),
    );
    asked.case.choices = choices;
    asked.case.about.clone_from(&change.about);
    let mut plan = Plan::default();
    merge(&mut plan, ask(snapshot, asked));
    plan
}
