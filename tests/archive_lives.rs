//! Random lives of a few persons whose events are recorded among each other.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use domain::catalogue::{CATALOGUE, DataField, Entry};
use domain::recorded::{ContentTag, Envelope, EventKey, Recorded};
use domain::{
    Clocks, Document, DocumentKind, Form, Item, Items, Kind, LifeEvent, Payload, PersonId, Place,
    Position, Related, Role, Sequence,
};
use jiff::Timestamp;
use jiff::civil::Date;
use proptest::prelude::*;
use uuid::Uuid;

use crate::archive_naive::{Step, corrections, day, is_void, other, true_day};

/// Persons in a history.
pub const PERSONS: usize = 3;
const FIRST_RECORDED: i64 = 1_800_000_000;

/// The instant of a second after the first event.
pub fn instant(seconds: i64) -> Timestamp {
    Timestamp::from_second(FIRST_RECORDED + seconds).expect("a near instant")
}

/// The persons of a history.
pub fn person(number: usize) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(1 + number as u128))
}

/// The lives of all persons; positions are one sequence over all of them.
pub type Lives = Vec<Vec<Step>>;

/// Every kind that states something of a person, and where it is told aside; those about
/// marriages and the deaths of others far more often.
static FACTS: LazyLock<Vec<(Kind, bool)>> = LazyLock::new(|| {
    let states = |entry: &&Entry| {
        entry.is_posted && !entry.kind.acts_on_another() && !entry.kind.joins_or_parts()
    };
    let mut facts = Vec::new();
    for entry in CATALOGUE.iter().filter(states) {
        let kind = entry.kind;
        let more = [Kind::MarryVoid, Kind::Reappear, Kind::NeedRaised, Kind::NeedAnswered];
        let is_frequent = kind.is_marriage() || more.contains(&kind);
        let times = match kind {
            Kind::Reappear | Kind::NeedRaised => 24,
            Kind::MarryVoid => 18,
            _ if is_frequent || kind.is_death() => 16,
            Kind::DibaoGrant | Kind::ElderBenefit | Kind::EmployStart => 12,
            Kind::GuardianSet => 9,
            _ => 1,
        };
        let aside = if kind.is_death() { 30 } else { times.min(16) };
        facts.extend(std::iter::repeat_n((kind, false), times));
        if Role::any_is_told(kind) {
            facts.extend(std::iter::repeat_n((kind, true), aside));
        }
    }
    facts
});
const DEPARTMENTS: [&str; 6] = ["POL", "HLT", "CIV", "VIL", "JUD", "EDU"];
const CHANNELS: [&str; 4] = ["DX", "HV", "VF", "MR"];
const PLACES: [&str; 4] = ["990101001001", "990101001002", "990102001001", "990102"];
const NUMBERS: [&str; 2] = ["990101199001010017", "990101199202020026"];
const TEXTS: [(Item, [&str; 2]); 14] = [
    (Item::FullName, ["甲", "乙"]),
    (Item::CitizenId, NUMBERS),
    (Item::BirthDate, ["1969-12-24", "1970-01-02"]),
    (Item::DeathDate, ["1970-01-03", "1970-01-04"]),
    (Item::Residence, ["990101001001", "990102001001"]),
    (Item::Hukou, ["990101001003", "990102001003"]),
    (Item::MaritalStatus, ["10", "30"]),
    (Item::MaritalChangeDate, ["1969-12-30", "1970-01-01"]),
    (Item::MigrationDate, ["1969-12-31", "1970-01-05"]),
    (Item::ResidenceAddress, ["一路1号", "二路2号"]),
    (Item::HukouAddress, ["三路3号", "四路4号"]),
    (Item::HukouStatus, ["normal", "cancelled"]),
    (Item::HouseholdId, ["户-1", "户-2"]),
    (Item::DoorPlate, ["1号", "2号"]),
];

/// What proptest draws for one event.
#[derive(Clone, Debug)]
pub struct Drawn {
    person: usize,
    kind: u8,
    fact: u16,
    teller: u8,
    fields: u16,
    day: u8,
    wait: u8,
    target: prop::sample::Index,
    items: u16,
    texts: u16,
    more: u8,
    flags: u8,
}

/// Draws the events of a history.
pub fn drawn(most: usize) -> impl Strategy<Value = Vec<Drawn>> {
    let one = (
        (0..PERSONS, any::<u8>(), 0..24_u8, 0..3_u8, any::<prop::sample::Index>()),
        (any::<u16>(), any::<u16>(), any::<u16>(), any::<u8>(), any::<u8>()),
        (any::<u16>(), any::<u8>(), any::<u16>()),
    );
    let one = one.prop_map(|(first, (a, b, texts, more, flags), (fact, teller, fields))| {
        let (person, kind, day, wait, target) = first;
        // Of fourteen items three or four are stated.
        let items = a & b;
        Drawn { person, kind, fact, teller, fields, day, wait, target, items, texts, more, flags }
    });
    prop::collection::vec(one, 1..most)
}

/// Makes lives of what was drawn.
pub fn lives(drawn: &[Drawn]) -> Lives {
    let mut lives: Lives = vec![Vec::new(); PERSONS];
    let mut recorded = 0;
    for (at, drawn) in drawn.iter().enumerate() {
        recorded += i64::from(drawn.wait);
        let step = step(drawn, &lives[drawn.person], at as u64 + 1, recorded);
        lives[drawn.person].push(step);
    }
    lives
}

fn step(drawn: &Drawn, life: &[Step], position: u64, recorded: i64) -> Step {
    let bit = |number: u8| drawn.flags >> number & 1 == 1;
    let stated = TEXTS.iter().enumerate().filter(|(at, _)| drawn.items >> at & 1 == 1);
    let items: BTreeMap<_, _> = stated
        .map(|(at, (item, texts))| (*item, texts[usize::from(drawn.texts >> at & 1)]))
        .collect();
    let topics = ["education", "fishing"];
    let topic = bit(0).then(|| (topics[usize::from(bit(1))], u32::from(drawn.more)));
    let (kind, side) = FACTS[usize::from(drawn.fact) % FACTS.len()];
    let teller = usize::from(drawn.teller);
    let plain = Step {
        position,
        recorded,
        kind,
        side,
        day: day(drawn.day),
        place: PLACES[usize::from(drawn.texts) % PLACES.len()],
        items: if side { BTreeMap::new() } else { items.clone() },
        related: Vec::new(),
        topic: topic.filter(|_| !side),
        fields: if side { serde_json::Map::new() } else { fields(kind, drawn) },
        department: DEPARTMENTS[teller % DEPARTMENTS.len()],
        channel: CHANNELS[teller / DEPARTMENTS.len() % CHANNELS.len()],
        document: None,
        target: None,
        true_day: None,
    };
    match drawn.kind {
        0..150 => fact(plain, drawn),
        150..205 => {
            let facts = life.iter().enumerate().filter(|(_, step)| step.target.is_none());
            let facts: Vec<usize> = facts.map(|(at, _)| at).collect();
            if facts.is_empty() {
                return fact(plain, drawn);
            }
            let target = *drawn.target.get(&facts);
            let true_day = bit(2).then_some(plain.day);
            let side = life[target].side;
            let of = life[target].kind;
            Step {
                kind: Kind::Correction,
                fields: if side { serde_json::Map::new() } else { fields(of, drawn) },
                side,
                day: true_day.unwrap_or_else(|| self::true_day(life, target)),
                items: if side { BTreeMap::new() } else { items },
                topic: topic.filter(|_| !side),
                target: Some(target),
                true_day,
                ..plain
            }
        }
        _ if life.is_empty() => fact(plain, drawn),
        _ => {
            // What was done last is undone most often, so that annulments meet each other.
            let back = drawn.target.index(life.len().min(3)) + 1;
            let target = life.len() - back;
            let (items, topic, fields) = (BTreeMap::new(), None, serde_json::Map::new());
            let (side, day) = (life[target].side, true_day(life, target));
            let kind = Kind::Annulment;
            Step { kind, side, day, items, topic, fields, target: Some(target), ..plain }
        }
    }
}

fn fact(plain: Step, drawn: &Drawn) -> Step {
    let bit = |number: u8| drawn.flags >> number & 1 == 1;
    let someone = other(drawn.more % 2);
    let role = match (plain.kind, plain.side) {
        (Kind::Birth, false) => Some(Role::Mother),
        (Kind::Birth, true) => Some(Role::Child),
        (kind, _) if kind.is_marriage() || kind.is_divorce() => Some(Role::Spouse),
        (Kind::Death | Kind::DeathDeclared, true) if bit(1) && bit(2) => {
            Some(if bit(5) { Role::FormerGuardian } else { Role::FormerWard })
        }
        (Kind::Reappear, _) if bit(1) => Some(if bit(2) { Role::Guardian } else { Role::Ward }),
        (kind, _) if Role::Spouse.is_told(kind) && !bit(3) => Some(Role::Spouse),
        (Kind::Adopt | Kind::AdoptEnd, side) => {
            Some(if side { Role::Child } else { Role::Adopter })
        }
        (Kind::GuardianSet, true) => Some(if bit(3) { Role::Ward } else { Role::FormerWard }),
        (Kind::GuardianSet, false) => Some(Role::Guardian),
        (Kind::Widow, _) if bit(3) => Some(Role::Spouse),
        (Kind::Registration, _) if bit(3) => Some(Role::Spouse),
        (kind, side) if kind.tells_what_stands() && (side || bit(6)) => {
            Some(if side { Role::Ward } else { Role::Guardian })
        }
        (Kind::HhSplit | Kind::HeadChange, false) if bit(3) => Some(Role::Member),
        (kind, true) if Role::FormerHead.is_told(kind) && bit(3) => Some(Role::FormerMember),
        _ if bit(4) => Some(Role::Head),
        _ => None,
    };
    let number = NUMBERS[usize::from(bit(5))];
    let kind = if bit(6) { DocumentKind::CitizenId } else { DocumentKind::Passport };
    let related = role.map(|role| (role, someone)).into_iter().collect();
    Step { related, document: bit(7).then(|| Document::new(kind, number)), ..plain }
}

/// Some of the fields of a kind.
fn fields(kind: Kind, drawn: &Drawn) -> serde_json::Map<String, serde_json::Value> {
    let told = kind.entry().fields.iter().zip(0_u32..);
    let told = told.filter(|(_, at)| drawn.fields.rotate_right(*at) & 1 == 1);
    let other = drawn.texts & 1 == 1;
    told.map(|(field, _)| (field.name.to_owned(), value(field, other))).collect()
}

/// One of two values of a field.
fn value(field: &DataField, other: bool) -> serde_json::Value {
    let text = match field.form {
        Form::Number(from, _) => return (from + i64::from(other)).into(),
        Form::YesNo => return other.into(),
        Form::Words(words) => return words[usize::from(other)..].into(),
        Form::Code(table) => &table.rows()[usize::from(other)].code,
        Form::Word(words) => words[usize::from(other) % words.len()],
        Form::Day => ["1969-12-28", "1970-01-02"][usize::from(other)],
        Form::Division | Form::BirthPlace => "990102",
        Form::CitizenNumber => NUMBERS[usize::from(other)],
        Form::ItemName => ["full_name", "marital_code"][usize::from(other)],
        Form::Text(_) => ["甲", "10"][usize::from(other)],
    };
    text.into()
}

/// A life as the views are handed it.
pub fn recorded(life: &[Step], person: PersonId) -> Vec<Recorded> {
    let mut recorded: Vec<Recorded> = Vec::with_capacity(life.len());
    for (at, step) in life.iter().enumerate() {
        let target = step.target.map(|target| Arc::new(recorded[target].envelope.clone()));
        let previous = recorded.last().map_or(Position(0), |event| event.envelope.position);
        let envelope = Envelope {
            position: Position(step.position),
            stream: person.into(),
            sequence: Sequence(at as u32),
            previous,
            event_type: step.kind.event_type(step.side),
            key: EventKey([step.position as u8; 16]),
            content: ContentTag([0; 8]),
            clocks: clocks(step.day, instant(step.recorded)),
            place: Place::parse(step.place).expect("a division"),
            department: step.department.as_bytes().try_into().expect("three letters"),
            channel: step.channel.as_bytes().try_into().expect("two letters"),
            actor: "a".into(),
            source: format!("/pol/990101/{}", step.position % 3),
            correlation: EventKey([step.position as u8; 16]),
            causation: Position(0),
            corrects: target.as_ref().map_or(Position(0), |target| target.position),
            sealed_for: None,
        };
        let payload = Some(Payload::Life(Arc::new(said(step))));
        recorded.push(Recorded { envelope, payload, target });
    }
    recorded
}

fn clocks(occurred_on: Date, recorded_at: Timestamp) -> Clocks {
    Clocks {
        occurred_on,
        known_on: None,
        sent_at: None,
        received_at: recorded_at,
        recorded_at,
        verified_at: None,
    }
}

fn said(step: &Step) -> LifeEvent {
    let mut items = Items::default();
    step.items.iter().for_each(|(item, text)| items.set(*item, *text));
    let mut details = step.fields.clone();
    if let Some((name, value)) = step.topic {
        details.insert("topic".into(), serde_json::json!({ name: { "n": value } }));
    }
    let related =
        step.related.iter().map(|(role, person)| Related { role: *role, person: *person });
    LifeEvent {
        items,
        related: related.collect(),
        document: step.document.clone(),
        target: step.target.map(|target| Sequence(target as u32)),
        true_day: step.true_day,
        details,
        ..LifeEvent::default()
    }
}

/// What shapes a life has: each is drawn often enough, or the properties say little.
pub fn shapes(life: &[Step]) -> Vec<&'static str> {
    let mut shapes = Vec::new();
    for (at, step) in life.iter().enumerate() {
        let is_fact = step.target.is_none();
        let acted_on = life.iter().any(|act| act.target == Some(at) && act.kind == Kind::Annulment);
        let fixed = corrections(life, at).len();
        let all = life.iter().filter(|a| a.target == Some(at) && a.kind == Kind::Correction);
        let late = life[..at].iter().any(|earlier| earlier.day > step.day);
        let named = [
            (is_fact && late, "late"),
            (is_fact && is_void(life, at), "annulled"),
            (is_fact && acted_on && !is_void(life, at), "revived"),
            (is_fact && fixed > 1, "corrected twice"),
            (is_fact && fixed > 0 && true_day(life, at) != step.day, "moved"),
            (is_fact && all.count() > fixed, "correction annulled"),
            (step.side && fixed > 0, "side corrected"),
            (is_fact && life[..at].iter().any(|other| other.day == step.day), "same day"),
        ];
        shapes.extend(named.iter().filter(|(has, _)| *has).map(|(_, name)| *name));
    }
    shapes
}
