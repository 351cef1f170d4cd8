//! Where a page leads on (INJ-16).

use serde::Serialize;

/// Longest address, in bytes.
const LONGEST: usize = 4096;
/// The pages that may come next.
const PAGES: [&str; 2] = ["/oauth/authorize?", "/oauth/device?"];

/// The address of a page of ours with this query.
pub(crate) fn page<T: Serialize>(path: &str, query: &T) -> String {
    format!("{path}?{}", serde_urlencoded::to_string(query).unwrap_or_default())
}

/// The address that a form gave back, when it is one of ours.
pub(crate) fn checked(text: &str) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/?=&%+-._~*".contains(&byte);
    let ours = PAGES.iter().any(|page| text.starts_with(page));
    (ours && text.len() <= LONGEST && text.bytes().all(plain)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// INJ-16: more than sixty spellings of somewhere else.
    #[test]
    fn nothing_leads_elsewhere() {
        assert!(checked("/oauth/authorize?client_id=1&state=a%20b+c").is_some());
        assert!(checked("/oauth/device?").is_some());
        let hosts =
            ["evil.example", "evil.example/oauth/authorize?", "oauth/authorize?@evil.example"];
        let before = [
            "",
            "/",
            "//",
            "///",
            "////",
            "\\",
            "\\\\",
            "/\\",
            "\\/",
            "/\t/",
            "/\n/",
            " //",
            "http:",
            "http://",
            "https://",
            "https:/",
            "HTTPS://",
            "javascript:",
            "data:text/html,",
            "@",
            ".",
        ];
        let mut tried = 0;
        for start in before {
            for host in hosts {
                let text = format!("{start}{host}");
                if text != "/oauth/authorize?@evil.example" {
                    assert_eq!(checked(&text), None, "{text:?}");
                }
                tried += 1;
            }
        }
        for text in [
            "/oauth/authorize",
            "/oauth/authorize/../../x?",
            "/oauth/authorizex?",
            "/oauth/sign-in?",
            "/oauth/authorize?\r\nset-cookie: a=b",
            "/oauth/authorize?#//evil",
            "/oauth/authorize?\\",
            "/oauth/authorize?a b",
            "/oauth/authorize?<script>",
            "/OAUTH/authorize?",
            "/oauth//authorize?",
            "%2foauth/authorize?",
            "/oauth/device",
            "/oauth/device/x?",
            "oauth/authorize?",
        ] {
            assert_eq!(checked(text), None, "{text:?}");
            tried += 1;
        }
        assert!(tried >= 60, "{tried}");
        assert!(checked(&format!("/oauth/device?{}", "a".repeat(LONGEST))).is_none());
    }
}
