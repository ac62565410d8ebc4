//! Thousands of requests made up by a foreign program from the OpenAPI document: no answer is an
//! error of the service or one that the document does not know. Takes minutes, so `make nightly` runs
//! it.

use std::process::Command;

use serde_json::Value;

use super::clients::python_with;
use super::events::{OTHER_VILLAGE, VILLAGE, certificate, registration};
use super::server::{Directory, root};

/// Who asks: a role and its purposes.
const WHO: [(&str, &str); 5] = [
    ("auditor", "audit"),
    ("verifier", "verification"),
    ("upstream", "service"),
    ("analyst", "statistics"),
    ("admin", "registration"),
];

/// Headers that cannot be made up one by one: a place of the log that does not come is waited for
/// in vain, and the others go together.
const LEFT_OUT: [&str; 4] = ["AtLeast", "HiddenUntil", "LegalBasis", "HiddenApprovedBy"];

/// Routes whose bodies are signed by somebody, which no program makes up.
const SIGNED: [&str; 2] = ["/v1/log/cosignature", "/v1/log/reads/cosignature"];

/// Guessers of tokens are locked out, which the tests of the door look at; and a form cannot say all
/// that is refused: days that are none, pages that nobody gave.
const NOT_CHECKED: &str = "ignored_auth,positive_data_acceptance,negative_data_rejection";

/// The document as a caller of random requests can keep to it.
fn document() -> Value {
    let text = std::fs::read_to_string(root().join("api/src/http/openapi.json"));
    let mut document: Value = serde_json::from_str(&text.expect("a document")).expect("JSON");
    let paths = document["paths"].as_object_mut().expect("paths");
    paths.retain(|path, _| !SIGNED.contains(&&path[..]));
    let left_out = |parameter: &Value| {
        let named = parameter["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        named.is_some_and(|name| LEFT_OUT.contains(&name))
    };
    let operations =
        paths.values_mut().filter_map(Value::as_object_mut).flat_map(|p| p.values_mut());
    for operation in operations {
        if let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) {
            parameters.retain(|parameter| !left_out(parameter));
        }
        // No program makes lines up.
        if let Some(Value::Object(kinds)) = operation.pointer_mut("/requestBody/content") {
            kinds.remove("application/x-ndjson");
        }
    }
    document
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn no_random_request_gets_an_answer_that_the_document_does_not_know() {
    let directory = Directory::make();
    let file = directory.beside("openapi.json");
    std::fs::write(&file, document().to_string()).expect("a file");
    let tokens =
        WHO.map(|(role, purpose)| directory.token(&["--role", role, "--purposes", purpose]));
    let server = directory.serve();
    let upstream = server.caller(&tokens[2]);
    for number in 0..40 {
        let place = if number % 3 == 0 { OTHER_VILLAGE } else { VILLAGE };
        let sent = registration(&format!("r-{number}"), &certificate(number), "上官㐂鿍", place);
        upstream.record(&sent).await;
    }
    let programs = python_with("random-requests", "random_requests.txt");
    for ((role, _), token) in WHO.iter().zip(&tokens) {
        let mut run = Command::new(programs.join("st"));
        run.arg("run").arg(&file).args(["--url", &server.url, "--no-color", "--seed", "1"]);
        run.args(["--phases", "examples,coverage,fuzzing", "--max-examples", "30"]);
        run.args(["--suppress-health-check", "all", "--continue-on-failure"]);
        run.args(["--checks", "all", "--exclude-checks", NOT_CHECKED]);
        run.args(["--header", &format!("Authorization: Bearer {token}")]);
        let output = tokio::task::spawn_blocking(move || run.output()).await.expect("a thread");
        let output = output.expect("the program runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "as {role}:\n{told}");
        assert!(!told.contains(token.as_str()), "a token is printed");
    }
    server.stop();
}
