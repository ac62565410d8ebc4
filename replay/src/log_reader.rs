//! From stored records back to events: opened, unpacked, read, and with the event that a
//! correction acts on at its side.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;

use domain::ids::IdentityKey;
use domain::life_event::PayloadError;
use domain::recorded::{Envelope, Recorded};
use domain::{PersonId, Position, Sequence, StreamId};
use journal::contract::ReadError;
use journal::{Journal, KeyError, KeySlots, PersonKey, Stored};
use projections::archive;
use projections::{Append, Lives, RowSeals, SealError, Step};

use crate::merged::{Cut, stream, with_absorbed};
use crate::opening::{Opening, check_known};
use crate::tail::Tail;

/// A journal with the keys to its payloads.
#[derive(Clone)]
pub struct LogReader {
    journal: Arc<dyn Journal>,
    keys: Arc<KeySlots>,
}

/// Why an event could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The log is damaged or away.
    #[error("the log cannot be read")]
    Log(#[from] ReadError),
    /// The key slots are damaged.
    #[error("the key slots cannot be read")]
    Keys(#[from] KeyError),
    /// A payload does not open, or has no known form.
    #[error("the payload of the event at position {position} cannot be read")]
    Payload {
        /// Which event.
        position: u64,
        /// What is wrong.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Only a newer version of this program can read the event.
    #[error("the event at position {position} cannot be read")]
    Newer {
        /// Which event.
        position: u64,
        /// Its type.
        #[source]
        source: PayloadError,
    },
    /// A view failed.
    #[error("a view failed")]
    Views(#[from] projections::ViewsError),
}

/// Keys that are fetched from memory together when rows are sealed.
const KEYS_AT_ONCE: usize = 128;
/// Bytes that come out of memory at once.
const LINE_BYTES: usize = 64;

impl LogReader {
    /// Reads `journal` with the keys in `keys`.
    pub fn new(journal: Arc<dyn Journal>, keys: Arc<KeySlots>) -> Self {
        Self { journal, keys }
    }

    /// The journal.
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    /// The key slots.
    pub fn keys(&self) -> &Arc<KeySlots> {
        &self.keys
    }

    /// About `count` events from `from` on, in order; empty at the head.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub fn events(&self, from: Position, count: usize) -> Result<Vec<Recorded>, ReplayError> {
        let mut opening = Opening::new(self, count);
        self.journal.show_all(from, count, &mut |at, bytes| opening.take(at, bytes))?;
        opening.finish()
    }

    /// About `count` envelopes from `from` on: what metrics need, without opening anything.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub fn envelopes(&self, from: Position, count: usize) -> Result<Vec<Recorded>, ReplayError> {
        let bare = |stored: &Stored| {
            let (envelope, _) = stored.decode()?;
            check_known(&envelope)?;
            let target = self.target(&envelope)?;
            Ok(Recorded { envelope, payload: None, target })
        };
        self.journal.read_all(from, count)?.iter().map(bare).collect()
    }

    /// As [`LogReader::events`], from the tail when it holds the first of them; then with the steps
    /// over them.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub fn newest(
        &self,
        tail: &Tail,
        from: Position,
        count: usize,
    ) -> Result<(Vec<Recorded>, Vec<Option<Step>>), ReplayError> {
        let Some((mut events, steps)) = tail.take(from, self.journal.head(), count) else {
            return Ok((self.events(from, count)?, Vec::new()));
        };
        for event in events.iter_mut().filter(|event| event.envelope.corrects != Position(0)) {
            event.target = self.target(&event.envelope)?;
        }
        Ok((events, steps))
    }

    /// Every event of a stream, in order.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub fn stream(&self, stream: StreamId) -> Result<Vec<Recorded>, ReplayError> {
        let stored = self.journal.read_stream(stream, Sequence(0))?;
        let mut opening = Opening::new(self, stored.len());
        stored.iter().for_each(|stored| opening.take(stored.position, &stored.bytes));
        let mut life = opening.finish()?;
        // Whatever key somebody brought back: what was erased is not read.
        if life.last().is_some_and(archive::is_erasure) {
            let erased = life.iter_mut().filter(|event| !archive::is_erasure(event));
            erased.for_each(|event| event.payload = None);
        }
        Ok(life)
    }

    /// The event at a position; none beyond the head.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub fn event(&self, position: Position) -> Result<Option<Recorded>, ReplayError> {
        let Some(stored) = self.journal.read_at(position)? else { return Ok(None) };
        let mut opening = Opening::new(self, 1);
        opening.take(position, &stored.bytes);
        Ok(opening.finish()?.pop())
    }

    /// The envelope of the event that this one corrects or annuls.
    pub(crate) fn target(&self, envelope: &Envelope) -> Result<Option<Arc<Envelope>>, ReplayError> {
        if envelope.corrects == Position(0) {
            return Ok(None);
        }
        let Some(stored) = self.journal.read_at(envelope.corrects)? else { return Ok(None) };
        Ok(Some(Arc::new(stored.decode()?.0)))
    }
}

impl Lives for LogReader {
    fn life(
        &self,
        person: PersonId,
        up_to: Position,
    ) -> Result<Cow<'_, [Recorded]>, Box<dyn Error + Send + Sync>> {
        let cut = Cut::Position(up_to);
        Ok(with_absorbed(self, stream(self, person, cut)?, cut)?.into())
    }
}

/// Seals the rows of the views under the same keys as the events.
pub struct Seals {
    keys: Arc<KeySlots>,
    blind_key: IdentityKey,
}

impl Seals {
    /// Seals with the persons' keys; `blind_key` is the secret of the look-up hashes.
    pub fn new(keys: Arc<KeySlots>, blind_key: [u8; 32]) -> Self {
        Self { keys, blind_key: IdentityKey::new(blind_key) }
    }
}

impl Seals {
    fn key(&self, person: PersonId) -> Result<Option<PersonKey>, SealError> {
        self.keys.find(person.as_uuid()).map_err(|error| SealError(error.into()))
    }
}

/// Brings texts out of memory together: they lie anywhere in it, and one that is sealed has been
/// waited for line by line.
fn bring_near<'a>(texts: impl Iterator<Item = &'a [u8]>) {
    let lines = texts.flat_map(|text| text.iter().step_by(LINE_BYTES));
    std::hint::black_box(lines.fold(0_u8, |sum, byte| sum ^ byte));
}

impl RowSeals for Seals {
    fn seal(
        &self,
        view: &str,
        person: PersonId,
        version: Position,
        plain: &[u8],
    ) -> Result<Option<Vec<u8>>, SealError> {
        let key = self.key(person)?;
        Ok(key.map(|key| key.seal_row(view, person, version.0, plain)))
    }

    fn seal_each(
        &self,
        view: &str,
        rows: &[(PersonId, Position, &[u8])],
        keep: &mut dyn FnMut(PersonId, Option<Append<'_>>),
    ) -> Result<(), SealError> {
        let mut keys = Vec::new();
        for rows in rows.chunks(KEYS_AT_ONCE) {
            let ids: Vec<_> = rows.iter().map(|(person, ..)| person.as_uuid()).collect();
            let found = self.keys.find_each(&ids, &mut keys);
            found.map_err(|error| SealError(error.into()))?;
            bring_near(rows.iter().map(|(.., plain)| *plain));
            for ((person, version, plain), key) in rows.iter().zip(&keys) {
                match key {
                    Some(key) => keep(
                        *person,
                        Some(&mut |to| key.seal_row_into(view, *person, version.0, plain, to)),
                    ),
                    None => keep(*person, None),
                }
            }
        }
        Ok(())
    }

    fn open(
        &self,
        view: &str,
        person: PersonId,
        sealed: &mut [u8],
        plain: &mut Vec<u8>,
    ) -> Result<bool, SealError> {
        let Some(key) = self.key(person)? else { return Ok(false) };
        let Ok((_, row)) = key.open_row(view, person, sealed) else { return Ok(false) };
        plain.clear();
        plain.extend_from_slice(row);
        Ok(true)
    }

    fn blind(&self, text: &str) -> [u8; 16] {
        self.blind_key.hash(&[text.as_bytes()])
    }
}
