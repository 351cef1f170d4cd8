//! Writes the documents made from the catalogue of events, or shows them as one JSON object of paths
//! and texts with `--print`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let documents = hanse_contracts::documents::documents();
    if std::env::args().any(|argument| argument == "--print") {
        println!("{}", serde_json::to_string(&documents)?);
        return Ok(());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (path, text) in documents {
        let path = root.join(path);
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::write(path, text)?;
    }
    Ok(())
}
