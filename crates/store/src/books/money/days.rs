//! Which account is known through which day: the spans that statements covered.

use domain::PortalId;
use domain::payment::AccountNumber;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    sql::statements,
    store::Store,
    tx::Tx,
    value::{Row, Value, params},
};

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
    /// Notes that statements covered these days.
    pub async fn money_cover(
        &self,
        portal: &PortalId,
        spans: &[AccountSpan],
    ) -> Result<(), StoreError> {
        self.write((portal.clone(), spans.to_vec()), |tx, (portal, spans)| {
            Box::pin(async move {
                let rows: Vec<Vec<Value>> = spans
                    .iter()
                    .map(|span| {
                        let (from, to) = (span.from.to_string(), span.to.to_string());
                        params![portal, span.account.as_str(), from, to].to_vec()
                    })
                    .collect();
                tx.execute_each(&COVER, &rows).await.map(drop)
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
