//! Who is absorbed into whom, by envelopes alone: whoever was absorbed is told of in the survivor's
//! stream, so what is recorded there clears what was sent in vain about both.

use domain::recorded::Envelope;
use domain::{Kind, PersonId, Position};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::VERSION;
use crate::ViewsError;
use crate::table::Table;

/// `m` person → every [`Step`] of theirs.
const STEPS: u8 = b'm';
/// `j` → position of the newest merge or split, and the survivor of it.
const JOINING: u8 = b'j';

type Change = (Vec<u8>, Option<Vec<u8>>);

/// What one telling aside says of whose the record is.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Step {
    position: Position,
    says: Says,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Says {
    /// A merge or split: whose the record is from then on.
    Belongs(Option<PersonId>),
    /// An annulment of the step at a position.
    Annuls(Position),
}

/// Who is absorbed into whom.
#[derive(Default)]
pub(super) struct Joined {
    steps: FxHashMap<PersonId, Vec<Step>>,
    absorbed: FxHashMap<PersonId, Vec<PersonId>>,
    /// The newest merge or split, with the survivor, of which the other record is to be told.
    joining: Option<(Position, PersonId)>,
}

impl Joined {
    /// What a table holds.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub(super) fn load(table: &Table) -> Result<Self, ViewsError> {
        let mut joined = Self::default();
        for (key, row) in table.scan(&[STEPS], None, usize::MAX)? {
            let person = Uuid::from_slice(&key[1..]).map_err(|_| ViewsError::Row(VERSION))?;
            let steps = postcard::from_bytes(&row).map_err(|_| ViewsError::Row(VERSION))?;
            joined.keep(PersonId::from_uuid(person), steps);
        }
        if let Some((_, row)) = table.scan(&[JOINING], None, 1)?.pop() {
            let joining = postcard::from_bytes(&row).map_err(|_| ViewsError::Row(VERSION))?;
            joined.joining = Some(joining);
        }
        Ok(joined)
    }

    /// Takes in an event; gives the row that changes. Of a merge or split the telling in the other
    /// record's stream is caused by the survivor's, right before it.
    pub(super) fn take(
        &mut self,
        envelope: &Envelope,
        kind: Kind,
        is_aside: bool,
    ) -> Option<Change> {
        let person = PersonId::from_uuid(envelope.stream.id);
        let joins = kind.joins_or_parts();
        if joins && !is_aside {
            let told = (envelope.position, person);
            self.joining = Some(told);
            return Some((vec![JOINING], Some(packed(&told))));
        }
        let says = if joins {
            let by = self.joining.filter(|(position, _)| *position == envelope.causation);
            let (_, survivor) = by?;
            Says::Belongs((kind == Kind::PersonMerge).then_some(survivor))
        } else {
            let is_step = |step: &Step| step.position == envelope.corrects;
            let acts = kind == Kind::Annulment && self.steps.get(&person)?.iter().any(is_step);
            acts.then_some(Says::Annuls(envelope.corrects))?
        };
        let mut steps = self.steps.remove(&person).unwrap_or_default();
        if let Some(owner) = owner(&steps) {
            self.absorbed.entry(owner).or_default().retain(|known| *known != person);
        }
        steps.push(Step { position: envelope.position, says });
        let row = packed(&steps);
        self.keep(person, steps);
        Some(([&[STEPS], &person.as_uuid().as_bytes()[..]].concat(), Some(row)))
    }

    fn keep(&mut self, person: PersonId, steps: Vec<Step>) {
        if let Some(owner) = owner(&steps) {
            self.absorbed.entry(owner).or_default().push(person);
        }
        self.steps.insert(person, steps);
    }

    /// The records that are absorbed into a person's now, those into these too.
    pub(super) fn absorbed(&self, person: PersonId) -> Vec<PersonId> {
        let mut all = self.absorbed.get(&person).cloned().unwrap_or_default();
        let mut met = 0;
        while let Some(one) = all.get(met).copied() {
            all.extend(self.absorbed.get(&one).into_iter().flatten());
            met += 1;
        }
        all
    }
}

fn packed(row: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(row).expect("positions and ids are plain values")
}

/// Whose the record is by the newest step on which no annulment acts.
fn owner(steps: &[Step]) -> Option<PersonId> {
    let mut stands = vec![true; steps.len()];
    for at in (0..steps.len()).rev() {
        let acts = |other: &usize| match steps[*other].says {
            Says::Annuls(target) => target == steps[at].position && stands[*other],
            Says::Belongs(_) => false,
        };
        stands[at] = !(at + 1..steps.len()).any(|other| acts(&other));
    }
    let standing = steps.iter().zip(stands).rev().filter(|(_, stands)| *stands);
    let mut belongs = standing.filter_map(|(step, _)| match step.says {
        Says::Belongs(owner) => Some(owner),
        Says::Annuls(_) => None,
    });
    belongs.next()?
}
