//! Portals and their sealed secrets.

use serde_json::json;
use store::*;

use crate::support::*;

conformance! {
    async fn a_portal_is_added_found_and_renamed(db: &Db) {
        db.store.portal_put(&a_portal("a")).await.unwrap();
        db.store.portal_put(&a_portal("b")).await.unwrap();
        assert_eq!(db.store.portal_get(&portal("a")).await.unwrap(), Some(a_portal("a")));
        assert_eq!(db.store.portal_get(&portal("z")).await.unwrap(), None);
        let renamed = Portal {
            host: String::from("new.bitrix24.ru"),
            detail: json!({}),
            created_at: at(99),
            updated_at: at(99),
            ..a_portal("a")
        };
        db.store.portal_put(&renamed).await.unwrap();
        let found = db.store.portal_by_host("new.bitrix24.ru").await.unwrap().unwrap();
        assert_eq!(found, Portal { created_at: at(0), ..renamed });
        assert_eq!(db.store.portal_by_host("a.bitrix24.ru").await.unwrap(), None);
        let all = db.store.portals().await.unwrap();
        assert_eq!(all.iter().map(|one| one.id.to_string()).collect::<Vec<_>>(), ["a", "b"]);
    }

    async fn putting_a_portal_again_keeps_its_lease(db: &Db) {
        let lease = leased(db, 1).await;
        db.store.portal_put(&a_portal("a")).await.unwrap();
        db.store.record(&lease, Record::default(), at(1)).await.unwrap();
    }

    async fn a_portal_is_changed_and_what_it_was_is_told(db: &Db) {
        let pause = |row: &mut Portal| row.paused = true;
        assert_eq!(db.store.portal_change(&portal("a"), at(5), pause).await.unwrap(), None);
        let first = a_portal("a");
        db.store.portal_put(&first).await.unwrap();
        let paused = Portal { paused: true, updated_at: at(5), ..first.clone() };
        let changed = db.store.portal_change(&portal("a"), at(5), pause).await.unwrap();
        assert_eq!(changed, Some((first, paused.clone())));
        assert_eq!(db.store.portal_get(&portal("a")).await.unwrap(), Some(paused.clone()));
        // What is so already was changed when it came to be so.
        let again = db.store.portal_change(&portal("a"), at(6), pause).await.unwrap();
        assert_eq!(again, Some((paused.clone(), paused)));
    }

    async fn of_what_many_change_in_one_portal_at_once_nothing_is_lost(db: &Db) {
        db.store.portal_put(&a_portal("a")).await.unwrap();
        let changes = (0..8_usize).map(|n| {
            let store = db.store.clone();
            tokio::spawn(async move {
                let change = move |row: &mut Portal| match n {
                    0 => row.paused = true,
                    1 => row.mode = Mode::WatchOnly,
                    _ => row.detail[format!("part {n}")] = json!(n),
                };
                store.portal_change(&portal("a"), at(5), change).await.unwrap()
            })
        });
        for change in changes.collect::<Vec<_>>() {
            assert!(change.await.unwrap().is_some());
        }
        let found = db.store.portal_get(&portal("a")).await.unwrap().unwrap();
        assert_eq!((found.mode, found.paused), (Mode::WatchOnly, true));
        let parts = (2..8_usize).filter(|n| found.detail[format!("part {n}")] == json!(n));
        assert_eq!(parts.count(), 6, "{}", found.detail);
        assert_eq!(found.detail["zone"], "Europe/Moscow");
    }

    async fn of_two_who_rotate_secrets_one_wins(db: &Db) {
        db.store.portal_put(&a_portal("a")).await.unwrap();
        assert_eq!(db.store.secrets_get(&portal("a")).await.unwrap(), None);
        assert!(db.store.secrets_replace(&portal("a"), 0, b"first").await.unwrap());
        assert!(!db.store.secrets_replace(&portal("a"), 0, b"other").await.unwrap());
        assert_eq!(db.store.secrets_get(&portal("a")).await.unwrap(), Some((1, b"first".to_vec())));
        let rivals = (0..8_u8).map(|n| {
            let store = db.store.clone();
            tokio::spawn(async move { store.secrets_replace(&portal("a"), 1, &[n; 40]).await.unwrap() })
        });
        let mut winners = 0;
        for rival in rivals.collect::<Vec<_>>() {
            winners += u32::from(rival.await.unwrap());
        }
        assert_eq!(winners, 1);
        assert_eq!(db.store.secrets_get(&portal("a")).await.unwrap().unwrap().0, 2);
    }
}
