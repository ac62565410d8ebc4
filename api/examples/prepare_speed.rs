//! How many events a second one core reads and prepares: the share of ingest that runs beside the
//! decider. Lines come from the generator; each group of kinds is measured apart.
//!
//! `cargo run --release -p api --example prepare_speed [PEOPLE] [ROUNDS]`

use std::error::Error;
use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use api::generate::{Options, write};
use api::http::cloudevents::read_structured;
use api::registry::{Intake, Prepared, Sender};
use domain::IdentityKey;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GROUPS: [&str; 5] = ["", "registration", "household_visit", "residence_change", "service"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u32>());
    let people = arguments.next().unwrap_or(Ok(2_000))?;
    let rounds = arguments.next().unwrap_or(Ok(5))?;
    let mut text = Vec::new();
    write(&Options::new(people, 3, 7, jiff::civil::date(2026, 11, 20)), &mut text, None)?;
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|l| !l.is_empty()).collect();
    let intake = Intake::new(IdentityKey::new([7; 32]), true);
    let sender = Sender {
        subject: "upstream".into(),
        department: None,
        place: None,
        received_at: "2026-11-21T00:00:00Z".parse()?,
    };
    let mut out = std::io::stdout().lock();
    for group in GROUPS {
        let name = format!("\"renkou.{group}");
        let chosen = lines.iter().copied().filter(|line| contains(line, name.as_bytes()));
        let chosen: Vec<&[u8]> = chosen.collect();
        let (mut reading, mut both, mut unfit) = (f64::MAX, f64::MAX, 0);
        for _ in 0..rounds {
            let start = Instant::now();
            for line in &chosen {
                black_box(&read_structured(line));
            }
            reading = reading.min(start.elapsed().as_secs_f64());
            let start = Instant::now();
            unfit = 0;
            for line in &chosen {
                let read = read_structured(line);
                let event = read.event.map_err(|broken| format!("{:?}", broken.faults))?;
                let prepared = intake.prepare(event, read.received, &sender);
                unfit += usize::from(matches!(black_box(&prepared), Prepared::Unfit(_)));
            }
            both = both.min(start.elapsed().as_secs_f64());
        }
        let count = chosen.len() as f64;
        writeln!(
            out,
            "{:<18}{count:>8} events, {unfit:>4} unfit: read and prepared {:>9.0}/s, \
             read alone {:>9.0}/s, prepared alone {:>9.0}/s",
            if group.is_empty() { "all" } else { group },
            count / both,
            count / reading,
            count / (both - reading),
        )?;
    }
    Ok(())
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}
