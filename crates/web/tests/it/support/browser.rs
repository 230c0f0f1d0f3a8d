//! A browser as far as the pages need one: it keeps cookies, fills forms in, and says where a form was sent from.

use std::collections::BTreeMap;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer, whole.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// With plain blanks in sums.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).replace(['\u{a0}', '\u{202f}'], " ")
    }

    pub(crate) fn leads_to(&self) -> &str {
        self.header("location").unwrap_or("")
    }
}

/// One person at one machine.
pub(crate) struct Browser {
    server: std::net::SocketAddr,
    pub(crate) host: String,
    pub(crate) more: Vec<(String, String)>,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new(server: std::net::SocketAddr) -> Self {
        Self {
            server,
            host: server.to_string(),
            more: Vec::new(),
            cookies: BTreeMap::new(),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], b"").await
    }

    /// A form of ours, sent from our page.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(path, fields, &[("sec-fetch-site", "same-origin")])
            .await
    }

    pub(crate) async fn post_from(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/x-www-form-urlencoded"));
        self.send("POST", path, &headers, body.as_bytes()).await
    }

    /// A form with its token and a file, as a browser sends one.
    pub(crate) async fn bring(&mut self, token: &str, name: &str, file: &[u8]) -> Answer {
        let name = name.replace('"', "%22");
        let mut body = format!(
            "--limit\r\ncontent-disposition: form-data; name=\"form_token\"\r\n\r\n{token}\r\n--limit\r\n\
             content-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: text/plain\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n--limit--\r\n");
        let headers = [
            ("sec-fetch-site", "same-origin"),
            ("content-type", "multipart/form-data; boundary=limit"),
        ];
        self.send("POST", "/money/statements", &headers, &body)
            .await
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
            self.host
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        for (name, value) in &self.more {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            head.push_str(&format!("cookie: {}\r\n", cookies.join("; ")));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let mut connection = TcpStream::connect(self.server).await.unwrap();
        connection.write_all(head.as_bytes()).await.unwrap();
        // A server that has heard enough may close before all is sent.
        let _sent = connection.write_all(body).await;
        let mut read = Vec::new();
        let _closed = connection.read_to_end(&mut read).await;
        let answer = parsed(&read);
        self.keep_cookies(&answer);
        answer
    }

    /// The answer to who only says that so much will come.
    pub(crate) async fn too_large(&mut self, path: &str, length: usize) -> Answer {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nsec-fetch-site: same-origin\r\ncookie: {}\r\n\
             content-type: multipart/form-data; boundary=limit\r\ncontent-length: {length}\r\n\r\n",
            self.host,
            cookies.join("; ")
        );
        let mut connection = TcpStream::connect(self.server).await.unwrap();
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut read = Vec::new();
        let _closed = connection.read_to_end(&mut read).await;
        parsed(&read)
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        for (_, cookie) in answer
            .headers
            .iter()
            .filter(|(name, _)| name == "set-cookie")
        {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// The token that the forms of a page carry.
    pub(crate) async fn token(&mut self, path: &str) -> String {
        let page = self.get(path).await.text();
        let (_, after) = page
            .split_once("name=\"form_token\" value=\"")
            .unwrap_or_else(|| panic!("no form: {page}"));
        after.split('"').next().unwrap().to_owned()
    }
}

fn parsed(read: &[u8]) -> Answer {
    let end = read
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a head");
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    Answer {
        status,
        headers: headers
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
        bytes: read[end + 4..].to_vec(),
    }
}
