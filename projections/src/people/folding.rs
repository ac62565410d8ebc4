//! Folding events into rows and indexes: each person's events together, persons independent of each
//! other.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use domain::recorded::Recorded;
use domain::{Kind, PersonId, Place, Role, StreamKind};
use rustc_hash::FxHashSet;

use super::indexed::Indexed;
use super::joining::is_of;
use super::standing::Steps;
use super::stood::{Stood, may_move};
use super::{NAME, PLACE, People, Room, Row, Step, Waiting, place_key, read_row};
use crate::archive::{self, Course, Fact};
use crate::halves::in_halves;
use crate::quality::{Change, Counted};
use crate::{Lives, ViewsError};
use domain::days::day_number;

type EventsOf<'a> = HashMap<PersonId, Events<'a>, rustc_hash::FxBuildHasher>;

/// One person's events of a batch.
#[derive(Default)]
struct Events<'a> {
    events: Vec<&'a Recorded>,
    /// Over those of the events that were decided with the row at hand.
    steps: Vec<&'a Step>,
}

impl Events<'_> {
    /// The steps over all of them, when all are at hand.
    fn stepped(&self) -> Option<Steps<'_>> {
        let are_all = self.steps.len() == self.events.len();
        Steps::of(&self.steps).filter(|_| are_all)
    }
}

impl Waiting {
    /// A row that is to be written; `room` is memory to be used again.
    pub(super) fn packed(row: &Row, room: &mut Vec<u8>) -> Self {
        room.clear();
        *room = postcard::to_extend(row, std::mem::take(room)).expect("a row is plain values");
        Self { version: row.version, plain: room.as_slice().into() }
    }
}

/// What some persons' events change.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) rows: Vec<(PersonId, Waiting)>,
    /// Those whose rows tell the rules across records what they told before.
    same: Vec<PersonId>,
    pub(super) index: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub(super) counted: Vec<Change>,
    /// Those whose rows are made of several streams of which one changed.
    pub(super) merged: Vec<PersonId>,
}

impl Changes {
    /// How a person counted and counts.
    fn note(&mut self, person: PersonId, before: Counted, after: Counted, is_new: bool) {
        if before != after || is_new {
            self.counted.push(Change { person, before, after, is_new });
        }
    }
}

impl People {
    /// Folds recorded events, in order. `steps` are those over the events, in the same order, as
    /// far as they are at hand: what they tell is not folded again.
    ///
    /// # Errors
    /// [`ViewsError`]; nothing of the batch is folded then.
    pub fn fold(
        &self,
        batch: &[Recorded],
        steps: &[Option<Step>],
        lives: &dyn Lives,
    ) -> Result<(), ViewsError> {
        let Some(last) = batch.last().map(|event| event.envelope.position) else { return Ok(()) };
        let mut persons: Vec<PersonId> = Vec::new();
        let mut events_of = EventsOf::default();
        // Steps begin where the view is; of what is folded already nothing may be counted again.
        let is_next = batch.first().is_some_and(|event| event.envelope.position > self.folded());
        let steps = if is_next { steps } else { &[] };
        let steps = steps.iter().map(Option::as_ref).chain(std::iter::repeat(None));
        for (event, step) in batch.iter().zip(steps) {
            if event.envelope.stream.kind != StreamKind::Person {
                continue;
            }
            let person = PersonId::from_uuid(event.envelope.stream.id);
            let of_person = events_of.entry(person).or_default();
            if of_person.events.is_empty() {
                persons.push(person);
            }
            of_person.events.push(event);
            of_person.steps.extend(step);
        }
        self.go_on(batch)?;
        let changes = in_halves(&persons, |persons| self.changes(persons, &events_of, lives));
        let changes = changes.into_iter().collect::<Result<Vec<_>, _>>()?;
        let merged = self.merged(&changes, last, lives)?;
        let mut rows = Vec::with_capacity(persons.len());
        let mut same = FxHashSet::default();
        let mut measures = self.measures.write().unwrap_or_else(PoisonError::into_inner);
        for changes in changes.into_iter().chain(merged) {
            measures.change(changes.counted);
            self.index.change(changes.index);
            rows.extend(changes.rows);
            same.extend(changes.same);
        }
        let changed = rows.iter().map(|(person, _)| *person);
        let changed: Vec<_> = changed.filter(|person| !same.contains(person)).collect();
        self.write().pending.extend(rows);
        measures.position = last;
        self.touch(changed, last, measures.today);
        drop(measures);
        self.folded.store(last.0, Ordering::Release);
        self.remove_lost_rows()
    }

    fn changes(
        &self,
        persons: &[PersonId],
        events_of: &EventsOf<'_>,
        lives: &dyn Lives,
    ) -> Result<Changes, ViewsError> {
        let mut changes = Changes::default();
        let measures = self.measures();
        let count = |row: &Row| Counted::of(measures.book(), row, measures.today);
        let (mut room, mut plain) = (Room::default(), Vec::new());
        for person in persons {
            let told = &events_of[person];
            if archive::is_gone(told.events.iter().copied()) {
                self.erase(*person, &told.events, &measures, &mut room, &mut changes)?;
                continue;
            }
            if let Some(steps) = told.stepped() {
                let [counted, counts] = match steps.counted(&measures) {
                    Some(both) => both,
                    None => {
                        let before = self.read_row(*person, &mut room)?;
                        let counted = before.as_ref().map(count).unwrap_or_default();
                        [counted, count(&read_row(&steps.row().plain)?)]
                    }
                };
                changes.note(*person, counted, counts, steps.is_new());
                let is_same = !steps.is_new()
                    && steps.tell_same()
                    && counted.is_consistent_in() == counts.is_consistent_in();
                changes.same.extend(is_same.then_some(*person));
                if let Some((stood, stands)) = steps.indexed() {
                    self.index_changes(*person, stood, stands, &mut changes.index);
                }
                changes.rows.push((*person, steps.row().clone()));
                continue;
            }
            let mut row = self.read_row(*person, &mut room)?;
            let before = row.as_ref().map(Indexed::of).unwrap_or_default();
            let counted = row.as_ref().map(count).unwrap_or_default();
            let is_new = row.is_none();
            let owner = row.as_ref().and_then(|row| row.owner);
            if !row.get_or_insert_default().fold(*person, &told.events, lives)? {
                continue;
            }
            let row = row.expect("inserted just now");
            // What stands in an absorbed record stands in the survivor's row too. The first event of
            // a document that is claimed absorbs nothing.
            changes.merged.extend(owner.into_iter().chain(row.owner.filter(|_| row.events > 1)));
            changes.merged.extend(row.may_join(&told.events).then_some(*person));
            self.index_changes(*person, &before, &Indexed::of(&row), &mut changes.index);
            changes.note(*person, counted, count(&row), is_new);
            changes.rows.push((*person, Waiting::packed(&row, &mut plain)));
        }
        Ok(changes)
    }

    pub(super) fn index_changes(
        &self,
        person: PersonId,
        before: &Indexed,
        after: &Indexed,
        changes: &mut Vec<(Vec<u8>, Option<Vec<u8>>)>,
    ) {
        let key = |kind: u8, head: &[u8]| [&[kind], head, person.as_uuid().as_bytes()].concat();
        let name = |name: &String| key(NAME, &self.seals.blind(name));
        let place = |place: &Place| key(PLACE, &place_key(*place));
        if before.name != after.name {
            changes.extend(before.name.as_ref().map(|before| (name(before), None)));
            changes.extend(after.name.as_ref().map(|after| (name(after), Some(Vec::new()))));
        }
        if before.place != after.place {
            changes.extend(before.place.as_ref().map(|before| (place(before), None)));
            changes.extend(after.place.as_ref().map(|after| (place(after), Some(Vec::new()))));
        }
        if before.belongs != after.belongs {
            self.household_changes(person, &before.belongs, &after.belongs, changes);
        }
        if before.stood != after.stood {
            self.stood_changes(person, &before.stood, &after.stood, changes);
        }
        self.withheld_changes(person, before, after, changes);
    }
}

impl Row {
    /// Folds more events of its stream into a row; false when it holds them all already.
    ///
    /// # Errors
    /// [`ViewsError`] when the life was needed and could not be had; the row is then of no use.
    pub fn fold(
        &mut self,
        person: PersonId,
        events: &[&Recorded],
        lives: &dyn Lives,
    ) -> Result<bool, ViewsError> {
        let before = self.version;
        let mut stood = Stood::of(self);
        let mut out_of_order = None;
        for event in events.iter().filter(|event| event.envelope.position > before) {
            let Some(fact) = self.count(person, event) else { continue };
            let day = day_number(fact.told.occurred_on);
            // Until the events before it are known to be older, a fact cannot just be added.
            if archive::is_change(fact.kind) || day < self.newest_day && self.events > 1 {
                out_of_order.get_or_insert(self.version);
            }
            if out_of_order.is_none() {
                self.newest_day = day;
                self.archive.apply(&fact);
                stood.note(&self.archive);
            }
        }
        if let Some(first) = out_of_order {
            let life = lives.life(person, self.version).map_err(ViewsError::Lives)?;
            let mut course = lives.course(person);
            for (at, event) in life.iter().enumerate().take(life.len().saturating_sub(1)) {
                let moves = || archive::fact(event).is_some_and(|fact| may_move(&fact));
                if event.envelope.position >= first && moves() {
                    Self::default().fold_anew(person, &life[..=at], &mut course, &mut stood);
                }
            }
            self.fold_anew(person, &life, &mut course, &mut stood);
            lives.keep_course(person, course);
        }
        stood.keep(self);
        Ok(self.version != before)
    }

    /// The row of a whole life, with the events of those who are absorbed into it.
    pub fn of(person: PersonId, life: &[Recorded]) -> Self {
        let (mut row, mut stood) = (Self::default(), Stood::default());
        let mut course = Course::default();
        let mut is_behind = false;
        for (at, event) in life.iter().enumerate() {
            let Some(fact) = row.count(person, event) else { continue };
            let day = day_number(fact.told.occurred_on);
            let is_late = day < row.newest_day && row.events > 1;
            if !archive::is_change(fact.kind) && !is_late {
                row.newest_day = day;
                row.archive.take_in(&fact);
                stood.note(&row.archive);
            } else if may_move(&fact) {
                row.fold_anew(person, &life[..=at], &mut course, &mut stood);
                is_behind = false;
            } else {
                is_behind = true;
            }
        }
        if is_behind {
            row.fold_anew(person, life, &mut course, &mut stood);
        } else {
            row.settle_joins(person, life);
            row.archive.tidy();
        }
        stood.keep(&mut row);
        row
    }

    /// Takes in all of an event but what it says of the archive. Gives its fact.
    fn count<'a>(&mut self, person: PersonId, event: &'a Recorded) -> Option<Fact<'a>> {
        self.version = event.envelope.position;
        self.events += 1;
        if let Some(order) = archive::order(event) {
            self.hide(order);
            return None;
        }
        let is_own = || is_of(person, event);
        let fact = archive::fact(event);
        match &fact {
            Some(fact) if fact.kind == Kind::DocumentClaimed => {
                let owner = fact.life.related.iter().find(|related| related.role == Role::Owner);
                if is_own() {
                    self.owner = owner.map(|owner| owner.person);
                }
            }
            None if archive::join(event).is_some() => {
                let join = archive::join(event).filter(|_| is_own());
                join.into_iter().for_each(|join| self.join(&join));
            }
            // Whose documents and records are whose is no report of where somebody is.
            _ => {
                self.reported_for = (event.envelope.place.code(), event.envelope.place.digits());
            }
        }
        fact
    }

    /// Makes the archive anew, and notes every state on the way that may be new.
    fn fold_anew(
        &mut self,
        person: PersonId,
        life: &[Recorded],
        course: &mut Course,
        stood: &mut Stood,
    ) {
        self.settle_joins(person, life);
        let facts = archive::facts(life, None, None);
        self.newest_day = facts.last().map_or(0, |fact| day_number(fact.told.occurred_on));
        self.archive = course.fold(&facts, |archive| stood.note(archive));
        // Of a life of which nothing stands any more.
        stood.note(&self.archive);
    }
}
