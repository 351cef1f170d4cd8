//! A letter and how it is written.

use jiff::Timestamp;
use lettre::message::dkim::{
    DkimCanonicalization, DkimCanonicalizationType, DkimConfig, DkimSigningAlgorithm,
    DkimSigningKey,
};
use lettre::message::header::{
    ContentTransferEncoding, ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0,
};
use lettre::message::{Body, MultiPart, MultiPartKind, SinglePart};
use lettre::{Address, Message};
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs8::{DecodePrivateKey as _, LineEnding};

use crate::MailError;
use crate::config::MailConfig;

/// Longest subject, in characters; more is cut.
const LONGEST_SUBJECT: usize = 200;

/// What a signature covers: nobody changes it on the way, nor adds one that a letter has not. Whoever
/// reads of one-click unsubscription trusts it only so (RFC 8058, section 4).
const SIGNED: [&str; 10] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Auto-Submitted",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// Somebody's address, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    name: Option<String>,
    address: Address,
}

impl Mailbox {
    /// An address with a display name.
    ///
    /// # Errors
    /// [`MailError::Letter`] when it is no e-mail address. Control characters in the name are dropped.
    pub fn new(name: &str, address: &str) -> Result<Self, MailError> {
        let address: Address =
            address.parse().map_err(|_| MailError::Letter("no e-mail address".into()))?;
        let name = one_line(name);
        Ok(Self { name: (!name.is_empty()).then_some(name), address })
    }

    fn into_lettre(self) -> lettre::message::Mailbox {
        lettre::message::Mailbox::new(self.name, self.address)
    }
}

/// Something to be sent to one person.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its identity: the same over all tries. Letters, digits and dashes.
    pub id: String,
    /// To whom.
    pub to: Mailbox,
    /// When it was written.
    pub date: Timestamp,
    /// What it is about.
    pub subject: String,
    /// What it says, as text.
    pub text: String,
    /// What it says, as HTML.
    pub html: String,
    /// Where one request ends letters of this kind (RFC 8058).
    pub unsubscribe: Option<String>,
}

/// Writes letters.
pub(crate) struct Press {
    from: Mailbox,
    domain: String,
    dkim: Option<DkimConfig>,
}

impl Press {
    pub(crate) fn new(config: &MailConfig) -> Result<Self, MailError> {
        let from = Mailbox::new(&config.from_name, &config.from)?;
        let domain = from.address.domain().to_owned();
        Ok(Self { from, domain, dkim: dkim(config)? })
    }

    pub(crate) fn print(&self, letter: &Letter) -> Result<Message, MailError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if letter.id.is_empty() || !letter.id.bytes().all(plain) {
            return Err(MailError::Letter("no id".into()));
        }
        let subject: String = one_line(&letter.subject).chars().take(LONGEST_SUBJECT).collect();
        let mut builder = Message::builder()
            .from(self.from.clone().into_lettre())
            .to(letter.to.clone().into_lettre())
            .date(letter.date.into())
            .message_id(Some(format!("<{}@{}>", letter.id, self.domain)))
            .subject(subject)
            .raw_header(header("Auto-Submitted", "auto-generated")?);
        if let Some(link) = &letter.unsubscribe {
            if !link.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'>') {
                return Err(MailError::Letter("the unsubscribe link is no link".into()));
            }
            builder = builder
                .raw_header(header("List-Unsubscribe", &format!("<{link}>"))?)
                .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")?);
        }
        let (kind, body) = both_forms(letter)?;
        let message = builder.header(MIME_VERSION_1_0).header(kind).body(body);
        let mut message = message.map_err(|error| MailError::Letter(error.to_string()))?;
        if let Some(dkim) = &self.dkim {
            message.sign(dkim);
        }
        Ok(message)
    }
}

/// The text and the page as one body, and its type. The library would write the type of several parts
/// beside the headers, where no signature covers it.
fn both_forms(letter: &Letter) -> Result<(ContentType, Body), MailError> {
    let boundary = format!("part-{}", letter.id);
    let parts = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(&boundary)
        .singlepart(SinglePart::plain(letter.text.clone()))
        .singlepart(SinglePart::html(letter.html.clone()))
        .formatted();
    let kind = ContentType::parse(&format!("multipart/alternative; boundary=\"{boundary}\""));
    let kind = kind.map_err(|error| MailError::Letter(error.to_string()))?;
    let head = parts.windows(4).position(|window| window == b"\r\n\r\n");
    let body = head.and_then(|end| parts.get(end + 4..));
    let body = body.ok_or_else(|| MailError::Letter("no body".into()))?.to_vec();
    // Both parts are encoded already.
    Ok((kind, Body::dangerous_pre_encoded(body, ContentTransferEncoding::SevenBit)))
}

fn header(name: &str, value: &str) -> Result<HeaderValue, MailError> {
    let name = HeaderName::new_from_ascii(name.to_owned());
    let name = name.map_err(|_| MailError::Letter("no header".into()))?;
    // Links and fixed words only: ASCII without line ends, which needs no encoding and must not be folded.
    Ok(HeaderValue::dangerous_new_pre_encoded(name, value.to_owned(), value.to_owned()))
}

fn dkim(config: &MailConfig) -> Result<Option<DkimConfig>, MailError> {
    if config.dkim_domain.is_empty() {
        return Ok(None);
    }
    let wrong = |what: String| MailError::Configuration(format!("dkim_key_file: {what}"));
    let key = std::fs::read_to_string(&config.dkim_key_file).map_err(|e| wrong(e.to_string()))?;
    let key = pkcs1(key).ok_or_else(|| wrong("it is no RSA key in PEM".into()))?;
    let key =
        DkimSigningKey::new(&key, DkimSigningAlgorithm::Rsa).map_err(|e| wrong(e.to_string()))?;
    let (selector, domain) = (config.dkim_selector.clone(), config.dkim_domain.clone());
    let headers = SIGNED.map(HeaderName::new_from_ascii_str).to_vec();
    // Relays fold headers anew and trim lines; that is no forgery.
    let relaxed = DkimCanonicalizationType::Relaxed;
    let canonicalization = DkimCanonicalization { header: relaxed, body: relaxed };
    Ok(Some(DkimConfig::new(selector, domain, key, headers, canonicalization)))
}

/// The key in the older of its two forms, which is the one that the signer reads.
fn pkcs1(pem: String) -> Option<String> {
    if !pem.contains("-----BEGIN PRIVATE KEY-----") {
        return Some(pem);
    }
    let key = RsaPrivateKey::from_pkcs8_pem(&pem).ok()?;
    key.to_pkcs1_pem(LineEnding::LF).ok().map(|pem| pem.to_string())
}

/// A text as one line without control characters.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(name: &str, subject: &str) -> Letter {
        Letter {
            id: "019a-1".into(),
            to: Mailbox::new(name, "anna@example.com").unwrap(),
            date: "2026-03-02T09:00:00Z".parse().unwrap(),
            subject: subject.into(),
            text: "Hello\n.\r\nBcc: x@example.com".into(),
            html: "<p>Hello</p>".into(),
            unsubscribe: Some("https://hanse.example/api/v1/notifications/unsubscribe/abc".into()),
        }
    }

    fn printed(letter: &Letter) -> String {
        let press = Press::new(&MailConfig::default()).unwrap();
        String::from_utf8(press.print(letter).unwrap().formatted()).unwrap()
    }

    /// INJ-12: names and subjects add no header and no recipient.
    #[test]
    fn values_stay_in_their_headers() {
        for attack in [
            "A\r\nBcc: evil@example.com",
            "A\nTo: evil@example.com",
            "A\r\n\r\n<script>",
            "A\rX: y",
            "\"A\" <evil@example.com>, B",
            "A\0B",
            "A\u{85}X: y",
            "A\u{2028}X: y",
            "=?utf-8?q?A=0D=0ABcc:_x?=",
        ] {
            for letter in [letter(attack, "Hello"), letter("Anna", attack)] {
                let text = printed(&letter);
                let (head, _) = text.split_once("\r\n\r\n").unwrap();
                let names: Vec<&str> = head
                    .split("\r\n")
                    .filter(|line| !line.starts_with([' ', '\t']))
                    .map(|line| line.split(':').next().unwrap())
                    .collect();
                assert_eq!(names.len(), 11, "{attack:?}: {head}");
                assert!(!names.contains(&"Bcc") && !names.contains(&"X"), "{attack:?}: {head}");
                let press = Press::new(&MailConfig::default()).unwrap();
                let message = press.print(&letter).unwrap();
                let to: Vec<_> = message.envelope().to().iter().map(ToString::to_string).collect();
                assert_eq!(to, ["anna@example.com"], "{attack:?}");
            }
        }
        for wrong in [
            "",
            "a",
            "a@",
            "@b",
            "a@b\r\nRCPT TO:<c@d>",
            "a b@c",
            "a@b>c",
            "<a@b>",
            "a@b, c@d",
            "a@b c@d",
            "a\0@b",
            "a@b\n",
        ] {
            assert!(Mailbox::new("", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_same_letter_has_the_same_message_id() {
        let (one, two) = (printed(&letter("Anna", "Hi")), printed(&letter("Anna", "Hi")));
        assert_eq!(one, two);
        assert!(one.contains("Message-ID: <019a-1@localhost.localdomain>\r\n"), "{one}");
        assert!(one.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "{one}");
        let mut nameless = letter("Anna", "Hi");
        nameless.id = "a>\r\nX: y".into();
        assert!(Press::new(&MailConfig::default()).unwrap().print(&nameless).is_err());
        let mut linked = letter("Anna", "Hi");
        linked.unsubscribe = Some("https://x/\r\nX: y".into());
        assert!(Press::new(&MailConfig::default()).unwrap().print(&linked).is_err());
    }
}
