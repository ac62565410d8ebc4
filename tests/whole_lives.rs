//! Rows that are made of whole lives in one piece, as a rebuild makes them, beside rows that grow
//! event by event, as a service makes them.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::archive_axes::Whole;
use crate::archive_lives::{drawn, lives, person, recorded};
use projections::people::Row;

/// So many events make more origins than are kept untidied.
const EVENTS: usize = 900;

#[test]
fn a_long_life_makes_the_same_row_in_one_piece_and_event_by_event() {
    let mut runner = TestRunner::deterministic();
    let drawn = drawn(EVENTS + 1).prop_filter("long", |drawn| drawn.len() > EVENTS * 9 / 10);
    let drawn = drawn.new_tree(&mut runner).expect("a history").current();
    let lives = lives(&drawn);
    let recorded: Vec<_> =
        lives.iter().enumerate().map(|(n, life)| recorded(life, person(n))).collect();
    let whole = Whole(recorded);
    for (number, life) in whole.0.iter().enumerate() {
        assert!(life.len() > 256, "{} events are few", life.len());
        let mut live = Row::default();
        for event in life {
            live.fold(person(number), &[event], &whole).expect("the life is at hand");
        }
        assert!(live == Row::of(person(number), life), "the rows of person {number} differ");
    }
}
