//! What the engine's tests share: a store of their own and an engine on it.

use std::sync::Arc;

use domain::PortalId;
use engine::{Clock, Engine, Looker, Means, Settings, Stopper};
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
