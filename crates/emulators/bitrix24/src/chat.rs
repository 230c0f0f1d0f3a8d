//! Notices, chats and messages: as much of the messenger as an integration speaks to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::call::{Answer, Call, Refusal};
use crate::item_methods::origin_of;
use crate::value::{Map, is_empty, members, text_of};

#[derive(Debug, Clone)]
pub(crate) struct Notice {
    pub(crate) id: i64,
    pub(crate) to: i64,
    pub(crate) from: i64,
    pub(crate) text: String,
    pub(crate) tag: String,
    pub(crate) at: Timestamp,
}

#[derive(Debug, Clone)]
pub(crate) struct Chat {
    pub(crate) title: String,
    pub(crate) owner: i64,
    pub(crate) members: Vec<i64>,
    pub(crate) made_at: Timestamp,
    /// `DEAL|25` where it belongs to a record.
    pub(crate) entity: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: i64,
    /// `chat12`, or the id of a user.
    pub(crate) dialog: String,
    pub(crate) author: i64,
    pub(crate) text: String,
    pub(crate) at: Timestamp,
    pub(crate) is_edited: bool,
}

#[derive(Debug, Default)]
pub(crate) struct ChatBook {
    pub(crate) notices: BTreeMap<i64, Notice>,
    pub(crate) chats: BTreeMap<i64, Chat>,
    pub(crate) messages: Vec<Message>,
    last_id: i64,
}

impl ChatBook {
    fn next_id(&mut self) -> i64 {
        self.last_id = self.last_id.saturating_add(1);
        self.last_id
    }

    pub(crate) fn new_chat(&mut self, chat: Chat) -> i64 {
        let id = self.next_id();
        self.chats.insert(id, chat);
        id
    }
}

const LONGEST_ATTACHMENT: usize = 60_000;

fn check_attachment(call: &Call<'_>) -> Result<bool, Refusal> {
    let attachment = call.param("ATTACH");
    if attachment.to_string().len() > LONGEST_ATTACHMENT {
        return Err(Refusal::new(
            400,
            "ATTACH_OVERSIZE",
            "You have exceeded the maximum allowable size of attach",
        ));
    }
    Ok(!is_empty(attachment))
}

/// `im.notify.system.add` and `im.notify.personal.add`: the same tag replaces the older notice.
pub(crate) fn notify(call: &mut Call<'_>) -> Answer {
    let to = call
        .int("USER_ID")
        .or_else(|| call.int("TO"))
        .filter(|id| *id > 0);
    let to = to.ok_or_else(|| Refusal::new(400, "USER_ID_EMPTY", "User ID can't be empty"))?;
    let text = call.text("MESSAGE");
    if text.is_empty() {
        return Err(Refusal::new(400, "MESSAGE_EMPTY", "Message can't be empty"));
    }
    check_attachment(call)?;
    let from_webhook = call.caller.app.is_none();
    let mut tag = call.text("TAG");
    if from_webhook && call.text("CLIENT_ID").is_empty() {
        // Without CLIENT_ID a webhook has no space for tags of its own.
        tag.clear();
    }
    if !tag.is_empty() {
        call.state
            .chat
            .notices
            .retain(|_, notice| notice.tag != tag || notice.to != to);
    }
    let id = call.state.chat.next_id();
    let from = if call.method.contains("system") {
        0
    } else {
        call.caller.user
    };
    call.state.chat.notices.insert(
        id,
        Notice {
            id,
            to,
            from,
            text: text.clone(),
            tag: tag.clone(),
            at: call.now,
        },
    );
    note(
        call,
        "notice",
        id,
        &json!({"TO": to, "TEXT": text, "TAG": tag}),
    );
    Ok(Value::from(id).into())
}

fn note(call: &mut Call<'_>, entity: &str, id: i64, record: &Value) {
    note_change(call, entity, id, None, record);
}

fn note_change(call: &mut Call<'_>, entity: &str, id: i64, before: Option<&Value>, after: &Value) {
    let origin = origin_of(call);
    let map = |record: &Value| -> Map { record.as_object().cloned().unwrap_or_default() };
    let (before, after) = (before.map(map), map(after));
    call.state
        .note_write(&origin, entity, id, before.as_ref(), Some(&after));
}

pub(crate) fn message_add(call: &mut Call<'_>) -> Answer {
    let mut dialog = call.text("DIALOG_ID");
    if dialog.is_empty() {
        dialog = match (call.int("CHAT_ID"), call.int("USER_ID")) {
            (Some(chat), _) => format!("chat{chat}"),
            (None, Some(user)) => user.to_string(),
            (None, None) => {
                return Err(Refusal::new(400, "USER_ID_EMPTY", "User ID can't be empty"));
            }
        };
    }
    let text = call.text("MESSAGE");
    if !check_attachment(call)? && text.is_empty() {
        return Err(Refusal::new(400, "MESSAGE_EMPTY", "Message can't be empty"));
    }
    check_dialog(call, &dialog)?;
    let id = call.state.chat.next_id();
    let message = Message {
        id,
        dialog: dialog.clone(),
        author: call.caller.user,
        text: text.clone(),
        at: call.now,
        is_edited: false,
    };
    call.state.chat.messages.push(message);
    note(
        call,
        "message",
        id,
        &json!({"DIALOG_ID": dialog, "TEXT": text}),
    );
    Ok(Value::from(id).into())
}

/// `im.message.update`: by its author, as long as the portal's settings allow. An empty text deletes the message, none
/// leaves it as it is.
/// <https://apidocs.bitrix24.com/api-reference/chats/messages/im-message-update.html>
pub(crate) fn message_update(call: &mut Call<'_>) -> Answer {
    let id = call.int("MESSAGE_ID").filter(|id| *id > 0);
    let id = id.ok_or_else(|| {
        let text = "Message ID can't be empty";
        Refusal::new(400, "MESSAGE_ID_ERROR", text)
    })?;
    check_attachment(call)?;
    let (now, user) = (call.now, call.caller.user);
    let lasts = call.state.config.messages_editable_seconds;
    let is_editable = |one: &&mut Message| {
        let age = now.duration_since(one.at).as_secs();
        one.id == id && one.author == user && age <= lasts
    };
    let is_named = !call.param("MESSAGE").is_null();
    let text = call.text("MESSAGE");
    let book = &mut call.state.chat;
    let Some(message) = book.messages.iter_mut().find(is_editable) else {
        let text = "Time has expired for modification or you don't have access";
        return Err(Refusal::new(403, "CANT_EDIT_MESSAGE", text));
    };
    let dialog = message.dialog.clone();
    let record = |text: &str| json!({"DIALOG_ID": dialog, "TEXT": text});
    let before = record(&message.text);
    message.is_edited = true;
    if is_named {
        message.text.clone_from(&text);
    }
    let after = record(&message.text);
    if is_named && text.is_empty() {
        book.messages.retain(|one| one.id != id);
    }
    note_change(call, "message", id, Some(&before), &after);
    Ok(Value::Bool(true).into())
}

fn check_dialog(call: &Call<'_>, dialog: &str) -> Result<(), Refusal> {
    if let Some(chat) = dialog.strip_prefix("chat") {
        let chat = chat
            .parse::<i64>()
            .ok()
            .and_then(|id| call.state.chat.chats.get(&id));
        return match chat {
            None => Err(Refusal::new(400, "CHAT_ID", "Error creating message")),
            Some(chat) if !chat.members.contains(&call.caller.user) => {
                Err(Refusal::new(403, "ACCESS_ERROR", "Action unavailable"))
            }
            Some(_) => Ok(()),
        };
    }
    match dialog
        .parse::<i64>()
        .ok()
        .and_then(|id| call.state.user(id))
    {
        Some(_) => Ok(()),
        None => Err(Refusal::new(400, "USER_NOT_FOUND", "User not found")),
    }
}

pub(crate) fn chat_add(call: &mut Call<'_>) -> Answer {
    let mut users: Vec<i64> = members(call.param("USERS"))
        .into_iter()
        .filter_map(crate::value::int_of)
        .collect();
    if !users.contains(&call.caller.user) {
        users.push(call.caller.user);
    }
    let entity = call.text("ENTITY_ID");
    let title = call.text("TITLE");
    let title = if title.is_empty() {
        "Чат".to_owned()
    } else {
        title
    };
    let id = call.state.chat.new_chat(Chat {
        title: title.clone(),
        owner: call.caller.user,
        members: users,
        made_at: call.now,
        entity: entity.clone(),
    });
    note(
        call,
        "chat",
        id,
        &json!({"TITLE": title, "ENTITY_ID": entity}),
    );
    let first = call.text("MESSAGE");
    if !first.is_empty() {
        let message = call.state.chat.next_id();
        call.state.chat.messages.push(Message {
            id: message,
            dialog: format!("chat{id}"),
            author: call.caller.user,
            text: first,
            at: call.now,
            is_edited: false,
        });
    }
    Ok(Value::from(id).into())
}

/// `im.dialog.get`. An unknown chat and one without us are told alike; in every chat here members may write.
/// <https://apidocs.bitrix24.com/api-reference/chats/im-dialog-get.html>
pub(crate) fn dialog_get(call: &mut Call<'_>) -> Answer {
    let dialog = call.text("DIALOG_ID");
    if dialog.is_empty() {
        let text = "Dialog ID can't be empty";
        return Err(Refusal::new(400, "DIALOG_ID_EMPTY", text));
    }
    check_dialog(call, &dialog).map_err(|_| {
        let text = "You do not have access to the specified dialog";
        Refusal::new(403, "ACCESS_ERROR", text)
    })?;
    let me = call.caller.user;
    let book = &call.state.chat;
    let last = book.messages.iter().rev().find(|one| one.dialog == dialog);
    let last = last.map_or(0, |message| message.id);
    let count = book.messages.iter().filter(|one| one.dialog == dialog);
    let count = count.count();
    let id: Option<i64> = dialog.strip_prefix("chat").and_then(|id| id.parse().ok());
    let chat = id.and_then(|id| book.chats.get(&id));
    let (name, owner, members, entity, at) = match chat {
        Some(chat) => (
            chat.title.clone(),
            chat.owner,
            chat.members.len(),
            chat.entity.clone(),
            Some(chat.made_at),
        ),
        None => {
            let with = dialog.parse().ok().and_then(|id| call.state.user(id));
            let name = with.map(|user| format!("{} {}", user.name, user.last_name));
            (name.unwrap_or_default(), 0, 2, String::new(), None)
        }
    };
    let made_at = at.map(|at| call.state.zone.moment(at.as_second()));
    let is_chat = chat.is_some();
    Ok(json!({
        "id": id.unwrap_or(0), "parent_chat_id": 0, "parent_message_id": 0, "name": name, "description": "", "owner": owner,
        "extranet": false, "avatar": "", "color": "#f76187", "type": if is_chat { "chat" } else { "private" },
        "counter": 0, "user_counter": members, "message_count": count, "unread_id": 0,
        "restrictions": {
            "avatar": is_chat, "rename": is_chat, "extend": true, "call": true, "mute": true, "leave": is_chat,
            "leave_owner": is_chat, "send": true, "user_list": true, "path": "", "path_title": "",
        },
        "last_message_id": last, "last_id": last, "marked_id": 0, "disk_folder_id": 0,
        "entity_type": if entity.is_empty() { "" } else { "CRM" }, "entity_id": entity,
        "entity_data_1": "", "entity_data_2": "", "entity_data_3": "", "mute_list": [], "date_create": made_at,
        "message_type": if is_chat { "C" } else { "P" }, "public": "",
        "role": if owner == me { "owner" } else { "member" }, "text_field_enabled": true, "background_id": null,
        "permissions": {
            "manage_users_add": "member", "manage_users_delete": "manager", "manage_ui": "member",
            "manage_settings": "owner", "manage_messages": "member", "can_post": "member",
        },
        "is_new": false, "readed_list": [], "manager_list": if is_chat { json!([owner]) } else { json!([]) },
        "last_message_views": {"message_id": last, "first_viewers": [], "count_of_viewers": 0}, "dialog_id": dialog,
    })
    .into())
}

/// `im.user.get`: of the caller where no id is named.
/// <https://apidocs.bitrix24.com/api-reference/chats/users/im-user-get.html>
pub(crate) fn user_get(call: &mut Call<'_>) -> Answer {
    let id = if is_empty(call.param("ID")) {
        call.caller.user
    } else {
        call.int("ID").unwrap_or(0)
    };
    if id <= 0 {
        return Err(Refusal::new(400, "ID_EMPTY", "User ID can't be empty"));
    }
    let user = call.state.user(id);
    let user = user.ok_or_else(|| Refusal::new(400, "USER_NOT_EXISTS", "User does not exist"))?;
    let name = format!("{} {}", user.name, user.last_name);
    Ok(json!({
        "id": user.id, "active": user.active, "name": name, "first_name": user.name, "last_name": user.last_name,
        "work_position": user.position, "color": "#048bd0", "avatar": "", "avatar_hr": "", "gender": "M", "birthday": "",
        "extranet": user.extranet, "network": false, "bot": false, "connector": false, "external_auth_id": "default",
        "status": "online", "idle": false, "last_activity_date": false, "mobile_last_date": false,
        "desktop_last_date": false, "absent": false, "departments": [1], "phones": false, "website": "",
        "email": user.email, "bot_data": null, "type": "user",
    })
    .into())
}

/// `im.dialog.messages.get`: the newest first.
pub(crate) fn messages_get(call: &mut Call<'_>) -> Answer {
    let dialog = call.text("DIALOG_ID");
    check_dialog(call, &dialog)?;
    let limit = usize::try_from(call.int("LIMIT").unwrap_or(20).clamp(1, 50)).unwrap_or(20);
    let before = call.int("LAST_ID").filter(|id| *id > 0);
    let after = call.int("FIRST_ID").filter(|id| *id > 0);
    let book = &call.state.chat;
    let chat_id: i64 = dialog
        .strip_prefix("chat")
        .and_then(|id| id.parse().ok())
        .unwrap_or(0);
    let found = book.messages.iter().rev().filter(|message| {
        message.dialog == dialog
            && before.is_none_or(|id| message.id < id)
            && after.is_none_or(|id| message.id > id)
    });
    let found: Vec<&Message> = found.take(limit).collect();
    let shown: Vec<Value> = found
        .iter()
        .map(|message| {
            json!({"id": message.id, "chat_id": chat_id, "author_id": message.author, "date": call.state.zone.moment(message.at.as_second()), "text": message.text, "unread": false, "uuid": null, "replaces": [], "params": [], "disappearing_date": null})
        })
        .collect();
    let mut authors: Vec<i64> = found.iter().map(|message| message.author).collect();
    authors.sort_unstable();
    authors.dedup();
    let users: Vec<Value> = authors
        .into_iter()
        .filter_map(|id| call.state.user(id))
        .map(|user| json!({"id": user.id, "active": user.active, "name": format!("{} {}", user.name, user.last_name), "first_name": user.name, "last_name": user.last_name, "work_position": user.position}))
        .collect();
    Ok(json!({"chat_id": chat_id, "messages": shown, "users": users, "files": []}).into())
}

/// The messages that a deal's page shows: chats bound to it.
pub(crate) fn of_deal(book: &ChatBook, deal: i64) -> Vec<&Message> {
    let entity = format!("DEAL|{deal}");
    let bound: Vec<String> = book
        .chats
        .iter()
        .filter(|(_, chat)| chat.entity == entity)
        .map(|(id, _)| format!("chat{id}"))
        .collect();
    book.messages
        .iter()
        .filter(|message| bound.contains(&message.dialog))
        .collect()
}

pub(crate) fn chat_title(book: &ChatBook, dialog: &str) -> String {
    let id: Option<i64> = dialog.strip_prefix("chat").and_then(|id| id.parse().ok());
    id.and_then(|id| book.chats.get(&id))
        .map_or_else(|| text_of(&Value::from(dialog)), |chat| chat.title.clone())
}
