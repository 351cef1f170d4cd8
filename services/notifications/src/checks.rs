//! Forms of texts that clients send.

use std::collections::BTreeMap;

/// A refusal unless the text fits.
fn expect(fits: bool, what: &'static str) -> garde::Result {
    if fits { Ok(()) } else { Err(garde::Error::new(what)) }
}

/// A type: `service.name`.
pub(crate) fn type_name(text: &str, _: &()) -> garde::Result {
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let fits = text.split_once('.').is_some_and(|(service, name)| word(service) && word(name));
    expect(fits, "a type is written like identity.new_device")
}

/// A language: `de`, `de-AT`.
pub(crate) fn locale(text: &str, _: &()) -> garde::Result {
    let mut parts = text.split('-');
    let word = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let language = parts.next().is_some_and(|part| {
        (2..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase())
    });
    expect(language && parts.all(word), "a language is written like de or de-AT")
}

/// A time of day: `22:00`.
pub(crate) fn clock(text: &str, _: &()) -> garde::Result {
    let fits = text.len() == 5 && text.is_ascii() && crate::preferences::time(text).is_some();
    expect(fits, "a time is written like 22:00")
}

/// A telephone number (E.164).
pub(crate) fn phone(text: &str, _: &()) -> garde::Result {
    let fits = text.strip_prefix('+').is_some_and(|digits| {
        (6..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0')
    });
    expect(fits, "a number is written like +4930123456")
}

/// An address of the web.
pub(crate) fn link(text: &str, _: &()) -> garde::Result {
    let web = text.starts_with("https://") || text.starts_with("http://");
    expect(web && text.bytes().all(|byte| byte.is_ascii_graphic()), "it is no address of the web")
}

/// Visible ASCII.
pub(crate) fn graphic(text: &str, _: &()) -> garde::Result {
    expect(
        text.bytes().all(|byte| byte.is_ascii_graphic()),
        "it has characters that cannot be in it",
    )
}

/// Values of a template.
pub(crate) fn values(values: &BTreeMap<String, String>, _: &()) -> garde::Result {
    let name = |name: &String| {
        (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    expect(values.keys().all(name), "a name has letters, digits and _")?;
    expect(values.values().all(|value| value.len() <= 16_384), "a value is longer than 16 KiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_exact() {
        type Check = fn(&str, &()) -> garde::Result;
        let checks: [(Check, &[&str], &[&str]); 6] = [
            (
                type_name,
                &["a.b", "identity.new_device"],
                &["a", ".", "a.", ".b", "a.b.c", "a.b c", "ä.b"],
            ),
            (
                locale,
                &["de", "de-AT", "zh-Hant-TW"],
                &["", "d", "DE", "de-", "de--AT", "de_AT", "../x"],
            ),
            (
                clock,
                &["00:00", "23:59"],
                &["24:00", "12:60", "1:00", "12:0", "ab:cd", "+1:00", "-1:00"],
            ),
            (
                phone,
                &["+4930123456"],
                &["+0930123456", "4930123456", "+49 30", "+12345", "+1234567890123456"],
            ),
            (link, &["https://a/b?c"], &["javascript:x", "https://a b", "https://a\n", "//a"]),
            (graphic, &["ab:c"], &["a b", "a\u{0}", "ä"]),
        ];
        for (check, right, wrong) in checks {
            assert!(right.iter().all(|text| check(text, &()).is_ok()), "{right:?}");
            for text in wrong {
                assert!(check(text, &()).is_err(), "{text:?}");
            }
        }
    }
}
