//! What is refused at the door, and what is found again behind it.

use store::*;

use crate::support::*;

conformance! {
    async fn what_was_stored_is_there_for_another_process(db: &Db) {
        leased(db, 1).await;
        db.store.accept(&[event("a", deal(4711))], at(0)).await.unwrap();
        let other = db.another().await;
        assert_eq!(other.inbox_count(&portal("a")).await.unwrap(), 1);
        other.ping().await.unwrap();
        assert_eq!(other.lease_acquire("o", HOUR, at(1)).await.unwrap(), None);
    }

    async fn a_database_of_a_newer_program_is_refused(db: &Db) {
        db.meddle("INSERT INTO schema_migration (number) VALUES (9999)").await;
        let refused = match db.form {
            Form::Inline => Store::open_inline_file(&db.file()),
            Form::Threads => Store::open_file(&db.file()),
            Form::Postgres => Store::open_postgres(&options(db.url())).await,
        };
        let error = refused.unwrap_err();
        assert!(matches!(error, StoreError::NewerSchema { found: 9999, .. }));
        assert!(!error.to_string().contains('\n'));
    }

    async fn several_may_open_a_new_database_at_once(db: &Db) {
        let others = (0..4).map(|_| db.another());
        for other in futures_util::future::join_all(others).await {
            other.portal_put(&a_portal("a")).await.unwrap();
        }
        assert_eq!(db.store.portals().await.unwrap().len(), 1);
    }
}

/// SQLite alone: PostgreSQL has no file of ours.
#[test]
fn a_file_that_is_no_database_or_anothers_is_refused_and_left_alone() {
    let folder = tempfile::TempDir::new().unwrap();
    let garbage = folder.path().join("garbage.db");
    std::fs::write(
        &garbage,
        "this is a letter and not a database, long enough to be looked at".repeat(20),
    )
    .unwrap();
    assert!(matches!(
        Store::open_file(&garbage).unwrap_err(),
        StoreError::Halted(_)
    ));
    let foreign = folder.path().join("foreign.db");
    rusqlite::Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE letters (text)")
        .unwrap();
    let before = std::fs::read(&foreign).unwrap();
    assert!(matches!(
        Store::open_file(&foreign).unwrap_err(),
        StoreError::Misconfigured(_)
    ));
    assert_eq!(std::fs::read(&foreign).unwrap(), before);
    let nowhere = folder.path().join("no/such/folder/p.db");
    assert!(matches!(
        Store::open_file(&nowhere).unwrap_err(),
        StoreError::Misconfigured(_)
    ));
}

/// SQLite alone: the server guards its own files.
#[cfg(unix)]
#[test]
fn nobody_else_on_the_machine_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("p.db");
    std::fs::write(&file, "").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let _store = Store::open_file(&file).unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

/// SQLite alone: the two lines that decide whether a power cut loses acknowledged commits.
#[tokio::test]
async fn a_file_is_kept_in_wal_mode() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("p.db");
    let store = Store::open_file(&file).unwrap();
    store.portal_put(&a_portal("a")).await.unwrap();
    let other = rusqlite::Connection::open(&file).unwrap();
    let mode: String = other
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
    let check: String = other
        .pragma_query_value(None, "integrity_check", |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}
