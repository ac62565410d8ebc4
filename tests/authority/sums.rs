//! Measures that count persons by place: who sees sums only is told of no handful of people, and
//! cannot find one by taking sums from each other.

use std::collections::BTreeMap;

use api::access::Role;
use serde_json::Value;

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
                            assert_eq!(row, all, "{query}");
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
