//! `renkou replay check` beside a service in which somebody is erased just then: between what the
//! service told of its views and the reading of the log.

use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::caller::Caller;
use super::events::{VILLAGE, certificate, registration};
use super::server::{Directory, told};

/// Hands one question on to the service, and the answer back once `meanwhile` is done.
async fn hand_on(mut asker: TcpStream, service: &str, meanwhile: impl Future<Output = ()>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(asker.read_u8().await.expect("the head of a question"));
    }
    let head = String::from_utf8(head).expect("plain");
    let token = head.lines().find_map(|line| line.strip_prefix("authorization: "));
    let asked = reqwest::Client::new().post(format!("{service}/v1/operate/views"));
    let asked = asked.header("authorization", token.expect("a token")).send().await;
    let answer = asked.expect("an answer").bytes().await.expect("whole");
    meanwhile.await;
    let length = answer.len();
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    asker.write_all(&[head.as_bytes(), &answer].concat()).await.expect("it is read");
}

async fn erase(admin: &Caller, id: &str) {
    let order = json!({"order": format!("K-{id}"), "approved_by": "chief"});
    let path = format!("/v1/persons/{id}/erasure");
    let request = admin.request(reqwest::Method::POST, &path).json(&order);
    assert_eq!(request.send().await.expect("an answer").status(), 201);
}

/// Checks while somebody is erased after each of the first so many answers of the service; gives
/// whether all was found well, and what was told.
async fn check(directory: &Directory, service: &str, erased: &[String]) -> (bool, String) {
    let admin = Caller::new(service, &directory.token(&["--role", "admin"]));
    let between = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", between.local_addr().expect("an address"));
    let file = directory.path().join("serve.json");
    let served: Value = serde_json::from_slice(&std::fs::read(&file).expect("a file")).unwrap();
    rewrite(&file, json!({"url": url}), &served);
    let handing = async {
        for asked in 0.. {
            let (asker, _) = between.accept().await.expect("the check asks");
            let meanwhile = async {
                if let Some(id) = erased.get(asked) {
                    erase(&admin, id).await;
                }
            };
            hand_on(asker, service, meanwhile).await;
        }
    };
    let data = directory.path().to_owned();
    let checking = tokio::task::spawn_blocking(move || Directory::check_of(&data));
    let output = tokio::select! {
        output = checking => output.expect("it runs"),
        () = handing => unreachable!("questions do not end"),
    };
    rewrite(&file, json!({}), &served);
    (output.status.success(), told(&output))
}

/// What the service wrote of itself, with something else in it.
fn rewrite(file: &Path, other: Value, served: &Value) {
    let mut all = served.clone();
    all.as_object_mut().expect("an object").extend(other.as_object().expect("an object").clone());
    std::fs::write(file, all.to_string()).expect("it is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_beside_a_service_that_erases_somebody_just_then_compares_again() {
    let directory = Directory::make();
    let upstream = directory.token(&["--role", "upstream"]);
    let server = directory.serve();
    let mut ids = Vec::new();
    for number in 0..12 {
        let sent = registration(&format!("r-{number}"), &certificate(number), "陈小明", VILLAGE);
        let receipt = server.caller(&upstream).record(&sent).await;
        ids.push(receipt["person_id"].as_str().expect("an id").to_owned());
    }
    let (is_well, told) = check(&directory, &server.url, &ids[..2]).await;
    assert!(is_well, "{told}");
    assert_eq!(told.matches("compared again").count(), 2, "{told}");
    // It does not go on for ever, and says why.
    let (is_well, told) = check(&directory, &server.url, &ids[2..]).await;
    assert!(!is_well && told.contains("erased during each of 5"), "{told}");
    assert!(directory.check().status.success());
    server.stop();
}
