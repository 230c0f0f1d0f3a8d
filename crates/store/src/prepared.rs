//! Every statement of the store, and the proof that both databases take each of them. For tests only.

use crate::{books, mechanics, sql::Sql, tx};

fn all() -> Vec<&'static Sql> {
    [
        books::admin::STATEMENTS,
        books::adopted::STATEMENTS,
        books::case_changes::STATEMENTS,
        books::cases::STATEMENTS,
        books::links::STATEMENTS,
        books::money::STATEMENTS,
        books::money::asked::STATEMENTS,
        books::money::batch::STATEMENTS,
        books::money::days::STATEMENTS,
        books::money::divided::STATEMENTS,
        books::money::followed::STATEMENTS,
        books::money::given::STATEMENTS,
        books::money::gone::STATEMENTS,
        books::money::ledger::STATEMENTS,
        books::money::list::STATEMENTS,
        books::money::month::STATEMENTS,
        books::money::names::STATEMENTS,
        books::money::open::STATEMENTS,
        books::money::page::STATEMENTS,
        books::money::receipts::STATEMENTS,
        books::money::refunds::STATEMENTS,
        books::money::settled::STATEMENTS,
        books::money::sightings::STATEMENTS,
        books::money::split::STATEMENTS,
        books::money::twice::STATEMENTS,
        books::money::undo::STATEMENTS,
        books::office::STATEMENTS,
        books::orders::STATEMENTS,
        books::policy::STATEMENTS,
        books::register::STATEMENTS,
        books::told::STATEMENTS,
        mechanics::budget::STATEMENTS,
        mechanics::effect_changes::STATEMENTS,
        mechanics::effects::STATEMENTS,
        mechanics::hints::STATEMENTS,
        mechanics::inbox::STATEMENTS,
        mechanics::journal::STATEMENTS,
        mechanics::lease::STATEMENTS,
        mechanics::notes::STATEMENTS,
        mechanics::portals::STATEMENTS,
        mechanics::pulse::STATEMENTS,
        mechanics::stats::STATEMENTS,
        mechanics::work::STATEMENTS,
        tx::STATEMENTS,
    ]
    .concat()
}

/// Statements that are about all portals, or about rows that belong to none.
const ACROSS_PORTALS: [&str; 14] = [
    "SERVER_CLOCK",
    "PORTALS",
    "PORTAL_BY_HOST",
    "FREE_PORTAL",
    "NEXT_DUE",
    "OWNER",
    "BUDGET_ROW",
    "BUDGET",
    "BUDGET_SEEN",
    "BUDGET_SPENT",
    "HOLD",
    "UNCLAIM",
    "BEAT",
    "STILL",
];

/// Plans that read a table from end to end, and one that reads what its own sub-select found by index.
const WHOLE_TABLES: [&str; 4] = [
    "FREE_PORTAL: SCAN p",
    "PORTALS: SCAN portal USING INDEX sqlite_autoindex_portal_1",
    "PORTAL_BY_HOST: SCAN portal",
    "TOLD_ADMINISTRATOR: SCAN told",
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
#[expect(
    clippy::disallowed_methods,
    reason = "a test finds its server by the environment"
)]
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

#[test]
fn eight_events_go_in_as_one_does_eight_times() {
    let text = |name: &str| {
        let sql = all().into_iter().find(|sql| sql.name() == name).unwrap();
        let words: Vec<&str> = sql.pg().split_whitespace().collect();
        words.join(" ")
    };
    let one = text("INSERT");
    let (head, row) = one.split_once(" VALUES ").unwrap();
    let width = row.matches('$').count();
    let rows: Vec<String> = (0..8)
        .map(|row| {
            let values: Vec<String> = (1..=width)
                .map(|place| format!("${}", row * width + place))
                .collect();
            format!("({})", values.join(", "))
        })
        .collect();
    let eight = format!("{head} VALUES {}", rows.join(", "));
    assert_eq!(text("INSERT_EIGHT"), eight);
}

/// SQLite alone: its plans are stable text. The same indices serve PostgreSQL, whose choice depends on statistics.
#[test]
fn what_runs_often_finds_its_rows_by_index() {
    let mut connection = rusqlite::Connection::open_in_memory().unwrap();
    crate::migrations::run_lite(&mut connection).unwrap();
    let fill = "
        INSERT INTO portal VALUES ('a', 'a', 'active', 0, '{}', 0, 0), ('b', 'b', 'active', 0, '{}', 0, 0);
        INSERT INTO lease VALUES ('a', '', 0, 0), ('b', '', 0, 0);
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
        INSERT INTO work SELECT 'a', 'deal/' || i, i % 3, 1, i, i, 'x', 0, NULL, NULL FROM n;";
    connection.execute_batch(fill).unwrap();
    let mut plain: Vec<String> = Vec::new();
    for sql in all() {
        let mut plan = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {}", sql.lite()))
            .unwrap();
        let nulls = vec![rusqlite::types::Null; plan.parameter_count()];
        let steps = plan
            .query_map(rusqlite::params_from_iter(nulls), |row| {
                row.get::<_, String>(3)
            })
            .unwrap();
        for step in steps.map(Result::unwrap) {
            let whole_table = step.starts_with("SCAN")
                && !step.contains("json_each")
                && !step.contains("subquery")
                && !step.contains("VIRTUAL");
            // No tables: `newest` is what `PAID_BY` and `OF_SUMS` have gathered by an index before, the rows of values are
            // those that `INSERT_EIGHT` is given.
            let no_tables = [
                "SCAN CONSTANT ROW",
                "SCAN newest",
                "SCAN 8-ROW VALUES CLAUSE",
            ];
            if whole_table && !no_tables.contains(&step.as_str()) {
                plain.push(format!("{}: {step}", sql.name()));
            }
        }
    }
    plain.sort();
    plain.dedup();
    // Tables with one row per portal, read whole by those who look for a portal among all.
    assert_eq!(plain, WHOLE_TABLES);
}

/// SQLite alone, as above: what is asked of a few effects, questions, payments, deals or invoices costs what these have, and not
/// what all of the portal's are. Without statistics SQLite takes the rows of one portal for ten.
#[test]
fn what_is_asked_of_a_few_is_not_sought_among_all_of_a_portal() {
    let mut connection = rusqlite::Connection::open_in_memory().unwrap();
    crate::migrations::run_lite(&mut connection).unwrap();
    let of_a_few = [
        books::case_changes::STATEMENTS,
        books::money::asked::STATEMENTS,
        books::money::batch::STATEMENTS,
        books::money::divided::STATEMENTS,
        books::money::given::STATEMENTS,
        books::money::gone::STATEMENTS,
        books::money::ledger::STATEMENTS,
        books::money::names::STATEMENTS,
        books::money::open::STATEMENTS,
        books::money::page::STATEMENTS,
        books::money::receipts::STATEMENTS,
        books::money::refunds::STATEMENTS,
        books::money::sightings::STATEMENTS,
        books::money::split::STATEMENTS,
        books::money::twice::STATEMENTS,
        books::money::undo::STATEMENTS,
        mechanics::effect_changes::STATEMENTS,
        mechanics::effects::STATEMENTS,
    ];
    let mut walked = Vec::new();
    for sql in of_a_few.concat() {
        let mut plan = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {}", sql.lite()))
            .unwrap();
        let nulls = vec![rusqlite::types::Null; plan.parameter_count()];
        let steps = plan
            .query_map(rusqlite::params_from_iter(nulls), |row| {
                row.get::<_, String>(3)
            })
            .unwrap();
        for step in steps.map(Result::unwrap) {
            // Whether there is any feed at all, which the first row answers; the portal itself, and its policies. All that is
            // asked is looked through where a message could not be edited, and where somebody is dismissed.
            let few = ["SEARCH x ", "SEARCH portal ", "SEARCH policy "];
            let is_few = few.iter().any(|few| step.starts_with(few)) || sql.name() == "HAS_FEED";
            let is_walked = step.ends_with("(portal_id=?)")
                || step.contains("payment_by_day") && sql.name() != "PAGE"
                || step.contains("office_case_by_state (portal_id=? AND state=?)")
                    && !["UNEDITED", "UNHEARD"].contains(&sql.name());
            if is_walked && !is_few {
                walked.push(format!("{}: {step}", sql.name()));
            }
        }
    }
    assert_eq!(walked, [""; 0]);
}

/// SQLite alone, as above: taking from a queue of 100,000 is no slower than from a short one.
#[test]
fn a_long_queue_is_not_read_to_its_end() {
    let mut connection = rusqlite::Connection::open_in_memory().unwrap();
    crate::migrations::run_lite(&mut connection).unwrap();
    let mut steps = Vec::new();
    connection.execute_batch("INSERT INTO portal VALUES ('a', 'a', 'active', 0, '{}', 0, 0); INSERT INTO lease VALUES ('a', '', 0, 0)").unwrap();
    for queued in [100, 100_000] {
        let fill = "
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
            INSERT INTO work SELECT 'a', 'deal/' || i, 1, 1, i, i, 'x', 0, NULL, NULL FROM n WHERE true ON CONFLICT DO NOTHING";
        connection.execute(fill, [queued]).unwrap();
        let mut of_this_length = Vec::new();
        for (name, params) in [
            ("TAKE", vec!["'a'", "1", "999999", "'[]'", "50"]),
            ("FREE_PORTAL", vec!["1", "999999"]),
            ("NEXT_DUE", vec!["1"]),
            ("NEXT_DUE_OF", vec!["'a'"]),
        ] {
            let sql = all().into_iter().find(|sql| sql.name() == name).unwrap();
            let mut text = sql.lite().to_owned();
            for (n, value) in params.iter().enumerate().rev() {
                text = text.replace(&format!("?{}", n + 1), value);
            }
            let mut statement = connection.prepare(&text).unwrap();
            let mut rows = statement.query(()).unwrap();
            while rows.next().unwrap().is_some() {}
            drop(rows);
            of_this_length.push((
                name,
                statement.get_status(rusqlite::StatementStatus::VmStep),
            ));
        }
        steps.push(of_this_length);
    }
    for ((name, few), (_, many)) in steps[0].iter().zip(&steps[1]) {
        assert!(
            *many < few * 2 + 100,
            "{name}: {few} steps for 100 queued, {many} for 100,000"
        );
    }
}

/// SQLite alone, as above: an event about a deal that waits already writes the deal's row and no index.
#[test]
fn a_wish_that_is_known_writes_no_index() {
    let mut connection = rusqlite::Connection::open_in_memory().unwrap();
    crate::migrations::run_lite(&mut connection).unwrap();
    let writes_of_indexes = |name: &str| {
        let sql = all().into_iter().find(|sql| sql.name() == name).unwrap();
        let mut program = connection
            .prepare(&format!("EXPLAIN {}", sql.lite()))
            .unwrap();
        let nulls = vec![rusqlite::types::Null; program.parameter_count()];
        let steps = program
            .query_map(rusqlite::params_from_iter(nulls), |row| {
                row.get::<_, String>(1)
            })
            .unwrap();
        let steps = steps.map(Result::unwrap);
        steps.filter(|step| step == "IdxInsert").count()
    };
    assert_eq!(writes_of_indexes("LOOK_KNOWN"), 0);
    assert!(writes_of_indexes("LOOK") > 0);
}
