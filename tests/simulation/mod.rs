//! The journal over a disk that loses, tears and refuses, as a seed says. Whatever happens, what was
//! acknowledged is there.

pub mod dice;
pub mod disk;
mod disk_fault;
mod disk_image;
mod history;
mod machine;
mod promises;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use self::history::{History, Tally};

/// Seeds of one run; `RENKOU_SEEDS` asks for another number.
const SEEDS: u64 = 10_000;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// `RENKOU_SEED=N` repeats the history of one seed, step by step the same.
#[test]
fn whatever_a_disk_does_what_was_acknowledged_is_there() {
    if let Some(seed) = variable("RENKOU_SEED") {
        History::new(seed).live();
        return;
    }
    let seeds = variable("RENKOU_SEEDS").unwrap_or(SEEDS);
    let (turn, tally, failed) = (AtomicU64::new(0), Mutex::new(Tally::new()), Mutex::new(vec![]));
    let work = || {
        let mut own = Tally::new();
        loop {
            let seed = turn.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds || !failed.lock().unwrap().is_empty() {
                break;
            }
            let lived = catch_unwind(AssertUnwindSafe(|| History::new(seed).live()));
            match lived {
                Ok(more) => {
                    more.into_iter().for_each(|(what, n)| *own.entry(what).or_default() += n)
                }
                Err(_) => failed.lock().unwrap().push(seed),
            }
        }
        let mut tally = tally.lock().unwrap();
        own.into_iter().for_each(|(what, n)| *tally.entry(what).or_default() += n);
    };
    // Each history has a machine of its own, so that all cores live some.
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    eprintln!("{seeds} seeds in {} s on {threads} threads", begun.elapsed().as_secs());
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "a promise is broken; repeat it with RENKOU_SEED={}", failed[0]);
    assert_varied(&tally.into_inner().unwrap(), seeds);
}

/// A run that never met a fault would prove nothing.
fn assert_varied(tally: &BTreeMap<&'static str, u64>, seeds: u64) {
    eprintln!("{seeds} seeds: {tally:?}");
    for what in [
        "killed",
        "power lost",
        "group whole that was not acknowledged",
        "group gone that was not acknowledged",
        "key destroyed",
        "destruction half done",
        "start cut off",
        "refusal of the disk",
        "group given back by a full disk",
        "no room for a key",
        "heads flipped",
    ] {
        let met = tally.get(what).copied().unwrap_or_default();
        assert!(met * 1_000 >= seeds, "{what}: only {met} times in {seeds} seeds");
    }
}
