//! Measures: who sees sums only is told of no handful of people or events, and cannot find one by
//! taking answers from each other.

use std::collections::{BTreeMap, BTreeSet};

use api::access::Role;
use serde_json::{Map, Value, json};

use super::world::{Asker, World};
use crate::process::caller::Answer;

/// Fewer persons are a handful.
const PERSONS_MIN: u64 = 5;

async fn rows(world: &World, asker: &Asker, measure: &str, query: &str) -> Vec<Value> {
    for _ in 0..400 {
        let path = format!("/v1/metrics/{measure}?{query}");
        let request = world.get(asker, &path, "").header("at-least", world.head);
        let answer = Answer::read(request.send().await.unwrap()).await;
        // Until everybody was counted, and looked at across records.
        let across = answer.body["as_of"]["across_position"].as_u64();
        if answer.status != 503 && across.is_none_or(|across| across >= world.head) {
            return answer.with(200)["rows"].as_array().unwrap().clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the measures are not counted")
}

/// The persons whom a row counts.
fn persons(row: &Value) -> u64 {
    let of_records = row["records"]["denominator"].as_u64();
    of_records.or(row["denominator"].as_u64()).expect("a number")
}

fn nearest_five(count: u64) -> u64 {
    [0, 1, 2]
        .into_iter()
        .find(|more| (count + more).is_multiple_of(5))
        .map_or(count / 5 * 5, |it| count + it)
}

/// A row of persons as it is told: every count to the nearest five, and rates of these.
fn to_five(row: &Value) -> Value {
    let Value::Object(fields) = row else { return row.clone() };
    let mut told: Map<String, Value> = fields
        .iter()
        .map(|(name, value)| match value.as_u64() {
            Some(count) => (name.clone(), json!(nearest_five(count))),
            None => (name.clone(), to_five(value)),
        })
        .collect();
    if let [Some(of), Some(all)] =
        ["numerator", "denominator"].map(|name| told.get(name).and_then(Value::as_u64))
    {
        told["rate"] = json!((all > 0).then(|| of as f64 / all as f64));
    }
    told.into()
}

/// Rows by what tells them apart.
fn keyed(rows: &[Value]) -> BTreeMap<[String; 3], Value> {
    let key = |row: &Value| ["place", "item", "rule"].map(|name| row[name].to_string());
    rows.iter().map(|row| (key(row), row.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_handful_of_persons_is_told_nor_found_by_taking_sums_from_each_other() {
    let mut counts = (0, 0);
    // Three persons in each village, then six or fewer here and there, then eight or nine.
    for people in [18, 40, 53] {
        let world = World::of(people).await;
        let operator = world.asker(Role::CountyOperator, None, None, None);
        for role in [Role::Analyst, Role::Admin] {
            let asker = world.asker(role, None, None, None);
            let (hidden, shown) = check_world(&world, &operator, &asker).await;
            counts = (counts.0 + hidden, counts.1 + shown);
        }
    }
    assert!(counts.0 > 100 && counts.1 > 100, "{counts:?}");
}

/// Gives how many rows were hidden and shown.
async fn check_world(world: &World, operator: &Asker, asker: &Asker) -> (usize, usize) {
    let (mut hidden_in_all, mut shown_in_all) = (0, 0);
    for measure in ["completeness", "consistency"] {
        for by in ["", "item", "rule"] {
            if (measure, by) == ("completeness", "rule") {
                continue;
            }
            for digits in [6, 9, 12] {
                let query = format!("group_by=place:{digits},{by}");
                let whole = keyed(&rows(world, operator, measure, &query).await);
                let told = keyed(&rows(world, asker, measure, &query).await);
                assert!(whole.keys().eq(told.keys()), "{query}");
                for (key, row) in &told {
                    let all = &whole[key];
                    match row["suppressed"] == true {
                        true => {
                            assert!(row["numerator"].is_null() && row["denominator"].is_null());
                            assert!(row.get("records").is_none() && row["rate"].is_null());
                            assert!(row.get("violations").is_none(), "{row}");
                            hidden_in_all += 1;
                        }
                        false => {
                            assert_eq!(row, &to_five(all), "{query}");
                            assert!(!(1..PERSONS_MIN).contains(&persons(all)), "{query}: {row}");
                            shown_in_all += 1;
                        }
                    }
                }
                check_differences(&told, &whole, &query);
            }
        }
    }
    (hidden_in_all, shown_in_all)
}

/// Whoever knows the sum of a division, and takes all that is told of it away, has nobody left, or
/// five persons of two rows at least, unless the division is one row.
fn check_differences(
    told: &BTreeMap<[String; 3], Value>,
    whole: &BTreeMap<[String; 3], Value>,
    query: &str,
) {
    for digits in [0, 2, 4, 6, 9] {
        let mut left: BTreeMap<(String, String), (u64, usize, usize)> = BTreeMap::new();
        for (key @ [place, item, rule], row) in told {
            let place = place.trim_matches('"');
            let count = persons(&whole[key]);
            if place.len() <= digits || count == 0 {
                continue;
            }
            let division = (place[..digits].to_owned(), format!("{item}{rule}"));
            let (persons, hidden, rows) = left.entry(division).or_default();
            *rows += 1;
            if row["suppressed"] == true {
                *persons += count;
                *hidden += 1;
            }
        }
        for (division, (persons, hidden, rows)) in left {
            let is_safe = hidden == 0 || hidden > 1 && persons >= PERSONS_MIN || hidden == rows;
            assert!(is_safe, "{query}: {division:?} gives {persons} persons of {hidden} rows away");
        }
    }
}

const GROUPS: [&str; 5] = ["place", "event", "department", "channel", "month"];
const COUNTS: [&str; 5] = ["total", "numerator", "denominator", "unruled", "not_yet_due"];

/// Every grouping of timeliness, by every level of places, of all times and of a year, and some of
/// the lag curves.
fn groupings() -> Vec<(&'static str, String)> {
    let words = ["event", "department", "channel", "month"];
    let mut all = Vec::new();
    for place in ["", "place:4,", "place:6,", "place:9,", "place:12,"] {
        for subset in 0..1_usize << words.len() {
            let chosen = words.iter().enumerate().filter(|(at, _)| subset & (1 << at) != 0);
            let chosen: Vec<_> = chosen.map(|(_, word)| *word).collect();
            let query = format!("group_by={place}{}", chosen.join(","));
            for more in ["", "&from=2026-01&to=2026-12", "&place=990101", "&divisions=now"] {
                all.push(("timeliness", format!("{query}{more}")));
            }
            if chosen.len() < 2 {
                all.push(("lag_curve", query));
            }
        }
    }
    all
}

/// Holds what is told of a group of events against all of it; gives the counts that are told.
fn told_of_events(all: &Value, told: &Value) -> Vec<u64> {
    let total = all["total"].as_u64().unwrap();
    if total < PERSONS_MIN {
        assert_eq!(told["suppressed"], true, "{told}");
        let numbers =
            COUNTS.into_iter().chain(["rate", "split", "p50_days", "p90_days", "p99_days"]);
        assert!(numbers.into_iter().all(|name| told[name].is_null()), "{told}");
        assert!(told["points"].as_array().is_none_or(Vec::is_empty), "{told}");
        return Vec::new();
    }
    let mut counts = Vec::new();
    for name in COUNTS.into_iter().filter(|name| all.get(name).is_some()) {
        let count = nearest_five(all[name].as_u64().unwrap());
        assert_eq!(told[name], count, "{name}: {told} of {all}");
        counts.push(count);
    }
    for (name, percent) in [("p50_days", 50), ("p90_days", 10), ("p99_days", 1)] {
        let is_told = total * percent / 100 >= PERSONS_MIN;
        assert!(told[name] == all[name] && is_told || told[name].is_null() && !is_told, "{told}");
    }
    let rate = |of: &Value, all: &Value| match (of.as_u64(), all.as_u64()) {
        (Some(of), Some(all)) if all > 0 => json!(of as f64 / all as f64),
        _ => Value::Null,
    };
    match (told["points"].as_array(), all["points"].as_array()) {
        (Some(points), Some(whole)) => {
            assert_eq!(points.len(), whole.len());
            for (point, whole) in points.iter().zip(whole) {
                let count = nearest_five(whole["count"].as_u64().unwrap());
                assert_eq!(point["count"], count, "{point} of {whole}");
                assert_eq!(point["share"], rate(&point["count"], &told["total"]));
                counts.push(count);
            }
        }
        _ => assert_eq!(told["rate"], rate(&told["numerator"], &told["denominator"])),
    }
    if let Some(parts) = told["split"].as_object() {
        let days = parts.values().map(|part| part.as_f64().unwrap() * 10.0);
        assert!(days.into_iter().all(|tenths| (tenths - tenths.round()).abs() < 1e-6), "{told}");
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_answers_about_events_give_a_handful_away_when_one_is_taken_from_the_other() {
    let (mut counts, mut suppressed) = (BTreeSet::new(), 0);
    // Three persons in each village, then six or seven.
    for people in [18, 41] {
        let world = World::of(people).await;
        let operator = world.asker(Role::CountyOperator, None, None, None);
        let analyst = world.asker(Role::Analyst, None, None, None);
        for (measure, query) in groupings() {
            let whole = rows(&world, &operator, measure, &query).await;
            let told = rows(&world, &analyst, measure, &query).await;
            assert_eq!(whole.len(), told.len(), "{query}");
            for (all, told) in whole.iter().zip(&told) {
                let group = |row: &Value| GROUPS.map(|name| row[name].to_string());
                assert_eq!(group(all), group(told), "{query}");
                suppressed += usize::from(told["suppressed"] == true);
                counts.extend(told_of_events(all, told));
            }
        }
    }
    // Whatever two counts are taken from each other, of whichever answers.
    let pairs = counts.iter().flat_map(|one| counts.iter().map(move |other| one.abs_diff(*other)));
    assert!(pairs.into_iter().all(|left| !(1..PERSONS_MIN).contains(&left)), "{counts:?}");
    assert!(counts.len() > 20 && suppressed > 100, "{counts:?}, {suppressed} suppressed");
}

/// A span that is moved by a month, or an instant by a second, finds each event.
#[tokio::test(flavor = "multi_thread")]
async fn who_sees_sums_only_asks_about_whole_months_and_years() {
    let world = World::of(3).await;
    let ask = async |role, path: &str| {
        let asker = world.asker(role, None, None, None);
        let request = world.get(&asker, &format!("/v1/metrics/{path}"), "");
        Answer::read(request.send().await.unwrap()).await
    };
    for path in [
        "timeliness?from=2026-02&to=2026-12",
        "timeliness?from=2026-01&to=2026-11",
        "timeliness?from=2025-01&to=2026-12",
        "timeliness?from=2026-01",
        "timeliness?group_by=event&to=2026-12",
        "timeliness?known_at=2026-10-30",
        "timeliness?known_at=2026-10-31T12:00:00Z",
        "lag_curve?from=2026-03&to=2026-04",
        "lag_curve?known_at=2026-10-15",
        "completeness?known_at=2026-10-15",
        "consistency?known_at=2026-10-31T00:00:00Z",
    ] {
        for role in [Role::Analyst, Role::Admin] {
            ask(role, path).await.problem(400, "bad_request");
        }
        let whole = ask(Role::CountyOperator, path).await;
        assert!([200, 503].contains(&whole.status), "{path}: {}", whole.body);
    }
    for path in [
        "timeliness?from=2026-01&to=2026-12",
        "timeliness?group_by=month&from=2026-02&to=2026-03",
        "timeliness?known_at=2026-10-31",
        "lag_curve?known_at=2024-02-29",
        "completeness?known_at=2026-10-31",
    ] {
        let whole = ask(Role::Analyst, path).await;
        assert!([200, 503].contains(&whole.status), "{path}: {}", whole.body);
    }
}
