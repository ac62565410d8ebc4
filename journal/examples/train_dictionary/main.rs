//! Trains a dictionary for payloads and says what it gains on payloads that it never saw.
//!
//! `cargo run --release -p journal --example train_dictionary FILE` writes a new dictionary to
//! FILE; without FILE the one in use is measured. A dictionary in use is never replaced: name the
//! next one, and give it a codec of its own in `src/compress.rs`.

mod samples;

use std::io::Write;
use std::time::Instant;

use journal::compress;

const DICTIONARY_BYTES: usize = 48 * 1024;
const SAMPLES: usize = 40_000;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout();
    if let Some(path) = std::env::args_os().nth(1) {
        let learnt = samples::payloads(&mut samples::Choice::new(99), SAMPLES);
        let dictionary = zstd::dict::from_samples(&learnt, DICTIONARY_BYTES)?;
        std::fs::write(path, &dictionary)?;
        let unseen = samples::payloads(&mut samples::Choice::new(2026), 20_000);
        let plain: usize = unseen.iter().map(Vec::len).sum();
        for level in [1, 2, 3, 6] {
            let mut compressor = zstd::bulk::Compressor::with_dictionary(level, &dictionary)?;
            let begun = Instant::now();
            let mut packed = 0;
            for payload in &unseen {
                packed += compressor.compress(payload)?.len();
            }
            let micros = begun.elapsed().as_secs_f64() * 1e6 / unseen.len() as f64;
            let ratio = plain as f64 / packed as f64;
            writeln!(out, "level {level}: ratio {ratio:.2}, {micros:.2} µs a payload")?;
        }
        return Ok(());
    }
    let unseen = samples::payloads(&mut samples::Choice::new(2026), 20_000);
    let begun = Instant::now();
    let packed: Vec<_> = unseen.iter().map(|payload| compress::pack(payload)).collect();
    let packing = begun.elapsed().as_secs_f64() * 1e6 / unseen.len() as f64;
    let begun = Instant::now();
    let whole = packed
        .iter()
        .zip(&unseen)
        .all(|(packed, plain)| compress::unpack(packed).is_ok_and(|found| found == *plain));
    let unpacking = begun.elapsed().as_secs_f64() * 1e6 / unseen.len() as f64;
    let mean = |all: &[Vec<u8>]| all.iter().map(Vec::len).sum::<usize>() as f64 / all.len() as f64;
    let (long, short) = (mean(&unseen), mean(&packed));
    writeln!(out, "{long:.0} bytes become {short:.0} ({:.2}×), whole: {whole}", long / short)?;
    writeln!(out, "packing {packing:.2} µs, unpacking {unpacking:.2} µs a payload")
}
