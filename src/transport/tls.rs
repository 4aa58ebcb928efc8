//! TLS with sites and with proxies: whom we trust, and what a failed handshake means.
//!
//! In: `fetch.ca_file`, `fetch.insecure_tls` and the roots that browsers trust. Out: a [`Tls`] for the whole run, and one
//! handshake at a time. Only HTTP/1.1 is offered, because the stream watches its framing. Proxies are verified whatever
//! the settings say: they get passwords. No proxy must be recognised by another's sessions.

use std::path::PathBuf;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{Resumption, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme, crypto,
};

use super::failure::{Failure, TlsFailure, TlsProblem};
use super::line::{Counted, FirstHop};
use crate::config::Fetch;

/// Why there can be no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read as PEM.
    #[error("reading certificates of {}: {source}", path.display())]
    Read {
        /// `fetch.ca_file`
        path: PathBuf,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// The file holds no certificate.
    #[error("no certificate in {}", .0.display())]
    Empty(PathBuf),
    /// A certificate in the file cannot be used as an authority's.
    #[error("certificate {number} of {}: {source}", path.display())]
    Certificate {
        /// `fetch.ca_file`
        path: PathBuf,
        /// Which one, from 1.
        number: usize,
        /// Why.
        source: Error,
    },
    /// The TLS library refuses what it was given.
    #[error("setting up TLS: {0}")]
    Setup(String),
}

/// Whom to trust. Made once; clones share it, also across threads.
#[derive(Clone, Debug)]
pub struct Tls {
    sites: Arc<ClientConfig>,
    proxies: Arc<ClientConfig>,
}

impl Tls {
    /// Reads `fetch.ca_file`, if there is one; what is in it is trusted besides the usual authorities. With
    /// `fetch.insecure_tls` sites may show any certificate.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else than certificates of authorities; the error names it.
    pub fn new(settings: &Fetch) -> Result<Self, TlsError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(path) = &settings.ca_file {
            add_file(&mut roots, path)?;
        }
        let setup = |error: &dyn std::fmt::Display| TlsError::Setup(error.to_string());
        let provider = Arc::new(crypto::ring::default_provider());
        let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let usual = usual.build().map_err(|error| setup(&error))?;
        let proxies = client_config(Arc::clone(&provider), Arc::new(NamingVerifier(usual)))?;
        let sites = if settings.insecure_tls {
            let schemes = provider.signature_verification_algorithms.supported_schemes();
            client_config(provider, Arc::new(NoVerifier(schemes)))?
        } else {
            Arc::clone(&proxies)
        };
        Ok(Self { sites, proxies })
    }

    /// The same trust with sessions of its own: a site must not see by a resumed session that two proxies are one crawler.
    pub(super) fn for_one_proxy(&self) -> LeaseTls {
        let own = |shared: &ClientConfig| {
            let mut config = shared.clone();
            config.resumption = Resumption::in_memory_sessions(SESSIONS);
            TlsConnector::from(Arc::new(config))
        };
        LeaseTls { sites: own(&self.sites), proxy: own(&self.proxies) }
    }
}

fn client_config(
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    // "Dangerous" is how the library calls any verifier handed to it, also one that accepts exactly what the usual one does.
    let config = config.map_err(|error| TlsError::Setup(error.to_string()))?.dangerous();
    let mut config = config.with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Sessions kept for one proxy: it rarely visits more hosts at a time.
const SESSIONS: usize = 16;

fn add_file(roots: &mut RootCertStore, path: &PathBuf) -> Result<(), TlsError> {
    let read = |source| TlsError::Read { path: path.clone(), source };
    let mut number = 0;
    for certificate in CertificateDer::pem_file_iter(path).map_err(read)? {
        number += 1;
        let added = roots.add(certificate.map_err(read)?);
        added.map_err(|source| TlsError::Certificate { path: path.clone(), number, source })?;
    }
    if number == 0 { Err(TlsError::Empty(path.clone())) } else { Ok(()) }
}

/// TLS on the way of one lease.
pub(super) struct LeaseTls {
    sites: TlsConnector,
    proxy: TlsConnector,
}

impl LeaseTls {
    /// The handshake with the site called `host`.
    pub(super) async fn with_site(&self, host: &str, line: FirstHop) -> Result<TlsStream<FirstHop>, Failure> {
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| Failure::Unsendable(format!("TLS knows no host like {host:?}")))?;
        self.sites.connect(name, line).await.map_err(|error| Failure::SiteTls(failure_of(&error)))
    }

    /// The handshake with the proxy called `host`.
    pub(super) async fn with_proxy(&self, host: &str, socket: Counted) -> Result<TlsStream<Counted>, Failure> {
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| Failure::ClientUnusable(format!("TLS knows no host like {host:?}")))?;
        self.proxy.connect(name, socket).await.map_err(|error| Failure::ProxyTls(failure_of(&error)))
    }
}

fn failure_of(error: &std::io::Error) -> TlsFailure {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let (problem, words, issuer) = match tls {
        Some(Error::InvalidCertificate(CertificateError::Other(OtherError(other)))) => {
            match other.downcast_ref::<Rejected>() {
                Some(rejected) => (problem_of(&rejected.cause), rejected.cause.to_string(), rejected.issuer.clone()),
                None => (TlsProblem::Failed, error.to_string(), None),
            }
        }
        Some(other) => (TlsProblem::Failed, other.to_string(), None),
        None => (TlsProblem::Closed, error.to_string(), None),
    };
    TlsFailure { problem, words, issuer }
}

const fn problem_of(cause: &Error) -> TlsProblem {
    use CertificateError as Cause;
    match cause {
        Error::InvalidCertificate(Cause::UnknownIssuer | Cause::BadSignature) => TlsProblem::Untrusted,
        Error::InvalidCertificate(Cause::NotValidForName | Cause::NotValidForNameContext { .. }) => {
            TlsProblem::WrongName
        }
        Error::InvalidCertificate(
            Cause::Expired | Cause::ExpiredContext { .. } | Cause::NotValidYet | Cause::NotValidYetContext { .. },
        ) => TlsProblem::Expired,
        _ => TlsProblem::Failed,
    }
}

/// Why a certificate was not accepted, and who issued it: that tells a missing `ca_file` from a proxy in the middle.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
struct Rejected {
    cause: Error,
    issuer: Option<String>,
}

/// The usual verifier, except that its refusals name the issuer.
#[derive(Debug)]
struct NamingVerifier(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for NamingVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.0.verify_server_cert(certificate, intermediates, name, ocsp, now).map_err(|cause| {
            let parsed = x509_parser::parse_x509_certificate(certificate).ok();
            let issuer = parsed.map(|(_, certificate)| certificate.issuer().to_string());
            let rejected = Rejected { cause, issuer };
            Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(rejected))))
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Accepts whatever it is shown: `fetch.insecure_tls`. Who does not look at certificates gains nothing from signatures.
#[derive(Debug)]
struct NoVerifier(Vec<SignatureScheme>);

impl ServerCertVerifier for NoVerifier {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}
