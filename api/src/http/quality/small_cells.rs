//! Measures that count persons, for those who see sums only: of a handful of people nothing is told,
//! and no sum that is told gives them away when it is taken from another.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Groups of fewer persons are not told; the number is ours.
const PERSONS_MIN: u64 = 5;
/// Digits of the divisions whose sum somebody may ask for beside.
const SUMS_OF: [usize; 5] = [0, 2, 4, 6, 9];

/// A row of a division, as far as it matters here.
struct Group {
    /// Which rows may be added up: those of one month, and of one item or rule.
    kind: String,
    place: String,
    persons: u64,
    is_hidden: bool,
}

/// Blanks the rows of fewer than five persons, and beside them so many others that every division
/// above hides nobody or at least two rows and five persons: whoever knows its sum learns no more.
///
/// Months are taken one by one, and what is counted within a row is told as it is.
pub(super) fn suppress(rows: &mut [(String, Value)]) {
    let mut groups: Vec<_> = rows.iter().map(|(_, row)| group(row)).collect();
    while hide_one_more(&mut groups) {}
    for ((_, row), _) in rows.iter_mut().zip(&groups).filter(|(_, group)| group.is_hidden) {
        blank(row);
    }
}

fn group(row: &Value) -> Group {
    let text = |name: &str| row[name].as_str().unwrap_or_default();
    // Of a sum over items, the persons are those of the records.
    let persons = row["records"]["denominator"].as_u64().or(row["denominator"].as_u64());
    let persons = persons.unwrap_or(0);
    Group {
        kind: [text("month"), text("item"), text("rule")].join("/"),
        place: text("place").to_owned(),
        persons,
        is_hidden: (1..PERSONS_MIN).contains(&persons),
    }
}

/// Hides the smallest row of each division whose hidden rows its sum would give away; false when
/// there is none.
fn hide_one_more(groups: &mut [Group]) -> bool {
    let mut has_hidden = false;
    for digits in SUMS_OF {
        let mut divisions: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        for (at, group) in groups.iter().enumerate().filter(|(_, group)| group.persons > 0) {
            if group.place.len() > digits {
                let division = (group.kind.clone(), group.place[..digits].to_owned());
                divisions.entry(division).or_default().push(at);
            }
        }
        for rows in divisions.into_values() {
            let hidden: Vec<_> = rows.iter().filter(|at| groups[**at].is_hidden).collect();
            let persons: u64 = hidden.iter().map(|at| groups[**at].persons).sum();
            if hidden.is_empty() || hidden.len() > 1 && persons >= PERSONS_MIN {
                continue;
            }
            let shown = rows.iter().filter(|at| !groups[**at].is_hidden);
            if let Some(smallest) = shown.min_by_key(|at| groups[**at].persons) {
                groups[*smallest].is_hidden = true;
                has_hidden = true;
            }
        }
    }
    has_hidden
}

fn blank(row: &mut Value) {
    let Value::Object(row) = row else { return };
    for name in ["violations", "normal", "records"] {
        row.remove(name);
    }
    for name in ["numerator", "denominator", "rate"] {
        row.insert(name.to_owned(), Value::Null);
    }
    row.insert("suppressed".to_owned(), json!(true));
}
