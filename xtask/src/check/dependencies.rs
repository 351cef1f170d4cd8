//! What the binary is made of: how many packages, which are banned, and under which licences.
//!
//! `cargo deny` reads `deny.toml` and is asked when it is installed; without it the same bans
//! and licences are checked here, so that a fresh clone needs no further tool.

use std::process::{Command, Stdio};

use super::Findings;
use super::licences::is_permissive;
use crate::workspace::{self, Metadata, Package};

const MOST_PACKAGES: usize = 540;
/// TLS and crypto come from rustls and RustCrypto: no C library is linked for them.
const BANNED: [&str; 5] = ["openssl", "openssl-sys", "native-tls", "aws-lc-sys", "aws-lc-rs"];

pub fn check(metadata: &Metadata, install: bool) -> Findings {
    let mut findings = Vec::new();
    if metadata.packages.len() > MOST_PACKAGES {
        let count = metadata.packages.len();
        findings.push(format!("{count} locked packages, at most {MOST_PACKAGES}"));
    }
    // What cargo-deny cannot say: banned for our own crates, allowed for others.
    findings.extend(metadata.members().flat_map(banned_edges));
    if !deny_is_installed() && install {
        workspace::run(workspace::cargo().args(["install", "cargo-deny", "--locked"]))?;
    }
    if deny_is_installed() {
        let mut deny = workspace::cargo();
        deny.args(["deny", "--offline", "check", "bans", "licenses", "sources"]);
        workspace::run(&mut deny)?;
    } else {
        findings.extend(metadata.packages.iter().filter_map(banned_package));
        findings.extend(metadata.packages.iter().filter_map(licence_offence));
    }
    Ok(findings)
}

fn deny_is_installed() -> bool {
    let mut deny = Command::new("cargo-deny");
    deny.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    deny.status().is_ok_and(|status| status.success())
}

fn banned_edges(member: &Package) -> Vec<String> {
    let chrono = member.dependencies.iter().filter(|dependency| dependency.name == "chrono");
    chrono.map(|_| format!("{} depends on chrono: the workspace uses jiff", member.name)).collect()
}

fn banned_package(package: &Package) -> Option<String> {
    let (name, version) = (package.name.as_str(), package.version.as_str());
    let banned = BANNED.contains(&name) || (name == "reqwest" && version.starts_with("0.12."));
    banned.then(|| format!("{name} {version} is banned; `cargo tree -i {name}` says who wants it"))
}

fn licence_offence(package: &Package) -> Option<String> {
    match (&package.license, &package.license_file) {
        (Some(licence), _) if is_permissive(licence) => None,
        (Some(licence), _) => Some(format!("{} is under {licence}", package.name)),
        (None, Some(file)) => Some(format!("{} has a licence of its own: {file}", package.name)),
        (None, None) => Some(format!("{} names no licence", package.name)),
    }
}
