//! For which site passkeys are, and on which pages they may be used.

use std::net::IpAddr;

use http::Uri;

/// What browsers compare passkeys with. It comes from the configuration, never from a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    /// The relying party's id: a domain. `None` when this installation has only an IP address, for which
    /// no browser keeps passkeys.
    pub(crate) domain: Option<String>,
    /// Origins of pages that may ask for a passkey.
    pub(crate) origins: Vec<String>,
}

/// The configuration does not fit together: what is wrong with `identity.passkeys.domain`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "identity.passkeys.domain {domain:?} is neither the host of server.public_url nor above it"
)]
pub(crate) struct UnfitDomain {
    domain: String,
}

impl Site {
    /// The site of an installation with this address. `domain` is its host or one above it, and
    /// empty for the host; `more` are origins beside that of the address.
    ///
    /// A loopback address stands for `localhost`, which is what browsers ask for to try passkeys out.
    pub(crate) fn new(
        public_url: &str,
        domain: &str,
        more: &[String],
    ) -> Result<Self, UnfitDomain> {
        let uri: Uri = public_url.parse().unwrap_or_default();
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let (own, host) = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(ip) if ip.is_loopback() => (Some("localhost".to_owned()), "localhost".to_owned()),
            Ok(_) => (None, host),
            Err(_) => (Some(host.clone()).filter(|host| !host.is_empty()), host),
        };
        let scheme = uri.scheme_str().unwrap_or_default();
        let usual = match scheme {
            "https" => Some(443),
            "http" => Some(80),
            _ => None,
        };
        let port = uri.port_u16().filter(|port| Some(*port) != usual);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let origins = std::iter::once(format!("{scheme}://{host}{port}")).chain(more.to_vec());
        let domain = match domain {
            "" => own,
            wished if own.as_deref().is_some_and(|own| is_above(wished, own)) => {
                Some(wished.to_owned())
            }
            wished => return Err(UnfitDomain { domain: wished.to_owned() }),
        };
        Ok(Self { domain, origins: origins.collect() })
    }
}

/// Is it this domain, or one that it is part of?
fn is_above(domain: &str, host: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|left| left.is_empty() || left.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, domain: &str) -> Result<(Option<String>, String), UnfitDomain> {
        let site = Site::new(url, domain, &[])?;
        Ok((site.domain, site.origins.join(" ")))
    }

    /// AUTN-18: the relying party and its origin are those of the configuration.
    #[test]
    fn the_site_is_that_of_the_public_address() {
        for (url, domain, id, origin) in [
            ("https://id.example.com", "", Some("id.example.com"), "https://id.example.com"),
            (
                "https://ID.example.com:443",
                "example.com",
                Some("example.com"),
                "https://id.example.com",
            ),
            (
                "https://id.example.com:8443",
                "",
                Some("id.example.com"),
                "https://id.example.com:8443",
            ),
            ("http://localhost:3000", "", Some("localhost"), "http://localhost:3000"),
            ("http://127.0.0.1:3000", "", Some("localhost"), "http://localhost:3000"),
            ("http://[::1]:3000", "", Some("localhost"), "http://localhost:3000"),
            ("http://192.0.2.7", "", None, "http://192.0.2.7"),
        ] {
            let wanted = (id.map(str::to_owned), origin.to_owned());
            assert_eq!(of(url, domain), Ok(wanted), "{url} {domain}");
        }
        for domain in ["other.example", "ample.com", "www.id.example.com", "ID.EXAMPLE.COM", "."] {
            assert!(of("https://id.example.com", domain).is_err(), "{domain}");
        }
    }
}
