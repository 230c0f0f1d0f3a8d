//! Who may open the pages: accounts, one-time codes and sessions.
//!
//! Codes and sessions are known by digests of random values alone: who reads the database can open nothing with it. How
//! long a session lives, how passwords are hashed and what may be tried how often is not here (`web::admin`).

use domain::PortalId;
use jiff::Timestamp;

use crate::{
    error::StoreError,
    sql::statements,
    store::Store,
    tx::Tx,
    value::{Row, params},
};

/// A person who is signed in at one browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminSession {
    /// The digest of what the browser shows.
    pub digest: String,
    /// Who.
    pub account: String,
    /// From where it was begun.
    pub address: String,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// When it was used last, to the minute.
    pub seen_at: Timestamp,
}

/// Since when a session must have been begun and used, to be one still.
#[derive(Clone, Copy, Debug)]
pub struct Alive {
    /// Begun after this.
    pub begun_after: Timestamp,
    /// Used after this.
    pub seen_after: Timestamp,
}

statements! {
    HAS_ACCOUNTS = "SELECT count(*) FROM admin_account WHERE portal_id = $1";
    PASSWORD = "SELECT password_hash FROM admin_account WHERE portal_id = $1 AND name = $2";
    PUT_ACCOUNT =
        "INSERT INTO admin_account (portal_id, name, password_hash, changed_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (portal_id, name) DO UPDATE SET
             password_hash = excluded.password_hash, changed_at = excluded.changed_at";
    CHANGE_PASSWORD =
        "UPDATE admin_account SET password_hash = $4, changed_at = $5
         WHERE portal_id = $1 AND name = $2 AND password_hash = $3";
    PUT_CODE =
        "INSERT INTO admin_code (portal_id, code_digest, ends_at) VALUES ($1, $2, $3)
         ON CONFLICT (portal_id) DO UPDATE SET code_digest = excluded.code_digest, ends_at = excluded.ends_at";
    TAKE_CODE = "DELETE FROM admin_code WHERE portal_id = $1 AND code_digest = $2 AND ends_at > $3";
    PUT_SESSION =
        "INSERT INTO admin_session (portal_id, digest, account, address, begun_at, seen_at)
         VALUES ($1, $2, $3, $4, $5, $5)";
    FIND_SESSION =
        "SELECT digest, account, address, begun_at, seen_at FROM admin_session
         WHERE portal_id = $1 AND digest = $2 AND begun_at > $3 AND seen_at > $4";
    SEEN = "UPDATE admin_session SET seen_at = $3 WHERE portal_id = $1 AND digest = $2 AND seen_at < $3";
    SESSIONS_OF =
        "SELECT digest, account, address, begun_at, seen_at FROM admin_session
         WHERE portal_id = $1 AND account = $2 AND begun_at > $3 AND seen_at > $4
         ORDER BY begun_at DESC, digest";
    END_SESSION = "DELETE FROM admin_session WHERE portal_id = $1 AND account = $2 AND digest = $3";
    END_SESSIONS = "DELETE FROM admin_session WHERE portal_id = $1 AND account = $2";
    END_DEAD =
        "DELETE FROM admin_session WHERE portal_id = $1 AND (begun_at <= $2 OR seen_at <= $3)";
}

impl Store {
    /// Whether anybody has a password yet.
    pub async fn admin_has_accounts(&self, portal: &PortalId) -> Result<bool, StoreError> {
        self.read(portal.clone(), |tx, portal| {
            Box::pin(async move {
                let count = tx.first(&HAS_ACCOUNTS, &params![portal], Row::int).await?;
                Ok(count.unwrap_or_default() > 0)
            })
        })
        .await
    }

    /// The one code that is good now, until `ends_at`.
    pub async fn admin_code_put(
        &self,
        portal: &PortalId,
        digest: &str,
        ends_at: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (portal.clone(), digest.to_owned(), ends_at);
        self.write(args, |tx, (portal, digest, ends_at)| {
            Box::pin(async move {
                let values = params![portal, digest, *ends_at];
                tx.execute(&PUT_CODE, &values).await.map(drop)
            })
        })
        .await
    }

    /// Gives an account a password for a code, which is good once; who was signed in under it is no longer. False: the
    /// code is not good, and nothing was changed.
    pub async fn admin_enrol(
        &self,
        portal: &PortalId,
        code_digest: &str,
        (name, password_hash): (&str, &str),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let account = (name.to_owned(), password_hash.to_owned());
        let args = (portal.clone(), code_digest.to_owned(), account, now);
        self.write(args, |tx, (portal, digest, (name, hash), now)| {
            Box::pin(async move {
                let code = params![portal, digest, *now];
                if tx.execute(&TAKE_CODE, &code).await? == 0 {
                    return Ok(false);
                }
                let account = params![portal, name, hash, *now];
                tx.execute(&PUT_ACCOUNT, &account).await?;
                end_all(tx, portal, name).await?;
                Ok(true)
            })
        })
        .await
    }

    /// The hash of an account's password.
    pub async fn admin_password(
        &self,
        portal: &PortalId,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        self.read((portal.clone(), name.to_owned()), |tx, (portal, name)| {
            Box::pin(async move { tx.first(&PASSWORD, &params![portal, name], Row::text).await })
        })
        .await
    }

    /// Puts another password in place of `former` and ends all sessions of the account. False: it is not `former` any
    /// more.
    pub async fn admin_password_change(
        &self,
        portal: &PortalId,
        name: &str,
        (former, new): (&str, &str),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let hashes = (former.to_owned(), new.to_owned());
        let args = (portal.clone(), name.to_owned(), hashes, now);
        self.write(args, |tx, (portal, name, (former, new), now)| {
            Box::pin(async move {
                let change = params![portal, name, former, new, *now];
                if tx.execute(&CHANGE_PASSWORD, &change).await? == 0 {
                    return Ok(false);
                }
                end_all(tx, portal, name).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Begins a session; what is dead is swept away with it.
    pub async fn admin_session_begin(
        &self,
        portal: &PortalId,
        session: &AdminSession,
        alive: Alive,
    ) -> Result<(), StoreError> {
        let args = (portal.clone(), session.clone(), alive);
        self.write(args, |tx, (portal, session, alive)| {
            Box::pin(async move {
                let dead = params![portal, alive.begun_after, alive.seen_after];
                tx.execute(&END_DEAD, &dead).await?;
                let AdminSession {
                    digest,
                    account,
                    address,
                    begun_at,
                    ..
                } = session;
                let values = params![portal, digest, account, address, *begun_at];
                tx.execute(&PUT_SESSION, &values).await.map(drop)
            })
        })
        .await
    }

    /// The session of a digest, if it is alive.
    pub async fn admin_session(
        &self,
        portal: &PortalId,
        digest: &str,
        alive: Alive,
    ) -> Result<Option<AdminSession>, StoreError> {
        let args = (portal.clone(), digest.to_owned(), alive);
        self.read(args, |tx, (portal, digest, alive)| {
            Box::pin(async move {
                let ask = params![portal, digest, alive.begun_after, alive.seen_after];
                tx.first(&FIND_SESSION, &ask, read_session).await
            })
        })
        .await
    }

    /// Notes that a session was used; one that is ended stays ended.
    pub async fn admin_session_seen(
        &self,
        portal: &PortalId,
        digest: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (portal.clone(), digest.to_owned(), now);
        self.write(args, |tx, (portal, digest, now)| {
            Box::pin(async move {
                let seen = params![portal, digest, *now];
                tx.execute(&SEEN, &seen).await.map(drop)
            })
        })
        .await
    }

    /// Where an account is signed in, the newest first.
    pub async fn admin_sessions(
        &self,
        portal: &PortalId,
        account: &str,
        alive: Alive,
    ) -> Result<Vec<AdminSession>, StoreError> {
        let args = (portal.clone(), account.to_owned(), alive);
        self.read(args, |tx, (portal, account, alive)| {
            Box::pin(async move {
                let ask = params![portal, account, alive.begun_after, alive.seen_after];
                tx.list(&SESSIONS_OF, &ask, read_session).await
            })
        })
        .await
    }

    /// Ends one session of an account; another's stays.
    pub async fn admin_session_end(
        &self,
        portal: &PortalId,
        account: &str,
        digest: &str,
    ) -> Result<bool, StoreError> {
        let args = (portal.clone(), account.to_owned(), digest.to_owned());
        self.write(args, |tx, (portal, account, digest)| {
            Box::pin(async move {
                let ended = params![portal, account, digest];
                Ok(tx.execute(&END_SESSION, &ended).await? > 0)
            })
        })
        .await
    }
}

async fn end_all(tx: &mut Tx<'_>, portal: &PortalId, account: &str) -> Result<(), StoreError> {
    tx.execute(&END_SESSIONS, &params![portal, account])
        .await
        .map(drop)
}

fn read_session(row: &mut Row) -> Result<AdminSession, StoreError> {
    Ok(AdminSession {
        digest: row.text()?,
        account: row.text()?,
        address: row.text()?,
        begun_at: row.moment()?,
        seen_at: row.moment()?,
    })
}
