//! C: a base item that ought to be there is there. What ought to be there depends on age, being
//! alive and being registered, so that children and people who never moved can be complete.

use super::case::{Case, days};
use super::rule::{Rule, rule};
use super::subject::is_filled;
use crate::items::Item::{self, *};

/// Married, widowed or divorced (GB/T 2261.2).
pub(super) const EVER_MARRIED: [&str; 6] = ["20", "21", "22", "23", "30", "40"];
/// The document type of somebody without household registration.
const UNREGISTERED: [&str; 1] = ["11"];
/// Those employed by an organisation, and students, whose employer is their school.
const IN_AN_ORGANISATION: [&str; 6] = ["11", "13", "17", "21", "24", "31"];
/// A birth is registered, and has a number, after some weeks.
const DAYS_WITHOUT_NUMBER_MAX: i64 = 60;

pub(super) const RULES: [Rule; 17] = [
    rule! { "C01" Error [FullName] also []
    "姓名未填": "the name is missing"
    applies |_| Some(true);
    holds |c| filled(c, FullName) },
    rule! { "C02" Error [CitizenId] also [IdDocumentType BirthDate Alive DeathDate]
    "身份号码未填": "the citizen number is missing"
    applies |c| if is_registered(c) { is_newborn(c).map(|is| !is) } else { Some(false) };
    holds |c| filled(c, CitizenId) },
    rule! { "C03" Error [Sex] also []
    "性别未填": "the sex is missing"
    applies |_| Some(true);
    holds |c| filled(c, Sex) },
    rule! { "C04" Error [BirthPlace] also []
    "出生地未填": "the place of birth is missing"
    applies |_| Some(true);
    holds |c| filled(c, BirthPlace) },
    rule! { "C05" Error [BirthDate] also []
    "出生日期未填": "the date of birth is missing"
    applies |_| Some(true);
    holds |c| filled(c, BirthDate) },
    rule! { "C06" Error [EthnicGroup] also []
    "民族未填": "the ethnic group is missing"
    applies |_| Some(true);
    holds |c| filled(c, EthnicGroup) },
    rule! { "C07" Error [Residence] also [ResidenceAddress Alive]
    "现住地未填": "the residence or its address is missing"
    applies |c| Some(c.p.is_alive);
    holds |c| Some(c.p.is_filled(Residence) && c.p.is_filled(ResidenceAddress)) },
    rule! { "C08" Error [Hukou] also [HukouAddress IdDocumentType]
    "户籍地未填": "the place of household registration or its address is missing"
    applies |c| Some(is_registered(c));
    holds |c| Some(c.p.is_filled(Hukou) && c.p.is_filled(HukouAddress)) },
    rule! { "C09" Error [DoorPlate] also [Alive]
    "门牌号未填": "the door plate is missing"
    applies |c| Some(c.p.is_alive);
    holds |c| filled(c, DoorPlate) },
    rule! { "C10" Error [Education] also [BirthDate Alive DeathDate]
    "文化程度未填": "the education is missing, from 6 years on"
    applies |c| Some(c.age? >= 6);
    holds |c| filled(c, Education) },
    rule! { "C11" Error [HukouNature] also [IdDocumentType]
    "户口性质未填": "the kind of household registration is missing"
    applies |c| Some(is_registered(c));
    holds |c| filled(c, HukouNature) },
    rule! { "C12" Error [Employer] also [EmploymentStatus Alive]
    "工作单位(学校)未填": "the employer or school is missing"
    applies |c| Some(c.p.is_alive && c.p.has(EmploymentStatus, &IN_AN_ORGANISATION));
    holds |c| filled(c, Employer) },
    rule! { "C13" Error [Health] also [Alive]
    "健康状况未填": "the state of health is missing"
    applies |c| Some(c.p.is_alive);
    holds |c| filled(c, Health) },
    rule! { "C14" Error [MaritalStatus] also [BirthDate Alive DeathDate]
    "婚姻状况未填": "the marital status is missing, from 15 years on"
    applies |c| Some(c.age? >= 15);
    holds |c| filled(c, MaritalStatus) },
    rule! { "C15" Error [MaritalChangeDate] also [MaritalStatus]
    "婚姻变动时间未填": "the date of the last change of marital status is missing"
    applies |c| Some(c.p.has(MaritalStatus, &EVER_MARRIED));
    holds |c| filled(c, MaritalChangeDate) },
    rule! { "C16" Error [MigrationDate] also [Residence Hukou Alive]
    "流动时间未填": "the date of the move is missing, living away from the registered township"
    applies |c| Some(c.p.is_alive && c.is_separated() == Some(true));
    holds |c| filled(c, MigrationDate) },
    rule! { "C17" Error [RelationToHead] also [Alive]
    "与户主关系未填": "the relation to the head of household is missing"
    applies |c| Some(c.p.is_alive);
    holds |c| filled(c, RelationToHead) },
];

fn filled(case: &Case<'_>, item: Item) -> Option<bool> {
    Some(case.p.is_filled(item))
}

fn is_registered(case: &Case<'_>) -> bool {
    !case.p.has(IdDocumentType, &UNREGISTERED)
}

/// Whether the person is, or died, so young that there may be no number yet.
fn is_newborn(case: &Case<'_>) -> Option<bool> {
    let Some(birth) = case.p.day(BirthDate) else { return Some(false) };
    Some(days(birth, case.lived_until?) <= DAYS_WITHOUT_NUMBER_MAX)
}

/// Whether an item has a value, as most rules of the other classes ask before they look at it.
pub(super) fn is_given(case: &Case<'_>, item: Item) -> Option<bool> {
    Some(is_filled(case.p.text(item)))
}
