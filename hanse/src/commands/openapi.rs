//! `hanse openapi`

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use crate::compose;

/// Options of `openapi`.
#[derive(Args)]
pub struct OpenapiArgs {
    /// Only this service
    #[arg(long)]
    service: Option<String>,
}

/// Prints the document.
pub fn openapi(args: &OpenapiArgs) -> anyhow::Result<ExitCode> {
    let mut outlines = compose::outlines();
    outlines.retain(|outline| args.service.as_deref().is_none_or(|name| name == outline.service()));
    if outlines.is_empty() {
        bail!("there is no service of this name with operations");
    }
    super::print_json(&compose::openapi(&outlines))?;
    Ok(ExitCode::SUCCESS)
}
