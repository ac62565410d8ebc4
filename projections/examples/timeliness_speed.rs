//! Measures the timeliness cube on made-up envelopes: five million events in about 300,000 cells.
//!
//! `cargo run --release -p projections --example timeliness_speed [events]`

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::recorded::{ContentTag, Envelope, EventKey, EventType};
use domain::{Clocks, Kind, Place, Position, Sequence, StreamId, StreamKind};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use projections::deadlines::Deadlines;
use projections::timeliness::{Borders, Dimension, Level, Timeliness, TimelinessQuery};
use uuid::Uuid;

const KINDS: [Kind; 12] = [
    Kind::Birth,
    Kind::Death,
    Kind::MarryFirst,
    Kind::MarryAgain,
    Kind::DivorceReg,
    Kind::DivorceCourt,
    Kind::HukouOut,
    Kind::HukouIn,
    Kind::ResidenceChange,
    Kind::TempStayReg,
    Kind::Leave,
    Kind::Return,
];
const DAYS: u64 = 36 * 30;
const BATCH: usize = 500;

/// xorshift64: the same events in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn envelope(number: u64, events: u64, random: &mut Random, template: &Envelope) -> Envelope {
    let recorded_day = number * DAYS / events;
    // Mostly within days, a few within months.
    let lag = match random.below(100) {
        0..60 => random.below(8),
        60..95 => random.below(40),
        _ => random.below(400),
    };
    let begin: Timestamp = "2024-01-01T01:00:00Z".parse().expect("an instant");
    let recorded_at = begin + SignedDuration::from_hours(24 * recorded_day as i64);
    let occurred_on =
        date(2024, 1, 1) + SignedDuration::from_hours(24 * (recorded_day as i64 - lag as i64));
    let village = random.below(200);
    let place = 990_101_000_000 + (village / 20 + 1) * 1000 + 200 + village % 20;
    let kind = random.below(12) as usize;
    let way = random.below(10);
    let (department, channel) = match (way, kind % 2) {
        (0..6, _) => (*b"POL", *b"DX"),
        (6..9, _) => (*b"TWN", *b"OW"),
        (_, 0) => (*b"VIL", *b"MR"),
        _ => (*b"VIL", *b"HV"),
    };
    Envelope {
        position: Position(number + 1),
        event_type: EventType { number: KINDS[kind] as u16, version: 1 },
        clocks: Clocks {
            occurred_on,
            known_on: Some(occurred_on),
            sent_at: Some(recorded_at),
            received_at: recorded_at,
            recorded_at,
            verified_at: None,
        },
        place: Place::from_code(place, 12).expect("a village"),
        department,
        channel,
        ..template.clone()
    }
}

/// Time on the processor, so that neighbours on the machine count less.
struct Stopwatch(u64);

impl Stopwatch {
    fn start() -> Self {
        Self(Self::on_processor())
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(Self::on_processor() - self.0)
    }

    fn on_processor() -> u64 {
        let schedule = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
        schedule.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0)
    }
}

fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 4096
}

/// An envelope in which nothing is of interest but what [`envelope`] sets.
fn template() -> Envelope {
    let now = Timestamp::UNIX_EPOCH;
    Envelope {
        position: Position(0),
        stream: StreamId { kind: StreamKind::Person, id: Uuid::from_u128(1) },
        sequence: Sequence(0),
        previous: Position(0),
        event_type: EventType { number: 1, version: 1 },
        key: EventKey([0; 16]),
        content: ContentTag([0; 8]),
        clocks: Clocks {
            occurred_on: date(2024, 1, 1),
            known_on: None,
            sent_at: None,
            received_at: now,
            recorded_at: now,
            verified_at: None,
        },
        place: Place::from_code(99, 2).expect("a province"),
        department: *b"POL",
        channel: *b"DX",
        correlation: EventKey([0; 16]),
        causation: Position(0),
        corrects: Position(0),
        sealed_for: None,
        actor: String::new(),
        source: String::new(),
    }
}

type Table = BTreeMap<Vec<u8>, Vec<u8>>;

fn fold(events: u64, out: &mut impl Write) -> io::Result<(Timeliness, Table)> {
    let (template, mut random) = (template(), Random(0x9E37_79B9_7F4A_7C15));
    let before = resident_bytes();
    let mut view = Timeliness::new(Arc::new(Deadlines::embedded()));
    let (mut folding, mut taking) = (Vec::new(), Duration::ZERO);
    let (mut taken, mut table) = (0, Table::new());
    let mut batch = Vec::new();
    for number in 0..events {
        batch.push(envelope(number, events, &mut random, &template));
        if batch.len() == BATCH {
            let start = Instant::now();
            for envelope in &batch {
                view.apply(envelope, None);
            }
            folding.push(start.elapsed().as_nanos() / BATCH as u128);
            batch.clear();
        }
        if (number + 1) % 100_000 == 0 || number + 1 == events {
            let start = Stopwatch::start();
            let changed = view.take_dirty();
            taking += start.elapsed();
            taken += changed.len();
            table.extend(changed.into_iter().map(|(key, value)| (key, value.unwrap_or_default())));
        }
    }
    let memory = (resident_bytes() - before) / 1_000_000;
    writeln!(out, "memory of the view and of a table of its rows: {memory} MB")?;
    folding.sort_unstable();
    if let (Some(best), Some(median)) = (folding.first(), folding.get(folding.len() / 2)) {
        writeln!(out, "apply: best {best}, median {median} ns an event, by batches of {BATCH}")?;
    }
    let bytes: usize = table.iter().map(|(key, value)| key.len() + value.len()).sum();
    writeln!(out, "rows: {}, {} MB", table.len(), bytes / 1_000_000)?;
    writeln!(out, "taken every 100,000 events: {taken} rows in {taking:?}")?;
    Ok((view, table))
}

fn main() -> io::Result<()> {
    let events = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(5_000_000);
    let mut out = io::stdout().lock();
    let (view, table) = fold(events, &mut out)?;
    drop(view);
    let (before, start) = (resident_bytes(), Stopwatch::start());
    let view = Timeliness::load(Arc::new(Deadlines::embedded()), &table);
    let view = view.map_err(io::Error::other)?;
    let memory = resident_bytes().saturating_sub(before) / 1_000_000;
    writeln!(out, "load: {:?}, {memory} MB more", start.elapsed())?;
    use Dimension::{Channel, Department, Event, Month, Place as By};
    let village = By(Some(Level::Village));
    let groupings = [
        ("nothing", "99", vec![]),
        ("month", "99", vec![Month]),
        ("event", "990101", vec![Event]),
        ("township", "990101", vec![By(None)]),
        ("township, event, month", "990101", vec![By(None), Event, Month]),
        (
            "all dimensions by province",
            "99",
            vec![By(Some(Level::Province)), Event, Department, Channel, Month],
        ),
        ("villages of one township", "990101001", vec![By(None)]),
        ("village", "990101", vec![village]),
        ("village, event", "990101", vec![village, Event]),
        ("village, month", "990101", vec![village, Month]),
        ("every cell", "99", vec![village, Event, Department, Channel, Month]),
    ];
    for (name, place, group_by) in groupings {
        let (place, as_of) = (Place::parse(place).ok(), date(2026, 12, 20));
        let query = TimelinessQuery {
            place,
            from: None,
            to: None,
            group_by,
            borders: Borders::Then,
            as_of,
        };
        let (mut times, mut rows) = (Vec::new(), 0);
        for _ in 0..11 {
            let start = Instant::now();
            rows = view.query(&query).len();
            times.push(start.elapsed());
        }
        times.sort();
        writeln!(out, "{name}: {rows} rows, best {:?}, median {:?}", times[0], times[5])?;
    }
    Ok(())
}
