//! The folder of bank statements beside the work of `serve`: looked into every few seconds, and what came of it logged.
//!
//! Not here: what is read, and where a file ends (`desk::folder`).

use std::path::PathBuf;
use std::time::Duration;

use desk::folder::{Folder, Handled, Outcome};
use rand::Rng as _;

use crate::product::Product;

const LOOKED_EVERY: Duration = Duration::from_secs(5);
/// After something that a person has to mend.
const REST: Duration = Duration::from_secs(60);

/// Looks into the folder for ever.
pub(crate) async fn watch(product: Product, path: PathBuf) {
    let owner = format!("{:016x}", product.rng.clone().next_u64());
    let mut folder = Folder::new(path, owner);
    let desk = product.desk();
    loop {
        let rest = match desk.booking_policy().await {
            Err(error) => {
                tracing::warn!(%error, "the folder of statements waits");
                REST
            }
            Ok(_) => match folder.look(&desk, product.clock.uptime()).await {
                Ok(handled) => {
                    handled.iter().for_each(tell);
                    LOOKED_EVERY
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "the folder of statements waits");
                    REST
                }
            },
        };
        let again = engine::clock::later(product.clock.now(), rest);
        product.clock.sleep_until(again).await;
    }
}

fn tell(handled: &Handled) {
    let file = crate::words::harmless(&handled.name);
    match &handled.outcome {
        Outcome::Done { new, lost: false } => tracing::info!(file, new, "a statement is booked"),
        Outcome::Done { new, lost: true } => {
            tracing::warn!(
                file,
                new,
                "a statement is booked, a part of it could not be read: see beside it in `done`"
            );
        }
        // The reason names accounts: it lies beside the file, and in no log.
        Outcome::Refused(_) => {
            tracing::warn!(
                file,
                "a file is no statement of ours: why stands beside it in `refused`"
            );
        }
    }
}
