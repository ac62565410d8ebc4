//! `kill -9` in the midst of work, again and again: what was acknowledged is there, once and whole.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::caller::{Caller, LINES, STRUCTURED};
use super::events::{certificate, event};
use super::server::{Directory, told};

/// Rounds, unless `RENKOU_KILL_ROUNDS` asks for more.
const ROUNDS: u32 = 20;
const CONNECTIONS: u32 = 4;
/// Acts that a connection has to send in a round: more than it comes to.
const ACTS_OF_ROUND: u32 = 150;
const LINES_OF_ROUND: usize = 600;
const KILLED_AFTER_MILLIS_MAX: u64 = 700;
const SEED: u64 = 20_260_301;

/// One submission and what became of it.
#[derive(Clone)]
struct Act {
    id: String,
    text: String,
    kind: &'static str,
    /// The documents of all who are told of it, the subject first.
    people: Vec<Value>,
    /// Position and person, once acknowledged.
    acknowledged: Option<(u64, String)>,
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Births with both parents, marriages, registrations, observations: each act has its own people.
fn act(sender: u32, number: u32) -> Act {
    let id = format!("c-{sender}-{number}");
    let first = sender * 1_000_000 + number * 3;
    let (kind, people, roles): (_, u32, &[&str]) = match number % 4 {
        0 => ("birth", 3, &["mother", "father"]),
        1 => ("marry_first", 2, &["spouse"]),
        2 => ("registration", 1, &[]),
        _ => ("observation", 1, &[]),
    };
    let people: Vec<Value> = (first..first + people).map(certificate).collect();
    let mut more = json!({"items": {"health_code": "10", "phone": format!("{first}")}});
    for (role, person) in roles.iter().zip(&people[1..]) {
        more[*role] = json!({"document": person});
    }
    let text = event(&id, kind, &people[0], "2026-03-01", more).to_string();
    Act { id, text, kind, people, acknowledged: None }
}

fn receipt(answer: &Value) -> (u64, String) {
    let position = answer["position"].as_u64().expect("a position");
    (position, answer["person_id"].as_str().expect("a person").to_owned())
}

/// Sends one act after the other until the service is gone; gives how many were sent.
async fn send_singly(caller: Caller, mut acts: Vec<Act>, from: usize) -> (Vec<Act>, usize) {
    let mut next = from;
    while next < acts.len() {
        let act = &mut acts[next];
        next += 1;
        let Ok(answer) = caller.try_send(STRUCTURED, act.text.clone()).await else { break };
        assert_eq!((answer.status, &answer.body["status"]), (201, &json!("recorded")));
        act.acknowledged = Some(receipt(&answer.body));
    }
    (acts, next)
}

/// Sends acts as one slow stream of lines until it ends or the service is gone.
async fn send_lines(caller: Caller, mut acts: Vec<Act>) -> Vec<Act> {
    let chunk = |acts: &[Act]| {
        let lines = acts.iter().map(|act| format!("{}\n", act.text)).collect::<String>();
        Ok::<_, std::io::Error>(lines)
    };
    let chunks: Vec<_> = acts.chunks(20).map(chunk).collect();
    let body = stream::iter(chunks).then(|chunk| async {
        tokio::time::sleep(Duration::from_millis(15)).await;
        chunk
    });
    let request = caller.request(reqwest::Method::POST, "/v1/events").header("content-type", LINES);
    let Ok(response) = request.body(reqwest::Body::wrap_stream(body)).send().await else {
        return acts;
    };
    let (mut answers, mut rest, mut answered) = (response.bytes_stream(), Vec::new(), 0);
    while let Some(Ok(bytes)) = answers.next().await {
        rest.extend_from_slice(&bytes);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let answer: Value = serde_json::from_slice(&line).expect("a line of JSON");
            if answer["summary"].is_object() || answer["problem"].is_object() {
                continue;
            }
            let act = &mut acts[answered];
            assert_eq!((&answer["id"], &answer["status"]), (&json!(act.id), &json!("recorded")));
            act.acknowledged = Some(receipt(&answer));
            answered += 1;
        }
    }
    acts
}

/// Serves, sends and kills in rounds; gives everything that was sent.
async fn rounds(directory: &Directory, token: &str, rounds: u32) -> Vec<Act> {
    let mut dice = Dice(SEED);
    let acts = ACTS_OF_ROUND * rounds;
    let acts_of = |sender| (0..acts).map(|number| act(sender, number)).collect();
    let mut connections: Vec<(Vec<Act>, usize)> =
        (0..CONNECTIONS).map(|sender| (acts_of(sender), 0)).collect();
    let mut streamed = Vec::new();
    for round in 0..rounds {
        if round % 4 == 3 {
            // Killed while it starts.
            let starting = directory.spawn(&[]);
            tokio::time::sleep(Duration::from_millis(dice.below(150))).await;
            starting.kill();
        }
        let server = directory.serve();
        let caller = || server.caller(token);
        let singles = connections
            .drain(..)
            .map(|(acts, next)| tokio::spawn(send_singly(caller(), acts, next)));
        let singles: Vec<_> = singles.collect();
        let first = round * LINES_OF_ROUND as u32;
        let lines = (first..).take(LINES_OF_ROUND).map(|number| act(CONNECTIONS, number)).collect();
        let lines = tokio::spawn(send_lines(caller(), lines));
        tokio::time::sleep(Duration::from_millis(dice.below(KILLED_AFTER_MILLIS_MAX))).await;
        server.kill();
        for single in singles {
            connections.push(single.await.expect("a connection"));
        }
        streamed.extend(lines.await.expect("the stream"));
    }
    let singles = connections.into_iter().flat_map(|(acts, next)| acts.into_iter().take(next));
    singles.chain(streamed).collect()
}

/// In how many of the streams of its people an act is told.
async fn tellings(caller: &Caller, act: &Act) -> usize {
    let mut told = 0;
    for document in &act.people {
        let Some(person) = caller.look_up(document).await else { continue };
        let history = caller.get(&format!("/v1/persons/{person}/history")).await.with(200);
        let events = history["events"].as_array().expect("events");
        let count = events.iter().filter(|event| event["event"] == act.kind).count();
        assert!(count <= 1, "{} is told {count} times to one person", act.id);
        told += count;
    }
    told
}

/// No act may be told to some of its people only.
async fn assert_whole(caller: &Caller, acts: &[Act]) {
    let several: Vec<_> = acts.iter().filter(|act| act.people.len() > 1).cloned().collect();
    assert!(several.len() > 50, "{} acts of several people are too few", several.len());
    let found = stream::iter(several).map(|act| {
        let caller = caller.clone();
        async move { (tellings(&caller, &act).await, act) }
    });
    let found: Vec<_> = found.buffer_unordered(32).collect().await;
    for (told, act) in found {
        let whole = told == act.people.len();
        let absent = told == 0 && act.acknowledged.is_none();
        assert!(whole || absent, "{} stands in {told} of its streams", act.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9() {
    let directory = Directory::make();
    let upstream = directory.token(&["--role", "upstream"]);
    let verifier = directory.token(&["--role", "verifier", "--purposes", "verification"]);
    let asked = std::env::var("RENKOU_KILL_ROUNDS").ok();
    let asked = asked.map(|text| text.parse().expect("a number of rounds"));
    let acts = rounds(&directory, &upstream, asked.unwrap_or(ROUNDS)).await;
    let acknowledged = acts.iter().filter(|act| act.acknowledged.is_some()).count();
    assert!(acknowledged > 100, "{acknowledged} acknowledged acts are too few");
    assert!(acknowledged < acts.len(), "no act was cut off");

    let server = directory.serve();
    // A stream folded up to the head: what stands in the views is what stands in the log.
    let mark = event("mark", "registration", &certificate(99_000_000), "2026-03-01", json!({}));
    let mark = server.caller(&upstream).record(&mark).await;
    let reader = server.caller(&verifier);
    let head = mark["position"].as_u64().expect("a position");
    let waited = reader.get_at("/v1/places/99/people?limit=1", head).await;
    waited.with(200);
    assert_whole(&reader, &acts).await;

    let lines = acts.iter().map(|act| format!("{}\n", act.text)).collect();
    let (answers, summary) = server.caller(&upstream).stream(lines).await;
    assert_eq!(answers.len(), acts.len(), "{summary}");
    for (act, answer) in acts.iter().zip(&answers) {
        assert_eq!(answer["id"], act.id);
        match &act.acknowledged {
            Some(known) => {
                assert_eq!(answer["status"], "duplicate", "{} was lost", act.id);
                assert_eq!(receipt(answer), *known, "{} stands elsewhere", act.id);
            }
            None => assert!(answer["status"] != "rejected" && answer["status"] != "conflict"),
        }
    }
    server.stop();
    let events: usize = 1 + acts.iter().map(|act| act.people.len()).sum::<usize>();
    let check = directory.check();
    assert!(check.status.success(), "{}", told(&check));
    let whole = format!("The log is whole: {events} events,");
    assert!(told(&check).contains(&whole), "{whole} is due: {}", told(&check));
}
