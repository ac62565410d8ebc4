//! The catalogue of events against the national table, and the schemas that it publishes against
//! what is taken: one table, so what the one says the other does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use domain::catalogue::{CATALOGUE, Entry, Need, Sets, name_of_datum};
use domain::citizen_number::check_character;
use domain::recorded::{ContentTag, EventKey};
use domain::submission::{Reader, Report, Source, Submission};
use domain::{Divisions, Fault, Kind, Role, Topic};
use projections::deadlines::embedded_rows;
use serde_json::{Value, json};

use crate::openapi::Document;

/// One life event as data: who tells it, what is sent, what the archive then holds.
pub struct Sample {
    pub told: Value,
    /// Serial in the number of the person; the other one and the child have the next.
    pub serial: u32,
}

/// A fictional citizen number of a man (odd serial) or a woman, born on 1990-01-01.
pub fn number(serial: u32) -> String {
    number_of_day(1, serial)
}

fn number_of_day(day: u32, serial: u32) -> String {
    let digits = format!("990101199001{day:02}{serial:03}");
    let check = char::from(check_character(digits.as_bytes()));
    digits + &check.to_string()
}

/// The day of every sample.
pub const DAY: &str = "2026-05-01";
pub const VILLAGE: &str = "990101001001";

/// A sample of every life event, in the order of the table, each about other persons.
pub fn samples() -> Vec<Sample> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/life_events.json");
    let text = std::fs::read_to_string(path).expect("samples");
    let list: Vec<Value> = serde_json::from_str(&text).expect("samples");
    let sample = |(event, serial): (Value, u32)| {
        let names = [
            ("{own}", number(serial)),
            ("{other}", number(serial + 1)),
            ("{child}", number(serial + 2)),
            ("{new}", number_of_day(2, serial + 1)),
            ("{day}", DAY.to_owned()),
        ];
        let text =
            names.iter().fold(event.to_string(), |text, (name, value)| text.replace(name, value));
        Sample { told: serde_json::from_str(&text).expect("a sample"), serial }
    };
    list.into_iter().zip((1..).step_by(10)).map(sample).collect()
}

impl Sample {
    pub fn text(&self, name: &str) -> &str {
        self.told[name].as_str().unwrap_or_else(|| panic!("{name} of {}", self.told))
    }

    pub fn kind(&self) -> Kind {
        Kind::posted(self.text("event")).expect("a kind")
    }

    /// The data as it is sent about the holder of `person`.
    pub fn data(&self, person: &Value) -> Value {
        let mut data = self.told["data"].clone();
        data["person"] = person.clone();
        data["occurred_on"] = self.told.get("occurred_on").cloned().unwrap_or(json!(DAY));
        data["channel"] = self.told["channel"].clone();
        data["place"] = json!(VILLAGE);
        data
    }

    fn plain(&self) -> Value {
        self.data(&json!({"document": {"kind": "citizen_id", "number": number(self.serial)}}))
    }
}

fn read(kind: Kind, data: Value) -> Result<Report, Vec<Fault>> {
    let divisions = Divisions::embedded(true);
    let today = jiff::civil::date(2026, 6, 1);
    Reader { divisions: &divisions, today }.read(kind, data)
}

fn flags(sample: &Sample, data: Value, department: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let report = read(sample.kind(), data).expect("taken");
    let submission = Submission {
        version: sample.kind().entry().version,
        id: "s-1".into(),
        source: Source::read(&format!("/{department}/990101/desk")).expect("a source"),
        kind: sample.kind(),
        key: EventKey([0; 16]),
        content: ContentTag([0; 8]),
        sent_at: None,
        received_at: jiff::Timestamp::UNIX_EPOCH,
        actor: "clerk".into(),
        report,
        received: domain::submission::Received::default(),
    };
    submission.doubts().into_iter().map(|(doubt, names)| (doubt.flag().0, names)).collect()
}

fn table() -> Vec<csv::StringRecord> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/life_events.csv");
    csv::Reader::from_path(path).unwrap().records().map(Result::unwrap).collect()
}

/// The words of a cell that are codes of a kind.
fn codes(cell: &str, is_code: impl Fn(&str) -> bool) -> BTreeSet<&str> {
    cell.split(|c: char| !c.is_ascii_uppercase()).filter(|word| is_code(word)).collect()
}

/// What the table says of base items without their numbers.
const IN_WORDS: [(&str, &[u8]); 10] = [
    ("creates person", &[1, 3, 4, 5, 6, 7, 8, 11, 17]),
    ("none kept alive", &[3, 5]),
    ("spouse marital -> 30; head change", &[14, 15, 17]),
    ("as DEATH", &[14, 15, 17]),
    ("marriage revives", &[14, 15]),
    ("restore previous 14", &[15]),
    ("moved_out", &[8]),
    // Who moves has another door plate, and a day since when.
    ("floating", &[9]),
    ("7 = 8", &[9]),
    ("creates or reactivates", &[8, 11]),
];

#[test]
fn the_catalogue_has_the_69_life_events_of_the_table_as_the_table_has_them() {
    let table = table();
    assert_eq!(table.len(), 69);
    for (row, number) in table.iter().zip(1_u16..) {
        let (kind, side) = Kind::from_number(number).expect("a kind");
        let entry = kind.entry();
        assert!(!side && entry.is_posted);
        assert_eq!((entry.code, entry.name_zh), (&*row[0].to_lowercase(), &row[1]));
        let topics: BTreeSet<_> = entry.topics.iter().map(|topic| topic.code()).collect();
        let is_topic = |word: &str| Topic::ALL.iter().any(|(_, code, ..)| *code == word);
        let due = codes(&row[2], is_topic);
        assert!(due.is_subset(&topics), "{} {due:?}", entry.code);
        let text = |code: &[u8]| String::from_utf8(code.to_vec()).unwrap();
        let told: BTreeSet<_> = entry.authority.iter().map(|code| text(code)).collect();
        let is_department = |word: &str| domain::codes::DEPARTMENT.find(word).is_some();
        let due = codes(&row[4], is_department).into_iter().map(str::to_owned).collect();
        assert_eq!(told, due, "{}", entry.code);
        let told: BTreeSet<_> = entry.channels.iter().map(|code| text(code)).collect();
        let is_channel = |word: &str| domain::codes::CHANNEL.find(word).is_some();
        let due = codes(&row[5], is_channel).into_iter().map(str::to_owned).collect();
        assert_eq!(told, due, "{}", entry.code);
        // The table names items by number, but some only by what becomes of them.
        let mut named: BTreeSet<u8> =
            row[9].split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
        for (words, items) in IN_WORDS {
            named.extend(items.iter().filter(|_| row[9].contains(words)));
        }
        let base = entry.changes.iter().filter(|item| item.is_base());
        for number in base.map(|item| item.number()) {
            assert!(named.contains(&number), "{} changes {number}: {}", entry.code, &row[9]);
        }
    }
}

#[test]
fn rules_of_deadlines_and_events_name_each_other() {
    let rows = embedded_rows();
    for row in &rows {
        let kind = Kind::posted(&row.event).unwrap_or_else(|| panic!("no event {}", row.event));
        assert!(kind.entry().deadlines.contains(&row.rule), "rule {} of {}", row.rule, row.event);
    }
    let named: usize = CATALOGUE.iter().map(|entry| entry.deadlines.len()).sum();
    assert_eq!(named, rows.len());
}

fn sets(entry: &Entry) -> Vec<Sets> {
    let of_fields = entry.fields.iter().flat_map(|field| field.sets);
    let concluded = entry.concludes.iter().chain(entry.concludes_aside);
    // What ends by an event may be of any topic.
    let concluded = concluded.filter(|conclusion| conclusion.ends.is_none());
    of_fields.copied().chain(concluded.map(|conclusion| conclusion.sets)).collect()
}

#[test]
fn what_an_event_sets_is_what_its_row_says_that_it_changes() {
    for entry in CATALOGUE {
        for set in sets(entry) {
            match set {
                Sets::Topic(topic, name) => {
                    let field = topic.fields().iter().find(|field| field.name == name);
                    let field = field.unwrap_or_else(|| panic!("{topic:?} has no {name}"));
                    assert!(field.item.is_none(), "{name} is an item");
                    let is_named = entry.topics.is_empty() || entry.topics.contains(&topic);
                    assert!(is_named, "{} sets {name} of {topic:?}", entry.code);
                }
                // These are no base items, and every marriage and death has its own.
                Sets::Item(domain::Item::DeathDate | domain::Item::FirstMarriageDate) => {}
                Sets::Item(item) => assert!(entry.may_change(item), "{} {item:?}", entry.code),
            }
        }
        // A value without its form must not become an item.
        let lenient = entry.fields.iter().filter(|_| entry.is_lenient).flat_map(|field| field.sets);
        assert!(lenient.clone().all(|set| matches!(set, Sets::Topic(..))), "{}", entry.code);
        let names: BTreeSet<_> = entry.fields.iter().map(|field| field.name).collect();
        assert_eq!(names.len(), entry.fields.len(), "{} has a field twice", entry.code);
        for field in entry.fields {
            assert_eq!(name_of_datum(field.name), Some(field.name));
            assert!(Role::NAMED.iter().all(|(_, role)| *role != field.name), "{}", field.name);
        }
    }
}

#[test]
fn every_sample_is_of_its_published_schema_and_is_taken_without_a_flag() {
    let samples = samples();
    let codes: Vec<_> = samples.iter().map(|sample| sample.kind() as u16).collect();
    assert_eq!(codes, (1..=69).collect::<Vec<_>>());
    for sample in &samples {
        let (kind, data) = (sample.kind(), sample.plain());
        let schema = kind.entry().data_schema();
        let described = Document(schema.clone()).check(&schema, &data);
        assert_eq!(described, Ok(()), "{}", kind.code());
        let flags = flags(sample, data, sample.text("department"));
        assert_eq!(flags, [], "{}", kind.code());
    }
}

#[test]
fn what_a_schema_requires_is_required_and_what_it_expects_is_flagged() {
    let (mut required, mut expected) = (0, 0);
    for sample in samples() {
        let (kind, data) = (sample.kind(), sample.plain());
        let schema = kind.entry().data_schema();
        for name in schema["required"].as_array().unwrap() {
            let name = name.as_str().unwrap();
            let mut without = data.clone();
            without.as_object_mut().unwrap().remove(name);
            let check = Document(schema.clone()).check(&schema, &without);
            assert!(check.is_err(), "{} {name}", kind.code());
            // A marriage without the other one is refused by its own rule.
            if name == "spouse" {
                continue;
            }
            let faults = read(kind, without).expect_err(name);
            let at = format!("/data/{name}");
            assert!(faults.iter().any(|f| f.pointer.starts_with(&at)), "{} {name}", kind.code());
            required += 1;
        }
        for name in schema["properties"]["items"]["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap();
            let mut without = data.clone();
            without["items"].as_object_mut().unwrap().remove(name);
            let faults = read(kind, without).expect_err(name);
            assert_eq!(faults[0].pointer, format!("/data/items/{name}"), "{}", kind.code());
            required += 1;
        }
        let of_items = schema["properties"]["items"]["x-expected"].as_array();
        let of_data = schema["x-expected"].as_array();
        for name in of_data.into_iter().chain(of_items).flatten() {
            let name = name.as_str().unwrap();
            let mut without = data.clone();
            without.as_object_mut().unwrap().remove(name);
            if let Some(items) = without["items"].as_object_mut() {
                items.remove(name);
            }
            let flags = flags(&sample, without, sample.text("department"));
            assert_eq!(flags.len(), 1, "{} {name}: {flags:?}", kind.code());
            assert_eq!(flags[0].0, "incomplete");
            assert!(flags[0].1.contains(&name), "{} {name}", kind.code());
            expected += 1;
        }
    }
    assert!(required > 300 && expected > 30, "{required} {expected}");
}

#[test]
fn a_field_without_its_form_is_refused_or_kept_and_flagged() {
    let mut refused = BTreeMap::new();
    for sample in samples() {
        let (kind, data) = (sample.kind(), sample.plain());
        for field in kind.entry().fields {
            let mut wrong = data.clone();
            wrong[field.name] = json!({"not": "a value"});
            let schema = kind.entry().data_schema();
            let check = Document(schema.clone()).check(&schema, &wrong);
            if kind.entry().is_lenient {
                assert_eq!(check, Ok(()), "{} {}", kind.code(), field.name);
                let report = read(kind, wrong.clone()).expect("taken");
                assert_eq!(report.details[field.name], wrong[field.name], "kept as sent");
                let flags = flags(&sample, wrong, sample.text("department"));
                assert_eq!(flags, [("field_unusable", vec![field.name])], "{}", kind.code());
            } else {
                assert!(check.is_err(), "{} {}", kind.code(), field.name);
                let faults = read(kind, wrong).expect_err(field.name);
                assert_eq!(faults.len(), 1, "{} {faults:?}", kind.code());
                assert_eq!(faults[0].pointer, format!("/data/{}", field.name));
                *refused.entry(faults[0].code.to_string()).or_insert(0) += 1;
            }
        }
    }
    let codes: Vec<_> = refused.keys().map(String::as_str).collect();
    assert_eq!(codes, ["not_a_boolean", "not_a_list", "not_a_number", "not_a_text"]);
}

#[test]
fn a_channel_or_a_department_that_the_table_does_not_have_is_flagged() {
    for sample in samples() {
        let entry = sample.kind().entry();
        let mut data = sample.plain();
        let other = ["SR", "DX", "BZ"]
            .into_iter()
            .find(|code| !entry.channels.iter().any(|known| known[..] == *code.as_bytes()));
        data["channel"] = json!(other.expect("no event comes through every channel"));
        let found: Vec<_> = flags(&sample, data, sample.text("department"));
        let due = !entry.channels.is_empty();
        assert_eq!(
            found.iter().any(|(rule, _)| *rule == "channel_not_allowed"),
            due,
            "{}",
            entry.code
        );
        let found = flags(&sample, sample.plain(), "sta");
        let due = !entry.authority.is_empty();
        assert_eq!(found.iter().any(|(rule, _)| *rule == "no_authority"), due, "{}", entry.code);
    }
}

#[test]
fn what_is_never_collected_is_refused() {
    let samples = samples();
    let need = samples.iter().find(|sample| sample.text("event") == "need_raised").unwrap();
    for name in ["religion", "political_status", "account_number", "account_balance"] {
        let mut data = need.plain();
        data[name] = json!("x");
        let faults = read(Kind::NeedRaised, data).expect_err(name);
        assert_eq!(
            (&*faults[0].code, &*faults[0].pointer),
            ("never_collected", &*format!("/data/{name}"))
        );
    }
    let never = ["quota", "penalty", "policy", "religio", "party", "political", "balance"];
    for entry in CATALOGUE {
        for name in entry.fields.iter().map(|field| field.name) {
            assert!(!never.iter().any(|word| name.contains(word)), "{} {name}", entry.code);
        }
    }
}

#[test]
fn members_and_second_persons_of_a_role_are_read_each_with_their_faults() {
    let own = json!({"document": {"kind": "citizen_id", "number": number(1)}});
    let split = |members: Value| {
        let data = json!({"person": own, "occurred_on": DAY, "channel": "OW", "place": VILLAGE,
            "household_id": "H99-2", "old_household_id": "H99-1", "members": members});
        read(Kind::HhSplit, data)
    };
    let one = json!({"person": own, "items": {"relation_code": "12"}});
    assert_eq!(split(json!([one, one])).expect("taken").members.len(), 2);
    let faults = |members| {
        let faults = split(members).expect_err("refused");
        faults.into_iter().map(|f| (f.code.to_string(), f.pointer)).collect::<Vec<_>>()
    };
    let due = |code: &str, at: &str| vec![(code.to_owned(), at.to_owned())];
    assert_eq!(faults(json!([])), due("no_members", "/data/members"));
    assert_eq!(faults(json!([one, {}])), due("missing", "/data/members/1/person"));
    let wrong = json!([{"person": own, "items": {"relation_code": "98"}}]);
    assert_eq!(faults(wrong), due("not_a_value", "/data/members/0/items/relation_code"));
    assert_eq!(faults(json!(["x"])), due("not_an_object", "/data/members/0"));
    let adopt = |adopter: Value| {
        let data = json!({"person": own, "occurred_on": DAY, "channel": "DX", "place": VILLAGE,
            "adopter": adopter});
        read(Kind::Adopt, data)
    };
    assert_eq!(adopt(json!([own, own])).expect("taken").related.len(), 2);
    assert_eq!(adopt(json!([own, {}])).expect_err("refused")[0].pointer, "/data/adopter/1");
    assert_eq!(adopt(json!([own, own, own])).expect_err("refused")[0].code, "too_many");
}

#[test]
fn a_need_says_how_much_each_datum_is_needed() {
    let of = |need: Need| {
        let fields = CATALOGUE.iter().flat_map(|entry| entry.fields);
        fields.filter(|field| field.need == need).count()
    };
    assert!(of(Need::Required) > 20 && of(Need::Expected) > 20 && of(Need::Optional) > 20);
}
