//! The schema, step by step, with the same numbers on both databases.
//!
//! A migration is written once, in PostgreSQL's words; the few that differ are replaced for SQLite. A database
//! that is newer than the program is refused: an older program could break what it does not know.

use rusqlite::{Connection, OptionalExtension};

use crate::{error::StoreError, lite, postgres};

struct Migration {
    number: i64,
    text: &'static str,
}

const MIGRATIONS: [Migration; 26] = [
    Migration {
        number: 1,
        text: include_str!("../migrations/0001_mechanics.sql"),
    },
    Migration {
        number: 2,
        text: include_str!("../migrations/0002_books.sql"),
    },
    Migration {
        number: 3,
        text: include_str!("../migrations/0003_pulse.sql"),
    },
    Migration {
        number: 4,
        text: include_str!("../migrations/0004_office.sql"),
    },
    Migration {
        number: 5,
        text: include_str!("../migrations/0005_money.sql"),
    },
    Migration {
        number: 6,
        text: include_str!("../migrations/0006_admin.sql"),
    },
    Migration {
        number: 7,
        text: include_str!("../migrations/0007_called_orders.sql"),
    },
    Migration {
        number: 8,
        text: include_str!("../migrations/0008_followed_payments.sql"),
    },
    Migration {
        number: 9,
        text: include_str!("../migrations/0009_month.sql"),
    },
    Migration {
        number: 10,
        text: include_str!("../migrations/0010_test_bills.sql"),
    },
    Migration {
        number: 11,
        text: include_str!("../migrations/0011_settlements.sql"),
    },
    Migration {
        number: 12,
        text: include_str!("../migrations/0012_told_together.sql"),
    },
    Migration {
        number: 13,
        text: include_str!("../migrations/0013_undone_shares.sql"),
    },
    Migration {
        number: 14,
        text: include_str!("../migrations/0014_heard_at.sql"),
    },
    Migration {
        number: 15,
        text: include_str!("../migrations/0015_refunds.sql"),
    },
    Migration {
        number: 16,
        text: include_str!("../migrations/0016_told_in_chat.sql"),
    },
    Migration {
        number: 17,
        text: include_str!("../migrations/0017_counterparties_again.sql"),
    },
    Migration {
        number: 18,
        text: include_str!("../migrations/0018_taken_given.sql"),
    },
    Migration {
        number: 19,
        text: include_str!("../migrations/0019_paid_before.sql"),
    },
    Migration {
        number: 20,
        text: include_str!("../migrations/0020_orders_beside.sql"),
    },
    Migration {
        number: 21,
        text: include_str!("../migrations/0021_kind_before.sql"),
    },
    Migration {
        number: 22,
        text: include_str!("../migrations/0022_adopted_on.sql"),
    },
    Migration {
        number: 23,
        text: include_str!("../migrations/0023_sums_of_strangers.sql"),
    },
    Migration {
        number: 24,
        text: include_str!("../migrations/0024_refunds_asked.sql"),
    },
    Migration {
        number: 25,
        text: include_str!("../migrations/0025_told_of_this_text.sql"),
    },
    Migration {
        number: 26,
        text: include_str!("../migrations/0026_buyers_by_name.sql"),
    },
];

/// Any number that no other program uses for its advisory lock on the same database.
const LOCK: i64 = 0x7072_6f76_6f64_6b61;

/// The address may name a schema (`options=-csearch_path=…`), which is made if it is not there.
const OWN_SCHEMA: &str = "DO $$ BEGIN IF current_schema() IS NULL THEN
    EXECUTE format('CREATE SCHEMA %I', trim(both '\" ' FROM split_part(current_setting('search_path'), ',', 1)));
END IF; END $$";

pub(crate) fn run_lite(connection: &mut Connection) -> Result<(), StoreError> {
    let migrate = |connection: &Connection| -> rusqlite::Result<i64> {
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS schema_migration (number INTEGER NOT NULL PRIMARY KEY) STRICT",
        )?;
        let found = connection
            .query_row("SELECT max(number) FROM schema_migration", (), |row| {
                row.get(0)
            })
            .optional()?
            .flatten()
            .unwrap_or(0);
        for migration in MIGRATIONS
            .iter()
            .filter(|migration| migration.number > found)
        {
            connection.execute_batch(&for_lite(migration.text))?;
            connection.execute(
                "INSERT INTO schema_migration (number) VALUES (?1)",
                [migration.number],
            )?;
        }
        Ok(found)
    };
    lite::begin(connection)?;
    let done = migrate(connection)
        .map_err(|error| lite::classify("migration", error))
        .and_then(refuse_newer)
        .and_then(|()| lite::commit(connection, &crate::faults::Faults::default()));
    if done.is_err() {
        lite::roll_back(connection);
    }
    done
}

pub(crate) async fn run_pg(client: &mut deadpool_postgres::Object) -> Result<(), StoreError> {
    let migrate = async {
        let transaction = client.transaction().await?;
        // Two replicas that start at once: the second waits here and finds all done.
        transaction
            .batch_execute(&format!("SELECT pg_advisory_xact_lock({LOCK})"))
            .await?;
        transaction.batch_execute(OWN_SCHEMA).await?;
        transaction
            .batch_execute(
                "CREATE TABLE IF NOT EXISTS schema_migration (number BIGINT NOT NULL PRIMARY KEY)",
            )
            .await?;
        let row = transaction
            .query_one("SELECT max(number) FROM schema_migration", &[])
            .await?;
        let found = row.get::<_, Option<i64>>(0).unwrap_or(0);
        for migration in MIGRATIONS
            .iter()
            .filter(|migration| migration.number > found)
        {
            transaction.batch_execute(migration.text).await?;
            transaction
                .execute(
                    "INSERT INTO schema_migration (number) VALUES ($1)",
                    &[&migration.number],
                )
                .await?;
        }
        transaction.commit().await?;
        Ok(found)
    };
    let found = migrate
        .await
        .map_err(|error| postgres::classify("migration", error))?;
    refuse_newer(found)
}

/// The texts of all migrations, in order.
#[cfg(test)]
pub(crate) fn texts() -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().map(|migration| migration.text)
}

/// Number of the newest migration of this program.
fn known() -> i64 {
    MIGRATIONS
        .iter()
        .map(|migration| migration.number)
        .max()
        .unwrap_or(0)
}

fn refuse_newer(found: i64) -> Result<(), StoreError> {
    let known = known();
    if found > known {
        Err(StoreError::NewerSchema { found, known })
    } else {
        Ok(())
    }
}

fn for_lite(text: &str) -> String {
    text.replace(
        "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        "INTEGER PRIMARY KEY AUTOINCREMENT",
    )
    .replace("BIGINT", "INTEGER")
    .replace("BYTEA", "BLOB")
    .replace("CAST(body AS JSONB)", "body")
    .replace("CAST(draft AS JSONB)", "draft")
    .replace("\n);", "\n) STRICT;")
}
