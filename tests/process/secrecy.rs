//! No name and no number of a person stands in plain: not in a byte of the registry's directory,
//! not in a line of the log, whatever was sent and however it was refused.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::caller::{Answer, BATCH, Caller, LINES, STRUCTURED};
use super::events::{citizen_number, event};
use super::server::{Directory, command};
use crate::openapi::{Document, Operation};

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

/// Every route with every canary wherever it takes a word. No error says it back, and no measure.
async fn ask_every_route(callers: &[Caller]) {
    let document = Document::read();
    let mut asked = 0;
    for Operation { path, method, .. } in document.operations() {
        let method: reqwest::Method = method.to_uppercase().parse().expect("a method");
        for (caller, text) in
            callers.iter().flat_map(|one| canaries().into_iter().map(move |t| (one, t)))
        {
            let mut filled = path.to_owned();
            while let Some((before, rest)) = filled.split_once('{') {
                filled = format!("{before}{text}{}", rest.split_once('}').expect("a brace").1);
            }
            let query = ["place", "from", "source", "group_by", "cursor", "valid_on", "position"];
            let query: Vec<_> = query.iter().map(|name| format!("{name}={text}")).collect();
            let request = caller.request(method.clone(), &format!("{filled}?{}", query.join("&")));
            let request = request.header("content-type", &text).header("ce-id", &text);
            let request = request.header("accept", &text).header("idempotency-key", &text);
            let body = json!({"document": {"kind": text, "number": text}, "full_name": text});
            let answer = Answer::read(request.body(body.to_string()).send().await.unwrap()).await;
            asked += 1;
            // What was found may be shown to who may see it; an error or a measure may not.
            if answer.status >= 400 || path == "/metrics" {
                let shown = searchable(answer.body.to_string().as_bytes());
                for spelling in spellings(&text) {
                    let is_said = shown.contains(&searchable(&spelling));
                    assert!(!is_said, "{method} {path} says {text} back: {}", answer.body);
                }
            }
        }
    }
    assert!(asked > 500, "{asked} requests are too few for every route");
}

/// What a log could be made to lie with: ends of lines, colours, ends of JSON, marks of direction.
const FORGERIES: [&str; 5] = [
    "x\r\n{\"level\":\"INFO\",\"fields\":{\"message\":\"forged\"}}",
    "\u{1b}[2J\u{1b}[31mforged",
    "forged\u{0}\u{7}\u{8}\u{9b}31m",
    "forged\",\"level\":\"ERROR",
    "\u{202e}degrof\u{2028}\u{85}",
];

/// Each forgery wherever a word is taken: in events, in addresses, in headers as far as HTTP lets it.
async fn forge(url: &str, callers: &[Caller]) {
    for caller in callers {
        for text in FORGERIES {
            for field in ["id", "source", "type", "subject", "time", "recordedtime", "specversion"]
            {
                let mut sent = accepted(7_777, NAMES[0]);
                sent[field] = json!(text);
                caller.post(&sent).await;
                caller.send(LINES, format!("{sent}\n")).await;
            }
            let percent: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            caller.get(&format!("/v1/persons/{percent}?fields={percent}")).await;
            caller.get(&format!("/{percent}")).await;
            caller
                .ask("/v1/persons/lookup", &json!({"document": {"kind": text, "number": text}}))
                .await;
        }
    }
    let address = url.strip_prefix("http://").expect("plain HTTP").to_owned();
    for text in FORGERIES {
        for line in [
            format!(
                "GET /healthz HTTP/1.1\r\nx-forwarded-for: {text}\r\nauthorization: Bearer {text}"
            ),
            format!("GET /v1/rejections HTTP/1.1\r\nuser-agent: {text}\r\nauthorization: {text}"),
            format!("GET /{text} HTTP/1.1\r\nhost: {text}"),
            format!("{text} / HTTP/1.1"),
        ] {
            let address = address.clone();
            let sent = tokio::task::spawn_blocking(move || {
                let mut stream = std::net::TcpStream::connect(address)?;
                stream.set_read_timeout(Some(std::time::Duration::from_secs(60)))?;
                stream.write_all(format!("{line}\r\nconnection: close\r\n\r\n").as_bytes())?;
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).map(|_| answer)
            });
            let answer = sent.await.expect("a thread").expect("an answer");
            assert!(
                !searchable(&answer).contains("forged"),
                "{}",
                String::from_utf8_lossy(&answer)
            );
        }
    }
}

/// Every line of a log is one JSON object of this program, without a byte that moves a terminal.
fn check_log(log: &[u8]) {
    let text = std::str::from_utf8(log).expect("a log in UTF-8");
    let moves = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2028}\u{2029}".contains(c);
    assert!(!text.contains(moves), "a control character stands in the log");
    for line in text.lines().filter(|line| !line.starts_with("Serving ") && *line != "Stopping.") {
        let told: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        assert!(told["timestamp"].is_string() && told["target"].is_string(), "{line}");
        assert_ne!(told["fields"]["message"], "forged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_sent_forges_a_line_of_the_log() {
    let directory = Directory::make();
    let upstream = directory.token(&["--role", "upstream"]);
    let auditor = directory.token(&["--role", "auditor", "--purposes", "verification"]);
    let server = directory.serve_with(&[("RENKOU_LOG", "trace")]);
    let callers = [server.caller(&upstream), server.caller(&auditor)];
    forge(&server.url, &callers).await;
    let log = directory.beside("stderr");
    server.stop();
    let log = fs::read(log).expect("a log");
    assert!(log.len() > 100_000, "nothing was traced");
    check_log(&log);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_and_no_number_stands_in_plain_anywhere() {
    let directory = Directory::make();
    let upstream = directory.token(&["--role", "upstream"]);
    let verifier = directory.token(&["--role", "verifier", "--purposes", "verification"]);
    let others = ["auditor", "analyst", "admin"]
        .map(|role| directory.token(&["--role", role, "--purposes", "verification"]));
    for _ in 0..2 {
        let server = directory.serve_with(&[("RENKOU_LOG", "trace")]);
        let upstream = server.caller(&upstream);
        let is_first = !server.log().contains("Stopping");
        if is_first {
            send_everything(&upstream).await;
        }
        let head = upstream.get("/readyz").await.with(200)["head"].as_u64().expect("a position");
        let verifier = server.caller(&verifier);
        verifier.get_at("/v1/places/99/people", head).await.with(200);
        read_everything(&verifier).await;
        if is_first {
            let mut callers = vec![upstream, verifier];
            callers.extend(others.iter().map(|token| server.caller(token)));
            ask_every_route(&callers).await;
        }
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
