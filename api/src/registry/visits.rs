//! A household visit: one submission, many persons, each accepted or refused by themselves.

use std::sync::Arc;

use domain::submission::{Observed, Submission};
use domain::{Fault, LifeEvent};

use super::acts::Telling;
use super::decide::{Decider, NotRecorded};
use super::receipt::{Accepted, ObservationReceipt, Receipt};

impl Decider {
    /// Decides a visit. It is refused only when every person of it is.
    pub(super) fn visit(&mut self, submission: &Submission) -> Result<Receipt, NotRecorded> {
        let mut first: Option<Accepted> = None;
        let (mut new, mut conflicts) = (false, false);
        let mut receipts = Vec::new();
        let mut refusals = Vec::new();
        for (index, observed) in submission.report.observations.iter().enumerate() {
            let errors = match self.observation(submission, observed, index == 0) {
                Ok(receipt) => {
                    new |= matches!(receipt, Receipt::Recorded(_));
                    conflicts |= matches!(receipt, Receipt::Conflict(_));
                    if let Receipt::Recorded(one)
                    | Receipt::Duplicate(one)
                    | Receipt::Conflict(one) = receipt
                    {
                        receipts.push(ObservationReceipt {
                            person_id: Some(one.person_id),
                            position: Some(one.position),
                            errors: Vec::new(),
                        });
                        add(&mut first, one);
                    }
                    continue;
                }
                Err(NotRecorded::Refused(faults)) => at_observation(faults, index),
                Err(error) => return Err(error),
            };
            refusals.extend(errors.iter().cloned());
            receipts.push(ObservationReceipt { person_id: None, position: None, errors });
        }
        let Some(mut accepted) = first else { return Err(NotRecorded::Refused(refusals)) };
        accepted.observations = receipts;
        if new && !refusals.is_empty() {
            self.reject(super::rejections::of_visit(submission, &refusals))?;
        }
        Ok(match (new, conflicts) {
            (_, true) => Receipt::Conflict(accepted),
            (true, false) => Receipt::Recorded(accepted),
            (false, false) => Receipt::Duplicate(accepted),
        })
    }

    fn observation(
        &mut self,
        submission: &Submission,
        observed: &Observed,
        is_first: bool,
    ) -> Result<Receipt, NotRecorded> {
        let person = self.acts().resolve(&observed.person, submission.key)?;
        let known = self.memory.known(person)?;
        if known.person.seen(submission.key).is_some()
            && let Some(receipt) = self.recorded_before(submission, person)?
        {
            return Ok(receipt);
        }
        let document = match &observed.person {
            domain::submission::PersonRef::Document(document) => Some(document.clone()),
            domain::submission::PersonRef::Id(_) => None,
        };
        let mut details = observed.details.clone();
        if is_first {
            // What was said of the visit as a whole is kept once.
            details.extend(submission.report.details.clone());
        }
        let life = LifeEvent {
            id: Some(submission.id.clone()),
            document,
            items: observed.items.clone(),
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
        };
        self.record(submission, vec![telling]).map(Receipt::Recorded)
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
        let pointer = fault.pointer.replacen("/data", &format!("/data/observations/{index}"), 1);
        fault.at(pointer)
    };
    faults.into_iter().map(moved).collect()
}
