//! Whether a chat or a user can be written to, found out without writing: for `setup`, before the name of a dialog
//! is kept. Not here: the writing (`write.rs`).

use capability::{Call, ConnectorError};
use domain::Verdict;
use serde_json::json;

use crate::command::Command;
use crate::connection::Bitrix24;
use crate::error::{Effect, other_shape};
use crate::wire;

/// What became of a dialog's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressee {
    /// The technical user may write there.
    Open,
    /// There is no such chat, or the technical user is no member: the portal does not tell which.
    Closed,
    /// A chat in which only others may write.
    ReadOnly,
    /// There is no such user.
    NoUser,
    /// A user who was dismissed.
    Dismissed,
    /// No name of a dialog: neither `chat12`, `sg12` nor a user's id.
    Misspelt,
}

impl Bitrix24 {
    /// Looks at a dialog: `chat12`, `sg12` (a group's chat) or a user's id. One reading request; nobody sees it.
    ///
    /// # Errors
    /// When the portal does not answer, or the scope `im` is missing.
    pub async fn addressee(
        &self,
        call: &Call<'_>,
        dialog: &str,
    ) -> Result<Addressee, ConnectorError> {
        let chat = dialog
            .strip_prefix("chat")
            .or_else(|| dialog.strip_prefix("sg"));
        match (number(chat.unwrap_or(dialog)), chat.is_some()) {
            (None, _) => Ok(Addressee::Misspelt),
            (Some(_), true) => self.chat(call, dialog).await,
            (Some(id), false) => self.user(call, id).await,
        }
    }

    async fn chat(&self, call: &Call<'_>, dialog: &str) -> Result<Addressee, ConnectorError> {
        let get = Command::new("im.dialog.get", json!({ "DIALOG_ID": dialog }));
        match self.client().call(call, &get, Effect::Read).await {
            Ok(answer) => wire::read::<wire::Dialog>(answer, "dialog")
                .map(|dialog| writable(&dialog))
                .map_err(|shape| other_shape(Effect::Read, get.method, shape.to_string())),
            Err(error) if is_refusal(&error, "access_error") => Ok(Addressee::Closed),
            Err(error) => Err(error),
        }
    }

    async fn user(&self, call: &Call<'_>, id: u64) -> Result<Addressee, ConnectorError> {
        let get = Command::new("im.user.get", json!({ "ID": id }));
        match self.client().call(call, &get, Effect::Read).await {
            Ok(answer) => wire::read::<wire::Recipient>(answer, "user")
                .map(|user| match user.active.0 {
                    true => Addressee::Open,
                    false => Addressee::Dismissed,
                })
                .map_err(|shape| other_shape(Effect::Read, get.method, shape.to_string())),
            Err(error)
                if is_refusal(&error, "user_not_exists") || is_refusal(&error, "id_empty") =>
            {
                Ok(Addressee::NoUser)
            }
            Err(error) => Err(error),
        }
    }
}

fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| plain && *id > 0)
}

fn is_refusal(error: &ConnectorError, code: &str) -> bool {
    error.verdict == Verdict::Reject && error.code == code
}

/// By the chat's own words; one that tells nothing is taken as open, for the first message will show it.
fn writable(dialog: &wire::Dialog) -> Addressee {
    let may_send = dialog.restrictions.pointer("/send") != Some(&json!(false));
    let role = dialog.role.0.as_str();
    let may_post = match dialog
        .permissions
        .pointer("/can_post")
        .and_then(|who| who.as_str())
    {
        Some("owner") => role == "owner",
        Some("manager") => matches!(role, "owner" | "manager"),
        Some("none") => false,
        Some(_) | None => true,
    };
    if may_send && may_post {
        Addressee::Open
    } else {
        Addressee::ReadOnly
    }
}
