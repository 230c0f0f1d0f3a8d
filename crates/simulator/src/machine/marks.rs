//! The marks by which installations notice one another, looked at and set as the program does it.
//!
//! Not here: what a mark is and when it is looked at (the product's `reconciler::installation`); on which days
//! anybody does (`troubles::installations`).

use std::sync::Arc;

use async_trait::async_trait;
use capability::portal::SetUpPortal;
use capability::{Call, Urgency};
use connector_bitrix24::{FieldNames, Offline};
use domain::observed::OurField;
use engine::Clock;
use engine::clock::later;
use reconciler::installation::{self, FIRST_WITHIN, LooksAtMark, Mark, Owner};
use store::Mode;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::days::world::told;
use crate::machine::connect::{Connector, Connectors};

/// Who is told that a first look has ended.
pub(crate) type FirstLook = oneshot::Receiver<()>;

/// Looks at the marks of all portals from now on.
pub(crate) fn watched(
    connectors: &Connectors,
    clock: &Arc<dyn Clock>,
) -> (Vec<JoinHandle<()>>, Vec<FirstLook>) {
    let watched = connectors.0.iter().map(|connector| {
        let (first, looked) = oneshot::channel();
        let (looks, clock) = (Arc::clone(connector), Arc::clone(clock));
        let watching = tokio::spawn(async move {
            let told = move || {
                // Whoever started may wait no more.
                let _sent = first.send(());
            };
            installation::watch(&*looks, &looks.taken, &*clock, told).await;
        });
        (watching, looked)
    });
    watched.unzip()
}

/// Nothing is done before whose the portals are is known, or not told for long.
pub(crate) async fn first_looks(looked: Vec<FirstLook>, clock: &dyn Clock) {
    for one in looked {
        let latest = later(clock.now(), FIRST_WITHIN);
        tokio::select! {
            biased;
            _ = one => {}
            () = clock.sleep_until(latest) => {}
        }
    }
}

#[async_trait]
impl LooksAtMark for Connector {
    async fn look(&self) -> Result<Option<Owner>, String> {
        let id = &self.access.portal;
        let portal = self.store.portal_get(id).await.map_err(told)?;
        let rests = portal.is_none_or(|portal| portal.paused || portal.mode == Mode::Off);
        let stored = self.store.policy_current(id).await.map_err(told)?;
        let Some(stored) = stored.filter(|_| !rests) else {
            return Ok(None);
        };
        let policy = desk::policy::read(&stored).map_err(told)?;
        let Some(number) = policy.fields.get(&OurField::Number) else {
            return Ok(None);
        };
        self.owner(number).await.map(Some)
    }
}

impl Connector {
    /// Whose the portal is, as the mark on this field tells.
    pub(crate) async fn owner(&self, field: &str) -> Result<Owner, String> {
        let set_up = self.set_up()?;
        let call = Call::new(&self.access.portal, Urgency::Due, &*self.gate);
        let mark = Mark {
            store: &self.store,
            call: &call,
            portal: &*set_up,
            field,
        };
        mark.owner().await.map_err(told)
    }

    /// Marks the portal as ours, whosever it was.
    pub(crate) async fn claim(&self, field: &str, chance: u64) -> Result<bool, String> {
        let set_up = self.set_up()?;
        let call = Call::new(&self.access.portal, Urgency::Click, &*self.gate);
        let mark = Mark {
            store: &self.store,
            call: &call,
            portal: &*set_up,
            field,
        };
        mark.claim(chance).await.map_err(told)
    }

    fn set_up(&self) -> Result<Arc<dyn SetUpPortal>, String> {
        let bitrix24 = self.bitrix24(FieldNames::default(), Offline::Absent);
        let bitrix24 = bitrix24.ok_or("the portal cannot be connected")?;
        Ok(bitrix24.portal().set_up)
    }
}
