//! Which addresses may be called: named hosts over TLS, and loopback only in development.
//!
//! The list comes from configuration and from verified portals, never from an event.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use url::{Host, Url};

/// Why an address is not called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not on the list.
    #[error("host `{0}` is not on the list of remotes")]
    Unknown(String),
    /// Plain HTTP to something else than loopback in development.
    #[error(
        "plain HTTP to `{0}` is refused: only loopback in development may be called without TLS"
    )]
    Plain(String),
    /// The name leads to a private address.
    #[error("host `{0}` leads to a private address")]
    Private(String),
}

/// The hosts that may be called. Cheap to clone; hosts of newly connected portals are added at run time.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    hosts: Arc<RwLock<Vec<String>>>,
    development: bool,
}

impl Allowed {
    /// `development` allows loopback, also without TLS.
    pub fn new(hosts: impl IntoIterator<Item = String>, development: bool) -> Self {
        Self {
            hosts: Arc::new(RwLock::new(
                hosts.into_iter().map(|host| host.to_lowercase()).collect(),
            )),
            development,
        }
    }

    /// Adds the host of a verified portal.
    pub fn add(&self, host: &str) {
        let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        let host = host.to_lowercase();
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }

    /// Judges an address before anything is resolved.
    ///
    /// # Errors
    /// Says which rule refuses it.
    pub fn judge(&self, url: &Url) -> Result<(), Refused> {
        let host = url.host_str().unwrap_or_default().to_lowercase();
        let loopback = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
            None => false,
        };
        if loopback && self.development {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err(Refused::Plain(host));
        }
        let listed = self
            .hosts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&host);
        if listed {
            Ok(())
        } else {
            Err(Refused::Unknown(host))
        }
    }

    /// Drops resolved addresses that no public remote has, so that a name cannot be bent inwards.
    pub(crate) fn public(
        &self,
        host: &str,
        addresses: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Refused> {
        let fit: Vec<SocketAddr> = addresses
            .into_iter()
            .filter(|address| {
                is_public(address.ip()) || (self.development && address.ip().is_loopback())
            })
            .collect();
        if fit.is_empty() {
            return Err(Refused::Private(host.to_owned()));
        }
        Ok(fit)
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || v4.is_documentation()
                || shared
                || a == 0
                || a >= 240)
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public(IpAddr::V4(v4)),
            None => {
                let first = v6.segments().first().copied().unwrap_or_default();
                let unique_local = first & 0xfe00 == 0xfc00;
                let link_local = first & 0xffc0 == 0xfe80;
                !(v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || unique_local
                    || link_local)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowed, is_public};
    use url::Url;

    fn judged(allowed: &Allowed, url: &str) -> Result<(), String> {
        allowed
            .judge(&Url::parse(url).unwrap())
            .map_err(|refused| refused.to_string())
    }

    #[test]
    fn only_listed_hosts_over_tls_are_called() {
        let allowed = Allowed::new(["Portal.bitrix24.ru".to_owned()], false);
        assert_eq!(judged(&allowed, "https://portal.bitrix24.ru/rest/"), Ok(()));
        for url in [
            "http://portal.bitrix24.ru/",
            "https://evil.example/",
            "https://127.0.0.1/",
            "http://localhost/",
            "https://portal.bitrix24.ru.evil.example/",
        ] {
            assert!(judged(&allowed, url).is_err(), "{url}");
        }
    }

    #[test]
    fn development_opens_loopback_and_nothing_else() {
        let allowed = Allowed::new([], true);
        assert_eq!(judged(&allowed, "http://127.0.0.1:8080/"), Ok(()));
        assert_eq!(judged(&allowed, "http://[::1]:8080/"), Ok(()));
        assert!(judged(&allowed, "http://10.0.0.1/").is_err());
        assert!(judged(&allowed, "http://169.254.169.254/").is_err());
    }

    #[test]
    fn inward_addresses_are_not_public() {
        for inward in [
            "10.1.2.3",
            "127.0.0.1",
            "169.254.169.254",
            "192.168.1.1",
            "172.16.0.1",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fc00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!is_public(inward.parse().unwrap()), "{inward}");
        }
        assert!(is_public("77.88.8.8".parse().unwrap()));
        assert!(is_public("2a02:6b8::2".parse().unwrap()));
    }
}
