//! Every forgery that we know of, as a row: what it is, what it is made of, and the flaw that it is
//! refused for. Through the door all of them get the same answer.

use std::time::Duration;

use api::access::oidc::{Flaw, Issuers};
use api::access::{Gate, Rates};
use api::http::Limits;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use super::issuer::{Issuer, Pair, encoded, pair};
use crate::collecting::start_behind;
use crate::process::caller::Answer;

type Row = (&'static str, String, Flaw);

/// HMAC-SHA256 (RFC 2104), written out: the product has no use for it and we want none.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    use sha2::Digest;
    let mut block = [0_u8; 64];
    match key.len() {
        0..=64 => block[..key.len()].copy_from_slice(key),
        _ => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    let padded = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

/// A token with a header of the forger's and a signature made by `sign`.
fn forged(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| encoded(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = encoded(&sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// Other ways to sign, and keys that are not the issuer's.
fn of_signatures(issuer: &Issuer) -> Vec<Row> {
    let claims = issuer.claims();
    let nothing = |_: &[u8]| Vec::new();
    let with = |header: Value| forged(&header, &claims, nothing);
    let thief = Pair::ed25519();
    let good = pair("ed").token("ed", &claims);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other = pair("ed").token("ed", &issuer.claims_with(&json!({"sub": "desk-8"})));
    let other_signature = other.rsplit_once('.').unwrap().1;
    let rsa = pair("rsa").jwk("rsa");
    let secret = |text: &str| {
        let text = text.as_bytes().to_vec();
        forged(&json!({"alg": "HS256", "kid": "rsa", "typ": "JWT"}), &claims, move |message| {
            hmac(&text, message)
        })
    };
    let by_thief = |header: Value| forged(&header, &claims, |message| thief.sign(message));
    let brought = thief.jwk("ed");
    let mut rows = vec![
        ("HS256 with the public key", secret(&rsa.to_string()), Flaw::Algorithm),
        ("HS256 with the modulus", secret(rsa["n"].as_str().unwrap()), Flaw::Algorithm),
        ("another's signature", by_thief(json!({"alg": "EdDSA", "kid": "ed"})), Flaw::Signature),
        ("no signature", format!("{signed}."), Flaw::Signature),
        ("a short signature", format!("{signed}.{}", &signature[..80]), Flaw::Signature),
        ("the signature of another", format!("{signed}.{other_signature}"), Flaw::Signature),
        (
            "a key brought along",
            by_thief(json!({"alg": "EdDSA", "kid": "ed", "jwk": brought})),
            Flaw::Signature,
        ),
        (
            "a key pointed to",
            by_thief(
                json!({"alg": "EdDSA", "kid": "ed", "jku": "http://127.0.0.1:1/", "x5u": "x"}),
            ),
            Flaw::Signature,
        ),
        ("RSA with the id of Ed25519", pair("rsa").token("ed", &claims), Flaw::Key),
        ("Ed25519 with the id of RSA", pair("ed").token("rsa", &claims), Flaw::Key),
        (
            "signed as RS256, told as ES256",
            forged(&json!({"alg": "ES256", "kid": "rsa"}), &claims, |m| pair("rsa").sign(m)),
            Flaw::Key,
        ),
        ("an unknown key", pair("ed").token("ed2", &claims), Flaw::Key),
        ("a path as id", pair("ed").token("../../../dev/null", &claims), Flaw::Key),
        ("a query as id", pair("ed").token("' OR 1=1 --", &claims), Flaw::Key),
        ("a number as id", with(json!({"alg": "EdDSA", "kid": 1})), Flaw::Malformed),
        ("a long id", with(json!({"alg": "EdDSA", "kid": "k".repeat(257)})), Flaw::Malformed),
        ("no algorithm", with(json!({"kid": "ed"})), Flaw::Algorithm),
        (
            "an extension that must be understood",
            pair("ed")
                .token_of(r#"{"alg":"EdDSA","kid":"ed","crit":["exp"]}"#, &claims.to_string()),
            Flaw::Type,
        ),
    ];
    for name in ["none", "None", "NONE", "", "HS384", "RS512", "PS256", "eddsa", "ES256K"] {
        rows.push(("another algorithm", with(json!({"alg": name, "kid": "ed"})), Flaw::Algorithm));
    }
    for kind in ["logout+jwt", "dpop+jwt", "secevent+jwt", "JWE", ""] {
        let header = json!({"alg": "EdDSA", "kid": "ed", "typ": kind}).to_string();
        let token = pair("ed").token_of(&header, &claims.to_string());
        rows.push(("another type", token, Flaw::Type));
    }
    rows
}

/// Texts that are no tokens, or that say one thing twice.
fn of_form(issuer: &Issuer) -> Vec<Row> {
    let claims = issuer.claims();
    let good = pair("ed").token("ed", &claims);
    let parts: Vec<&str> = good.split('.').collect();
    let header = r#"{"alg":"EdDSA","kid":"ed"}"#;
    let signed = |header: &str, claims: &str| pair("ed").token_of(header, claims);
    let text = claims.to_string();
    let twice = text.replacen('{', r#"{"renkou_role":"upstream","#, 1);
    let deep = text.replacen('{', r#"{"more":{"a":1,"a":2},"#, 1);
    let escaped = text.replacen('{', r#"{"renkou\u005frole":"upstream","#, 1);
    let long = issuer.claims_with(&json!({"more": "x".repeat(8 << 10)}));
    let texts = [
        ("nothing", String::new()),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{good}.{}", parts[2])),
        ("five parts", format!("{good}.{}.{}", parts[1], parts[2])),
        ("dots", "..".to_owned()),
        ("padding", format!("{}=.{}.{}", parts[0], parts[1], parts[2])),
        ("a blank inside", format!("{}. {}.{}", parts[0], parts[1], parts[2])),
        ("other letters", format!("{}.{}.+/{}", parts[0], parts[1], parts[2])),
        ("a role told twice", signed(header, &twice)),
        ("a role told twice, once escaped", signed(header, &escaped)),
        ("a member told twice, deep", signed(header, &deep)),
        ("an algorithm told twice", signed(r#"{"alg":"none","alg":"EdDSA","kid":"ed"}"#, &text)),
        ("a header that is a list", signed("[]", &text)),
        ("claims that are a text", signed(header, "\"x\"")),
        ("two objects", signed(header, &format!("{text}{text}"))),
        ("no JSON", signed(header, "renkou_role=admin")),
        ("too long", pair("ed").token("ed", &long)),
    ];
    texts.into_iter().map(|(name, token)| (name, token, Flaw::Malformed)).collect()
}

/// Tokens that the issuer did sign, and that are not for us, not for now, or grant nothing.
fn of_claims(issuer: &Issuer) -> Vec<Row> {
    let now = Timestamp::now().as_second();
    let person = "00000000-0000-8000-8000-000000000001";
    let rows = [
        ("another audience", json!({"aud": "others"}), Flaw::Audience),
        ("other audiences", json!({"aud": ["others", "Renkou", "renkou "]}), Flaw::Audience),
        ("no audience", json!({"aud": null}), Flaw::Audience),
        ("a number as audience", json!({"aud": 1}), Flaw::Audience),
        ("another issuer", json!({"iss": "https://elsewhere.example/"}), Flaw::Issuer),
        ("nearly the issuer", json!({"iss": format!("{}/", issuer.url)}), Flaw::Issuer),
        ("no issuer", json!({"iss": null}), Flaw::Issuer),
        ("a list of issuers", json!({"iss": [issuer.url]}), Flaw::Issuer),
        ("its time is over", json!({"exp": now - 31}), Flaw::Expired),
        ("long over", json!({"exp": 1}), Flaw::Expired),
        ("its time has not come", json!({"nbf": now + 60}), Flaw::Time),
        ("made in the future", json!({"iat": now + 60}), Flaw::Time),
        ("no end", json!({"exp": null}), Flaw::Time),
        ("a text as end", json!({"exp": (now + 60).to_string()}), Flaw::Time),
        ("an end before all time", json!({"exp": -1}), Flaw::Time),
        ("an end after all time", json!({"exp": 1e300}), Flaw::Time),
        ("it lasts too long", json!({"exp": now + 100_000}), Flaw::Time),
        ("a text as beginning", json!({"nbf": "now"}), Flaw::Time),
        ("no role", json!({"renkou_role": null}), Flaw::Claims),
        ("a role that is none", json!({"renkou_role": "root"}), Flaw::Claims),
        ("a role above the ceiling", json!({"renkou_role": "admin"}), Flaw::Claims),
        ("two roles", json!({"renkou_role": ["verifier", "upstream"]}), Flaw::Claims),
        ("a wider place", json!({"renkou_place": "99"}), Flaw::Claims),
        ("another place", json!({"renkou_place": "990206"}), Flaw::Claims),
        ("no code of a place", json!({"renkou_place": "everywhere"}), Flaw::Claims),
        ("a number as place", json!({"renkou_place": 990_106}), Flaw::Claims),
        ("no department of ours", json!({"renkou_department": "any"}), Flaw::Claims),
        ("purposes that are none", json!({"renkou_purposes": 7}), Flaw::Claims),
        ("an officer with a record", json!({"renkou_person": person}), Flaw::Claims),
        ("a citizen without", json!({"renkou_role": "citizen"}), Flaw::Claims),
        (
            "a citizen of no id",
            json!({"renkou_role": "citizen", "renkou_person": "*"}),
            Flaw::Claims,
        ),
        ("nobody", json!({"sub": null}), Flaw::Claims),
        ("an empty name", json!({"sub": ""}), Flaw::Claims),
        ("a long name", json!({"sub": "n".repeat(256)}), Flaw::Claims),
    ];
    let token = |changed: &Value| pair("ed").token("ed", &issuer.claims_with(changed));
    rows.into_iter().map(|(name, changed, flaw)| (name, token(&changed), flaw)).collect()
}

fn every_row(issuer: &Issuer) -> Vec<Row> {
    [of_signatures(issuer), of_form(issuer), of_claims(issuer)].concat()
}

async fn flaw(issuers: &Issuers, token: &str) -> Option<Flaw> {
    issuers.verify(token, Timestamp::now()).await.err()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_forged_token_opens_anything() {
    let issuer = Issuer::start().await;
    let issuers = issuer.issuers();
    let good = pair("ed").token("ed", &issuer.claims());
    let rows = every_row(&issuer);
    assert!(rows.len() > 80, "{} rows", rows.len());
    for (name, token, due) in &rows {
        assert_eq!(flaw(&issuers, token).await, Some(*due), "{name}: {token}");
        // What was proved before opens nothing for the next.
        assert_eq!(flaw(&issuers, &good).await, None, "after {name}");
    }
    // A bit of each byte of a good token, one at a time.
    for at in 0..good.len() {
        let mut bent = good.clone().into_bytes();
        bent[at] ^= 1;
        let bent = String::from_utf8(bent).unwrap();
        assert!(flaw(&issuers, &bent).await.is_some(), "{bent} opens at {at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_forgery_gets_the_same_answer() {
    let issuer = Issuer::start().await;
    let rates = Rates { bad_tokens_max: 0, ..Rates::default() };
    let gate = |tokens| Gate::new(tokens, issuer.issuers(), rates);
    let service = start_behind(Limits::default(), gate).await;
    let client = reqwest::Client::new();
    let post = async |token: &str| {
        let request = client.post(format!("http://{}/v1/events", service.address));
        Answer::read(request.bearer_auth(token).send().await.unwrap()).await
    };
    let role = json!({"renkou_role": "upstream"});
    let good = pair("rsa").token("rsa", &issuer.claims_with(&role));
    assert_eq!(post(&good).await.problem(415, "unknown_media_type")["status"], 415);
    let due = post("rk_0_x").await.problem(401, "invalid_token");
    for (name, token, flaw) in every_row(&issuer) {
        // A header has no room for nothing.
        if token.is_empty() {
            continue;
        }
        let answer = post(&token).await.problem(401, "invalid_token");
        match flaw {
            Flaw::Expired => assert_ne!(answer, due, "{name}"),
            _ => assert_eq!(answer, due, "{name}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_proved_ends_when_it_says() {
    let issuer = Issuer::start().await;
    let issuers = issuer.issuers();
    let now = Timestamp::now();
    let end = json!({"exp": now.as_second() + 100});
    let token = pair("ec").token("ec", &issuer.claims_with(&end));
    let after = |seconds| now + Duration::from_secs(seconds);
    for (seconds, flaw) in [(0, None), (129, None), (131, Some(Flaw::Expired)), (1, None)] {
        let verified = issuers.verify(&token, after(seconds)).await;
        assert_eq!(verified.err(), flaw, "after {seconds} s");
    }
}
