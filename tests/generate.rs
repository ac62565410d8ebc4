//! The generator: same seed, same bytes; every line is a well-formed submission about fictional
//! people; its truth is what a plain recount of its lines gives.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use api::generate::{Events, Options, Summary, write};
use domain::clocks::day_in_china;
use domain::submission::{PersonRef, Reader, Report, Source};
use domain::{CitizenNumber, Clocks, Divisions, Item, Kind};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use projections::deadlines::Deadlines;
use serde_json::Value;

use crate::generated_at::at;

const END: Date = date(2026, 6, 30);
static DEADLINES: LazyLock<Deadlines> = LazyLock::new(Deadlines::embedded);
static DIVISIONS: LazyLock<Divisions> = LazyLock::new(|| Divisions::embedded(true));

/// One generated county, read line by line as the registry reads it.
pub(crate) struct Told {
    bytes: Vec<u8>,
    pub(crate) lines: Vec<Line>,
    pub(crate) truth: Value,
    summary: Summary,
}

pub(crate) struct Line {
    pub(crate) key: (String, String),
    pub(crate) kind: Kind,
    sent: Timestamp,
    pub(crate) recorded: Timestamp,
    pub(crate) data: Value,
    pub(crate) report: Report,
}

pub(crate) static TOLD: LazyLock<Told> = LazyLock::new(|| {
    let mut options = Options::new(3_000, 2, 7, END);
    options.faults.out_of_order_per_10k = 3_000;
    options.faults.annulments_per_10k = 1_000;
    options.faults.impossible_per_10k = 60;
    options.faults.conflicts_per_10k = 60;
    options.truth_persons = u32::MAX;
    let (mut bytes, mut truth) = (Vec::new(), Vec::new());
    let summary = write(&options, &mut bytes, Some(&mut truth)).expect("memory does not fail");
    let text = std::str::from_utf8(&bytes).expect("UTF-8");
    let lines = text.lines().map(read).collect();
    Told { lines, truth: serde_json::from_slice(&truth).expect("JSON"), summary, bytes }
});

pub(crate) fn read(line: &str) -> Line {
    let event: Value = serde_json::from_str(line).expect("a line is JSON");
    let text = |name: &str| event[name].as_str().expect("a string").to_owned();
    let event_type = text("type");
    let (kind, version) = Kind::of_type(&event_type).expect("a kind that may be posted");
    assert_eq!(version, kind.entry().version, "the newest form");
    Source::read(&text("source")).expect("a source");
    let recorded: Timestamp = text("recordedtime").parse().expect("a time");
    let reader = Reader { divisions: &DIVISIONS, today: day_in_china(recorded) };
    let report = reader.read(kind, event["data"].clone());
    let report = report.unwrap_or_else(|faults| panic!("{faults:?} in {line}"));
    let sent = text("time").parse().expect("a time");
    let (key, data) = ((text("source"), text("id")), event["data"].clone());
    Line { key, kind, sent, recorded, data, report }
}

fn bytes_of(options: &Options) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(options, &mut bytes, None).expect("memory does not fail");
    bytes
}

/// FNV-1a, so that the pinned value does not depend on a library.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn the_same_seed_tells_the_same_county_and_another_seed_another() {
    let options = |seed| Options::new(400, 1, seed, END);
    let first = bytes_of(&options(1));
    assert_eq!(first, bytes_of(&options(1)));
    assert_ne!(first, bytes_of(&options(2)));
    let three = first.split_inclusive(|byte| *byte == b'\n').take(3).collect::<Vec<_>>().concat();
    assert_eq!(hash(&three), 17_980_943_084_739_082_688, "{}", String::from_utf8_lossy(&three));
    assert_eq!(hash(&first), 14_198_381_712_239_078_649, "the whole county of seed 1 has changed");
}

#[test]
fn the_truth_is_gathered_without_changing_the_events() {
    let mut options = Options::new(400, 1, 5, END);
    let (mut with, mut truth) = (Vec::new(), Vec::new());
    write(&options, &mut with, Some(&mut truth)).expect("memory does not fail");
    options.truth_persons = 3;
    assert_eq!(with, bytes_of(&options));
    let truth: Value = serde_json::from_slice(&truth).expect("JSON");
    assert_eq!(truth["options"]["seed"], 5);
}

#[test]
fn the_iterator_gives_the_same_events_as_the_lines() {
    let options = Options::new(300, 1, 3, END);
    let lines = String::from_utf8(bytes_of(&options)).expect("UTF-8");
    let mut events = Events::new(&options);
    assert!(events.places().all(|place| place.starts_with("990101") && place.len() == 12));
    let mut count = 0;
    for line in lines.lines() {
        let (line, event) = (read(line), events.next().expect("as many events as lines"));
        assert_eq!((event.source, event.id), line.key);
        assert_eq!(event.time, Some(line.sent));
        assert_eq!(event.recorded_time, Some(line.recorded));
        assert_eq!(event.data, line.data);
        count += 1;
    }
    assert!(events.next().is_none());
    assert_eq!(events.summary().events, count);
}

#[test]
fn every_line_is_delivered_in_order_and_its_clocks_run_forward() {
    let mut last = Timestamp::MIN;
    for line in &TOLD.lines {
        assert!(line.recorded >= last, "{:?} is delivered too early", line.key);
        last = line.recorded;
        let known = line.report.known_on.expect("every report tells it");
        assert!(line.report.occurred_on <= known, "{:?}", line.key);
        assert!(known <= day_in_china(line.sent), "{:?}", line.key);
        assert!(line.sent <= line.recorded, "{:?}", line.key);
    }
    assert!(day_in_china(last) <= END);
}

#[test]
fn every_citizen_number_is_fictional_and_well_formed() {
    let mut numbers: HashMap<String, (String, String)> = HashMap::new();
    for line in TOLD.lines.iter().filter(|line| line.kind != Kind::Correction) {
        let items = &line.report.items;
        let Some(number) = items.get(Item::CitizenId) else { continue };
        let parsed = CitizenNumber::parse(number, END, &DIVISIONS).expect("a citizen number");
        assert!(number.starts_with("99"));
        let birth = parsed.birth_date().to_string();
        let (Some(sex), Some(born)) = (items.get(Item::Sex), items.get(Item::BirthDate)) else {
            continue;
        };
        assert_eq!(born, birth);
        assert_eq!(sex == "1", parsed.sex() == domain::citizen_number::Sex::Male);
        let who = (sex.to_owned(), items.get(Item::BirthPlace).unwrap_or_default().to_owned());
        let known = numbers.insert(number.to_owned(), who.clone());
        assert!(known.is_none_or(|known| known == who), "a number was given twice");
    }
    assert!(numbers.len() >= 3_000);
    let text = std::str::from_utf8(&TOLD.bytes).unwrap();
    assert!(text.contains('·') && text.chars().any(|c| c > '\u{20000}'), "rare names are missing");
}

/// What the registry must answer to each line: 0 recorded, 1 duplicate, 2 conflict, 3 rejected.
pub(crate) fn answers() -> Vec<u8> {
    let mut born: HashMap<String, Date> = HashMap::new();
    let mut dead: HashMap<String, (Date, String)> = HashMap::new();
    // The birth certificate of a citizen number that was told under it.
    let mut certificates: HashMap<String, String> = HashMap::new();
    let mut first: HashMap<&(String, String), &Value> = HashMap::new();
    let mut answers = Vec::new();
    for line in &TOLD.lines {
        if let Some(known) = first.get(&line.key) {
            answers.push(if **known == line.data { 1 } else { 2 });
            continue;
        }
        let day = line.report.occurred_on;
        let observed = line.report.observations.iter().flatten().map(|seen| &seen.person);
        let named = line.report.person.iter().chain(observed).map(number);
        let known = |who| certificates.get(&who).cloned().unwrap_or(who);
        let named: Vec<String> = named.map(known).collect();
        let is_amendment = line.kind.acts_on_another();
        let impossible = named.iter().any(|who| {
            born.get(who).is_some_and(|birth| day < *birth)
                || (!is_amendment && dead.get(who).is_some_and(|(death, _)| day > *death))
        });
        if impossible {
            answers.push(3);
            continue;
        }
        answers.push(0);
        first.insert(&line.key, &line.data);
        if let Some(birth) = line.report.items.get(Item::BirthDate) {
            born.insert(named[0].clone(), birth.parse().unwrap());
        }
        if let (Kind::Observation, Some(told)) = (line.kind, line.report.items.get(Item::CitizenId))
            && told != named[0]
        {
            certificates.insert(told.to_owned(), named[0].clone());
        }
        match line.kind {
            Kind::Birth => {
                born.insert(named[0].clone(), day);
            }
            Kind::Death => {
                let known = dead.insert(named[0].clone(), (day, line.key.1.clone()));
                assert!(known.is_none(), "a second death of the same person");
            }
            Kind::Annulment => {
                dead.retain(|_, (_, id)| line.data["annuls"].as_str() != Some(id.as_str()));
            }
            Kind::Correction if line.report.true_day.is_some() => {
                if let Some((death, id)) = dead.get_mut(&named[0])
                    && line.data["corrects"].as_str() == Some(id.as_str())
                {
                    *death = day;
                }
            }
            _ => {}
        }
    }
    answers
}

pub(crate) fn number(person: &PersonRef) -> String {
    let PersonRef::Document(document, _) = person else { panic!("named by a document") };
    document.number().to_owned()
}

#[test]
fn a_plain_registry_gives_each_line_the_answer_that_the_truth_foretells() {
    let mut counts = [0_u64; 4];
    answers().into_iter().for_each(|answer| counts[usize::from(answer)] += 1);
    let told = &TOLD.summary;
    assert_eq!(counts, [told.recorded, told.duplicates, told.conflicts, told.rejected]);
    assert!(counts.iter().all(|count| *count > 5), "{counts:?}");
    assert!(told.out_of_order > 5 && told.corrections > 5 && told.annulments > 5, "{told:?}");
    for (name, count) in [("events", told.events), ("rejected", told.rejected)] {
        assert_eq!(TOLD.truth[name], count);
    }
    assert_eq!(TOLD.lines.len() as u64, told.events);
}

#[test]
fn nobody_marries_while_a_recorded_marriage_is_in_force() {
    // Day and kind of each marriage and divorce told so far, by person.
    let mut acts: HashMap<String, Vec<(Date, bool, String)>> = HashMap::new();
    let mut dead = HashSet::new();
    let (mut marriages, mut early_divorces) = (0, 0);
    for (line, answer) in TOLD.lines.iter().zip(answers()) {
        let is_marriage = line.kind.is_marriage();
        if answer == 0 && line.kind == Kind::Death {
            dead.insert(number(line.report.person.as_ref().unwrap()));
        }
        if answer != 0 || !(is_marriage || line.kind.is_divorce()) {
            continue;
        }
        let (one, other) = (number(line.report.person.as_ref().unwrap()), {
            number(&line.report.related.first().expect("a spouse").1)
        });
        let day = line.report.occurred_on;
        for (who, with) in [(&one, &other), (&other, &one)] {
            let told = acts.entry(who.clone()).or_default();
            let in_force = told.iter().filter(|act| act.0 <= day).max_by_key(|act| act.0);
            if is_marriage {
                let married = in_force
                    .is_some_and(|(_, married, to)| *married && to != with && !dead.contains(to));
                assert!(!married, "{who} is married to somebody else");
                marriages += 1;
            } else if told.is_empty() {
                early_divorces += 1;
            }
            told.push((day, is_marriage, with.clone()));
        }
    }
    assert!(marriages > 20 && early_divorces > 0, "{marriages} {early_divorces}");
}

#[test]
fn the_truth_of_timeliness_is_what_a_recount_of_the_lines_gives() {
    type Group = (String, String, String, String, String);
    struct Primary {
        group: Group,
        day: Date,
        line: usize,
        persons: i64,
    }
    let mut primaries: HashMap<(String, String), Primary> = HashMap::new();
    for (index, (line, answer)) in TOLD.lines.iter().zip(answers()).enumerate() {
        if answer != 0 {
            continue;
        }
        let day = line.report.occurred_on;
        if let Some(target) = line.data["annuls"].as_str() {
            primaries.remove(&(line.key.0.clone(), target.to_owned())).expect("it was recorded");
        } else if let Some(target) = line.data["corrects"].as_str() {
            let key = (line.key.0.clone(), target.to_owned());
            let target = primaries.get_mut(&key).expect("it was recorded");
            target.day = line.report.true_day.unwrap_or(target.day);
        } else {
            let department = line.key.0[1..4].to_uppercase();
            let (place, channel) = (line.report.place.to_string(), line.data["channel"].clone());
            let channel = channel.as_str().unwrap().to_owned();
            let group = (line.kind.code().to_owned(), place, department, channel, String::new());
            let persons = line.report.observations.len().max(1) as i64;
            primaries.insert(line.key.clone(), Primary { group, day, line: index, persons });
        }
    }
    let mut recount: BTreeMap<Group, (i64, i64, i64, BTreeMap<String, i64>)> = BTreeMap::new();
    for primary in primaries.into_values() {
        let line = &TOLD.lines[primary.line];
        let mut group = primary.group;
        group.4 = primary.day.to_string()[..7].to_owned();
        let lag = (day_in_china(line.recorded) - primary.day).get_days();
        let rule = DEADLINES.due(
            line.kind as u16,
            line.report.place,
            &Clocks {
                occurred_on: primary.day,
                known_on: line.report.known_on,
                recorded_at: line.recorded,
                sent_at: Some(line.sent),
                received_at: line.recorded,
                verified_at: None,
            },
        );
        let row = recount.entry(group).or_default();
        row.0 += primary.persons;
        row.1 += if rule.is_some_and(|due| day_in_china(line.recorded) <= due.on) {
            primary.persons
        } else {
            0
        };
        row.2 += if rule.is_some() { primary.persons } else { 0 };
        *row.3.entry(lag.to_string()).or_default() += primary.persons;
    }
    let rows = TOLD.truth["timeliness"].as_array().expect("rows");
    for row in rows {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let group =
            (text("event"), text("place"), text("department"), text("channel"), text("month"));
        let (count, on_time, with_rule, lags) = &recount.remove(&group).expect("a group of lines");
        assert_eq!(row["count"], *count, "{row}");
        assert_eq!(row["on_time"], *on_time, "{row}");
        assert_eq!(row["with_rule"], *with_rule, "{row}");
        assert_eq!(row["lags"], serde_json::to_value(lags).unwrap(), "{row}");
    }
    assert!(recount.is_empty(), "groups of lines that the truth does not have: {recount:?}");
}

#[test]
fn the_truth_has_everybody_once_with_what_a_register_must_know() {
    let persons = TOLD.truth["persons"].as_array().expect("persons");
    assert_eq!(persons.len() as u64, TOLD.summary.people);
    let mut seen = HashSet::new();
    let (mut dead, mut divorced) = (0, 0);
    for person in persons {
        assert!(seen.insert(person["document"]["number"].as_str().unwrap()));
        let state = at(persons, person, None, None).expect("somebody known");
        let is_dead = state.status() == "dead";
        for name in ["sex", "birth_date"] {
            assert!(state.items.contains_key(name), "{name} is missing in {person}");
        }
        assert_eq!(is_dead, state.items.contains_key("death_date"), "{person}");
        dead += u32::from(is_dead);
        divorced += u32::from(state.items.get("marital_code").is_some_and(|m| m.text == "40"));
    }
    assert!(dead > 10 && divorced > 10);
}
