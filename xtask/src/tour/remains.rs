//! Looking for what should be gone: a byte search through every file of a folder.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

const BLOCK: usize = 1024 * 1024;

/// The files under `folder` that hold `word`, in order.
pub fn files_with(folder: &Path, word: &[u8]) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_symlink() {
                continue;
            } else if path.is_dir() {
                folders.push(path);
            } else if path.is_file() && file_has(&path, word)? {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn file_has(path: &Path, word: &[u8]) -> std::io::Result<bool> {
    match File::open(path) {
        Ok(file) => has(file, word),
        // The server may remove a file while we look; then nothing of it is left.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Searches block by block; the end of each block is kept, as a word may lie across two.
fn has(mut source: impl Read, word: &[u8]) -> std::io::Result<bool> {
    let mut window = Vec::with_capacity(BLOCK + word.len());
    loop {
        let read = source.by_ref().take(BLOCK as u64).read_to_end(&mut window)?;
        if contains(&window, word) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        let keep = word.len().saturating_sub(1).min(window.len());
        window.drain(..window.len() - keep);
    }
}

fn contains(mut bytes: &[u8], word: &[u8]) -> bool {
    let Some(first) = word.first() else { return true };
    while let Some(at) = bytes.iter().position(|byte| byte == first) {
        bytes = bytes.get(at..).unwrap_or_default();
        if bytes.starts_with(word) {
            return true;
        }
        bytes = bytes.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_across_two_blocks_is_found() -> std::io::Result<()> {
        let word = b"needle";
        for offset in [0, 1, BLOCK - 3, BLOCK, 2 * BLOCK - 1, 2 * BLOCK + 5] {
            let mut hay = vec![b'n'; offset];
            hay.extend_from_slice(word);
            hay.extend_from_slice(b"more");
            assert!(has(hay.as_slice(), word)?, "{offset}");
        }
        assert!(!has(vec![b'n'; 3 * BLOCK].as_slice(), word)?);
        assert!(!has(&b""[..], word)?);
        Ok(())
    }
}
