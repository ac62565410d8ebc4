//! Random lives of which two are merged and split: live rows equal whole ones however they were
//! folded, and a split leaves everything as if there had been no merge.

use std::borrow::Cow;
use std::error::Error;

use cqrs_es::Aggregate;
use domain::recorded::Recorded;
use domain::{
    Kind, LifeEvent, Payload, Person, PersonEvent, PersonId, Place, Position, Record, Role,
};
use jiff::civil::Date;
use projections::{Archive, Lives, Views, archive};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::archive_axes::{fold_in_batches, open};
use crate::archive_lives::{PERSONS, drawn, lives, person, recorded};
use crate::archive_naive::Step;

const SURVIVOR: usize = 0;
const ABSORBED: usize = 1;

/// The histories of all, as a log would give them.
#[derive(Clone)]
struct Log(Vec<Vec<Recorded>>);

impl Log {
    fn stream(&self, whose: PersonId, up_to: Position) -> Vec<Recorded> {
        let number = (0..PERSONS).find(|number| person(*number) == whose).expect("a person");
        let life = self.0[number].iter();
        life.take_while(|event| event.envelope.position <= up_to).cloned().collect()
    }

    fn in_order(&self) -> Vec<Recorded> {
        let mut all: Vec<_> = self.0.iter().flatten().cloned().collect();
        all.sort_by_key(|event| event.envelope.position);
        all
    }
}

impl Lives for Log {
    fn life(
        &self,
        whose: PersonId,
        up_to: Position,
    ) -> Result<Cow<'_, [Recorded]>, Box<dyn Error + Send + Sync>> {
        let mut life = self.stream(whose, up_to);
        for absorbed in archive::absorbed(&life) {
            life.extend(self.stream(absorbed, up_to));
        }
        life.sort_by_key(|event| event.envelope.position);
        Ok(life.into())
    }
}

/// A merge or split in one of the two records.
fn join(kind: Kind, side: bool, position: u64, recorded: i64) -> Step {
    let related = match side {
        true => (Role::Survivor, person(SURVIVOR)),
        false => (Role::Absorbed, person(ABSORBED)),
    };
    Step {
        position,
        recorded,
        kind,
        side,
        day: jiff::civil::date(1970, 1, 1),
        place: "990102",
        items: Default::default(),
        related: vec![related],
        topic: None,
        fields: serde_json::Map::new(),
        department: "POL",
        channel: "OW",
        document: None,
        target: None,
        true_day: None,
    }
}

/// The lives with a merge after the event at `merged`, and a split after the one at `split`.
fn log(steps: &[Vec<Step>], merged: Option<u64>, split: Option<u64>) -> Log {
    let mut lives = steps.to_vec();
    lives.iter_mut().flatten().for_each(|step| step.position *= 10);
    let mut tell = |kind, after: u64| {
        let before = lives.iter().flatten().filter(|step| step.position <= after * 10);
        let at = before.map(|step| step.recorded).max().unwrap_or(0);
        for (number, side) in [(SURVIVOR, false), (ABSORBED, true)] {
            let place = 2 * u64::from(kind == Kind::PersonSplit) + u64::from(side) + 1;
            let step = join(kind, side, after * 10 + place, at);
            let life = &mut lives[number];
            let place = life.partition_point(|known| known.position < step.position);
            life.insert(place, step);
            let moved = |target: &mut usize| *target += usize::from(*target >= place);
            life.iter_mut().filter_map(|step| step.target.as_mut()).for_each(moved);
        }
    };
    merged.into_iter().for_each(|after| tell(Kind::PersonMerge, after));
    split.into_iter().for_each(|after| tell(Kind::PersonSplit, after));
    let recorded = lives.iter().enumerate();
    Log(recorded.map(|(number, life)| recorded_of(life, number)).collect())
}

fn recorded_of(life: &[Step], number: usize) -> Vec<Recorded> {
    recorded(life, person(number))
}

/// An archive, whose the record is, and which records are absorbed into it.
type Said = (Archive, Option<PersonId>, Vec<PersonId>);

/// What is found of everybody.
#[derive(Debug, PartialEq)]
struct Found {
    rows: Vec<Option<Said>>,
    named: Vec<Vec<PersonId>>,
    places: Vec<(Place, PersonId)>,
}

fn found(views: &Views) -> Found {
    let row = |number| views.people.row(person(number)).expect("readable");
    let said = |number| row(number).map(|r| (r.archive.clone(), r.owner, r.absorbed.clone()));
    let place = Place::parse("99").unwrap();
    Found {
        rows: (0..PERSONS).map(said).collect(),
        named: ["甲", "乙"].map(|name| views.people.named(name, 9).unwrap()).to_vec(),
        places: views.people.living_in(place, None, 9).unwrap(),
    }
}

/// Folds in batches, some of them twice and some flushed; gives what is found and the digests.
fn folded(log: &Log, cuts: &[(u8, u8)]) -> (Found, Vec<(&'static str, [u8; 32])>) {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("views");
    let views = fold_in_batches(&folder, &log.in_order(), log, cuts, |views, last| {
        for number in 0..PERSONS {
            let row = views.people.row(person(number)).expect("readable");
            let life = log.life(person(number), last).expect("a life");
            let due = (!life.is_empty()).then(|| Archive::of(&life, None, None));
            assert_eq!(row.map(|row| row.archive.clone()), due);
        }
    });
    views.flush().expect("flushed");
    let digests = views.digests().expect("digests").views;
    (found(&views), digests)
}

/// As [`folded`], each life in one piece.
fn filled(log: &Log) -> Vec<(&'static str, [u8; 32])> {
    let place = tempfile::tempdir().expect("a folder");
    let views = open(&place.path().join("views"));
    let all = log.in_order();
    let last = all.last().map_or(Position(0), |event| event.envelope.position);
    views.measure(&all).expect("measured");
    views.people.begin_filling();
    let persons: Vec<_> = (0..PERSONS).filter(|n| !log.0[*n].is_empty()).map(person).collect();
    let rows = views.people.fill(&persons, |id| Ok((*id, log.life(*id, last)?.into_owned())), log);
    let rows = rows.expect("filled");
    views.people.keep_filled(rows).expect("kept");
    views.people.end_filling(last);
    views.flush().expect("flushed");
    views.digests().expect("digests").views
}

/// A person as the one who decides knows them.
fn known(life: &[Recorded]) -> Person {
    let mut person = Person::default();
    for event in life {
        person.apply(told(event));
    }
    person
}

pub fn told(event: &Recorded) -> PersonEvent {
    PersonEvent {
        number: event.envelope.event_type.number,
        key: event.envelope.key,
        occurred_on: event.envelope.clocks.occurred_on,
        department: event.envelope.department,
        channel: event.envelope.channel,
        life: event
            .payload
            .as_ref()
            .and_then(|payload| payload.life())
            .cloned()
            .unwrap_or_default(),
    }
}

/// What is decided and doubted of every fact of all lives, told to this one.
fn decisions(person: &Person, own_id: PersonId, facts: &[Recorded]) -> Vec<String> {
    let facts = facts.iter().map(told).filter(|event| {
        let (kind, _) = event.kind();
        !kind.acts_on_another() && !kind.joins_or_parts()
    });
    let decided = facts.map(|event| {
        let record = Record { event, actor: "clerk".into(), spouse_died_on: None, own_id };
        format!("{:?} {:?}", person.decide(&record), person.doubts(&record, None))
    });
    decided.collect()
}

fn run(test: impl Fn(&[Vec<Step>], u64, &[(u8, u8)]) -> Result<(), TestCaseError>) {
    let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
    let cuts = prop::collection::vec((1..8_u8, 0..6_u8), 1..6);
    let drawn = (drawn(50), any::<prop::sample::Index>(), cuts);
    let tested = TestRunner::new(config).run(&drawn, |(drawn, at, cuts)| {
        let lives = lives(&drawn);
        prop_assume!(!lives[SURVIVOR].is_empty() && !lives[ABSORBED].is_empty());
        test(&lives, at.index(drawn.len()) as u64 + 1, &cuts)
    });
    tested.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn merged_rows_are_of_all_streams_however_they_were_folded() {
    run(|lives, at, cuts| {
        let last = lives.iter().flatten().map(|step| step.position).max().unwrap_or(1);
        for split in [None, Some(at), Some(at.midpoint(last)), Some(last)] {
            let split = log(lives, Some(at), split);
            for log in [annulled(&split), split] {
                let (_, digests) = folded(&log, cuts);
                prop_assert_eq!(&digests, &folded(&log, &[(255, 9)]).1);
                prop_assert_eq!(&digests[..2], &filled(&log)[..2]);
            }
        }
        Ok(())
    });
}

/// The same, where the split is an annulment of the merge: on both sides it acts on what was told
/// there.
fn annulled(split: &Log) -> Log {
    let mut log = split.clone();
    for life in &mut log.0 {
        let of = |kind: Kind| {
            move |event: &Recorded| {
                Kind::from_number(event.envelope.event_type.number).is_some_and(|k| k.0 == kind)
            }
        };
        let Some(merge) = life.iter().find(|event| of(Kind::PersonMerge)(event)).cloned() else {
            continue;
        };
        for event in life.iter_mut().filter(|event| of(Kind::PersonSplit)(event)) {
            let is_aside = event.envelope.event_type.number >= domain::catalogue::SIDE;
            event.envelope.event_type = Kind::Annulment.event_type(is_aside);
            event.envelope.corrects = merge.envelope.position;
            event.target = Some(merge.envelope.clone().into());
            let target = Some(merge.envelope.sequence);
            let life = LifeEvent { target, ..LifeEvent::default() };
            event.payload = Some(Payload::Life(life.into()));
        }
    }
    log
}

#[test]
fn a_split_or_an_annulment_leaves_rows_and_decisions_as_if_there_had_been_no_merge() {
    run(|lives, at, cuts| {
        let never = log(lives, None, None);
        let split = log(lives, Some(at), Some(at));
        for undone in [annulled(&split), split] {
            prop_assert_eq!(folded(&undone, cuts).0, folded(&never, cuts).0);
            let facts = never.in_order();
            for number in [SURVIVOR, ABSORBED] {
                let (then, now) = (known(&never.0[number]), known(&undone.0[number]));
                let id = person(number);
                prop_assert_eq!(decisions(&now, id, &facts), decisions(&then, id, &facts));
                prop_assert_eq!((now.absorbed(), now.owner()), (vec![], None));
            }
        }
        Ok(())
    });
}

#[test]
fn two_records_merged_decide_as_one_that_told_all() {
    run(|lives, _, _| {
        let never = log(lives, None, None);
        let parts = [SURVIVOR, ABSORBED].map(|number| known(&never.0[number]));
        let places = [SURVIVOR, ABSORBED].map(|number| {
            never.0[number].iter().map(|event| event.envelope.position).collect::<Vec<_>>()
        });
        let joined = Person::joined(&[(&parts[0], &places[0]), (&parts[1], &places[1])]).person;
        let facts = never.in_order();
        // The same events told in one stream, their targets counted anew.
        let mut all: Vec<_> = lives[SURVIVOR]
            .iter()
            .chain(&lives[ABSORBED])
            .enumerate()
            .map(|(at, step)| (step.position, at, step.clone()))
            .collect();
        let first = lives[SURVIVOR].len();
        all.sort_by_key(|(position, ..)| *position);
        let place = |whole: usize| all.iter().position(|(_, at, _)| *at == whole);
        let one: Vec<_> = all
            .iter()
            .map(|(_, at, step)| {
                let before = if *at < first { 0 } else { first };
                let target = step.target.and_then(|target| place(before + target));
                Step { target, ..step.clone() }
            })
            .collect();
        let one = known(&recorded(&one, person(SURVIVOR)));
        let id = person(SURVIVOR);
        prop_assert_eq!(decisions(&joined, id, &facts), decisions(&one, id, &facts));
        let days: [Date; 2] = [jiff::civil::date(1970, 1, 1), jiff::civil::date(1970, 1, 9)];
        prop_assert_eq!(days.map(|d| joined.spouse_on(d)), days.map(|d| one.spouse_on(d)));
        Ok(())
    });
}
