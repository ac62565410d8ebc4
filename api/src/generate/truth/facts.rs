//! What each report says of each person whom it concerns, in small steps that an archive must take:
//! said, ended, tied. Taken from the report, the catalogue and what the county knows of its people.

use domain::catalogue::{Sets, Word};
use domain::{Item, Kind, Role, Topic};

use super::super::event::{Event, Named, Stated, Value};
use super::super::person::Day;
use super::authority::{has_word, keeps_field};

/// What is said of an item or a field of a topic.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said {
    Value(Value),
    /// The day of the fact.
    Day,
    /// Nothing any more.
    Gone,
    /// Nothing any more, unless residence and registration lie in two townships.
    GoneAtHome,
}

/// One step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Effect {
    /// Of an item, and whether the teller has the word on it.
    Say(Item, Said, bool),
    /// Of a field of a topic, and whether the teller has the word on it.
    Topic(Topic, &'static str, Said, bool),
    /// The day ends what the second field tells, where it is open; by whose word.
    Ends(Topic, &'static str, &'static str, bool),
    /// `registered`, `dead` or `missing`.
    Status(&'static str),
    /// Found again; whether the marriage goes on.
    Back(bool),
    Tie(Role, u32),
    /// Ends the tie to somebody; to all in the role, when it is not said to whom.
    End(Role, Option<u32>),
    /// Ends the ties in a role to all but somebody.
    EndOthers(Role, u32),
    /// Widowed by somebody's death.
    Widow(u32),
    /// Widowed, by what the village says itself.
    Lose(u32),
    /// The marriage with somebody never was.
    Void(u32),
    /// The marriage with somebody goes on.
    Revive(u32),
    /// So does another tie that a death ended.
    Again(Role, u32),
    /// A need of a number is raised.
    Need(Value),
    /// And answered.
    Answer(Value),
}

/// What one report says of one person. Those of a life stand in the order of delivery.
pub(super) struct Fact {
    pub(super) id: u32,
    pub(super) kind: Kind,
    pub(super) side: bool,
    pub(super) day: Day,
    /// Seconds since 1970-01-01T00:00:00+08:00.
    pub(super) known: i64,
    pub(super) department: &'static str,
    pub(super) effects: Vec<Effect>,
    pub(super) changes: Vec<Change>,
}

/// A correction or annulment of a fact.
pub(super) struct Change {
    pub(super) known: i64,
    pub(super) department: &'static str,
    pub(super) annuls: bool,
    pub(super) true_day: Option<Day>,
    pub(super) effects: Vec<Effect>,
}

/// What a report says, person by person: whom, whether as somebody else's act, what.
pub(super) fn effects_of(event: &Event) -> Vec<(u32, bool, Vec<Effect>)> {
    let mut told = Vec::new();
    if event.kind == Kind::HouseholdVisit {
        for (seen, items) in &event.observations {
            told.push((seen.person, false, stated(event, *seen, items)));
        }
        return told;
    }
    let Some(subject) = event.subject else { return told };
    told.push((subject.person, false, of_subject(event)));
    for (role, related) in &event.related {
        if role.is_told(event.kind) && related.person != subject.person {
            told.push((related.person, true, of_related(event, *role, subject.person)));
        }
    }
    if let Some(unnamed) = event.unnamed {
        let effect = match event.kind {
            Kind::GuardianSet => Effect::End(Role::Ward, Some(subject.person)),
            _ => Effect::Widow(subject.person),
        };
        told.push((unnamed, true, vec![effect]));
    }
    for (member, items) in &event.observations {
        let mut effects = stated(event, *member, items);
        let household = event.fields.iter().find(|(name, _)| *name == "household_id");
        effects.extend(household.map(|(_, id)| say(event, Item::HouseholdId, Said::Value(*id))));
        effects.push(Effect::Tie(Role::Head, subject.person));
        told.push((member.person, true, effects));
    }
    told
}

fn say(event: &Event, item: Item, said: Said) -> Effect {
    let (department, channel) = (event.upstream.department, event.upstream.channel);
    Effect::Say(item, said, has_word(event.kind, item, department, channel))
}

fn note(event: &Event, topic: Topic, name: &'static str, said: Said) -> Effect {
    Effect::Topic(
        topic,
        name,
        said,
        keeps_field(event.kind, topic, name, event.upstream.department),
    )
}

/// What is stated of somebody: the items, and the number by which they are named.
fn stated(event: &Event, named: Named, items: &Stated) -> Vec<Effect> {
    let says = items.iter().map(|(item, value)| say(event, *item, Said::Value(*value)));
    let mut effects: Vec<_> = says.collect();
    let is_stated = items.iter().any(|(item, _)| *item == Item::CitizenId);
    if !named.by_certificate && !is_stated && !event.kind.entry().may_change(Item::CitizenId) {
        let number = Value::Number(named.person, named.number);
        effects.push(say(event, Item::CitizenId, Said::Value(number)));
    }
    effects
}

/// What a correction says of a fact of a kind.
pub(super) fn corrected(kind: Kind, side: bool, event: &Event, day: Option<Day>) -> Vec<Effect> {
    let (department, channel) = (event.upstream.department, event.upstream.channel);
    let word = |item| has_word(kind, item, department, channel) || side && kind.is_death();
    let says = event.items.iter();
    // The items of a correction are of the subject, and told with it wherever it is told.
    let mut effects: Vec<_> = says
        .map(|(item, value)| Effect::Say(*item, Said::Value(*value), word(*item)))
        .filter(|_| !side)
        .collect();
    if !side && day.is_some() {
        let vital = match kind {
            Kind::Birth => Some(Item::BirthDate),
            _ if kind.is_death() => Some(Item::DeathDate),
            _ => None,
        };
        effects.extend(vital.map(|item| Effect::Say(item, Said::Day, word(item))));
    }
    effects
}

fn of_subject(event: &Event) -> Vec<Effect> {
    let entry = event.kind.entry();
    let states = |item: Item| event.items.iter().any(|(said, _)| *said == item);
    let mut effects =
        event.subject.map_or_else(Vec::new, |named| stated(event, named, &event.items));
    let mut set = Vec::new();
    for (name, value) in &event.fields {
        let Some(field) = entry.field(name) else { continue };
        for sets in field.sets {
            set.push(*sets);
            match *sets {
                Sets::Item(item) if states(item) => {}
                Sets::Item(item) => effects.push(say(event, item, Said::Value(*value))),
                Sets::Topic(topic, name) => {
                    effects.push(note(event, topic, name, Said::Value(*value)));
                }
            }
        }
    }
    for conclusion in entry.concludes {
        let is_stated = matches!(conclusion.sets, Sets::Item(item) if states(item))
            || set.contains(&conclusion.sets);
        if conclusion.gives_way && is_stated {
            continue;
        }
        let Some(said) = concluded(event, conclusion.word) else { continue };
        effects.push(match conclusion.sets {
            Sets::Item(item) => say(event, item, said),
            Sets::Topic(topic, name) => match conclusion.ends {
                Some(open) => {
                    let word = keeps_field(event.kind, topic, name, event.upstream.department);
                    Effect::Ends(topic, name, open, word)
                }
                None => note(event, topic, name, said),
            },
        });
    }
    odd(event, &mut effects);
    ties(event, &mut effects);
    effects
}

fn concluded(event: &Event, word: Word) -> Option<Said> {
    Some(match word {
        Word::Is(text) => Said::Value(Value::Word(text)),
        Word::Day => Said::Day,
        Word::Village => Said::Value(Value::Village(event.place)),
        Word::Gone => Said::Gone,
        Word::GoneAtHome => Said::GoneAtHome,
        // Who returns always says where to.
        Word::SameAs(_) => return None,
    })
}

/// What the tables of the catalogue do not say.
fn odd(event: &Event, effects: &mut Vec<Effect>) {
    let field = |name: &str| event.fields.iter().find(|field| field.0 == name).map(|f| f.1);
    if event.kind.entry().opens {
        effects.push(Effect::Status("registered"));
    }
    match event.kind {
        kind if kind.is_death() => effects.push(Effect::Status("dead")),
        Kind::Missing => effects.push(Effect::Status("missing")),
        Kind::Reappear => {
            let goes_on = event.related.iter().any(|(role, _)| *role == Role::Spouse);
            effects.push(Effect::Back(goes_on));
        }
        Kind::DisabilityCert => {
            if let Some(Value::Disability(_, kind, _)) = field("disability_certificate_no") {
                effects.push(say(event, Item::Health, Said::Value(Value::Code(60 + kind))));
            }
        }
        Kind::DibaoChange if field("change") == Some(Value::Word("ended")) => {
            effects.push(note(event, Topic::Relief, "end", Said::Day));
        }
        Kind::NeedRaised => effects.extend(field("need_id").map(Effect::Need)),
        Kind::NeedAnswered => effects.extend(field("need_id").map(Effect::Answer)),
        _ => {}
    }
}

fn ties(event: &Event, effects: &mut Vec<Effect>) {
    let spouse = event.related.iter().find(|(role, _)| *role == Role::Spouse);
    let spouse = spouse.map(|(_, named)| named.person);
    match event.kind {
        Kind::DivorceReg | Kind::DivorceCourt | Kind::AdoptEnd => {
            let ends = event.related.iter().map(|(role, who)| Effect::End(*role, Some(who.person)));
            effects.extend(ends);
        }
        Kind::MarryVoid => effects.extend(spouse.map(Effect::Void)),
        Kind::Reappear => effects.extend(spouse.map(Effect::Revive)),
        Kind::Widow => effects.extend(spouse.map(Effect::Lose)),
        kind => {
            // A household that splits off has the members that it names.
            if kind == Kind::HhSplit {
                effects.push(Effect::End(Role::Member, None));
            }
            let begins = event.related.iter().map(|(role, who)| Effect::Tie(*role, who.person));
            effects.extend(begins);
            let members = event.observations.iter();
            effects.extend(members.map(|(named, _)| Effect::Tie(Role::Member, named.person)));
            let guardian = event.related.iter().find(|(role, _)| *role == Role::Guardian);
            if let Some((role, named)) = guardian.filter(|_| kind == Kind::GuardianSet) {
                effects.push(Effect::EndOthers(*role, named.person));
            }
        }
    }
    if matches!(event.kind, Kind::HhSplit | Kind::HhMerge | Kind::HeadChange) {
        effects.push(Effect::End(Role::Head, None));
    }
    if event.kind.is_death() {
        effects.push(Effect::End(Role::Guardian, None));
        effects.push(Effect::End(Role::Ward, None));
    }
    // Who dies, or is registered elsewhere, is nobody's member and nobody's head there.
    if event.kind.is_death() || matches!(event.kind, Kind::HukouIn | Kind::Emigrate) {
        effects.push(Effect::End(Role::Head, None));
        effects.push(Effect::End(Role::Member, None));
    }
}

/// What an act says of somebody whom it names.
fn of_related(event: &Event, role: Role, subject: u32) -> Vec<Effect> {
    let tie = role.seen_from_there();
    match event.kind {
        Kind::MarryVoid => vec![Effect::Void(subject)],
        Kind::Reappear => vec![Effect::Revive(subject)],
        kind if kind.is_death() => vec![Effect::Widow(subject)],
        Kind::AdoptEnd => vec![Effect::End(tie, Some(subject))],
        kind => {
            let mut effects = Vec::new();
            if role == Role::Spouse {
                for conclusion in kind.entry().concludes_aside {
                    let (Sets::Item(item), Some(said)) =
                        (conclusion.sets, concluded(event, conclusion.word))
                    else {
                        continue;
                    };
                    effects.push(say(event, item, said));
                }
            }
            let ends = kind.is_divorce();
            effects.push(if ends {
                Effect::End(tie, Some(subject))
            } else {
                Effect::Tie(tie, subject)
            });
            effects
        }
    }
}
