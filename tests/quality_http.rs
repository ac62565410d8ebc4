//! Measures of quality and of sources over HTTP, from the real service: by month and as known at an
//! instant, with the rules across records, page by page, and as CSV that no spreadsheet runs. The
//! operator of a county is told of single persons; `tests/authority/sums.rs` has who is not.

use api::csv_text::csv_of;
use reqwest::Method;
use serde_json::{Value, json};

use crate::process::caller::Caller;
use crate::process::events::{OTHER_VILLAGE, VILLAGE, certificate, citizen, event, registration};
use crate::process::server::{Directory, Server};

struct Ground {
    upstream: Caller,
    operator: Caller,
    verifier: Caller,
    server: Server,
    head: u64,
}

async fn ground(directory: &Directory, events: &[(&str, Value)]) -> Ground {
    let upstream = directory.token(&["--role", "upstream"]);
    let operator = directory.token(&["--role", "county_operator"]);
    let verifier = directory.token(&["--role", "verifier", "--purposes", "verification"]);
    let server = directory.serve();
    let [upstream, operator, verifier] =
        [upstream, operator, verifier].map(|token| server.caller(&token));
    let mut head = 0;
    for (at, event) in events {
        let mut event = event.clone();
        event["recordedtime"] = json!(format!("{at}T02:00:00Z"));
        event["time"] = event["recordedtime"].clone();
        if event["type"] == "renkou.registration.v1" {
            event["data"]["occurred_on"] = json!(at);
        }
        head = upstream.record(&event).await["position"].as_u64().unwrap();
    }
    Ground { upstream, operator, verifier, server, head }
}

impl Ground {
    /// An answer once the rules across records looked at everything.
    async fn read(&self, path: &str) -> Value {
        for _ in 0..400 {
            let answer = self.operator.get_at("/v1/metrics/consistency", self.head).await;
            if answer.body["as_of"]["across_position"].as_u64() >= Some(self.head) {
                return self.operator.get(&format!("/v1/metrics/{path}")).await.with(200);
            }
            assert!([200, 503].contains(&answer.status), "{}", answer.body);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{path}: the rules across records do not follow")
    }

    async fn rows(&self, path: &str) -> Vec<Value> {
        self.read(path).await["rows"].as_array().expect("rows").clone()
    }

    async fn csv(&self, path: &str) -> (String, Option<String>) {
        let request = self.operator.request(Method::GET, &format!("/v1/metrics/{path}"));
        let answer = request.header("accept", "text/csv").send().await.expect("an answer");
        assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
        let next = answer.headers().get("next-cursor").map(|next| next.to_str().unwrap().into());
        (answer.text().await.expect("a text"), next)
    }
}

/// Two persons, then a child of whom the record says that the mother is a man.
fn told() -> Vec<(&'static str, Value)> {
    let mut mother = registration("r-1", &citizen(2), "陈小明", VILLAGE);
    mother["data"]["items"]["sex"] = json!("1");
    mother["data"]["items"]["phone"] = json!("13900000000");
    let other = registration("r-2", &citizen(3), "陈大明", OTHER_VILLAGE);
    let born = json!({
        "items": {"full_name": "张小明", "residence_code": VILLAGE}, "mother": {"document": citizen(2)},
    });
    let birth = event("b-1", "birth", &certificate(1), "2026-02-25", born);
    vec![("2026-01-10", mother), ("2026-02-10", other), ("2026-03-01", birth)]
}

fn part(row: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| row[name].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_months_measure_is_of_the_records_as_they_stood_at_its_end() {
    let directory = Directory::make();
    let ground = ground(&directory, &told()).await;
    let names = ["month", "day", "open", "numerator", "denominator"];
    let rows = ground.rows("consistency?group_by=month&from=2025-12&to=2026-03").await;
    let rows: Vec<_> = rows.iter().map(|row| part(row, &names)).collect();
    let due = [
        json!(["2026-01", "2026-01-31", false, 1, 1]),
        json!(["2026-02", "2026-02-28", false, 2, 2]),
        json!(["2026-03", "2026-03-31", false, 2, 3]),
    ];
    // In December nobody was there; in March the child came whose mother is a man.
    assert_eq!(rows, due);
    // Of the same instants one by one, with every rule.
    for (day, month, fired) in [("2026-02-28", "2026-02", 0), ("2026-03-31", "2026-03", 1)] {
        let then = ground.rows(&format!("consistency?group_by=rule&known_at={day}")).await;
        let path = format!("consistency?group_by=month,rule&from={month}&to={month}");
        let of_month = ground.rows(&path).await;
        assert_eq!(then.len(), of_month.len());
        for (then, of_month) in then.iter().zip(&of_month) {
            let names = ["rule", "numerator", "denominator", "violations"];
            assert_eq!(part(then, &names), part(of_month, &names));
        }
        let x15 = then.iter().find(|row| row["rule"] == "X15");
        let violations = x15.map_or(0, |row| row["violations"].as_u64().unwrap());
        assert_eq!(violations, fired, "{day}");
    }
    // The month that is not over is as of now.
    let now = ground.rows("completeness?group_by=month").await;
    let live = ground.rows("completeness").await;
    let names = ["numerator", "denominator", "normal", "records"];
    assert_eq!(part(now.last().unwrap(), &names), part(&live[0], &names));
    assert_eq!(now.last().unwrap()["open"], true);
    let by_item =
        ground.rows("completeness?group_by=month,place:9,item&from=2026-02&to=2026-02").await;
    assert_eq!(by_item.len(), 2 * 17);
    for (path, status) in [
        ("completeness?from=2026-01", 400),
        ("completeness?group_by=event", 400),
        ("completeness?group_by=rule", 400),
        ("completeness?group_by=month&from=2000-01", 400),
        ("consistency?group_by=item,rule", 400),
        ("completeness?known_at=x", 400),
    ] {
        ground.operator.get(&format!("/v1/metrics/{path}")).await.with(status);
    }
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counts_of_the_register_are_in_the_flags_and_in_the_measures() {
    let directory = Directory::make();
    let mut events = told();
    // A second record of the same name, birth, sex and county, and eleven with one telephone.
    let alike = |at: u32, name: &str| {
        let mut sent = registration(&format!("a-{at}"), &citizen(at), name, VILLAGE);
        for (item, value) in [("sex", "2"), ("birth_date", "1990-01-02"), ("phone", "13911111111")]
        {
            sent["data"]["items"][item] = json!(value);
        }
        ("2026-03-02", sent)
    };
    events.extend(
        (0..9).map(|at| alike(11 + 2 * at, &format!("明{at}", at = "一".repeat(at as usize)))),
    );
    events.extend([alike(41, "陈二"), alike(43, "陈二")]);
    let ground = ground(&directory, &events).await;
    let rows = ground.rows("consistency?group_by=rule").await;
    let counts = |rule: &str| {
        let row = rows.iter().find(|row| row["rule"] == rule).expect("a row");
        (row["violations"].as_u64().unwrap(), row["denominator"].as_u64().unwrap())
    };
    assert_eq!(counts("R08"), (11, 12), "of twelve who gave a telephone");
    assert_eq!(counts("X02"), (2, 11));
    let person = ground.verifier.look_up(&citizen(41)).await.expect("a person");
    let flags = ground.verifier.get(&format!("/v1/persons/{person}/flags")).await.with(200);
    let fired: Vec<_> = flags["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| flag["rule"].as_str().unwrap())
        .collect();
    assert!(fired.contains(&"X02") && fired.contains(&"R08"), "{fired:?}");
    assert!(flags["as_of"]["counts_position"].as_u64() >= Some(ground.head));
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn measures_come_page_by_page_and_the_pages_are_the_whole() {
    let directory = Directory::make();
    let ground = ground(&directory, &told()).await;
    for path in [
        "timeliness?group_by=place:12,event,department,channel,month",
        "lag_curve?group_by=event,month",
        "completeness?group_by=place:12,item",
        "consistency?group_by=place,rule",
        "sources?group_by=source,month",
    ] {
        let whole = ground.read(path).await;
        assert_eq!(whole["next"], Value::Null);
        let whole = whole["rows"].as_array().unwrap();
        assert!(whole.len() > 1, "{path}");
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = ground.read(&format!("{path}&limit=2{cursor}")).await;
            rows.extend(page["rows"].as_array().unwrap().clone());
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(rows, *whole, "{path}");
        for wrong in ["limit=0", "limit=10001"] {
            let path = format!("/v1/metrics/{path}&{wrong}");
            ground.operator.get(&path).await.problem(400, "bad_request");
        }
        // As CSV: a line for each row, and where the next page begins.
        let (text, next) = ground.csv(path).await;
        assert_eq!((text.lines().count(), next), (whole.len() + 1, None), "{text}");
        let (first, next) = ground.csv(&format!("{path}&limit=1")).await;
        assert_eq!(first.lines().collect::<Vec<_>>(), text.lines().take(2).collect::<Vec<_>>());
        let cursor = next.expect("another page");
        let (second, _) = ground.csv(&format!("{path}&limit=1&cursor={cursor}")).await;
        assert_eq!(second.lines().nth(1), text.lines().nth(2), "{path}");
    }
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_those_of_the_place_and_the_months_that_are_asked_for() {
    let directory = Directory::make();
    let mut events = told();
    let mut police = registration("p-1", &citizen(9), "陈九", VILLAGE);
    police["source"] = json!("/pol/990101/desk");
    let mut elsewhere = registration("p-2", &citizen(21), "陈十", "990102001001");
    elsewhere["source"] = json!("/pol/990102/desk");
    events.extend([("2026-03-02", police), ("2026-03-03", elsewhere)]);
    let ground = ground(&directory, &events).await;
    // Refused: nobody dies before they are born.
    let death = event("x", "death", &certificate(1), "2026-02-01", json!({}));
    ground.upstream.post(&death).await.with(422);
    let ask = async |query: &str| -> Vec<Value> {
        let rows = ground.rows(&format!("sources?{query}")).await;
        let names = ["place", "department", "source", "month", "recorded"];
        rows.iter().map(|row| part(row, &names)).collect()
    };
    let none = Value::Null;
    let (hospital, desk) = ("/hlt/990101/hospital-1", "/pol/990101/desk");
    assert_eq!(
        ask("place=990101").await,
        [json!([none, none, hospital, none, 3]), json!([none, none, desk, none, 1]),]
    );
    assert_eq!(
        ask("group_by=department").await,
        [json!([none, "hlt", none, none, 3]), json!([none, "pol", none, none, 2]),]
    );
    assert_eq!(ask("group_by=place:6,department&place=99").await.len(), 3);
    let of_month = ask("group_by=month&from=2026-02&to=2026-03").await;
    assert_eq!(
        of_month,
        [json!([none, none, none, "2026-02", 1]), json!([none, none, none, "2026-03", 3]),]
    );
    assert_eq!(ask("place=990101&from=2026-01&to=2026-01").await[0][4], 1);
    let rejected = ground.rows("sources?group_by=place:6").await;
    assert_eq!(part(&rejected[0], &["rejected", "waiting"]), json!([1, 1]));
    ground.operator.get("/v1/metrics/sources?group_by=event").await.with(400);
    ground.operator.get("/v1/metrics/sources?nonsense=1").await.with(400);
    ground.server.stop();
}

#[test]
fn a_text_that_a_spreadsheet_would_run_is_quoted_and_a_number_is_not() {
    let rows =
        [json!({"a": "=1+1", "b": -1, "c": {"d": "@SUM(A1)", "e": 0.5}}), json!({"b": null})];
    assert_eq!(csv_of(&rows).unwrap(), "a,b,c.d,c.e\n'=1+1,-1,'@SUM(A1),0.5\n,,,\n");
    for text in ["+1", "-1", "\t=1", "\r=1"] {
        let told = csv_of(&[json!({"a": text})]).unwrap();
        assert!(told.contains(&format!("'{text}")), "{told:?}");
    }
    for text in ["a=1", "'", "1-1", "", "陈"] {
        assert!(!csv_of(&[json!({"a": text})]).unwrap().contains(&format!("'{text}\n")));
    }
}
