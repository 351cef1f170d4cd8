//! `hanse openapi`

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use crate::compose::{self, Shared};
use crate::config::Loaded;

/// Options of `openapi`.
#[derive(Args)]
pub struct OpenapiArgs {
    /// Only this service
    #[arg(long)]
    service: Option<String>,
}

/// Prints the document. Operations exist only in built services, so they are built on a scratch store.
pub async fn openapi(loaded: &Loaded, args: &OpenapiArgs) -> anyhow::Result<ExitCode> {
    let scratch = tempfile::tempdir()?;
    let mut config = loaded.config.clone();
    scratch.path().clone_into(&mut config.server.data);
    config.store.url.clear();
    let scratched = Loaded { config };
    let platform = compose::platform(&scratched.config, &Shared::new(&scratched)?).await?;
    let routes: Vec<_> = platform
        .cells()
        .iter()
        .filter(|cell| args.service.as_deref().is_none_or(|name| name == cell.name))
        .map(|cell| &cell.routes)
        .collect();
    if routes.is_empty() {
        bail!("there is no service of this name with operations");
    }
    super::print_json(&compose::openapi(routes))?;
    Ok(ExitCode::SUCCESS)
}
