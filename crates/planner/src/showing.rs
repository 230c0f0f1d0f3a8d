//! What the deal shows of its invoices: the timeline tells each, its file lies there, the fields say the last one.
//!
//! Whoever puts another value into a field again and again is no person. Not here: when it is written (`invoicing`), what
//! the fields say of money (`receipts`).

use domain::display;
use domain::observed::{DealGlance, FieldValue, OurField};
use jiff::{SignedDuration, Timestamp};

use crate::orders::in_field;
use crate::{Action, Attach, DealSnapshot, OurInvoice, Policy, receipts, texts};

/// The timeline entry of an invoice, then its file.
pub(crate) fn tell(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    invoice: &OurInvoice,
    policy: &Policy,
) -> Option<Action> {
    if invoice.adopted {
        // Its file was given to the buyer by whoever issued it.
        let about = format!("adopted/{}", invoice.slot);
        let is_told = snapshot.done.contains_key(&format!("timeline/{about}"));
        let text = texts::adopted(invoice, is_test(invoice, policy));
        return (!is_told).then_some(Action::AddTimelineEntry {
            about,
            text,
            called: None,
        });
    }
    let about = format!("issued/{}", invoice.slot);
    let before = replaced(snapshot, invoice).next_back();
    let text = texts::issued(invoice, is_test(invoice, policy), &glance.deal, before);
    match snapshot.done.get(&format!("timeline/{about}")) {
        None => Some(Action::AddTimelineEntry {
            about,
            text,
            called: None,
        }),
        // Of a deleted invoice there is no print form any more.
        Some(Some(entry)) if policy.invoice.attach != Attach::Nothing && !invoice.deleted => {
            let attach = Action::AttachPdf {
                slot: invoice.slot,
                entry: entry.clone(),
                text,
                replaced_by: None,
            };
            (!snapshot.done.contains_key(&attach.mark())).then_some(attach)
        }
        Some(Some(_) | None) => None,
    }
}

/// Whether an invoice is a test organisation's: the timeline and our paper say that it is a sample.
pub fn is_test(invoice: &OurInvoice, policy: &Policy) -> bool {
    let organisation = policy.organisation(&invoice.organisation);
    organisation.is_some_and(|organisation| organisation.test)
}

/// Those in whose place an invoice stands.
fn replaced<'a>(
    snapshot: &'a DealSnapshot,
    by: &OurInvoice,
) -> impl DoubleEndedIterator<Item = &'a OurInvoice> {
    let by = by.slot;
    let of_kind = snapshot.invoices.iter();
    let of_kind = of_kind.filter(move |one| one.slot.kind == by.kind && one.slot < by);
    // Past the last before it that stands for itself.
    let since = of_kind
        .clone()
        .filter(|one| one.live)
        .map(|one| one.slot)
        .max();
    of_kind.filter(move |one| one.replaced && !one.live && Some(one.slot) > since)
}

/// The entries and files of the invoices that this one replaced say so: our paper itself, a print form of the accounting
/// side, which is not ours to change, by its name.
pub(crate) fn mark_replaced(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    invoice: &OurInvoice,
    policy: &Policy,
) -> Vec<Action> {
    let attach = policy.invoice.attach;
    if attach == Attach::Nothing || invoice.deleted {
        return Vec::new();
    }
    // Of a deleted invoice there is no print form any more.
    let has_file = |one: &&OurInvoice| attach == Attach::Provodka || !one.deleted;
    replaced(snapshot, invoice)
        .filter(has_file)
        .filter_map(|one| {
            let entry = snapshot.done.get(&format!("timeline/issued/{}", one.slot));
            let attach = Action::AttachPdf {
                slot: one.slot,
                entry: entry?.clone()?,
                text: texts::replaced(one, is_test(one, policy), invoice, &glance.deal),
                replaced_by: Some(invoice.slot),
            };
            let is_open = !snapshot.done.contains_key(&attach.mark());
            is_open.then_some(attach)
        })
        .collect()
}

pub(crate) fn wanted_fields(
    snapshot: &DealSnapshot,
    invoice: &OurInvoice,
    glance: &DealGlance,
    policy: &Policy,
    now: Timestamp,
) -> Vec<(OurField, FieldValue)> {
    let of_money = receipts::status(snapshot, invoice, policy, now);
    let status = if invoice.deleted {
        texts::DELETED_LABEL
    } else {
        of_money.unwrap_or_else(|| texts::status_label(invoice.status))
    };
    let mut fields = vec![
        (OurField::Number, FieldValue::Text(invoice.number.clone())),
        (OurField::Date, FieldValue::Date(invoice.date)),
        (OurField::Sum, FieldValue::Money(invoice.total)),
        (OurField::Status, FieldValue::Text(status.to_owned())),
    ];
    fields.extend(receipts::fields(snapshot, policy));
    if let Some(link) = &policy.invoice.link {
        let link = link
            .replace("{organisation}", invoice.organisation.as_str())
            .replace("{invoice}", invoice.id.as_str());
        fields.push((OurField::Link, FieldValue::Text(link)));
    }
    if in_field(glance).is_some() {
        fields.push((OurField::Command, FieldValue::Empty));
    }
    fields
}

pub(crate) fn shown(glance: &DealGlance, field: OurField) -> FieldValue {
    let text = |value: &Option<String>| {
        value
            .as_ref()
            .filter(|text| !text.is_empty())
            .map_or(FieldValue::Empty, |text| FieldValue::Text(text.clone()))
    };
    let fields = &glance.fields;
    match field {
        OurField::Number => text(&fields.number),
        OurField::Status => text(&fields.status),
        OurField::Link => text(&fields.link),
        OurField::Command => text(&fields.command),
        OurField::Date => fields.date.map_or(FieldValue::Empty, FieldValue::Date),
        OurField::Sum => fields.sum.map_or(FieldValue::Empty, FieldValue::Money),
        OurField::Paid => fields.paid.map_or(FieldValue::Empty, FieldValue::Money),
        OurField::PaidOn => fields.paid_on.map_or(FieldValue::Empty, FieldValue::Date),
        OurField::Promise => fields.promise.map_or(FieldValue::Empty, FieldValue::Date),
    }
}

/// A field that we fill, and in which something else stood.
pub(crate) struct Edited {
    field: OurField,
    /// Of what, in Russian.
    of: &'static str,
    stood: String,
    ours: String,
}

/// What somebody put into fields that we fill: it is put back. A field whose value we gave within a day was edited surely; of
/// the others those are told that do not change by themselves, and a state that is none of our words. Of those that change,
/// one that was emptied is filled without a word.
pub(crate) fn put_back(
    snapshot: &DealSnapshot,
    invoice: &OurInvoice,
    glance: &DealGlance,
    fields: &[(OurField, FieldValue)],
) -> Vec<Edited> {
    let about = if invoice.adopted { "adopted" } else { "issued" };
    let is_shown = format!("timeline/{about}/{}", invoice.slot);
    let is_shown = snapshot.done.contains_key(&is_shown);
    let is_edited = |field: OurField, value: &FieldValue| {
        let stands = shown(glance, field);
        let is_emptied = stands == FieldValue::Empty;
        let mut written = snapshot.written.iter().rev();
        let was_ours = match written.find(|(_, of, _)| *of == field) {
            Some((_, _, last)) => last == value && (is_lasting(field) || !is_emptied),
            None => is_shown && is_lasting(field) && !is_emptied,
        };
        was_ours || is_shown && is_strange(field, &stands)
    };
    let all = [
        (OurField::Number, "номера счёта"),
        (OurField::Date, "даты счёта"),
        (OurField::Link, "ссылки на счёт"),
        (OurField::Sum, "суммы счёта"),
        (OurField::Status, "состояния счёта"),
        (OurField::Paid, "оплаченной суммы"),
        (OurField::PaidOn, "даты оплаты"),
    ];
    all.into_iter()
        .filter_map(|(field, of)| {
            let (_, ours) = fields.iter().find(|(known, _)| *known == field)?;
            is_edited(field, ours).then(|| Edited {
                field,
                of,
                stood: in_words(&shown(glance, field)),
                ours: in_words(ours),
            })
        })
        .collect()
}

/// Whether what we write there stays for as long as the invoice does.
fn is_lasting(field: OurField) -> bool {
    matches!(field, OurField::Number | OurField::Date | OurField::Link)
}

/// Whether we never write that there.
fn is_strange(field: OurField, value: &FieldValue) -> bool {
    match (field, value) {
        (OurField::Status, FieldValue::Text(word)) => !texts::is_state(word),
        _ => false,
    }
}

fn in_words(value: &FieldValue) -> String {
    match value {
        FieldValue::Text(text) => format!("«{}»", texts::by_strangers(text)),
        FieldValue::Date(date) => display::date(*date),
        FieldValue::Money(money) => display::money(*money),
        FieldValue::Empty => "ничего".to_owned(),
    }
}

impl Edited {
    /// For the journal.
    pub(crate) fn because(&self) -> String {
        let Self { of, stood, .. } = self;
        format!("в поле {of} стояло {stood}: заменено на наше значение")
    }

    /// For whoever wonders where the edit is: a note in the timeline, once for each field of an invoice.
    pub(crate) fn note(&self, snapshot: &DealSnapshot, invoice: &OurInvoice) -> Option<Action> {
        let about = format!("put-back/{}/{:?}", invoice.slot, self.field).to_lowercase();
        let is_told = snapshot.done.contains_key(&format!("timeline/{about}"));
        let Self {
            of, stood, ours, ..
        } = self;
        (!is_told).then(|| Action::AddTimelineEntry {
            about,
            text: format!(
                "В поле {of} стояло {stood}, записано {ours}: это поле заполняет программа."
            ),
            called: None,
        })
    }
}

/// A value that was written twice within a day, with no other of ours between, and does not stand is somebody else's
/// will. The command is there to be given: only who gives it again as fast as it is taken back is no person.
pub(crate) fn is_not_kept(
    snapshot: &DealSnapshot,
    field: OurField,
    value: &FieldValue,
    now: Timestamp,
) -> bool {
    let (most, within) = if field == OurField::Command {
        (5, SignedDuration::from_mins(5))
    } else {
        (2, SignedDuration::from_hours(24))
    };
    let recent = |at: &Timestamp| now.duration_since(*at) < within;
    let times = snapshot
        .written
        .iter()
        .rev()
        .filter(|(at, written, _)| recent(at) && *written == field)
        .take_while(|(_, _, to)| to == value)
        .count();
    times >= most
}
