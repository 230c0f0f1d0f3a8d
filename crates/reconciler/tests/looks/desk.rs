//! The desk at which the looks are taken: one portal, its lease, and a loop over what is due.
//!
//! Not the engine's worker: a test says when time passes, when a process dies, and who holds the lease.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use capability::{Admission, Exchange, Gate, NotAdmitted, Remote};
use documents::{Layout, Renderer};
use domain::observed::OurField;
use domain::{CompanyId, DealId, FunnelId, OrganisationId, PortalId, StageId};
use engine::clock::later;
use engine::{Clock, Halted, LeaseContext, Looker, Means};
use jiff::{SignedDuration, Timestamp};
use planner::{Attach, Funnel, InvoicePolicy, Mode, Organisation, Policy, SmartInvoices};
use reconciler::{
    Connected, Connections, FloodAnswers, NotConnected, OwnInvoices, Reconciler, Settings,
};
use store::{
    Case, CaseFilter, Known, Lane, Lease, Look, NewEvent, Store, Subject, SubjectKind, Work,
};
use testkit::builders::portal;
use testkit::time::at;
use tokio::sync::watch;

use crate::office::{INVOICE_STAGE, Office};
use crate::{books, crm};

const TTL: Duration = Duration::from_secs(30);

pub(crate) struct Desk {
    pub(crate) office: Arc<Office>,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) turn: Arc<Turn>,
    means: Means,
    reconciler: Reconciler,
    connection: Arc<Connection>,
    lease: watch::Sender<Lease>,
}

/// What a look gets when it asks for the portal.
pub(crate) struct Connection {
    office: Arc<Office>,
    policy: Mutex<Policy>,
    papers: Mutex<reconciler::Papers>,
    own_invoices: OwnInvoices,
    flood_answers: FloodAnswers,
    refused: Mutex<Option<NotConnected>>,
}

#[async_trait]
impl Connections for Connection {
    async fn of(&self, _portal: &PortalId) -> Result<Arc<Connected>, NotConnected> {
        if let Some(refused) = &*self.refused.lock().unwrap() {
            return Err(refused.clone());
        }
        Ok(Arc::new(Connected {
            portal: crm::portal(&self.office),
            accounting: books::accounting(&self.office),
            policy: self.policy.lock().unwrap().clone(),
            version: 0,
            papers: self.papers.lock().unwrap().clone(),
            own_invoices: self.own_invoices.clone(),
            flood_answers: self.flood_answers.clone(),
        }))
    }
}

/// A gate that admits everybody in time, after a wait that was ordered.
pub(crate) struct Turn {
    clock: Arc<dyn Clock>,
    waits: Mutex<Vec<Duration>>,
    /// One request of the accounting side after the other, so long apart.
    apart: Mutex<Option<Duration>>,
    free_at: Mutex<Timestamp>,
    pub(crate) refused: Mutex<usize>,
}

impl Turn {
    pub(crate) fn wait_once(&self, wait: Duration) {
        self.waits.lock().unwrap().push(wait);
    }

    pub(crate) fn one_after_another(&self, apart: Duration) {
        *self.apart.lock().unwrap() = Some(apart);
    }

    /// The next turn of whoever comes now.
    fn next_turn(&self, ask: &Admission) -> Option<(Timestamp, Duration)> {
        let apart = (*self.apart.lock().unwrap())?;
        let free_at = (*self.free_at.lock().unwrap()).max(self.clock.now());
        (ask.remote == Remote::KonturAccounting).then_some((free_at, apart))
    }
}

#[async_trait]
impl Gate for Turn {
    async fn admit(&self, ask: &Admission) -> Result<(), NotAdmitted> {
        let wait = self.waits.lock().unwrap().pop().unwrap_or_default();
        self.clock.sleep_until(later(self.clock.now(), wait)).await;
        if let Some((turn, apart)) = self.next_turn(ask)
            && ask.send_by.is_none_or(|by| turn <= by)
        {
            *self.free_at.lock().unwrap() = later(turn, apart);
            self.clock.sleep_until(turn).await;
        } else if self.next_turn(ask).is_some() {
            self.clock
                .sleep_until(later(ask.send_by.unwrap(), Duration::from_millis(1)))
                .await;
        }
        if ask.send_by.is_some_and(|by| self.clock.now() > by) {
            *self.refused.lock().unwrap() += 1;
            return Err(NotAdmitted {
                retry_after: None,
                reason: "the data is too old by now".to_owned(),
            });
        }
        Ok(())
    }

    async fn room(&self, ask: &Admission) -> u32 {
        let Some((turn, apart)) = self.next_turn(ask) else {
            return u32::MAX;
        };
        let left = ask.send_by.unwrap().duration_since(turn).as_millis();
        u32::try_from(left / i128::try_from(apart.as_millis()).unwrap()).unwrap_or(0)
    }

    async fn book(&self, _portal: &PortalId, _exchange: &Exchange) {}
}

impl Desk {
    /// A desk of an active portal; the accounting side's print form is attached.
    pub(crate) async fn open() -> Self {
        let store = Store::open_inline().unwrap();
        let clock = testkit::time::clock();
        let office = Office::new(Arc::clone(&clock), store.clone());
        store
            .portal_put(&store::Portal {
                id: portal(),
                host: "portal.bitrix24.test".to_owned(),
                mode: store::Mode::Active,
                paused: false,
                detail: serde_json::json!({}),
                created_at: at(0),
                updated_at: at(0),
            })
            .await
            .unwrap();
        let turn = Arc::new(Turn {
            clock: Arc::clone(&clock),
            waits: Mutex::default(),
            apart: Mutex::default(),
            free_at: Mutex::new(at(0)),
            refused: Mutex::default(),
        });
        let means = Means {
            store: store.clone(),
            clock: Arc::clone(&clock),
            gate: Arc::clone(&turn) as Arc<dyn Gate>,
            rng: testkit::seed::shared(1),
            settings: Arc::default(),
            watch: engine::Watch::default(),
        };
        let connection = Arc::new(Connection {
            office: Arc::clone(&office),
            policy: Mutex::new(policy()),
            papers: Mutex::default(),
            own_invoices: OwnInvoices::default(),
            flood_answers: FloodAnswers::default(),
            refused: Mutex::default(),
        });
        let reconciler = reconciler(&connection);
        let lease = take(&store, "first", clock.now()).await;
        Self {
            office,
            store,
            clock,
            turn,
            means,
            reconciler,
            connection,
            lease: watch::Sender::new(lease),
        }
    }

    /// The process ends in good order, and another begins with what is on disk.
    pub(crate) fn restart(&mut self) {
        self.reconciler = reconciler(&self.connection);
    }

    pub(crate) fn set_policy(&self, change: impl FnOnce(&mut Policy)) {
        change(&mut self.connection.policy.lock().unwrap());
    }

    /// What papers are drawn with, beside the policy.
    pub(crate) fn set_papers(&self, papers: reconciler::Papers) {
        *self.connection.papers.lock().unwrap() = papers;
    }

    pub(crate) fn connect(&self, refused: Option<NotConnected>) {
        *self.connection.refused.lock().unwrap() = refused;
    }

    /// An event about a deal, a person's click.
    pub(crate) async fn event(&self, id: u64) {
        self.event_about(Subject::deal(DealId(id))).await;
    }

    pub(crate) async fn event_about(&self, subject: Subject) {
        let event = NewEvent {
            portal: portal(),
            source: "online".to_owned(),
            name: "ONCHANGE".to_owned(),
            record: Some(subject),
            lane: Lane::Click,
            received_at: self.clock.now(),
            detail: serde_json::json!({}),
        };
        let now = self.clock.now();
        self.store.accept(&[event], now).await.unwrap();
    }

    /// A task of the portal itself is due.
    pub(crate) async fn task(&self, task: &str) {
        let look = Look {
            subject: Subject::portal(task),
            lane: Lane::Due,
            due_at: self.clock.now(),
            reason: "interval".to_owned(),
        };
        self.store.look(&portal(), &[look]).await.unwrap();
    }

    /// A deal lands in the invoice stage, and its event comes.
    pub(crate) async fn deal_enters(&self, id: u64) {
        self.office.enter(id);
        self.event(id).await;
    }

    /// Looks at whatever becomes due within the next seconds.
    pub(crate) async fn run(&self, seconds: u64) {
        let end = later(self.clock.now(), Duration::from_secs(seconds));
        for _pass in 0..2_000 {
            if self.pass().await {
                continue;
            }
            let due = self.store.next_due_of(&portal()).await.unwrap();
            match due {
                Some(due) if due < end => self.clock.sleep_until(due).await,
                _ => return self.clock.sleep_until(end).await,
            }
        }
        panic!("two thousand passes within {seconds} s: something is looked at without end");
    }

    /// One pass in every lane that has something due; false if none had.
    async fn pass(&self) -> bool {
        let mut worked = false;
        for lane in Lane::ALL {
            let due = self.due(lane).await;
            if due.is_empty() {
                continue;
            }
            worked = true;
            if self.look(lane, due.clone()).await.is_err() {
                let lease = self.lease.borrow().clone();
                let again = later(self.clock.now(), Duration::from_secs(5));
                let put_back = self.store.work_put_back(&lease, &due, again).await;
                put_back.unwrap();
            }
        }
        worked
    }

    pub(crate) async fn due(&self, lane: Lane) -> Vec<Work> {
        let lease = self.lease.borrow().clone();
        let now = self.clock.now();
        let renewed = self.store.lease_renew(&lease, TTL, now).await.unwrap();
        self.lease.send_replace(renewed.clone());
        let taken = self.store.work_take(&renewed, lane, 50, &[], now).await;
        taken.unwrap()
    }

    pub(crate) fn context(&self, lane: Lane) -> LeaseContext {
        LeaseContext::new(self.means.clone(), lane, self.lease.subscribe())
    }

    pub(crate) fn lease(&self) -> Lease {
        self.lease.borrow().clone()
    }

    /// A pass under a lease that may be somebody else's by now.
    pub(crate) async fn look_under(
        &self,
        lease: Lease,
        lane: Lane,
        due: Vec<Work>,
    ) -> Result<(), Halted> {
        let shown = watch::Sender::new(lease);
        let ctx = LeaseContext::new(self.means.clone(), lane, shown.subscribe());
        self.reconciler.look(&ctx, due).await
    }

    /// What a look works with.
    pub(crate) fn connected(&self) -> Connected {
        Connected {
            portal: crm::portal(&self.office),
            accounting: books::accounting(&self.office),
            policy: self.connection.policy.lock().unwrap().clone(),
            version: 0,
            papers: self.connection.papers.lock().unwrap().clone(),
            own_invoices: self.connection.own_invoices.clone(),
            flood_answers: self.connection.flood_answers.clone(),
        }
    }

    pub(crate) async fn look(&self, lane: Lane, due: Vec<Work>) -> Result<(), Halted> {
        self.reconciler.look(&self.context(lane), due).await
    }

    /// A pass in the click lane whose process dies as soon as a request hangs; another takes over when the lease ends.
    pub(crate) async fn crash_when_hung(&self) {
        let due = self.due(Lane::Click).await;
        assert!(!due.is_empty(), "nothing to die on");
        tokio::select! {
            _ended = self.look(Lane::Click, due) => panic!("it did not hang"),
            () = self.office.until_hung() => {}
        }
        self.clock
            .sleep_until(later(self.clock.now(), TTL + Duration::from_secs(1)))
            .await;
        self.hand_over().await;
    }

    /// Another process takes the portal; this desk goes on as that one.
    pub(crate) async fn hand_over(&self) {
        let lease = take(&self.store, "second", self.clock.now()).await;
        self.lease.send_replace(lease);
    }

    pub(crate) async fn known(&self, id: u64) -> Known {
        let subject = Subject::deal(DealId(id));
        self.store.known(&portal(), &[subject]).await.unwrap()
    }

    pub(crate) async fn open_cases(&self) -> Vec<Case> {
        let filter = CaseFilter::default();
        self.store.cases_open(&portal(), &filter).await.unwrap()
    }

    /// The keys of the open questions.
    pub(crate) async fn questions(&self) -> Vec<String> {
        let cases = self.open_cases().await;
        cases.into_iter().map(|case| case.facts.key).collect()
    }

    /// Asserts that nothing is waiting: no look is due, no effect is under way.
    pub(crate) async fn assert_at_rest(&self, id: u64) {
        let due = self.store.next_due_of(&portal()).await.unwrap();
        assert_eq!(due, None, "something is still due");
        for effect in self.known(id).await.effects {
            assert!(effect.state.is_settled(), "{effect:?}");
        }
    }
}

fn reconciler(connection: &Arc<Connection>) -> Reconciler {
    Reconciler::new(
        Arc::clone(connection) as Arc<dyn Connections>,
        Arc::new(Renderer::new(Layout::default())),
        Settings::default(),
    )
}

/// Takes the portal's lease; there must be something due for that, so a task that nobody knows is put there.
async fn take(store: &Store, owner: &str, now: Timestamp) -> Lease {
    let look = Look {
        subject: Subject::new(SubjectKind::Portal, "nothing"),
        lane: Lane::Trailing,
        due_at: now,
        reason: "to be taken".to_owned(),
    };
    store.look(&portal(), &[look]).await.unwrap();
    let lease = store.lease_acquire(owner, TTL, now).await.unwrap();
    lease.expect("a free portal")
}

fn policy() -> Policy {
    let fields = [
        (OurField::Number, "UF_NUMBER"),
        (OurField::Date, "UF_DATE"),
        (OurField::Status, "UF_STATUS"),
        (OurField::Sum, "UF_SUM"),
        (OurField::Command, "UF_COMMAND"),
    ];
    Policy {
        start_at: at(0) - SignedDuration::from_hours(24),
        administrator: Some("chat12".to_owned()),
        accountant: None,
        fields: fields.map(|(field, name)| (field, name.to_owned())).into(),
        money: None,
        invoice: InvoicePolicy {
            attach: Attach::Accounting,
            // Floods, and edits that go on, have tests of their own.
            ask_above: 0,
            gather_seconds: 0,
            smart_invoices: Some(SmartInvoices::Ignore),
            ..InvoicePolicy::default()
        },
        notices: planner::Notices::default(),
        pilot: None,
        organisations: vec![Organisation {
            id: OrganisationId::new("org"),
            title: "Мы".to_owned(),
            own_company: CompanyId(1),
            account: None,
            time_zone: "Europe/Moscow".to_owned(),
            test: false,
            vat: Vec::new(),
            paper: None,
        }],
        funnels: vec![Funnel {
            id: FunnelId(0),
            mode: Mode::Active,
            start_at: None,
            stages: ["NEW", INVOICE_STAGE, "WON"].map(StageId::new).into(),
            former: Vec::new(),
            invoice_stages: vec![StageId::new(INVOICE_STAGE)],
            organisation: None,
            settle_seconds: 0,
        }],
    }
}
