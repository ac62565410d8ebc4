//! L: the values of one person agree with each other.

use jiff::civil::date;

use super::case::Case;
use super::completeness::EVER_MARRIED;
use super::kin::SPOUSE_OF_HEAD;
use super::rule::{Rule, rule};
use super::subject::is_filled;
use crate::citizen_number::Sex as SexOfNumber;
use crate::codes::{EDUCATION, RELATION_TO_HEAD};
use crate::items::Item::{self, *};

/// Married (GB/T 2261.2).
pub(super) const MARRIED: [&str; 4] = ["20", "21", "22", "23"];
/// Employed by somebody, or on their own account (GB/T 2261.4).
const AT_WORK: [&str; 6] = ["11", "13", "17", "21", "24", "54"];
/// Methods that only one sex uses: 10 men, the others women.
const METHODS_OF_ONE_SEX: [&str; 4] = ["10", "20", "30", "40"];

pub(super) const RULES: [Rule; 27] = [
    rule! { "L01" Error [CitizenId BirthDate] also []
    "身份号码出生日期与出生日期不符": "the number states another date of birth"
    applies |c| Some(c.number.is_some() && c.p.is_filled(BirthDate));
    holds |c| Some(c.number?.birth_date() == c.p.day(BirthDate)?) },
    rule! { "L02" Error [CitizenId Sex] also []
    "身份号码性别位与性别不符": "the number states another sex"
    applies |c| Some(c.number.is_some() && c.p.is_filled(Sex));
    holds |c| c.p.is_among(Sex, &[match c.number?.sex() {
        SexOfNumber::Male => "1",
        SexOfNumber::Female => "2",
    }]) },
    rule! { "L03" Error [MaritalStatus MaritalChangeDate] also []
    "未婚者不应有婚姻变动时间": "never married, yet the marital status changed"
    applies |c| Some(c.p.has(MaritalStatus, &["10"]));
    holds |c| Some(c.p.day(MaritalChangeDate).is_none()) },
    rule! { "L04" Error [MaritalStatus BirthDate] also [Alive DeathDate]
    "15岁以下非未婚": "married under 15 years"
    applies |c| was_ever_married(c);
    holds |c| Some(c.age? >= 15) },
    rule! { "L05" Error [MaritalChangeDate BirthDate Sex] also [MaritalStatus]
    "低于法定婚龄(含变通2岁)": "married more than two years below the legal age"
    applies |c| married_on_a_known_day(c);
    // Autonomous areas may set the age two years lower.
    holds |c| Some(c.years_over_legal_age()? >= -2) },
    rule! { "L06" Warning [MaritalChangeDate BirthDate Sex] also [MaritalStatus]
    "低于法定婚龄": "married below the legal age"
    applies |c| married_on_a_known_day(c);
    holds |c| Some(c.years_over_legal_age()? >= 0) },
    rule! { "L07" Error [MaritalChangeDate BirthDate] also []
    "婚姻变动早于出生": "the marital status changed before the birth"
    applies |c| Some(c.p.is_filled(MaritalChangeDate));
    holds |c| Some(c.p.day(MaritalChangeDate)? > c.p.day(BirthDate)?) },
    rule! { "L08" Error [FirstMarriageDate MaritalChangeDate] also []
    "初婚时间晚于婚姻变动时间": "the first marriage is later than the last change of marital status"
    applies |c| Some(c.p.is_filled(FirstMarriageDate) && c.p.is_filled(MaritalChangeDate));
    holds |c| Some(c.p.day(FirstMarriageDate)? <= c.p.day(MaritalChangeDate)?) },
    rule! { "L09" Error [FirstMarriageDate MaritalStatus] also [MaritalChangeDate]
    "初婚者两日期应相等": "in a first marriage the two dates must be one"
    applies |c| Some(c.p.has(MaritalStatus, &["21"]) && c.p.is_filled(FirstMarriageDate));
    // A date that is missing beside one that is there is no equal date: it fires.
    holds |c| Some(c.p.day(FirstMarriageDate) == c.p.day(MaritalChangeDate)) },
    rule! { "L10" Warning [MigrationDate Residence Hukou] also []
    "现住地=户籍地却有流动时间": "lives in the registered township, yet a date of a move stands"
    applies |c| Some(c.p.is_filled(MigrationDate));
    holds |c| c.is_separated() },
    rule! { "L11" Error [MigrationDate BirthDate] also []
    "流动时间早于出生": "moved before the birth"
    applies |c| Some(c.p.is_filled(MigrationDate));
    holds |c| Some(c.p.day(MigrationDate)? >= c.p.day(BirthDate)?) },
    rule! { "L12" Error [Education BirthDate] also [Alive DeathDate]
    "文化程度与年龄不符": "too young for the education"
    applies |c| Some(age_of_education(c).is_some());
    holds |c| Some(c.age? >= age_of_education(c)?) },
    rule! { "L13" Error [EmploymentStatus BirthDate] also [Alive DeathDate]
    "未满16周岁就业": "at work under 16 years"
    applies |c| Some(c.p.has(EmploymentStatus, &AT_WORK));
    holds |c| Some(c.age? >= 16) },
    rule! { "L14" Warning [EmploymentStatus BirthDate] also [Alive DeathDate]
    "现役军人年龄": "a soldier under 17 or over 65 years"
    applies |c| Some(c.p.has(EmploymentStatus, &["37"]));
    holds |c| Some((17..=65).contains(&c.age?)) },
    rule! { "L15" Warning [EmploymentStatus Hukou] also [HukouStatus]
    "现役军人户口应已注销": "a soldier's household registration should be cancelled"
    applies |c| Some(c.p.has(EmploymentStatus, &["37"]));
    holds |c| c.p.is_among(HukouStatus, &["cancelled_military"]) },
    rule! { "L16" Warning [EmploymentStatus BirthDate] also [Alive DeathDate]
    "退休年龄过低": "retired under 45 years"
    applies |c| Some(c.p.has(EmploymentStatus, &["80"]));
    holds |c| Some(c.age? >= 45) },
    rule! { "L17" Error [RelationToHead Sex] also []
    "关系代码与性别不符": "the relation to the head implies the other sex"
    applies |c| Some(sex_of_relation(c).is_some());
    holds |c| c.p.is_among(Sex, &[if sex_of_relation(c)? == 1 { "1" } else { "2" }]) },
    rule! { "L18" Error [RelationToHead MaritalStatus] also []
    "户主配偶婚姻状况非已婚": "husband or wife of the head, yet not married"
    applies |c| Some(c.p.has(RelationToHead, &SPOUSE_OF_HEAD));
    holds |c| c.p.is_among(MaritalStatus, &MARRIED) },
    rule! { "L19" Error [DeathDate]
    also [BirthDate MaritalChangeDate FirstMarriageDate MigrationDate LastEvent]
    "死亡日期早于其他日期": "something happened after the death"
    applies |c| Some(c.p.is_filled(DeathDate));
    holds |c| nothing_after_death(c) },
    rule! { "L20" Error [DeathDate] also [Alive]
    "死亡状态不一致": "a date of death that has not come, or of somebody who is alive"
    applies |c| Some(c.p.is_filled(DeathDate));
    holds |c| Some(c.p.day(DeathDate)? <= c.today() && !c.p.is_alive) },
    rule! { "L21" Warning [Health DisabilityType] also []
    "有残疾证但健康状况非残疾": "a disability certificate, yet the health says no disability"
    applies |c| Some(is_filled(c.p.disability_type));
    holds |c| Some(c.p.text(Health).is_some_and(|health| health.starts_with('6'))) },
    rule! { "L22" Warning [Health DisabilityType] also []
    "残疾类别不一致": "the health names another disability than the certificate"
    applies |c| Some(is_filled(c.p.disability_type) && disability_of_health(c).is_some());
    holds |c| Some(c.p.has(Health, &["60", "69"])
        || disability_of_health(c)? == c.p.disability_type?) },
    rule! { "L23" Error [DisabilityCert] also [CitizenId]
    "残疾人证号不合法": "the certificate is not the citizen number, a type 1-7 and a level 1-4"
    applies |c| Some(is_filled(c.p.disability_cert));
    holds is_certificate },
    rule! { "L24" Error [Sex Fertility] also []
    "男性有孕产记录": "a pregnancy on record of somebody who is no woman"
    applies |c| Some(c.p.has_pregnancy_record);
    holds |c| c.p.is_among(Sex, &["2"]) },
    rule! { "L25" Error [Sex Contraceptive] also []
    "避孕方法与性别不符": "a contraceptive method of the other sex"
    applies |c| Some(METHODS_OF_ONE_SEX.contains(&c.p.contraceptive.unwrap_or_default()));
    holds |c| Some(c.p.is_among(Sex, &["1"])? == (c.p.contraceptive? == "10")) },
    rule! { "L26" Warning [HukouNature Hukou] also [HukouNatureDate]
    "居民户口早于2014改革": "a unified registration from before the reform of 24 July 2014"
    applies |c| Some(c.p.has(HukouNature, &["3"]));
    holds |c| Some(c.p.hukou_nature_date.is_none_or(|day| day >= date(2014, 7, 24))) },
    rule! { "L27" Hint [CitizenId BirthPlace] also []
    "号码前段与出生地不同(仅提示)": "the number was issued in another city than that of birth"
    applies |c| Some(c.number.is_some() && c.p.is_filled(BirthPlace));
    holds |c| Some(c.p.text(BirthPlace)?.get(..4) == Some(&c.number?.region()[..4])) },
];

fn was_ever_married(case: &Case<'_>) -> Option<bool> {
    Some(case.p.has(MaritalStatus, &EVER_MARRIED))
}

fn married_on_a_known_day(case: &Case<'_>) -> Option<bool> {
    Some(was_ever_married(case)? && case.p.is_filled(MaritalChangeDate))
}

/// The least age in years for the education; none where there is none, or no such code.
fn age_of_education(case: &Case<'_>) -> Option<i16> {
    EDUCATION.number(case.p.text(Education)?).map(i16::from)
}

/// The sex that the relation to the head implies (GB/T 2261.1).
fn sex_of_relation(case: &Case<'_>) -> Option<u8> {
    RELATION_TO_HEAD.number(case.p.text(RelationToHead)?)
}

fn nothing_after_death(case: &Case<'_>) -> Option<bool> {
    const DATED: [Item; 4] = [BirthDate, MaritalChangeDate, FirstMarriageDate, MigrationDate];
    let death = case.p.day(DeathDate)?;
    let mut days = DATED.into_iter().filter_map(|item| case.p.day(item)).chain(case.p.last_event);
    Some(days.all(|day| day <= death))
}

/// The second digit of a health code 6x: the kind of disability, as on the certificate.
fn disability_of_health<'a>(case: &Case<'a>) -> Option<&'a str> {
    case.p.text(Health).filter(|health| health.len() == 2)?.strip_prefix('6')
}

/// Twenty characters: the citizen number, a kind of disability 1-7, a level 1-4. A certificate of
/// another form is none, whoever holds it.
fn is_certificate(case: &Case<'_>) -> Option<bool> {
    let certificate = case.p.disability_cert?;
    let Some((number, [b'1'..=b'7', b'1'..=b'4'])) =
        certificate.split_at_checked(18).map(|(number, end)| (number, end.as_bytes()))
    else {
        return Some(false);
    };
    let stated = case.p.text(CitizenId)?;
    let own = case.number.as_ref().map_or(stated, |number| number.as_str());
    Some(number == own)
}
