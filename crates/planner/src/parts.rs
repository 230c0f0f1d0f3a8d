//! What a part of a deal bills: an advance as policy says, the rest after it, what was added since.

use domain::observed::{DealReading, Record};
use domain::part::{advance, rest};
use domain::{
    Amounts, InvoiceDraft, Line, Money, Part, PartError, Quantity, Share, Slot, SlotKind,
};

use crate::asking::Lack;
use crate::policy::InvoicePolicy;
use crate::texts::InRussian as _;
use crate::{DealSnapshot, Fault, OurInvoice, terms};

/// What the lines of a part begin with, before the name that they have in the whole.
const ADVANCE: &str = "Аванс: ";
const REST: &str = "Остаток: ";
const ADDED: &str = "Дополнительно: ";

/// The name in the whole of what a part names so; none: it is the name of no such line.
pub(crate) fn name_in_whole(name: &str) -> Option<&str> {
    let mut beginnings = [ADVANCE, REST, ADDED].into_iter();
    beginnings.find_map(|beginning| name.strip_prefix(beginning))
}

/// The invoice of this kind for a deal that asks for `whole`; `instead` of which it is to stand.
pub(crate) fn part(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    kind: SlotKind,
    instead: Option<Slot>,
    whole: InvoiceDraft,
    policy: &InvoicePolicy,
) -> Result<InvoiceDraft, Lack> {
    let standing = |one: &&OurInvoice| one.stands() && Some(one.slot) != instead;
    let mut before = snapshot.invoices.iter().filter(standing);
    let made = match kind {
        SlotKind::Whole => return Ok(whole),
        SlotKind::Advance => of_advance(reading, &whole, policy),
        SlotKind::Rest => rest_after(
            before.rfind(|one| one.slot.kind == SlotKind::Advance),
            &whole,
        ),
        SlotKind::Additional => added_since(before.max_by_key(|one| one.slot), &whole),
    };
    made.map_err(|what| {
        let deal = reading.glance.deal.id;
        Lack::Faults(vec![Fault {
            what,
            place: format!("/crm/deal/details/{deal}/"),
            record: Some(Record::Deal(deal)),
        }])
    })
}

/// Several invoices for one deal have one seller and one buyer.
fn same_parties<'a>(
    before: Option<&'a OurInvoice>,
    whole: &InvoiceDraft,
) -> Result<&'a OurInvoice, String> {
    let before = before.ok_or("нет счёта, к которому он относится")?;
    let draft = &before.draft;
    if draft.seller != whole.seller || draft.buyer.key != whole.buyer.key {
        return Err(format!(
            "продавец или покупатель не тот, что в счёте № {}",
            before.number
        ));
    }
    Ok(before)
}

fn of_advance(
    reading: &DealReading,
    whole: &InvoiceDraft,
    policy: &InvoicePolicy,
) -> Result<InvoiceDraft, String> {
    let share = share(reading, policy)?;
    let (lines, billed) = advance(whole.mode, &whole.lines, share, ADVANCE).map_err(why_not)?;
    Ok(parted(whole, lines, billed))
}

/// The advance of just this sum: what an invoice that was there before bills of each line.
pub(crate) fn advance_of(whole: &InvoiceDraft, sum: Money) -> Result<InvoiceDraft, String> {
    let share = Share::Sum(sum);
    let (lines, billed) = advance(whole.mode, &whole.lines, share, ADVANCE).map_err(why_not)?;
    Ok(parted(whole, lines, billed))
}

/// What an advance is in this deal.
fn share(reading: &DealReading, policy: &InvoicePolicy) -> Result<Share, String> {
    let Some(advance) = &policy.advance else {
        return Err("какой аванс выставлять, в правилах не сказано (invoice.advance)".to_owned());
    };
    let said = |field: &Option<String>| terms::named(reading, field.as_deref()?);
    if let Some(text) = said(&advance.sum_field) {
        // The portal writes `50000|RUB` in a field of money.
        let (sum, currency) = text.split_once('|').unwrap_or((text, "RUB"));
        return match (Money::parse(sum), currency) {
            (Ok(sum), "RUB") => Ok(Share::Sum(sum)),
            (Ok(_) | Err(_), _) => Err(format!("сумма аванса «{text}»: нужна сумма в рублях")),
        };
    }
    if let Some(text) = said(&advance.percent_field) {
        let number = text.trim_end_matches(['%', ' ', '\u{a0}']);
        return Quantity::parse(number)
            .map(|percent| Share::Percent(percent.value()))
            .map_err(|_| format!("процент аванса «{text}»: нужно число"));
    }
    match advance.percent {
        Some(percent) => Ok(Share::Percent(percent.into())),
        None => Err("в сделке не указан аванс".to_owned()),
    }
}

fn why_not(error: PartError) -> String {
    match error {
        PartError::Amounts(error) => error.in_russian(),
        PartError::NotAPart => {
            "аванс должен быть больше нуля и меньше суммы сделки с НДС".to_owned()
        }
        PartError::Uneven { line } => {
            format!(
                "строка {line}: НДС частей не сойдётся до копейки, возьмите другую сумму аванса"
            )
        }
        PartError::Overdrawn { line } => {
            format!("строка {line} стоит меньше, чем уже выставлено по ней авансом")
        }
    }
}

/// What the deal has more than it had when it was billed last.
pub(crate) fn added_since(
    last: Option<&OurInvoice>,
    whole: &InvoiceDraft,
) -> Result<InvoiceDraft, String> {
    same_parties(last, whole).and_then(|last| added(&last.draft.of_whole(), whole))
}

/// What is left of the deal after its advance.
pub(crate) fn rest_after(
    advance: Option<&OurInvoice>,
    whole: &InvoiceDraft,
) -> Result<InvoiceDraft, String> {
    same_parties(advance, whole).and_then(|advance| of_rest(advance, whole))
}

fn of_rest(advance: &OurInvoice, whole: &InvoiceDraft) -> Result<InvoiceDraft, String> {
    let number = &advance.number;
    let Some(part) = &advance.draft.part else {
        return Err(format!(
            "не известно, какую часть сделки занял счёт № {number}"
        ));
    };
    if advance.total != advance.issued_total() {
        return Err(format!(
            "счёт № {number} на аванс изменён в учёте: остаток считает бухгалтер"
        ));
    }
    let billed = if part.mode == whole.mode && part.lines == whole.lines {
        part.billed.clone()
    } else {
        billed_of(part, whole, number)?
    };
    let (lines, left) = rest(whole.mode, &whole.lines, &billed, REST).map_err(why_not)?;
    if lines.is_empty() {
        return Err(format!("после счёта № {number} ничего не остаётся"));
    }
    Ok(parted(whole, lines, left))
}

/// What an advance billed, by the lines of a deal that was changed after it: a line is known by its name and rate.
fn billed_of(part: &Part, whole: &InvoiceDraft, number: &str) -> Result<Vec<Amounts>, String> {
    let mut billed = vec![None; whole.lines.len()];
    for (line, amounts) in part.lines.iter().zip(&part.billed) {
        let same = |now: &Line| now.name == line.name && now.vat == line.vat;
        let mut places = billed.iter_mut().zip(&whole.lines);
        match places.find(|(place, now)| place.is_none() && same(now)) {
            Some((place, _)) => *place = Some(*amounts),
            None if amounts.gross.is_zero() => {}
            None => {
                return Err(format!(
                    "строка «{}», по которой выставлен аванс № {number}, убрана, названа иначе или сменила ставку НДС",
                    line.name
                ));
            }
        }
    }
    Ok(billed.into_iter().map(Option::unwrap_or_default).collect())
}

/// What the deal has beyond what it was when it was billed last: lines that were added, and more of what there was.
fn added(before: &InvoiceDraft, whole: &InvoiceDraft) -> Result<InvoiceDraft, String> {
    let changed = || {
        "строки, по которым счёт уже выставлен, изменены или убраны: их перевыставляют, а не добавляют"
            .to_owned()
    };
    let sums = before.totals().map_err(|error| error.in_russian())?;
    let mut billed: Vec<Option<(Quantity, Amounts)>> = vec![None; whole.lines.len()];
    for (line, sum) in before.lines.iter().zip(&sums.lines) {
        let same = |now: &Line| {
            Line {
                quantity: line.quantity,
                ..now.clone()
            } == *line
        };
        let free = whole.lines.iter().zip(&mut billed);
        let mut free: Vec<_> = free
            .filter(|(now, place)| place.is_none() && same(now) && now.quantity >= line.quantity)
            .collect();
        // Of several like it the one of as much, else of little more.
        free.sort_by_key(|(now, _)| now.quantity);
        let (_, place) = free.into_iter().next().ok_or_else(changed)?;
        *place = Some((line.quantity, *sum));
    }
    if before.mode != whole.mode {
        return Err(changed());
    }
    let more = more(whole, &billed);
    let billed: Vec<Amounts> = billed
        .into_iter()
        .map(|billed| billed.map_or_else(Amounts::default, |(_, amounts)| amounts))
        .collect();
    let (sums, mut left) = rest(whole.mode, &whole.lines, &billed, ADDED).map_err(why_not)?;
    if sums.is_empty() {
        return Err("после выставленных счетов в сделку ничего не добавлено".to_owned());
    }
    let mut made = parted(whole, more, left.clone());
    made.mode = whole.mode;
    // Pieces at their price, where their sums and their VAT come to just what the deal has more; else sums of money.
    left.retain(|left| left.gross.is_positive());
    let fits = made.totals().is_ok_and(|totals| totals.lines == left);
    if fits {
        return Ok(made);
    }
    Ok(InvoiceDraft {
        mode: domain::VatMode::Included,
        lines: sums,
        ..made
    })
}

/// The lines with what they have more.
fn more(whole: &InvoiceDraft, billed: &[Option<(Quantity, Amounts)>]) -> Vec<Line> {
    let lines = whole.lines.iter().zip(billed);
    lines
        .filter_map(|(line, billed)| {
            let quantity = match billed {
                None => line.quantity,
                Some((before, _)) => {
                    Quantity::new(line.quantity.value().checked_sub(before.value())?)
                }
            };
            let line = Line {
                quantity,
                ..line.clone()
            };
            quantity.is_positive().then_some(line)
        })
        .collect()
}

fn parted(whole: &InvoiceDraft, lines: Vec<Line>, billed: Vec<Amounts>) -> InvoiceDraft {
    let part = Part {
        mode: whole.mode,
        lines: whole.lines.clone(),
        billed,
    };
    InvoiceDraft {
        mode: domain::VatMode::Included,
        lines,
        part: Some(Box::new(part)),
        ..whole.clone()
    }
}
