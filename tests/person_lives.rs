//! Whole lives as the decider knows them: late reports, annulments, corrections, remarriage.

use cqrs_es::Aggregate;
use domain::{Item, Kind, Person, Refusal, Refused, Role, Sequence};

use crate::person_told::{ANN, BEN, Told, aside, day, told};

fn person(given: &[Told]) -> Person {
    let mut person = Person::default();
    given.iter().for_each(|told| person.apply(told.event()));
    person
}

fn wed(spouse: domain::PersonId, on: &str) -> Told {
    told(Kind::MarryFirst, on).with(Role::Spouse, spouse)
}

fn divorced(spouse: domain::PersonId, on: &str) -> Told {
    told(Kind::DivorceReg, on).with(Role::Spouse, spouse)
}

fn annuls(of: u32, on: &str) -> Told {
    told(Kind::Annulment, on).of(of).approved("chief")
}

fn corrects(of: u32, on: &str) -> Told {
    told(Kind::Correction, on).of(of).approved("chief")
}

#[test]
fn a_marriage_of_may_is_taken_after_the_divorce_of_june() {
    let mut person = person(&[divorced(ANN, "2020-06-01")]);
    let late = wed(ANN, "2020-05-01");
    assert_eq!(person.decide(&late.record()), Ok(()));
    person.apply(late.event());
    assert_eq!(person.spouse_on(day("2020-05-15")), Some(ANN));
    assert_eq!(person.spouse_on(day("2020-06-01")), None);
}

#[test]
fn who_is_divorced_in_the_morning_may_marry_in_the_afternoon() {
    let mut person = person(&[wed(ANN, "2012-05-01"), divorced(ANN, "2020-06-01")]);
    let again = wed(BEN, "2020-06-01");
    assert_eq!(person.decide(&again.record()), Ok(()));
    person.apply(again.event());
    assert_eq!(person.spouse_on(day("2020-06-01")), Some(BEN));
    assert_eq!(person.spouse_on(day("2020-05-31")), Some(ANN));
}

#[test]
fn a_widow_marries_again_from_the_day_of_the_death_on() {
    let person = person(&[wed(ANN, "2012-05-01")]);
    let again = |died: &str| wed(BEN, "2020-06-01").spouse_died(died);
    assert_eq!(person.decide(&again("2020-06-01").record()), Ok(()));
    let early = person.decide(&again("2020-06-02").record());
    assert_eq!(early, Err(Refused(vec![Refusal::AlreadyMarried])));
}

#[test]
fn an_annulled_or_moved_marriage_binds_nobody_on_that_day() {
    let annulled = person(&[wed(ANN, "2012-05-01"), annuls(0, "2012-05-01")]);
    assert_eq!(annulled.spouse_on(day("2013-01-01")), None);
    assert_eq!(annulled.decide(&wed(BEN, "2013-01-01").record()), Ok(()));
    let moved = person(&[wed(ANN, "2012-05-01"), corrects(0, "2014-05-01")]);
    assert_eq!(moved.spouse_on(day("2013-01-01")), None);
    assert_eq!(moved.spouse_on(day("2014-05-01")), Some(ANN));
}

#[test]
fn the_spouse_of_the_first_load_is_a_spouse_until_divorced() {
    let load = told(Kind::Registration, "2010-01-01").with(Role::Spouse, ANN);
    let divorce = divorced(ANN, "2013-05-01");
    let mut person = person(&[load]);
    assert_eq!(person.spouse_on(day("2009-12-31")), None);
    assert_eq!(person.spouse_on(day("2010-01-01")), Some(ANN));
    assert_eq!(person.doubts(&divorce.record(), None), []);
    person.apply(divorce.event());
    assert_eq!(person.decide(&wed(BEN, "2013-05-02").record()), Ok(()));
}

#[test]
fn an_annulled_death_opens_the_life_again() {
    let mut person = person(&[told(Kind::Birth, "1990-01-01"), told(Kind::Death, "2020-01-01")]);
    let seen = told(Kind::Observation, "2021-01-01");
    assert_eq!(person.decide(&seen.record()), Err(Refused(vec![Refusal::AfterDeath])));
    person.apply(annuls(1, "2020-01-01").event());
    assert_eq!((person.died_on(), person.decide(&seen.record())), (None, Ok(())));
    // The annulment was the mistake.
    person.apply(annuls(2, "2020-01-01").event());
    assert_eq!(person.died_on(), Some(day("2020-01-01")));
    person.apply(annuls(3, "2020-01-01").event());
    assert_eq!(person.died_on(), None);
}

#[test]
fn an_annulled_report_of_a_death_leaves_the_other_report_standing() {
    let death = told(Kind::Death, "2020-01-01");
    for annulled in [0, 1] {
        let person = person(&[death.clone(), death.clone(), annuls(annulled, "2020-01-01")]);
        assert_eq!(person.died_on(), Some(day("2020-01-01")), "{annulled}");
    }
}

#[test]
fn a_late_death_is_taken_and_closes_the_life_from_its_own_day_on() {
    let mut person = person(&[told(Kind::Observation, "2021-01-01")]);
    let death = told(Kind::Death, "2020-01-01");
    assert_eq!(person.decide(&death.record()), Ok(()));
    person.apply(death.event());
    assert_eq!(person.decide(&told(Kind::Leave, "2020-01-01").record()), Ok(()));
    let after = person.decide(&told(Kind::Leave, "2020-01-02").record());
    assert_eq!(after, Err(Refused(vec![Refusal::AfterDeath])));
}

#[test]
fn the_birth_date_is_that_of_the_newest_report_that_stands() {
    let load = told(Kind::Registration, "2010-01-01").item(Item::BirthDate, "1990-01-01");
    let seen = told(Kind::Observation, "2011-01-01").item(Item::BirthDate, "1991-01-01");
    let right = corrects(0, "2010-01-01").item(Item::BirthDate, "1992-01-01");
    let born = |given: &[Told]| person(given).born_on().map(|day| day.to_string());
    let is = |text: &str| Some(text.to_owned());
    assert_eq!(born(&[load.clone(), seen.clone()]), is("1991-01-01"));
    assert_eq!(born(&[load.clone(), seen, annuls(1, "2011-01-01")]), is("1990-01-01"));
    assert_eq!(born(&[load.clone(), right.clone()]), is("1992-01-01"));
    assert_eq!(born(&[load.clone(), right.clone(), annuls(1, "2010-01-01")]), is("1990-01-01"));
    // What corrected an annulled report says nothing any more.
    assert_eq!(born(&[load, right, annuls(0, "2010-01-01")]), None);
}

#[test]
fn a_corrected_birth_is_of_its_newest_correction_that_stands() {
    let birth = told(Kind::Birth, "1990-01-01");
    let first = corrects(0, "1990-01-02").item(Item::BirthDate, "1990-01-02");
    let second = corrects(0, "1990-01-03");
    let both = [birth, first, second];
    assert_eq!(person(&both).born_on(), Some(day("1990-01-03")));
    let undone = [&both[..], &[annuls(2, "1990-01-03")]].concat();
    assert_eq!(person(&undone).born_on(), Some(day("1990-01-02")));
    let undone = [&undone[..], &[annuls(1, "1990-01-02")]].concat();
    assert_eq!(person(&undone).born_on(), Some(day("1990-01-01")));
    let again = told(Kind::Birth, "1990-01-01").record();
    assert_eq!(person(&undone).decide(&again), Ok(()));
}

#[test]
fn an_act_tells_in_whose_streams_it_stands_and_so_do_the_changes_of_it() {
    let birth = told(Kind::Birth, "1990-01-01").with(Role::Mother, ANN).with(Role::Father, BEN);
    let head = told(Kind::Registration, "2010-01-01").with(Role::Spouse, ANN);
    let person = person(&[
        birth,
        head,
        wed(ANN, "2012-05-01"),
        corrects(2, "2012-05-02"),
        annuls(3, "2012-05-02"),
        annuls(4, "2012-05-02"),
        aside(Kind::MarryAgain, "2015-05-01").with(Role::Spouse, BEN),
    ]);
    let told_to = |at| person.told_to(Sequence(at)).map(|(_, others)| others);
    assert_eq!(told_to(0), Some(vec![ANN, BEN]));
    assert_eq!(told_to(1), Some(vec![]), "a first load is told to nobody else");
    for at in 2..6 {
        assert_eq!(told_to(at), Some(vec![ANN]), "{at}");
    }
    assert_eq!(told_to(7), None);
}

fn found_again(spouse: Option<domain::PersonId>, on: &str) -> Told {
    let told = told(Kind::Reappear, on);
    spouse.into_iter().fold(told, |told, spouse| told.with(Role::Spouse, spouse))
}

#[test]
fn somebody_declared_dead_and_found_again_lives_on_and_may_die_on_another_day() {
    let declared = told(Kind::DeathDeclared, "2015-01-01").with(Role::Spouse, ANN);
    let mut person = person(&[told(Kind::Birth, "1990-01-01"), wed(ANN, "2012-05-01"), declared]);
    assert_eq!(person.parted_by_death(Role::Spouse), [ANN]);
    assert_eq!(person.spouse_on(day("2016-01-01")), None);
    let later = told(Kind::Death, "2020-01-01");
    assert_eq!(person.decide(&later.record()), Err(Refused(vec![Refusal::AlreadyDead])));
    let back = found_again(Some(ANN), "2016-01-01");
    assert_eq!(person.decide(&back.record()), Ok(()));
    person.apply(back.event());
    assert_eq!((person.died_on(), person.parted_by_death(Role::Spouse)), (None, vec![]));
    assert_eq!(person.spouse_on(day("2016-01-01")), Some(ANN));
    assert_eq!(person.decide(&later.record()), Ok(()));
    person.apply(annuls(3, "2016-01-01").event());
    assert_eq!(person.died_on(), Some(day("2015-01-01")));
}

#[test]
fn a_death_told_aside_ends_a_marriage_and_a_return_revives_it_unless_there_is_another() {
    let dead = aside(Kind::DeathDeclared, "2015-01-01").with(Role::Spouse, ANN);
    let back = aside(Kind::Reappear, "2018-01-01").with(Role::Spouse, ANN);
    let mut widow = person(&[wed(ANN, "2012-05-01"), dead]);
    assert_eq!(widow.spouse_on(day("2014-12-31")), Some(ANN));
    assert_eq!(widow.spouse_on(day("2015-01-01")), None);
    assert!(widow.is_widowed_by(ANN) && !widow.is_widowed_by(BEN));
    assert_eq!(widow.decide(&wed(BEN, "2016-01-01").record()), Ok(()));
    let mut again = widow.clone();
    widow.apply(back.event());
    assert_eq!(widow.spouse_on(day("2018-01-01")), Some(ANN));
    again.apply(wed(BEN, "2016-01-01").event());
    again.apply(back.event());
    assert_eq!(again.spouse_on(day("2018-01-01")), Some(BEN));
    assert_eq!(again.tied_ever(), [ANN, BEN]);
}

#[test]
fn a_marriage_that_never_was_binds_nobody_from_the_judgment_on() {
    let void = told(Kind::MarryVoid, "2013-01-01").with(Role::Spouse, ANN);
    let single = person(&[wed(ANN, "2012-05-01"), void.clone()]);
    assert_eq!(single.spouse_on(day("2013-01-01")), None);
    assert_eq!(single.decide(&wed(BEN, "2013-01-01").record()), Ok(()));
    let known = person(&[told(Kind::Birth, "1990-01-01")]);
    assert_eq!(known.doubts(&void.record(), None), [domain::Doubt::MarriageNotOnRecord]);
}

#[test]
fn what_may_come_after_a_death_is_taken_and_nothing_else() {
    let dead = person(&[told(Kind::Birth, "1990-01-01"), told(Kind::Death, "2020-01-01")]);
    let mut taken = Vec::new();
    for entry in domain::catalogue::CATALOGUE.iter().filter(|entry| entry.is_posted) {
        let late = told(entry.kind, "2021-01-01").with(Role::Spouse, ANN);
        if dead.decide(&late.record()).is_ok() {
            taken.push(entry.code);
        }
    }
    let due = [
        "reappear",
        "employ_end",
        "dibao_change",
        "need_answered",
        "correction_request",
        "discrepancy",
        "registration",
    ];
    assert_eq!(taken, due);
}

#[test]
fn a_divorce_that_only_a_village_told_ends_no_marriage_for_who_tells_the_death() {
    let wedding = wed(ANN, "2012-05-01");
    let village = divorced(ANN, "2018-05-01").by(b"VIL");
    let doubted = person(&[wedding.clone(), village.clone()]);
    let on = |person: &Person| person.married_to_on(day("2020-01-01"));
    assert_eq!((doubted.spouse_on(day("2020-01-01")), on(&doubted)), (None, vec![ANN]));
    // Who may marry is asked of everybody: a new marriage by who has the word ends the doubted one.
    let again = wed(BEN, "2019-05-01");
    assert_eq!(doubted.decide(&again.record()), Ok(()));
    assert_eq!(on(&person(&[wedding.clone(), village.clone(), again])), [BEN]);
    // What the village told is confirmed, which is no divorce of nobody.
    let confirmed = divorced(ANN, "2018-06-01");
    assert_eq!(doubted.doubts(&confirmed.record(), None), []);
    assert_eq!(on(&person(&[wedding, village, confirmed])), []);
    // A marriage that the village itself told, the village may end.
    let own = wed(ANN, "2012-05-01").by(b"VIL");
    assert_eq!(on(&person(&[own, divorced(ANN, "2018-05-01").by(b"VIL")])), []);
}

#[test]
fn a_guardianship_is_known_on_both_sides_until_another_one_is_set() {
    let set = |who, on: &str| told(Kind::GuardianSet, on).with(Role::Guardian, who);
    let ward = person(&[set(ANN, "2012-05-01"), set(BEN, "2014-05-01").by(b"TWN")]);
    assert_eq!(ward.guardians_on(day("2015-01-01")), [BEN]);
    assert_eq!(ward.guardians_known_on(day("2015-01-01")), [BEN, ANN]);
    assert_eq!(ward.guardians_known_on(day("2013-01-01")), [ANN]);
    let became = aside(Kind::GuardianSet, "2012-05-01").with(Role::Ward, ANN);
    let over = aside(Kind::GuardianSet, "2014-05-01").with(Role::FormerWard, ANN);
    let known = |over: Told| person(&[became.clone(), over]).wards_known_on(day("2015-01-01"));
    assert_eq!(known(over.clone()), []);
    assert_eq!(known(over.by(b"TWN")), [ANN], "who has not the word ends nothing");
    assert_eq!(person(&[became, annuls(0, "2012-05-01")]).wards_known_on(day("2015-01-01")), []);
}

#[test]
fn a_guardian_whom_somebody_names_without_appointing_is_one_until_another_one_is_set() {
    let names = |who, on: &str| told(Kind::Registration, on).with(Role::Guardian, who);
    let set = told(Kind::GuardianSet, "2014-05-01").with(Role::Guardian, BEN);
    let known = |given: &[Told], on: &str| person(given).guardians_known_on(day(on));
    let loaded = names(ANN, "2012-05-01");
    assert_eq!(known(std::slice::from_ref(&loaded), "2012-04-30"), []);
    assert_eq!(known(std::slice::from_ref(&loaded), "2012-05-01"), [ANN]);
    assert_eq!(known(&[loaded.clone(), annuls(0, "2012-05-01")], "2013-01-01"), []);
    // Who came first to the registry is not who came first.
    for given in [[loaded.clone(), set.clone()], [set.clone(), loaded]] {
        assert_eq!(known(&given, "2013-01-01"), [ANN]);
        assert_eq!(known(&given, "2015-01-01"), [BEN]);
    }
    assert_eq!(known(&[set.clone(), names(ANN, "2015-05-01")], "2016-01-01"), [BEN, ANN]);
    // Who has not the word on it ends nothing that the first load told.
    let village = [names(ANN, "2012-05-01"), set.by(b"TWN")];
    assert_eq!(known(&village, "2015-01-01"), [BEN, ANN]);
    let became = aside(Kind::Observation, "2012-05-01").with(Role::Ward, ANN);
    let wards = |given: &[Told]| person(given).wards_known_on(day("2015-01-01"));
    assert_eq!(wards(std::slice::from_ref(&became)), [ANN]);
    assert_eq!(wards(&[became, annuls(0, "2012-05-01")]), []);
}
