//! An account that somebody wants, before it exists: by registration, setup, or the command line.

use hanse_events::Emit as _;
use hanse_http::{ApiError, Role};
use hanse_store::{StoreError, Tx};

use crate::account::{Account, display_name};
use crate::accounts;
use crate::email::Email;
use crate::password::{self, Plain, UnfitPassword};

/// Why an account cannot be made.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum DraftError {
    /// There is one with this address.
    #[api(409, "IDN-002")]
    #[error("there is an account with this address")]
    AddressTaken,
    /// Not an address.
    #[api(422, "IDN-010")]
    #[error("this is not an e-mail address")]
    InvalidAddress,
    /// Not a name that can be shown.
    #[api(422, "IDN-011")]
    #[error("a name is one line of 1 to 100 visible characters")]
    InvalidName,
    /// Not a password that is taken.
    #[api(transparent)]
    #[error(transparent)]
    Password(#[from] UnfitPassword),
    /// The store failed.
    #[api(transparent)]
    #[error(transparent)]
    Storage(#[from] StoreError),
}

/// What somebody wants their account to be, checked.
pub struct Draft {
    /// Its address.
    pub email: Email,
    /// Its password, to be hashed before [`Draft::create`].
    pub password: Plain,
    name: String,
}

impl Draft {
    /// Checks address, name and password.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(email: &str, plain: &str, name: &str) -> Result<Self, DraftError> {
        let email = Email::parse(email).map_err(|_| DraftError::InvalidAddress)?;
        let name = display_name(name).ok_or(DraftError::InvalidName)?;
        let password = Plain::new(plain);
        password::check(&password, &email, &name)?;
        Ok(Self { email, password, name })
    }

    /// Adds the account and tells others.
    ///
    /// # Errors
    /// [`DraftError::AddressTaken`], or a failure of the store.
    pub async fn create(
        self,
        tx: &mut Tx,
        phc: String,
        roles: Vec<Role>,
    ) -> Result<Account, DraftError> {
        let account = Account::new(tx, &self.email, self.name, phc, roles);
        if !accounts::insert(tx, &account).await? {
            return Err(DraftError::AddressTaken);
        }
        tx.emit(&account.registered()).await?;
        Ok(account)
    }
}
