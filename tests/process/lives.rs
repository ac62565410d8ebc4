//! Whole lives over years through the service: what it says of anybody on any day, as known at any
//! instant, is what the generator knows.

use std::collections::HashMap;

use domain::Topic;
use jiff::civil::Date;
use jiff::{SignedDuration, Span, Timestamp};
use serde_json::{Value, json};

use super::caller::Caller;
use super::server::Directory;
use super::truth::{Made, ingest};
use crate::generated_at::{State, at, joined};

const COUNTY: Made = Made {
    people: "1500",
    years: "8",
    seed: "11",
    end: "2025-12-31",
    with: &["--doubles", "--truth-persons", "100000"],
};
/// Acts that chance would leave out.
const RARE: [&str; 20] = [
    "birth_foundling",
    "birth_then_death",
    "death_declared",
    "missing",
    "reappear",
    "marry_void",
    "marry_restore",
    "widow",
    "emigrate",
    "settle",
    "unregistered_found",
    "id_number_correct",
    "sex_correct",
    "birthdate_correct",
    "hh_merge",
    "adopt",
    "adopt_end",
    "guardian_set",
    "enlist",
    "discharge",
];
const TRIPLES: usize = 1_000;
/// The last day of the county.
const END: Date = jiff::civil::date(2025, 12, 31);

/// SplitMix64: the same triples every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Ids of persons by their documents.
struct Directories<'a> {
    caller: &'a Caller,
    known: HashMap<String, String>,
}

impl Directories<'_> {
    async fn id(&mut self, document: &Value) -> String {
        let key = document.to_string();
        if let Some(id) = self.known.get(&key) {
            return id.clone();
        }
        let id = self.caller.look_up(&document["document"]).await;
        let id = id.unwrap_or_else(|| panic!("nobody of {document}"));
        self.known.insert(key, id.clone());
        id
    }
}

impl<'a> Directories<'a> {
    /// Those of everybody whose record was ever one with another: while it is, its document leads
    /// to the other.
    async fn of_joined(caller: &'a Caller, persons: &[Value]) -> Self {
        let mut ids = Self { caller, known: HashMap::new() };
        for person in persons.iter().filter(|person| person.get("joins").is_some()) {
            let survivor = joined(persons, person, None).0;
            let mut id = ids.id(&json!({"document": survivor["document"]})).await;
            if survivor["document"] != person["document"] {
                let archive = caller.get(&format!("/v1/persons/{id}")).await.with(200);
                id = archive["absorbed"][0].as_str().expect("an id").to_owned();
            }
            ids.known.insert(json!({"document": person["document"]}).to_string(), id);
        }
        ids
    }
}

/// What must stand in the answer, in the form of the answer.
async fn expected(whose: &Value, state: &State, ids: &mut Directories<'_>) -> Value {
    let items: serde_json::Map<_, _> =
        state.items.iter().map(|(item, held)| (item.clone(), json!(held.text))).collect();
    let mut topics = serde_json::Map::new();
    for (topic, _, name, _) in Topic::ALL {
        let mut fields = serde_json::Map::new();
        for field in topic.fields() {
            let of_item = field.item.and_then(|item| items.get(item.name()).cloned());
            let own = state.topics.get(&(name.to_owned(), field.name.to_owned()));
            let own = own.map(|noted| noted.value.clone());
            if let Some(value) = of_item.or(own) {
                fields.insert(field.name.to_owned(), value);
            }
        }
        topics.insert(name.to_owned(), fields.into());
    }
    let mut family = Vec::new();
    for tie in &state.ties {
        // Nobody without the word tells of ties here, so none is doubted.
        family.push(json!([tie.role, ids.id(&tie.who).await, tie.ended, false]).to_string());
    }
    family.sort();
    let needs = state.needs.iter();
    let needs: Vec<_> =
        needs.map(|need| json!([need.number, need.answered, need.closed])).collect();
    json!({
        "person_id": ids.id(&json!({"document": whose["document"]})).await,
        "status": state.status(), "items": items, "topics": topics, "family": family,
        "needs": needs, "beside": beside(state),
    })
}

/// What is said beside values, and by whom.
fn beside(state: &State) -> Vec<String> {
    let words = state.beside.iter().flat_map(|((name, field), words)| {
        let name = if field.is_empty() { name.clone() } else { format!("{name}.{field}") };
        let said = words.iter().map(move |word| (name.clone(), word));
        said.map(|(name, word)| json!([name, word.value, word.by.to_lowercase()]).to_string())
    });
    let mut words: Vec<_> = words.collect();
    words.sort();
    words
}

/// The same parts of an answer.
fn answered(archive: &Value) -> Value {
    let values = |told: &Value| -> serde_json::Map<String, Value> {
        let fields = told.as_object().expect("fields").iter();
        fields.map(|(name, told)| (name.clone(), told["value"].clone())).collect()
    };
    let topics = archive["topics"].as_object().expect("topics").iter();
    let topics: serde_json::Map<_, _> =
        topics.map(|(name, told)| (name.clone(), values(told).into())).collect();
    let family = archive["family"].as_array().expect("relatives").iter();
    let mut family: Vec<_> = family
        .map(|tie| {
            let marks = ["until", "doubted_since"].map(|name| !tie[name].is_null());
            json!([tie["role"], tie["person_id"], marks[0], marks[1]]).to_string()
        })
        .collect();
    family.sort();
    let needs = archive["needs"].as_array().expect("needs").iter();
    let needs = needs.map(|need| {
        json!([need["need_id"], !need["answered"].is_null(), !need["closed"].is_null()])
    });
    let needs: Vec<_> = needs.collect();
    let words = archive["beside"].as_array().expect("words").iter();
    let words = words.map(|told| {
        let text = |name: &str| told[name].as_str();
        let name = match (text("item"), text("topic").zip(text("field")), text("role")) {
            (Some(item), ..) => item.to_owned(),
            (_, Some((topic, field)), _) => format!("{topic}.{field}"),
            // A tie that is claimed: the generator tells none, so it is told by mistake.
            (.., role) => return json!([role, told["person_id"], told["department"]]).to_string(),
        };
        json!([name, told["value"], told["department"]]).to_string()
    });
    let mut words: Vec<_> = words.collect();
    words.sort();
    json!({
        "person_id": archive["person_id"],
        "status": archive["status"], "items": values(&archive["items"]), "topics": topics,
        "family": family, "needs": needs, "beside": words,
    })
}

fn known(told: &Value) -> Timestamp {
    told["known"].as_str().expect("a text").parse().expect("a time")
}

type Triple<'a> = (&'a Value, Date, Timestamp);

/// A person, a day and an instant: near facts of the life, where something changes.
fn anywhere<'a>(persons: &'a [Value], chance: &mut Chance) -> Triple<'a> {
    let person = &persons[chance.below(persons.len() as u64) as usize];
    let facts = person["facts"].as_array().expect("facts");
    let [day_of, instant_of] = [0, 1].map(|_| &facts[chance.below(facts.len() as u64) as usize]);
    near(person, day_of, instant_of, chance)
}

/// Up to 100 days before a fact or 300 after it, known up to 100 hours before or 1,100 after.
fn near<'a>(
    person: &'a Value,
    day_of: &Value,
    instant_of: &Value,
    chance: &mut Chance,
) -> Triple<'a> {
    let day: Date = day_of["day"].as_str().expect("a day").parse().expect("a date");
    let valid_on = day.saturating_add(Span::new().days(chance.below(400) as i32 - 100));
    let hours = SignedDuration::from_hours(chance.below(1_200) as i64 - 100);
    (person, valid_on, known(instant_of) + hours)
}

/// Triples after the acts of a life that are rare or undo others.
fn around_the_rare<'a>(person: &'a Value, chance: &mut Chance) -> Vec<Triple<'a>> {
    let facts = person["facts"].as_array().expect("facts");
    let rare = facts.iter().filter(|fact| {
        let kind = fact["kind"].as_str().expect("a kind");
        fact.get("changes").is_some() || RARE.contains(&kind)
    });
    let last = facts.last().expect("a fact");
    let joins = person["joins"].as_array().into_iter().flatten();
    let around_joins = joins.flat_map(|join| {
        // Before it, just after it, and when more was told.
        let at = known(join);
        [-1, 0, 24 * 40].map(|hours| (person, END, at + SignedDuration::from_hours(hours)))
    });
    let around_joins: Vec<_> = around_joins.collect();
    let around_facts = rare.flat_map(|fact| {
        [(fact, fact), (fact, last), (last, last)].map(|(on, at)| near(person, on, at, chance))
    });
    around_facts.chain(around_joins).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_says_what_is_true_of_anybody_on_any_day_as_known_at_any_instant() {
    let directory = Directory::make();
    let admin = directory.token(&["--role", "admin"]);
    let verifier = directory.token(&["--role", "verifier", "--purposes", "verification"]);
    let server = directory.serve();
    let told = ingest(&directory, &server, &COUNTY);
    let foretold = ["recorded", "duplicates", "conflicts", "rejected"];
    let counts = foretold.map(|name| format!("{} {name}", told.truth[name])).join(", ");
    assert!(told.counts.contains(&counts), "{counts} are due: {}", told.counts);
    let ready = server.caller(&admin).get("/readyz").await.with(200);
    let head = ready["head"].as_u64().expect("a position");
    let caller = server.caller(&verifier);
    // The views may be behind for a moment.
    caller.get_at("/v1/places/990101/people?limit=1", head).await.with(200);
    let persons = told.truth["persons"].as_array().expect("persons");
    let mut ids = Directories::of_joined(&caller, persons).await;
    let mut chance = Chance(20);
    let (mut unknown, mut compared, mut beside, mut wrong) = (0, 0, 0, Vec::new());
    // Merged for good, and for a while.
    let joins = persons.iter().filter_map(|person| person["joins"].as_array());
    let split = joins.clone().filter(|joins| joins.len() == 2).count();
    assert!(split >= 10 && joins.count() >= split + 10, "{split} were split");
    let mut triples: Vec<_> = (0..TRIPLES).map(|_| anywhere(persons, &mut chance)).collect();
    triples.extend(persons.iter().flat_map(|person| around_the_rare(person, &mut chance)));
    assert!(triples.len() > TRIPLES + 300, "{} are too few", triples.len());
    for (person, valid_on, known_at) in triples {
        let id = ids.id(&json!({"document": person["document"]})).await;
        let path = format!("/v1/persons/{id}?valid_on={valid_on}&known_at={known_at}");
        let answer = caller.get(&path).await;
        let Some(state) = at(persons, person, Some(valid_on), Some(known_at)) else {
            answer.with(404);
            unknown += 1;
            continue;
        };
        let whose = joined(persons, person, Some(known_at)).0;
        let (is, due) = (answered(&answer.with(200)), expected(whose, &state, &mut ids).await);
        (compared, beside) = (compared + 1, beside + state.beside.values().flatten().count());
        if is != due {
            let differences = differences(&due, &is, "");
            let who = &person["document"];
            wrong.push(format!("{who} on {valid_on} known {known_at}\n{differences}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > TRIPLES && unknown > 0, "{compared} compared, {unknown} unknown");
    assert!(beside > 100, "{beside} values beside");
    server.stop();
}

fn differences(due: &Value, is: &Value, path: &str) -> String {
    match (due, is) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            let below = |name: &String| {
                differences(&due[name.as_str()], &is[name.as_str()], &format!("{path}/{name}"))
            };
            names.map(below).collect()
        }
        _ if due == is => String::new(),
        _ => format!("  {path}: due {due}, is {is}\n"),
    }
}
