//! A household: who belongs to it, since when and by which event, who leads it, and the task to
//! name a new head. A read of each member shown is on record before the answer leaves.

use std::borrow::Cow;
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

use super::archive_json::{AsOf, is_false, place_name};
use super::closed;
use super::household_then::{Question, Then};
use super::looking::Looking;
use super::persons::{reached, visible_id};
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::recording::{Answer, record_answer};
use super::shelter;
use super::values_told;
use super::views_position::{at_position, wait_at_least};
use super::who::Who;
use crate::access::{Part, Show, Sight, masks};
use crate::registry::Registry;

/// What a read of a member is recorded to have shown.
const FIELDS: [&str; 6] =
    ["household_id", "household_no", "relation_code", "head", "place", "status"];

/// The parts of the table of access that the answer is of.
const OF_HOUSEHOLDS: [Part; 3] = [Part::Household, Part::Place, Part::Address];

/// The routes of households.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new().route("/v1/households/{id}", get(read_household)).with_state(registry)
}

#[derive(Serialize)]
struct Shown<'a> {
    household_id: HouseholdId,
    basis: Basis,
    kind: Option<&'static str>,
    household_no: Option<Cow<'a, str>>,
    place: Option<&'a str>,
    place_name: Option<String>,
    address: Option<Cow<'a, str>>,
    door_plate: Option<Cow<'a, str>>,
    head: Option<ShownHead>,
    members: Vec<ShownMember<'a>>,
    tasks: Vec<Task>,
    /// Whether something of it is told in part only, or not at all.
    #[serde(skip_serializing_if = "is_false")]
    masked: bool,
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
    looking: Looking,
    Path(id): Path<String>,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    looking.require(Part::Household, Show::Masked)?;
    let Looking { who, purpose, look } = looking;
    wait_at_least(&registry, &headers).await?;
    let then = Then::read(&question)?;
    let household = narrowed(&registry, &who, then.found(&registry, &id).await?)?;
    let position = registry.folded();
    let since = then.members_since(&registry, &household).await?;
    let as_of = AsOf { known_at: then.known_at, position, valid_on: then.valid_on };
    let former = household.vacancy.and_then(|vacancy| vacancy.former_head);
    let former = former.filter(|former| may_be_told_of(&registry, &who, *former));
    let shown = show(&household, &since, former, (as_of, look.sight));
    let mut persons: Vec<_> = household
        .members
        .iter()
        .map(|member| (member.person, values_told::of_member(&member.row.archive, look.sight)))
        .collect();
    let is_listed = |former| persons.iter().any(|(known, _)| *known == former);
    persons.extend(former.filter(|former| !is_listed(*former)).map(|f| (f, ItemsTold::default())));
    let mut asked = then.axes();
    asked.insert("household".to_owned(), json!(household.id));
    let masked = OF_HOUSEHOLDS.into_iter().filter(|part| look.sight.show(*part) == Show::Masked);
    let masked = masked.map(Part::name);
    let told = Answer {
        operation: "read_household",
        count: persons.len(),
        persons,
        fields: FIELDS.to_vec(),
        as_of: asked,
        masked: masked.collect(),
        query: None,
        position,
    };
    record_answer(&registry, &who, purpose, told).await?;
    Ok(at_position(position, axum::Json(shown)))
}

/// Whether somebody may be named as a member: the grant reaches them, and the topic is not hidden.
pub(super) fn may_be_told_of(registry: &Registry, who: &Who, person: PersonId) -> bool {
    let Ok((id, row)) = visible_id(registry, who, person) else { return false };
    // What cannot be read is not told.
    if shelter::hides(registry, who, id, &row).unwrap_or(true) {
        return false;
    }
    let is_hidden = closed::hidden_topics(who, &row).iter().any(|t| t.0 == Topic::Household);
    // A record that was absorbed since answers for itself too.
    let own = || closed::row(registry, who, person);
    !is_hidden && (id == person || own().is_ok_and(|row| reached(who, person, &row).is_ok()))
}

/// A household with those members whom the grant reaches; 404 when it reaches nobody, as if there
/// were none.
pub(super) fn narrowed(
    registry: &Registry,
    who: &Who,
    mut household: Household,
) -> Result<Household, Problem> {
    let is_told = |person| !shelter::hides_home(registry, who, person, household.id);
    let is_seen = |person| is_told(person) && may_be_told_of(registry, who, person);
    household.members.retain(|member| is_seen(member.person));
    let is_empty = household.members.is_empty();
    if is_empty { Err(Problem::new(&kinds::NOT_FOUND)) } else { Ok(household) }
}

fn show<'a>(
    household: &'a Household,
    since: &[Option<(Date, Position)>],
    former: Option<PersonId>,
    (as_of, sight): (AsOf, Sight),
) -> Shown<'a> {
    let (basis, leading) = (household.basis, &household.members[0].row.archive);
    let is_registered = basis == Basis::Hukou;
    let (place, address) = match basis {
        Basis::Hukou => (Item::Hukou, Item::HukouAddress),
        Basis::Living => (Item::Residence, Item::ResidenceAddress),
    };
    let sees_place = sight.show(Part::Place) == Show::Full;
    let is_shown = |person| household.members.iter().any(|member| member.person == person);
    let head = household.head.filter(|head| is_shown(head.person));
    Shown {
        household_id: household.id,
        basis,
        kind: household.kind.map(kind),
        household_no: seen(leading, Item::HouseholdId, sight).filter(|_| is_registered),
        place: leading.get(place).filter(|_| sees_place),
        place_name: name_of(leading, place).filter(|_| sees_place),
        address: seen(leading, address, sight),
        door_plate: seen(leading, Item::DoorPlate, sight).filter(|_| !is_registered),
        head: head.map(|household::Head { person, since, position }| ShownHead {
            person_id: person,
            since,
            position,
        }),
        members: household
            .members
            .iter()
            .zip(since)
            .map(|(one, since)| member(one, *since, sight))
            .collect(),
        tasks: household.vacancy.into_iter().map(|vacancy| name_head(vacancy, former)).collect(),
        masked: OF_HOUSEHOLDS.iter().any(|part| sight.show(*part) != Show::Full),
        more: household.is_cut,
        as_of,
    }
}

fn member(member: &Member, since: Option<(Date, Position)>, sight: Sight) -> ShownMember<'_> {
    let relation = member.row.archive.stated(Item::RelationToHead);
    let relation = relation.filter(|_| sight.show(Part::Household) == Show::Full);
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

/// A value of whoever leads, as it is seen.
fn seen(leading: &Archive, item: Item, sight: Sight) -> Option<Cow<'_, str>> {
    let text = leading.get(item)?;
    match sight.show_item(item) {
        Show::Full => Some(Cow::Borrowed(text)),
        Show::Masked => masks::of_item(item, text).map(Cow::Owned),
        Show::None => None,
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
