//! `provodka pause` and `provodka resume`: the switch that holds at once, across all replicas.
//!
//! A paused portal is not looked at and nothing is written for it; events are still kept, and everything that
//! became due meanwhile is looked at when it goes on.

use desk::pause::{by_person, is_removed};
use serde_json::json;

use crate::fault::Told;
use crate::product::Product;

/// Pauses with a reason (or none given), or lets go on where `pause` is none.
///
/// # Errors
/// When the portal is not known yet, or the store fails.
pub async fn run(product: &Product, pause: Option<Option<&str>>) -> anyhow::Result<()> {
    let paused = pause.is_some();
    let (store, now) = (&product.store, product.clock.now());
    let switched = by_person(store, product.portal(), paused, now).await?;
    let Some(portal) = switched else {
        return Err(Told::mistake("the portal is not known yet")
            .hint("`provodka setup` prepares it")
            .into());
    };
    let reason = pause.flatten();
    product
        .note_person(json!({"paused": paused, "reason": reason}))
        .await?;
    let word = if paused {
        "paused: nothing more is written; events are kept"
    } else if is_removed(&portal) {
        "goes on once the application, which was removed from it, is installed again"
    } else {
        "goes on"
    };
    eprintln!("portal `{}` {word}", product.portal());
    Ok(())
}
