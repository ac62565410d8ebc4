//! Keys of issuers: fetched when needed, again when they change, never more often than that.

use std::sync::Arc;
use std::time::Duration;

use api::access::oidc::{Flaw, Issuers};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto::ring};

use super::issuer::{CEILING, Issuer, Pair, encoded, key_set, pair};

const KEYS: &str = "/realm/keys";
const DISCOVERY: &str = "/realm/.well-known/openid-configuration";

async fn flaw(issuers: &Issuers, token: &str) -> Option<Flaw> {
    issuers.verify(token, Timestamp::now()).await.err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_found_and_one_that_is_gone_opens_nothing() {
    let issuer = Issuer::start().await;
    let issuers = issuer.issuers();
    let old = pair("ed").token("ed", &issuer.claims());
    assert_eq!(flaw(&issuers, &old).await, None);
    assert_eq!((issuer.asked(DISCOVERY), issuer.asked(KEYS)), (1, 1));

    let next = Pair::ed25519();
    issuer.publish(&json!({"keys": [next.jwk("ed2")]}));
    let new = next.token("ed2", &issuer.claims());
    assert_eq!(flaw(&issuers, &new).await, Some(Flaw::Key), "asked a moment ago");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(flaw(&issuers, &new).await, None);
    // Although it was proved before.
    assert_eq!(flaw(&issuers, &old).await, Some(Flaw::Key));
    // The same id, another key: what the old one signed is void.
    let reused = next.token("ed", &issuer.claims());
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    issuer.publish(&json!({"keys": [next.jwk("ed")]}));
    assert_eq!(flaw(&issuers, &reused).await, None);
    assert_eq!(flaw(&issuers, &old).await, Some(Flaw::Signature));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_an_issuer_is_asked_now_and_then() {
    let issuer = Issuer::start().await;
    let issuers = Arc::new(issuer.issuers());
    let begun = std::time::Instant::now();
    let mut sending = Vec::new();
    for sender in 0..20 {
        let (issuers, claims) = (Arc::clone(&issuers), issuer.claims());
        sending.push(tokio::spawn(async move {
            for number in 0..20 {
                let token = pair("ed").token(&format!("key-{sender}-{number}"), &claims);
                assert_eq!(flaw(&issuers, &token).await, Some(Flaw::Key));
            }
            let good = pair("ed").token("ed", &claims);
            assert_eq!(flaw(&issuers, &good).await, None);
        }));
    }
    for sent in sending {
        sent.await.unwrap();
    }
    let asked = issuer.asked(KEYS);
    let allowed = begun.elapsed().as_secs() as usize + 1;
    assert!((1..=allowed).contains(&asked), "asked {asked} times, {allowed} are allowed");
}

/// What an issuer may serve, and whether the token of its Ed25519 key opens then.
fn rows() -> Vec<(&'static str, String, bool)> {
    let ed = || pair("ed").jwk("ed");
    let set = |keys: Value| json!({ "keys": keys }).to_string();
    let with = |name: &str, value: Value| {
        let mut key = ed();
        key[name] = value;
        set(json!([key]))
    };
    let secret = json!({"kty": "oct", "k": encoded(b"secret"), "kid": "ed", "alg": "HS256"});
    let many: Vec<_> = (0..65).map(|number| pair("ed").jwk(&number.to_string())).collect();
    vec![
        ("its keys", key_set().to_string(), true),
        ("a secret beside it", set(json!([secret, ed()])), true),
        ("a key that is no object", set(json!(["x", ed()])), true),
        ("a use that is told", with("key_ops", json!(["verify"])), true),
        ("an algorithm that is told", with("alg", json!("EdDSA")), true),
        ("another algorithm", with("alg", json!("RS256")), false),
        ("a key for encryption", with("use", json!("enc")), false),
        ("a key for other things", with("key_ops", json!(["encrypt"])), false),
        ("another curve", with("crv", json!("X25519")), false),
        ("a short key", with("x", json!(encoded(&[1; 31]))), false),
        ("a key twice", set(json!([ed(), ed()])), false),
        ("a secret", set(json!([secret])), false),
        ("no keys", set(json!([])), false),
        ("more keys than are meant", set(json!(many)), false),
        ("too long", format!("{}{}", key_set(), " ".repeat(256 << 10)), false),
        ("a member twice", key_set().to_string().replacen('{', "{\"keys\":[],", 1), false),
        ("no set", "[]".to_owned(), false),
        ("no JSON", "<html>".to_owned(), false),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn only_keys_for_signatures_are_taken_from_a_set() {
    let issuer = Issuer::start().await;
    for (name, body, opens) in rows() {
        issuer.answer_with(KEYS, "200 OK", &body);
        let token = pair("ed").token("ed", &issuer.claims());
        let due = (!opens).then_some(Flaw::Key);
        assert_eq!(flaw(&issuer.issuers(), &token).await, due, "{name}");
    }
    // Keys too weak to be believed.
    let [n, e] = match pair("rsa") {
        Pair::Rsa(_, parts) => parts.clone(),
        _ => unreachable!("an RSA pair"),
    };
    for (modulus, exponent) in [(&n[..255], &e[..]), (&n[..], &[3][..]), (&n[..], &[1, 0, 0][..])] {
        let mut key = pair("rsa").jwk("rsa");
        (key["n"], key["e"]) = (json!(encoded(modulus)), json!(encoded(exponent)));
        issuer.publish(&json!({ "keys": [key] }));
        let token = pair("rsa").token("rsa", &issuer.claims());
        assert_eq!(flaw(&issuer.issuers(), &token).await, Some(Flaw::Key));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_away_opens_nothing_and_comes_back() {
    let issuer = Issuer::start().await;
    let token = pair("ed").token("ed", &issuer.claims());
    let other =
        json!({"issuer": "https://elsewhere.example", "jwks_uri": format!("{}/keys", issuer.url)});
    let plain = json!({"issuer": issuer.url, "jwks_uri": "http://login.example/keys"});
    let away = [
        (KEYS, "500 Oops", String::new()),
        // A redirect is no answer, wherever it leads.
        (DISCOVERY, "302 Found", String::new()),
        (DISCOVERY, "200 OK", "silence".to_owned()),
        (DISCOVERY, "200 OK", other.to_string()),
        (DISCOVERY, "200 OK", plain.to_string()),
    ];
    for (path, status, body) in away {
        issuer.answer_with(path, status, &body);
        let issuers = issuer.issuers();
        assert_eq!(flaw(&issuers, &token).await, Some(Flaw::Key), "{path} {status}");
        issuer.publish(&key_set());
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        assert_eq!(flaw(&issuers, &token).await, None);
        // One that goes away again is believed on the keys that it had.
        issuer.answer_with(path, status, &body);
        assert_eq!(flaw(&issuers, &pair("ec").token("ec", &issuer.claims())).await, None);
        issuer.publish(&key_set());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_over_tls_from_the_server_of_the_name() {
    for (host, opens) in [("localhost", true), ("elsewhere.example", false)] {
        let made = rcgen::generate_simple_self_signed(vec![host.to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let chain = vec![CertificateDer::from(made.cert.der().to_vec())];
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let tls = (TlsAcceptor::from(Arc::new(config)), made.cert.pem());
        let issuer = Issuer::start_over(Some(tls)).await;
        let token = pair("ed").token("ed", &issuer.claims());
        let due = (!opens).then_some(Flaw::Key);
        assert_eq!(flaw(&issuer.issuers(), &token).await, due, "{host}");
        // Nobody vouches for it without the file.
        let settings = issuer.settings(CEILING);
        let text = std::fs::read_to_string(&settings).unwrap();
        std::fs::write(&settings, text.replace("ca_file = \"ca.pem\"\n", "")).unwrap();
        let issuers = Issuers::open(&settings).unwrap();
        assert_eq!(flaw(&issuers, &token).await, Some(Flaw::Key), "{host}");
    }
}
