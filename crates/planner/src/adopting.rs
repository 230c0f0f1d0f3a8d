//! Taking over an invoice that exists already: a person says which one is a deal's, and it is taken where both sides say
//! the same.
//!
//! From then on it is the deal's invoice like one of ours: no other is issued beside it, payments are matched with it, what
//! is changed afterwards is told. Nothing is created. Not here: how the claims are read (`cli`), how the invoice is found
//! and linked (`reconciler`).

use domain::observed::DealReading;
use domain::{
    Amounts, Counterparty, DealId, Invoice, InvoiceDraft, InvoiceStatus, Money, OrderNumber,
    OrganisationId, Slot, SlotKind, display,
};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::asking::Lack;
use crate::draft::asks_now;
use crate::orders::{in_field, may_be_for};
use crate::wanted::is_followed;
use crate::{DealSnapshot, Fault, OurInvoice, Policy, Seen, buyer, parts, seller, terms};

/// What a person says: this deal has that invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The deal.
    pub deal: DealId,
    /// Whose invoice it is; none: the deal's own seller's.
    pub organisation: Option<OrganisationId>,
    /// Its number.
    pub number: String,
    /// Its date, where it was said.
    pub date: Option<Date>,
    /// Its sum, where it was said.
    pub total: Option<Money>,
    /// What it bills of the deal. That it bills what was added nobody says of an invoice by hand: its mark does.
    pub bills: SlotKind,
}

/// An invoice with the number of a claim, as the accounting side shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The invoice.
    pub invoice: Invoice,
    /// The deal that has it by our records.
    pub of: Option<DealId>,
    /// The slot of the claim's deal for which we made it, by its mark: our records are older than it.
    pub made_for: Option<Slot>,
}

/// What becomes of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It becomes the deal's invoice.
    Adopt(Box<OurInvoice>),
    /// The deal has it already.
    Already,
    /// It is left alone, and why, in Russian.
    Refused(String),
}

/// In whose books the invoice is to be looked for; why it cannot be, in Russian.
///
/// # Errors
/// When the deal is not there to be read, or its seller is not clear.
pub fn seller_of(
    snapshot: &DealSnapshot,
    claim: &Claim,
    policy: &Policy,
) -> Result<OrganisationId, String> {
    let reading = read(snapshot)?;
    let own = &snapshot.own_companies;
    match (
        &claim.organisation,
        seller::organisation(reading, own, policy),
    ) {
        (Some(said), Ok(of_deal)) if *said != of_deal.id => Err(format!(
            "сделка продаёт от организации «{}», а счёт — «{said}»",
            of_deal.title
        )),
        // What the deal itself says goes before the file, which may say which one of several is meant.
        (Some(said), Err(fault))
            if seller::is_said(reading, own, policy)
                && !seller::may_be(said, reading, own, policy) =>
        {
            Err(fault.what)
        }
        (Some(said), Ok(_) | Err(_)) => Ok(said.clone()),
        (None, Ok(of_deal)) => Ok(of_deal.id.clone()),
        (None, Err(fault)) => Err(fault.what),
    }
}

/// Whether the invoice of a claim becomes the deal's: of all that bear the number just one fits the deal.
pub fn judge(
    snapshot: &DealSnapshot,
    claim: &Claim,
    candidates: &[Candidate],
    policy: &Policy,
    now: Timestamp,
) -> Judged {
    match fitting(snapshot, claim, candidates, policy, now) {
        Ok(Some(invoice)) => Judged::Adopt(Box::new(invoice)),
        Ok(None) => Judged::Already,
        Err(why) => Judged::Refused(why),
    }
}

fn fitting(
    snapshot: &DealSnapshot,
    claim: &Claim,
    candidates: &[Candidate],
    policy: &Policy,
    now: Timestamp,
) -> Result<Option<OurInvoice>, String> {
    let organisation = seller_of(snapshot, claim, policy)?;
    let reading = read(snapshot)?;
    let is_meant = |one: &&Candidate| {
        claim.date.is_none_or(|date| date == one.invoice.date) && one.invoice.seller == organisation
    };
    let meant: Vec<&Candidate> = candidates.iter().filter(is_meant).collect();
    let has_it = |one: &&Candidate| {
        let mut live = snapshot.invoices.iter().filter(|ours| ours.live);
        live.any(|ours| {
            let is_it = ours.id == one.invoice.id && ours.organisation == organisation;
            is_it && ours.slot.kind == claim.bills
        })
    };
    if meant.iter().any(has_it) {
        return Ok(None);
    }
    let marked = match meant.as_slice() {
        [one] => one.made_for,
        _ => None,
    };
    is_free(snapshot, reading, claim.bills, marked, policy)?;
    let buyer = buyer::buyer(reading, &policy.invoice).map_err(in_words)?;
    let judged: Vec<_> = meant
        .iter()
        .map(|one| agreed(snapshot, reading, claim, one, &buyer, policy))
        .collect();
    let fitting: Vec<_> = judged.iter().filter_map(|one| one.as_ref().ok()).collect();
    match (fitting.as_slice(), judged.as_slice()) {
        ([(candidate, draft)], _) => {
            taken_over(snapshot, reading, claim, (candidate, draft), policy, now).map(Some)
        }
        ([], []) => Err(absent(claim, candidates)),
        ([], refused) => {
            let whys = refused.iter().filter_map(|one| one.as_ref().err().cloned());
            Err(whys.collect::<Vec<_>>().join("; "))
        }
        (several, _) => {
            let dates = several
                .iter()
                .map(|(one, _)| display::date(one.invoice.date));
            Err(format!(
                "подходят несколько счетов № {}: от {}. Укажите дату в файле",
                claim.number,
                dates.collect::<Vec<_>>().join(", от ")
            ))
        }
    }
}

fn read(snapshot: &DealSnapshot) -> Result<&DealReading, String> {
    match &snapshot.seen {
        Seen::Whole(reading, _) => Ok(reading),
        Seen::Gone => Err("такой сделки на портале нет".to_owned()),
        Seen::Denied => Err("сделка не видна техническому пользователю".to_owned()),
        Seen::Unread | Seen::Glance(_) => Err("сделка не прочитана".to_owned()),
    }
}

/// Whether an invoice that we made for this slot stands in the place of another: only a person's decision opens the next slot
/// of a kind. What was added stands beside what was added before.
pub fn replaces(slot: Slot, one: &OurInvoice) -> bool {
    slot.kind != SlotKind::Additional && one.slot.kind == slot.kind && one.slot < slot
}

/// The called order that an invoice carried out which we made and forgot: it was called before the start that followed, so
/// our records are older than what came of it.
pub fn carried_out(
    snapshot: &DealSnapshot,
    invoice: &OurInvoice,
    policy: &Policy,
) -> Option<OrderNumber> {
    let start = policy.start_in(snapshot.glance()?.deal.funnel);
    let called = snapshot.called.filter(|called| called.called_at < start)?;
    may_be_for(called.order, invoice.slot).then_some(called.number)
}

/// A deal that may get an invoice and has none, now or on its way, but what goes before it: the advance before the rest,
/// whatever was billed before what was added. One that bears our mark (`marked`: its slot) stands in the place of those
/// before it, and beside what the accountant took back when a person went another way.
fn is_free(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    bills: SlotKind,
    marked: Option<Slot>,
    policy: &Policy,
) -> Result<(), String> {
    let deal = &reading.glance.deal;
    if deal.template {
        return Err("это шаблон повторяющихся сделок".to_owned());
    }
    // What we made for a deal tells that it came from a funnel of ours.
    let came_along = marked.is_some() && !policy.names(deal.funnel);
    if !came_along && !is_followed(snapshot, policy) {
        return Err("воронка сделки не ведётся".to_owned());
    }
    if snapshot.creating.is_some() {
        return Err("исход создания счёта этой сделки ещё не известен".to_owned());
    }
    let goes_before = |one: &OurInvoice| match bills {
        SlotKind::Whole | SlotKind::Advance => false,
        SlotKind::Rest => one.slot.kind == SlotKind::Advance && one.stands(),
        SlotKind::Additional => true,
    };
    let gives_way = |one: &OurInvoice, slot: Slot| {
        replaces(slot, one) || one.slot.kind != slot.kind && one.is_void()
    };
    let is_in_the_way = |one: &&OurInvoice| {
        one.live && !goes_before(one) && marked.is_none_or(|slot| !gives_way(one, slot))
    };
    if let Some(ours) = snapshot.invoices.iter().find(is_in_the_way) {
        let has_one = format!("у сделки уже есть счёт № {}", ours.number);
        return Err(match marked {
            Some(_) => format!("{has_one}: отмените в учёте тот из двух, который не нужен"),
            None => has_one,
        });
    }
    let stands = |kind| snapshot.standing(kind).is_some();
    match bills {
        SlotKind::Rest if !stands(SlotKind::Advance) => {
            Err("счёта на аванс у сделки нет: сначала нужен он".to_owned())
        }
        SlotKind::Additional if !stands(SlotKind::Whole) && !stands(SlotKind::Rest) => {
            Err("счёта, к которому он относится, у сделки нет: сначала нужен он".to_owned())
        }
        SlotKind::Whole | SlotKind::Advance | SlotKind::Rest | SlotKind::Additional => Ok(()),
    }
}

/// The invoice with what the deal asks for, if both say the same of buyer and sums.
fn agreed<'a>(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    claim: &Claim,
    candidate: &'a Candidate,
    buyer: &Counterparty,
    policy: &Policy,
) -> Result<(&'a Candidate, InvoiceDraft), String> {
    let invoice = &candidate.invoice;
    let refused = |why: String| Err(format!("{}: {why}", named(invoice)));
    if invoice.status == InvoiceStatus::Cancelled {
        return refused("отменён или удалён в учёте".to_owned());
    }
    if let Some(deal) = candidate.of.filter(|deal| *deal != snapshot.id) {
        return refused(format!("это счёт сделки {deal}"));
    }
    match candidate.made_for {
        Some(slot) if slot.kind != claim.bills => {
            return refused("по его метке он на другую часть сделки".to_owned());
        }
        None if invoice.marked => {
            let why = "его выставила Provodka: своя сделка найдёт его по метке сама";
            return refused(why.to_owned());
        }
        Some(_) | None => {}
    }
    match &invoice.counterparty {
        // Whose it is the mark says.
        None if candidate.made_for.is_some() => {}
        None => return refused("учёт не говорит, кому он выставлен".to_owned()),
        Some(key) if !key.may_be(&buyer.key) => {
            let (theirs, ours) = (display::known_by(key), display::known_by(&buyer.key));
            return refused(format!("выставлен {theirs}, покупатель сделки {ours}"));
        }
        Some(_) => {}
    }
    let mut ours = snapshot.invoices.iter();
    let is_it = |ours: &&OurInvoice| ours.id == invoice.id && ours.organisation == invoice.seller;
    match ours.find(is_it) {
        Some(ours) if ours.live => return refused("это счёт на аванс этой сделки".to_owned()),
        Some(_) => return refused("он был у этой сделки, и от него отказались".to_owned()),
        None => {}
    }
    let total = invoice.totals.gross;
    if let Some(said) = claim.total.filter(|said| *said != total) {
        let (said, total) = (display::money(said), display::money(total));
        return refused(format!("в учёте он на {total}, указано {said}"));
    }
    let draft = match claim.bills {
        SlotKind::Whole => of_deal(snapshot, reading, invoice, buyer, policy),
        SlotKind::Advance | SlotKind::Rest | SlotKind::Additional => {
            of_part(snapshot, reading, claim.bills, invoice, buyer, policy)
        }
    };
    match draft {
        Ok(draft) => Ok((candidate, draft)),
        Err(why) => refused(why),
    }
}

/// An advance bills each line of the deal by its share, the rest what is left of each, what was added what is new of each.
fn of_part(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    bills: SlotKind,
    invoice: &Invoice,
    buyer: &Counterparty,
    policy: &Policy,
) -> Result<InvoiceDraft, String> {
    let as_issued = as_issued(reading, invoice, buyer, policy);
    let whole = asks_now(snapshot, reading, policy, &as_issued)
        .map_err(|lack| in_words(lack.into_faults(snapshot.id)))?;
    let part = match bills {
        SlotKind::Rest => parts::rest_after(snapshot.standing(SlotKind::Advance), &whole)?,
        SlotKind::Additional => {
            let standing = snapshot.invoices.iter().filter(|one| one.stands());
            parts::added_since(standing.max_by_key(|one| one.slot), &whole)?
        }
        SlotKind::Whole | SlotKind::Advance => parts::advance_of(&whole, invoice.totals.gross)?,
    };
    match part.totals().map(|totals| totals.amounts()) {
        Ok(ours) if ours == invoice.totals => Ok(part),
        Ok(ours) => Err(otherwise(invoice.totals, ours)),
        Err(_) => Err("сумма сделки слишком велика".to_owned()),
    }
}

fn as_issued(
    reading: &DealReading,
    invoice: &Invoice,
    buyer: &Counterparty,
    policy: &Policy,
) -> InvoiceDraft {
    InvoiceDraft {
        seller: invoice.seller.clone(),
        buyer: buyer.clone(),
        mode: invoice.mode,
        lines: invoice.lines.clone(),
        currency: invoice.currency.clone(),
        basis: terms::basis(reading, &policy.invoice).unwrap_or_default(),
        date: invoice.date,
        due: invoice.due,
        valid_until: None,
        part: None,
        number: None,
    }
}

/// What the deal is compared with from now on: its own lines where they come to the invoice's sums, as names are often
/// spelt otherwise over there; the invoice's where no lines can be made of the deal and its amount is the same.
fn of_deal(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    invoice: &Invoice,
    buyer: &Counterparty,
    policy: &Policy,
) -> Result<InvoiceDraft, String> {
    let as_issued = as_issued(reading, invoice, buyer, policy);
    let sums = |draft: &InvoiceDraft| draft.totals().ok().map(|totals| totals.amounts());
    let (theirs, theirs_in) = (invoice.totals, &invoice.currency);
    match asks_now(snapshot, reading, policy, &as_issued) {
        Ok(asked) => match sums(&asked) {
            Some(ours) if ours == theirs => Ok(asked),
            Some(ours) => Err(otherwise(theirs, ours)),
            None => Err("сумма сделки слишком велика".to_owned()),
        },
        Err(_) if reading.glance.deal.amount != theirs.gross => {
            let (total, amount) = (
                display::money(theirs.gross),
                display::money(reading.glance.deal.amount),
            );
            Err(format!("он на {total}, сделка на {amount}"))
        }
        Err(Lack::Faults(_))
            if reading.glance.deal.currency == *theirs_in && sums(&as_issued) == Some(theirs) =>
        {
            Ok(as_issued)
        }
        Err(lack) => Err(in_words(lack.into_faults(snapshot.id))),
    }
}

fn otherwise(theirs: Amounts, ours: Amounts) -> String {
    let (total, asked) = (display::money(theirs.gross), display::money(ours.gross));
    if theirs.gross != ours.gross {
        return format!("он на {total}, сделка на {asked}");
    }
    let (vat, asked) = (display::money(theirs.vat), display::money(ours.vat));
    format!("НДС в нём {vat}, в сделке {asked}")
}

fn taken_over(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    claim: &Claim,
    (candidate, draft): (&Candidate, &InvoiceDraft),
    policy: &Policy,
    now: Timestamp,
) -> Result<OurInvoice, String> {
    let invoice = &candidate.invoice;
    let organisation = policy.organisation(&invoice.seller);
    let organisation =
        organisation.ok_or_else(|| format!("организации «{}» нет в политике", invoice.seller))?;
    let own = &snapshot.own_companies;
    let seller = seller::seller(organisation, reading, own, invoice.date);
    Ok(OurInvoice {
        slot: candidate
            .made_for
            .unwrap_or_else(|| snapshot.next_slot(claim.bills)),
        organisation: invoice.seller.clone(),
        id: invoice.id.clone(),
        contractor: invoice.contractor.clone(),
        billed: invoice.counterparty.clone(),
        number: invoice.number.clone(),
        date: invoice.date,
        total: invoice.totals.gross,
        revision: draft.revision(),
        draft: draft.clone(),
        seller: seller.map_err(in_words)?,
        status: invoice.status,
        live: true,
        deleted: false,
        compared: Some(reading.glance.deal.changed),
        replaced: false,
        // An order that still stands in the field was carried out by what we made and forgot.
        order_open: candidate.made_for.is_some_and(|slot| {
            in_field(&reading.glance).is_some_and(|order| may_be_for(order, slot))
        }),
        adopted: true,
        // Where it is marked as paid, nothing is left to be paid, however that came.
        paid_before: if invoice.status == InvoiceStatus::Paid {
            invoice.paid.max(invoice.totals.gross)
        } else {
            invoice.paid
        },
        adopted_on: Some(now.to_zoned(organisation.zone()).date()),
        paid_there: invoice.paid,
        // What is marked by then is paid, however that came.
        paid_since: None,
    })
}

fn absent(claim: &Claim, candidates: &[Candidate]) -> String {
    let number = &claim.number;
    match (claim.date, candidates) {
        (Some(date), [_, ..]) => {
            let others = candidates.iter().map(|one| display::date(one.invoice.date));
            format!(
                "счёта № {number} от {} в учёте нет, есть от {}",
                display::date(date),
                others.collect::<Vec<_>>().join(", от ")
            )
        }
        (Some(_) | None, _) => format!("счёта № {number} в учёте этой организации нет"),
    }
}

fn named(invoice: &Invoice) -> String {
    format!(
        "счёт № {} от {}",
        invoice.number,
        display::date(invoice.date)
    )
}

fn in_words(faults: Vec<Fault>) -> String {
    let whats = faults.into_iter().map(|fault| fault.what);
    whats.collect::<Vec<_>>().join("; ")
}
