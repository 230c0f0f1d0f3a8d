//! TLS by the program itself, with a certificate made for the test.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use web::TlsFiles;

use crate::support::{self, Door, TOKEN, event, request, status};

/// A certificate for `localhost` with its key, in files.
fn self_made(folder: &Path) -> (TlsFiles, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles {
        certificate: folder.join("certificate.pem"),
        key: folder.join("key.pem"),
    };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    (files, made.cert.der().clone())
}

fn connector(trusted: CertificateDer<'static>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn an_event_over_tls_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (files, certificate) = self_made(folder.path());
    let door = Door::with(|it| it.tls = Some(files)).await;
    let name = ServerName::try_from("localhost").unwrap();
    let plain = door.connect().await;
    let mut connection = connector(certificate).connect(name, plain).await.unwrap();
    connection.write_all(&request(&event(TOKEN))).await.unwrap();
    assert_eq!(status(&support::answer(&mut connection).await), 200);
    assert_eq!(door.inbox().await, 1);
}

#[tokio::test]
async fn plain_http_and_silence_on_the_tls_port_are_closed() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _certificate) = self_made(folder.path());
    let door = Door::with(|it| {
        it.tls = Some(files);
        it.deadline = Duration::from_millis(200);
    })
    .await;
    let mut plain = door.connect().await;
    plain.write_all(&request(&event(TOKEN))).await.unwrap();
    let mut silent = door.connect().await;
    for connection in [&mut plain, &mut silent] {
        let mut answer = Vec::new();
        let closed = connection.read_to_end(&mut answer);
        let closed = tokio::time::timeout(Duration::from_secs(10), closed).await;
        assert!(closed.is_ok(), "still open");
        assert!(!String::from_utf8_lossy(&answer).contains("HTTP"));
    }
    assert_eq!(door.inbox().await, 0);
}

#[tokio::test]
async fn files_that_are_no_certificate_or_do_not_fit_are_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = self_made(folder.path());
    let other = tempfile::tempdir().unwrap();
    let (others, _) = self_made(other.path());
    let missing = TlsFiles {
        certificate: folder.path().join("nothing.pem"),
        ..files.clone()
    };
    let crossed = TlsFiles {
        key: others.key,
        ..files
    };
    let door = Door::open().await;
    for (files, expected) in [(missing, "nothing.pem"), (crossed, "do not fit")] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refused = web::serve(listener, Some(&files), door.app()).unwrap_err();
        assert!(refused.to_string().contains(expected), "{refused}");
    }
}
