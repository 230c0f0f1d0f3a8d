//! A [`Looker`] that does what a test tells it, and remembers what it was asked to look at.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use engine::{Halted, LeaseContext, Looker};
use jiff::Timestamp;
use store::{Lane, Record, Settled, Work};

/// What a test does in a pass.
type Script = dyn for<'a> Fn(
        &'a LeaseContext,
        Vec<Work>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Halted>> + Send + 'a>>
    + Send
    + Sync;

/// One pass that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPass {
    /// When it began.
    pub at: Timestamp,
    /// Of which portal.
    pub portal: domain::PortalId,
    /// In which lane.
    pub lane: Lane,
    /// The ids of its subjects.
    pub ids: Vec<String>,
}

/// Plays a script pass by pass.
pub struct ScriptedLooker {
    script: Box<Script>,
    passes: Mutex<Vec<SeenPass>>,
}

impl ScriptedLooker {
    /// A looker that plays `script`. Say `Box::pin(async move { .. })` in it, and [`settle_all`] where all went well.
    pub fn new<F>(script: F) -> Arc<Self>
    where
        F: for<'a> Fn(
                &'a LeaseContext,
                Vec<Work>,
            ) -> Pin<Box<dyn Future<Output = Result<(), Halted>> + Send + 'a>>
            + Send
            + Sync
            + 'static,
    {
        Arc::new(Self {
            script: Box::new(script),
            passes: Mutex::default(),
        })
    }

    /// A looker that settles everything at once.
    pub fn content() -> Arc<Self> {
        Self::new(|ctx, due| Box::pin(settle_all(ctx, due)))
    }

    /// The passes that began so far, in their order.
    pub fn passes(&self) -> Vec<SeenPass> {
        self.passes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How often a pass over the subject `id` began.
    pub fn looks_at(&self, id: &str) -> usize {
        self.passes()
            .iter()
            .filter(|pass| pass.ids.iter().any(|seen| seen == id))
            .count()
    }
}

/// Records that everything of `due` was looked at and nothing is left to do.
///
/// # Errors
/// The context's.
pub async fn settle_all(ctx: &LeaseContext, due: Vec<Work>) -> Result<(), Halted> {
    let settled = due
        .into_iter()
        .map(|work| Settled { work, next: None })
        .collect();
    ctx.record(Record {
        settled,
        ..Record::default()
    })
    .await
}

#[async_trait]
impl Looker for ScriptedLooker {
    async fn look(&self, ctx: &LeaseContext, due: Vec<Work>) -> Result<(), Halted> {
        self.passes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(SeenPass {
                at: ctx.now(),
                portal: ctx.portal(),
                lane: ctx.lane(),
                ids: due.iter().map(|work| work.subject.id.clone()).collect(),
            });
        (self.script)(ctx, due).await
    }
}
