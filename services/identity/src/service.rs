//! Putting the service together.

use std::sync::Arc;
use std::time::Duration;

use hanse_contracts::messages::SEAL;
use hanse_http::{Draft, Home, Outline, Routes, Sealer, Verifier};
use hanse_outbound::Outbound;
use hanse_runtime::{BoxError, Built, Resources, Service};
use hanse_store::{Migration, Schema, StoreError, Tx};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::attempts::Attempts;
use crate::config::IdentityConfig;
use crate::external::Issuers;
use crate::factors::Vault;
use crate::keys::KeyRing;
use crate::letters::Letters;
use crate::pages::Pages;
use crate::passkeys::webauthn::Site;
use crate::password::Passwords;
use crate::permissions::Checks;
use crate::refresh_token::RefreshTokens;
use crate::session::after;
use crate::{accounts, admin, external, http, machines, oidc, pages, scim, sessions, upkeep};

/// The name of the service.
pub(crate) const NAME: &str = "identity";

const SCHEMA: Schema = Schema {
    owner: NAME,
    migrations: &[
        Migration { name: "0001_identity", sql: include_str!("../schema/0001_identity.sql") },
        Migration { name: "0002_factors", sql: include_str!("../schema/0002_factors.sql") },
        Migration {
            name: "0003_authorization",
            sql: include_str!("../schema/0003_authorization.sql"),
        },
        Migration { name: "0010_import", sql: include_str!("../schema/0010_import.sql") },
        Migration { name: "0011_oidc", sql: include_str!("../schema/0011_oidc.sql") },
        Migration { name: "0012_external", sql: include_str!("../schema/0012_external.sql") },
        // In the order in which they came, which is that of data that exists.
        Migration { name: "0004_machines", sql: include_str!("../schema/0004_machines.sql") },
        Migration { name: "0020_passkeys", sql: include_str!("../schema/0020_passkeys.sql") },
        Migration { name: "0021_scim", sql: include_str!("../schema/0021_scim.sql") },
        Migration { name: "0022_rs256", sql: include_str!("../schema/0022_rs256.sql") },
    ],
};

/// How often the store is asked for what other processes have changed.
const LOOK: Duration = Duration::from_secs(5);

/// The state of the service.
pub struct Identity {
    pub(crate) home: Home,
    pub(crate) config: IdentityConfig,
    pub(crate) passwords: Passwords,
    pub(crate) attempts: Attempts,
    pub(crate) refresh_tokens: RefreshTokens,
    pub(crate) keys: KeyRing,
    pub(crate) verifier: Verifier,
    pub(crate) outbound: Outbound,
    pub(crate) pages: Pages,
    pub(crate) issuers: Issuers,
    pub(crate) vault: Vault,
    pub(crate) letters: Letters,
    pub(crate) checks: Checks,
    pub(crate) site: Site,
}

impl hanse_http::Service for Identity {
    fn home(&self) -> &Home {
        &self.home
    }
}

impl Identity {
    /// How long an access token is valid.
    #[must_use]
    pub(crate) fn access_lifetime(&self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.config.access_minutes))
    }

    /// How long after proving who one is the account itself may be changed.
    #[must_use]
    pub(crate) fn reauthentication(&self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.config.reauthentication_minutes))
    }

    /// The name of this installation in tokens and in authenticator apps.
    #[must_use]
    pub(crate) fn issuer(&self) -> &str {
        self.verifier.names().0
    }

    /// Refuses the access tokens of sessions, or of an account that is gone, in this process. Called
    /// after the commit that ended them.
    pub(crate) fn refuse(&self, ids: impl IntoIterator<Item = Uuid>) {
        let now = self.home.db.clock().now();
        let until = after(now, self.access_lifetime());
        for id in ids {
            self.checks.forget(id);
            self.verifier.revocations().revoke(id, until, now);
        }
    }

    /// Learns what was revoked before this process started, or by another one.
    pub(crate) async fn learn_revocations(&self) -> Result<(), StoreError> {
        let now = self.home.db.clock().now();
        let since = after(now, -self.access_lifetime());
        let revoked = self
            .home
            .db
            .read::<_, StoreError, _>(async move |tx: &mut Tx| ended_since(tx, since).await)
            .await?;
        for (id, at) in revoked {
            let until = after(at, self.access_lifetime());
            self.verifier.revocations().revoke(id, until, now);
        }
        Ok(())
    }
}

/// Sessions, keys and accounts whose tokens count no more since then, and when they ended.
pub(crate) async fn ended_since(
    tx: &mut Tx,
    since: Timestamp,
) -> Result<Vec<(Uuid, Timestamp)>, StoreError> {
    let mut ended = sessions::revoked_since(tx, since).await?;
    ended.extend(machines::keys::revoked_since(tx, since).await?);
    ended.extend(accounts::disabled_since(tx, since).await?);
    ended.extend(hanse_events::erased_since(tx, since).await?);
    Ok(ended)
}

/// Identity with its default configuration.
#[must_use]
pub fn service_with_defaults() -> Service {
    service(IdentityConfig::default())
}

/// Identity.
#[must_use]
pub fn service(config: IdentityConfig) -> Service {
    Service::new(NAME, SCHEMA, move |resources| build(config, resources))
}

/// Its operations, without a running service.
#[must_use]
pub fn outline() -> Outline {
    Outline::new(NAME, operations())
}

/// The service's own operations, and those of the protocols beside it.
fn operations() -> Vec<Draft<Identity>> {
    let protocols =
        [oidc::operations(), external::operations(), pages::operations(), scim::operations()];
    http::operations().into_iter().chain(protocols.into_iter().flatten()).collect()
}

async fn build(config: IdentityConfig, resources: Resources) -> Result<Built, BoxError> {
    let Resources { home, verifier, secrets, outbound, .. } = resources;
    let db = home.db.clone();
    let ids = db.ids().clone();
    let sealer = admin::seed_sealer(&db, &secrets);
    let keys = KeyRing::new(&config, sealer, verifier.clone(), ids.clone());
    keys.rotate(&db).await?;
    let (public_url, passkeys) = (verifier.names().0, &config.passkeys);
    let site = Site::new(public_url, &passkeys.domain, &passkeys.origins)?;
    let factor_sealer = Sealer::new(secrets.derive("identity factors"), ids.clone());
    let letter_sealer = Sealer::new(secrets.derive(SEAL), ids.clone());
    let app = Arc::new(Identity {
        vault: Vault::new(factor_sealer, secrets.derive("identity codes")),
        letters: Letters::new(letter_sealer, verifier.names().0),
        checks: Checks::default(),
        passwords: Passwords::new(&config, ids)?,
        attempts: Attempts::new(&config, secrets.derive("identity attempts")),
        refresh_tokens: RefreshTokens::new(secrets.derive("identity refresh tokens")),
        issuers: Issuers::new(&config.issuers)?,
        home,
        config,
        keys,
        verifier,
        outbound,
        pages: Pages::new()?,
        site,
    });
    app.learn_revocations().await?;
    upkeep::schedule(&db).await?;
    let watched = Arc::clone(&app);
    Ok(Built::new(Routes::new(NAME).with(&app, operations()))
        .jobs(oidc::backchannel::worker(upkeep::worker(&app), &app))
        .task("identity watch", move || watch(Arc::clone(&watched))))
}

/// Several processes may share the store: what one revokes or rotates, the others see here.
async fn watch(app: Arc<Identity>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let seen = match app.learn_revocations().await {
            Ok(()) => app.keys.reload(&app.home.db).await,
            Err(error) => Err(error),
        };
        if let Err(error) = seen {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "what other processes revoked could not be read");
        }
    }
}
