//! Trains the dictionaries of payloads and of rows on registries of fictional people, and says what
//! they gain on one that they never saw.
//!
//! `cargo run --release -p api --example train_dictionaries OUT DIR… UNSEEN` writes
//! `OUT/payloads.dict` and `OUT/rows.dict`, learnt from the registries in `DIR…`. A dictionary in
//! use is never replaced: name the next ones, and give them codecs of their own in
//! `journal/src/compress.rs`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use api::registry::Home;
use domain::recorded::Recorded;
use domain::{PersonId, Position, StreamKind};
use journal::compress::{self, Packed};
use projections::{Lives, Row};

/// Larger ones gain a few bytes of a row, and no longer fit beside each other in a core's cache.
const DICTIONARY_BYTES: usize = 32 * 1024;
const SAMPLES_OF_EACH: usize = 14_000;
const LEVEL: i32 = 1;

type Failed = Box<dyn Error + Send + Sync>;
type Samples = Vec<Vec<u8>>;

/// Payloads and rows of a registry.
struct Sampled {
    payloads: Samples,
    rows: Samples,
}

fn main() -> Result<(), Failed> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [out, learnt @ .., unseen] = &arguments[..] else {
        return Err("usage: train_dictionaries OUT DIR… UNSEEN".into());
    };
    let mut payloads = Samples::new();
    let mut rows = Samples::new();
    for folder in learnt {
        let sampled = sample(Path::new(folder))?;
        payloads.extend(few(sampled.payloads));
        rows.extend(few(sampled.rows));
    }
    let unseen = sample(Path::new(unseen))?;
    let out = Path::new(out);
    learn(&out.join("payloads.dict"), &payloads, &few(unseen.payloads), Packed::Payload)?;
    learn(&out.join("rows.dict"), &rows, &few(unseen.rows), Packed::Row)
}

/// Some of many, from all over.
fn few(all: Samples) -> Samples {
    let step = all.len() / SAMPLES_OF_EACH + 1;
    all.into_iter().step_by(step).collect()
}

fn learn(path: &Path, learnt: &Samples, unseen: &Samples, what: Packed) -> Result<(), Failed> {
    let dictionary = zstd::dict::from_samples(learnt, DICTIONARY_BYTES)?;
    std::fs::write(path, &dictionary)?;
    let mut compressor = zstd::bulk::Compressor::with_dictionary(LEVEL, &dictionary)?;
    compressor.include_dictid(false)?;
    let mean = |bytes: usize| bytes as f64 / unseen.len() as f64;
    let plain = mean(unseen.iter().map(Vec::len).sum());
    let mut packed = 0;
    for sample in unseen {
        packed += compressor.compress(sample)?.len();
    }
    let begun = Instant::now();
    let now: usize = unseen.iter().map(|sample| compress::pack_as(what, sample).len()).sum();
    let micros = begun.elapsed().as_secs_f64() * 1e6 / unseen.len() as f64;
    let (then, now) = (mean(packed), mean(now));
    writeln!(
        std::io::stdout(),
        "{what:?}: {plain:.0} bytes become {then:.0}; in use {now:.0}, {micros:.2} µs each"
    )?;
    Ok(())
}

/// Every payload, and of everybody the row after one of their events.
fn sample(folder: &Path) -> Result<Sampled, Failed> {
    let home = Home::open(folder)?;
    let log = home.logs_read_only()?.log;
    let mut persons = BTreeSet::new();
    let (mut payloads, mut rows) = (Samples::new(), Samples::new());
    let mut next = Position(1);
    while next <= log.journal().head() {
        let events = log.events(next, 5_000)?;
        next = Position(next.0 + events.len() as u64);
        let person = |event: &Recorded| PersonId::from_uuid(event.envelope.stream.id);
        let told = events.iter().filter(|e| e.envelope.stream.kind == StreamKind::Person);
        persons.extend(told.map(person));
        payloads.extend(events.iter().filter_map(|e| Some(e.payload.as_ref()?.to_json())));
    }
    for (at, person) in persons.into_iter().enumerate() {
        let mut life = log.stream(person.into())?;
        life.truncate(1 + at % life.len());
        let mut row = Row::default();
        row.fold(person, &life.iter().collect::<Vec<_>>(), &Whole(&life))?;
        rows.push(postcard::to_stdvec(&row)?);
    }
    Ok(Sampled { payloads, rows })
}

/// A life that was read already.
struct Whole<'a>(&'a [Recorded]);

impl Lives for Whole<'_> {
    fn life(&self, _: PersonId, _: Position) -> Result<Cow<'_, [Recorded]>, Failed> {
        Ok(Cow::Borrowed(self.0))
    }
}
