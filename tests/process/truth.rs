//! The generator knows what a register must come to; the service must say the same, to the unit.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::caller::Caller;
use super::server::{Directory, Server, command, done};

/// What county is made.
pub struct Made {
    pub people: &'static str,
    pub years: &'static str,
    pub seed: &'static str,
    pub end: &'static str,
    /// More words for `renkou generate`.
    pub with: &'static [&'static str],
}

/// Long past, so that every event's due day is too.
const COUNTY: Made = Made { people: "600", years: "3", seed: "8", end: "2025-06-30", with: &[] };

/// What was generated, and what became of it.
pub struct Told {
    lines: Vec<Value>,
    pub truth: Value,
    /// Of each refused line its place, and the status in its answer.
    refused: HashMap<usize, String>,
    pub counts: String,
}

fn generate(directory: &Directory, made: &Made) -> (PathBuf, Value) {
    let truth = directory.beside("truth.json");
    let truth_name = truth.to_str().expect("a name in UTF-8");
    let county = ["--people", made.people, "--years", made.years, "--seed", made.seed];
    let words = ["generate", "--end", made.end, "--truth", truth_name];
    let events = done(&[&words[..], &county, made.with].concat());
    let file = directory.beside("county.ndjson");
    fs::write(&file, events).expect("a file");
    let truth = fs::read_to_string(truth).expect("the truth");
    (file, serde_json::from_str(&truth).expect("JSON"))
}

/// Sends the county's events through `renkou ingest`.
pub fn ingest(directory: &Directory, server: &Server, made: &Made) -> Told {
    let (file, truth) = generate(directory, made);
    let name = file.to_str().expect("a name in UTF-8");
    let mut ingest = command(&["ingest", name, "--url", &server.url]);
    let token = directory.token(&["--role", "upstream"]);
    // A running service sees a new token within a second.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let output = ingest.env("RENKOU_TOKEN", token).output().expect("the binary runs");
    let counts = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{counts}");
    let text = fs::read_to_string(&file).expect("the events");
    let places: HashMap<&str, Vec<usize>> =
        text.lines().enumerate().fold(HashMap::new(), |mut places, (at, line)| {
            places.entry(line).or_default().push(at);
            places
        });
    let refused = fs::read_to_string(directory.beside("county.ndjson.rejected"));
    let refused: Vec<_> = refused.expect("refused lines").lines().map(str::to_owned).collect();
    let refused = refused.chunks(2).map(|pair| {
        let answer: Value = serde_json::from_str(&pair[1]).expect("an answer");
        let [place] = places[pair[0].as_str()][..] else { panic!("{} stands twice", pair[0]) };
        (place, answer["status"].as_str().expect("a status").to_owned())
    });
    let refused = refused.collect();
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    Told { lines, truth, refused, counts }
}

/// The figures of one group, from the truth's rows.
#[derive(Default)]
struct Figures {
    count: u64,
    on_time: u64,
    with_rule: u64,
    lags: BTreeMap<i64, u64>,
}

impl Figures {
    /// The smallest lag that at least so many in a hundred do not exceed.
    fn rank(&self, percent: u64) -> i64 {
        let due = (self.count * percent).div_ceil(100);
        let mut passed = 0;
        let at = self.lags.iter().find(|(_, count)| {
            passed += **count;
            passed >= due
        });
        at.map_or(0, |(lag, _)| (*lag).max(-1))
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a count")
}

/// The truth's rows summed up by some of their fields.
fn summed(truth: &Value, fields: &[&str]) -> BTreeMap<Vec<String>, Figures> {
    let mut sums: BTreeMap<Vec<String>, Figures> = BTreeMap::new();
    for row in truth["timeliness"].as_array().expect("rows") {
        let field = |name: &&str| row[*name].as_str().expect("a text").to_lowercase();
        let sum = sums.entry(fields.iter().map(field).collect()).or_default();
        sum.count += number(&row["count"]);
        sum.on_time += number(&row["on_time"]);
        sum.with_rule += number(&row["with_rule"]);
        for (lag, count) in row["lags"].as_object().expect("lags") {
            *sum.lags.entry(lag.parse().expect("days")).or_default() += number(count);
        }
    }
    sums
}

async fn assert_timeliness(analyst: &Caller, truth: &Value, group_by: &str) {
    let fields: Vec<&str> =
        group_by.split(',').filter(|f| !f.is_empty()).map(|f| f.trim_end_matches(":12")).collect();
    let path = format!("/v1/metrics/timeliness?place=99&group_by={group_by}");
    let answer = analyst.get(&path).await.with(200);
    let mut due = summed(truth, &fields);
    for row in answer["rows"].as_array().expect("rows") {
        let key = fields.iter().map(|field| row[*field].as_str().expect("a text").to_lowercase());
        let key: Vec<_> = key.collect();
        let figures = due.remove(&key).unwrap_or_else(|| panic!("{key:?} is in no truth: {row}"));
        let told = json!([
            row["total"],
            row["numerator"],
            row["denominator"],
            row["unruled"],
            row["not_yet_due"],
            row["p50_days"],
            row["p90_days"],
            row["p99_days"],
        ]);
        let figures = json!([
            figures.count,
            figures.on_time,
            figures.with_rule,
            figures.count - figures.with_rule,
            0,
            figures.rank(50),
            figures.rank(90),
            figures.rank(99),
        ]);
        assert_eq!(told, figures, "group {key:?} by {group_by}: {row}");
        let rate = row["numerator"].as_f64().unwrap() / row["denominator"].as_f64().unwrap();
        let told = row["rate"].as_f64();
        // Reading a fraction from JSON may be one off in the last bit.
        assert!(told.map_or(rate.is_nan(), |told| (told - rate).abs() < 1e-12), "{row}");
    }
    assert!(due.is_empty(), "the service has no rows for {:?} by {group_by}", due.keys());
}

/// Of every refused line, the source and id that the list of rejections must still have: those
/// that no later event of the same source, person and kind has cleared.
fn waiting(told: &Told) -> Vec<(String, String, String)> {
    let mut waiting: Vec<(Value, (String, String, String))> = Vec::new();
    let mut seen = HashSet::new();
    for (at, line) in told.lines.iter().enumerate() {
        let text = |name: &str| line[name].as_str().expect("a text").to_owned();
        let about = json!([line["source"], line["data"]["person"], line["type"]]);
        if let Some(status) = told.refused.get(&at) {
            waiting.push((about, (text("source"), text("id"), status.clone())));
        } else if seen.insert((text("source"), text("id"))) {
            waiting.retain(|(waits, _)| *waits != about);
        }
    }
    let mut waiting: Vec<_> = waiting.into_iter().map(|(_, rejection)| rejection).collect();
    waiting.sort();
    waiting
}

async fn assert_rejections(admin: &Caller, told: &Told) {
    let (mut listed, mut path) = (Vec::new(), "/v1/rejections?limit=3".to_owned());
    loop {
        let page = admin.get(&path).await.with(200);
        for rejection in page["rejections"].as_array().expect("rejections") {
            let text = |name: &str| rejection[name].as_str().expect("a text").to_owned();
            listed.push((text("source"), text("id"), text("status")));
        }
        let Some(next) = page["next"].as_u64() else { break };
        path = format!("/v1/rejections?limit=3&after={next}");
    }
    listed.sort();
    assert_eq!(listed, waiting(told));
    let sources = admin.get("/v1/metrics/sources").await.with(200);
    let sources = sources["rows"].as_array().expect("rows");
    for name in ["rejected", "conflicts"] {
        let sum: u64 = sources.iter().map(|source| number(&source[name])).sum();
        assert_eq!(sum, number(&told.truth[name]), "{name}");
    }
    let waiting: u64 = sources.iter().map(|source| number(&source["waiting"])).sum();
    assert_eq!(waiting, listed.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_reports_the_timeliness_that_the_generator_knows_to_the_unit() {
    let directory = Directory::make();
    let analyst = directory.token(&["--role", "analyst"]);
    let admin = directory.token(&["--role", "admin"]);
    let server = directory.serve();
    let told = ingest(&directory, &server, &COUNTY);
    let truth = &told.truth;
    let counts = format!(
        "{} recorded, {} duplicates, {} conflicts, {} rejected",
        truth["recorded"], truth["duplicates"], truth["conflicts"], truth["rejected"],
    );
    assert!(told.counts.contains(&counts), "{counts} are due: {}", told.counts);
    for count in ["duplicates", "conflicts", "rejected", "corrections", "annulments"] {
        assert!(number(&truth[count]) > 0, "a county without {count} proves little");
    }
    let ready = server.caller(&admin).get("/readyz").await.with(200);
    let analyst = server.caller(&analyst);
    let head = number(&ready["head"]);
    analyst.get_at("/v1/metrics/timeliness", head).await.with(200);
    let together = "event,place:12,department,channel,month";
    for group_by in ["", "event", "department", "channel", "month", "place:12", together] {
        assert_timeliness(&analyst, truth, group_by).await;
    }
    assert_rejections(&server.caller(&admin), &told).await;
    server.stop();
}
