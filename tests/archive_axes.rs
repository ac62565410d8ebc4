//! The archive on its two axes of time: what was true on a day, as known at an instant. Random
//! lives against the truth told from the definitions, and the live rows against the whole lives.

use std::collections::HashMap;
use std::sync::Arc;

use domain::recorded::Recorded;
use domain::{Item, Kind, PersonId, Position, Role};
use jiff::civil::Date;
use projections::archive::{Field, Origin};
use projections::deadlines::Deadlines;
use projections::{Archive, Lives, RowSeals, SealError, Views};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::archive_lives::{PERSONS, drawn, instant, lives, person, recorded, shapes};
use crate::archive_naive::{Held, Step, Truth, day, truth};
use crate::archive_naive_ties::Tie;
use crate::archive_naive_topics::{Name, Noted};

/// A need: raised, by which event, the answer and by which event, which death closed it, the items
/// confirmed.
type ShownNeed = (Value, u64, Option<(Value, u64)>, Option<u64>, Vec<Item>);
/// What they are, who, by which event it began and ended, whether by who has the word, by which
/// event it is doubted.
type ShownTie = (Role, PersonId, u64, Option<u64>, bool, Option<u64>);
/// Topic, field, value as JSON, by which event, of which day, whether by who has the word.
type ShownField = (String, String, String, u64, Date, bool);

/// What an archive shows, and what is true, in words that can be compared.
#[derive(Debug, PartialEq)]
struct Shown {
    items: Vec<(Item, String, u64, Date)>,
    beside: Vec<(Item, String, u64, Date)>,
    documents: Vec<(String, String)>,
    links: Vec<ShownTie>,
    claims: Vec<(Role, PersonId, u64)>,
    topics: Vec<ShownField>,
    topics_beside: Vec<ShownField>,
    needs: Vec<ShownNeed>,
    flags: [bool; 3],
}

fn shown(archive: &Archive) -> Shown {
    let value = |(item, text, origin): (Item, &str, &Origin)| {
        let source = format!("/pol/990101/{}", origin.position.0 % 3);
        assert_eq!(archive.source(origin), source);
        (item, text.to_owned(), origin.position.0, origin.occurred_on)
    };
    for (item, text, _) in archive.values() {
        assert_eq!(archive.get(item), Some(text));
    }
    let position = |origin| archive.origin(origin).position.0;
    let links = archive.links().iter();
    let object = |text: &str| serde_json::from_str::<Value>(text).expect("an object");
    let field = |field: Field<'_>| {
        let (topic, name) = (field.topic.to_owned(), field.name.to_owned());
        let (at, day) = (field.origin.position.0, field.origin.occurred_on);
        (topic, name, field.json.to_owned(), at, day, field.has_authority)
    };
    let mut topics: Vec<_> = archive.fields().map(field).collect();
    topics.sort();
    let mut topics_beside: Vec<_> = archive.fields_beside().map(field).collect();
    topics_beside.sort_by_key(|told| (told.0.clone(), told.1.clone()));
    Shown {
        items: archive.values().map(value).collect(),
        beside: archive.beside().map(value).collect(),
        documents: archive.documents().map(|(k, n)| (k.name().to_owned(), n.to_owned())).collect(),
        links: links
            .map(|link| {
                let (began, ended) = (position(link.origin), link.ended.map(position));
                let doubt = archive.doubt_of(link).map(|origin| origin.position.0);
                (link.role, link.person, began, ended, link.has_authority(), doubt)
            })
            .collect(),
        claims: archive.ties_beside().map(|(r, p, origin)| (r, p, origin.position.0)).collect(),
        topics,
        topics_beside,
        needs: archive
            .needs()
            .map(|need| {
                let at = |origin: &Origin| origin.position.0;
                let answered = need.answered.map(|(answer, by)| (object(answer), at(by)));
                let closed = need.closed_by.map(at);
                (object(need.raised), at(need.raised_by), answered, closed, need.confirmed)
            })
            .collect(),
        flags: [archive.is_dead, archive.is_missing, archive.is_registered],
    }
}

fn tie_of(truth: &Truth, tie: &Tie) -> ShownTie {
    let rivals = truth.claims.iter().filter(|claim| claim.role == tie.role);
    let doubts = rivals.map(|claim| claim.position).chain(tie.doubt);
    let doubt = doubts.min().filter(|_| tie.ended.is_none());
    (tie.role, tie.person, tie.began, tie.ended, tie.word.is_some(), doubt)
}

fn shown_of(truth: Truth) -> Shown {
    let value = |(item, held): (Item, Held)| (item, held.text, held.position, held.day);
    let field = |((topic, field), noted): (Name, Noted)| {
        (topic, field, noted.json, noted.position, noted.day, noted.has_word)
    };
    let links = truth.ties.iter().map(|tie| tie_of(&truth, tie)).collect();
    let mut topics_beside: Vec<_> = truth.topics_beside.into_iter().map(field).collect();
    topics_beside.sort_by_key(|told| (told.0.clone(), told.1.clone()));
    Shown {
        items: truth.items.into_iter().map(value).collect(),
        beside: truth.beside.into_iter().map(value).collect(),
        documents: truth.documents,
        links,
        claims: truth.claims.iter().map(|c| (c.role, c.person, c.position)).collect(),
        topics: truth.topics.into_iter().map(field).collect(),
        topics_beside,
        needs: truth
            .needs
            .into_iter()
            .map(|need| {
                let object = |(map, at)| (Value::Object(map), at);
                let (raised, at) = object(need.raised);
                let items = need.confirmed.into_iter().collect();
                (raised, at, need.answered.map(object), need.closed, items)
            })
            .collect(),
        flags: [truth.is_dead, truth.is_missing, truth.is_registered],
    }
}

fn any_day() -> impl Strategy<Value = Option<Date>> {
    prop::option::weighted(0.7, (0..26_u8).prop_map(day))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10_000) })]

    #[test]
    fn an_archive_is_what_was_true_on_the_day_as_known_at_the_instant(
        drawn in drawn(40),
        valid_on in any_day(),
        known_at in prop::option::weighted(0.7, -1..40_i64),
    ) {
        for (number, life) in lives(&drawn).iter().enumerate() {
            let recorded = recorded(life, person(number));
            let archive = Archive::of(&recorded, valid_on, known_at.map(instant));
            prop_assert_eq!(shown(&archive), shown_of(truth(life, valid_on, known_at)));
            // What was known then is what had been recorded then, whatever came after.
            if let Some(at) = known_at {
                let then: Vec<_> = recorded
                    .iter()
                    .take_while(|event| event.envelope.clocks.recorded_at <= instant(at))
                    .cloned()
                    .collect();
                prop_assert_eq!(Archive::of(&then, valid_on, None), archive);
            }
        }
    }
}

/// The same life, in which nobody who was held for dead is found again.
fn never_back(life: &[Step]) -> Vec<Step> {
    let mut life = life.to_vec();
    for step in life.iter_mut().filter(|step| step.kind == Kind::Reappear) {
        step.kind = Kind::Observation;
    }
    life
}

/// What a life comes to, in shapes that must be drawn often enough.
fn ends(truth: &Truth, life: &[Step]) -> Vec<&'static str> {
    let ended_by = |kind: Kind| {
        let by = |at: u64| life.iter().any(|step| step.position == at && step.kind == kind);
        truth.ties.iter().any(|tie| tie.role == Role::Spouse && tie.ended.is_some_and(by))
    };
    let revived = truth.ties.iter().any(|tie| tie.role == Role::Spouse && tie.ended.is_none())
        && truth.items.get(&Item::MaritalStatus).is_some_and(|held| held.text.starts_with('2'))
        && life.iter().any(|step| step.kind == Kind::Reappear);
    let closed = |truth: &Truth| truth.needs.iter().filter(|need| need.closed.is_some()).count();
    let ended = |truth: &Truth| truth.topics.values().filter(|noted| noted.by_death).count();
    let guarded = |truth: &Truth| truth.ties.iter().filter(|tie| tie.by_death).count();
    let unless_back = self::truth(&never_back(life), None, None);
    let named = [
        (!truth.beside.is_empty(), "kept beside"),
        (!truth.topics_beside.is_empty(), "field kept beside"),
        (ended(truth) > 0, "ended by a death"),
        (closed(truth) > 0, "need closed"),
        (ended(&unless_back) > ended(truth), "open again"),
        (closed(&unless_back) > closed(truth), "need open again"),
        (truth.needs.iter().any(|need| need.answered.is_some()), "need answered"),
        (ended_by(Kind::MarryVoid), "marriage void"),
        (ended_by(Kind::Death) || ended_by(Kind::DeathDeclared), "widowed"),
        (revived, "marriage revived"),
        (truth.ties.iter().any(|t| t.doubt.is_some() && t.ended.is_none()), "tie doubted"),
        (!truth.claims.is_empty(), "tie kept beside"),
        (truth.ties.iter().any(|tie| tie.by_death), "guardianship ended by a death"),
        (guarded(&unless_back) > guarded(truth), "guardianship again"),
    ];
    named.iter().filter(|(has, _)| *has).map(|(_, name)| *name).collect()
}

#[test]
fn the_random_lives_have_every_shape_that_matters() {
    let mut runner = TestRunner::deterministic();
    let mut found: HashMap<&str, u32> = HashMap::new();
    for _ in 0..1_000 {
        let drawn = drawn(40).new_tree(&mut runner).expect("a history").current();
        let lives = lives(&drawn);
        let ends = lives.iter().flat_map(|life| ends(&truth(life, None, None), life));
        for shape in lives.iter().flat_map(|life| shapes(life)).chain(ends) {
            *found.entry(shape).or_default() += 1;
        }
    }
    for shape in [
        "kept beside",
        "field kept beside",
        "ended by a death",
        "need closed",
        "open again",
        "need open again",
        "need answered",
        "marriage void",
        "marriage revived",
        "tie doubted",
        "tie kept beside",
        "guardianship ended by a death",
        "guardianship again",
        "widowed",
        "late",
        "annulled",
        "revived",
        "corrected twice",
        "moved",
        "correction annulled",
        "side corrected",
        "same day",
    ] {
        // The property draws ten times as many.
        let rare = ["open again", "need open again", "tie doubted", "guardianship again"];
        let least = if rare.contains(&shape) { 5 } else { 50 };
        assert!(found.get(shape).is_some_and(|times| *times > least), "{shape}: {found:?}");
    }
}

/// Seals by turning every bit and telling whose it is, so that the bytes can be compared.
pub struct Turned;

impl RowSeals for Turned {
    fn seal(
        &self,
        _: &str,
        person: PersonId,
        version: Position,
        plain: &[u8],
    ) -> Result<Option<Vec<u8>>, SealError> {
        let mut sealed = person.as_uuid().as_bytes().to_vec();
        sealed.extend(version.0.to_be_bytes());
        sealed.extend(plain.iter().map(|byte| !byte));
        Ok(Some(sealed))
    }

    fn open(
        &self,
        _: &str,
        person: PersonId,
        sealed: &mut [u8],
        plain: &mut Vec<u8>,
    ) -> Result<bool, SealError> {
        plain.clear();
        plain.extend(sealed[24..].iter().map(|byte| !byte));
        Ok(sealed[..16] == *person.as_uuid().as_bytes())
    }

    fn blind(&self, text: &str) -> [u8; 16] {
        domain::ids::keyed_hash(&[7; 32], &[text.as_bytes()])
    }
}

/// Every event of every person, as the log would give them.
pub struct Whole(pub Vec<Vec<Recorded>>);

impl Whole {
    pub fn in_order(&self) -> Vec<Recorded> {
        let mut all: Vec<_> = self.0.iter().flatten().cloned().collect();
        all.sort_by_key(|event| event.envelope.position);
        all
    }
}

impl Lives for Whole {
    fn life(
        &self,
        asked: PersonId,
        up_to: Position,
    ) -> Result<std::borrow::Cow<'_, [Recorded]>, Box<dyn std::error::Error + Send + Sync>> {
        let life = (0..PERSONS).find(|number| person(*number) == asked).map(|n| &self.0[n]);
        let life = life.expect("a person of the history").iter();
        Ok(life.filter(|event| event.envelope.position <= up_to).cloned().collect())
    }
}

pub fn open(folder: &std::path::Path) -> Views {
    Views::open(folder, &(Arc::new(Turned) as Arc<dyn RowSeals>), &Arc::new(Deadlines::embedded()))
        .expect("views")
}

/// Folds in batches; after some of them the views are flushed, or closed and opened again, and
/// some batches are handed in a second time. `look` is shown the views after each batch, with the
/// position of its last event.
pub fn fold_in_batches(
    folder: &std::path::Path,
    all: &[Recorded],
    lives: &dyn Lives,
    cuts: &[(u8, u8)],
    mut look: impl FnMut(&Views, Position),
) -> Views {
    let mut views = open(folder);
    let (mut done, mut cuts) = (0, cuts.iter().cycle());
    while done < all.len() {
        let (events, then) = cuts.next().expect("cuts");
        let next = all.len().min(done + usize::from(*events));
        let last = all[next - 1].envelope.position;
        views.fold(&all[done..next], lives).expect("folded");
        match then {
            0 => views.flush().expect("flushed"),
            1 => {
                views.flush().expect("flushed");
                drop(views);
                views = open(folder);
                assert_eq!(views.folded(), last);
            }
            2 => views.fold(&all[done..next], lives).expect("folded again"),
            _ => {}
        }
        look(&views, last);
        done = next;
    }
    views
}

fn digests(whole: &Whole, cuts: &[(u8, u8)]) -> Vec<(&'static str, [u8; 32])> {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("views");
    let views = fold_in_batches(&folder, &whole.in_order(), whole, cuts, |_, _| {});
    for (number, life) in whole.0.iter().enumerate() {
        let row = views.people.row(person(number)).expect("readable");
        let due = life.last().map(|newest| {
            (newest.envelope.position, life.len() as u32, Archive::of(life, None, None))
        });
        assert_eq!(row.map(|row| (row.version, row.events, row.archive.clone())), due);
    }
    views.flush().expect("flushed");
    views.digests().expect("digests").views
}

#[test]
fn a_store_of_views_that_is_in_use_is_not_set_aside() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("views");
    let first = open(&folder);
    let seals = Arc::new(Turned) as Arc<dyn RowSeals>;
    assert!(matches!(
        Views::open(&folder, &seals, &Arc::new(Deadlines::embedded())),
        Err(projections::ViewsError::InUse)
    ));
    drop(first);
    assert!(Views::open(&folder, &seals, &Arc::new(Deadlines::embedded())).is_ok());
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|e| e.unwrap()).collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn live_rows_are_the_archives_of_whole_lives_however_they_were_folded() {
    let mut runner =
        TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
    let cuts = || prop::collection::vec((1..8_u8, 0..6_u8), 1..6);
    let tested = runner.run(&(drawn(60), cuts()), |(drawn, cuts)| {
        let lives = lives(&drawn);
        let recorded = lives.iter().enumerate().map(|(n, life)| recorded(life, person(n)));
        let whole = Whole(recorded.collect());
        prop_assert_eq!(digests(&whole, &cuts), digests(&whole, &[(255, 9)]));
        Ok(())
    });
    tested.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn two_lives_that_differ_have_other_digests() {
    let mut runner = TestRunner::deterministic();
    let drawn = drawn(40).new_tree(&mut runner).expect("a history").current();
    let lives = lives(&drawn);
    let whole = |lives: &[Vec<_>]| {
        Whole(lives.iter().enumerate().map(|(n, life)| recorded(life, person(n))).collect())
    };
    let mut other = lives.clone();
    let named = other.iter_mut().flatten().find(|step| step.target.is_none() && !step.side);
    named.expect("a fact").items.insert(Item::DoorPlate, "9号");
    let (one, other) = (whole(&lives), whole(&other));
    assert_ne!(digests(&one, &[(255, 9)])[0], digests(&other, &[(255, 9)])[0]);
}
