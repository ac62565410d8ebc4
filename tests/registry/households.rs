//! Households as their members' events make them: each scenario is a list of events, and after
//! each what the households are. Every one ends with the views compared with views built anew.

use std::collections::BTreeMap;

use domain::{Basis, HouseholdId, Item, PersonId, Role};
use projections::household::{Household, State};
use serde_json::{Value, json};

use super::desk::{Desk, by, citizen, data, doubts, number};

/// Persons by a letter: their birth and serial; odd serials are men.
const PERSONS: [(char, &str, u32); 5] = [
    ('a', "19600101", 1),
    ('b', "19620101", 2),
    ('c', "19900101", 3),
    ('d', "19910101", 4),
    ('e', "19920101", 5),
];
const BOOKS: [&str; 3] = ["H-1", "H-2", "H-3"];

/// A registry with households.
struct Village {
    desk: Desk,
    ids: BTreeMap<String, HouseholdId>,
}

fn named(letter: char) -> Value {
    let (_, born, serial) = PERSONS.iter().find(|one| one.0 == letter).expect("a person");
    citizen(&number(born, *serial))
}

/// Members as an event lists them: a letter and the relation to the head.
fn members(told: &[(char, &str)]) -> Value {
    let member = |(letter, relation): &(char, &str)| json!({"person": named(*letter), "items": {"relation_code": relation}});
    told.iter().map(member).collect()
}

impl Village {
    /// Of each person the number of the household and the relation to its head.
    fn new(loaded: &[(char, &str, &str)]) -> Self {
        let village = Self { desk: Desk::new(), ids: BTreeMap::new() };
        let mut village = village;
        for (letter, book, relation) in loaded {
            let born = PERSONS.iter().find(|one| one.0 == *letter).expect("a person").1;
            let born = format!("{}-{}-{}", &born[..4], &born[4..6], &born[6..]);
            let items = json!({"household_id": book, "relation_code": relation,
                "household_kind": "family", "birth_date": born});
            let load = data(&named(*letter), "2010-01-01", json!({"items": items}));
            village.tell(&format!("load-{letter}"), "registration", load);
        }
        village
    }

    fn tell(&mut self, id: &str, kind: &str, data: Value) {
        self.desk.record(id, kind, data);
        let books = PERSONS.iter().filter_map(|(letter, ..)| self.book_of(*letter));
        let books: Vec<_> = books.collect();
        self.ids.extend(books);
    }

    /// An event about one person, on a day.
    fn happens(&mut self, kind: &str, letter: char, on: &str, more: Value) {
        self.tell(&format!("{kind}-{letter}-{on}"), kind, data(&named(letter), on, more));
    }

    fn undo(&mut self, id: &str, letter: char) {
        let more = json!({"annuls": id, "reason": "误报", "approved_by": "chief"});
        let annulment = data(&named(letter), "2026-05-01", more);
        self.tell(&format!("undo-{id}"), "annulment", annulment);
    }

    fn id(&self, letter: char) -> PersonId {
        let (_, born, serial) = PERSONS.iter().find(|one| one.0 == letter).expect("a person");
        self.desk.stream_of_citizen(&number(born, *serial))
    }

    fn book_of(&self, letter: char) -> Option<(String, HouseholdId)> {
        let row = self.desk.row(self.id(letter))?;
        let households = self.desk.registry().views.people.households_of(&row.archive);
        let (_, id) = households.into_iter().find(|(basis, _)| *basis == Basis::Hukou)?;
        Some((row.archive.get(Item::HouseholdId)?.to_owned(), id))
    }

    fn letter(&self, person: PersonId) -> char {
        PERSONS.iter().find(|one| self.id(one.0) == person).map_or('?', |one| one.0)
    }

    fn read(&self, book: &str) -> Option<Household> {
        let id = self.ids.get(book)?;
        self.desk.registry().views.people.household(*id).expect("readable")
    }

    /// Head, then members with their relations, then the dead `+` and the gone `-`, then the task.
    fn told(&self, book: &str) -> String {
        let Some(household) = self.read(book) else { return "nobody".to_owned() };
        let head = household.head.map_or("none".to_owned(), |h| self.letter(h.person).to_string());
        let mut told = vec![format!("{head}:")];
        for member in &household.members {
            let relation = member.row.archive.get(Item::RelationToHead).unwrap_or_default();
            let mark = match member.state {
                State::Belongs => "",
                State::Dead(_) => "+",
                State::Left(_) => "-",
            };
            told.push(format!("{}{mark}{relation}", self.letter(member.person)));
        }
        told.extend(household.vacancy.map(|vacancy| {
            let head = vacancy.former_head.map_or('?', |person| self.letter(person));
            let day = vacancy.since.map(|day| format!(" {day}")).unwrap_or_default();
            format!("({head} {}{day})", vacancy.reason)
        }));
        told.join(" ")
    }

    fn check(&self, due: &[&str]) {
        let told: Vec<_> = BOOKS.iter().take(due.len()).map(|book| self.told(book)).collect();
        assert_eq!(told, due);
    }

    /// The open ties of somebody in a role.
    fn tied(&self, letter: char, role: Role) -> String {
        let archive = self.desk.archive(self.id(letter));
        let ties = archive.links().iter().filter(|l| l.role == role && l.ended.is_none());
        let mut tied: Vec<char> = ties.map(|link| self.letter(link.person)).collect();
        tied.sort_unstable();
        tied.into_iter().collect()
    }
}

const FAMILY: [(char, &str, &str); 4] =
    [('a', "H-1", "02"), ('b', "H-1", "12"), ('c', "H-1", "20"), ('d', "H-1", "30")];

#[test]
fn a_split_gives_a_new_household_with_those_who_left() {
    let mut village = Village::new(&FAMILY);
    village.check(&["a: a02 b12 c20 d30"]);
    let more = json!({"old_household_id": "H-1", "household_id": "H-2",
        "members": members(&[('d', "77")])});
    village.happens("hh_split", 'c', "2020-05-01", more);
    village.check(&["a: a02 b12", "c: c02 d77"]);
    assert_eq!(
        (village.tied('c', Role::Member), village.tied('d', Role::Head)),
        ("d".into(), "c".into())
    );
    village.undo("hh_split-c-2020-05-01", 'c');
    village.check(&["a: a02 b12 c20 d30", "nobody"]);
    assert_eq!(village.tied('c', Role::Member), "");
    village.desk.close();
}

#[test]
fn a_merge_joins_and_a_later_split_takes_only_whom_it_names() {
    let mut village = Village::new(&[
        ('a', "H-1", "02"),
        ('b', "H-1", "12"),
        ('c', "H-2", "02"),
        ('d', "H-2", "12"),
    ]);
    let more = json!({"merged_household_id": "H-2", "household_id": "H-1",
        "members": members(&[('c', "20"), ('d', "38")])});
    village.happens("hh_merge", 'a', "2020-05-01", more);
    village.check(&["a: a02 b12 c20 d38", "nobody"]);
    assert_eq!(
        (village.tied('a', Role::Member), village.tied('c', Role::Head)),
        ("cd".into(), "a".into())
    );
    let more = json!({"household_id": "H-3", "members": members(&[('d', "12")])});
    village.happens("hh_split", 'c', "2021-05-01", more);
    village.check(&["a: a02 b12", "nobody", "c: c02 d12"]);
    assert_eq!(village.tied('a', Role::Member), "", "who led them is told of whom they lose");
    village.undo("hh_split-c-2021-05-01", 'c');
    assert_eq!(village.tied('a', Role::Member), "cd");
    village.undo("undo-hh_split-c-2021-05-01", 'c');
    assert_eq!(village.tied('a', Role::Member), "");
    assert_eq!(
        (village.tied('c', Role::Head), village.tied('d', Role::Head)),
        ("".into(), "c".into())
    );
    // The number was wrong.
    let correction = json!({"corrects": "hh_merge-a-2020-05-01", "household_id": "H-2",
        "items": {"household_id": "H-2"}, "reason": "户号有误"});
    village.happens("correction", 'a', "2026-05-01", correction);
    village.check(&["none: b12 (? unknown)", "a: a02", "c: c02 d12"]);
    village.desk.close();
}

#[test]
fn whom_a_merge_does_not_list_stays_and_misses_the_head_who_went_along() {
    let mut village = Village::new(&[
        ('a', "H-1", "02"),
        ('b', "H-1", "12"),
        ('c', "H-2", "02"),
        ('d', "H-2", "12"),
    ]);
    let more = json!({"merged_household_id": "H-2", "household_id": "H-1",
        "members": members(&[('c', "20")])});
    village.happens("hh_merge", 'a', "2020-05-01", more);
    village.check(&["a: a02 b12 c20", "none: d12 (? unknown)"]);
    // Who is told of later went along on the same day.
    let more = json!({"items": {"household_id": "H-1", "relation_code": "38"}});
    village.happens("hukou_in", 'd', "2020-05-01", more);
    village.check(&["a: a02 b12 c20 d38", "nobody"]);
    village.desk.close();
}

#[test]
fn a_change_of_head_changes_the_relation_of_all_who_are_told() {
    let mut village = Village::new(&FAMILY);
    let more = json!({"household_id": "H-1",
        "members": members(&[('a', "11"), ('c', "20"), ('d', "30")])});
    village.happens("head_change", 'b', "2020-05-01", more);
    village.check(&["b: b02 a11 c20 d30"]);
    assert_eq!(village.tied('b', Role::Member), "acd");
    // The head before leads again: who has a head leads nobody.
    let more = json!({"household_id": "H-1", "members": members(&[('b', "12")])});
    village.happens("head_change", 'a', "2021-05-01", more);
    village.check(&["a: a02 b12 c20 d30"]);
    assert_eq!(
        (village.tied('a', Role::Member), village.tied('b', Role::Member)),
        ("b".into(), "".into())
    );
    village.desk.close();
}

#[test]
fn a_household_whose_head_died_waits_for_a_new_one() {
    let mut village = Village::new(&FAMILY);
    village.happens("death", 'a', "2020-05-01", json!({}));
    village.check(&["none: b12 c20 d30 a+02 (a dead 2020-05-01)"]);
    let more = json!({"household_id": "H-1", "members": members(&[('c', "20"), ('d', "30")])});
    village.happens("head_change", 'b', "2020-06-01", more);
    village.check(&["b: b02 c20 d30 a+02"]);
    village.happens("death", 'b', "2021-05-01", json!({}));
    village.check(&["none: c20 d30 a+02 b+02 (b dead 2021-05-01)"]);
    // The second death was a namesake's.
    village.undo("death-b-2021-05-01", 'b');
    village.check(&["b: b02 c20 d30 a+02"]);
    village.desk.close();
}

#[test]
fn who_moves_out_is_gone_and_who_is_registered_elsewhere_stands_there() {
    let mut village = Village::new(&FAMILY);
    village.happens("hukou_out", 'd', "2020-05-01", json!({"destination": "990102"}));
    village.check(&["a: a02 b12 c20 d-30"]);
    let more = json!({"items": {"household_id": "H-2", "relation_code": "02"}});
    village.happens("hukou_in", 'd', "2020-05-20", more);
    village.check(&["a: a02 b12 c20", "d: d02"]);
    village.happens("hukou_out", 'a', "2021-05-01", json!({}));
    village.check(&["none: b12 c20 a-02 (a left 2021-05-01)", "d: d02"]);
    // Nobody says in which household they are registered now.
    village.happens("hukou_in", 'a', "2021-05-20", json!({}));
    village.check(&["none: b12 c20 (? unknown)", "d: d02"]);
    assert!(village.book_of('a').is_none());
    village.undo("hukou_in-a-2021-05-20", 'a');
    village.undo("hukou_out-a-2021-05-01", 'a');
    village.check(&["a: a02 b12 c20", "d: d02"]);
    village.happens("emigrate", 'c', "2022-05-01", json!({"country": "FRA"}));
    village.check(&["a: a02 b12 c-20", "d: d02"]);
    village.desk.close();
}

#[test]
fn the_head_to_whom_members_are_tied_is_missed_when_gone() {
    let mut village = Village::new(&[('a', "H-1", "02")]);
    for (letter, relation) in [('b', "12"), ('c', "20")] {
        let items = json!({"household_id": "H-1", "relation_code": relation});
        let load = json!({"items": items, "head": named('a')});
        village.happens("registration", letter, "2010-01-02", load);
    }
    village.happens("hukou_in", 'a', "2021-05-20", json!({"items": {"household_id": "H-2"}}));
    village.check(&["none: b12 c20 (a left 2021-05-20)", "a: a02"]);
    village.happens("head_change", 'b', "2021-06-01", json!({"household_id": "H-1"}));
    village.check(&["b: b02 c20", "a: a02"]);
    // A head of whom nobody says where they are registered leads all the same.
    let load = json!({"items": {"household_id": "H-3", "relation_code": "20"}, "head": named('e')});
    village.happens("registration", 'd', "2010-01-02", load);
    village.tell("e", "observation", data(&named('e'), "2010-01-03", json!({})));
    village.check(&["b: b02 c20", "a: a02", "e: d20"]);
    village.desk.close();
}

#[test]
fn a_head_loses_whoever_is_registered_elsewhere_and_may_be_dead_by_then() {
    let mut village = Village::new(&FAMILY);
    let more = json!({"household_id": "H-1",
        "members": members(&[('b', "12"), ('c', "20"), ('d', "30")])});
    village.happens("head_change", 'a', "2020-05-01", more);
    assert_eq!(village.tied('a', Role::Member), "bcd");
    let more = json!({"items": {"household_id": "H-2", "relation_code": "02"}});
    village.happens("hukou_in", 'd', "2020-06-01", more);
    village.happens("emigrate", 'c', "2020-07-01", json!({"country": "FRA"}));
    assert_eq!(
        (village.tied('a', Role::Member), village.tied('d', Role::Head)),
        ("b".into(), "".into())
    );
    // A household follows its new head before the register hears that the old one is dead.
    let more = json!({"household_id": "H-1", "members": members(&[('e', "97")])});
    village.happens("head_change", 'b', "2021-06-01", more);
    assert_eq!(village.tied('a', Role::Member), "");
    let death = data(&named('a'), "2021-05-01", json!({}));
    let death = village.desk.record("late-death", "death", death);
    assert_eq!(doubts(&death), [""; 0]);
    village.desk.row(village.id('a'));
    village.check(&["b: b02 e97 a+02 c-20", "d: d02"]);
    // What a dead head loses is told of them too.
    let more = json!({"household_id": "H-3"});
    village.happens("hh_split", 'e', "2022-06-01", more);
    village.check(&["b: b02 a+02 c-20", "d: d02", "e: e02"]);
    assert_eq!(village.tied('b', Role::Member), "");
    village.desk.close();
}

#[test]
fn a_record_that_is_absorbed_stands_in_no_household_and_a_split_puts_it_back() {
    let mut village = Village::new(&[('a', "H-1", "02"), ('b', "H-1", "12")]);
    let passport = by("passport", "E99000001");
    let items = json!({"items": {"household_id": "H-1", "relation_code": "12"}});
    let double = village.desk.record("x", "registration", data(&passport, "2011-01-01", items));
    let count = |village: &Village| village.read("H-1").expect("a household").members.len();
    village.desk.row(double.person_id);
    assert_eq!(count(&village), 3);
    let join = json!({"absorbed": passport, "reason": "重复建档", "approved_by": "chief"});
    village.happens("person_merge", 'b', "2026-05-01", join.clone());
    assert_eq!(count(&village), 2);
    village.check(&["a: a02 b12"]);
    village.happens("person_split", 'b', "2026-05-02", join);
    assert_eq!(count(&village), 3);
    village.desk.close();
}

#[test]
fn those_behind_one_door_are_a_household_while_they_live_there() {
    let mut village = Village::new(&FAMILY);
    let home = |plate: &str| {
        json!({"items": {"residence_code": super::desk::PLACE, "residence_address": "一路 1 号",
            "door_plate": plate}})
    };
    for letter in ['a', 'b', 'c'] {
        // The same door, as it may be typed.
        let plate = if letter == 'c' { "３号" } else { "3号" };
        village.happens("residence_change", letter, "2015-01-01", home(plate));
    }
    let living = |village: &Village, letter| {
        let row = village.desk.row(village.id(letter)).expect("known");
        let people = &village.desk.registry().views.people;
        let ids = people.households_of(&row.archive).into_iter();
        let id = ids.filter(|(basis, _)| *basis == Basis::Living).map(|(_, id)| id).next();
        let members = id.map(|id| people.in_household(id, 9).expect("readable"));
        let mut letters: Vec<char> =
            members.into_iter().flatten().map(|person| village.letter(person)).collect();
        letters.sort_unstable();
        letters.into_iter().collect::<String>()
    };
    assert_eq!(living(&village, 'a'), "abc");
    assert_eq!(living(&village, 'd'), "", "where d lives is not known");
    village.happens("residence_change", 'b', "2016-01-01", home("4号"));
    assert_eq!((living(&village, 'a'), living(&village, 'b')), ("ac".into(), "b".into()));
    village.happens("death", 'a', "2017-01-01", json!({}));
    assert_eq!((living(&village, 'a'), living(&village, 'c')), (String::new(), "c".into()));
    village.desk.close();
}
