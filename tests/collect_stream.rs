//! NDJSON from outside: order, bounds, and lines that are no events.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use api::http::Limits;
use futures_util::stream;
use reqwest::Body;
use serde_json::{Value, json};

use crate::collecting::{Service, event, start};

const LINES: &str = "application/x-ndjson";

async fn answer(service: &Service, body: impl Into<Body>) -> Vec<Value> {
    let response = service.post(LINES).body(body).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], LINES);
    let text = response.text().await.unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_stream_is_answered_in_order_with_few_submissions_in_flight() {
    const COUNT: usize = 20_000;
    let service = start(Limits::default()).await;
    let ids: Vec<String> = (0..COUNT).map(|number| format!("e-{number}")).collect();
    let text: String = ids.iter().map(|id| format!("{}\n", event(id))).collect();
    // Pieces that end anywhere, within lines and within characters.
    let pieces: Vec<_> =
        text.as_bytes().chunks(7_777).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect();
    service.registry.full.store(3, Ordering::SeqCst);
    let lines = answer(&service, Body::wrap_stream(stream::iter(pieces))).await;
    assert_eq!(lines.len(), COUNT + 1);
    for (line, id) in lines.iter().zip(&ids) {
        assert_eq!((&line["id"], &line["status"]), (&json!(id), &json!("recorded")));
    }
    let summary = json!({"summary": {
        "errors": false, "recorded": COUNT, "duplicates": 0, "conflicts": 0, "rejected": 0,
    }});
    assert_eq!(lines[COUNT], summary);
    assert_eq!(*service.registry.decided.lock().unwrap(), ids);
    let in_flight = service.registry.in_flight_max.load(Ordering::SeqCst);
    assert!((1..=6_000).contains(&in_flight), "{in_flight}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_less_in_flight_while_the_queue_is_pressed() {
    const COUNT: usize = 6_000;
    let service = start(Limits::default()).await;
    service.registry.is_pressed.store(true, Ordering::SeqCst);
    service.registry.sync_ms.store(100, Ordering::SeqCst);
    let ids: Vec<String> = (0..COUNT).map(|number| format!("e-{number}")).collect();
    let lines =
        answer(&service, ids.iter().map(|id| format!("{}\n", event(id))).collect::<String>());
    assert_eq!(lines.await.len(), COUNT + 1);
    assert_eq!(*service.registry.decided.lock().unwrap(), ids);
    let in_flight = service.registry.in_flight_max.load(Ordering::SeqCst);
    assert!((1..=1_800).contains(&in_flight), "{in_flight}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_all_before_it_reads_gets_every_answer() {
    const COUNT: usize = 60_000;
    const UNREAD_MAX: Duration = Duration::from_secs(1);
    let service = start(Limits { unread_answer: UNREAD_MAX, ..Limits::default() }).await;
    let ids: Vec<String> = (0..COUNT).map(|number| format!("e-{number}")).collect();
    let mut lines: Vec<String> = ids.iter().map(|id| format!("{}\n", event(id))).collect();
    let last = lines.pop().unwrap();
    let body = lines.concat();
    let head = raw_head(&service, body.len() + last.len(), "Connection: close\r\n");
    let registry = Arc::clone(&service.registry);
    let mut stream = deaf(&service).await;
    let answer = tokio::task::spawn_blocking(move || {
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        while registry.decided.lock().unwrap().len() < COUNT - 1 {
            std::thread::sleep(Duration::from_millis(10));
        }
        // An answer that lies unread for so long is cut, but only once all has been sent.
        std::thread::sleep(UNREAD_MAX * 2);
        stream.write_all(last.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    })
    .await
    .unwrap();
    let text = without_chunks(&answer);
    let results: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(results.len(), COUNT + 1);
    for (result, id) in results.iter().zip(&ids) {
        assert_eq!((&result["id"], &result["status"]), (&json!(id), &json!("recorded")));
    }
    assert_eq!(results[COUNT]["summary"]["recorded"], COUNT);
    assert_eq!(service.registry.spooled.load(Ordering::SeqCst), 1, "memory held the answers");
    let left = std::fs::read_dir(service.folder.path()).unwrap();
    let named = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let strange: Vec<String> = named.filter(|name| !name.starts_with("access.")).collect();
    assert!(strange.is_empty(), "the file of the answers has a name: {strange:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_sent_all_and_never_reads_is_cut_off() {
    let limits = Limits { unread_answer: Duration::from_millis(100), ..Limits::default() };
    let mut service = start(limits).await;
    let body: String = (0..60_000).map(|n| format!("{}\n", event(&n.to_string()))).collect();
    let head = raw_head(&service, body.len(), "");
    let mut stream = deaf(&service).await;
    let sending = tokio::task::spawn_blocking(move || {
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        stream
    });
    let unread = sending.await.unwrap();
    // Ends only when every connection has ended; the limit on stopping is 30 s.
    service.stop.take().unwrap().send(()).unwrap();
    let ended = tokio::time::timeout(Limits::default().shutdown / 2, service.ended).await;
    assert!(ended.is_ok(), "the connection was held");
    drop(unread);
}

/// A connection of which the receiving side takes little, so that answers soon lie unread.
async fn deaf(service: &Service) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    let stream = socket.connect(service.address).await.unwrap().into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream
}

/// The body of an answer that came in chunks, which end anywhere.
fn without_chunks(answer: &str) -> String {
    let (head, mut rest) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let mut text = String::new();
    loop {
        let (size, from) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return text;
        }
        text.push_str(&from[..size]);
        rest = from[size..].strip_prefix("\r\n").unwrap();
    }
}

fn raw_head(service: &Service, length: usize, more: &str) -> String {
    format!(
        "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: {LINES}\r\nContent-Length: {length}\r\n{more}\r\n",
        service.token
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_answered_while_the_stream_is_open() {
    let service = start(Limits::default()).await;
    let (more, rest) = tokio::sync::oneshot::channel::<()>();
    let first = format!("{}\n", event("first"));
    let pieces = stream::unfold((Some(first), Some(rest)), async |(first, rest)| match first {
        Some(first) => Some((Ok::<_, std::io::Error>(first), (None, rest))),
        None => {
            rest?.await.unwrap();
            Some((Ok(event("second").to_string()), (None, None)))
        }
    });
    let sending = service.post(LINES).body(Body::wrap_stream(pieces)).send();
    let mut response = sending.await.unwrap();
    let line: Value = serde_json::from_slice(&response.chunk().await.unwrap().unwrap()).unwrap();
    assert_eq!(line["id"], "first");
    more.send(()).unwrap();
    let rest = response.text().await.unwrap();
    assert_eq!(rest.lines().count(), 2, "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_no_event_is_rejected_and_the_stream_goes_on() {
    let service = start(Limits::default()).await;
    let long = format!("{{\"x\":\"{}\"}}", "长".repeat(400_000));
    let mut longest = event("longest").to_string();
    longest.push_str(&" ".repeat((1 << 20) - longest.len()));
    let body = format!(
        "{}\n\n{{\n{long}\r\n{}\n  \n{longest}\n{}x",
        event("1"),
        event("2"),
        event("last without a line end"),
    );
    let lines = answer(&service, body).await;
    let told: Vec<_> =
        lines.iter().map(|line| (line["id"].as_str(), line["status"].as_str())).collect();
    let expected = [
        (Some("1"), Some("recorded")),
        (Some(""), Some("rejected")),
        (Some(""), Some("rejected")),
        (Some("2"), Some("recorded")),
        (Some("longest"), Some("recorded")),
        (Some(""), Some("rejected")),
        (None, None),
    ];
    assert_eq!(told, expected);
    assert_eq!(lines[1]["problem"]["errors"][0]["code"], "not_json");
    assert_eq!(lines[2]["problem"]["errors"][0]["code"], "line_too_long");
    assert_eq!(lines[6]["summary"]["rejected"], 3);
    let refused = service.registry.refused.lock().unwrap();
    assert_eq!(refused.len(), 3);
    assert!(long.starts_with(refused[1].received.trim_end_matches('\u{fffd}')));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_off_loses_no_whole_line_and_makes_no_half_one() {
    let service = start(Limits::default()).await;
    let address = service.address;
    let body = format!("{}\n{}", event("whole"), event("half"));
    let head = raw_head(&service, body.len() + 1000, "");
    tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
    })
    .await
    .unwrap();
    while service.registry.decided.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(*service.registry.decided.lock().unwrap(), ["whole"]);
}
