//! Which installation works for a portal: a mark on the portal, by which a second one notices the first.
//!
//! Two installations would each issue a deal's invoice before either could see the other's. Whoever sets a portal
//! up marks it and refuses one that another has marked; whoever serves it looks at the mark, and leaves the portal
//! alone while it is another's. Not here: what people are told of it (the program that runs us); a copy of our own
//! database, which knows itself by the same name.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use capability::portal::SetUpPortal;
use capability::{Call, ConnectorError};
use engine::Clock;
use engine::clock::later;
use jiff::Timestamp;
use store::{Store, StoreError};

/// So long the first look is waited for: a portal that is down must not keep anybody from starting.
pub const FIRST_WITHIN: Duration = Duration::from_secs(20);
/// The name of the fact that keeps who we are.
const INSTALLATION: &str = "installation";
/// How often the mark is looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(120);
/// How often while the portal is another's or does not tell; and how often it is asked whether a look is due, as a
/// pause may have ended.
const AWAKE_EVERY: Duration = Duration::from_secs(30);

/// Whose a portal is, as its mark tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// It bears none.
    Nobody,
    /// This installation's.
    Us,
    /// Another one's.
    Another,
}

/// Why it is not known whose a portal is.
#[derive(Debug, thiserror::Error)]
pub enum OwnerUnknown {
    /// The portal does not tell.
    #[error(transparent)]
    Portal(#[from] ConnectorError),
    /// Our own records failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A portal's mark, and who asks about it.
pub struct Mark<'a> {
    /// Our records, which know our name.
    pub store: &'a Store,
    /// By which the portal is asked.
    pub call: &'a Call<'a>,
    /// The portal.
    pub portal: &'a dyn SetUpPortal,
    /// The deal's field that bears the mark.
    pub field: &'a str,
}

impl Mark<'_> {
    /// Whose the portal is.
    ///
    /// # Errors
    /// What the portal or the store says.
    pub async fn owner(&self) -> Result<Owner, OwnerUnknown> {
        let Some(mark) = self.portal.owner(self.call, self.field).await? else {
            return Ok(Owner::Nobody);
        };
        let ours = self
            .store
            .fact_get(self.call.portal(), INSTALLATION)
            .await?;
        Ok(if ours == Some(mark) {
            Owner::Us
        } else {
            Owner::Another
        })
    }

    /// Marks the portal as ours, whosever it was; an installation that has no name yet gets one by `chance`. False:
    /// the field bears a code of somebody else's, which stays.
    ///
    /// # Errors
    /// What the portal or the store says.
    pub async fn claim(&self, chance: u64) -> Result<bool, OwnerUnknown> {
        let id = self.call.portal();
        let ours = match self.store.fact_get(id, INSTALLATION).await? {
            Some(ours) => ours,
            None => {
                let ours = format!("{chance:016x}");
                self.store.fact_put(id, INSTALLATION, &ours).await?;
                ours
            }
        };
        Ok(self.portal.set_owner(self.call, self.field, &ours).await?)
    }
}

/// Whether another installation works for a portal, as the last look told. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct PortalTaken(Arc<AtomicBool>);

impl PortalTaken {
    /// Whether it does; the portal is left alone then.
    pub fn holds(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Remembers it. Answers what was remembered.
    pub fn set(&self, taken: bool) -> bool {
        self.0.swap(taken, Ordering::Relaxed)
    }

    fn told(&self, owner: Owner) {
        let is_taken = owner == Owner::Another;
        match (self.set(is_taken), is_taken) {
            (false, true) => {
                tracing::error!(
                    "another installation has marked the portal: nothing more is written to it"
                );
            }
            (true, false) => tracing::info!("the portal is ours again"),
            (true, true) | (false, false) => {}
        }
    }
}

/// Looks at a portal's mark.
#[async_trait]
pub trait LooksAtMark: Send + Sync {
    /// Whose the portal is. None: nothing is to be asked, as the portal rests or has no policy yet. An error, in
    /// words for the log, changes nothing.
    async fn look(&self) -> Result<Option<Owner>, String>;
}

/// Looks at the mark at once and every two minutes; where the portal is another's or does not tell, again after
/// half a minute. `first` is called once the first look has ended, whatever it told.
pub async fn watch(
    looks: &dyn LooksAtMark,
    taken: &PortalTaken,
    clock: &dyn Clock,
    first: impl FnOnce() + Send,
) {
    let mut first = Some(first);
    let mut looked_at: Option<Timestamp> = None;
    loop {
        let now = clock.now();
        let every = if taken.holds() {
            AWAKE_EVERY
        } else {
            LOOKED_AT_EVERY
        };
        if looked_at.is_none_or(|at| now >= later(at, every)) {
            looked_at = match looks.look().await {
                Ok(Some(owner)) => {
                    taken.told(owner);
                    Some(now)
                }
                Ok(None) => None,
                Err(error) => {
                    tracing::warn!(%error, "cannot tell whose the portal is");
                    None
                }
            };
        }
        if let Some(first) = first.take() {
            first();
        }
        let soon = later(clock.now(), AWAKE_EVERY);
        clock.sleep_until(soon).await;
    }
}
