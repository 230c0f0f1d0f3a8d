//! `provodka pause` and `provodka resume`: the switch that holds at once, across all replicas.
//!
//! A paused portal is not looked at and nothing is written for it; events are still kept, and everything that
//! became due meanwhile is looked at when it goes on.

use jiff::Timestamp;
use serde_json::json;
use store::Portal;

use crate::connect::ConnectError;
use crate::fault::Told;
use crate::product::Product;

/// Where the portal's row keeps since when it is paused.
const SINCE: &str = "paused_since";

/// Pauses with a reason (or none given), or lets go on where `pause` is none.
///
/// # Errors
/// When the portal is not known yet, or the store fails.
pub async fn run(product: &Product, pause: Option<Option<&str>>) -> anyhow::Result<()> {
    let paused = pause.is_some();
    if !switch(product, paused).await? {
        return Err(Told::mistake("the portal is not known yet")
            .hint("`provodka setup` prepares it")
            .into());
    }
    let reason = pause.flatten();
    product
        .note_person(json!({"paused": paused, "reason": reason}))
        .await?;
    let word = if paused {
        "paused: nothing more is written; events are kept"
    } else {
        "goes on"
    };
    eprintln!("portal `{}` {word}", product.portal());
    Ok(())
}

/// Throws the switch and remembers since when. False: the portal is not known.
///
/// # Errors
/// The store's.
pub(crate) async fn switch(product: &Product, paused: bool) -> Result<bool, ConnectError> {
    let (id, now) = (product.portal(), product.clock.now());
    let Some(known) = product.store.portal_get(id).await? else {
        return Ok(false);
    };
    // Paused twice is paused since the first time.
    if known.paused != paused {
        let since = paused.then(|| now.to_string());
        product.connector.remember(SINCE, json!(since)).await?;
    }
    Ok(product.store.portal_set_paused(id, paused, now).await?)
}

/// Since when a paused portal is paused, where that was remembered.
pub(crate) fn since(portal: &Portal) -> Option<Timestamp> {
    portal.detail.get(SINCE)?.as_str()?.parse().ok()
}
