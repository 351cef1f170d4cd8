//! Letters in a folder, for those who develop or try the platform without a mail server.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::MailError;

/// Letters that the page shows.
const SHOWN: usize = 50;
/// Bytes of each.
const LONGEST: usize = 64 * 1024;

/// Puts a letter into the folder, whole or not at all. The same letter replaces itself.
pub(crate) async fn keep(folder: &Path, id: &str, letter: &[u8]) -> Result<(), MailError> {
    let (folder, name, letter) = (folder.to_owned(), format!("{id}.eml"), letter.to_vec());
    let write = move || -> io::Result<()> {
        fs::create_dir_all(&folder)?;
        let half = folder.join(format!("{name}.part"));
        fs::write(&half, letter)?;
        fs::rename(half, folder.join(name))
    };
    let written = tokio::task::spawn_blocking(write).await.map_err(io::Error::other);
    written.and_then(|written| written).map_err(|error| MailError::Later(error.to_string()))
}

/// A page of the newest letters in the folder, as they are in the files. Everything in them is text.
#[must_use]
pub fn page(folder: &Path) -> String {
    let mut files: Vec<(std::time::SystemTime, PathBuf)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let path = entry.path();
            let letter = path.extension().is_some_and(|kind| kind == "eml");
            letter.then_some((entry.metadata().ok()?.modified().ok()?, path))
        })
        .collect();
    files.sort_by(|one, other| other.cmp(one));
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Letters</title>\
         <h1>Letters</h1><p>There is no mail server (<code>mail.server</code>): these were not sent.</p>",
    );
    for (_, path) in files.into_iter().take(SHOWN) {
        let letter = fs::read(&path).unwrap_or_default();
        let letter = letter.get(..letter.len().min(LONGEST)).unwrap_or_default();
        // Writing to a string does not fail.
        let _ = write!(page, "<hr><pre>{}</pre>", escaped(&String::from_utf8_lossy(letter)));
    }
    page.push_str("</html>\n");
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_letters_as_text() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.eml"), "Subject: <script>alert(1)</script>").unwrap();
        fs::write(folder.path().join("b.part"), "half").unwrap();
        let page = page(folder.path());
        assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script"), "{page}");
        assert!(!page.contains("half"));
    }
}
