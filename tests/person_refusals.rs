//! Lives with the one event that they do not allow, by the rule that it breaks.

use domain::{Item, Kind, Refusal, Refusal::*, Role};

use crate::person_told::{ANN, BEN, OWN, Told, aside, told};

/// A promise, the rule, a life, and the event that breaks this rule and no other.
pub type Case = (&'static str, Refusal, Vec<Told>, Told);

fn born() -> Told {
    told(Kind::Birth, "1990-01-01")
}

fn death(on: &str) -> Told {
    told(Kind::Death, on)
}

fn seen(on: &str) -> Told {
    told(Kind::Observation, on).item(Item::Phone, "1")
}

fn wed(spouse: domain::PersonId, on: &str) -> Told {
    told(Kind::MarryFirst, on).with(Role::Spouse, spouse)
}

fn divorced(spouse: domain::PersonId, on: &str) -> Told {
    told(Kind::DivorceReg, on).with(Role::Spouse, spouse)
}

fn corrects(of: u32, on: &str) -> Told {
    told(Kind::Correction, on).of(of).item(Item::Phone, "2")
}

fn annuls(of: u32, on: &str) -> Told {
    told(Kind::Annulment, on).of(of)
}

fn ok(told: Told) -> Told {
    told.approved("chief")
}

fn first_load() -> Told {
    told(Kind::Registration, "2010-01-01").item(Item::BirthDate, "1990-01-01")
}

/// A birth that was annulled, and the birth that was told instead.
fn two_births() -> Vec<Told> {
    vec![born(), ok(annuls(0, "1990-01-01")), told(Kind::Birth, "1990-02-01")]
}

/// A death that was annulled, and the death that was told instead.
fn two_deaths() -> Vec<Told> {
    vec![death("2020-01-01"), ok(annuls(0, "2020-01-01")), death("2020-02-01")]
}

/// Who is born once and dies once, in this order.
pub fn of_birth_and_death() -> Vec<Case> {
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
            vec![first_load(), death("2020-01-01")],
            ok(corrects(0, "2010-01-01").item(Item::BirthDate, "2020-01-02")),
        ),
        (
            "a_first_load_of_somebody_dead_before_birth",
            DeathBeforeBirth,
            vec![death("1989-12-31")],
            first_load(),
        ),
        ("a_birth_on_another_day", AlreadyBorn, vec![born()], told(Kind::Birth, "1990-01-02")),
        ("a_revived_birth_beside_another", AlreadyBorn, two_births(), ok(annuls(1, "1990-01-01"))),
        ("a_death_on_another_day", AlreadyDead, vec![death("2020-01-01")], death("2020-01-02")),
        ("a_revived_death_beside_another", AlreadyDead, two_deaths(), ok(annuls(1, "2020-01-01"))),
    ]
}

/// What happens, happens in between.
pub fn in_life() -> Vec<Case> {
    vec![
        ("an_event_before_birth", BeforeBirth, vec![born()], seen("1989-12-31")),
        (
            "an_event_before_the_birth_date_of_the_first_load",
            BeforeBirth,
            vec![first_load()],
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
    ]
}

/// One husband or wife at a time.
pub fn in_marriage() -> Vec<Case> {
    vec![
        (
            "a_marriage_while_married_to_somebody_else",
            AlreadyMarried,
            vec![born(), wed(ANN, "2012-05-01")],
            wed(BEN, "2013-05-01"),
        ),
        (
            "a_marriage_beside_the_spouse_of_the_first_load",
            AlreadyMarried,
            vec![first_load().with(Role::Spouse, ANN)],
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
    ]
}

/// What may be corrected and annulled.
pub fn of_targets() -> Vec<Case> {
    vec![
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
    ]
}

/// Nothing is told of somebody who is erased, whatever it is.
pub fn of_erasure() -> Vec<Case> {
    let erased = || vec![born(), told(Kind::Erased, "2020-01-01")];
    vec![
        ("an_event_after_the_erasure", PersonErased, erased(), seen("2019-01-01")),
        ("a_death_of_somebody_erased", PersonErased, erased(), death("2021-01-01")),
        ("a_correction_of_what_is_erased", PersonErased, erased(), annuls(0, "1990-01-01")),
        (
            "an_act_of_another_one",
            PersonErased,
            vec![born(), aside(Kind::Erased, "2020-01-01")],
            aside(Kind::MarryFirst, "2021-01-01").with(Role::Spouse, ANN),
        ),
    ]
}

/// What a second person must approve.
pub fn of_approval() -> Vec<Case> {
    vec![
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
