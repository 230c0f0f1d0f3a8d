//! Which of a deal's invoices an order means: whole, or advance and rest, and what was added later. Parts and whole
//! never stand beside one another.

use domain::{Order, Slot, SlotKind};

use crate::{DealSnapshot, OurInvoice, texts};

/// What becomes of an order for an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It was there before.
    Nothing,
    /// One of this kind is issued.
    Issue(SlotKind),
    /// The accountant took back what there was: another takes its place.
    Replace(Slot),
    /// It cannot be, and why.
    Refuse(String),
}

/// Judges an order by what stands for the deal.
pub(crate) fn next(snapshot: &DealSnapshot, order: Order) -> Next {
    let standing = |kind| snapshot.standing(kind);
    let (whole, advance) = (standing(SlotKind::Whole), standing(SlotKind::Advance));
    let (rest, added) = (standing(SlotKind::Rest), standing(SlotKind::Additional));
    let refused = Next::Refuse;
    match order {
        Order::Issue => match (whole, rest.or(added).or(advance)) {
            (Some(_), _) => Next::Nothing,
            (None, Some(part)) => refused(texts::no_whole_after(part)),
            (None, None) => another(snapshot, SlotKind::Whole),
        },
        Order::Advance => match whole.or(advance).or(rest).or(added) {
            Some(before) => refused(texts::no_advance_after(before)),
            None => another(snapshot, SlotKind::Advance),
        },
        Order::Rest => match (advance, rest.or(whole)) {
            (_, Some(before)) => refused(texts::no_rest_after(before)),
            (None, None) => refused(texts::NO_REST_BEFORE_ADVANCE.to_owned()),
            (Some(_), None) => another(snapshot, SlotKind::Rest),
        },
        Order::Additional => match (whole.or(rest), advance) {
            (None, Some(advance)) => refused(texts::added_goes_into_the_rest(advance)),
            (None, None) => refused(texts::NOTHING_TO_ADD_TO.to_owned()),
            (Some(_), _) => another(snapshot, SlotKind::Additional),
        },
        // Those are about an invoice that there is.
        Order::Reissue | Order::Cancel | Order::Leave => Next::Nothing,
    }
}

/// Whether a person went another way since the accountant took this one back: parts after a whole, or a whole after
/// parts.
pub(crate) fn is_left_behind(snapshot: &DealSnapshot, void: &OurInvoice) -> bool {
    match void.slot.kind {
        SlotKind::Whole => snapshot.standing(SlotKind::Advance).is_some(),
        SlotKind::Advance | SlotKind::Rest => snapshot.standing(SlotKind::Whole).is_some(),
        SlotKind::Additional => false,
    }
}

/// One of this kind, in the place of one that the accountant took back if there is such.
fn another(snapshot: &DealSnapshot, kind: SlotKind) -> Next {
    let is_left = |one: &&OurInvoice| one.slot.kind == kind && one.live && one.is_void();
    let left = snapshot.invoices.iter().filter(is_left);
    match left.max_by_key(|one| one.slot) {
        Some(invoice) => Next::Replace(invoice.slot),
        None => Next::Issue(kind),
    }
}
