//! What the engine's tests share: a store of their own and an engine on it.

use std::sync::Arc;

use capability::exchange::LimitHit;
use capability::{Exchange, Remote};
use domain::PortalId;
use engine::{Clock, Engine, Looker, Means, Settings, Stopper};
use jiff::Timestamp;
use store::{Portal, Store};
use testkit::builders::portal;
use testkit::database::{active_portal, inline};
use testkit::gates::OpenGate;
use testkit::seed::shared;
use testkit::time::at;
use tokio::task::JoinHandle;

pub(crate) async fn new_store() -> Store {
    inline().unwrap()
}

/// A request that left at `at` and what came of it.
pub(crate) fn exchange(at: Timestamp, limit: Option<LimitHit>, remote_failed: bool) -> Exchange {
    Exchange {
        at,
        remote: Remote::Bitrix24,
        account: "b24.test".to_owned(),
        method: "crm.item.list".to_owned(),
        request: serde_json::Value::Null,
        response: serde_json::Value::Null,
        status: (!remote_failed).then_some(200),
        duration_ms: 5,
        times: Vec::new(),
        limit,
        result: "ok".to_owned(),
        remote_failed,
    }
}

pub(crate) async fn put_portal(store: &Store, portal: &PortalId) {
    store
        .portal_put(&active_portal(portal, at(0)))
        .await
        .unwrap();
}

/// A person pauses the portal or lets it go on.
pub(crate) async fn set_paused(store: &Store, clock: &dyn Clock, paused: bool) {
    let change = move |row: &mut Portal| row.paused = paused;
    let changed = store.portal_change(&portal(), clock.now(), change).await;
    assert!(changed.unwrap().is_some());
}

/// Settings without the portal's own tasks, which would stand in the way of counting.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.upkeep.portal_tasks.clear();
    settings
}

pub(crate) fn means(store: &Store, clock: &Arc<dyn Clock>, settings: Settings) -> Means {
    Means {
        store: store.clone(),
        clock: Arc::clone(clock),
        gate: Arc::new(OpenGate::default()),
        rng: shared(1),
        settings: Arc::new(settings),
        watch: engine::Watch::default(),
    }
}

/// An engine at work.
pub(crate) struct Running {
    pub(crate) stopper: Stopper,
    pub(crate) task: JoinHandle<Result<(), engine::EngineError>>,
}

impl Running {
    pub(crate) fn start(means: Means, looker: Arc<dyn Looker>, owner: &str) -> Self {
        let (stopper, stop) = Stopper::new();
        let engine = Engine::new(means, looker, owner);
        let task = tokio::spawn(async move { engine.run(stop).await });
        Self { stopper, task }
    }

    pub(crate) async fn stop(self) {
        self.stopper.stop();
        self.task.await.unwrap().unwrap();
    }
}
