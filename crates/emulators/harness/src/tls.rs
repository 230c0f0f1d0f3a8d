//! A certificate made at start, so that a client can be tried over real TLS on loopback.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// What a server needs to speak TLS.
#[derive(Clone)]
pub struct Tls {
    pub(crate) acceptor: TlsAcceptor,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// A fresh authority and a certificate from it for `127.0.0.1`, `localhost` and `names`;
    /// the second value is the authority as PEM, for the client to trust.
    ///
    /// Names that cannot stand in a certificate (not ASCII) are left out.
    ///
    /// # Panics
    /// When the system gives no randomness for the keys.
    #[expect(
        clippy::expect_used,
        reason = "the parameters are fixed and valid; without randomness no server can be started"
    )]
    pub fn self_made(names: &[&str]) -> (Self, String) {
        let (issuer, authority_pem) = authority().expect("authority is made of fixed parameters");
        let config = server_config(names, &issuer).expect("certificate is made of valid names");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        (Self { acceptor }, authority_pem)
    }
}

fn authority() -> Result<(Issuer<'static, KeyPair>, String), rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let name = "Emulator authority (local, made at start)";
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((Issuer::new(params, key), pem))
}

fn server_config(
    names: &[&str],
    issuer: &Issuer<'static, KeyPair>,
) -> Result<ServerConfig, Box<dyn std::error::Error>> {
    let given = names.iter().copied().filter(|name| name.is_ascii());
    let all = ["127.0.0.1", "localhost"].into_iter().chain(given);
    let mut params = CertificateParams::new(all.map(str::to_owned).collect::<Vec<_>>())?;
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], secret)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
