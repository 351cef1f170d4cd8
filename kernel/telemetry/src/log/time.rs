//! The time of a line.

use jiff::Timestamp;

/// Writes times. A busy thread asks for many within a second, so their common beginning is kept.
#[derive(Default)]
pub struct Time {
    second: Option<i64>,
    text: String,
}

impl Time {
    /// `2026-12-01T09:41:07.000250Z`: always with six digits, so that lines can be sorted.
    #[expect(
        clippy::disallowed_methods,
        reason = "a line tells the real time, whatever a test's clock says"
    )]
    pub fn now(&mut self) -> &str {
        self.of(Timestamp::now())
    }

    fn of(&mut self, time: Timestamp) -> &str {
        const TO_SECONDS: usize = "2026-12-01T09:41:07".len();
        let second = time.as_second();
        // Before 1970 the parts of a second count backwards; no clock that is right says that.
        let micros = time.subsec_microsecond().unsigned_abs();
        if self.second != Some(second) {
            self.text = Timestamp::from_second(second).unwrap_or_default().to_string();
            self.second = Some(second);
        }
        self.text.truncate(TO_SECONDS);
        // A one before them keeps the noughts, and gives way to the point.
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(1_000_000 + micros);
        self.text.push('.');
        self.text.push_str(digits.get(1..).unwrap_or_default());
        self.text.push('Z');
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_the_time_that_it_is() {
        let mut time = Time::default();
        for text in [
            "2026-12-01T09:41:07.000250Z",
            "2026-12-01T09:41:07.999999Z",
            "2026-12-01T09:41:08.000000Z",
            "1970-01-01T00:00:00.000001Z",
            "2026-12-01T09:41:07.100000Z",
        ] {
            assert_eq!(time.of(text.parse().unwrap()), text);
        }
    }
}
