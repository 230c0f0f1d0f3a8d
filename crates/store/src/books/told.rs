//! Who was told of open cases, and in which message: so that a later question with the same cause joins it.
//!
//! Not here: the cases themselves (`cases`), how people are told (`reconciler`).

use domain::{PortalId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    sql::statements,
    store::Store,
    subject::{Subject, text_set},
    value::{Row, params},
};

/// The message in which somebody was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToldIn {
    /// A bell, which another one with its tag takes the place of.
    Bell {
        /// Who was told.
        user: UserId,
        /// The number of the list; 0: a message of its own.
        list: u32,
    },
    /// A message that can be edited.
    Chat(ChatMessage),
}

/// A message in a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// The chat, or the user whose it is.
    pub dialog: String,
    /// Its id at the portal.
    pub id: String,
}

impl ToldIn {
    pub(crate) fn bell(&self) -> Option<(UserId, u32)> {
        match self {
            ToldIn::Bell { user, list } => Some((*user, *list)),
            ToldIn::Chat(_) => None,
        }
    }

    pub(crate) fn chat(&self) -> Option<&ChatMessage> {
        match self {
            ToldIn::Bell { .. } => None,
            ToldIn::Chat(message) => Some(message),
        }
    }
}

/// An open case of which somebody was told as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Its subject.
    pub subject: Subject,
    /// Its key.
    pub key: String,
    /// Its cause.
    pub cause: String,
    /// The question.
    pub text: String,
    /// Who was told.
    pub user: UserId,
    /// The number of the list; 0: a message of its own.
    pub list: u32,
    /// When.
    pub at: Timestamp,
}

/// An open case of which the administrator was told as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ToldAdministrator {
    /// Its subject.
    pub subject: Subject,
    /// Its key.
    pub key: String,
    /// Its cause.
    pub cause: String,
    /// The question.
    pub text: String,
    /// When.
    pub at: Timestamp,
    /// How many there are with its cause; not all of them are given.
    pub of: u32,
}

/// What tells a chat of a cause.
#[derive(Clone, Debug, PartialEq)]
pub struct CauseMessage {
    /// The cause.
    pub cause: String,
    /// The message's id at the portal.
    pub id: String,
    /// When it told of something last.
    pub at: Timestamp,
}

statements! {
    /// The last list of each person and cause, and what was told one by one.
    TOLD_TOGETHER =
        "WITH told AS (
             SELECT id, subject, key, cause, text, told_to, told_list, told_at FROM office_case
             WHERE portal_id = $1 AND state = 'open' AND cause IN keys($2)
                 AND told_to IS NOT NULL AND told_at >= changed_at),
         last AS (SELECT key, cause, told_to, max(told_list) AS list FROM told GROUP BY key, cause, told_to)
         SELECT told.subject, told.key, told.cause, told.text, told.told_to, told.told_list, told.told_at
         FROM told JOIN last ON last.key = told.key AND last.cause = told.cause AND last.told_to = told.told_to
             AND (told.told_list = last.list OR told.told_list = 0)
         ORDER BY told.id";
    /// The newest of each cause, as many as a message has room for.
    TOLD_ADMINISTRATOR =
        "SELECT told.subject, told.key, told.cause, told.text, told.told_at, told.of_cause FROM (
             SELECT id, subject, key, cause, text, told_at,
                 row_number() OVER (PARTITION BY cause ORDER BY id DESC) AS place,
                 count(*) OVER (PARTITION BY cause) AS of_cause
             FROM office_case
             WHERE portal_id = $1 AND state = 'open' AND cause IN keys($2)
                 AND told_to IS NULL AND told_at >= changed_at) told
         WHERE told.place <= $3 ORDER BY told.id DESC";
    /// A reminder is for its day.
    HEARD_BY =
        "SELECT DISTINCT told_to FROM office_case
         WHERE portal_id = $1 AND state = 'open' AND told_to IS NOT NULL AND told_at >= changed_at
             AND key NOT IN ('INVOICE-OVERDUE', 'INVOICE-LONG-OVERDUE')
         ORDER BY told_to";
    /// Also where the question is another since: its text is to be edited.
    CAUSE_MESSAGES =
        "SELECT cause, told_message, max(told_at) FROM office_case
         WHERE portal_id = $1 AND state = 'open' AND cause IN keys($2) AND told_dialog = $3
             AND told_message IS NOT NULL AND told_at IS NOT NULL
         GROUP BY cause, told_message ORDER BY 3, 2";
}

impl Store {
    /// Of open cases with these causes, what each person was told last: the last list, and one by one.
    pub async fn cases_told(
        &self,
        portal: &PortalId,
        causes: impl IntoIterator<Item = String>,
    ) -> Result<Vec<Told>, StoreError> {
        self.read(
            (portal.clone(), text_set(causes)),
            |tx, (portal, causes)| {
                Box::pin(async move {
                    let ask = params![portal, causes.clone()];
                    tx.list(&TOLD_TOGETHER, &ask, read_told).await
                })
            },
        )
        .await
    }

    /// Who was told by a bell of what is still open, reminders apart.
    pub async fn cases_heard_by(&self, portal: &PortalId) -> Result<Vec<UserId>, StoreError> {
        self.read(portal.clone(), |tx, portal| {
            Box::pin(async move { tx.list(&HEARD_BY, &params![portal], read_user).await })
        })
        .await
    }

    /// Of open cases with these causes, what the administrator was told of, the newest first and at most so many of each
    /// cause; and the messages of this chat that tell of them, the last one last.
    pub async fn cases_told_administrator(
        &self,
        portal: &PortalId,
        dialog: &str,
        causes: impl IntoIterator<Item = String>,
        at_most: usize,
    ) -> Result<(Vec<ToldAdministrator>, Vec<CauseMessage>), StoreError> {
        self.read(
            (portal.clone(), dialog.to_owned(), text_set(causes), at_most),
            |tx, (portal, dialog, causes, at_most)| {
                Box::pin(async move {
                    let ask = params![portal, causes.clone(), *at_most];
                    let told = tx.list(&TOLD_ADMINISTRATOR, &ask, read_administrators);
                    let told = told.await?;
                    let ask = params![portal, causes.clone(), dialog.as_str()];
                    let messages = tx.list(&CAUSE_MESSAGES, &ask, read_message).await?;
                    Ok((told, messages))
                })
            },
        )
        .await
    }
}

fn read_user(row: &mut Row) -> Result<UserId, StoreError> {
    Ok(user_of(row.int()?))
}

fn user_of(id: i64) -> UserId {
    UserId(u64::try_from(id).unwrap_or_default())
}

fn read_told(row: &mut Row) -> Result<Told, StoreError> {
    Ok(Told {
        subject: row.parsed()?,
        key: row.text()?,
        cause: row.text()?,
        text: row.text()?,
        user: user_of(row.int()?),
        list: row.count()?,
        at: row.moment()?,
    })
}

fn read_administrators(row: &mut Row) -> Result<ToldAdministrator, StoreError> {
    Ok(ToldAdministrator {
        subject: row.parsed()?,
        key: row.text()?,
        cause: row.text()?,
        text: row.text()?,
        at: row.moment()?,
        of: row.count()?,
    })
}

fn read_message(row: &mut Row) -> Result<CauseMessage, StoreError> {
    Ok(CauseMessage {
        cause: row.text()?,
        id: row.text()?,
        at: row.moment()?,
    })
}
