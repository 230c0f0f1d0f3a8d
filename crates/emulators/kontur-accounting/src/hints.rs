//! The webhook: a call to an address after a person changed something. It tells that something changed, and is not repeated.

use std::time::Duration;

use emulator_harness::{Posted, post};
use jiff::Timestamp;
use serde_json::json;

use crate::emulator::Emulator;
use crate::id::Id;

/// So long an answer is waited for.
const WITHIN: Duration = Duration::from_secs(10);

/// A call to the webhook's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HintSent {
    pub at: Timestamp,
    /// The status that it was answered with; none: it was not.
    pub answered: Option<u16>,
}

impl Emulator {
    /// Calls the address, if there is one, beside what goes on.
    pub(crate) fn hint(&self, url: String, organization: Id) {
        // Who acts outside of a runtime tells nobody.
        let runtime = tokio::runtime::Handle::try_current();
        let Some(runtime) = runtime.ok().filter(|_| !url.is_empty()) else {
            return;
        };
        let emulator = self.clone();
        drop(runtime.spawn(async move {
            let body = json!({"organizationId": organization.to_string()}).to_string();
            let posted = Posted {
                user_agent: "Kontur emulator",
                content_type: "application/json",
                body: &body,
            };
            let sent = tokio::time::timeout(WITHIN, post(&url, posted)).await;
            let sent = HintSent {
                at: emulator.now(),
                answered: sent.ok().and_then(Result::ok),
            };
            emulator.service().hints.push(sent);
        }));
    }
}
