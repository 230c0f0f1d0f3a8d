//! The portal's address: what the limits are counted for, and where a renamed portal may have gone; pure.

use capability::ConnectorError;
use domain::Verdict;
use url::Url;

use crate::error::failed;

/// The account of the limits: host and port, never the path, which may hold a secret.
pub(crate) fn account(endpoint: &Url) -> String {
    let host = endpoint.host_str().unwrap_or_default();
    endpoint
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Our path at the redirect's host. Followed only inside the vendor's own domain, so that a
/// token never leaves it; anything else a person must enter.
pub(crate) fn moved_to(old: &Url, to: &Url, method: &str) -> Result<Url, ConnectorError> {
    let refused = |words: &str| {
        tracing::warn!(
            from = old.host_str(),
            to = to.host_str(),
            "a redirect was not followed"
        );
        failed(Verdict::Reauthorize, method, "moved", words)
    };
    let mut address = old.clone();
    let ours = parent(old).is_some() && parent(old) == parent(to);
    let (Some(host), true) = (to.host_str(), ours && to.scheme() == old.scheme()) else {
        return Err(refused(
            "the portal redirects to an address outside its domain",
        ));
    };
    address
        .set_host(Some(host))
        .map_err(|_| refused("the new address is wrong"))?;
    address
        .set_port(to.port())
        .map_err(|()| refused("the new address is wrong"))?;
    Ok(address)
}

/// What stands behind the first label of a host: `bitrix24.ru`. Loopback is its own domain.
fn parent(url: &Url) -> Option<String> {
    match url.host()? {
        url::Host::Domain("localhost") => Some("loopback".to_owned()),
        url::Host::Domain(name) => name
            .split_once('.')
            .filter(|(_, rest)| rest.contains('.'))
            .map(|(_, rest)| rest.to_lowercase()),
        url::Host::Ipv4(address) => address.is_loopback().then(|| "loopback".to_owned()),
        url::Host::Ipv6(address) => address.is_loopback().then(|| "loopback".to_owned()),
    }
}
