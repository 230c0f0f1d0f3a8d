//! What a person opens on the portal: files by their links, over plain HTTP.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::World;

/// The file of a deal's only timeline entry.
pub(crate) async fn file_of_entry(world: &World, deal: i64) -> Vec<u8> {
    let hook = &world.credentials.webhook_url;
    let url = format!(
        "{hook}crm.timeline.comment.list.json?filter[ENTITY_ID]={deal}&filter[ENTITY_TYPE]=deal&select[]=FILES&select[]=ID"
    );
    let comments: Value = serde_json::from_slice(&get(&url).await).unwrap();
    let files = &comments["result"][0]["FILES"];
    let file = match files {
        Value::Object(files) => files.values().next(),
        Value::Array(files) => files.first(),
        _ => None,
    };
    let link = file.and_then(|file| file["urlDownload"].as_str());
    let link = link.unwrap_or_else(|| panic!("no file with a link in {comments}"));
    get(link).await
}

/// The body of an answer with status 200.
async fn get(url: &str) -> Vec<u8> {
    let rest = url.strip_prefix("http://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(authority).await.unwrap();
    // HTTP/1.0: the answer comes in one piece and ends with the connection.
    let request = format!("GET /{path} HTTP/1.0\r\nHost: {authority}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    assert!(
        head.lines().next().unwrap_or_default().contains(" 200 "),
        "{url}: {head}"
    );
    answer.split_off(end + 4)
}
