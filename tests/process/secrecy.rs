//! No name and no number of a person stands in plain: not in a byte of the registry's directory,
//! not in a line of the log, whatever was sent and however it was refused.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::caller::{BATCH, Caller, LINES, STRUCTURED};
use super::events::{citizen_number, event};
use super::server::{Directory, command};

/// Names with rare characters, the last two outside the basic plane, and texts that identify.
const NAMES: [&str; 4] = ["㐂鿍龘", "阿卜杜热合曼·麦麦提", "𠮷𪚥", "Ćánâry-Näme"];
const NUMBERS: [&str; 3] = ["13899776655", "E99887766", "X99887755443"];

fn canaries() -> Vec<String> {
    let texts = NAMES.iter().chain(&NUMBERS).map(|text| (*text).to_owned());
    texts.chain([citizen_number(7_777), citizen_number(8_888)]).collect()
}

/// The ways in which a text may be written down.
fn spellings(text: &str) -> Vec<Vec<u8>> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let is_plain = |unit: &u16| (0x20..0x7f).contains(unit);
    let escape = |unit: u16, escaped: String| {
        if is_plain(&unit) { String::from(unit as u8 as char) } else { escaped }
    };
    let json: String = text.encode_utf16().map(|u| escape(u, format!("\\u{u:04x}"))).collect();
    let all_json: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let rust: String = text.escape_unicode().collect();
    let percent: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let bytes: String = text.escape_default().to_string().chars().filter(|c| *c != '\\').collect();
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let escaped: String = text.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
    let hex = hex(text.as_bytes());
    let shown = format!("{:?}", text.as_bytes());
    let shown = shown.trim_matches(['[', ']']).to_owned();
    [json.to_uppercase().replace("\\U", "\\u"), hex.to_uppercase(), percent.to_lowercase()]
        .into_iter()
        .chain([text.to_owned(), json, all_json, rust, percent, bytes, hex, escaped, shown])
        .map(String::into_bytes)
        .chain([utf16])
        .collect()
}

/// Bytes as a text of as many characters, in which the standard library searches fast.
fn searchable(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// An event in which every free text is a canary.
fn accepted(number: u32, name: &str) -> Value {
    let id = citizen_number(number);
    let more = json!({
        "items": {"full_name": name, "phone": NUMBERS[0], "employer": name, "door_plate": name,
                  "residence_address": name, "household_id": NUMBERS[1]},
        "mother": {"document": {"kind": "passport", "number": NUMBERS[1]}},
        "certificate_no": NUMBERS[2],
        "note": {"said": [name, id]},
    });
    let document = json!({"kind": "citizen_id", "number": id});
    let mut sent = event(&format!("{name} {id}"), "registration", &document, "2026-03-01", more);
    sent["subject"] = json!(name);
    sent
}

/// Submissions that are refused, each for another reason.
fn refused(name: &str) -> Vec<(&'static str, String)> {
    let document = json!({"kind": "citizen_id", "number": citizen_number(8_888)});
    let one = |more| event(&format!("no {name}"), "observation", &document, "2026-03-01", more);
    let mut strange = one(json!({}));
    strange["type"] = json!(format!("renkou.{name}.v1"));
    let mut sourceless = one(json!({}));
    sourceless["source"] = json!(format!("/{name}/{}", NUMBERS[0]));
    let mut wrong_number = one(json!({}));
    wrong_number["data"]["person"]["document"]["number"] = json!(format!("{}0", NUMBERS[0]));
    let structured = [
        one(
            json!({"items": {"sex": name, "phone": format!("{name}{name}{name}{name}{name}{name}")}}),
        ),
        one(json!({"items": {name: NUMBERS[0]}})),
        one(json!({"occurred_on": name, "place": NUMBERS[1], "channel": name})),
        one(json!({"observations": name, "mother": {"document": {"kind": name, "number": name}}})),
        strange,
        sourceless,
        wrong_number,
    ];
    let mut sent: Vec<_> = structured.iter().map(|e| (STRUCTURED, e.to_string())).collect();
    sent.push((STRUCTURED, format!("{{\"id\": \"{name}\", {}", NUMBERS[0])));
    sent.push((BATCH, format!("[{}, {{\"{name}\": }}]", structured[0])));
    sent.push((LINES, format!("{}\n{name} {}\n", structured[1], NUMBERS[2])));
    sent.push((LINES, format!("{{\"id\":\"{}\"}}\n", name.repeat(400_000))));
    sent.push(("text/plain", format!("{name} {}", NUMBERS[0])));
    sent
}

async fn send_everything(upstream: &Caller) {
    for (number, name) in [(7_777, NAMES[0]), (8_888, NAMES[1])] {
        let mut sent = accepted(number, name);
        upstream.record(&sent).await;
        upstream.post(&sent).await.with(200);
        sent["data"]["items"]["employer"] = json!(NAMES[2]);
        upstream.post(&sent).await.problem(409, "conflict");
    }
    for name in NAMES {
        for (media_type, body) in refused(name) {
            let answer = upstream.send(media_type, body).await;
            assert!((200..500).contains(&answer.status), "{}", answer.body);
        }
        let atomic = [accepted(7_777, name), json!({"id": name})];
        let request = upstream.request(reqwest::Method::POST, "/v1/events?atomic=true");
        let request = request.header("content-type", BATCH).body(json!(atomic).to_string());
        assert_eq!(request.send().await.expect("an answer").status(), 422);
        let headers = upstream.request(reqwest::Method::POST, "/v1/events");
        let headers = headers.header("content-type", "application/json").header("ce-id", name);
        let headers = headers.header("ce-subject", NUMBERS[0]).body(format!("{{\"{name}\": 1}}"));
        assert_eq!(headers.send().await.expect("an answer").status(), 400);
    }
}

async fn read_everything(verifier: &Caller) {
    let id =
        verifier.look_up(&json!({"kind": "citizen_id", "number": citizen_number(7_777)})).await;
    let id = id.expect("a person");
    let archive = verifier.get(&format!("/v1/persons/{id}")).await.with(200);
    assert_eq!(archive["items"]["full_name"]["value"], NAMES[0]);
    verifier.get(&format!("/v1/persons/{id}/history")).await.with(200);
    let found = verifier.ask("/v1/persons/search", &json!({"full_name": NAMES[0]})).await.with(200);
    assert_eq!(found["persons"].as_array().expect("persons").len(), 1);
    verifier.get("/v1/rejections").await.with(200);
    for text in canaries() {
        let document = json!({"kind": "passport", "number": text});
        verifier.ask("/v1/persons/lookup", &json!({"document": document})).await;
        verifier.ask("/v1/persons/lookup", &json!({"document": text})).await;
        verifier.ask("/v1/persons/search", &json!({"full_name": text, "place": text})).await;
        verifier.ask("/v1/persons/search", &json!({"full_name": text})).await.with(200);
        verifier.get(&format!("/v1/persons/{text}")).await.problem(404, "not_found");
        verifier.get(&format!("/v1/places/{text}/people")).await;
        verifier.get(&format!("/v1/{text}?{text}={text}")).await;
        verifier.get(&format!("/v1/persons/{id}?fields={text}&valid_on={text}")).await;
        verifier.get(&format!("/v1/persons/{id}?fields={text}")).await.with(200);
        verifier.get(&format!("/v1/rejections?source={text}&since={text}")).await;
        let request = verifier.request(reqwest::Method::GET, "/v1/rejections");
        let request = request.header("at-least", &text).header("accept-language", &text);
        let request = request.header("user-agent", &text).header("purpose", &text);
        request.send().await.expect("an answer");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_and_no_number_stands_in_plain_anywhere() {
    let directory = Directory::make();
    let upstream = directory.token(&["--role", "upstream"]);
    let verifier = directory.token(&["--role", "verifier", "--purposes", "verification"]);
    for _ in 0..2 {
        let server = directory.serve_with(&[("RENKOU_LOG", "trace")]);
        let upstream = server.caller(&upstream);
        if !server.log().contains("Stopping") {
            send_everything(&upstream).await;
        }
        let head = upstream.get("/readyz").await.with(200)["head"].as_u64().expect("a position");
        let verifier = server.caller(&verifier);
        verifier.get_at("/v1/places/99/people", head).await.with(200);
        read_everything(&verifier).await;
        server.stop();
    }
    let mut check = command(&["replay", "check", "--data", directory.data()]);
    let check = check.env("RENKOU_LOG", "trace").output().expect("the binary runs");
    assert!(check.status.success());
    let log = directory.beside("stderr");
    assert!(fs::metadata(&log).expect("a log").len() > 10_000, "nothing was traced");
    fs::write(directory.beside("check"), check.stderr).expect("a file");

    let mut found = vec![log, directory.beside("check")];
    files(directory.path(), &mut found);
    assert!(found.len() > 8, "{found:?}");
    let texts: Vec<_> = found.iter().map(|p| searchable(&fs::read(p).expect("a file"))).collect();
    let sample = searchable(accepted(7_777, NAMES[0]).to_string().as_bytes());
    for canary in [NAMES[0], NUMBERS[0], &citizen_number(7_777)] {
        let seen = spellings(canary).iter().any(|s| sample.contains(&searchable(s)));
        assert!(seen, "the search itself is blind to {canary}");
    }
    for canary in canaries() {
        for spelling in spellings(&canary) {
            let spelling = searchable(&spelling);
            for (path, text) in found.iter().zip(&texts) {
                let path = path.display();
                assert!(!text.contains(&spelling), "{canary} stands in {path} as {spelling}");
            }
        }
    }
}
