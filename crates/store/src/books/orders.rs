//! Orders that are called: kept before the caller gets its answer, shown to each look at the deal until one uses them up.
//!
//! The same order for the same deal that is called again while it waits is the same one; another takes its place. No lease
//! is needed to call. Not here: who may call (`web`), what becomes of an order (`planner`).

use domain::{DealId, Order, OrderNumber, PortalId};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    books::links::read_deal,
    error::StoreError,
    mechanics::{
        journal::{self, JournalEntry},
        work::{self, Lane, Look},
    },
    sql::statements,
    store::Store,
    subject::Subject,
    tx::Tx,
    value::{Row, Value, json_text, params},
    writer::Urgency,
};

/// An order that is not used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalledOrder {
    /// For this deal.
    pub deal: DealId,
    /// Tells it from any other of the deal.
    pub number: OrderNumber,
    /// What is to be done.
    pub order: Order,
    /// When it was called first.
    pub called_at: Timestamp,
}

statements! {
    CALL =
        "INSERT INTO called_order (portal_id, deal, number, word, called_at, waits) VALUES ($1, $2, 1, $3, $4, 1)
         ON CONFLICT (portal_id, deal) DO UPDATE SET
             number = CASE WHEN called_order.waits = 1 AND called_order.word = excluded.word
                 THEN called_order.number ELSE called_order.number + 1 END,
             called_at = CASE WHEN called_order.waits = 1 AND called_order.word = excluded.word
                 THEN called_order.called_at ELSE excluded.called_at END,
             word = excluded.word, waits = 1";
    WAITING =
        "SELECT deal, number, word, called_at FROM called_order
         WHERE portal_id = $1 AND deal IN numbers($2) AND waits = 1 ORDER BY deal";
    USED_UP =
        "UPDATE called_order SET waits = 0 WHERE portal_id = $1 AND deal = $2 AND number = $3";
}

impl Store {
    /// Keeps an order and asks for a look at its deal. Once this returns it survives everything.
    pub async fn order_call(
        &self,
        portal: &PortalId,
        deal: DealId,
        order: Order,
        lane: Lane,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (portal.clone(), deal, order, lane, now);
        self.write_with(
            Urgency::Event,
            args,
            |tx, (portal, deal, order, lane, now)| {
                Box::pin(call(tx, portal, *deal, *order, *lane, *now))
            },
        )
        .await?;
        self.ring();
        Ok(())
    }
}

async fn call(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    deal: DealId,
    order: Order,
    lane: Lane,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(&CALL, &params![portal, deal, order.as_str(), now])
        .await?;
    let subject = Subject::deal(deal);
    let look = Look {
        subject: subject.clone(),
        lane,
        due_at: now,
        reason: format!("order called: {}", order.as_str()),
    };
    work::enqueue(tx, portal, &[look]).await?;
    let line = JournalEntry {
        at: now,
        subject: Some(subject),
        kind: "person".to_owned(),
        body: json!({"order": order.as_str(), "by": "call"}),
    };
    journal::park(tx, portal, &line).await
}

/// The orders that wait for these deals.
pub(crate) async fn of_deals(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    subjects: &[Subject],
) -> Result<Vec<CalledOrder>, StoreError> {
    let deals: Vec<u64> = subjects
        .iter()
        .filter_map(Subject::as_deal)
        .map(DealId::get)
        .collect();
    if deals.is_empty() {
        return Ok(Vec::new());
    }
    let ask = params![portal, json_text(&deals)];
    let waiting = tx.list(&WAITING, &ask, read).await?;
    Ok(waiting.into_iter().flatten().collect())
}

/// Orders that were carried out or answered. One that was called since then stands.
pub(crate) async fn used_up(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    orders: &[(DealId, OrderNumber)],
) -> Result<(), StoreError> {
    let sets: Vec<Vec<Value>> = orders
        .iter()
        .map(|(deal, number)| params![portal, *deal, *number].to_vec())
        .collect();
    tx.execute_each(&USED_UP, &sets).await.map(drop)
}

/// None: an order of a newer version of the program.
fn read(row: &mut Row) -> Result<Option<CalledOrder>, StoreError> {
    let (deal, number) = (read_deal(row)?, row.int()?);
    let number = u64::try_from(number)
        .map(OrderNumber)
        .map_err(|_| row.undecodable(format!("`{number}` is no number of an order")))?;
    let (word, called_at) = (row.text()?, row.moment()?);
    Ok(Order::named(&word).map(|order| CalledOrder {
        deal,
        number,
        order,
        called_at,
    }))
}
