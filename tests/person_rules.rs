//! What a person's life makes impossible and what it makes odd: each rule with the lives that
//! break it, and every kind of event on a life that allows it.

use cqrs_es::Aggregate;
use cqrs_es::test::TestFramework;
use domain::catalogue::CATALOGUE;
use domain::{Doubt, Item, Kind, Person, PersonEvent, Refusal, Refused, Role};

use crate::person_joins::of_joins;
use crate::person_refusals::{
    Case, in_life, in_marriage, of_approval, of_birth_and_death, of_erasure, of_targets,
};
use crate::person_told::{ANN, BEN, Told, aside, told};

/// A list of every variant, which does not compile while one is missing.
macro_rules! every {
    ($name:ident: $rule:ident { $($variant:ident),* }) => {
        const $name: &[$rule] = &[$($rule::$variant),*];
        const _: fn($rule) = |rule| match rule { $($rule::$variant)|* => {} };
    };
}

every!(REFUSALS: Refusal {
    DeathBeforeBirth, BeforeBirth, AfterDeath, AlreadyBorn, AlreadyDead, AlreadyMarried,
    SpouseIsSelf, SpouseMissing, TargetUnknown, TargetAnnulled, TargetIsSideEvent, TargetIsNoFact,
    CorrectsNothing, ApprovalMissing, ApproverIsActor, PersonUnknown, SamePerson, AlreadyMerged,
    NotMerged, PersonErased
});
every!(DOUBTS: Doubt {
    SecondReport, FirstKnownByThisEvent, MarriageNotOnRecord, KnownBeforeItHappened,
    BirthDateDiffersFromNumber, SexDiffersFromNumber, EventsAfterDeath, NumberOfAnother,
    Incomplete, FieldUnusable, ChannelNotAllowed, NoAuthority, MergedFactsDiffer,
    PlaceNotOfTheDay
});

/// Told by the registry, which knows more than one person; `tests/registry.rs` has their cases.
const REFUSED_BY_THE_REGISTRY: Refusal = Refusal::PersonUnknown;
/// What is odd in a submission itself has its cases in `tests/catalogue.rs` and
/// `tests/divisions_http.rs`.
const DOUBTED_ELSEWHERE: [Doubt; 7] = [
    Doubt::NumberOfAnother,
    Doubt::Incomplete,
    Doubt::FieldUnusable,
    Doubt::ChannelNotAllowed,
    Doubt::NoAuthority,
    // Of two records; `tests/registry/merges.rs` has its case.
    Doubt::MergedFactsDiffer,
    Doubt::PlaceNotOfTheDay,
];

fn events(told: &[Told]) -> Vec<PersonEvent> {
    told.iter().map(Told::event).collect()
}

fn decided(given: &[Told], when: &Told) -> Result<Vec<PersonEvent>, Refused> {
    TestFramework::<Person>::with(()).given(events(given)).when(when.record()).inspect_result()
}

fn person(given: &[Told]) -> Person {
    let mut person = Person::default();
    events(given).into_iter().for_each(|event| person.apply(event));
    person
}

fn born() -> Told {
    told(Kind::Birth, "1990-01-01")
}

fn wed(spouse: domain::PersonId, on: &str) -> Told {
    told(Kind::MarryFirst, on).with(Role::Spouse, spouse)
}

fn divorced(spouse: domain::PersonId, on: &str) -> Told {
    told(Kind::DivorceReg, on).with(Role::Spouse, spouse)
}

/// A life on which nothing is odd, and an event of the kind that fits it; none for those that
/// nobody posts.
fn plain(kind: Kind) -> Option<(Vec<Told>, Told)> {
    let life = vec![born(), told(Kind::Registration, "2010-01-01")];
    let wife = vec![born(), wed(ANN, "2012-05-01")];
    let on = "2015-06-01";
    Some(match kind {
        Kind::Birth => (vec![], born()),
        Kind::Registration => (vec![], told(kind, on).item(Item::BirthDate, "1990-01-01")),
        Kind::MarryFirst | Kind::MarryAgain => (life, told(kind, on).with(Role::Spouse, ANN)),
        Kind::MarryRestore => {
            let divorced = [wife, vec![divorced(ANN, "2014-05-01")]].concat();
            (divorced, told(kind, on).with(Role::Spouse, ANN))
        }
        Kind::DivorceReg | Kind::DivorceCourt => (wife, told(kind, on).with(Role::Spouse, ANN)),
        Kind::Correction => (life, told(kind, "2010-01-01").of(1).item(Item::FullName, "张三")),
        Kind::Annulment => (life, told(kind, "2010-01-01").of(1)),
        Kind::BirthThenDeath => (vec![], told(kind, on).item(Item::BirthDate, "2015-06-01")),
        Kind::MarryVoid | Kind::Widow => (wife, told(kind, on).with(Role::Spouse, ANN)),
        Kind::Reappear => {
            let dead = told(Kind::DeathDeclared, "2013-05-01").with(Role::Spouse, ANN);
            ([wife, vec![dead]].concat(), told(kind, on).with(Role::Spouse, ANN))
        }
        Kind::PersonMerge => (life, told(kind, on).with(Role::Absorbed, ANN).approved("chief")),
        Kind::PersonSplit => {
            let merge = told(Kind::PersonMerge, on).with(Role::Absorbed, ANN).approved("chief");
            let split = told(kind, on).with(Role::Absorbed, ANN).approved("chief");
            ([life, vec![merge]].concat(), split)
        }
        Kind::DocumentClaimed | Kind::SubmissionRejected => return None,
        _ if kind.is_of_reads() => return None,
        _ if kind.is_order() => return None,
        _ if kind.entry().opens => (vec![], told(kind, on).item(Item::BirthDate, "1990-01-01")),
        _ => (life, told(kind, on)),
    })
}

#[test]
fn every_kind_that_may_be_posted_is_taken_on_a_plain_life_without_a_doubt() {
    for entry in CATALOGUE {
        let plain = plain(entry.kind);
        assert_eq!(plain.is_some(), entry.is_posted, "{}", entry.code);
        let Some((given, when)) = plain else { continue };
        assert_eq!(decided(&given, &when), Ok(vec![when.event()]), "{}", entry.code);
        assert_eq!(person(&given).doubts(&when.record(), None), [], "{}", entry.code);
    }
}

#[test]
fn what_others_do_is_taken_in_the_lives_that_it_concerns() {
    let life = [born(), wed(ANN, "2012-05-01")];
    let asides = [
        aside(Kind::Birth, "2013-01-01").with(Role::Child, BEN),
        // A child may be born after its father's death, and before its mother was recorded born.
        aside(Kind::Birth, "1980-01-01").with(Role::Child, BEN),
        aside(Kind::MarryFirst, "2012-05-01").with(Role::Spouse, ANN),
        aside(Kind::DivorceCourt, "2013-05-01").with(Role::Spouse, ANN),
        // Whatever ends or revives a tie to somebody else is never impossible here.
        aside(Kind::Death, "1980-01-01").with(Role::Spouse, ANN),
        aside(Kind::DeathDeclared, "2013-05-01").with(Role::Spouse, ANN),
        aside(Kind::Reappear, "2014-05-01").with(Role::Spouse, ANN),
        aside(Kind::MarryVoid, "2013-05-01").with(Role::Spouse, ANN),
        aside(Kind::AdoptEnd, "1980-05-01").with(Role::Child, BEN),
        aside(Kind::Adopt, "2013-05-01").with(Role::Child, BEN),
        aside(Kind::GuardianSet, "2013-05-01").with(Role::Ward, BEN),
        aside(Kind::HhSplit, "2013-05-01").with(Role::Head, BEN),
        aside(Kind::Correction, "2012-05-01").of(1),
        aside(Kind::Annulment, "2012-05-01").of(1),
    ];
    for aside in asides {
        assert_eq!(decided(&life, &aside), Ok(vec![aside.event()]), "{:?}", aside.event());
    }
}

#[test]
fn every_refusal_is_given_for_its_own_reason_alone() {
    let cases: Vec<Case> =
        [of_birth_and_death(), in_life(), in_marriage(), of_targets(), of_approval(), of_joins()]
            .concat();
    let cases = [cases, of_erasure()].concat();
    for (promise, refusal, given, when) in &cases {
        assert_eq!(decided(given, when), Err(Refused(vec![*refusal])), "{promise}");
    }
    for refusal in REFUSALS.iter().filter(|refusal| **refusal != REFUSED_BY_THE_REGISTRY) {
        assert!(cases.iter().any(|(_, of, ..)| of == refusal), "{refusal:?} has no case");
    }
    let codes: std::collections::BTreeSet<_> =
        REFUSALS.iter().map(|refusal| refusal.fault().code).collect();
    assert_eq!(codes.len(), REFUSALS.len(), "two refusals share a code");
}

/// Each doubt with a life and the event that is recorded with it and no other.
fn doubted() -> Vec<(&'static str, Doubt, Vec<Told>, Told)> {
    let life = || vec![born(), wed(ANN, "2012-05-01")];
    let seen = |on| told(Kind::Observation, on);
    let number = "990101199001010010";
    use Doubt::*;
    vec![
        ("a_birth_told_twice", SecondReport, vec![born()], born()),
        (
            "a_death_told_twice",
            SecondReport,
            vec![born(), told(Kind::Death, "2020-01-01")],
            told(Kind::Death, "2020-01-01"),
        ),
        ("a_marriage_told_twice", SecondReport, life(), wed(ANN, "2012-05-01")),
        (
            "a_divorce_told_twice",
            SecondReport,
            [life(), vec![divorced(ANN, "2013-01-01")]].concat(),
            told(Kind::DivorceCourt, "2013-01-01").with(Role::Spouse, ANN),
        ),
        ("a_stranger_seen", FirstKnownByThisEvent, vec![], seen("2010-01-01")),
        (
            "a_divorce_out_of_the_blue",
            MarriageNotOnRecord,
            vec![born()],
            divorced(ANN, "2013-01-01"),
        ),
        ("a_divorce_from_another", MarriageNotOnRecord, life(), divorced(BEN, "2013-01-01")),
        (
            "known_the_day_before",
            KnownBeforeItHappened,
            vec![born()],
            seen("2010-01-02").known("2010-01-01"),
        ),
        (
            "a_number_with_another_birth_date",
            BirthDateDiffersFromNumber,
            vec![born()],
            seen("2010-01-01").item(Item::CitizenId, number).item(Item::BirthDate, "1990-01-02"),
        ),
        (
            "a_number_with_another_sex",
            SexDiffersFromNumber,
            vec![born()],
            seen("2010-01-01").item(Item::CitizenId, number).item(Item::Sex, "2"),
        ),
        (
            "a_death_before_events_on_record",
            EventsAfterDeath,
            vec![born(), seen("2020-01-02")],
            told(Kind::Death, "2020-01-01"),
        ),
        (
            "a_death_corrected_to_before_events_on_record",
            EventsAfterDeath,
            vec![born(), seen("2020-01-02"), told(Kind::Death, "2020-01-03")],
            told(Kind::Correction, "2020-01-01").of(2).approved("chief"),
        ),
    ]
}

#[test]
fn every_doubt_is_recorded_all_the_same() {
    let cases = doubted();
    for (promise, doubt, given, when) in &cases {
        assert_eq!(decided(given, when), Ok(vec![when.event()]), "{promise}");
        let doubts = person(given).doubts(&when.record(), when.known_on());
        assert_eq!(doubts, [*doubt], "{promise}");
    }
    for doubt in DOUBTS.iter().filter(|doubt| !DOUBTED_ELSEWHERE.contains(doubt)) {
        assert!(cases.iter().any(|(_, of, ..)| of == doubt), "{doubt:?} has no case");
    }
}
