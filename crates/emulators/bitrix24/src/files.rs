//! Stored files: custom fields of items, attachments of comments, and their download addresses.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::value::{Map, int_of, is_empty, members};

#[derive(Debug, Clone)]
pub(crate) struct StoredFile {
    pub(crate) name: String,
    pub(crate) content: Bytes,
}

#[derive(Debug, Default)]
pub(crate) struct FileBook {
    files: BTreeMap<i64, StoredFile>,
    last: i64,
}

impl FileBook {
    pub(crate) fn get(&self, id: i64) -> Option<&StoredFile> {
        self.files.get(&id)
    }

    pub(crate) fn store(&mut self, name: &str, content: Bytes) -> i64 {
        self.last = self.last.saturating_add(1).max(30_001);
        self.files.insert(
            self.last,
            StoredFile {
                name: name.to_owned(),
                content,
            },
        );
        self.last
    }

    /// Reads a written file field: `[name, base64]`, `{id}` to keep one, `{fileData: […]}` of the
    /// older methods. A multiple field is set by the request as a whole. `None` where it is none
    /// of these.
    ///
    /// <https://apidocs.bitrix24.com/api-reference/files/how-to-update-files.html>
    pub(crate) fn accept(
        &mut self,
        before: &Value,
        written: &Value,
        multiple: bool,
    ) -> Option<Value> {
        if is_empty(written) {
            return Some(if multiple { json!([]) } else { Value::Null });
        }
        if !multiple {
            return self.accept_one(before, written);
        }
        if is_pair(written) {
            // A pair where a list of pairs is meant: two strings that are no files.
            return None;
        }
        let ids: Option<Vec<Value>> = members(written)
            .into_iter()
            .filter(|item| !is_empty(item))
            .map(|item| self.accept_one(before, item))
            .collect();
        ids.map(Value::Array)
    }

    fn accept_one(&mut self, before: &Value, written: &Value) -> Option<Value> {
        if let Some(id) = written
            .get("id")
            .or_else(|| written.get("ID"))
            .and_then(int_of)
            .or_else(|| int_of(written))
        {
            let is_present = members(before)
                .into_iter()
                .any(|present| int_of(present) == Some(id));
            return is_present.then(|| id.into());
        }
        let pair = written.get("fileData").unwrap_or(written);
        let (name, content) = read_pair(pair)?;
        Some(self.store(&name, content).into())
    }

    /// Files that a record no longer names are gone.
    pub(crate) fn drop_replaced(&mut self, before: &Map, after: &Map) {
        for (name, old) in before {
            if !name.starts_with("UF_") {
                continue;
            }
            let kept: Vec<i64> = after
                .get(name)
                .map(members)
                .unwrap_or_default()
                .into_iter()
                .filter_map(int_of)
                .collect();
            for id in members(old).into_iter().filter_map(|value| value.as_i64()) {
                if !kept.contains(&id) {
                    self.files.remove(&id);
                }
            }
        }
    }
}

fn is_pair(value: &Value) -> bool {
    members(value).len() == 2 && members(value).iter().all(|part| part.is_string())
}

/// `[name, base64]`.
pub(crate) fn read_pair(value: &Value) -> Option<(String, Bytes)> {
    let parts = members(value);
    let [name, content] = parts.as_slice() else {
        return None;
    };
    let (Value::String(name), Value::String(content)) = (name, content) else {
        return None;
    };
    let packed: String = content
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    Some((name.clone(), Bytes::from(STANDARD.decode(packed).ok()?)))
}

/// What a file field of an item reads as.
pub(crate) fn described(
    base_url: &str,
    endpoint: &str,
    token: Option<&str>,
    owner: &Owner<'_>,
    id: i64,
) -> Value {
    let Owner {
        entity_type_id,
        item,
        field,
    } = owner;
    let query = format!("entityTypeId={entity_type_id}&id={item}&fieldName={field}&fileId={id}");
    let auth = token
        .map(|token| format!("auth={token}&"))
        .unwrap_or_default();
    json!({
        "id": id,
        "url": format!("{base_url}/bitrix/services/main/ajax.php?action=crm.controller.item.getFile&SITE_ID=s1&{query}"),
        "urlMachine": format!("{endpoint}crm.controller.item.getFile/?{auth}token={}", signed(&query)),
    })
}

/// Whose file it is.
pub(crate) struct Owner<'a> {
    pub(crate) entity_type_id: i64,
    pub(crate) item: i64,
    pub(crate) field: &'a str,
}

/// `crm|{what}|{signature}`, percent-encoded.
fn signed(what: &str) -> String {
    let token = format!("crm|{}|{}", STANDARD.encode(what), signature(what));
    utf8_percent_encode(&token, NON_ALPHANUMERIC).to_string()
}

fn signature(what: &str) -> String {
    STANDARD.encode(Sha256::digest(format!("portal:{what}")))
}

/// The file id within a token that we signed.
pub(crate) fn id_in_token(token: &str) -> Option<i64> {
    let mut parts = token.splitn(3, '|');
    let (_, packed, given) = (parts.next()?, parts.next()?, parts.next()?);
    let what = String::from_utf8(STANDARD.decode(packed).ok()?).ok()?;
    if signature(&what) != given {
        return None;
    }
    int_of(crate::params::read_query(&what).get("fileId")?)
}

/// What a comment's attachment reads as.
pub(crate) fn attachment(
    base_url: &str,
    id: i64,
    file: &StoredFile,
    date: &str,
    author: i64,
    author_name: &str,
) -> Value {
    let name = utf8_percent_encode(&file.name, NON_ALPHANUMERIC).to_string();
    let is_image = matches!(
        extension(&file.name).as_str(),
        "png" | "jpg" | "jpeg" | "gif" | "webp"
    );
    json!({
        "id": id,
        "date": date,
        "type": if is_image { "image" } else { "file" },
        "name": file.name,
        "size": file.content.len(),
        "authorId": author,
        "authorName": author_name,
        "urlPreview": format!("{base_url}/disk/showFile/{id}/?&ncc=1&filename={name}"),
        "urlShow": format!("{base_url}/disk/showFile/{id}/?&ncc=1&filename={name}"),
        "urlDownload": format!("{base_url}/disk/downloadFile/{id}/?&ncc=1&filename={name}"),
    })
}

pub(crate) fn content_type(name: &str) -> &'static str {
    match extension(name).as_str() {
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn extension(name: &str) -> String {
    name.rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase())
        .unwrap_or_default()
}

/// File ids of a record's field.
pub(crate) fn ids(value: Option<&Value>) -> Vec<i64> {
    value
        .map(members)
        .unwrap_or_default()
        .into_iter()
        .filter_map(int_of)
        .collect()
}
