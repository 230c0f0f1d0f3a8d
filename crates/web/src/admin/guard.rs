//! What is judged of every request for a page before anything else: by which address it came, and that what changes
//! something was ordered on a page of ours.
//!
//! A browser tells where a request was made (`Sec-Fetch-Site`, `Origin`). The name in `Host` must be one by which the
//! pages may be opened: otherwise a foreign name that is pointed at this machine would be let in as ours.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{HOST, ORIGIN, STRICT_TRANSPORT_SECURITY};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::{Admin, Pages, answer};

/// For a year; only said over TLS.
const ALWAYS_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// How a request came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// Over TLS, ours or a proxy's.
    pub(super) secure: bool,
    /// What our own pages are called in this browser.
    pub(super) origin: String,
    /// The address that asks.
    pub(super) client: IpAddr,
}

/// Lets through what is ours.
pub(super) async fn judge(
    State(admin): State<Arc<Admin>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(way) = way(&admin.pages, peer.ip(), request.headers()) else {
        let title = "Страницы открываются не по этому адресу";
        let text = "По какому — сказано в настройке admin.public_url; на самой машине — по http://127.0.0.1.";
        return answer::message(StatusCode::MISDIRECTED_REQUEST, title, text);
    };
    let changes = ![Method::GET, Method::HEAD].contains(request.method());
    if changes && !is_ordered_here(request.headers(), &way.origin) {
        tracing::warn!(client = %way.client, "an order to the pages that was not made on them");
        let text =
            "Так бывает, когда кнопку нажала чужая страница. Откройте раздел заново и повторите.";
        return answer::message(
            StatusCode::FORBIDDEN,
            "Запрос пришёл не с этой страницы",
            text,
        );
    }
    let secure = way.secure;
    request.extensions_mut().insert(way);
    let mut response = next.run(request).await;
    if secure {
        response
            .headers_mut()
            .insert(STRICT_TRANSPORT_SECURITY, ALWAYS_TLS);
    }
    response
}

fn way(pages: &Pages, peer: IpAddr, headers: &HeaderMap) -> Option<Way> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?.to_ascii_lowercase();
    if hosts.next().is_some() {
        return None;
    }
    let client = pages.guard.client(peer, headers);
    let way = |scheme: &str| Way {
        secure: scheme == "https",
        origin: format!("{scheme}://{host}"),
        client,
    };
    if let Some(public) = &pages.public_origin
        && public
            .split_once("://")
            .is_some_and(|(_, named)| named == host)
    {
        return Some(way("https"));
    }
    let of_this_machine = peer.to_canonical().is_loopback() && is_loopback_name(&host);
    match (pages.tls, of_this_machine, &pages.public_origin) {
        // Whoever is shown another name than the certificate's is warned by the browser.
        (true, true, _) | (true, false, None) => Some(way("https")),
        (false, true, _) => Some(way("http")),
        (_, false, _) => None,
    }
}

/// `localhost`, `127.0.0.1:8081`, `[::1]:8081`.
fn is_loopback_name(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Both where the browser says both, one of them at least: an order that tells nothing of itself is refused.
fn is_ordered_here(headers: &HeaderMap, origin: &str) -> bool {
    let said = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let site = said("sec-fetch-site").map(|site| site == "same-origin");
    let from = said(ORIGIN.as_str()).map(|from| from.eq_ignore_ascii_case(origin));
    match (site, from) {
        (None, None) => false,
        (site, from) => site.unwrap_or(true) && from.unwrap_or(true),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_loopback_name, is_ordered_here};
    use http::{HeaderMap, HeaderName, HeaderValue};

    #[test]
    fn names_of_this_machine_are_known_and_no_others() {
        for (host, ours) in [
            ("localhost", true),
            ("localhost:8081", true),
            ("127.0.0.1", true),
            ("127.0.0.1:8081", true),
            ("[::1]", true),
            ("[::1]:8081", true),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example:8081", false),
            ("evil.example", false),
            ("192.0.2.1:8081", false),
            ("localhost:evil", false),
            ("", false),
        ] {
            assert_eq!(is_loopback_name(host), ours, "{host}");
        }
    }

    #[test]
    fn an_order_is_made_on_a_page_of_ours_or_refused() {
        let own = "http://127.0.0.1:8081";
        for (headers, ours) in [
            (&[][..], false),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("origin", own)], true),
            (&[("sec-fetch-site", "same-origin"), ("origin", own)], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "null")], false),
            (&[("origin", "http://127.0.0.1:8082")], false),
            (
                &[
                    ("sec-fetch-site", "same-origin"),
                    ("origin", "http://evil.example"),
                ],
                false,
            ),
            (&[("sec-fetch-site", "cross-site"), ("origin", own)], false),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                );
            }
            assert_eq!(is_ordered_here(&map, own), ours, "{headers:?}");
        }
    }
}
