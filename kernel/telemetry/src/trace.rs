//! The W3C trace context (<https://www.w3.org/TR/trace-context/>) that travels with requests,
//! events and jobs, whether or not a collector is configured.
//!
//! No randomness here: ids come from the caller's `Ids` (law 7).

use std::fmt;

/// Which trace a piece of work belongs to, and which span caused it. Ids are never all zero when
/// they come from [`TraceContext::parse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The trace, the same across all services.
    pub trace_id: [u8; 16],
    /// The span that is the parent of whatever happens next.
    pub span_id: [u8; 8],
    /// Whether the caller records this trace.
    pub sampled: bool,
}

impl TraceContext {
    /// Reads a `traceparent` header; anything irregular is `None` and starts a new trace.
    ///
    /// Strict as the recommendation is: lower-case hex, no zero ids, exactly four parts in version
    /// 00. Later versions may append parts, `ff` is forbidden.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let [version] = hex::<1>(parts.next()?)?;
        let trace_id = hex::<16>(parts.next()?)?;
        let span_id = hex::<8>(parts.next()?)?;
        let [flags] = hex::<1>(parts.next()?)?;
        let surplus = version == 0 && parts.next().is_some();
        if version == 0xff || surplus || trace_id == [0; 16] || span_id == [0; 8] {
            return None;
        }
        Some(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }

    /// The context of work done under this one: same trace, `span_id` as the new parent.
    #[must_use]
    pub fn child(self, span_id: [u8; 8]) -> Self {
        Self { span_id, ..self }
    }
}

/// The `traceparent` header, version 00.
impl TraceContext {
    /// The header's value, in ASCII.
    #[must_use]
    pub fn encode(&self) -> [u8; 55] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let sampled = [u8::from(self.sampled)];
        let bytes = self.trace_id.iter().chain(&self.span_id).chain(&sampled);
        let digits = bytes.flat_map(|byte| [byte >> 4, byte & 15]);
        // After the version, every nought is the place of a digit.
        let places = text.iter_mut().skip(3).filter(|place| **place == b'0');
        for (place, digit) in places.zip(digits) {
            *place = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        }
        text
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.encode()).unwrap_or_default())
    }
}

/// Exactly `N` bytes of lower-case hex.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for &digit in pair {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            *byte = *byte << 4 | value;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_survives_the_round_trip() {
        let context = TraceContext::parse(HEADER).unwrap();
        assert!(context.sampled);
        assert_eq!(context.to_string(), HEADER);
        let child = context.child([0, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(child.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000007-01");
    }

    #[test]
    fn later_versions_may_say_more() {
        let later = format!("cc{}-what-the-future-holds", HEADER.strip_prefix("00").unwrap());
        assert_eq!(TraceContext::parse(&later), TraceContext::parse(HEADER));
        let unsampled = HEADER.replace("-01", "-fe");
        assert!(!TraceContext::parse(&unsampled).unwrap().sampled);
    }

    #[test]
    fn what_is_irregular_is_refused() {
        let zero_trace = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        let zero_span = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01", "0".repeat(16));
        let irregular = [
            "",
            "00",
            &HEADER.to_uppercase(),
            &format!("{HEADER}-"),
            &format!("{HEADER}-extra"),
            &format!(" {HEADER}"),
            &format!("{HEADER} "),
            &HEADER.replacen("00", "ff", 1),
            &HEADER.replace("4bf9", "4bfé"),
            &HEADER.replace("-01", "-1"),
            &HEADER.replace("-01", "-+1"),
            &zero_trace,
            &zero_span,
        ];
        for header in irregular {
            assert_eq!(TraceContext::parse(header), None, "{header:?}");
        }
    }
}
