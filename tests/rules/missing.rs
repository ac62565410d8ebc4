//! An operand that is missing makes a rule "not evaluated": neither right nor wrong.

use domain::Divisions;
use domain::rules::PersonIndex;
use domain::rules::{Case, Class, Context, NoCounts, Outcome, RuleBook, RuleId, RuleSet, Subject};

use super::house::clean;

/// Rule, member, changes: what is needed is missing.
#[rustfmt::skip]
const MISSING: &[(&str, usize, &str)] = &[
    ("C10", 0, "0.birth_date=null"),
    ("C14", 0, "0.birth_date=null"),
    ("N01", 0, "0.birth_date=null"),
    ("N02", 0, "0.birth_date=null"),
    ("L04", 0, "0.birth_date=null"),
    ("L05", 0, "0.birth_date=null"),
    ("L05", 0, "0.sex=null"),
    ("L06", 0, "0.sex="),
    ("L07", 0, "0.birth_date=null"),
    ("L10", 0, "0.migration_date=2020-01-01; 0.residence_code=null"),
    ("L11", 0, "0.migration_date=2020-01-01; 0.birth_date=null"),
    ("L12", 0, "0.birth_date=null"),
    ("L13", 0, "0.birth_date=null"),
    ("L14", 0, "0.employment_status=37; 0.birth_date=null"),
    ("L15", 0, "0.employment_status=37; 0.hukou_status=null"),
    ("L16", 0, "0.employment_status=80; 0.birth_date=null"),
    ("L17", 1, "1.sex=null"),
    ("L18", 1, "1.marital_code=null"),
    ("L23", 0, "0.citizen_id=null; 0.disability_cert=33010619850520001374"),
    ("L24", 0, "0.sex=null; 0.has_pregnancy_record=true"),
    ("L25", 0, "0.sex=null; 0.contraceptive=10"),
    ("X01", 0, "citizen_id_count=?"),
    ("X02", 0, "others_with_same_name_birth_sex_county=?"),
    ("X02", 0, "0.birth_date=null"),
    ("X03", 0, "household=null"),
    ("X04", 0, "household=null"),
    ("X05", 1, "household=null"),
    ("X05", 1, "0.sex=null"),
    ("X06", 1, "0.marital_code=null"),
    ("X07", 2, "0.birth_date=null"),
    ("X08", 2, "2.birth_date=null"),
    ("X09", 2, "2.relation_code=51; 0.birth_date=null"),
    ("X10", 2, "2.relation_code=61; 0.birth_date=null"),
    ("X11", 2, "2.relation_code=71; 0.birth_date=null"),
    ("X12", 2, "2.relation_code=73; 0.birth_date=null"),
    ("X13", 2, "3.relation_code=23; 3.birth_date=null"),
    ("X14", 2, "2.relation_code=21; household=null"),
    ("X15", 2, "1.sex=null"),
    ("X15", 2, "1.birth_date=null"),
    ("X16", 2, "1.birth_date=null"),
    ("X17", 2, "1.death_date=2026-01-01; 2.birth_date=null"),
    ("X18", 2, "0.birth_date=null"),
    ("X18", 2, "0.sex=null"),
    ("X19", 2, "3.birth_date=null"),
    ("X19", 2, "2.birth_date=null"),
    ("X21", 0, "1.sex=null"),
    ("X22", 0, "1.marital_code=null"),
    ("X26", 0, "1.death_date=2020-01-01; 0.marital_code=null"),
    ("X27", 0, "kind=collective; 0.relation_code=null"),
    ("X27", 0, "household=null"),
    ("X28", 1, "0.hukou_code=null"),
    ("X28", 1, "household=null"),
    ("R01", 0, "0.birth_date=null"),
    ("R02", 0, "0.birth_date=null"),
    ("R03", 0, "0.birth_date=null"),
    ("R05", 0, "household=null"),
    ("R05", 0, "kind=?; 15.sex=1; members=@0 @1 @2 @3 @4 @5 @6 @7 @8 @9 @10 @11 @12 @13 @14 @15"),
    ("R07", 0, "0.last_verified=null"),
    ("R08", 0, "persons_with_same_phone=?"),
];

#[test]
fn a_rule_whose_operand_is_missing_is_not_evaluated() {
    for (rule, member, changes) in MISSING {
        let found = clean().with(changes).findings()[*member];
        let outcome = found.outcome(RuleId::parse(rule).expect("a rule"));
        assert_eq!(outcome, Outcome::NotEvaluated, "{rule} of member {member} with {changes:?}");
    }
}

/// What is wrong whatever the missing operand may be is wrong.
#[test]
fn a_missing_operand_that_decides_nothing_is_not_needed() {
    for (rule, member, changes) in [
        ("X15", 2, "1.sex=1; 1.birth_date=null"),
        ("X15", 2, "1.sex=null; 1.birth_date=2010-01-01"),
        ("X18", 2, "0.sex=null; 0.birth_date=2010-01-01"),
        ("X19", 2, "3.birth_date=2014-05-01; 4.alive=true; 1.children=@2 @4 @3"),
        (
            "X13",
            2,
            "3.relation_code=23; 3.birth_date=2010-01-01; 4.relation_code=24; members=@0 @2 @3 @4",
        ),
        ("L23", 0, "0.citizen_id=null; 0.disability_cert=123"),
    ] {
        let found = clean().with(changes).findings()[member];
        let outcome = found.outcome(RuleId::parse(rule).expect("a rule"));
        assert_eq!(outcome, Outcome::Fires, "{rule} of member {member} with {changes:?}");
    }
}

/// Taking a value away makes nothing wrong but its completeness, and what asks for it by name: two
/// dates of a first marriage (L09), a disability in the health (L21), a head (X03), a husband or
/// wife who is married back (X20).
#[test]
fn what_is_missing_never_fails_a_rule_that_does_not_ask_for_it() {
    let asking: RuleSet =
        ["L09", "L21", "X03", "X20"].iter().map(|id| RuleId::parse(id).unwrap()).collect();
    let allowed = asking.union(RuleSet::of_class(Class::Completeness));
    let houses = [
        clean(),
        clean().with(
            "0.disability_type=1; 0.health_code=61; 0.employment_status=37; \
            0.hukou_status=cancelled_military; 0.contraceptive=10; 1.has_pregnancy_record=true",
        ),
        clean().with("kind=collective; 1.relation_code=99; 2.relation_code=97; 3.relation_code=80"),
        clean()
            .with("1.death_date=2026-11-01; 1.alive=false; 0.disability_cert=33010619850520001374"),
        clean().with("2.relation_code=51; 2.birth_date=1950-01-01; 3.relation_code=75"),
    ];
    for house in houses {
        let before = house.findings();
        let names: Vec<_> = house.people[0].keys().cloned().collect();
        for (member, name) in (0..4).flat_map(|it| names.iter().map(move |name| (it, name))) {
            if name == "alive" || name == "death_date" {
                continue;
            }
            let after = house.clone().with(&format!("{member}.{name}=null")).findings();
            for (before, after) in before.iter().zip(&after) {
                let new = after.fired.without(before.fired).without(allowed);
                assert!(new.is_empty(), "without {member}.{name}: {new:?}");
            }
        }
    }
}

/// Of a person of whom nothing is known, only what is missing is said.
#[test]
fn an_empty_record_is_incomplete_and_nothing_else() {
    let divisions = Divisions::embedded(true);
    let people = [Subject::default()];
    let today = clean().today;
    let context = Context { people: &people, counts: &NoCounts, divisions: &divisions, today };
    let found = RuleBook::in_force(today).evaluate(&Case::new(context, PersonIndex(0), None));
    let wrong: Vec<_> = found.fired.iter().map(|id| id.to_string()).collect();
    let expected = "C01 C02 C03 C04 C05 C06 C07 C08 C09 C11 C13 C17";
    assert_eq!(wrong.join(" "), expected);
    let open: Vec<_> = found.not_evaluated.iter().map(|id| id.to_string()).collect();
    assert_eq!(open.join(" "), "C10 C14 X02 X03 X04 X27 X28 R01 R02 R05 R07");
    assert_eq!(found.held.iter().map(|id| id.to_string()).collect::<Vec<_>>(), ["N22"]);
}
