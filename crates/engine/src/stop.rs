//! Asking running parts to end, gracefully and once.

use tokio::sync::watch;

/// Held by whoever may stop the program.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Held by whoever must end then. Cloned freely.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stopper {
    /// A pair of both ends.
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Asks everybody to end. Repeating it does nothing.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// One more end to wait on.
    pub fn watch(&self) -> Stop {
        Stop(self.0.subscribe())
    }
}

impl Stop {
    /// Whether the end was asked for. A stopper that is gone asks too: nobody is left who could.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Returns once the end is asked for.
    pub async fn asked(&self) {
        let mut receiver = self.0.clone();
        // An error means that the stopper is gone, which asks as well.
        let _stopped_or_gone = receiver.wait_for(|asked| *asked).await.is_ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_is_seen_by_all_and_so_is_a_stopper_that_is_gone() {
        let (stopper, stop) = Stopper::new();
        let other = stopper.watch();
        assert!(!stop.is_asked());
        stopper.stop();
        stop.asked().await;
        other.asked().await;
        assert!(stop.is_asked() && other.is_asked());

        let (stopper, stop) = Stopper::new();
        drop(stopper);
        stop.asked().await;
        assert!(stop.is_asked());
    }
}
