//! What the generator's truth file says of a person on a day, as known at an instant: read from its
//! facts step by step. Shares no code with the generator or the archive; the words of the file are
//! explained in `api/src/generate/truth/write.rs`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

const MARITAL: [&str; 3] = ["marital_code", "marital_change_date", "first_marriage_date"];

/// The value of an item, and who said it.
#[derive(Clone, Debug)]
pub struct Held {
    pub text: String,
    word: bool,
    by: String,
}

/// What somebody without the word says beside a value.
pub struct Beside {
    pub value: Value,
    pub by: String,
}

/// Somebody who is something to the person; `before` and `at_end` hold what the items of a
/// marriage said then.
#[derive(Clone, Debug)]
pub struct Tie {
    pub role: String,
    /// The document by which they are looked up.
    pub who: Value,
    pub ended: bool,
    before: Option<Marital>,
    at_end: Option<Marital>,
}

type Marital = [Option<Held>; 3];

/// The value of a field of a topic, and who said it.
pub struct Noted {
    pub value: Value,
    word: bool,
    by: String,
    by_death: bool,
}

/// A need, by its number.
pub struct Need {
    pub number: String,
    pub answered: bool,
    /// By a death.
    pub closed: bool,
}

/// A field of a topic; of items only the first is told.
type Place = (String, String);

/// Who tells a step, of which day, and whether they looked in the field.
struct Teller<'a> {
    by: &'a str,
    day: Date,
    checks: bool,
}

/// What is true of a person.
#[derive(Default)]
pub struct State {
    pub items: BTreeMap<String, Held>,
    pub topics: BTreeMap<Place, Noted>,
    pub beside: BTreeMap<Place, Vec<Beside>>,
    pub ties: Vec<Tie>,
    pub needs: Vec<Need>,
    registered: bool,
    dead: bool,
    missing: bool,
}

impl Need {
    fn new(number: &Value, answered: bool) -> Self {
        Self { number: text(number), answered, closed: false }
    }
}

/// In whose record somebody stands at an instant, and which records are absorbed into it then.
pub fn joined<'a>(
    persons: &'a [Value],
    person: &'a Value,
    known_at: Option<Timestamp>,
) -> (&'a Value, Vec<&'a Value>) {
    let joins = |of: &'a Value| {
        let all = of["joins"].as_array().into_iter().flatten();
        all.filter(move |join| is_known(join, known_at))
    };
    let by_document = |join: &Value| {
        let whom = &join["with"]["document"];
        persons.iter().find(|person| person["document"] == *whom).expect("told of too")
    };
    let own = joins(person).rfind(|join| join["absorbs"] == false);
    let survivor = own.filter(|join| join["merges"] == true).map_or(person, by_document);
    let mut absorbed: Vec<&Value> = Vec::new();
    for join in joins(survivor).filter(|join| join["absorbs"] == true) {
        match join["merges"] == true {
            true => absorbed.push(by_document(join)),
            false => absorbed.retain(|known| known["document"] != join["with"]["document"]),
        }
    }
    (survivor, absorbed)
}

fn is_known(told: &Value, known_at: Option<Timestamp>) -> bool {
    let known: Timestamp = text(&told["known"]).parse().expect("a time");
    known_at.is_none_or(|at| known <= at)
}

/// What is true of a person of the truth file; none while nothing is known.
pub fn at(
    persons: &[Value],
    person: &Value,
    valid_on: Option<Date>,
    known_at: Option<Timestamp>,
) -> Option<State> {
    let (survivor, absorbed) = joined(persons, person, known_at);
    let records = [survivor].into_iter().chain(absorbed);
    let facts = records.flat_map(|record| record["facts"].as_array().expect("facts"));
    let mut facts: Vec<&Value> = facts.filter(|fact| is_known(fact, known_at)).collect();
    facts.sort_by_key(|fact| fact["order"].as_u64());
    if facts.is_empty() {
        return None;
    }
    let mut standing = Vec::new();
    for (order, fact) in facts.into_iter().enumerate() {
        let changes = fact["changes"].as_array().into_iter().flatten();
        let changes: Vec<&Value> = changes.filter(|change| is_known(change, known_at)).collect();
        if changes.iter().any(|change| change["annuls"] == true) {
            continue;
        }
        let corrected = changes.iter().rev().find_map(|change| change.get("day"));
        let day: Date = text(corrected.unwrap_or(&fact["day"])).parse().expect("a date");
        if valid_on.is_none_or(|on| day <= on) {
            standing.push((day, order, fact, changes));
        }
    }
    standing.sort_by_key(|(day, order, ..)| (*day, *order));
    let mut state = State::default();
    for (day, _, fact, changes) in standing {
        state.take(fact, day);
        changes.into_iter().for_each(|change| state.take(change, day));
    }
    Some(state)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl State {
    /// Dead, missing, alive, or only heard of.
    pub fn status(&self) -> &'static str {
        match self {
            _ if self.dead => "dead",
            _ if self.missing => "missing",
            _ if self.registered => "alive",
            _ => "unregistered",
        }
    }

    fn take(&mut self, told: &Value, day: Date) {
        let (by, before) = (text(&told["by"]), self.marital());
        let teller = Teller { by: &by, day, checks: told["checks"] == true };
        for step in told["does"].as_array().expect("steps") {
            let word = step[0].as_str().expect("a word");
            match word {
                "say" => self.say(&text(&step[1]), &step[2], step[3] == true, &teller),
                "topic" => {
                    let place = (text(&step[1]), text(&step[2]));
                    self.note(place, &step[3], step[4] == true, &teller);
                }
                "ends" => self.end_open(step, told, &by, day),
                "status" => match step[1].as_str() {
                    Some("dead") => self.die(),
                    Some("missing") => self.missing = true,
                    _ => self.registered = true,
                },
                "back" => self.come_back(step[1] == true, &by),
                "need" => self.needs.push(Need::new(&step[1], false)),
                "answer" => self.answer(&step[1]),
                "claim" => self.claim(&text(&step[1]), &step[2], &by),
                _ => self.tie(word, &text(&step[1]), &step[2], &before, &teller),
            }
        }
    }

    fn say(&mut self, item: &str, said: &Value, word: bool, teller: &Teller<'_>) {
        let (standing, by) = (self.items.get(item), teller.by);
        let gives_way = standing.is_none_or(|held| !held.word || word || held.by == by);
        let text = match said {
            Value::Object(odd) if odd.contains_key("day") => teller.day.to_string(),
            Value::Object(odd) if odd["gone"] == "at_home" && self.lives_apart() => return,
            Value::Object(_) if gives_way => {
                self.items.remove(item);
                return;
            }
            Value::Object(_) => return,
            said => text(said),
        };
        let is_same = standing.is_some_and(|held| held.text == text);
        let place = (item.to_owned(), String::new());
        self.weigh(place, &text.as_str().into(), is_same, gives_way, teller);
        if gives_way {
            self.items.insert(item.to_owned(), Held { text, word, by: by.to_owned() });
        }
    }

    /// What becomes of the words beside a value when another one is said: whoever cannot change it
    /// stands beside it with their newest word, unless it says the same; who changes it, or looked
    /// in the field and found it so, settles what others said.
    fn weigh(
        &mut self,
        place: Place,
        value: &Value,
        is_same: bool,
        gives_way: bool,
        teller: &Teller<'_>,
    ) {
        let words = self.beside.entry(place).or_default();
        if !gives_way {
            words.retain(|beside| beside.by != teller.by);
            if !is_same {
                words.push(Beside { value: value.clone(), by: teller.by.to_owned() });
            }
        }
        let settles = if is_same { teller.checks } else { gives_way };
        if settles {
            words.clear();
        }
    }

    fn lives_apart(&self) -> bool {
        let township = |item: &str| Some(self.items.get(item)?.text.get(..9)?.to_owned());
        let (here, home) = (township("residence_code"), township("hukou_code"));
        here.is_some() && home.is_some() && here != home
    }

    /// What somebody says that an item should be never changes it.
    fn claim(&mut self, item: &str, value: &Value, by: &str) {
        if self.items.get(item).is_some_and(|held| held.text == text(value)) {
            return;
        }
        let words = self.beside.entry((item.to_owned(), String::new())).or_default();
        words.retain(|beside| beside.by != by);
        words.push(Beside { value: value.clone(), by: by.to_owned() });
    }

    fn note(&mut self, place: Place, said: &Value, word: bool, teller: &Teller<'_>) {
        let (stands, by) = (self.topics.get(&place), teller.by);
        let gives_way = stands.is_none_or(|noted| !noted.word || word || noted.by == by);
        let value = match said {
            Value::Object(odd) if odd.contains_key("day") => teller.day.to_string().into(),
            Value::Object(_) if gives_way => {
                self.topics.remove(&place);
                return;
            }
            Value::Object(_) => return,
            said => said.clone(),
        };
        let is_same = stands.is_some_and(|noted| noted.value == value);
        self.weigh(place.clone(), &value, is_same, gives_way, teller);
        if gives_way {
            self.topics.insert(place, Noted { value, word, by: by.to_owned(), by_death: false });
        }
    }

    /// `["ends", topic, end, field, has the word]`.
    fn end_open(&mut self, step: &Value, told: &Value, by: &str, day: Date) {
        let [topic, end, open] = [1, 2, 3].map(|at| text(&step[at]));
        let end = (topic.clone(), end);
        if !self.topics.contains_key(&(topic, open)) || self.topics.contains_key(&end) {
            return;
        }
        let by_death = text(&told["kind"]).contains("death");
        let (word, by) = (step[4] == true && !by_death, by.to_owned());
        self.topics.insert(end, Noted { value: day.to_string().into(), word, by, by_death });
    }

    fn die(&mut self) {
        (self.dead, self.missing) = (true, false);
        self.needs.iter_mut().filter(|need| !need.answered).for_each(|need| need.closed = true);
    }

    fn answer(&mut self, number: &Value) {
        let open = |need: &&mut Need| need.number == text(number) && !need.answered;
        match self.needs.iter_mut().rev().find(open) {
            Some(need) => need.answered = true,
            None => self.needs.push(Need::new(number, true)),
        }
    }

    fn marital(&self) -> Marital {
        MARITAL.map(|item| self.items.get(item).cloned())
    }

    fn restore(&mut self, marital: Marital) {
        for (item, held) in MARITAL.into_iter().zip(marital) {
            match held {
                Some(held) => self.items.insert(item.to_owned(), held),
                None => self.items.remove(item),
            };
        }
    }

    fn last_spouse(&mut self) -> Option<&mut Tie> {
        self.ties.iter_mut().rev().find(|tie| tie.role == "spouse")
    }

    fn end(&mut self, ends: impl Fn(&Tie) -> bool) {
        self.ties.iter_mut().filter(|tie| ends(tie)).for_each(|tie| tie.ended = true);
    }

    fn tie(&mut self, word: &str, role: &str, who: &Value, before: &Marital, by: &Teller<'_>) {
        match word {
            "tie" => {
                let is_there = |tie: &Tie| tie.role == role && tie.who == *who && !tie.ended;
                if self.ties.iter().any(is_there) {
                    return;
                }
                if role == "head" {
                    self.end(|tie| ["head", "member"].contains(&&*tie.role));
                }
                let before = (role == "spouse").then(|| before.clone());
                let (role, who) = (role.to_owned(), who.clone());
                self.ties.push(Tie { role, who, ended: false, before, at_end: None });
            }
            "end" => self.end(|tie| tie.role == role && (who.is_null() || tie.who == *who)),
            "end_others" => self.end(|tie| tie.role == role && tie.who != *who),
            "widow" => {
                let is_theirs = |tie: &mut Tie| tie.who == *who && !tie.ended;
                if !self.dead && self.last_spouse().is_some_and(is_theirs) {
                    self.say(MARITAL[0], &"30".into(), true, by);
                    self.say(MARITAL[1], &by.day.to_string().into(), true, by);
                }
                if !self.dead {
                    self.lose(who, before);
                }
            }
            "lose" => self.lose(who, before),
            "void" => {
                let before = match self.last_spouse() {
                    Some(tie) if tie.who == *who => tie.before.clone(),
                    _ => None,
                };
                if let Some(before) = before {
                    self.restore(before);
                }
                self.end(|tie| tie.role == "spouse" && tie.who == *who);
            }
            "again" => {
                let ended = |tie: &&mut Tie| tie.role == role && tie.who == *who && tie.ended;
                if let Some(tie) = self.ties.iter_mut().rev().find(ended) {
                    tie.ended = false;
                }
            }
            "revive" => {
                let Some(tie) = self.last_spouse().filter(|tie| tie.who == *who) else { return };
                let Some(at_end) = tie.at_end.take() else { return };
                tie.ended = false;
                self.restore(at_end);
            }
            other => panic!("no such step: {other}"),
        }
    }

    fn lose(&mut self, who: &Value, before: &Marital) {
        let is_open = |tie: &&mut Tie| tie.role == "spouse" && tie.who == *who && !tie.ended;
        for tie in self.ties.iter_mut().filter(is_open) {
            (tie.ended, tie.at_end) = (true, Some(before.clone()));
        }
    }

    /// Somebody dead or missing is there again; whether the marriage goes on was seen then.
    fn come_back(&mut self, goes_on: bool, by: &str) {
        let was_dead = std::mem::take(&mut self.dead);
        self.missing = false;
        self.items.remove("death_date");
        if was_dead {
            self.topics.retain(|_, noted| !noted.by_death);
            self.needs.iter_mut().for_each(|need| need.closed = false);
        }
        let is_married = self.ties.iter().any(|tie| tie.role == "spouse" && !tie.ended);
        if was_dead && !goes_on && is_married {
            self.end(|tie| tie.role == "spouse");
            let held = Held { text: "90".into(), word: true, by: by.to_owned() };
            self.items.insert(MARITAL[0].into(), held);
            self.items.remove(MARITAL[1]);
        }
    }
}
