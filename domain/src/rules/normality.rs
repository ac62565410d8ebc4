//! N: a value looks as its standard says: codes of their tables, names of Han characters, dates
//! that have come.

use super::case::Case;
use super::completeness::is_given;
use super::rule::{Rule, rule};
use crate::codes::{self, CodeTable};
use crate::items::Item::{self, *};

/// Between the parts of a name, and no other character (民委发〔2016〕33号).
const NAME_SEPARATOR: char = '·';
/// What is typed when nothing is known.
const PLACEHOLDERS: [&str; 8] = ["不详", "未知", "测试", "单位", "工作", "111", "123", "xxx"];

pub(super) const RULES: [Rule; 23] = [
    rule! { "N01" Error [FullName] also [BirthDate Alive DeathDate]
    "姓名含非法字符": "the name has characters that no name has"
    applies |c| Some(c.p.is_filled(FullName) && c.age? >= 7);
    holds |c| Some(is_name(c.p.text(FullName)?)) },
    rule! { "N02" Warning [FullName] also [BirthDate Alive DeathDate]
    "姓名不规范(7岁以下)": "the name of a child under 7 has characters that no name has"
    applies |c| Some(c.p.is_filled(FullName) && c.age? < 7);
    holds |c| Some(is_name(c.p.text(FullName)?)) },
    rule! { "N03" Error [FullName] also []
    "姓名长度": "the name is longer than 50 characters, or begins or ends with a separator"
    applies |c| is_given(c, FullName);
    holds |c| c.p.text(FullName).map(|name| is_length(name, 1, 50)
        && !name.starts_with(NAME_SEPARATOR) && !name.ends_with(NAME_SEPARATOR)) },
    rule! { "N04" Warning [FullName] also [EthnicGroup]
    "汉族姓名少于2字": "the name of a Han person has one character"
    applies |c| Some(c.p.is_filled(FullName) && c.p.has(EthnicGroup, &["01"]));
    holds |c| Some(is_length(c.p.text(FullName)?, 2, usize::MAX)) },
    rule! { "N05" Error [CitizenId] also []
    "身份号码不合法(位数/校验码/日期)": "the number is none: length, check character or date"
    applies |c| is_given(c, CitizenId);
    holds |c| Some(c.number.is_some()) },
    rule! { "N06" Error [CitizenId] also []
    "身份号码地址码不存在": "the first six digits of the number were never issued"
    applies |c| Some(c.number.is_some());
    holds |c| Some(c.context.divisions.was_ever_issued(c.number.as_ref()?.region())) },
    rule! { "N07" Warning [CitizenId] also []
    "15位号码应升级为18位": "the number has 15 digits and should be raised to 18"
    applies |c| is_given(c, CitizenId);
    holds |c| Some(is_length(c.p.text(CitizenId)?, 18, 18)) },
    rule! { "N08" Error [Sex] also []
    "性别代码": "the sex is neither 1 nor 2"
    applies |c| is_given(c, Sex);
    holds |c| c.p.is_among(Sex, &["1", "2"]) },
    rule! { "N09" Error [BirthDate] also []
    "出生日期晚于今天": "the date of birth is later than today"
    applies |c| Some(c.p.is_filled(BirthDate));
    holds |c| Some(c.p.day(BirthDate)? <= c.today()) },
    rule! { "N10" Error [EthnicGroup] also []
    "民族代码": "the ethnic group is no code of GB/T 3304"
    applies |c| is_given(c, EthnicGroup);
    holds |c| is_code(c, EthnicGroup, &codes::ETHNIC_GROUP) },
    rule! { "N11" Error [Residence] also []
    "现住地代码": "the residence is no village of a county of today: 12 digits"
    applies |c| is_given(c, Residence);
    holds |c| is_division(c, Residence, &[12]) },
    rule! { "N12" Error [Hukou] also []
    "户籍地代码": "the place of registration is in no county of today: 6, 9 or 12 digits"
    applies |c| is_given(c, Hukou);
    holds |c| is_division(c, Hukou, &[6, 9, 12]) },
    rule! { "N13" Error [BirthPlace] also []
    "出生地代码": "the place of birth is neither a county, of today or once, nor a country"
    applies |c| is_given(c, BirthPlace);
    holds |c| c.p.text(BirthPlace).map(|place| codes::COUNTRY.find(place).is_some()
        || c.context.divisions.was_ever_issued(place)) },
    rule! { "N14" Error [Education] also []
    "文化程度代码": "the education is no code of GB/T 4658"
    applies |c| is_given(c, Education);
    holds |c| is_code(c, Education, &codes::EDUCATION) },
    rule! { "N15" Error [HukouNature] also []
    "户口性质代码": "the kind of household registration is none of 1, 2, 3 and 9"
    applies |c| is_given(c, HukouNature);
    holds |c| is_code(c, HukouNature, &codes::HUKOU_NATURE) },
    rule! { "N16" Warning [Employer] also []
    "工作单位名称过短": "the name of the employer is too short"
    applies |c| is_given(c, Employer);
    holds |c| c.p.text(Employer).map(|name| is_length(name, 2, usize::MAX) || name == "无") },
    rule! { "N17" Warning [Employer] also []
    "工作单位为占位值": "the name of the employer only fills the field"
    applies |c| is_given(c, Employer);
    holds |c| Some(!c.p.is_among(Employer, &PLACEHOLDERS)?) },
    rule! { "N18" Error [Health] also []
    "健康状况代码": "the state of health is no code of GB/T 2261.3"
    applies |c| is_given(c, Health);
    holds |c| is_code(c, Health, &codes::HEALTH) },
    rule! { "N19" Error [MaritalStatus] also []
    "婚姻状况代码": "the marital status is no code of GB/T 2261.2"
    applies |c| is_given(c, MaritalStatus);
    holds |c| is_code(c, MaritalStatus, &codes::MARITAL_STATUS) },
    rule! { "N20" Warning [MaritalStatus] also []
    "婚姻状况未细分": "the marital status says only married, or not known"
    applies |c| is_given(c, MaritalStatus);
    holds |c| Some(!c.p.is_among(MaritalStatus, &["20", "90"])?) },
    rule! { "N21" Error [RelationToHead] also []
    "与户主关系代码": "the relation to the head is no code of GB/T 4761"
    applies |c| is_given(c, RelationToHead);
    holds |c| is_code(c, RelationToHead, &codes::RELATION_TO_HEAD) },
    rule! { "N22" Error [MaritalChangeDate MigrationDate] also []
    "日期晚于今天": "a date is later than today"
    applies |_| Some(true);
    holds |c| Some([MaritalChangeDate, MigrationDate].into_iter()
        .filter_map(|item| c.p.day(item)).all(|day| day <= c.today())) },
    rule! { "N23" Warning [DoorPlate] also []
    "门牌号缺少号码": "the door plate has no number, or more than 50 characters"
    applies |c| is_given(c, DoorPlate);
    holds |c| c.p.text(DoorPlate).map(|plate| is_length(plate, 1, 50)
        && plate.chars().any(|c| c.is_ascii_digit() || "一二三四五六七八九十百".contains(c))) },
];

fn is_code(case: &Case<'_>, item: Item, table: &CodeTable) -> Option<bool> {
    case.p.text(item).map(|code| table.find(code).is_some())
}

/// Whether the item is a division code of one of these lengths, in a county of today.
fn is_division(case: &Case<'_>, item: Item, digits: &[usize]) -> Option<bool> {
    let code = case.p.text(item)?;
    let is_number = code.bytes().all(|byte| byte.is_ascii_digit());
    Some(digits.contains(&code.len()) && is_number && case.context.divisions.is_county(&code[..6]))
}

/// Whether a text has so many characters, the bounds included.
fn is_length(text: &str, least: usize, most: usize) -> bool {
    // A character has four bytes at most, so that long texts need not be counted.
    let bytes = text.len();
    (bytes >= least * 4 && bytes <= most) || (least..=most).contains(&text.chars().count())
}

/// Whether a name consists of Han characters, with single separators between them only.
fn is_name(name: &str) -> bool {
    name.split(NAME_SEPARATOR).all(|part| !part.is_empty() && part.chars().all(is_han))
}

/// Han characters of Unicode: the unified ideographs and their extensions A to J, the compatibility
/// ones, and the zero of names. Planes 2 and 3 hold nothing else.
fn is_han(c: char) -> bool {
    matches!(c,
        '\u{3007}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3fffd}')
}
