//! Folding events into rows and indexes: each person's events together, persons independent of each
//! other.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use domain::recorded::Recorded;
use domain::{Kind, PersonId, Place, Role, StreamKind};

use super::indexed::Indexed;
use super::joining::is_of;
use super::standing::Over;
use super::stood::{Stood, may_move};
use super::{NAME, PLACE, PackedRow, People, Room, Row, Step, place_key, read_row};
use crate::archive::{self, Course, Fact};
use crate::halves::in_halves;
use crate::quality::{Change, Counted, Measures, SeenAgain};
use crate::{Lives, ViewsError};
use domain::days::day_number;

/// An event of a batch, with the step over it where it was decided with the row at hand.
struct Told<'a> {
    person: PersonId,
    event: &'a Recorded,
    step: Option<&'a Step>,
}

/// What some persons' events change.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) rows: Vec<(PersonId, PackedRow)>,
    /// Those whose rows may tell the rules across records something else than before.
    touched: Vec<PersonId>,
    pub(super) index: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub(super) counted: Vec<Change>,
    /// Of whom nothing is counted otherwise but when somebody last looked.
    seen: Vec<(PersonId, SeenAgain)>,
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

    /// A row that is to be written, and whether it tells the rules across records the same.
    pub(super) fn keep(&mut self, person: PersonId, row: PackedRow, tells_same: bool) {
        self.rows.push((person, row));
        self.touched.extend((!tells_same).then_some(person));
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
        // Steps begin where the view is; of what is folded already nothing may be counted again.
        let is_next = batch.first().is_some_and(|event| event.envelope.position > self.folded());
        let steps = if is_next { steps } else { &[] };
        let steps = steps.iter().map(Option::as_ref).chain(std::iter::repeat(None));
        let told = batch.iter().zip(steps);
        let told = told.filter(|(event, _)| event.envelope.stream.kind == StreamKind::Person);
        let mut told: Vec<_> = told
            .map(|(event, step)| {
                let person = PersonId::from_uuid(event.envelope.stream.id);
                Told { person, event, step }
            })
            .collect();
        // Those of one person stay in their order.
        told.sort_by_key(|told| told.person);
        let persons: Vec<_> = told.chunk_by(|one, next| one.person == next.person).collect();
        self.go_on(batch)?;
        let changes = in_halves(&persons, |persons| self.changes(persons, lives));
        let changes = changes.into_iter().collect::<Result<Vec<_>, _>>()?;
        let merged = self.merged(&changes, last, lives)?;
        let mut rows = Vec::with_capacity(persons.len());
        let mut touched = Vec::new();
        let mut measures = self.measures.write().unwrap_or_else(PoisonError::into_inner);
        for changes in changes.into_iter().chain(merged) {
            measures.change(changes.counted);
            measures.see_again(changes.seen);
            self.index.change(changes.index);
            rows.extend(changes.rows);
            touched.extend(changes.touched);
        }
        self.write().pending.extend(rows);
        measures.position = last;
        self.touch(touched, last, measures.today);
        drop(measures);
        self.folded.store(last.0, Ordering::Release);
        self.remove_lost_rows()
    }

    /// What the events of some persons change: each one's together.
    fn changes(&self, persons: &[&[Told<'_>]], lives: &dyn Lives) -> Result<Changes, ViewsError> {
        let mut changes = Changes::default();
        let measures = self.measures();
        let count = |row: &Row| Counted::of(measures.book(), row, measures.today);
        let (mut room, mut steps) = (Room::default(), Vec::new());
        for told in persons {
            let person = told[0].person;
            let events = || told.iter().map(|told| told.event);
            if archive::is_gone(events()) {
                let events: Vec<_> = events().collect();
                self.erase(person, &events, &measures, &mut room, &mut changes)?;
                continue;
            }
            steps.clear();
            steps.extend(told.iter().filter_map(|told| told.step));
            if steps.len() == told.len() {
                self.follow(person, &steps, (&measures, &mut room), &mut changes)?;
                continue;
            }
            let events: Vec<_> = events().collect();
            let mut row = self.read_row(person, &mut room)?;
            let before = row.as_ref().map(Indexed::of).unwrap_or_default();
            let counted = row.as_ref().map(count).unwrap_or_default();
            let is_new = row.is_none();
            let owner = row.as_ref().and_then(|row| row.owner);
            if !row.get_or_insert_default().fold(person, &events, lives)? {
                continue;
            }
            let row = row.expect("inserted just now");
            // What stands in an absorbed record stands in the survivor's row too. The first event of
            // a document that is claimed absorbs nothing.
            changes.merged.extend(owner.into_iter().chain(row.owner.filter(|_| row.events > 1)));
            changes.merged.extend(row.may_join(&events).then_some(person));
            self.index_changes(person, &before, &Indexed::of(&row), &mut changes.index);
            changes.note(person, counted, count(&row), is_new);
            changes.keep(person, PackedRow::of(&row), false);
        }
        Ok(changes)
    }

    /// Takes in the steps over all events of a person, in order.
    fn follow(
        &self,
        person: PersonId,
        steps: &[&Step],
        (measures, room): (&Measures, &mut Room),
        changes: &mut Changes,
    ) -> Result<(), ViewsError> {
        let Some(newest) = steps.last() else { return Ok(()) };
        let mut tells_same = steps.iter().all(|step| step.tells_same);
        // Where more is counted otherwise, what was counted before must be taken away in order.
        let is_only_seen = steps.iter().all(|step| matches!(step.over, Over::Seen(_)));
        if !is_only_seen {
            let counted = steps.iter().map(|step| step.counted(measures));
            let counted = match counted.collect::<Option<Vec<_>>>() {
                Some(counted) => counted,
                None => vec![self.recounted(person, &newest.row, (measures, room))?],
            };
            for ([before, after], step) in counted.into_iter().zip(steps) {
                tells_same &= before.is_consistent_in() == after.is_consistent_in();
                let is_new = matches!(&step.over, Over::Change(change) if change.is_new);
                changes.note(person, before, after, is_new);
            }
        }
        for step in steps {
            match &step.over {
                Over::Seen(seen) if is_only_seen => {
                    changes.seen.extend(seen.is_change().then_some((person, *seen)));
                }
                Over::Seen(_) => {}
                Over::Change(change) => {
                    if let Some([stood, stands]) = &change.indexed {
                        self.index_changes(person, stood, stands, &mut changes.index);
                    }
                }
            }
        }
        changes.keep(person, newest.row.clone(), tells_same);
        Ok(())
    }

    /// How somebody counts by the row that the view has, and by the next one.
    fn recounted(
        &self,
        person: PersonId,
        next: &PackedRow,
        (measures, room): (&Measures, &mut Room),
    ) -> Result<[Counted; 2], ViewsError> {
        let count = |row: &Row| Counted::of(measures.book(), row, measures.today);
        let before = self.read_row(person, room)?;
        Ok([before.as_ref().map(count).unwrap_or_default(), count(&read_row(&next.plain)?)])
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
