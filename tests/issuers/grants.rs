//! What good tokens grant: what their claims say, and never more than the ceiling.

use api::access::Role;
use domain::Place;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::issuer::{Issuer, PAIRS, pair};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_each_algorithm_grants_what_its_claims_say() {
    let issuer = Issuer::start().await;
    let issuers = issuer.issuers();
    for (id, pair) in PAIRS.iter() {
        let header = json!({"alg": pair.algorithm(), "typ": "application/at+jwt"}).to_string();
        let named = pair.token(id, &issuer.claims());
        let unnamed = pair.token_of(&header, &issuer.claims().to_string());
        for token in [named, unnamed] {
            let grant = issuers.verify(&token, Timestamp::now()).await.unwrap();
            assert_eq!(grant.subject, "province:desk-7");
            assert_eq!((grant.role, grant.department), (Role::Verifier, Some(*b"CIV")));
            assert_eq!(grant.place, Some(Place::parse("990106").unwrap()));
            // `audit` is above the ceiling.
            assert_eq!(grant.purposes, ["verification"]);
            let again = issuers.verify(&token, Timestamp::now()).await.unwrap();
            assert_eq!(again, grant);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_are_missing_leave_the_ceiling() {
    let issuer = Issuer::start().await;
    let issuers = issuer.issuers();
    let person = "00000000-0000-8000-8000-000000000001";
    let citizen = json!({"renkou_role": ["offline_access", "citizen"], "renkou_person": person});
    let number = "11010519491231002X";
    let uuid = "7f3c9a52-4a1e-4a55-9d2f-0123456789ab";
    type Row<'a> = (Value, Option<&'a [u8; 3]>, &'a str, &'a [&'a str], bool);
    let rows: [Row<'_>; 8] = [
        (json!({}), Some(b"CIV"), "990106", &["verification"], true),
        (json!({"renkou_place": null}), Some(b"CIV"), "9901", &["verification"], true),
        (json!({"renkou_department": null}), None, "990106", &["verification"], true),
        (
            json!({"renkou_purposes": "audit verification"}),
            Some(b"CIV"),
            "990106",
            &["verification"],
            true,
        ),
        (json!({"renkou_purposes": null, "sub": uuid}), Some(b"CIV"), "990106", &[], true),
        // Neither a citizen's name nor what may be a number stands in a log.
        (citizen, Some(b"CIV"), "990106", &["verification"], false),
        (json!({"sub": number}), Some(b"CIV"), "990106", &["verification"], false),
        (json!({"sub": "\u{1b}[31m\r\nx"}), Some(b"CIV"), "990106", &["verification"], false),
    ];
    for (changed, department, place, purposes, is_shown) in rows {
        let claims = issuer.claims_with(&changed);
        let token = pair("ed").token("ed", &claims);
        let verified = issuers.verify(&token, Timestamp::now()).await;
        let grant = verified.unwrap_or_else(|flaw| panic!("{flaw}: {claims}"));
        assert_eq!(grant.department.as_ref(), department, "{claims}");
        assert_eq!(grant.place, Some(Place::parse(place).unwrap()), "{claims}");
        assert_eq!(grant.purposes, purposes, "{claims}");
        assert_eq!(grant.role == Role::Citizen, grant.person.is_some(), "{claims}");
        let sub = claims["sub"].as_str().unwrap();
        assert_eq!(grant.subject.contains(sub), is_shown, "{}", grant.subject);
        assert!(grant.subject.starts_with("province:") && !grant.id.contains(sub));
    }
}
