//! Small things that a portal remembers by name: how far a sweep has read, the id of a chat, names of fields.
//!
//! A cursor is committed with what was read up to it (`record`). Not here: settings (`books::policy`).

use domain::PortalId;

use crate::{
    error::StoreError,
    sql::statements,
    store::Store,
    tx::Tx,
    value::{Value, params},
};

statements! {
    CURSOR_GET = "SELECT value FROM sweep_cursor WHERE portal_id = $1 AND name = $2";
    CURSOR_PUT =
        "INSERT INTO sweep_cursor (portal_id, name, value) VALUES ($1, $2, $3)
         ON CONFLICT (portal_id, name) DO UPDATE SET value = excluded.value";
    FACT_GET = "SELECT value FROM fact WHERE portal_id = $1 AND name = $2";
    FACTS = "SELECT name, value FROM fact WHERE portal_id = $1 ORDER BY name";
    FACT_PUT =
        "INSERT INTO fact (portal_id, name, value) VALUES ($1, $2, $3)
         ON CONFLICT (portal_id, name) DO UPDATE SET value = excluded.value";
}

impl Store {
    /// How far something has been read.
    pub async fn cursor_get(
        &self,
        portal: &PortalId,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        self.read((portal.clone(), name.to_owned()), |tx, (portal, name)| {
            Box::pin(async move {
                tx.first(&CURSOR_GET, &params![portal, name], |row| row.text())
                    .await
            })
        })
        .await
    }

    /// A small thing remembered by name.
    pub async fn fact_get(
        &self,
        portal: &PortalId,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        self.read((portal.clone(), name.to_owned()), |tx, (portal, name)| {
            Box::pin(fact(tx, portal, name))
        })
        .await
    }

    /// All small things of a portal, by name.
    pub async fn facts(&self, portal: &PortalId) -> Result<Vec<(String, String)>, StoreError> {
        self.read(portal.clone(), |tx, portal| {
            Box::pin(async move {
                tx.list(&FACTS, &params![portal], |row| {
                    Ok((row.text()?, row.text()?))
                })
                .await
            })
        })
        .await
    }

    /// Remembers a small thing, for those who hold no lease.
    pub async fn fact_put(
        &self,
        portal: &PortalId,
        name: &str,
        value: &str,
    ) -> Result<(), StoreError> {
        let args = (portal.clone(), [(name.to_owned(), value.to_owned())]);
        self.write(args, |tx, (portal, facts)| {
            Box::pin(put_facts(tx, portal, facts))
        })
        .await
    }
}

pub(crate) async fn fact(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    name: &str,
) -> Result<Option<String>, StoreError> {
    tx.first(&FACT_GET, &params![portal, name], |row| row.text())
        .await
}

pub(crate) async fn put_cursors(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    cursors: &[(String, String)],
) -> Result<(), StoreError> {
    tx.execute_each(&CURSOR_PUT, &rows(portal, cursors))
        .await
        .map(drop)
}

pub(crate) async fn put_facts(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    facts: &[(String, String)],
) -> Result<(), StoreError> {
    tx.execute_each(&FACT_PUT, &rows(portal, facts))
        .await
        .map(drop)
}

fn rows(portal: &PortalId, named: &[(String, String)]) -> Vec<Vec<Value>> {
    named
        .iter()
        .map(|(name, value)| Vec::from(params![portal, name, value]))
        .collect()
}
