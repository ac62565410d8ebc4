//! Whom the next submissions name is fetched before they are decided. Of very many persons nearly
//! everybody's memory is far from the processor, and waiting for one takes as long as for all.
//!
//! Of whom a single submission names, what stands is read where it is handed in: that is done on
//! many threads, deciding on one. Those of a block are mostly at hand, or new.

use domain::submission::Submission;
use domain::{Items, PersonId};
use projections::{PackedStanding, People};

use super::Prepared;
use super::decide::Decider;

/// Submissions whose persons are fetched together: few enough for the processor's caches.
pub(super) const FORESEEN: usize = 32;

/// What stood about some persons a moment ago, as far as it was read.
#[derive(Default)]
pub(super) struct Foreseen(Vec<(PersonId, PackedStanding)>);

impl Foreseen {
    /// Reads in the view what stands about those whom a submission names, where it is one alone.
    /// What cannot be read is read again when it is decided, and the error is told then.
    pub(super) fn of(batch: &[Prepared], people: &People) -> Self {
        let [Prepared::Ready(submission)] = batch else { return Self::default() };
        let read = |person| {
            let standing = PackedStanding::of_view(people, person).ok().flatten();
            standing.map(|standing| (person, standing))
        };
        Self(submission.report.streams().filter_map(read).collect())
    }
}

impl Decider {
    /// Takes over what was read of persons, where nothing was decided of them since.
    pub(super) fn take_over(&mut self, Foreseen(read): Foreseen) {
        for (person, standing) in read {
            if let Ok(known) = self.memory.known(person) {
                known.stands(standing);
            }
        }
    }

    /// Brings together what will be asked of the persons of the next submissions, where there are
    /// several.
    pub(super) fn foresee<'a>(&mut self, next: impl Iterator<Item = &'a Prepared> + Clone) {
        if next.clone().nth(1).is_none() {
            return;
        }
        let ready = next.filter_map(|prepared| match prepared {
            Prepared::Ready(submission) => Some(submission),
            Prepared::Unfit(_) => None,
        });
        std::hint::black_box(ready.clone().map(|ready| looked_at(ready)).sum::<usize>());
        self.memory.recent().foresee(ready.clone().map(|ready| ready.key));
        let mut persons: Vec<_> = ready.flat_map(|ready| ready.report.streams()).collect();
        // Whoever cannot be foreseen is asked for in turn, and the error is told then.
        if self.memory.foresee(&mut persons).is_ok() {
            self.views.people.foresee(&persons);
        }
    }
}

/// Looks at what a submission states: another thread read it, so it is near that one.
fn looked_at(submission: &Submission) -> usize {
    let first = |text: &str| usize::from(text.as_bytes().first().copied().unwrap_or_default());
    let stated = |items: &Items| items.iter().map(|(_, text)| first(text)).sum::<usize>();
    let report = &submission.report;
    let observed = report.observations.iter().flatten();
    first(&submission.id)
        + first(&submission.source.text)
        + submission.actor.len()
        + stated(&report.items)
        + observed.map(|observed| stated(&observed.items) + observed.details.len()).sum::<usize>()
        + report.details.len()
}
