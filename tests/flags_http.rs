//! What the audit rules doubt, over HTTP from the real service: in receipts, and of a person with
//! those around them, on record as every read.

use serde_json::{Value, json};

use crate::process::events::{VILLAGE, certificate, citizen, event, registration};
use crate::process::server::Directory;

fn rules(flags: &Value) -> Vec<&str> {
    flags.as_array().expect("flags").iter().map(|flag| flag["rule"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_are_read_on_record_and_look_at_relatives() {
    let directory = Directory::make();
    let token = |words: &[&str]| directory.token(&[&["--role"], words].concat());
    let upstream = token(&["upstream"]);
    let verifier = token(&["verifier", "--purposes", "verification"]);
    let elsewhere = token(&["verifier", "--purposes", "verification", "--place", "990102"]);
    let server = directory.serve();
    let (upstream, verifier) = (server.caller(&upstream), server.caller(&verifier));
    let elsewhere = server.caller(&elsewhere);

    let (mother, child) = (citizen(2), certificate(1));
    let mut told = registration("r", &mother, "陈小明", VILLAGE);
    told["data"]["items"]["sex"] = json!("1");
    told["data"]["items"]["birth_date"] = json!("1970-01-01");
    upstream.record(&told).await;
    let more = json!({"items": {"full_name": "张小明"}, "mother": {"document": mother}});
    let birth = event("b", "birth", &child, "2026-03-02", more);
    let first = upstream.record(&birth).await;
    let found = rules(&first["flags"]);
    assert!(found.contains(&"C08") && found.contains(&"C02"), "{first}");
    assert_eq!(upstream.post(&birth).await.with(200)["flags"], first["flags"]);
    let path = format!("/v1/persons/{}/flags", first["person_id"].as_str().unwrap());
    let at = |receipt: &Value| receipt["position"].as_u64().unwrap() + 1;

    let answer = verifier.get_at(&path, at(&first)).await.with(200);
    let found = rules(&answer["flags"]);
    assert!(found.contains(&"C04") && found.contains(&"X16"), "{answer}");
    assert!(found.contains(&"X15"), "the mother is a man by the record: {answer}");
    let flag = &answer["flags"][found.iter().position(|rule| *rule == "C04").unwrap()];
    assert_eq!(
        *flag,
        json!({
            "rule": "C04", "class": "completeness", "severity": "error",
            "items": ["birth_place_code"], "edition": 1,
            "message": {"zh": "出生地未填", "en": "the place of birth is missing"},
        })
    );
    assert!(rules_of(&answer["not_evaluated"]).contains(&"X03"), "no household is known");
    assert!(answer["as_of"]["position"].as_u64() >= first["position"].as_u64());
    elsewhere.get(&path).await.problem(404, "not_found");
    verifier.purpose("").get(&path).await.problem(400, "purpose_required");
    // A value that comes clears what was missing.
    let items = json!({"items": {"birth_place_code": "990101"}});
    let seen = upstream.record(&event("o", "observation", &child, "2026-05-03", items)).await;
    assert!(!rules(&seen["flags"]).contains(&"C04"));
    let seen = seen["position"].as_u64().unwrap();
    let answer = verifier.get_at(&path, seen).await.with(200);
    assert!(!rules(&answer["flags"]).contains(&"C04"), "{answer}");
    server.stop();
}

fn rules_of(names: &Value) -> Vec<&str> {
    names.as_array().expect("names").iter().filter_map(Value::as_str).collect()
}
