//! Every statement of the store, and the proof that both databases take each of them. For tests only.

use crate::{books, mechanics, sql::Sql, tx};

fn all() -> Vec<&'static Sql> {
    [
        books::cases::STATEMENTS,
        books::links::STATEMENTS,
        books::policy::STATEMENTS,
        mechanics::budget::STATEMENTS,
        mechanics::effect_changes::STATEMENTS,
        mechanics::effects::STATEMENTS,
        mechanics::inbox::STATEMENTS,
        mechanics::journal::STATEMENTS,
        mechanics::lease::STATEMENTS,
        mechanics::notes::STATEMENTS,
        mechanics::portals::STATEMENTS,
        mechanics::stats::STATEMENTS,
        mechanics::work::STATEMENTS,
        tx::STATEMENTS,
    ]
    .concat()
}

/// Statements that are about all portals, or about rows that belong to none.
const ACROSS_PORTALS: [&str; 11] = [
    "SERVER_CLOCK",
    "PORTALS",
    "PORTAL_BY_HOST",
    "FREE_PORTAL",
    "NEXT_DUE",
    "OWNER",
    "BUDGET_ROW",
    "BUDGET",
    "BUDGET_SPENT",
    "HOLD",
    "UNCLAIM",
];

#[test]
fn sqlite_prepares_every_statement() {
    let mut connection = rusqlite::Connection::open_in_memory().unwrap();
    crate::migrations::run_lite(&mut connection).unwrap();
    for sql in all() {
        if let Err(error) = connection.prepare(sql.lite()) {
            panic!("{}: {error}", sql.name());
        }
    }
}

#[test]
fn postgres_prepares_every_statement() {
    let Ok(url) = std::env::var("PROVODKA_TEST_POSTGRES") else {
        eprintln!("skipped: PROVODKA_TEST_POSTGRES is not set");
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = crate::PostgresOptions {
            url,
            connections: 2,
            extra_roots: Vec::new(),
        };
        let schema = "CREATE SCHEMA prepared; SET search_path = prepared";
        let config: tokio_postgres::Config = options.url.parse().unwrap();
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        let running = tokio::spawn(connection);
        client
            .batch_execute(&format!("DROP SCHEMA IF EXISTS prepared CASCADE; {schema}"))
            .await
            .unwrap();
        for migration in crate::migrations::texts() {
            client.batch_execute(migration).await.unwrap();
        }
        for sql in all() {
            if let Err(error) = client.prepare(sql.pg()).await {
                panic!("{}: {error:?}", sql.name());
            }
        }
        client
            .batch_execute("DROP SCHEMA prepared CASCADE")
            .await
            .unwrap();
        drop(client);
        running.await.unwrap().unwrap();
    });
}

#[test]
fn every_statement_stays_within_its_portal() {
    for sql in all() {
        let (name, text) = (sql.name(), sql.pg());
        let within = text.contains("portal_id = $1")
            || text.starts_with("INSERT") && text.contains("portal_id");
        assert!(
            within || ACROSS_PORTALS.contains(&name),
            "{name} does not carry the portal"
        );
    }
}
