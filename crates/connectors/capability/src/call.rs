//! The circumstances of a call: for whom, how urgent, until when, and where its cost is booked.

use std::sync::{Mutex, PoisonError};

use domain::PortalId;
use jiff::Timestamp;

use crate::{Admission, ConnectorError, Exchange, Gate, Remote};

/// How long somebody is ready to wait; the engine's lanes, seen from a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// A person waits.
    Click,
    /// Ordinary work.
    Due,
    /// Files, first imports, registry checks.
    Trailing,
}

/// Passed to every capability method. A connector asks [`Call::admit`] before each HTTP request
/// and hands over each finished [`Exchange`] by [`Call::done`]: no request goes beside the budgets,
/// and none is missing from the journal.
pub struct Call<'a> {
    portal: &'a PortalId,
    urgency: Urgency,
    gate: &'a dyn Gate,
    not_after: Option<Timestamp>,
    send_by: Option<Timestamp>,
    exchanges: Mutex<Vec<Exchange>>,
}

impl<'a> Call<'a> {
    /// A call for one portal. `gate` admits and books; it is the engine's.
    pub fn new(portal: &'a PortalId, urgency: Urgency, gate: &'a dyn Gate) -> Self {
        Self {
            portal,
            urgency,
            gate,
            not_after: None,
            send_by: None,
            exchanges: Mutex::new(Vec::new()),
        }
    }

    /// The same call, of which no byte may leave after `not_after` (set for writes from their effect).
    #[must_use]
    pub fn not_after(mut self, not_after: Timestamp) -> Self {
        self.not_after = Some(not_after);
        self
    }

    /// The same call, not admitted after `send_by`: what it carries rests on data read shortly before.
    #[must_use]
    pub fn send_by(mut self, send_by: Timestamp) -> Self {
        self.send_by = Some(send_by);
        self
    }

    /// The tenant.
    pub fn portal(&self) -> &PortalId {
        self.portal
    }

    /// How urgent.
    pub fn urgency(&self) -> Urgency {
        self.urgency
    }

    /// The moment after which the transport must not send, and at which it closes the connection.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.not_after
    }

    /// The moment after which nothing may be done of this call: it would come too late, or rest on old data.
    pub fn expires(&self) -> Option<Timestamp> {
        match (self.send_by, self.not_after) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Waits for this request's turn in the remote's limits.
    ///
    /// # Errors
    /// A [`ConnectorError`] with `Verdict::Retry` and `limit` set when the turn is too far away.
    pub async fn admit(
        &self,
        remote: Remote,
        account: &str,
        methods: &[&str],
    ) -> Result<(), ConnectorError> {
        let ask = self.admission(remote, account, methods);
        self.gate
            .admit(&ask)
            .await
            .map_err(|refusal| ConnectorError::not_admitted(remote, methods, &refusal))
    }

    /// How many such requests can leave in time: [`Gate::room`].
    pub async fn room(&self, remote: Remote, account: &str, methods: &[&str]) -> u32 {
        let ask = self.admission(remote, account, methods);
        self.gate.room(&ask).await
    }

    /// Books a finished request, answered or not.
    pub async fn done(&self, exchange: Exchange) {
        self.gate.book(self.portal, &exchange).await;
        self.exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(exchange);
    }

    /// When the first of the answers came to requests that left at `since` or later: what was read in several
    /// requests is as old as the first of them.
    pub fn first_answer_since(&self, since: Timestamp) -> Option<Timestamp> {
        let exchanges = self
            .exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let answered = exchanges
            .iter()
            .filter(|one| one.at >= since && one.result == "ok");
        answered
            .filter_map(|one| {
                let took = std::time::Duration::from_millis(one.duration_ms);
                one.at.checked_add(took).ok()
            })
            .min()
    }

    /// What was exchanged so far, for the journal; empties the list.
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        std::mem::take(
            &mut *self
                .exchanges
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    fn admission(&self, remote: Remote, account: &str, methods: &[&str]) -> Admission {
        Admission {
            portal: self.portal.clone(),
            remote,
            account: account.to_owned(),
            methods: methods.iter().map(|&method| method.to_owned()).collect(),
            urgency: self.urgency,
            // Waiting for a turn past the moment until which it may leave would be in vain.
            send_by: self.expires(),
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use jiff::SignedDuration;

    use super::*;
    use crate::NotAdmitted;

    #[derive(Default)]
    struct Listening(Mutex<Vec<Option<Timestamp>>>);

    #[async_trait]
    impl Gate for Listening {
        async fn admit(&self, ask: &Admission) -> Result<(), NotAdmitted> {
            self.0.lock().unwrap().push(ask.send_by);
            Ok(())
        }

        async fn room(&self, _: &Admission) -> u32 {
            u32::MAX
        }

        async fn book(&self, _: &PortalId, _: &Exchange) {}
    }

    #[tokio::test]
    async fn nobody_waits_for_a_turn_past_the_moment_until_which_it_may_leave() {
        let portal = PortalId::new("p");
        let early = Timestamp::UNIX_EPOCH;
        let later = early + SignedDuration::from_secs(2);
        let gate = Listening::default();
        let call = || Call::new(&portal, Urgency::Due, &gate);
        for call in [
            call(),
            call().send_by(early),
            call().not_after(early),
            call().send_by(early).not_after(later),
            call().send_by(later).not_after(early),
        ] {
            call.admit(Remote::KonturAccounting, "a", &["m"])
                .await
                .unwrap();
        }
        let early = Some(early);
        assert_eq!(*gate.0.lock().unwrap(), [None, early, early, early, early]);
    }
}
