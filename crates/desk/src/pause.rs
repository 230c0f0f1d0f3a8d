//! What a portal stands still by: a person pauses it, or our application is removed from it.
//!
//! Both are kept apart: a portal that a person paused stays so when the application comes back, and nobody lets one go
//! on that no call reaches. Events are kept meanwhile, and what became due is looked at when the portal goes on.

use domain::PortalId;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use store::{Portal, Store, StoreError};

/// Where the portal's row keeps since when it stands still.
const SINCE: &str = "paused_since";
/// That the application is removed.
const REMOVED: &str = "removed";
/// While it is: that a person wants the portal paused as well.
const BY_PERSON: &str = "paused_by_person";

/// A person pauses a portal or lets it go on. How it stands then; none: there is no such portal.
///
/// # Errors
/// The store's.
pub async fn by_person(
    store: &Store,
    portal: &PortalId,
    paused: bool,
    now: Timestamp,
) -> Result<Option<Portal>, StoreError> {
    let switched = store
        .portal_change(portal, now, move |row| {
            let removed = is_removed(row);
            switch(row, paused, removed, now);
        })
        .await?;
    Ok(switched.map(|(_, is)| is))
}

/// The application was removed from a portal, or is installed on it. Whether it had been removed before.
///
/// # Errors
/// The store's.
pub async fn by_portal(
    store: &Store,
    portal: &PortalId,
    installed: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let switched = store
        .portal_change(portal, now, move |row| {
            if is_removed(row) == installed {
                let paused = is_paused_by_person(row);
                switch(row, paused, !installed, now);
            }
        })
        .await?;
    Ok(switched.is_some_and(|(was, _)| is_removed(&was)))
}

/// Whether the portal is without our application: no call reaches it.
pub fn is_removed(portal: &Portal) -> bool {
    is_set(portal, REMOVED)
}

/// Since when a portal stands still, where that was remembered.
pub fn since(portal: &Portal) -> Option<Timestamp> {
    portal.detail.get(SINCE)?.as_str()?.parse().ok()
}

fn is_paused_by_person(portal: &Portal) -> bool {
    if is_removed(portal) {
        is_set(portal, BY_PERSON)
    } else {
        portal.paused
    }
}

fn is_set(portal: &Portal, name: &str) -> bool {
    portal.detail.get(name).and_then(Value::as_bool) == Some(true)
}

fn switch(portal: &mut Portal, by_person: bool, removed: bool, now: Timestamp) {
    let paused = by_person || removed;
    let mut detail = match portal.detail.take() {
        Value::Object(detail) => detail,
        _ => Map::new(),
    };
    // Paused twice is paused since the first time.
    if paused != portal.paused {
        let since = paused.then(|| now.to_string());
        detail.insert(SINCE.to_owned(), json!(since));
    }
    if removed {
        detail.insert(REMOVED.to_owned(), json!(true));
        detail.insert(BY_PERSON.to_owned(), json!(by_person));
    } else {
        detail.remove(REMOVED);
        detail.remove(BY_PERSON);
    }
    portal.paused = paused;
    portal.detail = Value::Object(detail);
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::Mode;

    /// Who throws the switch.
    #[derive(Clone, Copy, Debug)]
    enum Thrown {
        Person(bool),
        Installed(bool),
    }
    use Thrown::{Installed, Person};

    async fn portal() -> (Store, PortalId) {
        let store = Store::open_inline().unwrap();
        let id = PortalId::new("a");
        let row = Portal {
            id: id.clone(),
            host: "a.example".to_owned(),
            mode: Mode::Active,
            paused: false,
            detail: json!({"offline": "kept"}),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        store.portal_put(&row).await.unwrap();
        (store, id)
    }

    #[tokio::test]
    async fn a_portal_goes_on_once_neither_a_person_nor_the_portal_keeps_it() {
        let now = Timestamp::UNIX_EPOCH;
        // What happens, and whether the portal is paused and removed after it.
        for (thrown, expected) in [
            (vec![Person(true)], (true, false)),
            (vec![Person(true), Person(false)], (false, false)),
            (vec![Installed(true)], (false, false)),
            (vec![Installed(false)], (true, true)),
            (vec![Installed(false), Installed(false)], (true, true)),
            (vec![Installed(false), Installed(true)], (false, false)),
            (vec![Installed(false), Person(false)], (true, true)),
            (
                vec![Person(true), Installed(false), Installed(true)],
                (true, false),
            ),
            (
                vec![Installed(false), Person(true), Installed(true)],
                (true, false),
            ),
            (
                vec![
                    Person(true),
                    Installed(false),
                    Person(false),
                    Installed(true),
                ],
                (false, false),
            ),
        ] {
            let (store, id) = portal().await;
            for one in &thrown {
                match *one {
                    Person(paused) => {
                        by_person(&store, &id, paused, now).await.unwrap();
                    }
                    Installed(installed) => {
                        by_portal(&store, &id, installed, now).await.unwrap();
                    }
                }
            }
            let found = store.portal_get(&id).await.unwrap().unwrap();
            let stands = (found.paused, is_removed(&found));
            assert_eq!(stands, expected, "{thrown:?}");
            assert_eq!(since(&found).is_some(), found.paused, "{thrown:?}");
            assert_eq!(found.detail.get("offline"), Some(&json!("kept")));
        }
    }

    #[tokio::test]
    async fn what_is_paused_or_removed_twice_stands_still_since_the_first_time() {
        let (store, id) = portal().await;
        let moments = [10, 20, 30].map(|second| Timestamp::from_second(second).unwrap());
        let [first, second, third] = moments;
        by_portal(&store, &id, false, first).await.unwrap();
        by_person(&store, &id, true, second).await.unwrap();
        by_portal(&store, &id, true, third).await.unwrap();
        let found = store.portal_get(&id).await.unwrap().unwrap();
        assert_eq!((since(&found), found.paused), (Some(first), true));
    }
}
