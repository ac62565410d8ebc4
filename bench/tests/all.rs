//! The bench goes through the outside of the product, so its tests stand in for the product: a
//! server of a few lines that answers as the contract says, on a free loopback port.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bench::bare_record::{Synced, waits};
use bench::events::Events;
use bench::load::{Outcome, Plan};
use bench::paced::{self, Pace};
use bench::posts::Posted;
use bench::samples::{Percentiles, Samples};
use bench::server::Tokens;
use bench::syncs::{Counted, Syncs};
use bench::table::{Goal, Row, markdown};
use bench::usage::Threads;
use bench::{ingest, load, metrics, posts};

const PERSON: &str = "00000000-0000-8000-8000-00000000";

/// Serves every connection in a thread of its own for as long as the test runs.
fn stub() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || while serve(&stream).is_some() {});
        }
    });
    address
}

/// Answers one request; none at the end of the connection.
fn serve(mut stream: &TcpStream) -> Option<()> {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        (reader.read_line(&mut head).ok()? > 0).then_some(())?;
    }
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
    if head.contains("application/x-ndjson") {
        return serve_lines(&mut reader.take(length as u64), stream);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let status = if body.windows(3).any(|word| word == b"bad") { "422 No" } else { "201 Yes" };
    let status = if length == 0 { "200 OK" } else { status };
    let answer = format!("HTTP/1.1 {status}\r\nRegistry-Position: 9000\r\nContent-Length: 2\r\n");
    stream.write_all(format!("{answer}\r\n{{}}").as_bytes()).ok()
}

/// One receipt a line in chunks that are cut without regard to the lines.
fn serve_lines(body: &mut impl Read, mut stream: &TcpStream) -> Option<()> {
    let mut receipts = String::new();
    for (at, line) in BufReader::new(body).lines().map_while(Result::ok).enumerate() {
        let (status, position) =
            if line.contains("bad") { ("rejected", 0) } else { ("recorded", at + 1) };
        receipts.push_str(&format!(
            "{{\"id\":\"e\",\"status\":\"{status}\",\"person_id\":\"{PERSON}{:04}\",\
             \"position\":{position}}}\n",
            at % 40
        ));
    }
    receipts.push_str("{\"summary\":{\"recorded\":1}}\n");
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).ok()?;
    for chunk in receipts.as_bytes().chunks(37) {
        write!(stream, "{:x}\r\n", chunk.len()).ok()?;
        stream.write_all(chunk).ok()?;
        stream.write_all(b"\r\n").ok()?;
    }
    stream.write_all(b"0\r\n\r\n").ok()
}

fn tokens() -> Tokens {
    Tokens { writer: "w".into(), reader: "r".into(), analyst: "a".into() }
}

/// 5,000 events of 50 people in two divisions; every hundredth is refused by the stub.
fn events(directory: &Path) -> Events {
    let path = directory.join("events.ndjson");
    let line = |n: usize| {
        let (division, word) = (n % 2, if n % 100 == 99 { "bad" } else { "good" });
        format!(
            "{{\"id\":\"{n}\",\"source\":\"/pol/99010{division}/s\",\"time\":\"2020-0{}-01T00:00:00Z\",\
             \"data\":{{\"mother\":{{\"document\":{{\"number\":\"M\"}}}},\
             \"person\":{{\"document\":{{\"number\":\"P{}\"}}}},\"word\":\"{word}\"}}}}\n",
            1 + n / 1000,
            n % 50
        )
    };
    std::fs::write(&path, (0..5000).map(line).collect::<String>()).expect("a temporary file");
    Events::split(&path, 2, 8).expect("enough events")
}

#[test]
fn events_are_split_by_division_and_kept_back_by_person_in_order() {
    let directory = tempfile::tempdir().expect("a directory");
    let events = events(directory.path());
    assert_eq!((events.streams.len(), events.streamed), (2, 4000));
    assert_eq!(events.days, ("2020-01-01".to_owned(), "2020-05-01".to_owned()));
    assert_eq!(events.lanes.iter().map(Vec::len).sum::<usize>(), 1000);
    for person in 0..50 {
        let name = format!("\"P{person}\"");
        let is_theirs = |line: &&Vec<u8>| String::from_utf8_lossy(line).contains(&name);
        let theirs: Vec<_> =
            events.lanes.iter().filter(|lane| lane.iter().any(|l| is_theirs(&l))).collect();
        assert_eq!(theirs.len(), 1, "one person's events share a lane");
        assert_eq!(theirs[0].iter().filter(is_theirs).count(), 20);
    }
}

#[test]
fn a_receipt_is_counted_once_and_only_when_it_says_recorded() {
    let directory = tempfile::tempdir().expect("a directory");
    let (address, events) = (stub(), events(directory.path()));
    let end = Instant::now() + Duration::from_secs(60);
    let ingested = ingest::ingest(address, &tokens(), &events.streams, end).expect("an ingest");
    let receipts = &ingested.receipts;
    assert_eq!((receipts.recorded, receipts.refused, receipts.duplicates), (3960, 40, 0));
    assert!(receipts.refusal.as_deref().is_some_and(|line| line.contains("rejected")));
    assert!(!receipts.persons.is_empty() && receipts.persons.len() <= 40);
    assert!(receipts.last_position > 1000);
    let followed = ingest::await_views(address, &tokens(), receipts.persons[0], 9000);
    assert!(followed.expect("an answer").is_some());
}

#[test]
fn an_ingest_that_runs_out_of_time_keeps_the_receipts_it_has() {
    let directory = tempfile::tempdir().expect("a directory");
    let (address, events) = (stub(), events(directory.path()));
    let ingested = ingest::ingest(address, &tokens(), &events.streams, Instant::now());
    let receipts = ingested.expect("an ingest").receipts;
    assert!(receipts.is_cut_short && receipts.recorded < 3960);
}

#[test]
fn posts_count_new_receipts_apart_from_refusals() {
    let directory = tempfile::tempdir().expect("a directory");
    let events = events(directory.path());
    let outcome = posts::measure(stub(), "w", &events.lanes, 60.0).expect("posts");
    assert_eq!(outcome.latency.count, 990);
    assert_eq!(outcome.statuses.get(&422), Some(&10));
    assert!(outcome.others(&[201]).contains("10 × 422"));
}

/// One `dd` is one sync of what it wrote; its thread is called as its `program` is.
fn write_and_sync(program: &Path, path: &Path, syncs: &Syncs) {
    let mut dd = Command::new(program);
    dd.arg0("dd").args(["if=/dev/zero", "bs=512", "count=1", "conv=fdatasync"]);
    dd.arg(format!("of={}", path.display())).envs(syncs.environment());
    assert!(dd.output().expect("dd").status.success());
}

#[test]
fn syncs_of_the_log_are_counted_apart_from_those_of_other_files() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    std::fs::create_dir_all(data.join("journal")).expect("a folder");
    let began = Instant::now();
    let syncs = Syncs::watch(&data, 50).expect("a C compiler");
    assert_eq!(syncs.counted().expect("counts"), Counted::default());
    let paths = std::env::var_os("PATH").expect("a path");
    let mut programs = std::env::split_paths(&paths).map(|folder| folder.join("dd"));
    let dd = programs.find(|program| program.is_file()).expect("dd");
    write_and_sync(&dd, &data.join("journal/1.log"), &syncs);
    let before = syncs.counted().expect("counts");
    assert_eq!(before, Counted { of_log: 1, of_all: 1 });
    for name in ["journal/1.log", "journal/heads", "slots", "1.log"] {
        write_and_sync(&dd, &data.join(name), &syncs);
    }
    let ahead = directory.path().join("ahead");
    std::os::unix::fs::symlink(&dd, &ahead).expect("a link");
    write_and_sync(&ahead, &data.join("journal/1.log"), &syncs);
    let after = syncs.counted().expect("counts");
    assert_eq!(after.since(before), Counted { of_log: 1, of_all: 5 });
    assert!(began.elapsed() >= Duration::from_millis(6 * 50), "each sync takes longer");
}

#[test]
fn groups_are_counted_and_not_reckoned_from_the_rate() {
    let latency = Percentiles { count: 6_000, p50_ms: 2.0, p99_ms: 6.0, max_ms: 9.0 };
    let outcome = Outcome { seconds: 0.6, latency, ..Outcome::default() };
    let syncs = Counted { of_log: 200, of_all: 300 };
    let rows = posts::rows(&Posted { outcome, syncs }, "posts", 0.2);
    let value = |name: &str| rows.iter().find(|row| row.what == name).and_then(|row| row.value);
    assert_eq!(value("posts: receipts a group, counted"), Some(30.0));
    assert_eq!(value("posts: receipts a sync of any file"), Some(20.0));
    assert_eq!(value("posts: p99 in groups, counted"), Some(2.0));
    assert_eq!(value("posts: rate × disk sync"), Some(2.0));
    assert_eq!(value("posts: p99 ÷ disk sync"), Some(30.0));
}

#[test]
fn what_threads_use_is_told_by_their_names() {
    let own = || Threads::of(std::process::id());
    let (before, over) = (own(), AtomicBool::new(false));
    thread::scope(|scope| {
        let burn = || {
            while !over.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        };
        let burner = thread::Builder::new().name("burner".to_owned());
        burner.spawn_scoped(scope, burn).expect("a thread");
        // Its first tick of the processor comes within a second, on any machine that runs tests.
        let end = Instant::now() + Duration::from_secs(60);
        while !own().each_since(&before, 1).contains("burner ") && Instant::now() < end {}
        let told = own().each_since(&before, 1);
        over.store(true, Ordering::Relaxed);
        assert!(told.contains("burner "), "{told}");
    });
}

#[test]
fn a_load_ends_after_its_requests() {
    let plan = Plan { connections: 3, requests_max: 100, seconds_max: 60.0 };
    let outcome = load::run(stub(), plan, &[200], |_, _, out| {
        bench::wire::head(out, "GET", format_args!("/x"), "");
        true
    });
    let outcome = outcome.expect("a load");
    assert_eq!((outcome.latency.count, outcome.body_bytes), (100, 200));
}

#[test]
fn a_paced_load_counts_every_answer_to_what_it_sent() {
    let pace = Pace { per_second: 5_000.0, together: 2 };
    let outcome = paced::run(stub(), 3, (pace, 60.0), &[200], |connection, n, out| {
        let at = n * 3 + connection as u64;
        let body = if at.is_multiple_of(10) { "good" } else { "" };
        let length = format!("Content-Length: {}\r\n", body.len());
        bench::wire::head(out, "POST", format_args!("/x"), &length);
        out.extend_from_slice(body.as_bytes());
        at < 100
    });
    let outcome = outcome.expect("a load");
    assert_eq!(outcome.statuses, [(200, 90), (201, 10)].into());
    assert_eq!((outcome.latency.count, outcome.body_bytes), (90, 200));
}

#[test]
fn who_comes_waits_until_the_next_sync_that_begins_has_ended() {
    let micros = Duration::from_micros;
    let synced = |began, ended| Synced { began: micros(began), ended: micros(ended) };
    // The first one finds who came at 0; the second one those of 100 to 800; the third one, which
    // begins late because the second stood still, those of 900 to 5,000.
    let mut waited = waits(&[synced(0, 200), synced(800, 5_000), synced(5_000, 5_200)]);
    assert_eq!(waited.len(), 51);
    assert_eq!(waited.percentile_ms(100.0), 4.9);
    assert_eq!(waited.percentile_ms(1.0), 0.2);
    // Ten of 51: who came at 0, and those of 4,200 and later.
    assert_eq!(waited.percentile_ms(19.0), 1.0);
    assert!(waits(&[]).is_empty());
}

#[test]
fn a_paced_load_says_when_nobody_answers_any_more() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || listener.incoming().for_each(drop));
    let pace = Pace { per_second: 1_000.0, together: 1 };
    let outcome = paced::run(address, 2, (pace, 60.0), &[200], |_, _, out| {
        bench::wire::head(out, "GET", format_args!("/x"), "");
        true
    });
    assert!(outcome.is_err());
}

#[test]
fn every_subset_of_the_groupings_is_asked() {
    let groupings = metrics::measure(stub(), "a").expect("answers");
    let asked: std::collections::BTreeSet<_> = groupings.iter().map(|g| &g.group_by).collect();
    assert_eq!((groupings.len(), asked.len()), (32, 32));
    assert!(groupings.iter().all(|g| g.latency.count == 20 && g.status == 200));
    assert_eq!(metrics::rows(&groupings).len(), 9);
}

#[test]
fn a_percentile_is_the_smallest_sample_that_so_many_do_not_exceed() {
    let mut samples = Samples::default();
    (1..=200).rev().for_each(|ms| samples.add(Duration::from_millis(ms)));
    let shown = samples.percentiles();
    assert_eq!((shown.count, shown.p50_ms, shown.p99_ms, shown.max_ms), (200, 100.0, 198.0, 200.0));
    assert_eq!(Samples::default().percentiles().p99_ms, 0.0);
}

#[test]
fn the_table_shows_each_figure_beside_its_goal() {
    let more = Goal::More { least: 30_000.0, reach: 80_000.0 };
    let less = Goal::Less { most: 5.0, reach: Some(1.0) };
    let rows = [
        Row::new("ingest", 1_234_567.0, "events/s", more).note("quick"),
        Row::new("ingest", 30_000.0, "events/s", more),
        Row::new("as-of", 5.0, "ms", less),
        Row::new("as-of", 0.0123, "ms", less),
        Row::missing("growth", "%", Goal::None, "no time left"),
    ];
    let expected = "\
| what | measured | unit | at least | reach for | verdict | note |
| --- | ---: | --- | ---: | ---: | --- | --- |
| ingest | 1,234,567 | events/s | ≥ 30,000 | 80,000 | reached | quick |
| ingest | 30,000 | events/s | ≥ 30,000 | 80,000 | kept |  |
| as-of | 5.00 | ms | < 5.00 | 1.00 | missed |  |
| as-of | 0.012 | ms | < 5.00 | 1.00 | reached |  |
| growth | – | % |  |  |  | no time left |
";
    assert_eq!(markdown(&rows), expected);
}
