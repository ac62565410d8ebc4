//! A household visit: one submission, many persons, each accepted or refused by themselves.

use std::sync::Arc;

use domain::submission::{Observed, Submission};
use domain::{Fault, LifeEvent, PersonId};

use super::acts::Telling;
use super::decide::{Decider, NotRecorded};
use super::receipt::{Accepted, ObservationReceipt, Receipt};

impl Decider {
    /// Decides a visit. It is refused only when every person of it is.
    pub(super) fn visit(&mut self, submission: &mut Submission) -> Result<Receipt, NotRecorded> {
        if let Some(conflict) = self.other_visit(submission)? {
            return Ok(conflict);
        }
        let mut first: Option<Accepted> = None;
        let mut new = false;
        let mut met = Vec::new();
        let mut receipts = Vec::new();
        let mut refusals = Vec::new();
        let mut observations = std::mem::take(&mut submission.report.observations);
        for (index, seen) in observations.iter_mut().enumerate() {
            let told = match seen {
                Ok(observed) => {
                    self.observation(submission, observed, (index, first.is_none()), &mut met)
                }
                Err(faults) => Err(NotRecorded::Refused(faults.clone())),
            };
            let errors = match told {
                Ok((is_new, one)) => {
                    new |= is_new;
                    receipts.push(ObservationReceipt {
                        person_id: Some(one.person_id),
                        position: Some(one.position),
                        status: if is_new { "recorded" } else { "duplicate" },
                        flags: one.flags.clone(),
                        errors: Vec::new(),
                    });
                    add(&mut first, one);
                    continue;
                }
                Err(NotRecorded::Refused(faults)) => at_observation(faults, index),
                Err(error) => return Err(error),
            };
            refusals.extend(errors.iter().cloned());
            receipts.push(ObservationReceipt {
                person_id: None,
                position: None,
                status: "rejected",
                flags: Vec::new(),
                errors,
            });
        }
        submission.report.observations = observations;
        let Some(mut accepted) = first else { return Err(NotRecorded::Refused(refusals)) };
        accepted.observations = receipts;
        if !new {
            return Ok(Receipt::Duplicate(accepted));
        }
        if !refusals.is_empty() {
            self.reject(super::rejections::of_visit(submission, &refusals))?;
        }
        Ok(Receipt::Recorded(accepted))
    }

    /// The conflict with what was recorded under the same key, be it of a single person: nothing
    /// of the visit may be recorded then.
    fn other_visit(&mut self, submission: &Submission) -> Result<Option<Receipt>, NotRecorded> {
        let readable = submission.report.observations.iter().enumerate();
        for (index, observed) in readable.filter_map(|(at, seen)| Some((at, seen.as_ref().ok()?))) {
            let person = match self.person_met(submission, observed, index) {
                Ok(person) => person,
                Err(NotRecorded::Refused(_)) => continue,
                Err(error) => return Err(error),
            };
            let before = self.recorded_before(submission, person)?;
            if let Some(conflict @ Receipt::Conflict(_)) = before {
                return Ok(Some(conflict));
            }
        }
        Ok(None)
    }

    fn person_met(
        &mut self,
        submission: &Submission,
        observed: &Observed,
        index: usize,
    ) -> Result<PersonId, NotRecorded> {
        let part = format_args!("{index}");
        Ok(self.acts().resolve(&observed.person, submission.key, part)?)
    }

    /// Records what was seen of one person, which is taken over, or finds that it was; tells whether it
    /// is new. `met`
    /// are the persons before them, the first of whom that can be recorded is `is_first`.
    fn observation(
        &mut self,
        submission: &Submission,
        observed: &mut Observed,
        (index, is_first): (usize, bool),
        met: &mut Vec<PersonId>,
    ) -> Result<(bool, Accepted), NotRecorded> {
        let person = self.person_met(submission, observed, index)?;
        if met.contains(&person) {
            let fault =
                Fault::new("named_twice", "同一人被列出两次", "the person is listed already");
            return Err(NotRecorded::Refused(vec![fault.at("/data/person")]));
        }
        met.push(person);
        let known = self.memory.known(person)?;
        if known.person.recorded_under(submission.key).is_some()
            && let Some(Receipt::Duplicate(one)) = self.recorded_before(submission, person)?
        {
            return Ok((false, one));
        }
        let document = match &observed.person {
            domain::submission::PersonRef::Document(document, _) => Some(document.clone()),
            domain::submission::PersonRef::Id(_) => None,
        };
        let mut details = std::mem::take(&mut observed.details);
        if is_first {
            // What was said of the visit as a whole is kept once.
            details.extend(submission.report.details.clone());
        }
        let life = LifeEvent {
            id: Some(submission.id.clone()),
            document,
            items: std::mem::take(&mut observed.items),
            details,
            ..Default::default()
        };
        let telling = Telling {
            person,
            side: false,
            kind: submission.kind,
            occurred_on: submission.report.occurred_on,
            life: Arc::new(life),
            spouse_died_on: None,
            named_at: String::new(),
        };
        Ok((true, self.record(submission, vec![telling])?))
    }
}

/// The receipt of the visit is that of its first person, with the flags of all.
fn add(first: &mut Option<Accepted>, one: Accepted) {
    match first {
        Some(first) => first.flags.extend(one.flags),
        None => *first = Some(one),
    }
}

fn at_observation(faults: Vec<Fault>, index: usize) -> Vec<Fault> {
    let moved = |fault: Fault| {
        if fault.pointer.starts_with("/data/observations/") {
            return fault;
        }
        let pointer = fault.pointer.replacen("/data", &format!("/data/observations/{index}"), 1);
        fault.at(pointer)
    };
    faults.into_iter().map(moved).collect()
}
