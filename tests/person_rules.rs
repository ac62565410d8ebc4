//! What a person's life makes impossible and what it makes odd: each rule with the lives that
//! break it, and every kind of event on a life that allows it.

use cqrs_es::Aggregate;
use cqrs_es::test::TestFramework;
use domain::catalogue::CATALOGUE;
use domain::{Doubt, Item, Kind, Person, PersonEvent, Refusal, Refused, Role};

use crate::person_told::{ANN, BEN, OWN, Told, aside, told};

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
    CorrectsNothing, ApprovalMissing, ApproverIsActor, PersonUnknown
});
every!(DOUBTS: Doubt {
    SecondReport, FirstKnownByThisEvent, MarriageNotOnRecord, KnownBeforeItHappened,
    BirthDateDiffersFromNumber, SexDiffersFromNumber, EventsAfterDeath, NumberOfAnother
});

/// Told by the registry, which knows more than one person; `tests/registry.rs` has their cases.
const REFUSED_BY_THE_REGISTRY: Refusal = Refusal::PersonUnknown;
const DOUBTED_BY_THE_REGISTRY: Doubt = Doubt::NumberOfAnother;

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
        Kind::Death
        | Kind::HukouOut
        | Kind::HukouIn
        | Kind::ResidenceChange
        | Kind::TempStayReg
        | Kind::Leave
        | Kind::Return
        | Kind::HouseholdVisit
        | Kind::ServiceTransaction
        | Kind::Observation => (life, told(kind, on)),
        Kind::DocumentClaimed | Kind::SubmissionRejected | Kind::PersonRead => return None,
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
        aside(Kind::Correction, "2012-05-01").of(1),
        aside(Kind::Annulment, "2012-05-01").of(1),
    ];
    for aside in asides {
        assert_eq!(decided(&life, &aside), Ok(vec![aside.event()]), "{:?}", aside.event());
    }
}

/// Each refusal with a life and the event that breaks this rule and no other.
fn refused() -> Vec<(&'static str, Refusal, Vec<Told>, Told)> {
    let death = |on| told(Kind::Death, on);
    let seen = |on| told(Kind::Observation, on).item(Item::Phone, "1");
    let corrects = |of, on| told(Kind::Correction, on).of(of).item(Item::Phone, "2");
    let annuls = |of, on| told(Kind::Annulment, on).of(of);
    let first_load = told(Kind::Registration, "2010-01-01").item(Item::BirthDate, "1990-01-01");
    let ok = |told: Told| told.approved("chief");
    let two_births = || {
        let annulled = ok(annuls(0, "1990-01-01"));
        vec![born(), annulled, told(Kind::Birth, "1990-02-01")]
    };
    let two_deaths = || vec![death("2020-01-01"), ok(annuls(0, "2020-01-01")), death("2020-02-01")];
    use Refusal::*;
    vec![
        ("a_death_before_birth", DeathBeforeBirth, vec![born()], death("1989-12-31")),
        (
            "a_death_before_the_birth_date_that_it_states",
            DeathBeforeBirth,
            vec![],
            death("2000-01-01").item(Item::BirthDate, "2000-01-02"),
        ),
        ("a_birth_after_the_death", DeathBeforeBirth, vec![death("1989-12-31")], born()),
        (
            "a_birth_corrected_to_after_the_death",
            DeathBeforeBirth,
            vec![born(), death("2020-01-01")],
            ok(corrects(0, "2020-01-02")),
        ),
        (
            "a_death_corrected_to_before_birth",
            DeathBeforeBirth,
            vec![born(), death("2020-01-01")],
            ok(corrects(1, "1989-12-31")),
        ),
        (
            "a_stated_birth_date_corrected_to_after_the_death",
            DeathBeforeBirth,
            vec![first_load.clone(), death("2020-01-01")],
            ok(corrects(0, "2010-01-01").item(Item::BirthDate, "2020-01-02")),
        ),
        (
            "a_first_load_of_somebody_dead_before_birth",
            DeathBeforeBirth,
            vec![death("1989-12-31")],
            first_load.clone(),
        ),
        ("an_event_before_birth", BeforeBirth, vec![born()], seen("1989-12-31")),
        (
            "an_event_before_the_birth_date_of_the_first_load",
            BeforeBirth,
            vec![first_load.clone()],
            seen("1989-12-31"),
        ),
        (
            "an_event_before_the_birth_date_that_it_states",
            BeforeBirth,
            vec![],
            seen("1989-12-31").item(Item::BirthDate, "1990-01-01"),
        ),
        (
            "an_event_corrected_to_before_birth",
            BeforeBirth,
            vec![born(), seen("2015-01-01")],
            corrects(1, "1989-12-31"),
        ),
        ("an_event_after_death", AfterDeath, vec![death("2020-01-01")], seen("2020-01-02")),
        (
            "a_spouse_dead_before_the_marriage",
            AfterDeath,
            vec![death("2020-01-01")],
            aside(Kind::MarryAgain, "2020-01-02").with(Role::Spouse, ANN),
        ),
        (
            "an_event_corrected_to_after_death",
            AfterDeath,
            vec![seen("2019-01-01"), death("2020-01-01")],
            corrects(0, "2020-01-02"),
        ),
        ("a_birth_on_another_day", AlreadyBorn, vec![born()], told(Kind::Birth, "1990-01-02")),
        ("a_revived_birth_beside_another", AlreadyBorn, two_births(), ok(annuls(1, "1990-01-01"))),
        ("a_death_on_another_day", AlreadyDead, vec![death("2020-01-01")], death("2020-01-02")),
        ("a_revived_death_beside_another", AlreadyDead, two_deaths(), ok(annuls(1, "2020-01-01"))),
        (
            "a_marriage_while_married_to_somebody_else",
            AlreadyMarried,
            vec![born(), wed(ANN, "2012-05-01")],
            wed(BEN, "2013-05-01"),
        ),
        (
            "a_marriage_beside_the_spouse_of_the_first_load",
            AlreadyMarried,
            vec![first_load.clone().with(Role::Spouse, ANN)],
            wed(BEN, "2013-05-01"),
        ),
        (
            "a_marriage_before_the_spouse_died",
            AlreadyMarried,
            vec![wed(ANN, "2012-05-01")],
            wed(BEN, "2013-05-01").spouse_died("2013-05-02"),
        ),
        (
            "a_marriage_after_a_divorce_that_was_annulled",
            AlreadyMarried,
            vec![wed(ANN, "2012-05-01"), divorced(ANN, "2013-01-01"), annuls(1, "2013-01-01")],
            wed(BEN, "2014-05-01"),
        ),
        ("a_marriage_with_oneself", SpouseIsSelf, vec![], wed(OWN, "2013-05-01")),
        ("a_marriage_alone", SpouseMissing, vec![], told(Kind::MarryFirst, "2013-05-01")),
        ("a_divorce_alone", SpouseMissing, vec![], told(Kind::DivorceCourt, "2013-05-01")),
        ("a_target_beyond_the_end", TargetUnknown, vec![born()], annuls(1, "1990-01-01")),
        ("no_target", TargetUnknown, vec![born()], told(Kind::Annulment, "1990-01-01")),
        (
            "a_claim_as_target",
            TargetUnknown,
            vec![told(Kind::DocumentClaimed, "2010-01-01").with(Role::Owner, ANN)],
            annuls(0, "2010-01-01"),
        ),
        (
            "a_second_annulment",
            TargetAnnulled,
            vec![seen("2010-01-01"), annuls(0, "2010-01-01")],
            annuls(0, "2010-01-01"),
        ),
        (
            "a_correction_of_what_is_annulled",
            TargetAnnulled,
            vec![seen("2010-01-01"), annuls(0, "2010-01-01")],
            corrects(0, "2010-01-01"),
        ),
        (
            "a_correction_in_the_wrong_record",
            TargetIsSideEvent,
            vec![aside(Kind::MarryFirst, "2012-05-01").with(Role::Spouse, ANN)],
            corrects(0, "2012-05-01"),
        ),
        (
            "a_correction_of_a_correction",
            TargetIsNoFact,
            vec![seen("2010-01-01"), corrects(0, "2010-01-01")],
            corrects(1, "2010-01-01"),
        ),
        (
            "a_correction_of_an_annulment",
            TargetIsNoFact,
            vec![seen("2010-01-01"), annuls(0, "2010-01-01")],
            corrects(1, "2010-01-01"),
        ),
        (
            "a_correction_that_says_nothing",
            CorrectsNothing,
            vec![seen("2010-01-01")],
            told(Kind::Correction, "2010-01-01").of(0),
        ),
        ("an_annulled_birth_unapproved", ApprovalMissing, vec![born()], annuls(0, "1990-01-01")),
        (
            "an_annulled_death_unapproved",
            ApprovalMissing,
            vec![death("2020-01-01")],
            annuls(0, "2020-01-01"),
        ),
        (
            "a_death_moved_unapproved",
            ApprovalMissing,
            vec![death("2020-01-01")],
            corrects(0, "2020-01-02"),
        ),
        (
            "a_corrected_sex_unapproved",
            ApprovalMissing,
            vec![seen("2010-01-01").item(Item::Sex, "1")],
            corrects(0, "2010-01-01").item(Item::Sex, "2"),
        ),
        (
            "a_death_that_comes_back_unapproved",
            ApprovalMissing,
            vec![death("2020-01-01"), ok(annuls(0, "2020-01-01"))],
            annuls(1, "2020-01-01"),
        ),
        (
            "an_approved_correction_undone_unapproved",
            ApprovalMissing,
            vec![seen("2010-01-01"), ok(corrects(0, "2010-01-01").item(Item::Sex, "2"))],
            annuls(1, "2010-01-01"),
        ),
        (
            "an_approval_by_the_one_who_asks",
            ApproverIsActor,
            vec![born()],
            annuls(0, "1990-01-01").approved("clerk"),
        ),
    ]
}

#[test]
fn every_refusal_is_given_for_its_own_reason_alone() {
    let cases = refused();
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
    for doubt in DOUBTS.iter().filter(|doubt| **doubt != DOUBTED_BY_THE_REGISTRY) {
        assert!(cases.iter().any(|(_, of, ..)| of == doubt), "{doubt:?} has no case");
    }
}
