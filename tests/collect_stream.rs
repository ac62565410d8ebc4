//! NDJSON from outside: order, bounds, and lines that are no events.

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
async fn a_sender_is_held_back_while_its_answers_are_not_read() {
    let service = start(Limits::default()).await;
    let pulled = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&pulled);
    let piece: String =
        (0..100).map(|number| format!("{}\n", event(&number.to_string()))).collect();
    // Endless: only back-pressure stops it.
    let pieces = stream::repeat_with(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok::<_, std::io::Error>(piece.clone())
    });
    let response = service.post(LINES).body(Body::wrap_stream(pieces)).send().await.unwrap();
    // The answer is not read. Wait until nothing moves any more.
    let (mut last, mut still) = (0, 0);
    while still < 10 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = pulled.load(Ordering::SeqCst);
        still = if now == last { still + 1 } else { 0 };
        last = now;
        // 100 lines each: far beyond what sockets and queues can hold.
        assert!(now < 20_000, "the sender was never held back");
    }
    assert!(last > 0);
    drop(response);
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
    use std::io::Write;
    let service = start(Limits::default()).await;
    let (address, token) = (service.address, service.token.clone());
    let body = format!("{}\n{}", event("whole"), event("half"));
    tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: {LINES}\r\nContent-Length: {}\r\n\r\n",
            body.len() + 1000
        );
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
