//! What the audit rules doubt today: of a person's record with those around them and of the
//! household of registration, and of everybody in a household.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use domain::clocks::day_in_china;
use domain::life_event::ItemsTold;
use domain::rules::{EDITION, Field, FieldSet, Findings, Rule, RuleBook};
use domain::{Basis, PersonId, Position};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::household::Household;
use projections::quality::{House, Members, Persons, audit};
use serde_json::{Map, Value, json};

use super::households::{found, narrowed};
use super::persons::{internal, visible};
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::recording::{Answer, record, record_answer};
use super::views_position::{at_position, wait_at_least};
use super::who::{Purpose, Who};
use crate::access::Action;
use crate::registry::Registry;

/// The routes of flags.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/v1/persons/{id}/flags", get(read_flags))
        .route("/v1/households/{id}/flags", get(read_household_flags))
        .with_state(registry)
}

async fn read_flags(
    State(registry): State<Arc<Registry>>,
    who: Who,
    purpose: Purpose,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Action::ReadPerson)?;
    wait_at_least(&registry, &headers).await?;
    let (id, row) = visible(&registry, &who, &id)?;
    let position = registry.folded();
    let today = day_in_china(Timestamp::now());
    let book = RuleBook::in_force(today);
    let people = &registry.views.people;
    let household = people.registered_household(&row.archive);
    let household = household.map_err(|error| internal(&error))?;
    let house = match &household {
        Some(household) => Asked::Members(household),
        None => Asked::Alone(people.across().great_household(&row.archive)),
    };
    let (mut judged, counted) = judge(&registry, &book, &[id], house, today)?;
    let (_, findings) = judged.pop().ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
    let as_of = as_of(today, position, counted);
    let answer = json!({
        "person_id": id,
        "flags": flags(&book, &findings),
        "not_evaluated": names(&book, &findings),
        "as_of": as_of,
    });
    let mut asked = Map::new();
    asked.insert("day".into(), json!(today));
    record(&registry, &who, Some(id), purpose, "read_flags", vec!["flags"], asked).await?;
    Ok(at_position(position, Json(answer)))
}

async fn read_household_flags(
    State(registry): State<Arc<Registry>>,
    who: Who,
    purpose: Purpose,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Action::ReadPerson)?;
    wait_at_least(&registry, &headers).await?;
    let position = registry.folded();
    let today = day_in_china(Timestamp::now());
    let book = RuleBook::in_force(today);
    // The rules count everybody; the answer names those whom the grant reaches.
    let household = found(&registry, &id)?;
    let counted = household.counted();
    let house = match (household.basis, household.is_cut) {
        (Basis::Living, _) => Asked::Alone(None),
        (Basis::Hukou, false) => Asked::Members(&household),
        (Basis::Hukou, true) => {
            let across = registry.views.people.across();
            let mut members = household.members.iter();
            Asked::Alone(members.find_map(|one| across.great_household(&one.row.archive)))
        }
    };
    let (judged, counts) = judge(&registry, &book, &counted, house, today)?;
    let household = narrowed(&registry, &who, household)?;
    let is_shown = |person: &PersonId| household.members.iter().any(|one| one.person == *person);
    let shown: Vec<_> = judged.into_iter().filter(|(person, _)| is_shown(person)).collect();
    let members = shown.iter().map(|(person, findings)| {
        json!({
            "person_id": person,
            "flags": flags(&book, findings),
            "not_evaluated": names(&book, findings),
        })
    });
    let answer = json!({
        "household_id": household.id,
        "basis": household.basis,
        "flags": of_household(&book, &shown),
        "members": members.collect::<Vec<_>>(),
        "as_of": as_of(today, position, counts),
    });
    let persons: Vec<_> = shown.iter().map(|(person, _)| *person).collect();
    let asked = Map::from_iter([
        ("day".to_owned(), json!(today)),
        ("household".to_owned(), json!(household.id)),
    ]);
    let operation = "read_household_flags";
    let told = Answer {
        operation,
        count: persons.len(),
        persons: persons.into_iter().map(|person| (person, ItemsTold::default())).collect(),
        fields: vec!["flags"],
        as_of: asked,
        query: None,
        position: registry.folded(),
    };
    record_answer(&registry, &who, purpose, told).await?;
    Ok(at_position(position, Json(answer)))
}

/// The household of registration of those who are asked about.
enum Asked<'a> {
    /// Its members are at hand.
    Members(&'a Household),
    /// None, or one of too many members, as the register counts it.
    Alone(Option<domain::rules::Household>),
}

/// What was found of each person.
type Judged = Vec<(PersonId, Findings)>;

/// What every rule finds for each of `named`, with those around them and their household.
fn judge(
    registry: &Registry,
    book: &RuleBook,
    named: &[PersonId],
    house: Asked<'_>,
    today: Date,
) -> Result<(Judged, Option<Position>), Problem> {
    let around = Persons::around(&registry.views.people, named);
    let mut persons = around.map_err(|error| internal(&error))?;
    let counted;
    let house = match house {
        Asked::Members(household) => {
            for member in &household.members {
                persons.add(member.person, member.row.archive.clone());
            }
            counted = household.counted();
            let (kind, head) = (household.kind, household.called_head());
            Some(House::Members(Members { persons: &counted, kind, head }))
        }
        Asked::Alone(household) => household.map(House::Counted),
    };
    let register = registry.views.people.across();
    let judged = audit(book, &persons, named, house, Some(&register), today);
    Ok((judged, register.is_whole().then_some(register.position)))
}

/// The rules about the household itself by which something is wrong, each with the members for
/// whom it fires.
fn of_household(book: &RuleBook, judged: &[(PersonId, Findings)]) -> Vec<Value> {
    let about = FieldSet::of(&[Field::Household]);
    let rules = book.rules().filter(|rule| rule.reads.meets(about));
    let fired = rules.filter_map(|rule| {
        let fires = judged.iter().filter(|(_, findings)| findings.fired.contains(rule.id));
        let persons: Vec<_> = fires.map(|(person, _)| json!(person)).collect();
        let mut told = flag(rule);
        told["persons"] = Value::Array(persons);
        told["persons"].as_array().is_some_and(|persons| !persons.is_empty()).then_some(told)
    });
    fired.collect()
}

fn as_of(today: Date, position: Position, counts: Option<Position>) -> Value {
    json!({"day": today, "position": position, "counts_position": counts, "edition": EDITION})
}

/// Each rule by which something is wrong, in the order of the table.
pub(super) fn flags(book: &RuleBook, findings: &Findings) -> Vec<Value> {
    findings.fired.iter().filter_map(|id| book.rule(id)).map(flag).collect()
}

fn flag(rule: &Rule) -> Value {
    json!({
        "rule": rule.id.to_string(),
        "class": rule.id.class().name(),
        "severity": rule.severity.name(),
        "items": rule.items.iter().map(|field| field.name()).collect::<Vec<_>>(),
        "message": {"zh": rule.message_zh, "en": rule.message_en},
        "edition": EDITION,
    })
}

/// The rules for which an operand is missing.
fn names(book: &RuleBook, findings: &Findings) -> Vec<String> {
    let rules = findings.not_evaluated.iter().filter_map(|id| book.rule(id));
    rules.map(|rule| rule.id.to_string()).collect()
}
