//! Whether anything can be written now. Reads go on when the disk is full, so only a write tells.
//!
//! Not here: who asks and how often (`web`, `check`).

use jiff::Timestamp;

use crate::{error::StoreError, sql::statements, store::Store, value::params, writer::Urgency};

statements! {
    /// A row of one's own: nobody waits for another's.
    BEAT = "INSERT INTO pulse (at) VALUES ($1) RETURNING id";
    STILL = "DELETE FROM pulse WHERE id = $1";
}

impl Store {
    /// Writes a row and removes it, in one commit with those of whoever stores events now. `Ok`: an event could be
    /// kept at this moment.
    pub async fn prove_writable(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write_with(Urgency::Event, now, |tx, now| {
            Box::pin(async move {
                let made = tx.first(&BEAT, &params![*now], |row| row.int()).await?;
                if let Some(id) = made {
                    tx.execute(&STILL, &params![id]).await?;
                }
                Ok(())
            })
        })
        .await
    }
}
