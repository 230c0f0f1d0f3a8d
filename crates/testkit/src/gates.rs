//! A gate that admits everybody, for tests whose subject is not the limits.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use capability::{Admission, Exchange, Gate, NotAdmitted};
use domain::PortalId;

/// Admits everything and remembers what was asked and booked.
#[derive(Debug, Default)]
pub struct OpenGate {
    asked: Mutex<Vec<Admission>>,
    booked: Mutex<Vec<Exchange>>,
}

impl OpenGate {
    /// What was asked so far.
    pub fn asked(&self) -> Vec<Admission> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What was booked so far.
    pub fn booked(&self) -> Vec<Exchange> {
        self.booked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[async_trait]
impl Gate for OpenGate {
    async fn admit(&self, ask: &Admission) -> Result<(), NotAdmitted> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(ask.clone());
        Ok(())
    }

    async fn room(&self, _ask: &Admission) -> u32 {
        u32::MAX
    }

    async fn book(&self, _portal: &PortalId, exchange: &Exchange) {
        self.booked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(exchange.clone());
    }
}
