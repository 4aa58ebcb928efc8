//! A certificate authority of the test's own, and a certificate of it for what listens on loopback.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls_pki_types::PrivateKeyDer;
use tokio_rustls::rustls::ServerConfig;

/// The server's side of TLS, and the certificate of its authority.
pub struct Certificate {
    pub tls: Arc<ServerConfig>,
    pub authority: String,
}

impl Certificate {
    /// For 127.0.0.1 and `localhost`, signed by an authority of this name.
    pub fn for_loopback(authority_name: &str) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.distinguished_name.push(DnType::CommonName, authority_name);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        let chain = vec![certificate.der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        Self { tls: Arc::new(config), authority: authority.pem() }
    }
}
