//! Where a scenario's records lie.

use std::sync::atomic::{AtomicU32, Ordering};

/// Where our records lie.
pub(crate) enum Database {
    Sqlite,
    Postgres(String),
}

/// The test's PostgreSQL in a schema of its own; says where there is none.
pub(crate) async fn postgres() -> Option<Database> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    #[expect(clippy::disallowed_methods, reason = "tests may be lent a database")]
    let lent = std::env::var("PROVODKA_TEST_POSTGRES");
    let Some(url) = lent.ok().filter(|url| !url.is_empty()) else {
        println!("skipped: PROVODKA_TEST_POSTGRES is not set, PostgreSQL was not tried");
        return None;
    };
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("scenario{}_{count}", std::process::id());
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .unwrap();
    let connected = tokio::spawn(connection);
    let fresh = format!("DROP SCHEMA IF EXISTS {name} CASCADE");
    client.batch_execute(&fresh).await.unwrap();
    drop(client);
    connected.await.unwrap().unwrap();
    let mark = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{mark}options=-csearch_path%3D{name}");
    Some(Database::Postgres(url))
}
