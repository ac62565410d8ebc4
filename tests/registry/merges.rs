//! Two records of one person are merged and split again: both numbers lead to the survivor, nothing
//! is counted twice, and a split leaves everything as if they had never been merged.

use domain::{Item, PersonId, Position, Role};
use projections::{Archive, Row};
use serde_json::{Value, json};

use super::desk::{Desk, PLACE, by, citizen, data, doubts, fault, items, number, recorded};

/// Ann under her number and, by mistake, under a passport too.
pub struct Twice {
    pub desk: Desk,
    pub card: Value,
    pub passport: Value,
    pub ids: [PersonId; 2],
}

pub fn twice() -> Twice {
    let desk = Desk::new();
    let card = citizen(&number("19900101", 2));
    let passport = by("passport", "E99000001");
    let named = |name: &str, more: Value| {
        let mut items = json!({"full_name": name, "residence_code": PLACE});
        items.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "items": items })
    };
    let one = data(&card, "2020-01-01", named("陈小明", json!({"phone": "1"})));
    let two = data(&passport, "2021-01-01", named("陈晓明", json!({"employer": "甲厂"})));
    let one = desk.record("r-1", "registration", one).person_id;
    let two = desk.record("r-2", "registration", two).person_id;
    Twice { desk, card, passport, ids: [one, two] }
}

pub fn join(person: &Value, absorbed: &Value, more: Value) -> Value {
    let mut join =
        json!({"absorbed": absorbed, "reason": "同一人重复建档", "approved_by": "chief"});
    join.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    data(person, "2026-05-01", join)
}

impl Twice {
    fn merge(&self, id: &str) -> Position {
        let told = join(&self.card, &self.passport, json!({}));
        let accepted = self.desk.record(id, "person_merge", told);
        assert_eq!((accepted.person_id, doubts(&accepted)), (self.ids[0], vec![]));
        accepted.position
    }

    fn split(&self, id: &str) -> Position {
        let told = join(&self.card, &self.passport, json!({}));
        self.desk.record(id, "person_split", told).position
    }

    pub fn rows(&self) -> [Row; 2] {
        self.ids.map(|id| (*self.desk.row(id).expect("a row")).clone())
    }

    /// Who is found in the village, and under each name.
    fn found(&self) -> [Vec<PersonId>; 3] {
        self.rows();
        let people = &self.desk.registry().views.people;
        let place = domain::Place::parse(PLACE).unwrap();
        let mut living: Vec<_> =
            people.living_in(place, None, 10).unwrap().into_iter().map(|(_, id)| id).collect();
        living.sort_unstable();
        [living, people.named("陈小明", 9).unwrap(), people.named("陈晓明", 9).unwrap()]
    }
}

/// What a row says of a person, without how many events say it.
fn said(row: &Row) -> (Archive, Option<PersonId>, Vec<PersonId>, Option<domain::Place>) {
    (row.archive.clone(), row.owner, row.absorbed.clone(), row.place())
}

#[test]
fn both_numbers_lead_to_the_survivor_whose_archive_is_of_both_records() {
    let mut twice = twice();
    let [one, two] = twice.ids;
    twice.merge("m-1");
    let archive = twice.desk.archive(one);
    let held = items(&archive);
    let due = [("full_name", "陈晓明"), ("phone", "1"), ("employer", "甲厂")];
    due.iter().for_each(|(item, text)| assert_eq!(held[item], *text, "{item}"));
    assert_eq!(archive.documents().count(), 2);
    assert_eq!(twice.rows()[1].owner, Some(one));
    assert_eq!(twice.rows()[0].absorbed, [two]);
    // Nobody is counted twice, and the newer name is the survivor's.
    assert_eq!(twice.found(), [vec![one], vec![], vec![one]]);
    let later = |id: &str, person: &Value| {
        let seen = data(person, "2026-05-02", json!({"items": {"phone": id}}));
        let accepted = twice.desk.record(id, "observation", seen);
        assert_eq!(accepted.person_id, one);
        assert_eq!(twice.desk.archive(one).get(Item::Phone), Some(id));
    };
    later("o-1", &twice.passport);
    later("o-2", &json!({"person_id": two}));
    assert_eq!(twice.desk.life(two).len(), 2, "told in the survivor's stream");
    twice.desk.reopen();
    let seen = data(&twice.passport, "2019-01-01", json!({"items": {"door_plate": "1号"}}));
    assert_eq!(twice.desk.record("o-3", "observation", seen).person_id, one);
    assert_eq!(twice.desk.archive(one).get(Item::DoorPlate), Some("1号"));
    let history = replay::history::history(twice.desk.registry().log(), one).unwrap();
    let told: Vec<_> = history.iter().map(|entry| entry.event.envelope.position.0).collect();
    assert_eq!(told, (1..=7).collect::<Vec<_>>());
    let employer =
        history.iter().find(|entry| entry.changes.iter().any(|c| c.item == Item::Employer));
    assert_eq!(employer.unwrap().event.envelope.position, Position(2));
    twice.desk.close();
}

#[test]
fn what_was_sent_before_a_merge_or_split_is_a_duplicate_after_it() {
    use api::registry::Receipt;
    let mut twice = twice();
    let again = |twice: &Twice, id: &str, kind: &str, told: Value| {
        let receipt = twice.desk.send(&[(id, kind, told)]).remove(0);
        assert!(matches!(receipt, Receipt::Duplicate(_)), "{id}: {receipt:?}");
    };
    let items =
        json!({"items": {"full_name": "陈晓明", "residence_code": PLACE, "employer": "甲厂"}});
    let first = data(&twice.passport, "2021-01-01", items);
    let told = join(&twice.card, &twice.passport, json!({}));
    twice.merge("m-1");
    let seen = data(&twice.passport, "2026-05-02", json!({"items": {"phone": "2"}}));
    twice.desk.record("o-1", "observation", seen.clone());
    twice.desk.reopen();
    again(&twice, "r-2", "registration", first.clone());
    again(&twice, "m-1", "person_merge", told);
    twice.split("s-1");
    twice.desk.reopen();
    again(&twice, "r-2", "registration", first);
    again(&twice, "o-1", "observation", seen);
    twice.desk.close();
}

#[test]
fn a_split_leaves_everything_as_if_never_merged_and_the_log_keeps_both() {
    let twice = twice();
    let (rows, found) = (twice.rows(), twice.found());
    let known_before = twice.desk.life(twice.ids[1])[0].envelope.clocks.recorded_at;
    let merged = twice.merge("m-1");
    let undone = json!({"undoes": 99});
    let refused = join(&twice.card, &twice.passport, undone);
    assert_eq!(
        twice.desk.refuse("s-0", "person_split", refused),
        fault("not_merged", "/data/absorbed")
    );
    let named = join(&twice.card, &twice.passport, json!({"undoes": merged.0}));
    twice.desk.record("s-1", "person_split", named);
    assert_eq!(twice.found(), found);
    for (now, then) in twice.rows().iter().zip(&rows) {
        assert_eq!(said(now), said(then));
    }
    assert_eq!(twice.desk.life(twice.ids[0]).len(), 3);
    assert_eq!(twice.desk.life(twice.ids[0])[2].envelope.corrects, merged);
    let log = twice.desk.registry().log();
    let then = |at, id| replay::history::known_then(log, id, Some(at)).unwrap().unwrap();
    let merged_at = twice.desk.life(twice.ids[0])[1].envelope.clocks.recorded_at;
    let [one, two] = twice.ids;
    assert_eq!(then(known_before, two), (two, vec![]));
    assert_eq!(then(merged_at, two), (one, vec![two]));
    assert_eq!(then(jiff::Timestamp::now().max(merged_at), one), (one, vec![]));
    let as_of = |at| replay::history::as_of(log, one, None, Some(at)).unwrap().unwrap();
    assert_eq!(as_of(known_before), rows[0].archive);
    assert_eq!(as_of(merged_at).get(Item::Employer), Some("甲厂"));
    // Again, and again apart.
    twice.merge("m-2");
    twice.split("s-2");
    assert_eq!(twice.rows().map(|row| said(&row)), rows.map(|row| said(&row)));
    twice.desk.close();
}

#[test]
fn what_is_told_between_stays_in_the_survivors_record() {
    let twice = twice();
    twice.merge("m-1");
    let seen = data(&twice.passport, "2026-05-02", json!({"items": {"phone": "2"}}));
    twice.desk.record("o-1", "observation", seen);
    twice.split("s-1");
    assert_eq!(twice.desk.archive(twice.ids[0]).get(Item::Phone), Some("2"));
    assert_eq!(twice.desk.archive(twice.ids[1]).get(Item::Phone), None);
    let seen = data(&twice.passport, "2026-05-03", json!({"items": {"phone": "3"}}));
    assert_eq!(twice.desk.record("o-2", "observation", seen).person_id, twice.ids[1]);
    twice.desk.close();
}

#[test]
fn corrections_find_what_was_told_before_the_merge_and_go_with_it() {
    let twice = twice();
    twice.merge("m-1");
    let correct = |id: &str, person: &Value, more: Value| {
        let mut told = json!({"reason": "笔误", "approved_by": "chief"});
        told.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let accepted = twice.desk.record(id, "correction", data(person, "2026-05-02", told));
        assert_eq!(accepted.person_id, twice.ids[0]);
    };
    correct("c-1", &twice.passport, json!({"corrects": "r-2", "items": {"employer": "乙厂"}}));
    assert_eq!(twice.desk.archive(twice.ids[0]).get(Item::Employer), Some("乙厂"));
    correct("c-2", &twice.card, json!({"corrects": 2, "items": {"employer": "丙厂"}}));
    assert_eq!(twice.desk.archive(twice.ids[0]).get(Item::Employer), Some("丙厂"));
    let annul = json!({"annuls": "c-2", "reason": "误报", "approved_by": "chief"});
    twice.desk.record("a-1", "annulment", data(&twice.card, "2026-05-03", annul));
    assert_eq!(twice.desk.archive(twice.ids[0]).get(Item::Employer), Some("乙厂"));
    let unknown = json!({"annuls": "c-9", "reason": "误报", "approved_by": "chief"});
    let refused = twice.desk.refuse("a-9", "annulment", data(&twice.card, "2026-05-03", unknown));
    assert_eq!(refused, fault("target_unknown", "/data/corrects"));
    twice.split("s-1");
    let [one, two] = twice.ids.map(|id| twice.desk.archive(id));
    assert_eq!((one.get(Item::Employer), two.get(Item::Employer)), (None, Some("乙厂")));
    twice.desk.close();
}

#[test]
fn what_cannot_be_merged_or_split_is_refused_by_name() {
    let twice = twice();
    let (card, passport) = (&twice.card, &twice.passport);
    let third = by("passport", "E99000003");
    let third_told = data(&third, "2020-01-01", json!({}));
    twice.desk.record("r-3", "registration", third_told);
    let nobody = by("passport", "E99000009");
    let refuse = |id: &str, kind: &str, told: Value| twice.desk.refuse(id, kind, told);
    let at = |code: &str| fault(code, "/data/absorbed");
    let plain = |person: &Value, absorbed: &Value| join(person, absorbed, json!({}));
    assert_eq!(refuse("1", "person_merge", plain(card, &nobody)), at("person_unknown"));
    assert_eq!(
        refuse("2", "person_merge", plain(&nobody, card)),
        fault("person_unknown", "/data/person")
    );
    assert_eq!(refuse("3", "person_merge", plain(card, card)), at("same_person"));
    assert_eq!(refuse("4", "person_split", plain(card, passport)), at("not_merged"));
    let own = join(card, passport, json!({"approved_by": "clerk"}));
    assert_eq!(refuse("5", "person_merge", own), fault("approver_is_actor", "/data/approved_by"));
    for name in ["absorbed", "reason", "approved_by"] {
        let mut told = plain(card, passport);
        told.as_object_mut().unwrap().remove(name);
        assert_eq!(refuse(name, "person_merge", told), fault("missing", &format!("/data/{name}")));
    }
    twice.merge("m-1");
    assert_eq!(refuse("6", "person_merge", plain(card, passport)), at("already_merged"));
    assert_eq!(refuse("9", "person_merge", plain(passport, card)), at("same_person"));
    assert_eq!(refuse("10", "person_split", plain(&third, passport)), at("not_merged"));
    assert_eq!(twice.desk.life(twice.ids[1]).len(), 2, "all or nothing");
    // The absorbed number names the survivor, who may absorb a third record.
    let more = twice.desk.record("m-2", "person_merge", plain(passport, &third));
    assert_eq!(more.person_id, twice.ids[0]);
    assert_eq!(twice.rows()[0].absorbed.len(), 2);
    twice.desk.close();
}

#[test]
fn records_that_contradict_each_other_are_merged_and_doubted() {
    let desk = Desk::new();
    let (one, two) = (by("passport", "E99000001"), by("passport", "E99000002"));
    let born = |day: &str| json!({"items": {"birth_date": day}});
    desk.record("r-1", "registration", data(&one, "2020-01-01", born("1990-01-01")));
    desk.record("r-2", "registration", data(&two, "2020-01-01", born("1990-01-02")));
    let merged = desk.record("m-1", "person_merge", join(&one, &two, json!({})));
    assert_eq!(doubts(&merged), ["merged_facts_differ"]);
    assert_eq!(merged.flags[0].items, ["birth_date"]);
    // The date of birth is another one now: the rules that read it are asked again.
    let book = domain::rules::RuleBook::in_force(jiff::civil::date(2026, 6, 1));
    for flag in &merged.flags[1..] {
        let rule = domain::rules::RuleId::parse(&flag.rule).and_then(|id| book.rule(id));
        let reads = rule.expect("an audit rule").reads;
        assert!(reads.contains(domain::rules::Field::Item(Item::BirthDate)), "{}", flag.rule);
    }
    desk.close();
}

#[test]
fn records_of_two_sexes_or_of_two_marriages_at_a_time_are_merged_and_doubted() {
    let desk = Desk::new();
    let named = |serial: u32| by("passport", &format!("E9900{serial:04}"));
    let sex = |sex: &str| json!({"items": {"sex": sex}});
    desk.record("r-1", "registration", data(&named(1), "2010-01-01", sex("1")));
    desk.record("r-2", "registration", data(&named(2), "2010-01-01", sex("2")));
    let merged = desk.record("m-1", "person_merge", join(&named(1), &named(2), json!({})));
    assert_eq!(
        (doubts(&merged), &merged.flags[0].items[..]),
        (vec!["merged_facts_differ"], &["sex"][..])
    );
    let wed = |id: &str, who: u32, spouse: u32, on: &str| {
        let wed = data(&named(who), on, json!({"spouse": named(spouse)}));
        desk.record(id, "marry_first", wed);
    };
    let merge = |id: &str, who: u32, absorbed: u32| {
        let merged = join(&named(who), &named(absorbed), json!({}));
        desk.record(id, "person_merge", merged).flags
    };
    wed("w-1", 3, 4, "2015-01-01");
    wed("w-2", 5, 6, "2018-01-01");
    let divorced = data(&named(3), "2018-01-01", json!({"spouse": named(4)}));
    desk.record("v-1", "divorce_reg", divorced);
    assert_eq!(merge("m-2", 3, 5), [], "one after the other");
    wed("w-3", 7, 8, "2015-01-01");
    wed("w-4", 9, 10, "2018-01-01");
    let flags = merge("m-3", 7, 9);
    assert_eq!(flags[0].items, ["marital_code"]);
    // What is sent in one batch is known as well.
    let told = [
        ("r-11", "registration", data(&named(11), "2010-01-01", sex("1"))),
        ("r-12", "registration", data(&named(12), "2010-01-01", sex("2"))),
        ("m-4", "person_merge", join(&named(11), &named(12), json!({}))),
    ];
    let receipts = desk.send(&told);
    assert_eq!(doubts(recorded(&receipts[2])), ["merged_facts_differ"]);
    desk.close();
}

#[test]
fn what_is_decided_about_the_survivor_is_decided_over_both_records() {
    let twice = twice();
    let died = data(&twice.passport, "2022-01-01", json!({}));
    twice.desk.record("d-1", "death", died);
    twice.merge("m-1");
    let other = data(&twice.card, "2022-02-02", json!({}));
    let refused = fault("already_dead", "/data/occurred_on");
    assert_eq!(twice.desk.refuse("d-2", "death", other.clone()), refused);
    let moved = data(&twice.card, "2023-01-01", json!({}));
    assert_eq!(
        twice.desk.refuse("l-1", "leave", moved.clone()),
        fault("after_death", "/data/occurred_on")
    );
    twice.split("s-1");
    twice.desk.record("l-2", "leave", moved);
    assert!(!twice.desk.archive(twice.ids[0]).is_dead);
    assert!(twice.desk.archive(twice.ids[1]).is_dead);
    twice.desk.close();
}

#[test]
fn a_tie_that_began_with_the_absorbed_record_is_ended_by_the_survivor() {
    let twice = twice();
    let ben = number("19890101", 1);
    let ben_id = twice.desk.stream_of_citizen(&ben);
    let wed = data(&twice.passport, "2022-01-01", json!({"spouse": citizen(&ben)}));
    twice.desk.record("w-1", "marry_first", wed);
    twice.merge("m-1");
    let divorced = data(&citizen(&ben), "2024-01-01", json!({"spouse": twice.card}));
    let divorced = twice.desk.record("v-1", "divorce_reg", divorced);
    assert!(!doubts(&divorced).contains(&"marriage_not_on_record"), "{divorced:?}");
    for id in [twice.ids[0], ben_id] {
        let archive = twice.desk.archive(id);
        let open = archive.links().iter().filter(|l| l.role == Role::Spouse && l.ended.is_none());
        assert_eq!((open.count(), archive.get(Item::MaritalStatus)), (0, Some("40")));
    }
    twice.desk.close();
}

#[test]
fn a_wrongly_claimed_number_is_taken_back_and_given_to_whom_it_belongs() {
    let desk = Desk::new();
    let (ann, ben) = (by("passport", "E99000001"), by("passport", "E99000002"));
    let card = number("19900101", 2);
    let stated = || json!({"items": {"citizen_id": card}});
    let wrong = desk.record("r-1", "registration", data(&ann, "2020-01-01", stated())).person_id;
    let right = desk.record("r-2", "registration", data(&ben, "2020-01-01", json!({}))).person_id;
    let number = desk.stream_of_citizen(&card);
    assert_eq!(desk.row(number).unwrap().owner, Some(wrong));
    let take_back = join(&ann, &citizen(&card), json!({}));
    desk.record("s-1", "person_split", take_back.clone());
    assert_eq!(desk.row(number).unwrap().owner, None);
    assert_eq!(desk.row(number).unwrap().place(), None, "nobody is counted by it");
    let again = desk.refuse("s-2", "person_split", take_back);
    assert_eq!(again, fault("not_merged", "/data/absorbed"));
    let claimed = desk.record("o-1", "observation", data(&ben, "2026-05-02", stated()));
    assert_eq!((claimed.person_id, doubts(&claimed)), (right, vec![]));
    let seen = data(&citizen(&card), "2026-05-03", json!({"items": {"phone": "7"}}));
    assert_eq!(desk.record("o-2", "observation", seen).person_id, right);
    assert_eq!(desk.row(number).unwrap().owner, Some(right));
    desk.close();
}
