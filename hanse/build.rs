//! Embeds the page of every error code, so that the `type` of a problem can be opened.

#![expect(
    clippy::disallowed_methods,
    reason = "cargo speaks to build scripts through the environment"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder =
        Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../docs/errors").canonicalize()?;
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut pages: Vec<_> = fs::read_dir(&folder)?.collect::<Result<_, _>>()?;
    pages.sort_by_key(fs::DirEntry::file_name);
    let mut code = String::from("pub const ERROR_PAGES: &[(&str, &str)] = &[\n");
    for page in pages {
        let path = page.path();
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
            writeln!(code, "    ({name:?}, include_str!({:?})),", path.display().to_string())?;
        }
    }
    code.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("error_pages.rs"), code)?;
    Ok(())
}
