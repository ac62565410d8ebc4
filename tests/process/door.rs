//! A served registry and the issuers that its directory names.

use std::fs;

use jiff::Timestamp;
use serde_json::json;

use super::server::Directory;
use crate::issuers::issuer::{CEILING, Issuer, pair};

#[tokio::test(flavor = "multi_thread")]
async fn a_served_registry_takes_the_tokens_of_its_issuers_and_counts_the_others() {
    let directory = Directory::make();
    let admin = directory.token(&["--role", "admin"]);
    let issuer = Issuer::start().await;
    let settings = directory.path().join("issuers.toml");
    fs::copy(issuer.settings(CEILING), &settings).expect("the settings");
    let server = directory.serve_with(&[("RENKOU_LOG", "debug")]);

    let officer = server.caller(&pair("rsa").token("rsa", &issuer.claims()));
    let place = "/v1/places/990106/people";
    assert_eq!(officer.get(place).await.with(200)["people"], json!([]));
    officer.get("/v1/places/990206/people").await.problem(404, "not_found");
    officer.purpose("audit").get(place).await.problem(403, "purpose_not_granted");
    officer.get("/metrics").await.problem(403, "not_allowed");
    let over = json!({"exp": Timestamp::now().as_second() - 60});
    let over = server.caller(&pair("ed").token("ed", &issuer.claims_with(&over)));
    let over = over.get(place).await.problem(401, "invalid_token");
    assert_eq!(over["detail"], "令牌已过期");
    let forged = server.caller(&pair("ed").token("rsa", &issuer.claims()));
    forged.get(place).await.problem(401, "invalid_token");
    forged.get(place).await.problem(401, "invalid_token");

    let measures = server.caller(&admin).get("/metrics").await.with(200);
    let measures = measures.as_str().expect("a text");
    for due in [
        "renkou_issuer_tokens_refused_total{flaw=\"expired\"} 1\n",
        "renkou_issuer_tokens_refused_total{flaw=\"key\"} 2\n",
        "renkou_issuer_tokens_refused_total{flaw=\"signature\"} 0\n",
        "renkou_issuer_key_sets_failed_total 0\n",
        "renkou_tokens_refused_total 0\n",
        "renkou_peers_locked_out_total 0\n",
    ] {
        assert!(measures.contains(due), "{due} is not in {measures}");
    }
    let log = server.log();
    assert!(log.contains("a token of an issuer was refused") && !log.contains("desk-7"), "{log}");
    server.stop();

    // Settings that cannot be meant stop the start.
    let text = fs::read_to_string(&settings).expect("the settings");
    fs::write(&settings, text.replace("roles", "rolls")).expect("a file");
    let (status, log) = directory.serve_in_vain(&[]);
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("issuers.toml") && log.contains("rolls"), "{log}");
}
