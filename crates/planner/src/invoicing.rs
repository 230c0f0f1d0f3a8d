//! The promise: a deal in its invoice stage has one true invoice, and shows it.
//!
//! Read [`plan`] from the top: these are the rules an accountant would state. Each rule that needs to know
//! more says what ([`Need`]); the reconciler observes it and asks again.

use domain::observed::{DealGlance, DealReading, FieldValue, OurField, Owner};
use domain::{DealId, InvoiceDraft, InvoiceStatus, Order, SlotKind, display};
use jiff::{SignedDuration, Timestamp};
use planted::Bug;

use crate::asking::{
    Asked, about_buyer, about_invoice, answered, ask, case, choose, lacking, merge, waits_for,
};
use crate::draft::{Draft, draft};
use crate::flood::Standing;
use crate::orders::{
    given, in_vain, is_any, is_by_field, is_ordered, owed, refused, unheard, used_by_invoice,
    without_invoice,
};
use crate::showing::{Edited, is_not_kept, mark_replaced, put_back, shown, tell, wanted_fields};
use crate::slots::{self, Next};
use crate::smart_invoices::{self, Before};
use crate::wanted::{Wanted, at_a_glance, by_history};
use crate::{
    Action, CaseCode, Creating, DealSnapshot, Need, Organisation, OurInvoice, Plan, Policy, Seen,
    Whom, notices, texts,
};
use crate::{
    buyer, cancelling, changed, copied, gone, newcomers, overdue, parts, receipts, seller, twins,
};

/// A whole look may be this old when an invoice is issued from it; then at most two seconds pass between
/// what was read and the first byte of what is created.
pub const FRESH: SignedDuration = SignedDuration::from_millis(1_500);

/// Every question that may stand before an invoice.
pub const BEFORE_ISSUE: [CaseCode; 8] = [
    CaseCode::DealDataMissing,
    CaseCode::BuyerHidden,
    CaseCode::SellerHidden,
    CaseCode::VatRateEnded,
    CaseCode::SumDiffers,
    CaseCode::SmartInvoice,
    CaseCode::CounterpartyAmbiguous,
    CaseCode::CounterpartyNew,
];

/// What a deal needs next so that its invoice exists, is the right one, and is seen in the CRM.
pub fn plan(snapshot: &DealSnapshot, policy: &Policy, now: Timestamp) -> Plan {
    let plan = decide(snapshot, policy, now);
    let plan = newcomers::shown_as_waiting(snapshot, plan, policy, now);
    let plan = notices::tactful(plan, policy, now);
    if snapshot.glance().is_some() && plan.needs.is_empty() {
        return answered(
            snapshot,
            plan,
            &[CaseCode::DealHidden, CaseCode::DealDeleted],
        );
    }
    plan
}

fn decide(snapshot: &DealSnapshot, policy: &Policy, now: Timestamp) -> Plan {
    if snapshot.sealed {
        return sealed(snapshot);
    }
    if let Some(creating) = &snapshot.creating
        && !planted::is(Bug::RevisionBesideUnknown)
    {
        return ask_once_more(snapshot, creating, policy, now);
    }
    follow(snapshot, policy, now)
}

/// What cannot be read may be an invoice that stands: neither it nor the others are touched, and none is issued beside it.
fn sealed(snapshot: &DealSnapshot) -> Plan {
    match snapshot.seen {
        // Whoever is told of it is told by the deal's funnel.
        Seen::Unread => Plan::need(Need::Glance),
        Seen::Glance(_) | Seen::Whole(..) | Seen::Gone | Seen::Denied => {
            Plan::nothing("запись о счёте сделки сделана другой версией программы")
        }
    }
}

/// Neither this revision nor another is created beside one whose fate is not known; but where the accounting side
/// tells a repetition by its key, a deal that still wants just this may ask for it again.
fn ask_once_more(
    snapshot: &DealSnapshot,
    creating: &Creating,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    let wait = |at| Plan::later(at, "исход создания счёта ещё не известен");
    let Some(again) = &creating.repeatable else {
        return wait(creating.look_at);
    };
    if now < again.not_before {
        return wait(again.not_before.min(creating.look_at));
    }
    let plan = follow(snapshot, policy, now);
    let is_the_same = |action: &Action| {
        let Action::IssueInvoice { slot, draft, .. } = action else {
            return false;
        };
        *slot == creating.slot && draft.revision() == again.revision
    };
    if !plan.needs.is_empty() || plan.actions.iter().any(is_the_same) {
        plan
    } else {
        wait(creating.look_at)
    }
}

fn follow(snapshot: &DealSnapshot, policy: &Policy, now: Timestamp) -> Plan {
    let plan = copied::plan(snapshot, go_on(snapshot, policy, now), policy, now);
    owed(snapshot, plan, policy)
}

fn go_on(snapshot: &DealSnapshot, policy: &Policy, now: Timestamp) -> Plan {
    if let Some(answer) = unheard(snapshot, policy, now) {
        return answer;
    }
    let invoice = snapshot.live_invoice();
    match (&snapshot.seen, invoice) {
        (Seen::Unread, _) => Plan::need(Need::Glance),
        (Seen::Gone, _) => in_vain(snapshot, gone::plan(snapshot, policy, now)),
        (Seen::Denied, _) => hidden(snapshot),
        // A person decided that another takes the place of one there was.
        (Seen::Glance(_), _) if snapshot.to_replace().is_some() => Plan::need(Need::Whole),
        // Also when the deal has left the stage since.
        (Seen::Glance(glance), Some(invoice))
            if !is_any(snapshot, glance)
                && (changed::is_over(snapshot, glance, invoice)
                    || snapshot.is_compared(glance, invoice)) =>
        {
            keep_true(snapshot, glance, None, invoice, policy, now)
        }
        (Seen::Glance(_), Some(_)) => Plan::need(Need::Whole),
        (Seen::Whole(reading, read_at), invoice)
            if let Some(kind) = another(snapshot, reading, invoice, policy, now) =>
        {
            issue(snapshot, reading, *read_at, kind, policy, now)
        }
        (Seen::Whole(reading, _), Some(invoice)) => {
            let glance = &reading.glance;
            keep_true(snapshot, glance, Some(reading), invoice, policy, now)
        }
        (Seen::Glance(_) | Seen::Whole(..), None)
            if let Some(refused) = without_invoice(snapshot, policy, now) =>
        {
            refused
        }
        (Seen::Glance(glance), None) if is_held(snapshot, glance) => held(snapshot),
        (Seen::Whole(reading, _), None) if is_held(snapshot, &reading.glance) => held(snapshot),
        (Seen::Glance(glance), None) => match at_a_glance(snapshot, glance, policy) {
            Wanted::No(why) => unwanted(snapshot, why),
            Wanted::Later(at, why) => Plan::later(at, why),
            Wanted::AskHistory => Plan::need(Need::Entered),
            Wanted::Yes | Wanted::ReadWhole => Plan::need(Need::Whole),
        },
        (Seen::Whole(reading, read_at), None) => match by_history(snapshot, reading, policy, now) {
            Wanted::No(why) => unwanted(snapshot, why),
            Wanted::Later(at, why) => Plan::later(at, why),
            Wanted::ReadWhole | Wanted::AskHistory => Plan::need(Need::Whole),
            Wanted::Yes => {
                let kind = match given(snapshot, &reading.glance) {
                    Some(given) if given.order == Order::Advance => SlotKind::Advance,
                    Some(_) | None => SlotKind::Whole,
                };
                issue(snapshot, reading, *read_at, kind, policy, now)
            }
        },
    }
}

/// An invoice that a person decided on: in the place of one there was, or beside what stands.
fn another(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    invoice: Option<&OurInvoice>,
    policy: &Policy,
    now: Timestamp,
) -> Option<SlotKind> {
    if let Some(kind) = snapshot.to_replace() {
        return Some(kind);
    }
    let invoice = invoice?;
    match given(snapshot, &reading.glance) {
        Some(given) => match slots::next(snapshot, given.order) {
            Next::Issue(kind) => {
                let lacks = changed::lacks(snapshot, reading, kind, None, policy, now);
                lacks.is_empty().then_some(kind)
            }
            Next::Nothing | Next::Replace(_) | Next::Refuse(_) => None,
        },
        None => changed::is_to_be_added(snapshot, reading, invoice, policy, now)
            .then_some(SlotKind::Additional),
    }
}

/// Too many invoices at once, and no person ordered this one.
fn is_held(snapshot: &DealSnapshot, glance: &DealGlance) -> bool {
    matches!(snapshot.flood, Standing::Held | Standing::Left) && !is_ordered(snapshot, glance)
}

fn held(snapshot: &DealSnapshot) -> Plan {
    if snapshot.flood == Standing::Held {
        return Plan::nothing("счёт ждёт решения администратора: слишком много счетов сразу");
    }
    unwanted(
        snapshot,
        "администратор решил не выставлять счёт: он выставляется только по команде".to_owned(),
    )
}

/// Whether an invoice may still rest on what was `read_at`.
pub fn is_fresh(read_at: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(read_at);
    // A clock that was set back meanwhile makes nothing younger.
    (!age.is_negative() && age <= FRESH) || planted::is(Bug::StaleSnapshot)
}

/// The deal wants an invoice of this kind and has none.
fn issue(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    read_at: Timestamp,
    kind: SlotKind,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    if twins::is_asked(snapshot) {
        return Plan::nothing(
            "в бухгалтерии стоит счёт этой сделки, которого не ждали: пока он не убран, новый не выставляется",
        );
    }
    let drafted = draft(snapshot, reading, policy, now).and_then(|Draft { invoice, seller }| {
        let invoice = parts::part(snapshot, reading, kind, None, invoice, &policy.invoice)?;
        Ok(Draft { invoice, seller })
    });
    let own_companies = &snapshot.own_companies;
    let Draft { invoice, seller } = match drafted {
        Ok(draft) => draft,
        Err(_) if let Some(plan) = without_ours(snapshot, reading, kind, policy, now) => {
            return plan;
        }
        // Not the manager's to mend, and what else the deal lacks is told once its buyer is seen.
        Err(_) if let Some(owner) = buyer::hidden(reading) => {
            let asked = buyer_hidden(snapshot.id, reading, &owner);
            return but_for(snapshot, CaseCode::BuyerHidden, ask(snapshot, asked));
        }
        Err(_) if let Some(organisation) = seller::hidden(reading, own_companies, policy) => {
            let asked = seller_hidden(snapshot.id, reading, organisation);
            return but_for(snapshot, CaseCode::SellerHidden, ask(snapshot, asked));
        }
        Err(lack) => {
            let asked = lacking(snapshot.id, reading, lack);
            return but_for(snapshot, asked.case.code, ask(snapshot, asked));
        }
    };
    let key = &invoice.buyer.key;
    let known = snapshot.counterparties_of(&invoice.seller, &invoice.buyer);
    let own = smart_invoices::before(snapshot, reading, &invoice, policy);
    let (known, own) = match (known, own) {
        // Both sides are asked at one time.
        (None, Before::Unknown) => {
            let buyer = Need::Counterparties(invoice.seller, Box::new(invoice.buyer));
            return Plan {
                needs: vec![Need::SmartInvoices, buyer],
                ..Plan::default()
            };
        }
        (Some(_), Before::Unknown) => return Plan::need(Need::SmartInvoices),
        (Some(_), Before::Unasked(number)) => {
            return Plan::need(Need::Number(invoice.seller, number, invoice.date));
        }
        (None, _) => {
            let buyer = Box::new(invoice.buyer);
            return Plan::need(Need::Counterparties(invoice.seller, buyer));
        }
        (Some(known), own) => (known, own),
    };
    let number = match own {
        Before::Ask(asked) => {
            return but_for(snapshot, CaseCode::SmartInvoice, ask(snapshot, *asked));
        }
        Before::Left => return left_to_its_own(snapshot, reading, kind, policy, now),
        Before::Adopt(number) => Some(number),
        Before::Clear | Before::Unknown | Before::Unasked(_) => None,
    };
    let exact: Vec<_> = known
        .iter()
        .filter(|one| one.counterparty.key == *key)
        .collect();
    let plan = match (exact.as_slice(), known.as_slice()) {
        ([], []) => {
            if let Some((_, look_at)) = snapshot.registering.iter().find(|(one, _)| one == key) {
                return Plan::later(*look_at, "исход создания контрагента ещё не известен");
            }
            if let Some(asked) = newcomers::question(snapshot, reading, &invoice, policy) {
                return but_for(snapshot, CaseCode::CounterpartyNew, ask(snapshot, asked));
            }
            Plan::act(
                Action::CreateCounterparty {
                    organisation: invoice.seller,
                    counterparty: invoice.buyer,
                },
                "контрагента нет в учёте, его нужно создать",
            )
        }
        // The same INN under another KPP is a subdivision or an organisation that moved: not ours to say.
        ([], others) => {
            let keys: Vec<String> = others
                .iter()
                .map(|other| format!("{} ({})", other.counterparty.name, other.counterparty.key))
                .collect();
            let asked = choose(snapshot.id, reading, &display::known_by(key), &keys);
            return but_for(
                snapshot,
                CaseCode::CounterpartyAmbiguous,
                ask(snapshot, asked),
            );
        }
        ([contractor], _) => {
            if !is_fresh(read_at, now) {
                return Plan::need(Need::Whole);
            }
            Plan::act(
                Action::IssueInvoice {
                    slot: snapshot.next_slot(kind),
                    contractor: contractor.id.clone(),
                    draft: Box::new(InvoiceDraft { number, ..invoice }),
                    seller: Box::new(seller),
                    ordered: is_by_field(&reading.glance),
                    called: used_by_invoice(snapshot, &reading.glance, kind),
                },
                texts::wanted(kind),
            )
        }
        (several, _) => {
            let names: Vec<String> = several
                .iter()
                .map(|one| format!("{} ({})", one.counterparty.name, one.id))
                .collect();
            let asked = choose(snapshot.id, reading, &display::known_by(key), &names);
            return but_for(
                snapshot,
                CaseCode::CounterpartyAmbiguous,
                ask(snapshot, asked),
            );
        }
    };
    answered(snapshot, plan, &BEFORE_ISSUE)
}

/// What becomes of a deal that lacks something for an invoice of ours, where a person may have left it to the portal's own:
/// nothing is asked of it then. None where it was not left.
fn without_ours(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    kind: SlotKind,
    policy: &Policy,
    now: Timestamp,
) -> Option<Plan> {
    match smart_invoices::is_left(snapshot, policy) {
        None => Some(Plan::need(Need::SmartInvoices)),
        Some(true) => Some(left_to_its_own(snapshot, reading, kind, policy, now)),
        Some(false) => None,
    }
}

/// A person left the deal to the portal's own invoice: whoever orders one of ours is told so.
fn left_to_its_own(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    kind: SlotKind,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    let why = texts::left_to_smart_invoice(kind);
    let refused = refused(snapshot, &reading.glance, &why, policy, now);
    refused.unwrap_or_else(|| unwanted(snapshot, "у сделки счёт самого Битрикс24".to_owned()))
}

/// One question before an invoice: the others have answered themselves, or come later.
fn but_for(snapshot: &DealSnapshot, asked: CaseCode, plan: Plan) -> Plan {
    let others: Vec<CaseCode> = BEFORE_ISSUE.into_iter().filter(|it| *it != asked).collect();
    answered(snapshot, plan, &others)
}

/// The invoice exists: the deal shows it, and whatever drifts apart is told.
fn keep_true(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    reading: Option<&DealReading>,
    invoice: &OurInvoice,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    let astray = gone_astray(snapshot);
    let asked_now = astray.as_ref().map(|asked| asked.case.code);
    let mended: Vec<CaseCode> = [
        CaseCode::InvoiceEdited,
        CaseCode::InvoiceCancelled,
        CaseCode::InvoiceDeleted,
    ]
    .into_iter()
    .filter(|code| asked_now != Some(*code))
    .collect();
    let mut plan = answered(snapshot, Plan::default(), &mended);
    let after =
        reading.map(|reading| changed::plan(snapshot, glance, reading, invoice, policy, now));
    if let Some(decided) = after.as_ref().filter(|after| after.is_decided()) {
        // The next plan goes on from there.
        merge(&mut plan, decided.clone());
        return plan;
    }
    let has_order = is_any(snapshot, glance);
    match (astray, after) {
        // One question at a time; but who gave an order is answered.
        (Some(case), after) => {
            merge(&mut plan, ask(snapshot, case));
            after
                .filter(|_| has_order)
                .into_iter()
                .for_each(|after| merge(&mut plan, after));
        }
        // What was cancelled as somebody wished is compared with nothing.
        (None, Some(_)) if invoice.is_void() && !has_order => {
            plan = answered(snapshot, plan, &[CaseCode::DealChanged]);
        }
        (None, after) => after.into_iter().for_each(|after| merge(&mut plan, after)),
    }
    merge(
        &mut plan,
        changed::rate_ended(snapshot, reading, policy, now),
    );
    if given(snapshot, glance).is_none_or(|given| given.order != Order::Cancel) {
        merge(&mut plan, cancelling::plan(snapshot));
    }
    merge(&mut plan, show(snapshot, glance, invoice, policy, now));
    merge(&mut plan, receipts::plan(snapshot, glance, policy, now));
    merge(&mut plan, overdue::plan(snapshot, glance, policy, now));
    if plan.because.is_empty() {
        plan.because.push(if plan.actions.is_empty() {
            format!("счёт № {} выставлен и показан в сделке", invoice.number)
        } else {
            format!("счёт № {} нужно показать в сделке", invoice.number)
        });
    }
    plan
}

/// What the accountant did to the first of them of which something is to be told.
fn gone_astray(snapshot: &DealSnapshot) -> Option<Asked> {
    let mut live = snapshot.invoices.iter().filter(|one| one.live);
    live.find_map(|one| {
        let is_expected = one.is_void()
            && (slots::is_left_behind(snapshot, one) || cancelling::is_asked(snapshot, one));
        if is_expected {
            return None;
        }
        astray(snapshot.id, one)
    })
}

fn astray(deal: DealId, invoice: &OurInvoice) -> Option<Asked> {
    let ask = |code, text| Some(about_invoice(deal, code, invoice, text));
    if invoice.deleted {
        ask(CaseCode::InvoiceDeleted, texts::deleted(invoice))
    } else if invoice.status == InvoiceStatus::Cancelled {
        ask(CaseCode::InvoiceCancelled, texts::cancelled(invoice))
    } else {
        let text = texts::edited(invoice)?;
        ask(CaseCode::InvoiceEdited, text)
    }
}

/// Fields at once, then the timeline, then the file.
fn show(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    invoice: &OurInvoice,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    let mut plan = Plan::default();
    let differing: Vec<(OurField, FieldValue)> =
        wanted_fields(snapshot, invoice, glance, policy, now)
            .into_iter()
            .filter(|(field, _)| policy.fields.contains_key(field))
            // Our own write comes back as an event: it is recognised by its content, and nothing is written again.
            .filter(|(field, value)| shown(glance, *field) != *value || planted::is(Bug::EchoLoop))
            .collect();
    if differing.is_empty() {
        plan = answered(snapshot, plan, &[CaseCode::FieldNotKept]);
    }
    let (stubborn, fields): (Vec<_>, Vec<_>) = differing
        .into_iter()
        .partition(|(field, value)| is_not_kept(snapshot, *field, value, now));
    if !stubborn.is_empty() {
        let names: Vec<&str> = stubborn
            .iter()
            .filter_map(|(field, _)| policy.fields.get(field).map(String::as_str))
            .collect();
        let text = format!(
            "Поле {} в сделке снова и снова меняют: робот или обязательное правило. Мы его больше не пишем.",
            names.join(", ")
        );
        let mut asked = case(
            snapshot.id,
            CaseCode::FieldNotKept,
            text,
            Whom::Administrator,
        );
        // One robot, one cause, however many deals it works on.
        asked.case.cause = format!("{}: {}", asked.case.cause, names.join(", "));
        merge(&mut plan, ask(snapshot, asked));
    }
    if !fields.is_empty() {
        let edited = put_back(snapshot, invoice, glance, &fields);
        plan.because.extend(edited.iter().map(Edited::because));
        let notes = edited.iter().filter_map(|one| one.note(snapshot, invoice));
        plan.actions.push(Action::WriteFields { fields });
        plan.actions.extend(notes);
    }
    for invoice in snapshot.invoices.iter().filter(|one| one.live) {
        plan.actions.extend(tell(snapshot, glance, invoice, policy));
        plan.actions
            .extend(mark_replaced(snapshot, glance, invoice, policy));
    }
    plan
}

fn hidden(snapshot: &DealSnapshot) -> Plan {
    let text = format!(
        "Сделка {} не видна техническому пользователю: дайте ему право читать и менять все сделки.",
        snapshot.id
    );
    let mut asked = case(snapshot.id, CaseCode::DealHidden, text, Whom::Administrator);
    asked.case.cause = "deal hidden".to_owned();
    ask(snapshot, asked)
}

fn buyer_hidden(deal: DealId, reading: &DealReading, owner: &Owner) -> Asked {
    let code = CaseCode::BuyerHidden;
    let mut asked = about_buyer(deal, reading, code, texts::buyer_hidden(owner));
    asked.case.faults = vec![buyer::unreadable(owner)];
    asked
}

fn seller_hidden(deal: DealId, reading: &DealReading, organisation: &Organisation) -> Asked {
    let code = CaseCode::SellerHidden;
    let text = texts::seller_hidden(organisation);
    let mut asked = case(deal, code, text, Whom::Administrator);
    asked.case.cause = format!("{}: {}", code.as_str(), organisation.id);
    asked.case.faults = vec![seller::unreadable(organisation)];
    asked.case.waits_for = waits_for(deal, reading, &asked.case.faults);
    asked
}

/// Questions about an invoice that is no longer wanted answer themselves.
fn unwanted(snapshot: &DealSnapshot, why: String) -> Plan {
    in_vain(
        snapshot,
        answered(snapshot, Plan::nothing(why), &BEFORE_ISSUE),
    )
}
