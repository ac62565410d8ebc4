//! Connections and callers that mean no good: heads that are none, too much of everything, hundreds
//! that dribble, guessers of tokens. Good callers go on, and no answer is a plain text.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use api::access::{Gate, NewGrant, Rates, Role};
use api::http::{Limits, Tls};
use reqwest::Client;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::certificates::Authority;
use crate::collecting::{Service, event, grant, start, start_behind, start_over};
use crate::process::caller::{Answer, LINES, STRUCTURED};

/// Another address of this machine: that of the attackers.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// No test waits longer than this for something that must happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// Sends bytes and gives all that comes back until the service closes.
async fn send(address: SocketAddr, bytes: Vec<u8>) -> Vec<u8> {
    let sent = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The service may close before it has read all.
        let _ = stream.write_all(&bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    });
    sent.await.unwrap()
}

/// Status and body of a raw answer, which must be a problem.
fn problem(name: &str, answer: &[u8]) -> (u16, Value) {
    let text = String::from_utf8_lossy(answer);
    let (head, body) =
        text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{name}: no answer: {text}"));
    assert!(head.contains("content-type: application/problem+json"), "{name}: {text}");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {text}"));
    assert_eq!(body["status"], status, "{text}");
    (status, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_none_is_answered_by_a_problem() {
    let service = start(Limits::default()).await;
    let get = |rest: &str| format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{rest}\r\n").into_bytes();
    let many: String = (0..101).map(|number| format!("x-{number}: 1\r\n")).collect();
    let long = format!("x: {}\r\n", "y".repeat(100 << 10));
    let much: String = (0..90).map(|n| format!("x-{n}: {}\r\n", "y".repeat(1 << 10))).collect();
    let rows: [(&str, Vec<u8>, u16, &str); 12] = [
        ("too many headers", get(&many), 431, "headers_too_large"),
        ("a long header", get(&long), 431, "headers_too_large"),
        ("much of all", get(&much), 431, "headers_too_large"),
        ("a megabyte", get(&format!("x: {}\r\n", "y".repeat(1 << 20))), 431, "headers_too_large"),
        (
            "no HTTP",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
            400,
            "bad_request",
        ),
        ("no request line", b"hello\r\n\r\n".to_vec(), 400, "bad_request"),
        ("a version to come", b"GET / HTTP/9.9\r\n\r\n".to_vec(), 400, "bad_request"),
        ("a length that is none", get("content-length: many\r\n"), 400, "bad_request"),
        ("two lengths", get("content-length: 1\r\ncontent-length: 2\r\n"), 400, "bad_request"),
        ("a control character", get("x: a\x01b\r\n"), 400, "bad_request"),
        ("a blank in a name", get("x y: 1\r\n"), 400, "bad_request"),
        ("an unknown coding", get("transfer-encoding: zip\r\n"), 400, "bad_request"),
    ];
    for (name, bytes, status, code) in rows {
        let answer = send(service.address, bytes).await;
        let (found, body) = problem(name, &answer);
        assert_eq!((found, body["code"].as_str()), (status, Some(code)), "{name}");
    }
    for method in ["TRACE", "PUT", "DELETE", "PROPFIND", "x"] {
        let head = format!("{method} /v1/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let (status, _) = problem(method, &send(service.address, head.into_bytes()).await);
        assert!([401, 404, 405].contains(&status), "{method}: {status}");
    }
    // One header fewer, and nearly as long as may be.
    let most: String = (0..98).map(|number| format!("x-{number}: 1\r\n")).collect();
    for rest in [most, format!("x: {}\r\n", "y".repeat(30 << 10))] {
        let answer = send(service.address, get(&format!("connection: close\r\n{rest}"))).await;
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    }
}

/// Holds a connection from elsewhere open with what it sends, until the service closes it.
async fn hold(address: SocketAddr, opening: Vec<u8>, dribble: &'static [u8]) -> Vec<u8> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(ELSEWHERE, 0)).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    // Whoever is no longer heard may still have been answered.
    let mut is_heard = stream.write_all(&opening).await.is_ok();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let wait = tokio::time::sleep(Duration::from_millis(200));
        tokio::select! {
            biased;
            read = stream.read(&mut buffer) => match read {
                Ok(0) | Err(_) => return answer,
                Ok(count) => answer.extend(&buffer[..count]),
            },
            () = wait => if is_heard && !dribble.is_empty() {
                is_heard = stream.write_all(dribble).await.is_ok();
            },
        }
    }
}

fn head(service: &Service, media_type: &str, length: &str) -> Vec<u8> {
    let (token, path) = (&service.token, "/v1/events");
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: {media_type}\r\n{length}\r\n\r\n"
    )
    .into_bytes()
}

/// Posts an event as a good caller does: one whose connection was closed while it idled tries again.
async fn post(service: &Service, id: &str) {
    for attempt in 1.. {
        let request = service.post(STRUCTURED).body(event(id).to_string());
        let answer = tokio::time::timeout(PATIENCE, request.send()).await.expect("in time");
        match answer {
            Ok(answer) => return assert!([200, 201].contains(&answer.status().as_u16()), "{id}"),
            Err(error) => assert!(attempt < 5, "{id}: {error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_slow_connections_hold_nobody_up_and_are_closed() {
    // Long enough for good callers on a busy machine.
    let short = Duration::from_secs(4);
    let limits = Limits {
        first_byte: short,
        headers: short,
        body: short,
        line: short,
        idle: short,
        unread_answer: short,
        connections_max: 330,
        connections_per_peer_max: 300,
        ..Limits::default()
    };
    let service = start(limits).await;
    let chunked = "transfer-encoding: chunked";
    let kinds: [(Vec<u8>, &'static [u8]); 6] = [
        (Vec::new(), b""),
        (b"GET /healthz HTTP/1.1\r\nx: ".to_vec(), b"y"),
        (head(&service, STRUCTURED, "content-length: 2000"), b" "),
        (head(&service, STRUCTURED, chunked), b"1\r\n \r\n"),
        // Bytes of a line that never ends.
        (head(&service, LINES, chunked), b"1\r\nx\r\n"),
        // Answered, then silent.
        (b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(), b""),
    ];
    let mut holding = Vec::new();
    for number in 0..300 {
        let (opening, dribble) = kinds[number % kinds.len()].clone();
        let held = tokio::time::timeout(PATIENCE, hold(service.address, opening, dribble));
        holding.push((number % kinds.len(), tokio::spawn(held)));
    }
    for number in 0..40 {
        post(&service, &format!("good-{number}")).await;
    }
    for (kind, held) in holding {
        let answer = held.await.unwrap();
        let answer = answer.unwrap_or_else(|_| panic!("kind {kind} is held for ever"));
        match kind {
            2 | 3 => {
                assert_eq!(problem("late", &answer).0, 408, "{}", String::from_utf8_lossy(&answer))
            }
            4 => {
                let text = String::from_utf8_lossy(&answer).into_owned();
                assert!(text.contains("body_too_slow"), "kind {kind}: {text}");
            }
            5 => assert!(answer.starts_with(b"HTTP/1.1 200")),
            _ => assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer)),
        }
    }
    post(&service, "after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_connections_waits_for_its_turn_and_none_is_lost() {
    // Whoever is let in may keep its place for longer than the test waits.
    let limits = Limits { connections_max: 1, first_byte: 2 * PATIENCE, ..Limits::default() };
    let service = start(limits).await;
    let get = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut first = TcpStream::connect(service.address).unwrap();
    let mut waiting = Vec::new();
    for number in 0..300 {
        // Nobody is let in until the first has gone.
        let knock = tokio::net::TcpStream::connect(service.address);
        let knock = tokio::time::timeout(PATIENCE, knock).await;
        let mut stream = knock.unwrap_or_else(|_| panic!("number {number} is lost")).unwrap();
        stream.write_all(get).await.unwrap();
        waiting.push(stream);
    }
    first.write_all(get).unwrap();
    for mut stream in waiting {
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        read.expect("in time").unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_lines_may_be_slow_as_long_as_lines_come() {
    let limits = Limits {
        body: Duration::from_millis(100),
        line: Duration::from_secs(2),
        ..Limits::default()
    };
    let service = start(limits).await;
    let lines = futures_util::stream::unfold(0, |number| async move {
        if number == 8 {
            return None;
        }
        // Together far longer than one line may take.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let line = format!("{}\n", event(&number.to_string()));
        Some((Ok::<_, std::io::Error>(line), number + 1))
    });
    let body = reqwest::Body::wrap_stream(lines);
    let answer = service.post(LINES).body(body).send().await.unwrap().text().await.unwrap();
    assert_eq!(answer.lines().count(), 9, "{answer}");
    assert!(answer.contains("\"recorded\":8"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_its_share_of_connections_and_others_theirs() {
    let limits = Limits { connections_per_peer_max: 3, ..Limits::default() };
    let service = start(limits).await;
    let opening = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n".to_vec();
    let hold = || tokio::spawn(hold(service.address, opening.clone(), b""));
    let held: Vec<_> = (0..3).map(|_| hold()).collect();
    let begun = Instant::now();
    let refused = loop {
        // The three may still be on their way.
        let next = tokio::time::timeout(Duration::from_millis(500), hold()).await;
        match next {
            Ok(answer) => break answer.unwrap(),
            Err(_) => assert!(begun.elapsed() < PATIENCE, "a fourth is let in"),
        }
    };
    let (status, body) = problem("a fourth", &refused);
    assert_eq!((status, body["code"].as_str()), (503, Some("overloaded")));
    post(&service, "from here").await;
    held.iter().for_each(tokio::task::JoinHandle::abort);
    let begun = Instant::now();
    let client = Client::builder().local_address(ELSEWHERE).build().unwrap();
    let url = format!("http://{}/healthz", service.address);
    while !client.get(&url).send().await.is_ok_and(|answer| answer.status() == 200) {
        assert!(begun.elapsed() < PATIENCE, "places are not given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_many_bad_tokens_waits_and_others_do_not() {
    let window = Duration::from_secs(2);
    let rates = Rates { bad_tokens_max: 5, window, ..Rates::default() };
    let service =
        start_behind(Limits::default(), |tokens| Gate::new(tokens, Default::default(), rates))
            .await;
    let client = Client::builder().local_address(ELSEWHERE).build().unwrap();
    let ask = async |client: &Client, token: &str| {
        let url = format!("http://{}/v1/events", service.address);
        let answer = client.post(url).bearer_auth(token).send().await.unwrap();
        let retry = answer.headers().get("retry-after").cloned();
        (Answer::read(answer).await, retry)
    };
    let (known, _) = service.tokens.create(grant(Role::Upstream)).unwrap();
    let (unknown, _) = service.tokens.create(grant(Role::Upstream)).unwrap();
    let (fresh, _) = service.tokens.create(grant(Role::Upstream)).unwrap();
    ask(&client, &known).await.0.problem(415, "unknown_media_type");
    for number in 0..5 {
        ask(&client, &format!("rk_{number}_x")).await.0.problem(401, "invalid_token");
    }
    for token in ["rk_6_x", "x", &unknown] {
        let (answer, retry) = ask(&client, token).await;
        answer.problem(429, "locked_out");
        let seconds: u32 = retry.expect("Retry-After").to_str().unwrap().parse().unwrap();
        assert!((1..=5).contains(&seconds), "{seconds}");
    }
    // Who was let in before goes on, who comes from elsewhere too.
    ask(&client, &known).await.0.problem(415, "unknown_media_type");
    ask(&Client::new(), &unknown).await.0.problem(415, "unknown_media_type");
    ask(&Client::new(), "rk_7_x").await.0.problem(401, "invalid_token");
    let begun = Instant::now();
    ask(&client, &fresh).await.0.problem(429, "locked_out");
    loop {
        let (answer, _) = ask(&client, &fresh).await;
        if answer.status == 415 {
            break;
        }
        answer.problem(429, "locked_out");
        assert!(begun.elapsed() < PATIENCE, "locked out for ever");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_has_its_rate_where_one_is_set() {
    let rates = Rates { requests_per_second_max: 2, ..Rates::default() };
    let service =
        start_behind(Limits::default(), |tokens| Gate::new(tokens, Default::default(), rates))
            .await;
    let other = NewGrant { subject: "hospital-2".into(), ..grant(Role::Upstream) };
    let (other, _) = service.tokens.create(other).unwrap();
    let client = Client::new();
    let ask = async |token: &str| {
        let url = format!("http://{}/v1/events", service.address);
        Answer::read(client.post(url).bearer_auth(token).send().await.unwrap()).await
    };
    let mut answers = Vec::new();
    for _ in 0..45 {
        answers.push(ask(&service.token).await.status);
    }
    // Twenty in ten seconds, and once more where the ten seconds turned on the way.
    let good = answers.iter().filter(|status| **status == 415).count();
    assert!((20..=40).contains(&good), "{answers:?}");
    assert!(answers.iter().all(|status| [415, 429].contains(status)), "{answers:?}");
    ask(&service.token).await.problem(429, "too_often");
    assert_eq!(ask(&other).await.status, 415, "another token has its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_is_none_or_does_not_come_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let files = Authority::make(folder.path(), "authority").certify("service", &["localhost"]);
    let limits = Limits { first_byte: Duration::from_secs(1), ..Limits::default() };
    let service = start_over(Some(Tls::open(files).unwrap()), limits, Gate::from).await;
    let openings: [&[u8]; 4] = [
        b"",
        b"\x16",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
    ];
    for opening in openings {
        let answer = tokio::time::timeout(PATIENCE, send(service.address, opening.to_vec())).await;
        let answer = answer.expect("the service closes");
        assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    }
}
