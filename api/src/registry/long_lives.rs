//! Long lives of which something late was decided lately: whoever sends a life's moves in another
//! order than they happened makes each of them be folded into all of it, on the one thread that
//! decides. So the last few such lives stay in memory, with how they were folded.

use std::borrow::Cow;
use std::sync::{Mutex, OnceLock, PoisonError};

use domain::recorded::Recorded;
use domain::{PersonId, Position};
use projections::Lives;
use projections::archive::Course;

use super::audit::decided_life;
use super::group::Ahead;
use super::known::Memory;

/// Shorter lives are read back as quickly.
const EVENTS_MIN: usize = 64;
/// So many are kept: those of the senders of the moment, some megabytes at worst.
const KEPT_MAX: usize = 4;

/// A life with how it was folded last.
struct LongLife {
    events: Vec<Recorded>,
    course: Course,
}

/// The lives that are kept, the one used last at the end.
#[derive(Default)]
pub(super) struct LongLives(Vec<(PersonId, LongLife)>);

impl LongLives {
    /// Takes the life of a person out, where it ends with the event at a position and has so many.
    fn take(&mut self, person: PersonId, events: usize, newest: Position) -> Option<LongLife> {
        let at = self.0.iter().position(|(known, _)| *known == person)?;
        let (_, life) = self.0.remove(at);
        let ends = life.events.last().is_some_and(|last| last.envelope.position == newest);
        (ends && life.events.len() == events).then_some(life)
    }

    fn keep(&mut self, person: PersonId, life: LongLife) {
        if self.0.len() >= KEPT_MAX {
            self.0.remove(0);
        }
        self.0.push((person, life));
    }

    /// Forgets the life of a person.
    pub(super) fn forget(&mut self, person: PersonId) {
        self.0.retain(|(known, _)| *known != person);
    }
}

/// The life that was decided, and the event that is next: read when somebody asks for it.
pub(super) struct Deciding<'a> {
    memory: &'a Memory,
    ahead: Ahead<'a>,
    next: &'a Recorded,
    events: OnceLock<Vec<Recorded>>,
    course: Mutex<Course>,
}

/// What a look at a life leaves: it, with the event that was next, where it is long.
pub(super) struct Looked(Option<LongLife>);

impl Memory {
    /// Takes out what is kept of the life of a person who was asked for just now.
    pub(super) fn take_long_life(&mut self, person: PersonId) -> Looked {
        if self.long_lives.0.is_empty() {
            return Looked(None);
        }
        let places = self.places(person);
        let (events, newest) = (places.len(), places.last().copied().unwrap_or_default());
        Looked(self.long_lives.take(person, events, newest))
    }

    /// Keeps a life that was looked at, the event that was next among its events: decided upon in
    /// vain, it is found to be another one at the next look.
    pub(super) fn keep_long_life(&mut self, person: PersonId, Looked(life): Looked) {
        if let Some(life) = life {
            self.long_lives.keep(person, life);
        }
    }
}

impl<'a> Deciding<'a> {
    /// The life up to what was decided, and `next`.
    pub(super) fn new(
        memory: &'a Memory,
        ahead: Ahead<'a>,
        next: &'a Recorded,
        Looked(kept): Looked,
    ) -> Self {
        let (events, course) = match kept {
            Some(LongLife { mut events, course }) => {
                events.push(next.clone());
                (OnceLock::from(events), course)
            }
            None => (OnceLock::new(), Course::default()),
        };
        Self { memory, ahead, next, events, course: Mutex::new(course) }
    }

    /// What is left to be kept.
    pub(super) fn looked(self) -> Looked {
        let course = self.course.into_inner().unwrap_or_else(PoisonError::into_inner);
        let long = self.events.into_inner().filter(|events| events.len() >= EVENTS_MIN);
        Looked(long.map(|events| LongLife { events, course }))
    }
}

impl Lives for Deciding<'_> {
    fn life(
        &self,
        person: PersonId,
        _: Position,
    ) -> Result<Cow<'_, [Recorded]>, Box<dyn std::error::Error + Send + Sync>> {
        if let Some(events) = self.events.get() {
            return Ok(Cow::Borrowed(events));
        }
        let mut life = decided_life(self.memory, self.ahead, person)?;
        life.push(self.next.clone());
        Ok(Cow::Borrowed(self.events.get_or_init(|| life)))
    }

    fn course(&self, _: PersonId) -> Course {
        std::mem::take(&mut self.course.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep_course(&self, _: PersonId, course: Course) {
        *self.course.lock().unwrap_or_else(PoisonError::into_inner) = course;
    }
}
