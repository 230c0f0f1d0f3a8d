//! What both remotes hold, and the trouble they were ordered to make.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use capability::portal::{RecordKind, Reserved};
use capability::{ConnectorError, Remote};
use domain::observed::{
    BankDetail, ChosenRequisites, DealGlance, DealReading, KnownCounterparty, OurFields,
    OwnCompany, Owner, ProductRow, Record, Requisite, RowVat, SmartInvoice, StageEntry,
};
use domain::staff::Staff;
use domain::{
    BankDetailId, CompanyId, ContractorId, Deal, DealId, FunnelId, Invoice, InvoiceId, Money,
    OrganisationId, Price, Quantity, RequisiteId, StageId, UserId, VatRate, Verdict,
};
use engine::Clock;
use engine::clock::later;
use store::Store;
use testkit::time::at;
use tokio::sync::Notify;

pub(crate) const INVOICE_STAGE: &str = "PREPAYMENT_INVOICE";

/// What happens to one request instead of the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Done, and the answer never comes.
    AnswerLost,
    /// Not done, and no answer.
    Lost,
    /// No answer, and done so much later.
    Late(Duration),
    /// Understood and refused.
    Refused,
    /// Surely not done; may be tried again.
    Busy,
    /// Surely not done: the key is accepted no more.
    Shut,
    /// An answer that nobody understands.
    Garbled,
    /// Done; the caller waits for ever.
    HangsDone,
    /// Not done; the caller waits for ever.
    HangsUndone,
}

/// An entry of a deal's timeline.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) mark: String,
    pub(crate) id: String,
    pub(crate) file: Option<(String, Vec<u8>)>,
}

/// An invoice of the accounting side, with our mark.
#[derive(Clone, Debug)]
pub(crate) struct Bill {
    pub(crate) invoice: Invoice,
    pub(crate) key: String,
    pub(crate) deleted: bool,
}

/// A page of a sweep: records with their time of change.
pub(crate) type Page = Vec<(Record, Option<jiff::Timestamp>)>;

#[derive(Default)]
pub(crate) struct State {
    pub(crate) deals: BTreeMap<DealId, DealReading>,
    /// The next whole reading takes two requests, the second of them so long, and meanwhile somebody gives the first
    /// line another price.
    pub(crate) second_request: Option<(Duration, domain::Price)>,
    pub(crate) gone: Vec<DealId>,
    pub(crate) denied: Vec<DealId>,
    pub(crate) owner_of: BTreeMap<Record, Record>,
    pub(crate) timeline: Vec<Entry>,
    /// Bells by tag: a second with the same tag replaces the first.
    pub(crate) bells: BTreeMap<String, (UserId, String)>,
    pub(crate) chat: Vec<String>,
    /// The stage that the trigger of what is paid is bound to; none: to no stage.
    pub(crate) trigger_bound_to: Option<domain::StageId>,
    /// Invoices of the portal's own.
    pub(crate) smart_invoices: Vec<SmartInvoice>,
    /// Who works there; none: everybody.
    pub(crate) staff: Option<Staff>,
    pub(crate) bills: Vec<Bill>,
    pub(crate) contractors: Vec<KnownCounterparty>,
    pub(crate) feed: Vec<InvoiceId>,
    /// Pages of its payments, in order; the last is told again and again.
    pub(crate) payments: Vec<capability::accounting::PaymentPage>,
    /// From where its payments were asked.
    pub(crate) payments_from: Vec<String>,
    pub(crate) pages: BTreeMap<RecordKind, Vec<Page>>,
    pub(crate) entered: Vec<Page>,
    /// Deals whose invoices of the portal's own changed.
    pub(crate) own_invoice_pages: Vec<Page>,
    /// What the portal's own clock shows, where it tells.
    pub(crate) portal_clock: Option<jiff::Timestamp>,
    /// Since when each sweep asked.
    pub(crate) swept_since: Vec<jiff::Timestamp>,
    pub(crate) offline: VecDeque<Reserved>,
    /// Packets that were cleared, with the events that were on disk by then.
    pub(crate) cleared: Vec<(String, u64)>,
    /// A robot that puts this into the number field after every write of ours.
    pub(crate) robot: Option<String>,
    /// Deals that spoil every reading in which they are asked for, by kind of reading.
    pub(crate) poison: Vec<(&'static str, DealId)>,
    /// The accounting side has no change feed.
    pub(crate) without_feed: bool,
    /// So many changes stand on a page of the feed; none: one.
    pub(crate) feed_at_once: Option<usize>,
    /// The organisation whose feed answers what nobody understands.
    pub(crate) shut_feed: Option<OrganisationId>,
    /// Somebody changes deal 1 in the moment in which its invoice is asked for.
    pub(crate) changed_meanwhile: Option<fn(&mut DealReading)>,
    /// The accountant makes this of the first card in the moment in which an invoice is asked for.
    pub(crate) card_meanwhile: Option<&'static str>,
    /// The accounting side tells a repetition by its key.
    pub(crate) honours_key: bool,
    /// Its lists lag behind: no bill of the last while is found by its mark before this.
    pub(crate) unlisted_until: jiff::Timestamp,
    /// Keys whose bills bear their marks and are otherwise not what its contract promises.
    pub(crate) unreadable: Vec<String>,
    /// Bills that cannot be read by their ids, each with the code of the error.
    pub(crate) unreadable_bills: BTreeMap<InvoiceId, &'static str>,
    /// INNs with a counterparty that is not what its contract promises.
    pub(crate) unreadable_inns: Vec<domain::Inn>,
    /// Every write that took effect, with the second in which it did.
    pub(crate) story: Vec<(f64, String)>,
    pub(crate) calls: BTreeMap<&'static str, usize>,
    /// By kind of request: how many are under way, and how many were at most.
    under_way: BTreeMap<&'static str, (usize, usize)>,
    /// By kind of request: after how many that go well, and what then.
    troubles: Vec<(&'static str, usize, Trouble)>,
    latency: BTreeMap<&'static str, Duration>,
    /// So many writes share a request of the portal; none: as many as the real one's.
    pub(crate) writes_at_once: Option<usize>,
}

pub(crate) struct Office {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Store,
    state: Mutex<State>,
    hung: Notify,
}

impl Office {
    pub(crate) fn new(clock: Arc<dyn Clock>, store: Store) -> Arc<Self> {
        Arc::new(Self {
            clock,
            store,
            state: Mutex::default(),
            hung: Notify::new(),
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The next request of this kind makes trouble.
    pub(crate) fn order(&self, kind: &'static str, trouble: Trouble) {
        self.order_after(0, kind, trouble);
    }

    /// A request of this kind makes trouble, after so many that go well.
    pub(crate) fn order_after(&self, well: usize, kind: &'static str, trouble: Trouble) {
        self.state().troubles.push((kind, well, trouble));
    }

    /// Requests of this kind take so long from now on.
    pub(crate) fn slow_down(&self, kind: &'static str, latency: Duration) {
        self.state().latency.insert(kind, latency);
    }

    /// Returns once a request hangs.
    pub(crate) async fn until_hung(&self) {
        self.hung.notified().await;
    }

    pub(crate) fn calls(&self, kind: &'static str) -> usize {
        self.state().calls.get(kind).copied().unwrap_or(0)
    }

    /// So many requests of this kind were under way at one time, at most.
    pub(crate) fn most_together(&self, kind: &'static str) -> usize {
        let under_way = self.state().under_way.get(kind).copied();
        under_way.map_or(0, |(_, most)| most)
    }

    // Copies: an assertion that fails says more about the state, and must not hold it.

    pub(crate) fn bills(&self) -> Vec<Bill> {
        self.state().bills.clone()
    }

    pub(crate) fn contractors(&self) -> Vec<KnownCounterparty> {
        self.state().contractors.clone()
    }

    pub(crate) fn timeline(&self) -> Vec<Entry> {
        self.state().timeline.clone()
    }

    pub(crate) fn bells(&self) -> BTreeMap<String, (UserId, String)> {
        self.state().bells.clone()
    }

    pub(crate) fn chat(&self) -> Vec<String> {
        self.state().chat.clone()
    }

    /// What took effect, in its order.
    pub(crate) fn story(&self) -> String {
        let state = self.state();
        let lines: Vec<&str> = state.story.iter().map(|(_, line)| line.as_str()).collect();
        lines.join("\n").replace('\u{a0}', " ")
    }

    /// In which second after the start something took effect first.
    pub(crate) fn second_of(&self, beginning: &str) -> f64 {
        let state = self.state();
        let found = state
            .story
            .iter()
            .find(|(_, line)| line.starts_with(beginning));
        found.unwrap_or_else(|| panic!("no `{beginning}`")).0
    }

    /// A request arrives and takes its time.
    pub(crate) async fn arrive(&self, kind: &'static str) {
        let latency = {
            let mut state = self.state();
            *state.calls.entry(kind).or_default() += 1;
            let (now, most) = state.under_way.entry(kind).or_default();
            *now += 1;
            *most = (*most).max(*now);
            let usual = Duration::from_millis(50);
            state.latency.get(kind).copied().unwrap_or(usual)
        };
        self.clock
            .sleep_until(later(self.clock.now(), latency))
            .await;
        if let Some((now, _)) = self.state().under_way.get_mut(kind) {
            *now -= 1;
        }
    }

    /// A read, unless trouble was ordered.
    pub(crate) async fn read<T>(
        &self,
        kind: &'static str,
        read: impl FnOnce(&State) -> T,
    ) -> Result<T, ConnectorError> {
        self.arrive(kind).await;
        match self.trouble(kind) {
            None => Ok(read(&self.state())),
            Some(Trouble::HangsDone | Trouble::HangsUndone) => self.hang().await,
            Some(trouble) => Err(failed(kind, trouble)),
        }
    }

    /// A write of one thing, unless trouble was ordered.
    pub(crate) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        kind: &'static str,
        done: impl FnOnce(&mut State) -> (T, String) + Send + 'static,
    ) -> Result<T, ConnectorError> {
        let trouble = self.trouble(kind);
        match trouble {
            None => Ok(self.apply(done)),
            Some(Trouble::AnswerLost) => {
                self.apply(done);
                Err(failed(kind, Trouble::AnswerLost))
            }
            Some(Trouble::Late(by)) => {
                let (office, lands) = (Arc::clone(self), later(self.clock.now(), by));
                tokio::spawn(async move {
                    office.clock.sleep_until(lands).await;
                    office.apply(done);
                });
                Err(failed(kind, Trouble::Late(by)))
            }
            Some(Trouble::HangsDone) => {
                self.apply(done);
                self.hang().await
            }
            Some(Trouble::HangsUndone) => self.hang().await,
            Some(trouble) => Err(failed(kind, trouble)),
        }
    }

    fn apply<T>(&self, done: impl FnOnce(&mut State) -> (T, String)) -> T {
        let mut state = self.state();
        let (made, line) = done(&mut state);
        let second = (self.clock.now() - at(0))
            .total(jiff::Unit::Second)
            .unwrap();
        state.story.push((second, line));
        made
    }

    pub(crate) fn trouble(&self, kind: &'static str) -> Option<Trouble> {
        let mut state = self.state();
        let place = state.troubles.iter().position(|(of, ..)| *of == kind)?;
        match &mut state.troubles[place].1 {
            0 => Some(state.troubles.remove(place).2),
            well => {
                *well -= 1;
                None
            }
        }
    }

    /// A read of these deals, unless trouble was ordered or one of them spoils it.
    pub(crate) async fn read_of<T>(
        &self,
        kind: &'static str,
        ids: &[DealId],
        read: impl FnOnce(&State) -> T,
    ) -> Result<T, ConnectorError> {
        let answer = self.read(kind, read).await?;
        let state = self.state();
        let spoilt = ids.iter().any(|id| state.poison.contains(&(kind, *id)));
        match spoilt {
            true => Err(failed(kind, Trouble::Garbled)),
            false => Ok(answer),
        }
    }

    async fn hang<T>(&self) -> T {
        self.hung.notify_one();
        std::future::pending().await
    }

    /// Puts a deal that lacks nothing into the invoice stage, now.
    pub(crate) fn enter(&self, id: u64) {
        let now = self.clock.now();
        let mut reading = deal(id);
        reading.history.push(StageEntry {
            funnel: FunnelId(0),
            stage: StageId::new(INVOICE_STAGE),
            at: now,
        });
        reading.glance.deal.changed = now;
        self.state().deals.insert(DealId(id), reading);
    }

    /// Somebody changes a deal.
    pub(crate) fn edit(&self, id: u64, change: impl FnOnce(&mut DealReading)) {
        let now = self.clock.now();
        let mut state = self.state();
        let reading = state.deals.get_mut(&DealId(id)).unwrap();
        let (rows, amount) = (reading.rows.clone(), reading.glance.deal.amount);
        change(reading);
        reading.glance.deal.changed = now;
        // An amount that nobody typed follows the rows.
        if reading.rows != rows && reading.glance.deal.amount == amount {
            reading.glance.deal.amount = sum(&reading.rows);
        }
    }

    /// The accountant writes another INN and KPP into a card.
    pub(crate) fn corrects_card(&self, place: usize, key: &str) {
        self.state().contractors[place].counterparty.key = key.parse().unwrap();
    }

    /// The accounting side knows Ромашка already.
    pub(crate) fn knows_romashka(&self) {
        let known = KnownCounterparty {
            id: ContractorId::new("K-1"),
            counterparty: domain::Counterparty {
                key: "7707083893/770801001".parse().unwrap(),
                name: "Ромашка".to_owned(),
                full_name: None,
                ogrn: None,
                address: None,
            },
        };
        self.state().contractors.push(known);
    }
}

pub(crate) fn failed(kind: &'static str, trouble: Trouble) -> ConnectorError {
    let (verdict, code) = match trouble {
        Trouble::Refused => (Verdict::Reject, "refused"),
        Trouble::Shut => (Verdict::Reauthorize, "unauthorized"),
        Trouble::Garbled => (Verdict::Defect, "other-shape"),
        Trouble::Busy => (Verdict::Retry { after: None }, "busy"),
        _ => (Verdict::Verify, "timed-out"),
    };
    ConnectorError {
        verdict,
        remote: match kind {
            "find" | "create" | "issue" | "find_by_key" | "number_taken" | "print" | "feed"
            | "organisations" | "read_invoices" => Remote::KonturAccounting,
            _ => Remote::Bitrix24,
        },
        method: kind.to_owned(),
        code: code.to_owned(),
        message: "as ordered".to_owned(),
        limit: false,
    }
}

fn deal(id: u64) -> DealReading {
    let created = at(0) - jiff::SignedDuration::from_hours(1);
    DealReading {
        glance: DealGlance {
            deal: Deal {
                id: DealId(id),
                title: format!("Сделка {id}"),
                funnel: FunnelId(0),
                stage: StageId::new(INVOICE_STAGE),
                closed: false,
                lost: false,
                template: false,
                amount: Money::from_kopecks(12_200),
                manual_amount: false,
                currency: "RUB".to_owned(),
                company: Some(CompanyId(7)),
                contact: None,
                own_company: None,
                responsible: UserId(5),
                created,
                changed: created,
                changed_by: Some(UserId(5)),
            },
            fields: OurFields::default(),
            named: std::collections::BTreeMap::new(),
        },
        history: Vec::new(),
        rows: vec![ProductRow {
            product: None,
            name: "Консультация".to_owned(),
            quantity: Quantity::ONE,
            price: Price::parse("122").unwrap(),
            vat_included: true,
            vat: RowVat::Known(VatRate::Percent22),
            unit_code: Some("796".to_owned()),
            unit_name: Some("шт".to_owned()),
        }],
        requisites: vec![requisite(21, 7, "ООО «Ромашка»", "7707083893", "770801001")],
        chosen: ChosenRequisites::default(),
        company_title: Some("Ромашка".to_owned()),
        contact_name: None,
    }
}

/// What the CRM makes of rows whose prices hold their VAT.
fn sum(rows: &[ProductRow]) -> Money {
    let sums = rows.iter().map(|row| {
        let sum = row.price.value() * row.quantity.value();
        Money::rounded(sum).unwrap()
    });
    Money::sum(sums).unwrap()
}

fn requisite(id: u64, company: u64, name: &str, inn: &str, kpp: &str) -> Requisite {
    Requisite {
        id: RequisiteId(id),
        owner: Owner::Company(CompanyId(company)),
        name: name.to_owned(),
        full_name: String::new(),
        inn: inn.to_owned(),
        kpp: kpp.to_owned(),
        ogrn: String::new(),
        director: String::new(),
        accountant: String::new(),
        address: "Москва, ул. Лесная, 1".to_owned(),
        address_only: false,
        banks: Vec::new(),
    }
}

pub(crate) fn own_companies() -> Vec<OwnCompany> {
    let mut ours = requisite(11, 1, "ООО «Мы»", "7736050003", "773601001");
    ours.director = "Петров П. П.".to_owned();
    ours.banks = vec![BankDetail {
        id: BankDetailId(31),
        bank_name: "ПАО Сбербанк".to_owned(),
        bik: "044525225".to_owned(),
        account: "40702810200000012345".to_owned(),
        correspondent: "30101810400000000225".to_owned(),
    }];
    vec![OwnCompany {
        id: CompanyId(1),
        title: "Мы".to_owned(),
        requisites: vec![ours],
    }]
}
