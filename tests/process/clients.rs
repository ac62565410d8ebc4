//! The clients that upstream systems really use: the official CloudEvents libraries of Python and
//! JavaScript, and plain scripts. Whatever they send is stored as if written by hand.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::caller::Caller;
use super::events::{citizen, citizen_number, event};
use super::server::{Directory, root};

/// Text that is awkward in a header.
const AWKWARD_ID: &str = "人/张三 100% \"引号\" 𠮷";

/// Runs a program of the set-up; it must be there and succeed.
fn set_up(command: &mut Command, to_install: &str) {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; install {to_install}"));
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    assert!(output.status.success(), "{program} failed; is {to_install} installed?\n{told}");
}

/// Where a client's libraries go, made by `make` unless they were made from these `sources` before.
fn prepared(name: &str, sources: &[&str], make: impl FnOnce(&Path)) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("clients-{name}"));
    let text = |file: &&str| fs::read_to_string(root().join("tests/clients").join(file)).unwrap();
    let due: String = sources.iter().map(text).collect();
    let mark = folder.join("made-from");
    if fs::read_to_string(&mark).is_ok_and(|made_from| made_from == due) {
        return folder;
    }
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    make(&folder);
    fs::write(mark, due).expect("a mark");
    folder
}

/// A folder of Python programs with the libraries that a file of `tests/clients` lists.
pub(super) fn python_with(name: &str, requirements: &'static str) -> PathBuf {
    let folder = prepared(name, &[requirements], |folder| {
        let venv = folder.join("venv");
        let needed =
            "python3 (3.10 or later) with its venv module, such as the package python3-venv";
        set_up(Command::new("python3").args(["-m", "venv"]).arg(&venv), needed);
        let mut pip = Command::new(venv.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--requirement"]);
        set_up(pip.arg(root().join("tests/clients").join(requirements)), needed);
    });
    folder.join("venv/bin")
}

/// The client that uses the Python library.
fn python() -> Command {
    let mut python = Command::new(python_with("python", "requirements.txt").join("python"));
    python.arg(root().join("tests/clients/collect.py"));
    python
}

/// The client that uses the JavaScript library.
fn node() -> Command {
    let sources = ["package.json", "package-lock.json", "collect.mjs"];
    let folder = prepared("node", &sources, |folder| {
        for source in sources {
            let source_path = root().join("tests/clients").join(source);
            fs::copy(source_path, folder.join(source)).expect("a copy");
        }
        let needed = "node (18 or later) and npm";
        set_up(
            Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder),
            needed,
        );
    });
    let mut node = Command::new("node");
    node.arg(folder.join("collect.mjs"));
    node
}

/// Gives a client its task on stdin; what it writes to stdout is what it was answered.
fn answered(mut client: Command, task: &Value) -> Vec<Value> {
    let client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running =
        client.spawn().expect("the client was set up; are python3 and node installed?");
    let mut stdin = running.stdin.take().expect("a pipe");
    stdin.write_all(task.to_string().as_bytes()).expect("a client that reads");
    drop(stdin);
    let output = running.wait_with_output().expect("the client ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the client writes JSON")
}

/// What every client sends, about persons of its own.
fn task(caller_url: &str, token: &str, client: u32) -> Value {
    let one = |number: u32| {
        let number = client * 100 + number;
        let mut event = event(
            &format!("{AWKWARD_ID} {number}"),
            "service_transaction",
            &citizen(number),
            "2026-03-01",
            json!({
                "items": {"full_name": "欧阳娜娜·阿不都热合曼", "employer": "丰田汽车（临安）有限公司"},
                "service": {"asked": "居住证", "decided": "approved", "fee": 0, "steps": [1, 2.5, null]},
                "operator": "tw-0042",
            }),
        );
        event["source"] = json!("/twn/990101001/one-stop");
        event["subject"] = json!("办事 大厅");
        event["traceparent"] = json!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        event
    };
    let lines: Vec<Value> = (10..60).map(one).collect();
    json!({"url": caller_url, "token": token, "events": [one(0), one(1)], "lines": lines})
}

/// The one event of a person's history, without what is each event's own.
async fn stored(reader: &Caller, client: u32, number: u32) -> Value {
    let number = client * 100 + number;
    let person = reader.look_up(&citizen(number)).await.expect("a person");
    let history = reader.get(&format!("/v1/persons/{person}/history")).await.with(200);
    let events = history["events"].as_array().expect("events");
    assert_eq!(events.len(), 1, "{history}");
    let mut event = events[0].clone();
    assert_eq!(event["id"], format!("{AWKWARD_ID} {number}"));
    for own in ["id", "position", "correlation", "received_at", "recorded_at", "lag_days"] {
        event.as_object_mut().expect("an object").remove(own);
    }
    let text = event.to_string();
    assert!(text.contains(&citizen_number(number)), "{text}");
    serde_json::from_str(&text.replace(&citizen_number(number), "its number")).expect("JSON")
}

async fn assert_stored_as_by_hand(client: Command) {
    let directory = Directory::make();
    let upstream = directory.token(&["--role", "upstream", "--subject", "one-stop"]);
    let verifier = directory.token(&["--role", "verifier", "--purposes", "verification"]);
    let server = directory.serve();
    let (hand, reader) = (server.caller(&upstream), server.caller(&verifier));

    let task_of_client = task(&server.url, &upstream, 1);
    let answers = answered(client, &task_of_client);
    let told: Vec<_> = answers[..4]
        .iter()
        .map(|a| (a["mode"].as_str(), a["status"].as_u64(), a["body"]["status"].as_str()))
        .collect();
    let due = [("structured", 201), ("binary", 200), ("binary", 201), ("structured", 200)];
    let due = due.map(|(mode, status)| {
        let told = if status == 201 { "recorded" } else { "duplicate" };
        (Some(mode), Some(status), Some(told))
    });
    assert_eq!(told, due, "{answers:?}");
    assert_eq!(answers[0]["body"]["position"], answers[1]["body"]["position"]);
    assert_eq!(answers[2]["body"]["position"], answers[3]["body"]["position"]);
    let lines = answers[4]["body"].as_array().expect("lines");
    assert_eq!(lines.len(), 51);
    assert!(lines[..50].iter().all(|line| line["status"] == "recorded"), "{lines:?}");
    assert_eq!(lines[50]["summary"]["recorded"], 50);

    // The same events by hand were all recorded before.
    for sent in task_of_client["events"].as_array().expect("events") {
        let again = hand.post(sent).await.with(200);
        assert_eq!(again["status"], "duplicate");
    }
    // The same kind of event by hand about somebody else is stored alike.
    let by_hand = &task(&server.url, &upstream, 2)["events"][0];
    let head = hand.record(by_hand).await["position"].as_u64().expect("a position");
    reader.get_at("/v1/places/99/people?limit=1", head).await.with(200);
    let due = stored(&reader, 2, 0).await;
    assert_eq!(due["sent_at"], "2026-03-10T01:12:00Z");
    assert_eq!(due["details"]["service"]["steps"], json!([1, 2.5, null]));
    for number in [0, 1, 10, 59] {
        assert_eq!(stored(&reader, 1, number).await, due, "event {number}");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_python_library_sends_is_stored_as_by_hand() {
    assert_stored_as_by_hand(python()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_javascript_library_sends_is_stored_as_by_hand() {
    assert_stored_as_by_hand(node()).await;
}
