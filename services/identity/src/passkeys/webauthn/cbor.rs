//! As much of CBOR (RFC 8949) as authenticators write: definite lengths only, and little of it
//! (CTAP 2.1, section 8).

use super::Invalid;

/// How deep what is skipped may be nested. CTAP allows four levels.
const DEEPEST: u8 = 8;

/// Reads one value after another. Nothing is copied, and no length is believed before the bytes are
/// there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

/// What kind of value begins here, with its number: the value itself, or a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    Unsigned(u64),
    /// -1 minus this.
    Negative(u64),
    Bytes(u64),
    Text(u64),
    Array(u64),
    Map(u64),
    Tag,
    /// `true`, `null`, a float: what has no length.
    Simple,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The number of pairs of a map.
    pub(super) fn map(&mut self) -> Result<u64, Invalid> {
        match self.head()? {
            Head::Map(pairs) => Ok(pairs),
            _ => Err(Invalid),
        }
    }

    /// A string of bytes.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Invalid> {
        match self.head()? {
            Head::Bytes(length) => self.take(length),
            _ => Err(Invalid),
        }
    }

    /// A text.
    pub(super) fn text(&mut self) -> Result<&'a str, Invalid> {
        match self.head()? {
            Head::Text(length) => std::str::from_utf8(self.take(length)?).map_err(|_| Invalid),
            _ => Err(Invalid),
        }
    }

    /// A whole number.
    pub(super) fn integer(&mut self) -> Result<i64, Invalid> {
        match self.head()? {
            Head::Unsigned(number) => i64::try_from(number).map_err(|_| Invalid),
            Head::Negative(number) => {
                i64::try_from(number).map(|number| -1 - number).map_err(|_| Invalid)
            }
            _ => Err(Invalid),
        }
    }

    /// Passes over one value of any kind.
    pub(super) fn skip(&mut self) -> Result<(), Invalid> {
        self.skip_at(0)
    }

    fn skip_at(&mut self, depth: u8) -> Result<(), Invalid> {
        if depth > DEEPEST {
            return Err(Invalid);
        }
        let values = match self.head()? {
            Head::Unsigned(_) | Head::Negative(_) | Head::Simple => 0,
            Head::Bytes(length) | Head::Text(length) => {
                self.take(length)?;
                0
            }
            Head::Array(values) => values,
            Head::Map(pairs) => pairs.checked_mul(2).ok_or(Invalid)?,
            Head::Tag => 1,
        };
        // A length that is not true ends at the first byte that is not there.
        for _ in 0..values {
            self.skip_at(depth + 1)?;
        }
        Ok(())
    }

    fn head(&mut self) -> Result<Head, Invalid> {
        let first = *self.take(1)?.first().ok_or(Invalid)?;
        let (major, info) = (first >> 5, first & 31);
        let number = match info {
            0..=23 => u64::from(info),
            24..=27 => {
                let bytes = self.take(1 << (info - 24))?;
                bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
            }
            _ => return Err(Invalid),
        };
        Ok(match major {
            0 => Head::Unsigned(number),
            1 => Head::Negative(number),
            2 => Head::Bytes(number),
            3 => Head::Text(number),
            4 => Head::Array(number),
            5 => Head::Map(number),
            6 => Head::Tag,
            _ => Head::Simple,
        })
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Invalid> {
        let length = usize::try_from(length).map_err(|_| Invalid)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Invalid)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    fn skipped(bytes: &[u8]) -> Option<usize> {
        let mut reader = Reader::new(bytes);
        reader.skip().ok().map(|()| bytes.len() - reader.rest().len())
    }

    /// The examples of RFC 8949, appendix A, that authenticators can write.
    #[test]
    fn values_are_read_as_the_standard_says() {
        for (bytes, number) in [
            (&[0x00][..], 0),
            (&[0x17], 23),
            (&[0x18, 0x18], 24),
            (&[0x19, 0x03, 0xe8], 1000),
            (&[0x20], -1),
            (&[0x38, 0x63], -100),
            (&[0x39, 0x01, 0x00], -257),
        ] {
            assert_eq!(Reader::new(bytes).integer().ok(), Some(number));
            assert_eq!(skipped(bytes), Some(bytes.len()));
        }
        assert_eq!(Reader::new(&[0x44, 1, 2, 3, 4]).bytes().ok(), Some(&[1, 2, 3, 4][..]));
        assert_eq!(Reader::new(&[0x64, b'n', b'o', b'n', b'e']).text().ok(), Some("none"));
        // {"a": 1, "b": [2, 3]}, and a byte behind it.
        let map = [0xa2, 0x61, 0x61, 0x01, 0x61, 0x62, 0x82, 0x02, 0x03, 0xff];
        assert_eq!(skipped(&map), Some(9));
    }

    /// AUTN-18: lengths that lie, indefinite lengths and deep nesting are refused.
    #[test]
    fn nothing_is_believed() {
        for bytes in [
            &[][..],
            &[0x18],
            &[0x44, 1, 2],
            &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x9f, 0x01, 0xff],
            &[0x5f, 0x41, 0x00, 0xff],
            &[0x1c],
            &[0x81; 64],
            &[0xc0; 64],
        ] {
            assert_eq!(skipped(bytes), None, "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much_for_it(bytes in any::<Vec<u8>>()) {
            let _ = skipped(&bytes);
        }
    }
}
