//! argon2id in memory that goes back to the system.
//!
//! A hash needs 19 MiB for some milliseconds. Left to the library, each blocking thread's heap keeps
//! that much for ever (measured: 800 MiB after 160 logins). Blocks of more than 32 MiB are mapped by
//! themselves and unmapped when they are freed, so we ask for that much room and touch only what is
//! needed.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq as _;

/// The room that is asked for, in blocks of 1 KiB.
const ROOM: usize = 33 * 1024;
/// Bytes of a hash.
const LENGTH: usize = Params::DEFAULT_OUTPUT_LEN;

/// The PHC string of a password. `None` for parameters that argon2 refuses.
pub(super) fn hash(params: &Params, password: &[u8], salt: &[u8]) -> Option<String> {
    let mut output = [0; LENGTH];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    compute(&argon, password, salt, &mut output)?;
    phc(params, salt, &output)
}

/// A PHC string that costs as much to check as any and that no password is known to fit: its hash is
/// random, so nothing had to be computed.
pub(super) fn unknown(params: &Params, salt: &[u8], hash: [u8; LENGTH]) -> Option<String> {
    phc(params, salt, &hash)
}

fn phc(params: &Params, salt: &[u8], output: &[u8]) -> Option<String> {
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(output).ok()?),
    };
    Some(hash.to_string())
}

/// Is this the password of this PHC string? Its own parameters count.
pub(super) fn verify(phc: &str, password: &[u8]) -> bool {
    matches(phc, password).unwrap_or(false)
}

fn matches(phc: &str, password: &[u8]) -> Option<bool> {
    let hash = PasswordHash::new(phc).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = Version::try_from(hash.version?).ok()?;
    let expected = hash.hash?;
    let mut output = vec![0; expected.as_bytes().len()];
    let argon = Argon2::new(algorithm, version, params);
    compute(&argon, password, hash.salt?.as_ref(), &mut output)?;
    Some(output.ct_eq(expected.as_bytes()).into())
}

/// Could this PHC string have been made by [`hash`]?
pub(super) fn is_ours(phc: &str) -> bool {
    phc.starts_with("$argon2id$v=19$")
}

/// Are these the parameters of this PHC string?
pub(super) fn is_current(params: &Params, phc: &str) -> bool {
    let Ok(hash) = PasswordHash::new(phc) else { return false };
    hash.algorithm == Algorithm::Argon2id.ident()
        && Params::try_from(&hash).is_ok_and(|old| {
            (old.m_cost(), old.t_cost(), old.p_cost())
                == (params.m_cost(), params.t_cost(), params.p_cost())
        })
}

fn compute(argon: &Argon2<'_>, password: &[u8], salt: &[u8], output: &mut [u8]) -> Option<()> {
    let needed = argon.params().block_count();
    let mut memory: Vec<Block> = Vec::new();
    memory.try_reserve_exact(needed.max(ROOM)).ok()?;
    memory.resize(needed, Block::default());
    argon.hash_password_into_with_memory(password, salt, output, &mut memory).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::{PasswordHasher as _, PasswordVerifier as _};

    #[test]
    fn the_library_agrees() {
        let params = Params::new(64, 2, 1, None).unwrap();
        let library = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let (password, salt) = (b"correct horse", [7; 16]);
        let ours = hash(&params, password, &salt).unwrap();
        let theirs = library.hash_password_with_salt(password, &salt).unwrap().to_string();
        assert_eq!(ours, theirs);
        assert!(library.verify_password(password, ours.as_str()).is_ok());
        assert!(verify(&theirs, password));
        assert!(!verify(&theirs, b"correct house"));
        assert!(!verify("$argon2id$v=19$m=64,t=2,p=1", password));
        assert!(!verify("", password));
    }
}
