//! Which account is known through which day: the spans that statements covered; and what a statement of such days shows no
//! more.

use std::collections::BTreeSet;

use domain::PortalId;
use domain::payment::{AccountNumber, SourceId};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    mechanics::work::{self, Lane, Look},
    sql::statements,
    store::Store,
    subject::{Subject, text_set},
    tx::Tx,
    value::{Row, Value, params},
};

/// The task that goes on with reminders that waited for our accounts: `portal/overdue`.
pub const OVERDUE_TASK: &str = "overdue";
/// The reason of its looks: a statement covered more days.
pub const ACCOUNT_KNOWN: &str = "days of an account became known";

/// Days of an account that a statement covered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountSpan {
    /// Which account.
    pub account: AccountNumber,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

/// The day that counts for a payment `p`: that of credit, where it is known.
macro_rules! day {
    () => {
        "coalesce(/*pg CAST( */p.body/*pg  AS JSONB) */ ->> 'booked', /*pg CAST( */p.body/*pg  AS JSONB) */ ->> 'date')"
    };
}
pub(super) use day;

statements! {
    COVER =
        "INSERT INTO account_days (portal_id, account, from_day, to_day) VALUES ($1, $2, $3, $4)
         ON CONFLICT (portal_id, account, from_day, to_day) DO NOTHING";
    COVERED =
        "SELECT account, from_day, to_day FROM account_days WHERE portal_id = $1 ORDER BY account, from_day, to_day";
    /// What was left alone, or is no buyer's, is in nobody's way.
    NOT_SHOWN = concat!(
        "SELECT p.number FROM payment p
         WHERE p.portal_id = $1 AND p.nth >= 0 AND p.likeness <> '' AND p.state IN ('new', 'asked', 'booked')
             AND ", day!(), " >= $3 AND ", day!(), " <= $4
             AND /*pg CAST( */p.body/*pg  AS JSONB) */ ->> 'own_account' = $2
             AND EXISTS (
                 SELECT 1 FROM payment_sighting s WHERE s.portal_id = $1 AND s.likeness = p.likeness
             )
             AND NOT EXISTS (
                 SELECT 1 FROM payment_sighting s
                 WHERE s.portal_id = $1 AND s.likeness = p.likeness AND s.source IN keys($5)
             )
         ORDER BY p.number LIMIT 20"
    );
}

impl Store {
    /// Notes that statements covered these days; deals that waited for them are looked at from `wake` on.
    pub async fn money_cover(
        &self,
        portal: &PortalId,
        spans: &[AccountSpan],
        wake: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let args = (portal.clone(), spans.to_vec(), wake);
        self.write(args, |tx, (portal, spans, wake)| {
            Box::pin(async move {
                let looks = wake.map(|due_at| Look {
                    subject: Subject::portal(OVERDUE_TASK),
                    lane: Lane::Due,
                    due_at,
                    reason: ACCOUNT_KNOWN.to_owned(),
                });
                let rows: Vec<Vec<Value>> = spans
                    .iter()
                    .map(|span| {
                        let (from, to) = (span.from.to_string(), span.to.to_string());
                        params![portal, span.account.as_str(), from, to].to_vec()
                    })
                    .collect();
                tx.execute_each(&COVER, &rows).await?;
                work::enqueue(tx, portal, looks.as_slice()).await
            })
        })
        .await?;
        self.ring();
        Ok(())
    }

    /// Payments that statements showed on these days and none of these sources does, in whichever words: at most twenty for
    /// a span. A statement of a day that was not over may show what the bank never booked.
    pub async fn money_not_shown(
        &self,
        portal: &PortalId,
        spans: &[AccountSpan],
        sources: &[SourceId],
    ) -> Result<Vec<i64>, StoreError> {
        let sources = text_set(sources.iter().map(|source| source.0.clone()));
        let args = (portal.clone(), spans.to_vec(), sources);
        self.read(args, |tx, (portal, spans, sources)| {
            Box::pin(async move {
                let mut missing = BTreeSet::new();
                for span in spans {
                    let (from, to) = (span.from.to_string(), span.to.to_string());
                    let account = span.account.as_str();
                    let ask = params![portal, account, from, to, sources.clone()];
                    missing.extend(tx.list(&NOT_SHOWN, &ask, Row::int).await?);
                }
                Ok(missing.into_iter().collect())
            })
        })
        .await
    }

    /// The days that are known without a gap, by account: spans that touch are one.
    pub async fn money_covered(&self, portal: &PortalId) -> Result<Vec<AccountSpan>, StoreError> {
        self.read(portal.clone(), |tx, portal| Box::pin(covered(tx, portal)))
            .await
    }
}

/// The days that are known without a gap, by account.
pub(super) async fn covered(
    tx: &mut Tx<'_>,
    portal: &PortalId,
) -> Result<Vec<AccountSpan>, StoreError> {
    let spans = tx.list(&COVERED, &params![portal], read_span).await?;
    Ok(joined(spans))
}

fn read_span(row: &mut Row) -> Result<AccountSpan, StoreError> {
    let account = AccountNumber::new(&row.text()?);
    Ok(AccountSpan {
        account: account.ok_or_else(|| row.undecodable(String::from("no account")))?,
        from: row.parsed()?,
        to: row.parsed()?,
    })
}

/// Spans by account and beginning, each as long as it goes without a gap.
fn joined(spans: Vec<AccountSpan>) -> Vec<AccountSpan> {
    let mut joined: Vec<AccountSpan> = Vec::new();
    for span in spans {
        let touches = |last: &&mut AccountSpan| {
            let next = last.to.tomorrow().unwrap_or(last.to);
            last.account == span.account && span.from <= next
        };
        match joined.last_mut().filter(touches) {
            Some(last) => last.to = last.to.max(span.to),
            None => joined.push(span),
        }
    }
    joined
}
