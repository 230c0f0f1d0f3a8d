//! Hints: the accounting side said that something is new, and nothing that could be believed.
//!
//! A hint makes its feeds due at once and nothing else: one that is lost costs time, and one that lies costs a reading. However
//! many come, the feeds are read because of them no oftener than a given time apart. Not here: who may give one (`web`).

use domain::PortalId;
use jiff::{SignedDuration, Timestamp};

use crate::{
    error::StoreError,
    mechanics::notes::{fact, put_facts},
    mechanics::work::{Lane, Look, enqueue},
    sql::statements,
    store::Store,
    subject::Subject,
    tx::Tx,
    value::{Value, params},
    writer::Urgency,
};

/// The task that reads what changed on the accounting side.
pub const FEED_TASK: &str = "feed";
/// The task that reads its payments.
pub const FOLLOWED_TASK: &str = "followed";

/// The fact that keeps for when the last hint had the feeds read.
const HINTED_FOR: &str = "accounting_hinted_for";

statements! {
    /// What is being read stands there with the moment at which it was due: without this it would be due again at once.
    NO_SOONER =
        "UPDATE work SET due_at = $3
         WHERE portal_id = $1 AND subject = $2 AND taken_by IS NOT NULL AND due_at < $3";
}

impl Store {
    /// Has the accounting side's feeds read now; where that was wanted less than `apart` ago, that much later than then. Once
    /// this returns it survives everything.
    pub async fn accounting_hint(
        &self,
        portal: &PortalId,
        apart: SignedDuration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (portal.clone(), apart, now);
        self.write_with(Urgency::Event, args, |tx, (portal, apart, now)| {
            Box::pin(hint(tx, portal, *apart, *now))
        })
        .await?;
        self.ring();
        Ok(())
    }

    /// For when the last hint had the feeds read.
    pub async fn accounting_hinted_for(
        &self,
        portal: &PortalId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let known = self.fact_get(portal, HINTED_FOR).await?;
        Ok(known.and_then(|text| text.parse().ok()))
    }
}

async fn hint(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    apart: SignedDuration,
    now: Timestamp,
) -> Result<(), StoreError> {
    let last = fact(tx, portal, HINTED_FOR).await?;
    let last: Option<Timestamp> = last.and_then(|text| text.parse().ok());
    let due_at = last.map_or(now, |last| due_after(last, apart, now));
    if last != Some(due_at) {
        let noted = (HINTED_FOR.to_owned(), due_at.to_string());
        put_facts(tx, portal, &[noted]).await?;
    }
    // Also where one waits already: another look may have taken that row meanwhile. In the order of their subjects, as
    // whoever locks several rows of the queue does.
    let looks = [FEED_TASK, FOLLOWED_TASK].map(|task| Look {
        subject: Subject::portal(task),
        lane: Lane::Due,
        due_at,
        reason: "hint of the accounting side".to_owned(),
    });
    let sets: Vec<Vec<Value>> = looks
        .iter()
        .map(|look| Vec::from(params![portal, &look.subject, look.due_at]))
        .collect();
    tx.execute_each(&NO_SOONER, &sets).await?;
    enqueue(tx, portal, &looks).await
}

fn due_after(last: Timestamp, apart: SignedDuration, now: Timestamp) -> Timestamp {
    let until_last = last.duration_since(now);
    if until_last > apart {
        // A clock that was wrong must not keep hints back.
        now
    } else if until_last > SignedDuration::ZERO {
        last
    } else {
        last.checked_add(apart).unwrap_or(now).max(now)
    }
}
