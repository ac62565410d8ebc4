//! A household: who belongs to it, since when and by which event, who leads it, and the task to
//! name a new head. A read of each member shown is on record before the answer leaves.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use domain::life_event::ItemsTold;
use domain::rules::HouseholdKind;
use domain::{Basis, HouseholdId, Item, PersonId, Position, Topic};
use jiff::civil::Date;
use projections::Archive;
use projections::household::{self, Household, Member, Vacancy};
use serde::Serialize;
use serde_json::json;

use super::archive_json::{AsOf, place_name};
use super::closed;
use super::household_then::{Question, Then};
use super::persons::visible_id;
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::recording::{Answer, record_answer};
use super::values_told;
use super::views_position::{at_position, wait_at_least};
use super::who::{Purpose, Who};
use crate::access::Action;
use crate::registry::Registry;

/// What a read of a member is recorded to have shown.
const FIELDS: [&str; 6] =
    ["household_id", "household_no", "relation_code", "head", "place", "status"];

/// The routes of households.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new().route("/v1/households/{id}", get(read_household)).with_state(registry)
}

#[derive(Serialize)]
struct Shown<'a> {
    household_id: HouseholdId,
    basis: Basis,
    kind: Option<&'static str>,
    household_no: Option<&'a str>,
    place: Option<&'a str>,
    place_name: Option<String>,
    address: Option<&'a str>,
    door_plate: Option<&'a str>,
    head: Option<ShownHead>,
    members: Vec<ShownMember<'a>>,
    tasks: Vec<Task>,
    more: bool,
    as_of: AsOf,
}

#[derive(Serialize)]
struct ShownHead {
    person_id: PersonId,
    since: Date,
    position: Position,
}

#[derive(Serialize)]
struct ShownMember<'a> {
    person_id: PersonId,
    relation_code: Option<&'a str>,
    /// The event that the relation comes from.
    relation_position: Option<Position>,
    status: &'static str,
    /// Since when, and by which event, they belong to it.
    since: Option<Date>,
    position: Option<Position>,
    /// Of the dead and of those who left: the day.
    until: Option<Date>,
}

/// Something that somebody has to do.
#[derive(Serialize)]
struct Task {
    task: &'static str,
    reason: &'static str,
    since: Option<Date>,
    /// Who led the household, where the grant reaches them.
    former_head: Option<PersonId>,
}

async fn read_household(
    State(registry): State<Arc<Registry>>,
    who: Who,
    purpose: Purpose,
    Path(id): Path<String>,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Action::ReadPerson)?;
    wait_at_least(&registry, &headers).await?;
    let then = Then::read(&question)?;
    let household = narrowed(&registry, &who, then.found(&registry, &who, &id).await?)?;
    let position = registry.folded();
    let since = then.members_since(&registry, &household).await?;
    let as_of = AsOf { known_at: then.known_at, position, valid_on: then.valid_on };
    let former = household.vacancy.and_then(|vacancy| vacancy.former_head);
    let former = former.filter(|former| visible_id(&registry, &who, *former).is_ok());
    let shown = show(&household, &since, former, as_of);
    let mut persons: Vec<_> = household
        .members
        .iter()
        .map(|member| (member.person, values_told::of_member(&member.row.archive)))
        .collect();
    let is_listed = |former| persons.iter().any(|(known, _)| *known == former);
    persons.extend(former.filter(|former| !is_listed(*former)).map(|f| (f, ItemsTold::default())));
    let mut asked = then.axes();
    asked.insert("household".to_owned(), json!(household.id));
    let told = Answer {
        operation: "read_household",
        count: persons.len(),
        persons,
        fields: FIELDS.to_vec(),
        as_of: asked,
        query: None,
        position,
    };
    record_answer(&registry, &who, purpose, told).await?;
    Ok(at_position(position, axum::Json(shown)))
}

/// Whether somebody may be named as a member: the grant reaches them, and the topic is not hidden.
pub(super) fn may_be_told_of(registry: &Registry, who: &Who, person: PersonId) -> bool {
    let is_hidden = |topics: Vec<(Topic, Date)>| topics.iter().any(|t| t.0 == Topic::Household);
    let seen = visible_id(registry, who, person);
    seen.is_ok_and(|(_, row)| !is_hidden(closed::hidden_topics(who, &row)))
}

/// A household with those members whom the grant reaches; 404 when it reaches nobody, as if there
/// were none.
pub(super) fn narrowed(
    registry: &Registry,
    who: &Who,
    mut household: Household,
) -> Result<Household, Problem> {
    household.members.retain(|member| may_be_told_of(registry, who, member.person));
    let is_empty = household.members.is_empty();
    if is_empty { Err(Problem::new(&kinds::NOT_FOUND)) } else { Ok(household) }
}

fn show<'a>(
    household: &'a Household,
    since: &[Option<(Date, Position)>],
    former: Option<PersonId>,
    as_of: AsOf,
) -> Shown<'a> {
    let (basis, leading) = (household.basis, &household.members[0].row.archive);
    let is_registered = basis == Basis::Hukou;
    let (place, address) = match basis {
        Basis::Hukou => (Item::Hukou, Item::HukouAddress),
        Basis::Living => (Item::Residence, Item::ResidenceAddress),
    };
    let is_shown = |person| household.members.iter().any(|member| member.person == person);
    let head = household.head.filter(|head| is_shown(head.person));
    Shown {
        household_id: household.id,
        basis,
        kind: household.kind.map(kind),
        household_no: leading.get(Item::HouseholdId).filter(|_| is_registered),
        place: leading.get(place),
        place_name: name_of(leading, place),
        address: leading.get(address),
        door_plate: leading.get(Item::DoorPlate).filter(|_| !is_registered),
        head: head.map(|household::Head { person, since, position }| ShownHead {
            person_id: person,
            since,
            position,
        }),
        members: household
            .members
            .iter()
            .zip(since)
            .map(|(one, since)| member(one, *since))
            .collect(),
        tasks: household.vacancy.into_iter().map(|vacancy| name_head(vacancy, former)).collect(),
        more: household.is_cut,
        as_of,
    }
}

fn member(member: &Member, since: Option<(Date, Position)>) -> ShownMember<'_> {
    let relation = member.row.archive.stated(Item::RelationToHead);
    ShownMember {
        person_id: member.person,
        relation_code: relation.map(|(code, _)| code),
        relation_position: relation.map(|(_, origin)| origin.position),
        status: member.state.name(),
        since: since.map(|(day, _)| day),
        position: since.map(|(_, position)| position),
        until: member.state.until(),
    }
}

/// Regulations of 1958, art. 5: a household has one head, who is answerable for what is told of it.
fn name_head(vacancy: Vacancy, former: Option<PersonId>) -> Task {
    let Vacancy { reason, since, .. } = vacancy;
    Task { task: "name_head", reason, since, former_head: former }
}

fn name_of(archive: &Archive, place: Item) -> Option<String> {
    let (code, origin) = archive.stated(place)?;
    place_name(archive, place, code, origin)
}

/// The word of `household_kind`.
fn kind(kind: HouseholdKind) -> &'static str {
    match kind {
        HouseholdKind::Family => "family",
        HouseholdKind::Collective => "collective",
    }
}
