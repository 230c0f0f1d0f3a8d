//! What is known of one deal at one moment: both sides and our own records.
//!
//! A part that nobody looked at yet is `None` or `Unread`; a plan that needs it says so by a
//! [`crate::Need`], and nothing is read that no plan asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::observed::{
    DealGlance, DealReading, FieldValue, KnownCounterparty, OurField, OwnCompany, SmartInvoice,
};
use domain::{
    ContractorId, Counterparty, CounterpartyKey, DealId, InvoiceDraft, InvoiceId, InvoiceStatus,
    Money, Order, OrderNumber, OrganisationId, Revision, Slot, SlotKind, StageId, UserId, Who,
};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use planted::Bug;

use crate::Seller;
use crate::flood::Standing;
use crate::known_days::KnownDays;
use crate::receipts::Receipt;

/// One deal as both sides and our records show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DealSnapshot {
    /// Which deal.
    pub id: DealId,
    /// The portal's side.
    pub seen: Seen,
    /// Nothing says that the deal was changed: the look is only for something of ours that is left to do.
    pub undisturbed: bool,
    /// Another version of the program recorded an invoice of it, or a creation that may have taken effect, so that this one
    /// cannot read it.
    pub sealed: bool,
    /// Where only events ask for the look: when the last of them came. The deal's time of change tells whether there is
    /// anything to compare.
    pub hinted: Option<Timestamp>,
    /// Whether it ever entered an invoice stage of a funnel that is followed, wherever it stands now; none: nobody asked.
    pub entered: Option<bool>,
    /// Our legal entities on the portal; known together with [`Seen::Whole`].
    pub own_companies: Vec<OwnCompany>,
    /// Counterparties of the accounting side by seller and who they are, as far as they were asked for.
    pub counterparties: BTreeMap<(OrganisationId, Who), Vec<KnownCounterparty>>,
    /// Whether numbers that ours might take over are another invoice's, by seller and day, as far as it was asked.
    pub numbers_taken: BTreeMap<(OrganisationId, String, Date), bool>,
    /// The invoices we issued for it, in the order of their slots: whole, advance, rest, additional.
    pub invoices: Vec<OurInvoice>,
    /// An invoice of this deal whose creation was sent and is not settled: nothing may be created beside it.
    pub creating: Option<Creating>,
    /// Counterparties whose creation was sent and is not settled, and when it is worth looking again.
    pub registering: Vec<(CounterpartyKey, Timestamp)>,
    /// What was carried out once and for all, by [`crate::Action::mark`], with the id it left.
    pub done: BTreeMap<String, Option<String>>,
    /// The triggers among it, by the same.
    pub fired: BTreeMap<String, Fired>,
    /// Answers to orders in the field.
    pub order_answers: Vec<OrderAnswer>,
    /// When an invoice of it was issued last.
    pub last_issued: Option<Timestamp>,
    /// What our fields were set to in the last day, oldest first.
    pub written: Vec<(Timestamp, OurField, FieldValue)>,
    /// The deal's times of change that our writes of the last day left.
    pub our_changes: Vec<Timestamp>,
    /// The questions that are open about this deal, by their keys.
    pub open_cases: BTreeMap<String, OpenCase>,
    /// Reminders that settled themselves after somebody had heard them.
    pub heard_before: Vec<Heard>,
    /// What people answered to questions about this deal.
    pub answers: Answers,
    /// Whether the number it shows is that of another deal's invoice; none: nobody looked.
    pub is_of_another: Option<bool>,
    /// Where it stands with the question about many invoices at once.
    pub flood: Standing,
    /// Money that was given to its invoices, oldest first.
    pub receipts: Vec<Receipt>,
    /// An order that was called for it and is not used up.
    pub called: Option<Called>,
    /// Invoices of the portal's own that belong to it; none: nobody looked.
    pub smart_invoices: Option<Vec<SmartInvoice>>,
    /// Which days of our accounts are known; the same for all deals of a pass.
    pub known_days: Arc<KnownDays>,
}

/// An order that was given by calling our address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Called {
    /// Tells it from any other of the deal.
    pub number: OrderNumber,
    /// What it wants done.
    pub order: Order,
    /// When it was called first.
    pub called_at: Timestamp,
}

/// An answer to an order that stood in the deal's field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderAnswer {
    /// What its timeline entry is about.
    pub about: String,
    /// The entry's text.
    pub text: String,
    /// When it was made first.
    pub made_at: Timestamp,
    /// That was so short a while ago that the order may stand in the field for want of having been taken out.
    pub is_fresh: bool,
    /// Whether it was said.
    pub is_said: IsSaid,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsSaid {
    /// It stands in the timeline, or may.
    Yes,
    /// It surely does not, and may be sent again.
    NotYet,
    /// Nor does it, and without a person it is not sent again.
    GivenUp,
}

/// What people answered, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers(pub Vec<Answer>);

/// A person's answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The question's key.
    pub key: String,
    /// What exactly was asked: it holds for that and nothing else.
    pub about: String,
    /// The word of the choice.
    pub choice: String,
}

impl Answers {
    /// The last answer to just this question.
    pub(crate) fn to(&self, key: &str, about: &str) -> Option<&str> {
        let is_it = |answer: &&Answer| answer.key == key && answer.about == about;
        self.0
            .iter()
            .rfind(is_it)
            .map(|answer| answer.choice.as_str())
    }
}

/// An open question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCase {
    /// As people read it.
    pub text: String,
    /// Whether somebody was told of this text.
    pub told: bool,
    /// It was found while its funnel was only watched: it is asked once the funnel is active.
    pub watched: bool,
    /// What exactly is asked; empty where the text says it all.
    pub about: String,
    /// The manager whom it is for; none: no manager's, or nobody noted it.
    pub whom: Option<UserId>,
    /// Who heard just this text, whomever it is for by now: a head in a manager's place, say.
    pub heard_by: Option<UserId>,
    /// Its number in our records; none until it was read back.
    pub id: Option<i64>,
}

/// A reminder that settled itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its key.
    pub key: String,
    /// What exactly somebody was reminded of.
    pub about: String,
    /// When.
    pub at: Timestamp,
}

/// What the portal showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nobody looked.
    Unread,
    /// The portal says that there is no such deal.
    Gone,
    /// The technical user may not read it.
    Denied,
    /// The cheap look.
    Glance(Box<DealGlance>),
    /// The whole look, and when it was taken.
    Whole(Box<DealReading>, Timestamp),
}

/// A trigger that was fired: what it did only the deal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fired {
    /// When, by our clock.
    pub at: Timestamp,
    /// When the deal had been changed last before that, as the portal tells: what its stage history shows since then came of
    /// the trigger, or after it.
    pub since: Option<Timestamp>,
}

/// An invoice that we issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OurInvoice {
    /// Its place on the deal.
    pub slot: Slot,
    /// Whose series.
    pub organisation: OrganisationId,
    /// Its id on the accounting side.
    pub id: InvoiceId,
    /// The counterparty there.
    pub contractor: ContractorId,
    /// Who that is by the invoice as we last saw it; none where it does not tell.
    pub billed: Option<CounterpartyKey>,
    /// Its number as we last saw it.
    pub number: String,
    /// Its date as we last saw it.
    pub date: Date,
    /// Its total as we last saw it.
    pub total: Money,
    /// The revision it was issued from.
    pub revision: Revision,
    /// What it was issued from.
    pub draft: InvoiceDraft,
    /// Who sold, as printed.
    pub seller: Seller,
    /// Its state as we last saw it.
    pub status: InvoiceStatus,
    /// Whether it still stands for the deal; not after a recorded decision of a person.
    pub live: bool,
    /// The accounting side says that it is no more.
    pub deleted: bool,
    /// The deal's time of change when it was last read whole and compared with the invoice.
    pub compared: Option<Timestamp>,
    /// A person decided that another takes its place.
    pub replaced: bool,
    /// By an order that still stood in the deal's field when this was written.
    pub order_open: bool,
    /// It was there before us, and a person said that it is the deal's.
    pub adopted: bool,
    /// What was paid of it when it was adopted, by the accounting side; nothing of one of ours. Our records may show the same
    /// money. What was paid since then waits for its payment like that of any other.
    pub paid_before: Money,
    /// The seller's day on which it was adopted; none where nobody wrote it down.
    pub adopted_on: Option<Date>,
    /// What the accounting side shows as paid of an adopted one by now; nothing of one of ours.
    pub paid_there: Money,
    /// When we first saw that the accounting side calls it paid; none while it does not, or where nobody wrote it down.
    pub paid_since: Option<Timestamp>,
}

/// An unsettled creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creating {
    /// Of which slot.
    pub slot: Slot,
    /// When it is worth looking again.
    pub look_at: Timestamp,
    /// Where the accounting side tells a repetition by its key.
    pub repeatable: Option<Repeatable>,
}

/// A creation that may be asked for once more while its fate is not known: its key makes it the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeatable {
    /// Only what was asked for then.
    pub revision: Revision,
    /// Not sooner.
    pub not_before: Timestamp,
}

impl OurInvoice {
    /// Its total as it was issued; the accountant may have changed it since.
    pub fn issued_total(&self) -> Money {
        self.draft
            .totals()
            .map_or(self.total, |totals| totals.gross)
    }

    /// Who is to pay by the accounting side, where that is not whom it was issued to. Who has no INN is not told apart.
    pub(crate) fn billed_to_another(&self) -> Option<&CounterpartyKey> {
        let buyer = &self.draft.buyer.key;
        let billed = self.billed.as_ref()?;
        (buyer.who.inn().is_some() && !billed.may_be(buyer)).then_some(billed)
    }

    /// The accountant took it back.
    pub(crate) fn is_void(&self) -> bool {
        self.deleted || self.status == InvoiceStatus::Cancelled
    }

    /// Whether it is to be paid for the deal.
    pub(crate) fn stands(&self) -> bool {
        self.live && !self.is_void()
    }
}

/// An event that comes later than this after the last change is about something else, however soon or late its look is.
const ECHOES_WITHIN: SignedDuration = SignedDuration::from_mins(1);
/// And so is one that came before it, but for what the clocks differ by.
const CLOCKS_DIFFER_BY: SignedDuration = SignedDuration::from_secs(5);

impl DealSnapshot {
    /// Whether the cheap look is enough for a deal that has its invoice.
    ///
    /// An event that tells of no later change than the compared one is an echo. One that comes long after the
    /// last change tells of something that the portal does not date, and one of two edits within a second hides
    /// behind the other: the first is read whole here, the second by the sweep, which skips nothing.
    pub(crate) fn is_compared(&self, glance: &DealGlance, invoice: &OurInvoice) -> bool {
        let changed = glance.deal.changed;
        let is_echo = |heard: Timestamp| {
            let after = heard.duration_since(changed);
            invoice.compared == Some(changed)
                && (-CLOCKS_DIFFER_BY..=ECHOES_WITHIN).contains(&after)
        };
        self.undisturbed || self.hinted.is_some_and(is_echo)
    }

    /// A deal of which nothing is known.
    pub fn unread(id: DealId) -> Self {
        Self {
            id,
            seen: Seen::Unread,
            undisturbed: false,
            sealed: false,
            hinted: None,
            entered: None,
            own_companies: Vec::new(),
            counterparties: BTreeMap::new(),
            numbers_taken: BTreeMap::new(),
            invoices: Vec::new(),
            creating: None,
            registering: Vec::new(),
            done: BTreeMap::new(),
            fired: BTreeMap::new(),
            order_answers: Vec::new(),
            last_issued: None,
            written: Vec::new(),
            our_changes: Vec::new(),
            open_cases: BTreeMap::new(),
            heard_before: Vec::new(),
            answers: Answers::default(),
            is_of_another: None,
            flood: Standing::default(),
            receipts: Vec::new(),
            called: None,
            smart_invoices: None,
            known_days: Arc::default(),
        }
    }

    /// A called order was used up; one that was called since then stands.
    pub fn use_up(&mut self, number: OrderNumber) {
        self.called.take_if(|called| called.number == number);
    }

    /// Takes what the portal shows. Where our own write changed the deal last, the portal tells no more who had before: by
    /// whom an order in it is, is not known then.
    pub fn see(&mut self, seen: Seen) {
        self.seen = seen;
        let changed = self.glance().map(|glance| glance.deal.changed);
        let is_ours = changed.is_some_and(|at| self.our_changes.contains(&at));
        if let Some(glance) = self.glance_mut().filter(|_| is_ours) {
            glance.deal.changed_by = None;
        }
    }

    /// The cheap look, whichever look was taken.
    pub fn glance(&self) -> Option<&DealGlance> {
        match &self.seen {
            Seen::Glance(glance) => Some(glance),
            Seen::Whole(reading, _) => Some(&reading.glance),
            Seen::Unread | Seen::Gone | Seen::Denied => None,
        }
    }

    /// The fields were written: from now on the deal shows them.
    pub fn show(&mut self, fields: &[(OurField, FieldValue)]) {
        if let Some(glance) = self.glance_mut() {
            for (field, value) in fields {
                glance.fields.set(*field, value);
            }
        }
    }

    /// The deal was moved: from now on it stands there.
    pub fn moved_to(&mut self, stage: &StageId) {
        if let Some(glance) = self.glance_mut() {
            glance.deal.stage = stage.clone();
        }
    }

    /// When the deal was changed last, if its invoice is compared with all of that.
    pub fn compared(&self) -> Option<Timestamp> {
        let changed = self.glance()?.deal.changed;
        self.live_invoice()?.compared.filter(|at| *at == changed)
    }

    /// Only our own write changed the deal since it was compared: that needs no comparing.
    pub fn changed_by_us(&mut self, changed: Timestamp) {
        if let Some(glance) = self.glance_mut() {
            glance.deal.changed = changed;
        }
        if let Some(invoice) = self.live_invoice_mut() {
            invoice.compared = Some(changed);
        }
    }

    fn glance_mut(&mut self) -> Option<&mut DealGlance> {
        match &mut self.seen {
            Seen::Glance(glance) => Some(glance),
            Seen::Whole(reading, _) => Some(&mut reading.glance),
            Seen::Unread | Seen::Gone | Seen::Denied => None,
        }
    }

    /// The invoice that the deal shows and is compared with: the last that is to be paid, else the last there is.
    pub fn live_invoice(&self) -> Option<&OurInvoice> {
        let live = self.invoices.iter().filter(|invoice| invoice.live);
        live.max_by_key(|invoice| (invoice.stands(), invoice.slot))
    }

    /// The same, to be changed.
    pub fn live_invoice_mut(&mut self) -> Option<&mut OurInvoice> {
        let live = self.invoices.iter_mut().filter(|invoice| invoice.live);
        live.max_by_key(|invoice| (invoice.stands(), invoice.slot))
    }

    /// The last invoice of a kind that is to be paid.
    pub(crate) fn standing(&self, kind: SlotKind) -> Option<&OurInvoice> {
        let of_kind = self.invoices.iter().filter(|one| one.slot.kind == kind);
        of_kind
            .filter(|one| one.stands())
            .max_by_key(|one| one.slot)
    }

    /// The kind of an invoice in whose place a person wants another, which is not there yet.
    pub(crate) fn to_replace(&self) -> Option<SlotKind> {
        let last_of_kind = |invoice: &&OurInvoice| {
            let mut of_kind = self.invoices.iter();
            let slot = invoice.slot;
            !of_kind.any(|one| one.slot.kind == slot.kind && one.slot > slot)
        };
        self.invoices
            .iter()
            .filter(last_of_kind)
            .find(|invoice| !invoice.live && invoice.replaced)
            .map(|invoice| invoice.slot.kind)
    }

    /// The order in the deal's field is gone: the invoices that it replaced; each is to be written again.
    pub fn close_orders(&mut self) -> Vec<OurInvoice> {
        let is_empty = self.glance().is_some_and(|glance| {
            glance
                .fields
                .command
                .as_deref()
                .unwrap_or_default()
                .is_empty()
        });
        let open = self
            .invoices
            .iter_mut()
            .filter(|invoice| invoice.order_open && is_empty);
        open.map(|invoice| {
            invoice.order_open = false;
            invoice.clone()
        })
        .collect()
    }

    /// The slot that the next invoice of a kind would take: past every one of the kind there was. Whether there may
    /// be one beside what stands is not said here.
    pub fn next_slot(&self, kind: SlotKind) -> Slot {
        let first = Slot::first(kind);
        if planted::is(Bug::DoneKeyBlocksReissue) {
            return first;
        }
        let of_kind = self.invoices.iter().filter(|one| one.slot.kind == kind);
        let last = of_kind.map(|one| one.slot).max();
        last.and_then(Slot::next).unwrap_or(first)
    }

    /// Counterparties of the accounting side that are the buyer, by INN or our own id; `None` if nobody asked yet.
    pub fn counterparties_of(
        &self,
        seller: &OrganisationId,
        buyer: &Counterparty,
    ) -> Option<&Vec<KnownCounterparty>> {
        self.counterparties
            .get(&(seller.clone(), buyer.key.who.clone()))
    }
}
