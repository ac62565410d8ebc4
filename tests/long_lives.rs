//! Lives so long that states of them are kept while they are folded: whatever comes in, late,
//! corrected or annulled, the archive is that of the whole life folded once, and what is over with
//! the next fact costs few facts.

use domain::recorded::Recorded;
use projections::archive::{self, Course};
use projections::{Archive, Row};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::archive_axes::{Whole, fold_in_batches};
use crate::archive_lives::{drawn, lives, person, recorded};
use crate::archive_naive::Step;

/// Some histories of several persons with so many events at least.
fn histories(events_min: usize) -> impl Iterator<Item = Vec<Vec<Step>>> {
    let (mut runner, strategy) = (TestRunner::deterministic(), drawn(3 * events_min));
    let all = std::iter::repeat_with(move || strategy.new_tree(&mut runner).expect("a history"));
    all.map(|tree| tree.current()).filter(move |d| d.len() >= events_min).map(|d| lives(&d))
}

#[test]
fn a_long_life_is_what_folding_it_whole_says_whatever_comes_in() {
    let (mut compared, mut longest) = (0, 0);
    for life in histories(450).take(3).flatten() {
        let life: Vec<Recorded> = recorded(&life, person(0));
        let mut course = Course::default();
        for known in 1..=life.len() {
            let life = &life[..known];
            let facts = archive::facts(life, None, None);
            let folded = course.fold(&facts, |_| {});
            longest = longest.max(facts.len());
            if known % 5 == 0 {
                assert_eq!(folded, Archive::of(life, None, None), "{known} events");
                compared += 1;
            }
        }
    }
    assert!(compared > 100 && longest > 100, "{compared} {longest}");
}

#[test]
fn rows_of_long_lives_are_the_same_however_they_were_folded() {
    let lives = histories(450).next().expect("a history");
    let whole = Whole(lives.iter().zip(0..).map(|(life, n)| recorded(life, person(n))).collect());
    assert!(whole.0.iter().any(|life| life.len() > 120));
    for cuts in [&[(1, 0), (7, 9), (3, 2), (5, 1)][..], &[(64, 9)], &[(255, 9)]] {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("views");
        let views = fold_in_batches(&folder, &whole.in_order(), &whole, cuts, |_, _| {});
        for (life, number) in whole.0.iter().zip(0..) {
            let row = views.people.row(person(number)).expect("readable").expect("a row");
            assert_eq!(*row, Row::of(person(number), life), "{cuts:?}");
        }
    }
}

#[test]
fn a_late_move_that_the_next_one_ended_costs_few_facts() {
    let plain = histories(40).flatten().flatten().next().expect("a step");
    let moves = |at: u64, day: u8| Step {
        position: at,
        recorded: at as i64,
        kind: domain::Kind::ResidenceChange,
        side: false,
        day: crate::archive_naive::day(day),
        items: [(domain::Item::Residence, ["990101001001", "990102001001"][at as usize % 2])]
            .into(),
        related: Vec::new(),
        topic: None,
        fields: serde_json::Map::new(),
        document: None,
        target: None,
        true_day: None,
        ..plain.clone()
    };
    // Each comes some days late.
    let days = (0..250).map(|at: u64| (at as u8).wrapping_add((at % 7 * 2) as u8).min(250));
    let life: Vec<_> = (1..).zip(days).map(|(at, day)| moves(at, day)).collect();
    let life = recorded(&life, person(0));
    let (mut course, mut folded, mut whole) = (Course::default(), 0, 0);
    for known in 64..=life.len() {
        let facts = archive::facts(&life[..known], None, None);
        let archive = course.fold(&facts, |_| folded += 1);
        assert_eq!(archive, Archive::of(&life[..known], None, None));
        whole += facts.len();
    }
    assert!(folded < whole / 3, "{folded} of {whole}");
}
