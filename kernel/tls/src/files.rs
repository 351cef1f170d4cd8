//! Certificates and keys in PEM files.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::TlsError;

/// A file that is larger holds something else.
const LARGEST: u64 = 4 * 1024 * 1024;

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let read = || {
        if fs::metadata(path)?.len() > LARGEST {
            return Err(std::io::Error::other("it is too large"));
        }
        fs::read(path)
    };
    read().map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}

/// A certificate and those between it and its authority's.
pub(crate) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wanted = "certificate";
    let not_pem = || TlsError::NotPem { path: path.to_owned(), wanted };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(not_pem)
}

pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let wanted = "private key";
    PrivateKeyDer::from_pem_slice(&read(path)?)
        .map_err(|_| TlsError::NotPem { path: path.to_owned(), wanted })
}

/// The authorities of a file, or those that the system knows when there is none.
pub(crate) fn authorities(path: &Path) -> Result<Arc<RootCertStore>, TlsError> {
    let mut authorities = RootCertStore::empty();
    if path.as_os_str().is_empty() {
        authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if authorities.is_empty() {
            return Err(TlsError::NoAuthorities);
        }
        return Ok(Arc::new(authorities));
    }
    for certificate in chain(path)? {
        let unusable = |source| TlsError::Unusable { path: path.to_owned(), source };
        authorities.add(certificate).map_err(unusable)?;
    }
    Ok(Arc::new(authorities))
}
