//! Where a request goes.

use std::net::IpAddr;

use http::Uri;

use crate::error::OutboundError;

/// Longest address that is looked at, in bytes.
const LONGEST: usize = 2048;

/// Scheme, host and port of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    encrypted: bool,
    host: String,
    port: u16,
}

impl Target {
    /// The target of an address as text.
    ///
    /// # Errors
    /// [`OutboundError::Address`].
    pub fn parse(address: &str) -> Result<Self, OutboundError> {
        if address.len() > LONGEST {
            return Err(OutboundError::Address("it is too long"));
        }
        let uri = address.parse().map_err(|_| OutboundError::Address("it cannot be read"))?;
        Self::of(&uri)
    }

    /// The target of an address.
    ///
    /// # Errors
    /// [`OutboundError::Address`].
    pub fn of(uri: &Uri) -> Result<Self, OutboundError> {
        let encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(OutboundError::Address("it does not begin with https://")),
        };
        let authority = uri.authority().ok_or(OutboundError::Address("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(OutboundError::Address("it carries a name before the host"));
        }
        let host = authority.host();
        // What is left of the host after it must be a port, or another reader may see another host.
        let rest = authority.as_str().strip_prefix(host).unwrap_or("?");
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => Some(if encrypted { 443 } else { 80 }),
            None => None,
            Some(digits) => digits.parse().ok().filter(|port| *port > 0),
        };
        let port = port.ok_or(OutboundError::Address("its port is wrong"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if host.is_empty() {
            return Err(OutboundError::Address("it has no host"));
        }
        Ok(Self { encrypted, host, port })
    }

    /// The host: a name, or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Is TLS spoken?
    #[must_use]
    pub fn encrypted(&self) -> bool {
        self.encrypted
    }

    /// The host, when it is an address.
    #[must_use]
    pub fn literal(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The value of `Host`.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = match self.literal() {
            Some(IpAddr::V6(address)) => format!("[{address}]"),
            _ => self.host.clone(),
        };
        let usual = if self.encrypted { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_reading() {
        let target = Target::parse("https://Hooks.Example.com/a?b").expect("an address");
        assert_eq!((target.host(), target.port()), ("hooks.example.com", 443));
        let target = Target::parse("http://[::1]:8080/").expect("an address");
        assert_eq!((target.authority().as_str(), target.port()), ("[::1]:8080", 8080));
        for wrong in [
            "",
            "/path",
            "hooks.example.com",
            "//hooks.example.com/",
            "ftp://a/",
            "file:///etc/passwd",
            "gopher://a/",
            "https://",
            "https:///a",
            "https://a@b/",
            "https://a:b@c/",
            "https://@b/",
            "https://a:0/",
            "https://a:65536/",
            "https://a:x/",
            "https://a:/",
            "https://a b/",
            "https://\u{7f}a/",
            "https://a\r\nHost: b/",
            "https://[::1/",
            "javascript:alert(1)",
            "https://\u{FF0F}evil/",
        ] {
            assert!(Target::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(Target::parse(&format!("https://a/{}", "x".repeat(3000))).is_err());
    }
}
