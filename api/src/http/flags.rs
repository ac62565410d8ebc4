//! What the audit rules doubt today: of a person's record with those around them and of the
//! household of registration, and of everybody in a household.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use domain::clocks::day_in_china;
use domain::life_event::ItemsTold;
use domain::rules::{EDITION, Field, FieldSet, Findings, Rule, RuleBook};
use domain::{Basis, Item, PersonId, Position};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::household::Household;
use projections::quality::{House, Members, Persons, audit};
use serde_json::{Map, Value, json};

use super::household_then::{Question, Then};
use super::households::narrowed;
use super::looking::Looking;
use super::persons::{internal, visible};
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::recording::{Answer, record, record_answer};
use super::views_position::{at_position, wait_at_least};
use crate::access::{Part, Show, Sight};
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
    looking: Looking,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Looking { who, purpose, look } = looking;
    let unseen = unseen(look.sight);
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
    let now = Then { valid_on: None, known_at: None };
    let persons = now.around(&registry, &[id]).await?;
    let (mut judged, counted) = judge(&registry, &book, (persons, &[id]), house, now);
    let (_, findings) = judged.pop().ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
    let as_of = as_of(today, position, counted);
    let answer = json!({
        "person_id": id,
        "flags": flags(&book, &findings, unseen),
        "not_evaluated": names(&book, &findings, unseen),
        "as_of": as_of,
    });
    let answer = with_withheld(answer, look.sight);
    let mut asked = Map::new();
    asked.insert("day".into(), json!(today));
    record(&registry, &who, Some(id), purpose, "read_flags", vec!["flags"], asked).await?;
    Ok(at_position(position, Json(answer)))
}

async fn read_household_flags(
    State(registry): State<Arc<Registry>>,
    looking: Looking,
    Path(id): Path<String>,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    looking.require(Part::Household, Show::Masked)?;
    let Looking { who, purpose, look } = looking;
    let unseen = unseen(look.sight);
    wait_at_least(&registry, &headers).await?;
    let then = Then::read(&question)?;
    let today = then.day();
    let book = RuleBook::in_force(today);
    // The rules count everybody; the answer names those whom the grant reaches.
    let household = then.found(&registry, &id).await?;
    let position = registry.folded();
    let counted = household.counted();
    let house = match (household.basis, household.is_cut) {
        (Basis::Living, _) => Asked::Alone(None),
        (Basis::Hukou, false) => Asked::Members(&household),
        // How many a great household had is known of today alone.
        (Basis::Hukou, true) if !then.is_now() => Asked::Alone(None),
        (Basis::Hukou, true) => {
            let across = registry.views.people.across();
            let mut members = household.members.iter();
            Asked::Alone(members.find_map(|one| across.great_household(&one.row.archive)))
        }
    };
    let persons = then.around(&registry, &counted).await?;
    let (judged, counts) = judge(&registry, &book, (persons, &counted), house, then);
    let household = narrowed(&registry, &who, household)?;
    let is_shown = |person: &PersonId| household.members.iter().any(|one| one.person == *person);
    let shown: Vec<_> = judged.into_iter().filter(|(person, _)| is_shown(person)).collect();
    let members = shown.iter().map(|(person, findings)| {
        json!({
            "person_id": person,
            "flags": flags(&book, findings, unseen),
            "not_evaluated": names(&book, findings, unseen),
        })
    });
    let answer = json!({
        "household_id": household.id,
        "basis": household.basis,
        "flags": of_household(&book, &shown, unseen),
        "members": members.collect::<Vec<_>>(),
        "as_of": as_of_moment(then, position, counts),
    });
    let answer = with_withheld(answer, look.sight);
    let persons: Vec<_> = shown.iter().map(|(person, _)| *person).collect();
    let mut asked = then.axes();
    asked.insert("day".to_owned(), json!(today));
    asked.insert("household".to_owned(), json!(household.id));
    let operation = "read_household_flags";
    let told = Answer {
        count: persons.len(),
        persons: persons.into_iter().map(|person| (person, ItemsTold::default())).collect(),
        fields: vec!["flags"],
        as_of: asked,
        position: registry.folded(),
        ..Answer::of_nobody(operation)
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

/// What every rule finds for each of those named, with those around them and their household.
fn judge(
    registry: &Registry,
    book: &RuleBook,
    (mut persons, named): (Persons, &[PersonId]),
    house: Asked<'_>,
    then: Then,
) -> (Judged, Option<Position>) {
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
    // What the register counts is of now.
    let register = then.is_now().then_some(&*register);
    let judged = audit(book, &persons, named, house, register, then.day());
    let counts = register.filter(|register| register.is_whole());
    (judged, counts.map(|register| register.position))
}

/// The rules about the household itself by which something is wrong, each with the members for
/// whom it fires.
fn of_household(book: &RuleBook, judged: &[(PersonId, Findings)], unseen: FieldSet) -> Vec<Value> {
    let about = FieldSet::of(&[Field::Household]);
    let rules = book.rules().filter(|rule| rule.reads.meets(about) && is_seen(rule, unseen));
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

/// As [`as_of`], with the axes of a question about another day.
fn as_of_moment(then: Then, position: Position, counts: Option<Position>) -> Value {
    let mut told = as_of(then.day(), position, counts);
    told["valid_on"] = json!(then.valid_on);
    told["known_at"] = json!(then.known_at);
    told
}

/// Each rule by which something is wrong, in the order of the table, where all that it reads is seen.
fn flags(book: &RuleBook, findings: &Findings, unseen: FieldSet) -> Vec<Value> {
    let fired = findings.fired.iter().filter_map(|id| book.rule(id));
    fired.filter(|rule| is_seen(rule, unseen)).map(flag).collect()
}

/// What rules read and is not seen in full.
pub(super) fn unseen(sight: Sight) -> FieldSet {
    let items = Item::all().map(Field::Item);
    let fields = items.chain(OTHER_FIELDS.iter().map(|(field, _)| *field));
    let of = |field: Field| match field {
        Field::Item(item) => Part::of_item(item),
        other => OTHER_FIELDS.iter().find(|row| row.0 == other).map_or(Part::Details, |row| row.1),
    };
    fields.filter(|field| sight.show(of(*field)) != Show::Full).collect()
}

/// The parts of what rules read beside items. That somebody looked lately is of no part.
const OTHER_FIELDS: [(Field, Part); 16] = [
    (Field::Alive, Part::Death),
    (Field::MotherId, Part::Family),
    (Field::FatherId, Part::Family),
    (Field::SpouseId, Part::Family),
    (Field::LastSpouse, Part::Family),
    (Field::Children, Part::Family),
    (Field::Household, Part::Household),
    (Field::DisabilityType, Part::Welfare),
    (Field::DisabilityCert, Part::Welfare),
    (Field::Fertility, Part::Fertility),
    (Field::Contraceptive, Part::Fertility),
    (Field::HukouNatureDate, Part::Household),
    (Field::VillageBirthDates, Part::BirthDate),
    (Field::VillageBirthSexes, Part::Sex),
    (Field::TownshipBirths, Part::BirthDate),
    (Field::Migrants, Part::Migration),
];

/// Whether it gives no value away that is not seen, that a rule fires or cannot be evaluated.
pub(super) fn is_seen(rule: &Rule, unseen: FieldSet) -> bool {
    !rule.reads.meets(unseen) && !rule.items.iter().any(|field| unseen.contains(*field))
}

/// Names the parts without which the rules were told, the same for every person.
fn with_withheld(mut answer: Value, sight: Sight) -> Value {
    let parts = Part::all().filter(|part| sight.show(*part) != Show::Full);
    let read = OTHER_FIELDS.iter().map(|row| row.1).chain(Item::all().map(Part::of_item));
    let read: Vec<_> = read.collect();
    let names: Vec<_> = parts.filter(|part| read.contains(part)).map(Part::name).collect();
    if !names.is_empty() {
        answer["withheld"] = json!(names);
    }
    answer
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
fn names(book: &RuleBook, findings: &Findings, unseen: FieldSet) -> Vec<String> {
    let rules = findings.not_evaluated.iter().filter_map(|id| book.rule(id));
    rules.filter(|rule| is_seen(rule, unseen)).map(|rule| rule.id.to_string()).collect()
}
