//! Makes decided groups durable, in the order in which they were decided, and answers their senders.
//!
//! Each group has one thread all the way, and threads follow each other hand over hand: the next
//! group is taken and sealed while the events of the one before are synced; and it is appended while
//! those of the one before are answered. A group that went from one thread to another would wait for
//! a processor each time. Its new keys alone are synced elsewhere, beside all that (`key_syncs.rs`).

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use domain::StreamId;
use journal::{AppendError, Draft, Expected, StreamAppend, compress};

use super::commit::{Answer, Commit, Handed, die};
use super::erasure::Erasing;
use super::group::{Decided, Group};
use super::key_syncs::SyncedKeys;
use super::queue::{Next, Pace};

/// One that takes, one that appends.
pub(super) const APPENDING_THREADS: usize = 2;

/// What these threads share.
pub(super) struct Appending {
    /// Whoever takes a group holds it until it is that one's turn to be appended.
    taking: Mutex<(Receiver<Handed>, Next)>,
    /// Whoever appends holds it.
    turn: Mutex<Pace>,
    synced: Arc<SyncedKeys>,
    commit: Commit,
}

impl Appending {
    pub(super) fn of(
        decided: Receiver<Handed>,
        (next, pace): (Next, Pace),
        synced: Arc<SyncedKeys>,
        commit: Commit,
    ) -> Self {
        Self { taking: Mutex::new((decided, next)), turn: Mutex::new(pace), synced, commit }
    }

    /// Appends groups until no more are decided, or another of the threads panicked.
    pub(super) fn run(&self) {
        while self.append_next().is_some() {}
    }

    fn append_next(&self) -> Option<()> {
        let taking = self.taking.lock().ok()?;
        let (decided, next) = &*taking;
        next.is_free(true);
        let (group, issued, answers) = decided.recv().ok()?;
        next.is_free(false);
        let appends = sealed(&group.events);
        // A key must be on the disk before anything that it sealed.
        if let Some(issued) = issued {
            self.synced.wait(issued);
        }
        let pace = self.turn.lock().ok()?;
        drop(taking);
        let began = Instant::now();
        let mut erasing = Erasing::of(&group.events);
        if self.is_void(&group) || !is_appended(group, appends, &self.commit) {
            answers.into_iter().for_each(Answer::refuse);
            return Some(());
        }
        pace.took(began.elapsed());
        let (waiting, answers): (Vec<_>, _) = answers.into_iter().partition(|one| one.erases);
        if !waiting.is_empty() {
            // Should its thread be gone, the next start destroys the keys.
            erasing.answers = waiting;
            drop(self.commit.erasing.send(erasing));
        }
        drop(pace);
        answers.into_iter().for_each(Answer::send);
        Some(())
    }

    /// Whether it was decided upon something that the log gave back.
    fn is_void(&self, group: &Group) -> bool {
        group.after != self.commit.retreats.count()
    }
}

/// What is appended of a group.
fn sealed(events: &[Decided]) -> Vec<StreamAppend> {
    let (mut json, mut packed) = (Vec::new(), Vec::new());
    let sealed = |event: &Decided| {
        event.payload.json_into(&mut json);
        compress::pack_into(&json, &mut packed);
        append_of(event, &packed)
    };
    events.iter().map(sealed).collect()
}

/// What is appended of an event: its packed payload sealed.
fn append_of(event: &Decided, packed: &[u8]) -> StreamAppend {
    let envelope = event.envelope.clone();
    let stream: StreamId = envelope.stream;
    let sealed = event.key.seal(stream, envelope.sequence, packed);
    let expected = match envelope.sequence.0.checked_sub(1) {
        Some(newest) => Expected::At(domain::Sequence(newest)),
        None => Expected::Empty,
    };
    StreamAppend { stream, expected, records: vec![Draft { envelope, sealed }] }
}

/// Appends a group. False when the disk has no room for it: the log is as it was, and nothing that
/// was decided upon the group may be appended.
fn is_appended(group: Group, appends: Vec<StreamAppend>, commit: &Commit) -> bool {
    let Commit { journal, tail, space, retreats, .. } = commit;
    let mut has_room = !group.has_no_room;
    if has_room && !group.events.is_empty() {
        tail.add(group.events.iter().map(Decided::recorded), group.steps);
        for (result, event) in journal.append(appends).into_iter().zip(&*group.events) {
            match result {
                Ok(appended) if appended.first == event.envelope.position => {}
                Ok(_) => die(&AppendError::Conflict(None)),
                Err(AppendError::Full) => has_room = false,
                Err(error) => die(&error),
            }
        }
    }
    if !has_room {
        tail.cut_behind(journal.head());
        space.has_refused();
        retreats.add();
    }
    has_room
}
