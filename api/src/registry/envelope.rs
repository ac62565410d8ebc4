//! The envelope of a telling, and what its stream is asked to record.

use std::sync::Arc;

use domain::recorded::Envelope;
use domain::submission::Submission;
use domain::{Clocks, Fault, PersonEvent, Position, Record, Refusal, Sequence};
use jiff::Timestamp;

use super::acts::Telling;
use super::known::Known;

/// Where and when an event will stand.
#[derive(Clone, Copy)]
pub(super) struct Stands {
    /// Its place in the log.
    pub position: Position,
    /// The subject's event, for one that is told because of it; else 0.
    pub causation: Position,
    /// When it is recorded.
    pub recorded_at: Timestamp,
}

impl Telling {
    /// The envelope of the telling as the next event of the stream of `known`.
    pub(super) fn envelope(
        &self,
        submission: &Submission,
        actor: &str,
        known: &Known,
        stands: Stands,
    ) -> Envelope {
        let Stands { position, causation, recorded_at } = stands;
        let report = &submission.report;
        let acts_on_another = self.kind.acts_on_another();
        let known_on = report.known_on.or_else(|| acts_on_another.then_some(report.occurred_on));
        Envelope {
            position,
            stream: self.person.into(),
            sequence: Sequence(known.person.events()),
            previous: known.newest(),
            event_type: self.kind.event_type(self.side),
            key: submission.key,
            content: submission.content,
            clocks: Clocks {
                occurred_on: self.occurred_on,
                known_on,
                sent_at: submission.sent_at,
                received_at: submission.received_at,
                recorded_at,
                verified_at: None,
            },
            place: report.place,
            department: submission.source.department,
            channel: report.channel,
            actor: actor.to_owned(),
            source: submission.source.text.clone(),
            correlation: submission.key,
            causation,
            corrects: self.life.target.map_or(Position(0), |target| known.place(target)),
            sealed_for: None,
        }
    }

    /// What the stream is asked to record.
    pub(super) fn record(&self, submission: &Submission, actor: &str) -> Record {
        let number = self.kind.event_type(self.side).number;
        let life = Arc::clone(&self.life);
        Record {
            event: PersonEvent {
                number,
                key: submission.key,
                occurred_on: self.occurred_on,
                department: submission.source.department,
                channel: submission.report.channel,
                life,
            },
            actor: actor.to_owned(),
            spouse_died_on: self.spouse_died_on,
            own_id: self.person,
        }
    }

    /// A rule that is broken in a related person's life is the fault of naming that person.
    pub(super) fn fault(&self, refusal: Refusal) -> Fault {
        let fault = refusal.fault();
        if self.side { fault.at(self.named_at.clone()) } else { fault }
    }
}
