//! Bodies of requests that are no events: refused with what is wrong and where, after who may not
//! ask at all was refused, and without a word of what was sent.

use reqwest::Method;
use serde_json::json;

use crate::process::caller::{Answer, Caller};
use crate::process::server::Directory;

const JSON: &str = "application/json";

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_fit_is_refused_with_what_and_where() {
    let directory = Directory::make();
    let [admin, verifier] = [
        directory.token(&["--role", "admin"]),
        directory.token(&["--role", "verifier", "--purposes", "verification"]),
    ];
    let server = directory.serve();
    let [admin, verifier] = [admin, verifier].map(|token| server.caller(&token));
    let send = async |caller: &Caller, path: &str, media_type: &str, body: &'static str| {
        let request = caller.request(Method::POST, path).header("content-type", media_type);
        Answer::read(request.body(body).send().await.expect("an answer")).await
    };
    let erasure = "/v1/persons/7b0d3c52-94a1-8e6f-9c1d-2f5a60b7e811/erasure";
    let sealing = "/v1/persons/7b0d3c52-94a1-8e6f-9c1d-2f5a60b7e811/sealing";
    let lookup = "/v1/persons/lookup";
    let rows = [
        (lookup, JSON, r#"{"document": {"number": 7}}"#, "unfit", "/document/number"),
        (lookup, JSON, r#"{"document": {"kind": "passport"}}"#, "missing", "/document/number"),
        ("/v1/persons/search", JSON, r#"{"full_name": ["王小花"]}"#, "unfit", "/full_name"),
        (erasure, JSON, r#"{"order": "A"}"#, "missing", "/approved_by"),
        (erasure, JSON, r#"{"order": "A", "approved_by": 7}"#, "unfit", "/approved_by"),
        (erasure, "application/x+json; charset=utf-8", r#"["王小花"]"#, "unfit", ""),
        (erasure, JSON, r#"{"order": "A", "王小花": "B"}"#, "unknown_member", ""),
        (
            sealing,
            JSON,
            r#"{"order": "A", "approved_by": "B", "until": "2044-01-01", "topics": ["x", 1]}"#,
            "unfit",
            "/topics/1",
        ),
    ];
    for (path, media_type, body, code, pointer) in rows {
        let caller = if path == erasure || path == sealing { &admin } else { &verifier };
        let refused = send(caller, path, media_type, body).await.problem(400, "bad_request");
        let fault = json!([{"code": code, "pointer": pointer}]);
        let mut told = refused["errors"].clone();
        told[0].as_object_mut().expect("a fault").remove("message").expect("in words");
        assert_eq!((told, &refused["status"]), (fault, &json!(400)), "{body}");
        assert!(!refused.to_string().contains("王小花"), "{refused}");
    }
    for body in ["", "{", "{\n \"order\": \"A\",}", r#"{"order": "A", "approved_by": "B"} x"#] {
        let refused = send(&admin, erasure, JSON, body).await.problem(400, "bad_request");
        let told = refused["detail"].as_str().expect("a text");
        assert!(told.starts_with("不是有效的 JSON:第"), "{body}: {told}");
    }
    let whole = r#"{"order": "A", "approved_by": "B"}"#;
    send(&admin, erasure, "text/plain", whole).await.problem(415, "unknown_media_type");
    send(&admin, erasure, JSON, whole).await.problem(404, "not_found");
    for body in ["{", "{}", whole] {
        send(&verifier, erasure, JSON, body).await.problem(403, "not_allowed");
    }
    server.stop();
}
