//! Passwords that are known from breaches: those of eight characters and more among the million that
//! were seen most often, as fingerprints of 30 bits.
//!
//! `breached.bin` is made by `cargo xtask passwords`, which says where the list comes from. Layout: how
//! many fingerprints begin with each of the 65,536 values of two bytes (a byte each), and then, in
//! order and packed without gaps, the next 14 bits of each. A password that was never in the list is
//! taken for one of it once in about 2,200 times, which costs its owner another idea.

use sha2::{Digest, Sha256};

const LIST: &[u8] = include_bytes!("breached.bin");
/// Groups of fingerprints, by their first two bytes.
const GROUPS: usize = 1 << 16;
/// Bits of a fingerprint that are stored.
const BITS: usize = 14;

/// Is this text, in lower case, among them?
pub(super) fn contains(folded: &str) -> bool {
    among(LIST, folded).unwrap_or(false)
}

fn among(list: &[u8], folded: &str) -> Option<bool> {
    let [first, second, third, fourth, ..] = <[u8; 32]>::from(Sha256::digest(folded));
    let group = usize::from(u16::from_be_bytes([first, second]));
    let wanted = u16::from_be_bytes([third, fourth]) >> (16 - BITS);
    let (counts, packed) = list.split_at_checked(GROUPS)?;
    let before: usize = counts.get(..group)?.iter().map(|count| usize::from(*count)).sum();
    let count = usize::from(*counts.get(group)?);
    Some((before..before + count).any(|place| stored(packed, place) == Some(wanted)))
}

/// The stored part of a fingerprint.
fn stored(packed: &[u8], place: usize) -> Option<u16> {
    let bit = place * BITS;
    let bytes = [0, 1, 2].map(|more| packed.get(bit / 8 + more).copied().unwrap_or_default());
    let [high, middle, low] = bytes.map(u32::from);
    let window = (high << 16) | (middle << 8) | low;
    u16::try_from(window >> (24 - BITS - bit % 8) & ((1 << BITS) - 1)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AUTN-04: what was seen often is found, whatever its place; the list is whole, and small.
    #[test]
    fn what_was_seen_often_is_found() {
        for password in
            ["trustno1", "michael1", "liverpool1", "mustang1", "1qaz2wsx", "jennifer1", "blink182"]
        {
            assert!(contains(password), "{password}");
        }
        let count: usize = LIST[..GROUPS].iter().map(|count| usize::from(*count)).sum();
        assert!(count > 400_000, "{count}");
        assert_eq!(LIST.len(), GROUPS + (count * BITS).div_ceil(8));
        assert!(LIST.len() < 1_000_000, "{}", LIST.len());
    }

    /// What was never seen is seldom taken for it: once in about 2,200.
    #[test]
    fn few_others_are_taken_for_one() {
        let tries = 20_000;
        let found = (0..tries).filter(|n| contains(&format!("kogge {n} im hafen"))).count();
        // Nine are to be expected; the words are the same every time, so this is no matter of luck.
        assert!(found < tries / 1000, "{found} of {tries}");
    }
}
