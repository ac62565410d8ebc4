//! Records that are merged one after another, taken apart and put together again in any order, and
//! whose merges and splits are annulled: held against a register that only remembers which merge
//! and split of a record was told last and stands.

use std::collections::BTreeSet;

use api::registry::Receipt;
use domain::recorded::Recorded;
use domain::{Item, PersonId};
use jiff::Timestamp;
use projections::Archive;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::across;
use super::desk::{Desk, PLACE, by, data, fault, recorded};
use super::merges::join;

const RECORDS: usize = 5;

/// What a clerk does; the numbers choose among what there is.
#[derive(Clone, Copy, Debug)]
enum Act {
    Merge(usize, usize),
    /// Of a record, told by another one of the same person.
    Split(usize, usize),
    /// Of a merge or split, or of what annulled one.
    Annul(usize),
    Seen(usize),
    /// Of what was seen.
    Correct(usize),
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    let at = || 0..RECORDS;
    prop_oneof![
        5 => (at(), at()).prop_map(|(one, other)| Act::Merge(one, other)),
        3 => (at(), at()).prop_map(|(one, other)| Act::Split(one, other)),
        4 => (0..9_usize).prop_map(Act::Annul),
        3 => at().prop_map(Act::Seen),
        1 => (0..9_usize).prop_map(Act::Correct),
        1 => Just(Act::Reopen),
    ]
}

/// A merge or split, or what annuls one, by the id under which it was sent.
#[derive(Clone, Debug)]
enum Said {
    Joined { survivor: usize, absorbed: usize, merges: bool },
    Annulled(usize),
}

/// What stands by definition.
#[derive(Clone, Default)]
struct Model {
    said: Vec<Said>,
}

impl Model {
    fn stands(&self, at: usize) -> bool {
        let annuls = |other: usize| matches!(self.said[other], Said::Annulled(of) if of == at);
        !(at + 1..self.said.len()).any(|other| annuls(other) && self.stands(other))
    }

    fn root(&self, at: usize) -> usize {
        match self.said[at] {
            Said::Annulled(of) => self.root(of),
            Said::Joined { .. } => at,
        }
    }

    /// The merges and splits of a record that stand: place, survivor, whether it is a merge.
    fn joins_of(&self, record: usize) -> Vec<(usize, usize, bool)> {
        let joins = self.said.iter().enumerate().filter_map(|(at, said)| match said {
            Said::Joined { survivor, absorbed, merges } if *absorbed == record => {
                Some((at, *survivor, *merges))
            }
            _ => None,
        });
        joins.filter(|(at, ..)| self.stands(*at)).collect()
    }

    fn owner(&self, record: usize) -> Option<usize> {
        let (_, survivor, merges) = self.joins_of(record).pop()?;
        merges.then_some(survivor)
    }

    fn top(&self, record: usize) -> usize {
        self.owner(record).map_or(record, |owner| self.top(owner))
    }

    fn group(&self, record: usize) -> BTreeSet<usize> {
        (0..RECORDS).filter(|other| self.top(*other) == record).collect()
    }

    /// Whether what was said may be annulled: the newest of a record that stands or stood, when
    /// nobody belongs to two by it and nobody to themselves.
    fn may_annul(&self, at: usize) -> bool {
        let Said::Joined { survivor, absorbed, .. } = self.said[self.root(at)] else { panic!() };
        let is_newest = self.joins_of(absorbed).iter().all(|join| join.0 <= self.root(at));
        let mut then = self.clone();
        then.said.push(Said::Annulled(at));
        let (before, after) = (self.owner(absorbed), then.owner(absorbed));
        let is_moved = before.is_some() && after.is_some() && before != after;
        let is_circle = before.is_none() && self.top(survivor) == absorbed;
        self.stands(at) && is_newest && !is_moved && !is_circle
    }
}

/// Some records, each under a passport.
pub struct Ground {
    pub desk: Desk,
    pub ids: Vec<PersonId>,
    model: Model,
    /// Under which id each of what the model knows was sent.
    ids_of_said: Vec<String>,
    sent: usize,
    /// Ids of what was seen, and of whom it was told.
    seen: Vec<(String, usize)>,
    /// What stood after each instant.
    known: Vec<(Timestamp, Model)>,
}

/// The passport of a record.
pub fn document(record: usize) -> Value {
    by("passport", &format!("E9900000{record}"))
}

impl Ground {
    pub fn new() -> Self {
        let desk = Desk::new();
        let mut ids = Vec::new();
        for record in 0..RECORDS {
            // Each second one looks like the first.
            let items = json!({"full_name": format!("陈{}", record % 2), "sex": "1",
                "birth_date": "1990-01-01", "residence_code": PLACE});
            let items = json!({ "items": items });
            let told = data(&document(record), "2020-01-01", items);
            ids.push(desk.record(&format!("r-{record}"), "registration", told).person_id);
        }
        let (model, ids_of_said) = (Model::default(), Vec::new());
        Self { desk, ids, model, ids_of_said, sent: 0, seen: Vec::new(), known: Vec::new() }
    }

    fn send(&mut self, id: &str, kind: &str, told: Value, is_allowed: bool, why: &str) -> bool {
        let receipt = self.desk.send(&[(id, kind, told)]).remove(0);
        let is_taken = matches!(receipt, Receipt::Recorded(_));
        assert_eq!(is_taken, is_allowed, "{why}: {receipt:?} after {:?}", self.model.said);
        if let Receipt::Recorded(accepted) = receipt {
            self.known.push((accepted.recorded_at, self.model.clone()));
        }
        is_taken
    }

    fn act(&mut self, act: Act) {
        let id = format!("e-{}", self.sent);
        let why = format!("{act:?}");
        let model = self.model.clone();
        match act {
            Act::Merge(one, other) => {
                let (survivor, absorbed) = (model.top(one), model.top(other));
                let told = join(&document(one), &document(other), json!({}));
                let said = Said::Joined { survivor, absorbed, merges: true };
                self.say(&id, "person_merge", told, said, survivor != absorbed, &why);
            }
            Act::Split(by, record) => {
                let owner = model.owner(record);
                let is_theirs = owner.is_some() && model.top(by) == model.top(record);
                let told = join(&document(by), &document(record), json!({}));
                let survivor = owner.unwrap_or_default();
                let said = Said::Joined { survivor, absorbed: record, merges: false };
                self.say(&id, "person_split", told, said, is_theirs, &why);
            }
            Act::Annul(back) => {
                let Some(at) = model.said.len().checked_sub(back + 1) else { return };
                let Said::Joined { survivor, .. } = model.said[model.root(at)] else { panic!() };
                let told = json!({"annuls": self.ids_of_said[at], "reason": "误报",
                    "approved_by": "chief"});
                let told = data(&document(survivor), "2026-05-03", told);
                let is_allowed = model.may_annul(at);
                self.say(&id, "annulment", told, Said::Annulled(at), is_allowed, &why);
            }
            Act::Seen(record) => {
                let items = json!({"items": {"phone": self.sent.to_string()}});
                let told = data(&document(record), "2026-05-02", items);
                self.send(&id, "observation", told, true, &why);
                self.seen.push((id, model.top(record)));
            }
            Act::Correct(back) => {
                let Some(at) = self.seen.len().checked_sub(back + 1) else { return };
                let (seen, whose) = self.seen[at].clone();
                let told = json!({"corrects": seen, "reason": "笔误", "approved_by": "chief",
                    "items": {"phone": format!("9{}", self.sent)}});
                let told = data(&document(whose), "2026-05-03", told);
                self.send(&id, "correction", told, true, &why);
            }
            Act::Reopen => self.desk.reopen(),
        }
        self.sent += 1;
        self.check(&why);
    }

    /// Sends a merge or split, or what annuls one, and remembers it when it is taken.
    fn say(&mut self, id: &str, kind: &str, told: Value, said: Said, is_allowed: bool, why: &str) {
        let before = self.model.clone();
        self.model.said.push(said);
        if self.send(id, kind, told, is_allowed, why) {
            self.ids_of_said.push(id.to_owned());
        } else {
            self.model = before;
        }
    }

    fn life(&self, group: &BTreeSet<usize>) -> Vec<Recorded> {
        let mut life: Vec<_> =
            group.iter().flat_map(|record| self.desk.life(self.ids[*record])).collect();
        life.sort_by_key(|event| event.envelope.position);
        life
    }

    /// Rows, whose they are, and who is found, are what the model says.
    fn check(&self, why: &str) {
        let mut living = Vec::new();
        for record in 0..RECORDS {
            let row = self.desk.row(self.ids[record]).expect("a row");
            let owner = self.model.owner(record).map(|owner| self.ids[owner]);
            assert_eq!(row.owner, owner, "{why}: {record} of {:?}", self.model.said);
            if owner.is_some() {
                continue;
            }
            living.push(self.ids[record]);
            let group = self.model.group(record);
            let mut absorbed = row.absorbed.clone();
            absorbed.sort_unstable();
            let others = group.iter().filter(|other| **other != record);
            let mut due: Vec<_> = others.map(|other| self.ids[*other]).collect();
            due.sort_unstable();
            assert_eq!(absorbed, due, "{why}");
            let life = self.life(&group);
            assert_eq!(
                self.desk.archive(self.ids[record]),
                Archive::of(&life, None, None),
                "{why}"
            );
            let last = life.last().expect("an event").envelope.position;
            assert_eq!((row.version, row.events), (last, life.len() as u32), "{why}");
        }
        living.sort_unstable();
        let people = &self.desk.registry().views.people;
        let found = people.living_in(domain::Place::parse(PLACE).unwrap(), None, 10).unwrap();
        let mut found: Vec<_> = found.into_iter().map(|(_, id)| id).collect();
        found.sort_unstable();
        assert_eq!(found, living, "{why}");
    }

    /// At every instant each record told whose life it told then, and a history is of all of them.
    fn check_then(&self) {
        let log = self.desk.registry().log();
        for (at, model) in &self.known {
            for record in 0..RECORDS {
                let then = replay::history::known_then(log, self.ids[record], Some(*at)).unwrap();
                let (top, mut absorbed) = then.expect("registered first");
                assert_eq!(top, self.ids[model.top(record)]);
                absorbed.push(top);
                absorbed.sort_unstable();
                let group = model.group(model.top(record));
                let mut due: Vec<_> = group.iter().map(|one| self.ids[*one]).collect();
                due.sort_unstable();
                assert_eq!(absorbed, due);
                let life = self.life(&group);
                let known = life.partition_point(|e| e.envelope.clocks.recorded_at <= *at);
                let archive = replay::history::as_of(log, top, None, Some(*at)).unwrap();
                assert_eq!(archive, Some(Archive::of(&life[..known], None, None)));
            }
        }
        for record in (0..RECORDS).filter(|record| self.model.owner(*record).is_none()) {
            let group = self.model.group(record);
            let history = replay::history::history(log, self.ids[record]).unwrap();
            let told: Vec<_> = history.iter().map(|entry| entry.event.envelope.position).collect();
            let life = self.life(&group);
            assert_eq!(told, life.iter().map(|e| e.envelope.position).collect::<Vec<_>>());
        }
    }
}

#[test]
fn records_merged_one_after_another_are_one_person_and_come_apart_link_by_link() {
    let config = Config { cases: 6, failure_persistence: None, ..Config::default() };
    let acts = prop::collection::vec(act(), 15..35);
    let tested = TestRunner::new(config).run(&acts, |acts| {
        let mut ground = Ground::new();
        acts.into_iter().for_each(|act| ground.act(act));
        ground.check_then();
        across::seen(&ground.desk);
        assert_eq!(across::differing(&ground.desk), []);
        ground.desk.close();
        Ok(())
    });
    tested.unwrap_or_else(|error| panic!("{error}"));
}

/// Sends a merge or split of two records, by their numbers.
pub fn told(desk: &Desk, id: &str, kind: &str, one: usize, other: usize) -> PersonId {
    desk.record(id, kind, join(&document(one), &document(other), json!({}))).person_id
}

/// Annuls what was sent, named by a record.
pub fn annul(ground: &Ground, id: &str, whose: usize, what: &str) {
    let told = json!({"annuls": what, "reason": "误报", "approved_by": "chief"});
    ground.desk.record(id, "annulment", data(&document(whose), "2026-05-03", told));
}

fn told_names(ground: &Ground) -> Vec<Option<String>> {
    let name = |id: &PersonId| ground.desk.archive(*id).get(Item::FullName).map(str::to_owned);
    ground.ids.iter().map(name).collect()
}

#[test]
fn a_chain_that_is_annulled_or_split_link_by_link_leaves_all_as_if_never_merged() {
    let ground = Ground::new();
    let desk = &ground.desk;
    let before = told_names(&ground);
    assert_eq!(told(desk, "m-1", "person_merge", 1, 0), ground.ids[1]);
    assert_eq!(told(desk, "m-2", "person_merge", 2, 1), ground.ids[2]);
    // Any number of the three names the last one, who is merged by it.
    assert_eq!(told(desk, "m-3", "person_merge", 3, 0), ground.ids[3]);
    let seen = data(&document(0), "2026-05-02", json!({"items": {"phone": "1"}}));
    assert_eq!(recorded(&desk.send(&[("o-1", "observation", seen)])[0]).person_id, ground.ids[3]);
    assert_eq!(desk.row(ground.ids[3]).unwrap().absorbed.len(), 3);
    // A split takes one record out, with what was absorbed into it, wherever it is in the chain.
    told(desk, "s-1", "person_split", 3, 1);
    assert_eq!(desk.row(ground.ids[1]).unwrap().absorbed, [ground.ids[0]]);
    assert_eq!(desk.row(ground.ids[3]).unwrap().absorbed, [ground.ids[2]]);
    let again = join(&document(3), &document(0), json!({}));
    assert_eq!(
        desk.refuse("s-2", "person_split", again),
        fault("not_merged", "/data/absorbed"),
        "they are of another person now"
    );
    // The split was the mistake.
    annul(&ground, "a-1", 2, "s-1");
    assert_eq!(desk.row(ground.ids[3]).unwrap().absorbed.len(), 3);
    for (id, whose, what) in [("a-2", 1, "m-1"), ("a-3", 2, "m-2"), ("a-4", 3, "m-3")] {
        annul(&ground, id, whose, what);
    }
    assert_eq!(told_names(&ground), before);
    assert!(ground.ids.iter().all(|id| desk.row(*id).unwrap().owner.is_none()));
    ground.desk.close();
}

#[test]
fn merges_are_annulled_in_order_by_two_and_corrected() {
    let ground = Ground::new();
    let desk = &ground.desk;
    told(desk, "m-1", "person_merge", 1, 0);
    told(desk, "s-1", "person_split", 1, 0);
    let refuse = |id: &str, kind: &str, whose: usize, more: Value| {
        let mut told = json!({"reason": "误报", "approved_by": "chief"});
        told.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        desk.refuse(id, kind, data(&document(whose), "2026-05-03", told))
    };
    // What came after it stands.
    let refused = refuse("a-1", "annulment", 1, json!({"annuls": "m-1"}));
    assert_eq!(refused[0].0, "not_merged");
    told(desk, "m-2", "person_merge", 2, 0);
    let refused = refuse("a-2", "annulment", 1, json!({"annuls": "s-1"}));
    assert_eq!(refused[0].0, "already_merged", "nobody belongs to two");
    let own = json!({"annuls": "m-2", "approved_by": "clerk"});
    assert_eq!(refuse("a-3", "annulment", 2, own)[0].0, "approver_is_actor");
    // Whoever was absorbed absorbs the other one: the first merge does not come back.
    annul(&ground, "a-4", 2, "m-2");
    told(desk, "m-3", "person_merge", 0, 1);
    let refused = refuse("a-5", "annulment", 1, json!({"annuls": "s-1"}));
    assert_eq!(refused[0].0, "already_merged", "nobody belongs to themselves");
    // The day of a merge is corrected, and its standing stays.
    let day = json!({"corrects": "m-3", "true_day": "2026-04-01", "reason": "核对",
        "approved_by": "chief"});
    desk.record("c-1", "correction", data(&document(0), "2026-05-03", day));
    assert_eq!(desk.row(ground.ids[1]).unwrap().owner, Some(ground.ids[0]));
    let last = desk.life(ground.ids[1]).pop().unwrap().envelope;
    assert_eq!(last.clocks.occurred_on.to_string(), "2026-04-01", "told on both sides");
    ground.desk.close();
}
