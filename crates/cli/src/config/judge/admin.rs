//! What people have to do with: the pages, on this machine alone or to others by a name and over TLS, and the folders
//! of statements and of papers.

use std::net::SocketAddr;
use std::path::PathBuf;

use url::{Origin, Url};

use super::{Faults, fault};
use crate::config::{Admin, Raw, Server};

/// The checked section `[admin]`; none: no pages.
pub(super) fn judge(raw: &Raw, server: Option<&Server>, faults: &mut Faults) -> Option<Admin> {
    let public_origin = public_origin(&raw.admin.public_url, faults);
    if raw.admin.listen.is_empty() {
        return None;
    }
    let Ok(listen) = raw.admin.listen.parse::<SocketAddr>() else {
        fault(
            faults,
            "admin.listen",
            format!("`{}` is no address with a port", raw.admin.listen),
            "write for example `127.0.0.1:8081`, or nothing to serve no pages",
        );
        return None;
    };
    let is_open = !listen.ip().is_loopback();
    let has_tls = server
        .is_some_and(|server| server.tls.is_some() || !server.guard.trusted_proxies.is_empty());
    if is_open && raw.development {
        fault(
            faults,
            "admin.listen",
            "is open to others, and `development = true` switches guards off",
            "listen on 127.0.0.1, or remove `development`",
        );
    } else if is_open && (!has_tls || raw.admin.public_url.is_empty()) {
        fault(
            faults,
            "admin.listen",
            "is open to others without TLS or without a name: passwords would go in the clear, or to whoever names himself",
            "set `admin.public_url`, and TLS by `server.tls_certificate_file` and `server.tls_key_file` or a proxy in \
             `server.trusted_proxies`; or listen on 127.0.0.1",
        );
    }
    if server.is_some_and(|server| server.listen == listen && listen.port() != 0) {
        fault(
            faults,
            "admin.listen",
            "is where events are heard",
            "give the pages a port of their own: what the portal reaches from outside never shows them",
        );
    }
    Some(Admin {
        listen,
        public_origin,
    })
}

/// The folder of statements, and that of layouts and pictures; none: nobody drops any, and no policy names any.
pub(super) fn folders(raw: &Raw, faults: &mut Faults) -> (Option<PathBuf>, Option<PathBuf>) {
    let statements = "make it, writable for the program: it moves the files that it read";
    let papers = "make it, readable for the program, or name none";
    (
        folder(
            "statements.folder",
            &raw.statements.folder,
            statements,
            faults,
        ),
        folder("papers.folder", &raw.papers.folder, papers, faults),
    )
}

fn folder(key: &str, named: &str, remedy: &str, faults: &mut Faults) -> Option<PathBuf> {
    let folder = Some(named).filter(|folder| !folder.is_empty());
    let folder = folder.map(PathBuf::from)?;
    if !folder.is_dir() {
        let what = format!("`{}` is no folder", folder.display());
        fault(faults, key, what, remedy);
    }
    Some(folder)
}

fn public_origin(text: &str, faults: &mut Faults) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let url = Url::parse(text).ok();
    let url =
        url.filter(|url| url.scheme() == "https" && url.path() == "/" && url.query().is_none());
    match url.map(|url| url.origin()) {
        Some(origin @ Origin::Tuple(..)) => Some(origin.ascii_serialization()),
        _ => {
            fault(
                faults,
                "admin.public_url",
                format!("`{text}` is not `https://` and a host alone"),
                "write for example `https://provodka.office.example`; behind a proxy the pages need a host of their own",
            );
            None
        }
    }
}
