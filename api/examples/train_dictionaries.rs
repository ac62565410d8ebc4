//! Trains a dictionary of payloads on registries of fictional people, and says what it gains on one
//! that it never saw.
//!
//! `cargo run --release -p api --example train_dictionaries OUT DIR… UNSEEN` writes
//! `OUT/payloads.dict`, learnt from the registries in `DIR…`. A dictionary in use is never replaced:
//! name the next one, and give it a codec of its own in `journal/src/compress.rs`.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use api::registry::Home;
use domain::Position;
use journal::compress;

/// Larger ones gain a few bytes.
const DICTIONARY_BYTES: usize = 32 * 1024;
const SAMPLES_OF_EACH: usize = 14_000;
const LEVEL: i32 = 1;

type Failed = Box<dyn Error + Send + Sync>;
type Samples = Vec<Vec<u8>>;

fn main() -> Result<(), Failed> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [out, learnt @ .., unseen] = &arguments[..] else {
        return Err("usage: train_dictionaries OUT DIR… UNSEEN".into());
    };
    let mut payloads = Samples::new();
    for folder in learnt {
        payloads.extend(few(sample(Path::new(folder))?));
    }
    let unseen = few(sample(Path::new(unseen))?);
    learn(&Path::new(out).join("payloads.dict"), &payloads, &unseen)
}

/// Some of many, from all over.
fn few(all: Samples) -> Samples {
    let step = all.len() / SAMPLES_OF_EACH + 1;
    all.into_iter().step_by(step).collect()
}

fn learn(path: &Path, learnt: &Samples, unseen: &Samples) -> Result<(), Failed> {
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
    let now: usize = unseen.iter().map(|sample| compress::pack(sample).len()).sum();
    let micros = begun.elapsed().as_secs_f64() * 1e6 / unseen.len() as f64;
    let (then, now) = (mean(packed), mean(now));
    writeln!(
        std::io::stdout(),
        "{plain:.0} bytes become {then:.0}; in use {now:.0}, {micros:.2} µs each"
    )?;
    Ok(())
}

/// Every payload of a registry.
fn sample(folder: &Path) -> Result<Samples, Failed> {
    let home = Home::open(folder)?;
    let log = home.logs_read_only()?.log;
    let (mut payloads, mut next) = (Samples::new(), Position(1));
    while next <= log.journal().head() {
        let events = log.events(next, 5_000)?;
        next = Position(next.0 + events.len() as u64);
        payloads.extend(events.iter().filter_map(|e| Some(e.payload.as_ref()?.to_json())));
    }
    Ok(payloads)
}
