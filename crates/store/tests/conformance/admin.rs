//! Who may open the pages: a code is good once and for its time, a session ends when it is told to, and no portal sees
//! another's.

use store::*;

use crate::support::*;

fn session(digest: &str, account: &str, begun: i64) -> AdminSession {
    AdminSession {
        digest: digest.to_owned(),
        account: account.to_owned(),
        address: "192.0.2.7".to_owned(),
        begun_at: at(begun),
        seen_at: at(begun),
    }
}

/// Idle for 100 seconds, alive for 1000.
fn alive(now: i64) -> Alive {
    Alive {
        begun_after: at(now - 1000),
        seen_after: at(now - 100),
    }
}

async fn portals(db: &Db) {
    for name in ["a", "b"] {
        db.store.portal_put(&a_portal(name)).await.unwrap();
    }
}

async fn enrol(db: &Db, of: &str, code: &str, hash: &str, now: i64) -> bool {
    let account = ("anna", hash);
    let enrolled = db
        .store
        .admin_enrol(&portal(of), code, account, at(now))
        .await;
    enrolled.unwrap()
}

async fn begin(db: &Db, of: &str, session: &AdminSession, now: i64) {
    let of = portal(of);
    db.store
        .admin_session_begin(&of, session, alive(now))
        .await
        .unwrap();
}

async fn is_in(db: &Db, of: &str, digest: &str, now: i64) -> bool {
    let found = db
        .store
        .admin_session(&portal(of), digest, alive(now))
        .await;
    found.unwrap().is_some()
}

async fn password(db: &Db, of: &str) -> Option<String> {
    db.store.admin_password(&portal(of), "anna").await.unwrap()
}

conformance! {
    async fn a_code_is_good_once_and_for_its_time_and_for_its_portal(db: &Db) {
        portals(db).await;
        assert!(!db.store.admin_has_accounts(&portal("a")).await.unwrap());
        db.store.admin_code_put(&portal("a"), "first", at(900)).await.unwrap();
        db.store.admin_code_put(&portal("a"), "second", at(900)).await.unwrap();
        assert!(!enrol(db, "a", "first", "h", 1).await, "another took its place");
        assert!(!enrol(db, "b", "second", "h", 1).await, "it is another portal's");
        assert!(!enrol(db, "a", "second", "h", 900).await, "its time is over");
        assert!(enrol(db, "a", "second", "h", 899).await);
        assert!(!enrol(db, "a", "second", "other", 899).await, "it was good once");
        assert_eq!(password(db, "a").await.as_deref(), Some("h"));
        assert!(db.store.admin_has_accounts(&portal("a")).await.unwrap());
        assert!(!db.store.admin_has_accounts(&portal("b")).await.unwrap());
        assert_eq!(password(db, "b").await, None);
    }

    async fn a_session_ends_by_idling_by_age_and_by_order(db: &Db) {
        portals(db).await;
        begin(db, "a", &session("one", "anna", 0), 0).await;
        assert!(is_in(db, "a", "one", 99).await);
        assert!(!is_in(db, "b", "one", 0).await, "it is another portal's");
        assert!(!is_in(db, "a", "one", 100).await, "it idled");
        for now in (50..1000).step_by(50) {
            db.store.admin_session_seen(&portal("a"), "one", at(now)).await.unwrap();
        }
        // A late note of an earlier use takes nothing back.
        db.store.admin_session_seen(&portal("a"), "one", at(3)).await.unwrap();
        assert!(is_in(db, "a", "one", 999).await);
        assert!(!is_in(db, "a", "one", 1000).await, "it is too old");
        assert!(!db.store.admin_session_end(&portal("a"), "ivan", "one").await.unwrap());
        assert!(!db.store.admin_session_end(&portal("b"), "anna", "one").await.unwrap());
        assert!(db.store.admin_session_end(&portal("a"), "anna", "one").await.unwrap());
        assert!(!is_in(db, "a", "one", 999).await);
        db.store.admin_session_seen(&portal("a"), "one", at(999)).await.unwrap();
        assert!(!is_in(db, "a", "one", 999).await, "what is ended stays ended");
    }

    async fn another_password_ends_all_sessions_of_its_account_and_no_other(db: &Db) {
        portals(db).await;
        db.store.admin_code_put(&portal("a"), "code", at(900)).await.unwrap();
        assert!(enrol(db, "a", "code", "h1", 1).await);
        begin(db, "a", &session("one", "anna", 2), 2).await;
        begin(db, "a", &session("two", "ivan", 3), 3).await;
        let a = portal("a");
        let change = |former| db.store.admin_password_change(&a, "anna", (former, "h2"), at(4));
        assert!(!change("h0").await.unwrap(), "it was not that one");
        assert!(is_in(db, "a", "one", 5).await);
        assert!(change("h1").await.unwrap());
        assert!(!is_in(db, "a", "one", 5).await);
        assert!(is_in(db, "a", "two", 5).await);
        assert_eq!(password(db, "a").await.as_deref(), Some("h2"));
        // So does a new code.
        begin(db, "a", &session("three", "anna", 5), 5).await;
        db.store.admin_code_put(&portal("a"), "code", at(900)).await.unwrap();
        assert!(enrol(db, "a", "code", "h3", 6).await);
        assert!(!is_in(db, "a", "three", 6).await);
    }

    async fn who_is_signed_in_is_listed_and_the_dead_are_swept_away(db: &Db) {
        portals(db).await;
        begin(db, "a", &session("old", "anna", 0), 0).await;
        begin(db, "a", &session("new", "anna", 90), 90).await;
        begin(db, "a", &session("his", "ivan", 90), 90).await;
        let a = portal("a");
        let listed = |now| db.store.admin_sessions(&a, "anna", alive(now));
        let digests = |listed: Vec<AdminSession>| listed.into_iter().map(|one| one.digest).collect::<Vec<_>>();
        let both = listed(95).await.unwrap();
        assert_eq!(both[0], session("new", "anna", 90));
        assert_eq!(digests(both), ["new", "old"]);
        assert_eq!(digests(listed(150).await.unwrap()), ["new"]);
        begin(db, "a", &session("last", "anna", 150), 150).await;
        // Asked as if nothing were dead yet.
        assert_eq!(digests(listed(0).await.unwrap()), ["last", "new"]);
    }
}
