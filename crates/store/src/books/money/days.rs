//! Which account is known through which day: the spans that statements covered.

use domain::PortalId;
use domain::payment::AccountNumber;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    mechanics::work::{self, Lane, Look},
    sql::statements,
    store::Store,
    subject::Subject,
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

statements! {
    COVER =
        "INSERT INTO account_days (portal_id, account, from_day, to_day) VALUES ($1, $2, $3, $4)
         ON CONFLICT (portal_id, account, from_day, to_day) DO NOTHING";
    COVERED =
        "SELECT account, from_day, to_day FROM account_days WHERE portal_id = $1 ORDER BY account, from_day, to_day";
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
