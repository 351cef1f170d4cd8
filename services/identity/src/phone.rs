//! A telephone number in one spelling (E.164).

/// `+` and 7 to 15 digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone(String);

/// Not a number that can be called from anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not an international telephone number")]
pub struct PhoneError;

impl Phone {
    /// Reads a number; blanks, dashes, dots and brackets are what people put between digits.
    ///
    /// # Errors
    /// [`PhoneError`].
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let plain: String = text.chars().filter(|c| !" -.()".contains(*c)).collect();
        let digits = plain.strip_prefix('+').ok_or(PhoneError)?;
        let fits = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if fits { Ok(Self(plain)) } else { Err(PhoneError) }
    }

    /// A number that was checked before it was stored.
    pub(crate) fn stored(bytes: &[u8]) -> Self {
        Self(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Phone;

    #[test]
    fn only_international_numbers_are_taken() {
        assert_eq!(Phone::parse("+49 (30) 123-45.67").unwrap().as_str(), "+49301234567");
        for text in
            ["", "+", "030123456", "+0301234567", "+123456", "+1234567890123456", "+49a301234"]
        {
            assert!(Phone::parse(text).is_err(), "{text:?}");
        }
    }
}
