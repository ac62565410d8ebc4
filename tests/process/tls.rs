//! The service over TLS: Python's client speaks to it, its certificate is changed while it runs, and
//! what cannot be meant stops the start.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use api::http::TlsFiles;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::events::{VILLAGE, certificate, registration};
use super::server::{Directory, Server, root, told};
use crate::certificates::Authority;

/// The settings of a service as variables of its environment.
fn serve(directory: &Directory, files: &TlsFiles) -> Server {
    directory.serve_with(&variables(files))
}

fn variables(files: &TlsFiles) -> Vec<(&str, &str)> {
    let mut variables = vec![
        ("RENKOU_TLS_CERT", files.certificate.to_str().unwrap()),
        ("RENKOU_TLS_KEY", files.key.to_str().unwrap()),
    ];
    if let Some(path) = &files.client_ca {
        variables.push(("RENKOU_TLS_CLIENT_CA", path.to_str().unwrap()));
    }
    variables
}

fn port(server: &Server) -> String {
    server.url.rsplit_once(':').expect("a port").1.to_owned()
}

/// What Python's client tells of each try.
fn speak(server: &Server, authority: &Authority, client: Option<&TlsFiles>) -> Vec<Value> {
    let mut python = Command::new("python3");
    python.arg(root().join("tests/clients/speak_tls.py")).arg(port(server)).arg(&authority.file);
    if let Some(files) = client {
        python.arg(&files.certificate).arg(&files.key);
    }
    let output = python.output().expect("python3");
    assert!(output.status.success(), "{}", told(&output));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn check(tries: &[Value], good: &[&str]) {
    assert_eq!(tries.len(), 7, "{tries:?}");
    for one in tries {
        let name = one["try"].as_str().unwrap();
        assert_eq!(one["status"] == 200, good.contains(&name), "{one}");
        assert_eq!(one["body"]["status"] == "ok", good.contains(&name), "{one}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_client_speaks_tls_to_the_service_and_to_nobody_else() {
    let directory = Directory::make();
    let authority = Authority::make(directory.path().parent().unwrap(), "authority");
    let files = authority.certify("service", &["localhost", "127.0.0.1"]);
    let server = serve(&directory, &files);
    assert!(server.url.starts_with("https://127.0.0.1:"));
    let tries = speak(&server, &authority, None);
    check(&tries, &["newest", "1.2", "1.3"]);
    for (at, version) in [(0, "TLSv1.3"), (1, "TLSv1.2"), (2, "TLSv1.3")] {
        assert_eq!(
            (&tries[at]["version"], &tries[at]["protocol"]),
            (&version.into(), &"http/1.1".into())
        );
    }
    // The program beside it knows it by its certificate, whatever the names in it.
    let checked = directory.check();
    assert!(checked.status.success(), "{}", told(&checked));
    assert!(!server.log().contains("panicked"));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_events_go_over_tls_to_whom_an_authority_vouches_for_and_to_nobody_else() {
    let directory = Directory::make();
    let folder = directory.path().parent().unwrap();
    let (authority, other) = (Authority::make(folder, "ours"), Authority::make(folder, "theirs"));
    let files = authority.certify("service", &["localhost"]);
    let token = directory.token(&["--role", "upstream"]);
    let server = serve(&directory, &files);
    let file = directory.beside("events.ndjson");
    let line = |number: u32| {
        let id = format!("t-{number}");
        registration(&id, &certificate(number), "赵钱孙", VILLAGE).to_string() + "\n"
    };
    let lines: String = (0..600).map(line).collect();
    fs::write(&file, lines + "nonsense\n").unwrap();
    let by_name = format!("https://localhost:{}", port(&server));
    let ingest = |url: &str, words: &[&str]| {
        let file = file.to_str().unwrap();
        let words = [&["ingest", file, "--url", url, "--token", &token], words].concat();
        super::server::run(&words)
    };
    let [ours, theirs] = [&authority, &other].map(|it| it.file.to_str().unwrap());
    for refused in [
        ingest(&by_name, &[]),
        ingest(&by_name, &["--ca", theirs]),
        // The certificate is for another name.
        ingest(&server.url, &["--ca", ours]),
    ] {
        assert!(!refused.status.success());
        assert!(told(&refused).contains("certificate"), "{}", told(&refused));
    }
    let plain = by_name.replace("https", "http");
    let refused = ingest(&plain, &["--ca", ours]);
    assert!(!refused.status.success() && told(&refused).contains("https://"), "{}", told(&refused));
    for counts in ["600 recorded, 0 duplicates", "0 recorded, 600 duplicates"] {
        let sent = ingest(&by_name, &["--ca", ours]);
        assert!(sent.status.success(), "{}", told(&sent));
        let due = format!("{counts}, 0 conflicts, 1 rejected");
        assert!(told(&sent).contains(&due), "{due}: {}", told(&sent));
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_clients_of_the_authority_get_a_connection_where_one_is_named() {
    let directory = Directory::make();
    let folder = directory.path().parent().unwrap();
    let (authority, other) = (Authority::make(folder, "ours"), Authority::make(folder, "theirs"));
    let mut files = authority.certify("service", &["localhost"]);
    files.client_ca = Some(authority.file.clone());
    let server = serve(&directory, &files);
    check(&speak(&server, &authority, None), &[]);
    check(&speak(&server, &authority, Some(&other.certify("stranger", &["x"]))), &[]);
    let friend = authority.certify("friend", &["hospital-1"]);
    check(&speak(&server, &authority, Some(&friend)), &["newest", "1.2", "1.3"]);
    server.stop();
}

/// A connection that trusts one authority.
async fn connect(server: &Server, authority: &Authority) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&authority.file).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(format!("127.0.0.1:{}", port(server))).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("a handshake")
}

/// One request on a connection that stays open; the certificate that the service showed on it.
async fn ask(stream: &mut TlsStream<TcpStream>) -> Vec<u8> {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"{\"status\":\"ok\"}") {
        let mut buffer = [0; 1024];
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "closed after {}", String::from_utf8_lossy(&answer));
        answer.extend(&buffer[..count]);
    }
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_shown_after_a_signal_and_no_connection_ends() {
    let directory = Directory::make();
    let authority = Authority::make(directory.path().parent().unwrap(), "authority");
    let files = authority.certify("service", &["localhost"]);
    let server = serve(&directory, &files);
    let mut standing = connect(&server, &authority).await;
    let old = ask(&mut standing).await;

    let hang_up = async |until: &dyn Fn() -> bool| {
        server.signal("-HUP");
        for _ in 0..1_000 {
            if until() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nothing came of the signal: {}", server.log());
    };
    // A key that does not belong to the certificate changes nothing.
    let good = fs::read(&files.key).unwrap();
    fs::write(&files.key, "-----BEGIN NOTHING-----").unwrap();
    hang_up(&|| server.log().contains("stay as they were")).await;
    assert_eq!(ask(&mut connect(&server, &authority).await).await, old);
    fs::write(&files.key, good).unwrap();

    authority.certify("service", &["localhost"]);
    hang_up(&|| server.log().contains("were read again")).await;
    let new = ask(&mut connect(&server, &authority).await).await;
    assert_ne!(new, old);
    assert_eq!(ask(&mut standing).await, old, "a standing connection goes on");
    let checked = directory.check();
    assert!(checked.status.success(), "{}", told(&checked));
    server.stop();
}

#[test]
fn a_certificate_that_cannot_be_used_stops_the_start() {
    let directory = Directory::make();
    let authority = Authority::make(directory.path().parent().unwrap(), "authority");
    let (files, other) = (authority.certify("one", &["a"]), authority.certify("two", &["b"]));
    let missing = TlsFiles { key: directory.beside("none.key"), ..files.clone() };
    let swapped = TlsFiles { key: other.key.clone(), ..files.clone() };
    let backward = TlsFiles {
        certificate: files.key.clone(),
        key: files.certificate.clone(),
        client_ca: None,
    };
    let no_client = TlsFiles { client_ca: Some(files.key.clone()), ..files.clone() };
    for (files, told) in [
        (&missing, "none.key"),
        (&swapped, "cannot be used"),
        (&backward, "one.key"),
        (&no_client, "one.key"),
    ] {
        let (status, log) = directory.serve_in_vain(&variables(files));
        assert_eq!(status.code(), Some(1), "{log}");
        assert!(log.lines().last().unwrap_or_default().contains(told), "{log}");
    }
    let alone = [("RENKOU_TLS_CERT", files.certificate.to_str().unwrap())];
    let (status, log) = directory.serve_in_vain(&alone);
    assert_eq!(status.code(), Some(2), "{log}");
}
