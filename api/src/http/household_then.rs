//! The moment that a question about a household asks for: now, or a day as known at an instant.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use domain::clocks::day_in_china;
use domain::{HouseholdId, PersonId, Position};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::household::Household;
use projections::quality::Persons;
use replay::household_then::{self, CANDIDATES_MAX, Found, Moment};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::persons::internal;
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::query::{parse_day, parse_instant};
use crate::registry::Registry;

/// How long a question waits for the views: the index must know everybody who was ever a member.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// A moment as a query names it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    valid_on: Option<String>,
    known_at: Option<String>,
}

/// The moment; now with neither.
#[derive(Clone, Copy)]
pub(super) struct Then {
    /// The day on which it is to be true.
    pub(super) valid_on: Option<Date>,
    /// The instant at which it is to have been known.
    pub(super) known_at: Option<Timestamp>,
}

impl Then {
    pub(super) fn read(question: &Question) -> Result<Self, Problem> {
        let valid_on = question.valid_on.as_deref().map(parse_day).transpose()?;
        let known_at = question.known_at.as_deref().map(parse_instant).transpose()?;
        Ok(Self { valid_on, known_at })
    }

    pub(super) fn is_now(self) -> bool {
        self.valid_on.is_none() && self.known_at.is_none()
    }

    /// The day by which ages and spans are told.
    pub(super) fn day(self) -> Date {
        let known_at = self.known_at.unwrap_or_else(Timestamp::now);
        self.valid_on.unwrap_or_else(|| day_in_china(known_at))
    }

    /// The axes that were asked for, as the read is recorded.
    pub(super) fn axes(self) -> Map<String, Value> {
        let axes = [
            ("valid_on", self.valid_on.map(|day| json!(day))),
            ("known_at", self.known_at.map(|instant| json!(instant))),
        ];
        axes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    /// The household of an id in a path at the moment, with everybody who stood under it.
    pub(super) async fn found(
        self,
        registry: &Arc<Registry>,
        id: &str,
    ) -> Result<Household, Problem> {
        let id = household_named(id)?;
        if self.is_now() {
            let found = registry.views.people.household(id).map_err(|error| internal(&error))?;
            return found.ok_or_else(|| Problem::new(&kinds::NOT_FOUND));
        }
        wait_for_index(registry).await?;
        let shared = Arc::clone(registry);
        let found = tokio::task::spawn_blocking(move || {
            let mut moment = Moment::new(shared.log(), self.valid_on, self.known_at);
            household_then::household(&shared.views.people, id, &mut moment)
        });
        let found = found.await.map_err(|error| internal(&error))?;
        match found.map_err(|error| internal(&error))? {
            Found::There(household) => Ok(*household),
            Found::Nobody => Err(Problem::new(&kinds::NOT_FOUND)),
            Found::TooMany => Err(too_many()),
        }
    }

    /// Since when each of some members belonged to the household, by their lives.
    pub(super) async fn members_since(
        self,
        registry: &Registry,
        household: &Household,
    ) -> Result<Vec<Option<(Date, Position)>>, Problem> {
        let (log, basis) = (registry.log().clone(), household.basis);
        let members: Vec<_> = household.members.iter().map(|member| member.person).collect();
        let moment = (self.valid_on, self.known_at);
        let read = move || household_then::members_since(&log, &members, basis, moment);
        let read = tokio::task::spawn_blocking(read).await.map_err(|error| internal(&error))?;
        read.map_err(|error| internal(&error))
    }

    /// Those named as they were at the moment, with everybody around them whose record the rules
    /// could look at.
    pub(super) async fn around(
        self,
        registry: &Registry,
        named: &[PersonId],
    ) -> Result<Persons, Problem> {
        if self.is_now() {
            let around = Persons::around(&registry.views.people, named);
            return around.map_err(|error| internal(&error));
        }
        let (log, named) = (registry.log().clone(), named.to_vec());
        let around = tokio::task::spawn_blocking(move || {
            let mut moment = Moment::new(&log, self.valid_on, self.known_at);
            Persons::around_in(&mut |person| moment.archive(person), &named)
        });
        around.await.map_err(|error| internal(&error))?.map_err(|error| internal(&error))
    }
}

/// Waits until the views are where the log is now.
pub(super) async fn wait_for_index(registry: &Registry) -> Result<(), Problem> {
    let head = registry.log().journal().head();
    match registry.wait_until_folded(head, WAIT_MAX).await {
        true => Ok(()),
        false => Err(Problem::new(&kinds::VIEW_BEHIND).header(RETRY_AFTER, 1.into())),
    }
}

/// The household of an id in a path.
pub(super) fn household_named(id: &str) -> Result<HouseholdId, Problem> {
    let id = uuid::Uuid::parse_str(id).map_err(|_| Problem::new(&kinds::NOT_FOUND))?;
    Ok(HouseholdId::from_uuid(id))
}

/// More ever stood under the household than lives are read for one question.
pub(super) fn too_many() -> Problem {
    Problem::new(&kinds::HOUSEHOLD_TOO_LARGE).detail(
        format!("曾在该户的档案超过 {CANDIDATES_MAX} 份,无法还原往日的户"),
        format!("more than {CANDIDATES_MAX} records ever stood under the household"),
    )
}
