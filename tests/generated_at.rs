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

/// What is true of a person.
#[derive(Default)]
pub struct State {
    pub items: BTreeMap<String, Held>,
    pub topics: BTreeMap<(String, String), Noted>,
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

/// What is true of a person of the truth file; none while nothing is known.
pub fn at(person: &Value, valid_on: Option<Date>, known_at: Option<Timestamp>) -> Option<State> {
    let is_known = |told: &Value| {
        let known: Timestamp = text(&told["known"]).parse().expect("a time");
        known_at.is_none_or(|at| known <= at)
    };
    let facts = person["facts"].as_array().expect("facts").iter().filter(|fact| is_known(fact));
    let facts: Vec<&Value> = facts.collect();
    if facts.is_empty() {
        return None;
    }
    let mut standing = Vec::new();
    for (order, fact) in facts.into_iter().enumerate() {
        let changes = fact["changes"].as_array().into_iter().flatten();
        let changes: Vec<&Value> = changes.filter(|change| is_known(change)).collect();
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
        for step in told["does"].as_array().expect("steps") {
            let word = step[0].as_str().expect("a word");
            match word {
                "say" => {
                    self.say(&text(&step[1]), &step[2], step[3] == true, &by, day);
                }
                "topic" => {
                    let place = (text(&step[1]), text(&step[2]));
                    self.note(place, &step[3], step[4] == true, &by, day);
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
                _ => self.tie(word, &text(&step[1]), &step[2], &before, (&by, day)),
            }
        }
    }

    fn say(&mut self, item: &str, said: &Value, word: bool, by: &str, day: Date) {
        let standing = self.items.get(item);
        if standing.is_some_and(|held| held.word && !word && held.by != by) {
            return;
        }
        let text = match said {
            Value::Object(odd) if odd.contains_key("day") => day.to_string(),
            Value::Object(odd) if odd["gone"] == "at_home" && self.lives_apart() => return,
            Value::Object(_) => {
                self.items.remove(item);
                return;
            }
            said => text(said),
        };
        self.items.insert(item.to_owned(), Held { text, word, by: by.to_owned() });
    }

    fn lives_apart(&self) -> bool {
        let township = |item: &str| Some(self.items.get(item)?.text.get(..9)?.to_owned());
        let (here, home) = (township("residence_code"), township("hukou_code"));
        here.is_some() && home.is_some() && here != home
    }

    fn note(&mut self, place: (String, String), said: &Value, word: bool, by: &str, day: Date) {
        let stands = self.topics.get(&place);
        if stands.is_some_and(|noted| noted.word && !word && noted.by != by) {
            return;
        }
        let value = match said {
            Value::Object(odd) if odd.contains_key("day") => day.to_string().into(),
            Value::Object(_) => {
                self.topics.remove(&place);
                return;
            }
            said => said.clone(),
        };
        self.topics.insert(place, Noted { value, word, by: by.to_owned(), by_death: false });
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

    fn tie(&mut self, word: &str, role: &str, who: &Value, before: &Marital, by: (&str, Date)) {
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
                    self.say(MARITAL[0], &"30".into(), true, by.0, by.1);
                    self.say(MARITAL[1], &by.1.to_string().into(), true, by.0, by.1);
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
