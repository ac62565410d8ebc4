//! Households of the vectors, and changes to them in a short form, evaluated through the rules.
//!
//! A change is written `member.field=value`, several are parted by `;`. A value is a text, `null`,
//! `true`, `false`, or links: `@2 @3`. Persons that no vector has are made by naming them; they
//! are relatives outside the household unless `members` says otherwise.

use std::sync::LazyLock;

use domain::items::parse_day;
use domain::rules::{
    Case, Context, Counts, Field, Findings, Household, HouseholdKind, PersonIndex, RuleBook,
    Subject,
};
use domain::{CitizenNumber, Divisions, Item};
use jiff::civil::Date;
use serde_json::{Map, Value, json};

static DIVISIONS: LazyLock<Divisions> = LazyLock::new(|| Divisions::embedded(false));

/// A household, its relatives and what the register would answer.
#[derive(Clone)]
pub struct House {
    pub people: Vec<Map<String, Value>>,
    members: Vec<PersonIndex>,
    head: Option<PersonIndex>,
    kind: Option<HouseholdKind>,
    /// Whether the household is known at all.
    is_known: bool,
    pub today: Date,
    about: usize,
    facts: Map<String, Value>,
}

/// The file of vectors.
pub fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors.json")).expect("the vectors")
}

/// The household in which nothing is wrong.
pub fn clean() -> House {
    static CLEAN: LazyLock<House> = LazyLock::new(|| {
        let vectors = vectors();
        let today = day(&vectors["today"]).expect("a day");
        House::read(
            &json!({ "household": vectors["clean"]["household"], "about_member": 0,
            "registry_facts": {} }),
            today,
        )
    });
    CLEAN.clone()
}

fn day(value: &Value) -> Option<Date> {
    parse_day(value.as_str()?).ok()
}

impl House {
    /// A vector's household.
    pub fn read(vector: &Value, today: Date) -> Self {
        let household = &vector["household"];
        let mut house = Self {
            people: Vec::new(),
            members: Vec::new(),
            head: household["head"].as_u64().map(|head| PersonIndex(head as u32)),
            kind: household["kind"].as_str().and_then(HouseholdKind::from_name),
            is_known: true,
            today,
            about: vector["about_member"].as_u64().expect("a member") as usize,
            facts: vector["registry_facts"].as_object().expect("facts").clone(),
        };
        for member in household["members"].as_array().expect("members") {
            let at = house.place_of(member.as_object().expect("a member"));
            house.members.push(PersonIndex(at as u32));
        }
        for person in 0..house.people.len() {
            house.bring_in_relatives(person);
        }
        house
    }

    /// Turns the vectors' links into `@` and a place, and brings in those who are no members.
    fn bring_in_relatives(&mut self, person: usize) {
        for name in ["mother", "father", "spouse", "last_spouse"] {
            let link = self.people[person][name].take();
            let at = match (&link["member"], &link["outside"]) {
                (Value::Number(_), _) => self.member(&link),
                (_, Value::Object(outside)) => format!("@{}", self.place_of(outside)),
                _ => continue,
            };
            self.people[person][name] = at.into();
        }
        let children = self.people[person]["children"].take();
        // A child that is no link is one of whom nothing is known.
        let place = |child: &Value| match child {
            Value::Object(_) => self.member(child),
            _ => format!("@{}", self.people.len()),
        };
        let children: Vec<_> = children.as_array().expect("a list").iter().map(place).collect();
        if children.contains(&format!("@{}", self.people.len())) {
            self.people.push(Map::new());
        }
        self.people[person]["children"] = children.join(" ").into();
    }

    fn member(&self, link: &Value) -> String {
        let member = link["member"].as_u64().expect("a member") as usize;
        format!("@{}", self.members[member].0)
    }

    /// Who is told alike is one person, however often a vector tells of them.
    fn place_of(&mut self, person: &Map<String, Value>) -> usize {
        self.people.iter().position(|known| known == person).unwrap_or_else(|| {
            self.people.push(person.clone());
            self.people.len() - 1
        })
    }

    /// This household with changes.
    pub fn with(mut self, changes: &str) -> Self {
        for change in changes.split(';').map(str::trim).filter(|change| !change.is_empty()) {
            let (key, text) = change.split_once('=').expect("key=value");
            let value = match text {
                "null" => Value::Null,
                "true" | "false" => Value::Bool(text == "true"),
                text => text.into(),
            };
            match key.split_once('.') {
                Some((person, field)) => {
                    let person: usize = person.parse().expect("a person's place");
                    let linked = if text.starts_with('@') { links(text) } else { Vec::new() };
                    let last = linked.iter().map(|link| link.0 as usize).fold(person, usize::max);
                    let people = self.people.len().max(last + 1);
                    self.people.resize(people, Map::new());
                    self.people[person].insert(field.to_owned(), value);
                }
                None => self.set(key, text, value),
            }
        }
        self
    }

    fn set(&mut self, key: &str, text: &str, value: Value) {
        match key {
            "kind" => self.kind = HouseholdKind::from_name(text),
            "head" => self.head = links(text).first().copied(),
            "members" => self.members = links(text),
            "household" => self.is_known = !value.is_null(),
            "today" => self.today = parse_day(text).expect("a day"),
            fact => {
                let count = text.parse::<u32>().ok().map_or(Value::Null, Value::from);
                self.facts.insert(fact.to_owned(), count);
            }
        }
    }

    /// What the rules find of each member.
    pub fn findings(&self) -> Vec<Findings> {
        static BOOK: LazyLock<RuleBook> = LazyLock::new(|| RuleBook::in_force(clean().today));
        self.each_case(|case| BOOK.evaluate(case))
    }

    /// Asks something of each member.
    pub fn each_case<T>(&self, mut ask: impl FnMut(&Case<'_>) -> T) -> Vec<T> {
        let children: Vec<_> =
            self.people.iter().map(|it| text(it, "children").map_or(vec![], links)).collect();
        let people: Vec<_> =
            self.people.iter().zip(&children).map(|(it, c)| subject(it, c)).collect();
        let household = Household::new(self.kind, self.head, &self.members, &people);
        let context =
            Context { people: &people, counts: self, divisions: &DIVISIONS, today: self.today };
        let household = self.is_known.then_some(&household);
        self.members.iter().map(|me| ask(&Case::new(context, *me, household))).collect()
    }

    fn fact(&self, name: &str, without: u32) -> Option<u32> {
        match self.facts.get(name) {
            Some(count) => count.as_u64().map(|count| count as u32),
            None => Some(without),
        }
    }
}

impl Counts for House {
    fn records_with_number(&self, number: &str) -> Option<u32> {
        let own = text(&self.people[self.about], "citizen_id").unwrap_or_default();
        let raised = CitizenNumber::parse_any_region(own, self.today);
        if raised.as_ref().map_or(own, CitizenNumber::as_str) == number {
            self.fact("citizen_id_count", 1)
        } else {
            Some(1)
        }
    }

    fn others_alike(&self, _: &Subject<'_>) -> Option<u32> {
        self.fact("others_with_same_name_birth_sex_county", 0)
    }

    fn records_with_phone(&self, _: &str) -> Option<u32> {
        self.fact("persons_with_same_phone", 1)
    }
}

fn text<'a>(person: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    person.get(field)?.as_str()
}

fn links(text: &str) -> Vec<PersonIndex> {
    let link = |word: &str| word.strip_prefix('@')?.parse().ok();
    text.split_whitespace().map(|word| PersonIndex(link(word).expect("@place"))).collect()
}

fn subject<'a>(person: &'a Map<String, Value>, children: &'a [PersonIndex]) -> Subject<'a> {
    let items =
        person.iter().filter_map(|(name, value)| Some((Item::from_name(name)?, value.as_str()?)));
    let day = |field: &str| parse_day(text(person, field)?).ok();
    let link = |field: &str| text(person, field).and_then(|text| links(text).first().copied());
    let mut subject = Subject::of_items(items);
    subject.is_alive = person.get("alive").and_then(Value::as_bool).unwrap_or(true);
    subject.disability_type = text(person, "disability_type");
    subject.disability_cert = text(person, "disability_cert");
    subject.has_pregnancy_record = person.get("has_pregnancy_record") == Some(&Value::Bool(true));
    subject.contraceptive = text(person, "contraceptive");
    subject.hukou_nature_date = day("hukou_nature_date");
    subject.last_event = day("last_event_date");
    subject.last_verified = day("last_verified");
    subject.mother = link("mother");
    subject.father = link("father");
    subject.spouse = link("spouse");
    subject.last_spouse = link("last_spouse");
    subject.children = children;
    subject
}

/// The fields that the rules know by the names of the vectors.
pub fn field(name: &str) -> Field {
    match name {
        "mother" => Field::MotherId,
        "father" => Field::FatherId,
        "spouse" => Field::SpouseId,
        "last_spouse" => Field::LastSpouse,
        "children" => Field::Children,
        "alive" => Field::Alive,
        "disability_type" => Field::DisabilityType,
        "disability_cert" => Field::DisabilityCert,
        "has_pregnancy_record" => Field::Fertility,
        "contraceptive" => Field::Contraceptive,
        "hukou_nature_date" => Field::HukouNatureDate,
        "last_event_date" => Field::LastEvent,
        "last_verified" => Field::Record,
        item => Field::Item(Item::from_name(item).unwrap_or_else(|| panic!("no field {item}"))),
    }
}
