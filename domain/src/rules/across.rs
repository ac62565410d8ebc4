//! X: the records of several persons agree: in the whole register, in a household, in a family.

use super::case::{Case, all, days, first_nine};
use super::household::HouseholdKind::{Collective, Family};
use super::kin::{self, SPOUSE_OF_HEAD};
use super::logic::MARRIED;
use super::rule::{Rule, rule};
use super::subject::{PersonIndex, Subject};
use crate::items::Item::*;

/// A child may be born so long after the father's death.
const DAYS_AFTER_FATHER_MAX: i64 = 300;
/// Births of one mother that are closer are one birth.
const DAYS_OF_ONE_BIRTH_MAX: i64 = 3;
/// Between two births of one mother.
const DAYS_BETWEEN_BIRTHS_MIN: i64 = 180;
/// A widow's or widower's record may lag so long.
const DAYS_TO_BE_WIDOWED_MAX: i64 = 60;

pub(super) const RULES: [Rule; 28] = [
    rule! { "X01" Error [CitizenId] also []
    "身份号码重复": "another record has this number"
    applies |c| Some(c.p.is_filled(CitizenId));
    holds |c| {
        let number = c.number.as_ref().map(|number| number.as_str());
        let number = number.or(c.p.text(CitizenId))?;
        Some(c.context.counts.records_with_number(number)? == 1)
    } },
    rule! { "X02" Warning [FullName BirthDate Sex] also [CitizenId Residence Hukou]
    "疑似重复人员": "another person of the county has this name, date of birth and sex"
    applies |_| Some(true);
    holds |c| {
        c.p.text(FullName).and(c.p.day(BirthDate)).and(c.p.text(Sex))?;
        Some(c.context.counts.others_alike(c.p)? == 0)
    } },
    rule! { "X03" Error [RelationToHead] also [Household Alive]
    "户主不唯一": "the household has no head, or several"
    applies |_| Some(true);
    holds |c| Some(c.household?.heads_alive == 1) },
    rule! { "X04" Error [RelationToHead] also [Household Alive]
    "户主配偶多于一人": "the head of the household has several husbands or wives"
    applies |_| Some(true);
    holds |c| Some(c.household?.spouses_alive <= 1) },
    rule! { "X05" Error [RelationToHead Sex] also [Household]
    "户主与配偶同性": "the head and the husband or wife are of one sex"
    applies |c| c.is_to_head(&SPOUSE_OF_HEAD);
    holds |c| Some(c.p.text(Sex)? != c.head()?.text(Sex)?) },
    rule! { "X06" Error [RelationToHead MaritalStatus] also [Household]
    "户主有配偶但婚姻状况非已婚": "the head has a husband or wife, yet is not married"
    applies |c| c.is_to_head(&SPOUSE_OF_HEAD);
    holds |c| c.head()?.is_among(MaritalStatus, &MARRIED) },
    rule! { "X07" Error [RelationToHead BirthDate] also [Household]
    "子女与户主年龄差<10": "a child less than 10 years younger than the head"
    applies |c| c.is_to_head(&kin::OWN_CHILD);
    holds |c| Some(c.years_after_head()? >= 10) },
    rule! { "X08" Warning [RelationToHead BirthDate] also [Household]
    "子女与户主年龄差异常": "a child not 15 to 60 years younger than the head"
    applies |c| c.is_to_head(&kin::OWN_CHILD_OF_A_RANK);
    holds |c| Some((15..=60).contains(&c.years_after_head()?)) },
    rule! { "X09" Error [RelationToHead BirthDate] also [Household]
    "父母与户主年龄差<10": "a parent less than 10 years older than the head"
    applies |c| c.is_to_head(&kin::PARENT);
    holds |c| Some(c.years_before_head()? >= 10) },
    rule! { "X10" Warning [RelationToHead BirthDate] also [Household]
    "祖辈与户主年龄差<28": "a grandparent less than 28 years older than the head"
    applies |c| c.is_to_head(&kin::GRANDPARENT);
    holds |c| Some(c.years_before_head()? >= 28) },
    rule! { "X11" Error [RelationToHead BirthDate] also [Household]
    "兄姐比户主年轻": "an elder brother or sister younger than the head"
    applies |c| c.is_to_head(&kin::ELDER_SIBLING);
    holds |c| Some(c.p.day(BirthDate)? <= c.head()?.day(BirthDate)?) },
    rule! { "X12" Error [RelationToHead BirthDate] also [Household]
    "弟妹比户主年长": "a younger brother or sister older than the head"
    applies |c| c.is_to_head(&kin::YOUNGER_SIBLING);
    holds |c| Some(c.p.day(BirthDate)? >= c.head()?.day(BirthDate)?) },
    // The expression of the table names the sons; its note says that daughters are judged alike.
    rule! { "X13" Error [RelationToHead BirthDate] also [Household]
    "儿子排行与出生顺序矛盾": "the ranks of the sons, or daughters, contradict their births"
    applies |c| Some(c.p.has(RelationToHead, &kin::SONS_RANKED)
        || c.p.has(RelationToHead, &kin::DAUGHTERS_RANKED));
    holds |c| if c.p.has(RelationToHead, &kin::SONS_RANKED) {
        c.household?.sons_in_order
    } else {
        c.household?.daughters_in_order
    } },
    rule! { "X14" Warning [RelationToHead] also [Household]
    "独生子女户有其他子女": "an only child, yet the head has other children"
    applies |c| Some(c.p.has(RelationToHead, &["21", "31"]));
    holds |c| Some(c.household?.children == 1) },
    rule! { "X15" Error [MotherId BirthDate Sex] also []
    "母亲性别或生育年龄不符": "the mother is no woman, or was not 10 to 60 years old at the birth"
    applies |c| Some(c.p.mother.is_some());
    holds |c| of(c, c.p.mother, |mother| all(&[
        mother.is_among(Sex, &["2"]),
        c.age_of_parent(mother).map(|age| (10..=60).contains(&age)),
    ])) },
    rule! { "X16" Warning [MotherId BirthDate] also []
    "母亲生育年龄不在15-49": "the mother was not 15 to 49 years old at the birth"
    applies |c| Some(c.p.mother.is_some());
    holds |c| of(c, c.p.mother, |mother| Some((15..=49).contains(&c.age_of_parent(mother)?))) },
    rule! { "X17" Error [MotherId DeathDate] also [BirthDate]
    "母亲先于子女出生死亡": "the mother died before the birth"
    applies |c| Some(c.p.mother.is_some_and(|mother| c.person(mother).is_filled(DeathDate)));
    holds |c| of(c, c.p.mother, |mother| Some(mother.day(DeathDate)? >= c.p.day(BirthDate)?)) },
    rule! { "X18" Error [FatherId BirthDate] also [Sex DeathDate]
    "父亲性别/年龄/死亡日期不符":
        "the father is no man, was under 12 at the birth, or had died 300 days before it"
    applies |c| Some(c.p.father.is_some());
    holds |c| of(c, c.p.father, |father| all(&[
        father.is_among(Sex, &["1"]),
        c.age_of_parent(father).map(|age| age >= 12),
        match father.day(DeathDate) {
            None => Some(true),
            Some(death) => c.p.day(BirthDate)
                .map(|birth| days(death, birth) <= DAYS_AFTER_FATHER_MAX),
        },
    ])) },
    rule! { "X19" Error [MotherId BirthDate] also [Children]
    "同母子女出生间隔不合理": "another child of the mother was born 4 to 179 days before or after"
    applies |c| Some(c.p.mother.is_some());
    holds |c| of(c, c.p.mother, |mother| births_are_apart(c, mother)) },
    rule! { "X20" Error [SpouseId] also []
    "配偶关系不对称": "the husband or wife is not married to this person"
    applies |c| Some(c.p.spouse.is_some());
    holds |c| of(c, c.p.spouse, |spouse| Some(spouse.spouse == Some(c.me))) },
    rule! { "X21" Error [SpouseId Sex] also []
    "配偶性别相同": "husband and wife are of one sex"
    applies |c| Some(c.p.spouse.is_some());
    holds |c| of(c, c.p.spouse, |spouse| Some(spouse.text(Sex)? != c.p.text(Sex)?)) },
    rule! { "X22" Error [SpouseId MaritalStatus] also [Alive]
    "配偶婚姻状况矛盾": "married to somebody who is not married"
    applies |c| Some(is_married_to(c, |spouse| spouse.is_alive));
    holds |c| of(c, c.p.spouse, |spouse| spouse.is_among(MaritalStatus, &MARRIED)) },
    rule! { "X23" Warning [SpouseId MaritalChangeDate] also [MaritalStatus]
    "夫妻婚姻变动时间不一致": "husband and wife were married on different days"
    applies |c| Some(c.p.is_filled(MaritalChangeDate)
        && is_married_to(c, |spouse| spouse.is_filled(MaritalChangeDate)));
    holds |c| of(c, c.p.spouse, |spouse|
        Some(c.p.day(MaritalChangeDate)? == spouse.day(MaritalChangeDate)?)) },
    rule! { "X24" Error [MaritalStatus SpouseId] also [LastSpouse DeathDate]
    "丧偶但配偶在世": "widowed, yet the husband or wife is alive"
    applies |c| Some(c.p.has(MaritalStatus, &["30"]) && c.p.last_spouse.is_some());
    holds |c| of(c, c.p.last_spouse, |spouse| Some(spouse.is_filled(DeathDate))) },
    rule! { "X25" Error [SpouseId] also [MotherId FatherId]
    "近亲结婚": "married to near kin"
    applies |c| Some(c.p.spouse.is_some());
    holds |c| Some(!kin::are_near_kin(c.context.people, c.me, c.p.spouse?)) },
    rule! { "X26" Warning [MaritalStatus SpouseId] also [DeathDate Alive]
    "配偶已死亡未变更为丧偶": "the husband or wife died more than 60 days ago, yet still married"
    applies |c| Some(c.p.spouse.is_some_and(|spouse| c.person(spouse).is_filled(DeathDate)));
    holds |c| of(c, c.p.spouse, |spouse| Some(!c.p.is_among(MaritalStatus, &MARRIED)?
        || days(spouse.day(DeathDate)?, c.lived_until?) <= DAYS_TO_BE_WIDOWED_MAX)) },
    rule! { "X27" Warning [Household] also [RelationToHead HouseholdKind]
    "集体户出现家庭关系": "a family relation in a collective household"
    applies |c| Some(c.household?.kind == Some(Collective));
    holds |c| c.p.is_among(RelationToHead, &["01", "02", "99", "97", "80"]) },
    rule! { "X28" Warning [Household] also [Hukou RelationToHead HouseholdKind Alive]
    "户内成员户籍地不一致": "registered in another township than the head of the household"
    applies |c| Some(c.p.is_alive && c.household?.kind == Some(Family));
    holds is_registered_with_head },
];

/// Asks something about a relative.
fn of<'a>(
    case: &Case<'a>,
    relative: Option<PersonIndex>,
    question: impl FnOnce(&'a Subject<'a>) -> Option<bool>,
) -> Option<bool> {
    question(case.person(relative?))
}

fn is_married_to(case: &Case<'_>, spouse: impl FnOnce(&Subject<'_>) -> bool) -> bool {
    case.p.has(MaritalStatus, &MARRIED) && case.p.spouse.is_some_and(|it| spouse(case.person(it)))
}

/// One child born too near decides; a child whose birth is unknown may have been.
fn births_are_apart(case: &Case<'_>, mother: &Subject<'_>) -> Option<bool> {
    let birth = case.p.day(BirthDate);
    let mut is_birth_missing = false;
    for child in mother.children.iter().filter(|child| **child != case.me) {
        let (Some(birth), Some(other)) = (birth, case.person(*child).day(BirthDate)) else {
            is_birth_missing = true;
            continue;
        };
        let apart = days(birth, other).abs();
        if apart > DAYS_OF_ONE_BIRTH_MAX && apart < DAYS_BETWEEN_BIRTHS_MIN {
            return Some(false);
        }
    }
    (!is_birth_missing).then_some(true)
}

fn is_registered_with_head(case: &Case<'_>) -> Option<bool> {
    let (Some(head), Some(own)) = (case.head(), case.p.text(Hukou)) else { return Some(true) };
    let is_same = first_nine(own) == first_nine(head.text(Hukou)?);
    if is_same { Some(true) } else { case.p.is_among(RelationToHead, &["99"]) }
}
