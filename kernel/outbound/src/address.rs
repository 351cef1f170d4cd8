//! Which addresses may be reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::OutboundError;

/// A network: an address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: u128,
    bits: u32,
}

impl Network {
    /// A network such as `10.1.0.0/16`, or a single address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        (bits <= width).then(|| Self { base: number(address), bits: bits + 128 - width })
    }

    /// Is this address in it? An IPv4 address is the same in either notation.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        let shift = 128 - self.bits;
        let head = |number: u128| number.checked_shr(shift).unwrap_or(0);
        head(self.base) == head(number(address))
    }
}

/// Addresses as one kind of number: an IPv4 address stands where IPv6 maps it.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_ipv6_mapped()),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// What may be reached.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    pub(crate) allow: Vec<Network>,
    pub(crate) deny: Vec<Network>,
    pub(crate) hosts: Vec<String>,
    pub(crate) plain_http: bool,
}

impl Policy {
    /// Lets an address pass or says why not.
    ///
    /// # Errors
    /// [`OutboundError::Refused`].
    pub fn judge(&self, address: IpAddr, encrypted: bool) -> Result<(), OutboundError> {
        let address = address.to_canonical();
        if self.deny.iter().any(|network| network.contains(address)) {
            return Err(OutboundError::Refused("the operator forbids it"));
        }
        if self.allow.iter().any(|network| network.contains(address)) {
            return Ok(());
        }
        if let Some(why) = not_public(address) {
            return Err(OutboundError::Refused(why));
        }
        if encrypted || self.plain_http {
            return Ok(());
        }
        Err(OutboundError::Refused("without TLS"))
    }

    /// Lets a host name pass or says why not.
    ///
    /// # Errors
    /// [`OutboundError::Refused`].
    pub fn judge_name(&self, host: &str) -> Result<(), OutboundError> {
        let host = host.trim_end_matches('.');
        let listed = |listed: &String| match listed.strip_prefix("*.") {
            Some(above) => host.strip_suffix(above).is_some_and(|head| head.ends_with('.')),
            None => host == listed.as_str(),
        };
        if self.hosts.is_empty() || self.hosts.iter().any(listed) {
            return Ok(());
        }
        Err(OutboundError::Refused("the operator has not listed this host"))
    }
}

/// Why an address is not one of the public internet, by the registries of special addresses
/// (RFC 6890).
fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, ..] => Some("this network"),
        [127, ..] => Some("loopback"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => {
            Some("a private network")
        }
        [169, 254, ..] => Some("link-local, where clouds keep their metadata"),
        [192, 0, 0 | 2, _] | [198, 18..=19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => {
            Some("reserved")
        }
        [192, 88, 99, _] => Some("an address of a tunnel"),
        [224..=239, ..] => Some("multicast"),
        [240..=255, ..] => Some("reserved"),
        _ => None,
    }
}

/// Only global unicast passes, and of that nothing that stands for something else: translated and
/// tunnelled IPv4 addresses lead wherever the IPv4 address does.
fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let [first, second, ..] = address.segments();
    match (first, second) {
        (0x2001, 0..0x0200) => Some("reserved, or a tunnel"),
        (0x2001, 0x0db8) | (0x3fff, 0..0x1000) => Some("reserved"),
        (0x2002, _) => Some("an address of a tunnel"),
        (0x2000..0x4000, _) => None,
        (0xfe80..=0xfebf, _) => Some("link-local"),
        (0xfc00..=0xfdff, _) => Some("a private network"),
        (0xff00..=0xffff, _) => Some("multicast"),
        (0, 0) if address.is_loopback() => Some("loopback"),
        _ => Some("no global address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str) -> bool {
        Policy::default().judge(text.parse().expect("an address"), true).is_ok()
    }

    #[test]
    fn only_public_addresses_pass() {
        for public in ["93.184.216.34", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111"] {
            assert!(judged(public), "{public}");
        }
        for inner in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.255.0.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "100::1",
            "5f00::1",
            "4000::1",
        ] {
            assert!(!judged(inner), "{inner}");
        }
    }

    #[test]
    fn an_operator_allows_and_forbids_networks() {
        let network = |text| Network::parse(text).expect("a network");
        let policy = Policy {
            allow: vec![network("10.1.0.0/16"), network("::1")],
            deny: vec![network("10.1.2.3"), network("93.184.0.0/16")],
            ..Policy::default()
        };
        let judge = |text: &str, tls| policy.judge(text.parse().expect("an address"), tls).is_ok();
        assert!(judge("10.1.9.9", false) && judge("::ffff:10.1.9.9", false) && judge("::1", false));
        assert!(!judge("10.1.2.3", true) && !judge("10.2.0.1", true) && !judge("93.184.1.1", true));
        assert!(judge("1.1.1.1", true) && !judge("1.1.1.1", false), "TLS outside");
        for wrong in ["10.0.0.0/33", "::/129", "x", "10.0.0.0/", "/8", ""] {
            assert!(Network::parse(wrong).is_none(), "{wrong}");
        }
    }

    /// SSRF-05
    #[test]
    fn listed_hosts_are_the_only_ones() {
        let hosts = vec!["api.example.com".into(), "*.push.example".into()];
        let policy = Policy { hosts, ..Policy::default() };
        for (host, passes) in [
            ("api.example.com", true),
            ("api.example.com.", true),
            ("a.push.example", true),
            ("push.example", false),
            ("evilpush.example", false),
            ("example.com", false),
        ] {
            assert_eq!(policy.judge_name(host).is_ok(), passes, "{host}");
        }
    }
}
