//! Whom the next submissions name is fetched before they are decided. Of very many persons nearly
//! everybody's memory is far from the processor, and waiting for one takes as long as for all.

use domain::Items;
use domain::submission::Submission;

use super::Prepared;
use super::decide::Decider;

/// Submissions whose persons are fetched together: few enough for the processor's caches.
pub(super) const FORESEEN: usize = 32;

impl Decider {
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
