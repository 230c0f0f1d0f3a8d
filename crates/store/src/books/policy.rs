//! A portal's policy in its versions, and which organisation belongs to which portal.
//!
//! Old versions stay, so that a decision can be explained years later. Not here: what a policy says
//! (`planner`).

use domain::{OrganisationId, PortalId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    sql::statements,
    store::Store,
    value::{Row, params},
};

/// One version of a portal's policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredPolicy {
    /// From 1.
    pub version: i64,
    /// The policy itself.
    pub body: serde_json::Value,
    /// Who made it.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
}

/// The answer to a claim of an organisation that another portal has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The portal that has it.
    pub by: PortalId,
}

statements! {
    CURRENT =
        "SELECT version, body, author, created_at FROM policy WHERE portal_id = $1
         ORDER BY version DESC LIMIT 1";
    GET = "SELECT version, body, author, created_at FROM policy WHERE portal_id = $1 AND version = $2";
    LIST = "SELECT version, body, author, created_at FROM policy WHERE portal_id = $1 ORDER BY version";
    /// Adds the next version only if `$6` is still the current one.
    ADD =
        "INSERT INTO policy (portal_id, version, body, author, created_at)
         SELECT $1, $2, $3, $4, $5
         WHERE (SELECT COALESCE(max(version), 0) FROM policy WHERE portal_id = $1) = $6
         ON CONFLICT (portal_id, version) DO NOTHING";
    CLAIM =
        "INSERT INTO organisation (organisation_id, portal_id) VALUES ($1, $2)
         ON CONFLICT (organisation_id) DO NOTHING";
    OWNER = "SELECT portal_id FROM organisation WHERE organisation_id = $1";
    ORGANISATIONS =
        "SELECT organisation_id FROM organisation WHERE portal_id = $1 ORDER BY organisation_id";
    UNCLAIM = "DELETE FROM organisation WHERE organisation_id = $1 AND portal_id = $2";
}

impl Store {
    /// The policy in force.
    pub async fn policy_current(
        &self,
        portal: &PortalId,
    ) -> Result<Option<StoredPolicy>, StoreError> {
        self.read(portal.clone(), |tx, portal| {
            Box::pin(async move { tx.first(&CURRENT, &params![portal], read_policy).await })
        })
        .await
    }

    /// A former version.
    pub async fn policy_get(
        &self,
        portal: &PortalId,
        version: i64,
    ) -> Result<Option<StoredPolicy>, StoreError> {
        self.read((portal.clone(), version), |tx, (portal, version)| {
            Box::pin(async move {
                tx.first(&GET, &params![portal, *version], read_policy)
                    .await
            })
        })
        .await
    }

    /// All versions, oldest first.
    pub async fn policy_list(&self, portal: &PortalId) -> Result<Vec<StoredPolicy>, StoreError> {
        self.read(portal.clone(), |tx, portal| {
            Box::pin(async move { tx.list(&LIST, &params![portal], read_policy).await })
        })
        .await
    }

    /// Adds a version after `expected` (0: there is none yet) and gives its number. `None`: somebody added
    /// another meanwhile; look at it first.
    pub async fn policy_add(
        &self,
        portal: &PortalId,
        expected: i64,
        body: &serde_json::Value,
        author: &str,
        now: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        let policy = StoredPolicy {
            version: expected + 1,
            body: body.clone(),
            author: author.to_owned(),
            created_at: now,
        };
        self.write((portal.clone(), policy), |tx, (portal, policy)| {
            Box::pin(async move {
                let values = params![
                    portal,
                    policy.version,
                    &policy.body,
                    &policy.author,
                    policy.created_at,
                    policy.version - 1,
                ];
                let added = tx.execute(&ADD, &values).await?;
                Ok((added > 0).then_some(policy.version))
            })
        })
        .await
    }

    /// Makes an organisation belong to a portal. It belongs to one at most.
    pub async fn organisation_claim(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
    ) -> Result<Result<(), Taken>, StoreError> {
        self.write(
            (portal.clone(), organisation.clone()),
            |tx, (portal, organisation)| {
                Box::pin(async move {
                    tx.execute(&CLAIM, &params![organisation, portal]).await?;
                    let owner = tx
                        .first(&OWNER, &params![organisation], read_portal_id)
                        .await?;
                    Ok(match owner {
                        Some(owner) if owner != *portal => Err(Taken { by: owner }),
                        _ => Ok(()),
                    })
                })
            },
        )
        .await
    }

    /// Takes a claim back. False if it was not this portal's.
    pub async fn organisation_release(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
    ) -> Result<bool, StoreError> {
        self.write(
            (portal.clone(), organisation.clone()),
            |tx, (portal, organisation)| {
                Box::pin(async move {
                    Ok(tx.execute(&UNCLAIM, &params![organisation, portal]).await? > 0)
                })
            },
        )
        .await
    }

    /// The organisations of a portal.
    pub async fn organisations(
        &self,
        portal: &PortalId,
    ) -> Result<Vec<OrganisationId>, StoreError> {
        self.read(portal.clone(), |tx, portal| {
            Box::pin(async move {
                tx.list(&ORGANISATIONS, &params![portal], |row| row.parsed())
                    .await
            })
        })
        .await
    }
}

fn read_portal_id(row: &mut Row) -> Result<PortalId, StoreError> {
    row.parsed()
}

fn read_policy(row: &mut Row) -> Result<StoredPolicy, StoreError> {
    Ok(StoredPolicy {
        version: row.int()?,
        body: row.json()?,
        author: row.text()?,
        created_at: row.moment()?,
    })
}
