//! Who is calling, and whether they may: the client's address and the lists of source addresses.
//!
//! `X-Forwarded-For` is believed only from named proxies and counted from the right: everything to the left
//! of the first address that is no proxy of ours was written by the caller.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

/// Who may speak to us.
#[derive(Clone, Debug, Default)]
pub struct GuardConfig {
    /// Proxies in front of us, whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Source addresses of the portal's events.
    pub bitrix24: SourceList,
}

/// Known source addresses of a remote.
#[derive(Clone, Debug, Default)]
pub struct SourceList {
    /// The addresses.
    pub networks: Vec<IpNet>,
    /// What happens to others.
    pub sources: Sources,
}

/// What happens to a caller that is not on the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sources {
    /// Logged and let in: a list that is out of date must not lose events.
    #[default]
    Observe,
    /// Refused.
    Enforce,
}

impl GuardConfig {
    /// The address that called us, behind as many of our proxies as there are.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = canonical(peer);
        if !self.is_proxy(client) {
            return client;
        }
        let lines: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .map(|line| line.to_str().unwrap_or(""))
            .collect();
        for hop in lines.join(",").rsplit(',') {
            // Something that is no address ends the chain: what is left of it cannot be trusted.
            let Some(address) = address(hop.trim()) else {
                return client;
            };
            client = address;
            if !self.is_proxy(client) {
                return client;
            }
        }
        client
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies
            .iter()
            .any(|network| network.contains(&address))
    }
}

impl SourceList {
    /// Whether a caller may come in. An empty list knows nobody and keeps nobody out.
    pub fn admits(&self, client: IpAddr) -> bool {
        if self.networks.is_empty() || self.networks.iter().any(|one| one.contains(&client)) {
            return true;
        }
        tracing::warn!(%client, enforced = self.sources == Sources::Enforce, "event from an address that is not on the list");
        self.sources == Sources::Observe
    }
}

fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(canonical)
}

fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::{GuardConfig, SourceList, Sources};
    use http::{HeaderMap, HeaderValue};
    use std::net::IpAddr;

    fn client(peer: &str, lines: &[&str]) -> String {
        let guard = GuardConfig {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
            ..GuardConfig::default()
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
        }
        guard.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn forwarded_headers_count_from_the_right_and_only_behind_our_proxies() {
        for (peer, lines, expected) in [
            ("203.0.113.7", &["1.2.3.4"][..], "203.0.113.7"),
            ("10.0.0.1", &["1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &["9.9.9.9, 1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &["9.9.9.9, 1.2.3.4, 10.0.0.2"], "1.2.3.4"),
            ("10.0.0.1", &["9.9.9.9", "1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &["1.2.3.4, garbage"], "10.0.0.1"),
            ("10.0.0.1", &["1.2.3.4:80"], "10.0.0.1"),
            ("10.0.0.1", &["unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("::ffff:10.0.0.1", &["::ffff:1.2.3.4"], "1.2.3.4"),
            ("fd00::1", &["2001:db8::7"], "2001:db8::7"),
        ] {
            assert_eq!(client(peer, lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn a_list_refuses_only_when_it_is_enforced() {
        let stranger: IpAddr = "198.51.100.9".parse().unwrap();
        let list = |sources| SourceList {
            networks: vec!["203.0.113.0/24".parse().unwrap()],
            sources,
        };
        assert!(list(Sources::Observe).admits(stranger));
        assert!(!list(Sources::Enforce).admits(stranger));
        assert!(list(Sources::Enforce).admits("203.0.113.5".parse().unwrap()));
        assert!(SourceList::default().admits(stranger));
    }
}
