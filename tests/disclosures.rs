//! Who was told the old value: over random lives with corrections and random reads, from the real
//! service, equal to a search through the answers themselves, which the test has kept.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use crate::process::caller::{Answer, Caller};
use crate::process::events::{VILLAGE, certificate, event, registration};
use crate::process::server::{Directory, Server};
use crate::simulation::dice::Dice;

const PEOPLE: usize = 5;
const STEPS: u64 = 260;
const SEEDS: [u64; 2] = [20_261_124, 3];
const POLICE: &str = "/pol/990101/station-1";

/// Items whose values are made up here, each value once: whoever was answered with its text was
/// told it.
const ITEMS: [&str; 6] =
    ["full_name", "employer", "door_plate", "phone", "residence_code", "hukou_code"];

/// What tells answers apart: a history, a list of a place, a search and an archive.
const ANSWERS: [&str; 4] = ["events", "people", "persons", "items"];

/// A value that an event stated.
struct Stated {
    person: usize,
    item: &'static str,
    position: u64,
    text: String,
}

/// A registry with lives, and all answers about them.
struct World {
    dice: Dice,
    directory: Directory,
    server: Server,
    tokens: [String; 3],
    /// Path of each person.
    paths: Vec<String>,
    /// What can be corrected or annulled: whose event, its id, and who told it.
    events: Vec<(usize, String, String)>,
    /// How many values were made up.
    texts: usize,
    values: Vec<Stated>,
    instants: Vec<String>,
    head: u64,
    /// Each answer with the name of the question.
    answers: BTreeMap<String, String>,
}

impl World {
    async fn make(seed: u64) -> Self {
        let directory = Directory::make();
        let tokens = [
            directory.token(&["--role", "upstream"]),
            directory.token(&["--role", "verifier", "--purposes", "verification"]),
            directory.token(&["--role", "auditor", "--purposes", "audit"]),
        ];
        let server = directory.serve();
        let mut world = Self {
            dice: Dice::new(seed),
            directory,
            server,
            tokens,
            paths: Vec::new(),
            events: Vec::new(),
            texts: 0,
            values: Vec::new(),
            instants: Vec::new(),
            head: 0,
            answers: BTreeMap::new(),
        };
        for person in 0..PEOPLE {
            let (name, home) = (world.text("full_name"), world.text("residence_code"));
            let id = format!("r-{person}");
            let mut sent = registration(&id, &certificate(person as u32), &name, VILLAGE);
            sent["data"]["items"] = json!({"full_name": name, "residence_code": home});
            let receipt = world.post(person, &sent).await.expect("a registration");
            let id = receipt["person_id"].as_str().expect("an id");
            world.paths.push(format!("/v1/persons/{id}"));
        }
        world
    }

    /// A value that nobody has yet, and whose text stands in no other.
    fn text(&mut self, item: &str) -> String {
        self.texts += 1;
        let number = self.texts;
        match item {
            "residence_code" | "hukou_code" => format!("99010177{number:04}"),
            "phone" => format!("0571-{number:06}"),
            _ => format!("{item}{number:05}末"),
        }
    }

    /// Hands an event in; none when the register refuses it. Keeps what it stated.
    async fn post(&mut self, person: usize, sent: &Value) -> Option<Value> {
        let answer = self.caller(0).post(sent).await;
        if answer.status != 201 {
            assert_eq!(answer.status, 422, "{}", answer.body);
            return None;
        }
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        self.events.push((person, text(&sent["id"]), text(&sent["source"])));
        let receipt = answer.body;
        let position = receipt["position"].as_u64().expect("a position");
        self.head = self.head.max(position);
        self.instants.push(receipt["recorded_at"].as_str().expect("an instant").to_owned());
        for item in ITEMS {
            if let Some(text) = sent["data"]["items"][item].as_str() {
                self.values.push(Stated { person, item, position, text: text.to_owned() });
            }
        }
        Some(receipt)
    }

    fn caller(&self, token: usize) -> Caller {
        self.server.caller(&self.tokens[token])
    }

    /// An event of a life, told by one of two departments: what the one without the word says
    /// stands beside.
    async fn live(&mut self, step: u64) {
        let person = self.dice.below(PEOPLE as u64) as usize;
        let document = certificate(person as u32);
        let (id, day) = (format!("e-{step}"), format!("2026-03-{:02}", 2 + self.dice.below(25)));
        let of_person: Vec<_> = self.events.iter().filter(|event| event.0 == person).collect();
        let at = self.dice.below(of_person.len() as u64) as usize;
        let (_, target, teller) = of_person[at].clone();
        let mut items = serde_json::Map::new();
        for _ in 0..=self.dice.below(2) {
            let item = ITEMS[self.dice.below(ITEMS.len() as u64) as usize];
            let text = self.text(item);
            items.insert(item.to_owned(), json!(text));
        }
        let mut sent = match self.dice.below(6) {
            0..=2 => event(&id, "observation", &document, &day, json!({"items": items})),
            3..=4 => {
                let more = json!({"corrects": target, "items": items, "reason": "核对原始凭证"});
                event(&id, "correction", &document, &day, more)
            }
            _ if target.starts_with("e-") => {
                let more = json!({"annuls": target, "reason": "重复录入"});
                event(&id, "annulment", &document, &day, more)
            }
            _ => return,
        };
        // An event is corrected by who told it, who knows its id.
        if sent["type"] != "renkou.observation.v1" {
            sent["source"] = json!(teller);
        } else if self.dice.once_in(3) {
            sent["source"] = json!(POLICE);
        }
        self.post(person, &sent).await;
    }

    /// A question with a name of its own; keeps the answer.
    async fn read(&mut self, step: u64) {
        let person = self.dice.below(PEOPLE as u64) as usize;
        let path = self.paths[person].clone();
        let (method, path, question) = match self.dice.below(9) {
            0..=3 => (Method::GET, format!("{path}?{}", self.axes()), None),
            4 => (Method::GET, format!("{path}/history"), None),
            5 => (Method::GET, format!("/v1/places/99/people?limit={}", 1 + step % 4), None),
            6 => (Method::GET, format!("{path}/flags"), None),
            7 => {
                let names: Vec<_> =
                    self.values.iter().filter(|value| value.item == "full_name").collect();
                let newest = names[names.len() - 1 - step as usize % 3];
                let question = json!({"full_name": newest.text});
                (Method::POST, "/v1/persons/search".to_owned(), Some(question))
            }
            _ => {
                let question = json!({"document": certificate(person as u32)});
                (Method::POST, "/v1/persons/lookup".to_owned(), Some(question))
            }
        };
        let name = format!("q-{step}");
        let mut request = self.caller(1).request(method, &path).header("on-behalf-of", &name);
        // Some readers come before the views have the newest event.
        if !self.dice.once_in(4) {
            request = request.header("at-least", self.head);
        }
        if let Some(question) = question {
            request = request.json(&question);
        }
        let answer = Answer::read(request.send().await.expect("an answer")).await;
        if answer.status == 200 {
            self.answers.insert(name, answer.body.to_string());
        } else {
            assert_eq!(answer.status, 404, "{}", answer.body);
        }
    }

    /// Ends the service at once and starts another one.
    fn crash(self) -> Self {
        self.server.kill();
        Self { server: self.directory.serve(), ..self }
    }

    /// Which fields, on which day, as known when.
    fn axes(&mut self) -> String {
        let fields = ["", "items", "full_name,phone", "topics", "beside", "family", "hukou_code"];
        let mut axes = Vec::new();
        let chosen = fields[self.dice.below(fields.len() as u64) as usize];
        if !chosen.is_empty() {
            axes.push(format!("fields={chosen}"));
        }
        if self.dice.once_in(3) {
            axes.push(format!("valid_on=2026-03-{:02}", 1 + self.dice.below(27)));
        }
        if self.dice.once_in(3) {
            let at = self.dice.below(self.instants.len() as u64) as usize;
            axes.push(format!("known_at={}", self.instants[at]));
        }
        axes.join("&")
    }

    /// The names of the questions that told a value, as the service says.
    async fn told(&self, value: &Stated) -> BTreeSet<String> {
        let path = &self.paths[value.person];
        let (item, at) = (value.item, value.position);
        let path = format!("{path}/disclosures?item={item}&value_at={at}&limit=7");
        let (mut told, mut before) = (BTreeSet::new(), String::new());
        loop {
            let page = self.caller(2).purpose("audit").get(&format!("{path}{before}")).await;
            let page = page.with(200);
            for one in page["disclosures"].as_array().expect("disclosures") {
                let name = one["on_behalf_of"].as_str().expect("a name").to_owned();
                assert!(told.insert(name), "a read is listed once: {page}");
            }
            if page["next"].is_null() {
                return told;
            }
            before = format!("&before={}", page["next"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_told_a_value_is_who_was_answered_with_it() {
    for seed in SEEDS {
        one_world_of(seed).await;
    }
}

async fn one_world_of(seed: u64) {
    let mut world = World::make(seed).await;
    for step in 0..STEPS {
        match world.dice.below(5) {
            0..=1 => world.live(step).await,
            _ => world.read(step).await,
        }
        // Nothing about reads is kept but the log: a crash changes no answer.
        if step == STEPS / 2 {
            world = world.crash();
        }
    }
    let (mut pairs, mut untold) = (0, 0);
    let mut of_kind = BTreeMap::from(ANSWERS.map(|kind| (kind, 0)));
    for value in &world.values {
        let due: BTreeSet<String> = world
            .answers
            .iter()
            .filter(|(_, body)| body.contains(&value.text))
            .map(|(name, _)| name.clone())
            .collect();
        let told = world.told(value).await;
        let (item, position) = (value.item, value.position);
        assert_eq!(told, due, "seed {seed}: {item} of position {position}");
        pairs += due.len();
        untold += usize::from(due.is_empty());
        for name in &due {
            let body = &world.answers[name];
            let kind = ANSWERS.iter().find(|kind| body.contains(&format!("\"{kind}\":")));
            *of_kind.entry(kind.expect("a kind of answer")).or_default() += 1;
        }
    }
    assert!(pairs > 200 && untold > 3, "{pairs} answers told a value, {untold} were never told");
    assert!(of_kind.values().all(|count| *count > 3), "{of_kind:?}");
    world.server.stop();
}
