//! The items of a person: the seventeen base items of the notice of 2011, then the supporting
//! ones that their rules need. The field names are the outside contract's.

use std::sync::LazyLock;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::codes;
use crate::divisions::Divisions;
use crate::fault::Fault;
use crate::forms::Form;

/// One item. The numbers are frozen: they stand in stored rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Item {
    /// 公民姓名
    FullName = 1,
    /// 身份号码
    CitizenId,
    /// 性别
    Sex,
    /// 出生地
    BirthPlace,
    /// 出生日期
    BirthDate,
    /// 民族
    EthnicGroup,
    /// 现住地
    Residence,
    /// 户籍地
    Hukou,
    /// 门牌号
    DoorPlate,
    /// 文化程度
    Education,
    /// 户口性质
    HukouNature,
    /// 工作单位
    Employer,
    /// 健康状况
    Health,
    /// 婚姻状况
    MaritalStatus,
    /// 婚姻变动时间
    MaritalChangeDate,
    /// 流动时间
    MigrationDate,
    /// 与户主关系
    RelationToHead,
    /// 现住地址
    ResidenceAddress,
    /// 户籍地址
    HukouAddress,
    /// 就业状况
    EmploymentStatus,
    /// 初婚时间
    FirstMarriageDate,
    /// 死亡日期
    DeathDate,
    /// 户号
    HouseholdId,
    /// 户类型
    HouseholdKind,
    /// 户口状态
    HukouStatus,
    /// 联系电话
    Phone,
    /// 证件类型
    IdDocumentType,
}

/// How many of the items are base items; they come first.
pub const BASE_ITEMS: usize = 17;

/// The items by the length of their field names, so that few names are compared.
static BY_LENGTH: LazyLock<[Vec<Item>; NAME_BYTES_MAX + 1]> = LazyLock::new(|| {
    let of_length = |length| Item::all().filter(|item| item.name().len() == length).collect();
    std::array::from_fn(of_length)
});
/// The longest field name.
const NAME_BYTES_MAX: usize = 19;

impl Item {
    /// Every item with its field name, its Chinese name and its form.
    const TABLE: [(Item, &'static str, &'static str, Form); 27] = [
        (Item::FullName, "full_name", "公民姓名", Form::Text(50)),
        (Item::CitizenId, "citizen_id", "身份号码", Form::CitizenNumber),
        (Item::Sex, "sex", "性别", Form::Code(&codes::SEX)),
        (Item::BirthPlace, "birth_place_code", "出生地", Form::BirthPlace),
        (Item::BirthDate, "birth_date", "出生日期", Form::Day),
        (Item::EthnicGroup, "ethnic_code", "民族", Form::Code(&codes::ETHNIC_GROUP)),
        (Item::Residence, "residence_code", "现住地", Form::Division),
        (Item::Hukou, "hukou_code", "户籍地", Form::Division),
        (Item::DoorPlate, "door_plate", "门牌号", Form::Text(50)),
        (Item::Education, "education_code", "文化程度", Form::Code(&codes::EDUCATION)),
        (Item::HukouNature, "hukou_nature", "户口性质", Form::Code(&codes::HUKOU_NATURE)),
        (Item::Employer, "employer", "工作单位", Form::Text(200)),
        (Item::Health, "health_code", "健康状况", Form::Code(&codes::HEALTH)),
        (Item::MaritalStatus, "marital_code", "婚姻状况", Form::Code(&codes::MARITAL_STATUS)),
        (Item::MaritalChangeDate, "marital_change_date", "婚姻变动时间", Form::Day),
        (Item::MigrationDate, "migration_date", "流动时间", Form::Day),
        (Item::RelationToHead, "relation_code", "与户主关系", Form::Code(&codes::RELATION_TO_HEAD)),
        (Item::ResidenceAddress, "residence_address", "现住地址", Form::Text(200)),
        (Item::HukouAddress, "hukou_address", "户籍地址", Form::Text(200)),
        (
            Item::EmploymentStatus,
            "employment_status",
            "就业状况",
            Form::Code(&codes::EMPLOYMENT_STATUS),
        ),
        (Item::FirstMarriageDate, "first_marriage_date", "初婚时间", Form::Day),
        (Item::DeathDate, "death_date", "死亡日期", Form::Day),
        (Item::HouseholdId, "household_id", "户号", Form::Text(40)),
        (Item::HouseholdKind, "household_kind", "户类型", Form::Word(&["family", "collective"])),
        (
            Item::HukouStatus,
            "hukou_status",
            "户口状态",
            Form::Word(&["normal", "moved_out", "cancelled", "cancelled_military"]),
        ),
        (Item::Phone, "phone", "联系电话", Form::Text(30)),
        (Item::IdDocumentType, "id_document_type", "证件类型", Form::Text(4)),
    ];

    /// Every item, in the order of its number.
    pub fn all() -> impl Iterator<Item = Item> {
        Self::TABLE.iter().map(|row| row.0)
    }

    /// The field name in the contract.
    pub fn name(self) -> &'static str {
        Self::TABLE[self as usize - 1].1
    }

    /// The Chinese name.
    pub fn name_zh(self) -> &'static str {
        Self::TABLE[self as usize - 1].2
    }

    /// The item of a field name.
    pub fn from_name(name: &str) -> Option<Self> {
        let alike = BY_LENGTH.get(name.len())?;
        alike.iter().copied().find(|item| item.name() == name)
    }

    /// Its number: 1 to 17 as in the notice, more for supporting items.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The item of a number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::TABLE.get(usize::from(number).checked_sub(1)?).map(|row| row.0)
    }

    /// Whether a change of it needs a second person's approval.
    pub fn needs_approval(self) -> bool {
        matches!(self, Item::CitizenId | Item::BirthDate | Item::Sex | Item::DeathDate)
    }

    /// Whether it is one of the seventeen.
    pub fn is_base(self) -> bool {
        usize::from(self.number()) <= BASE_ITEMS
    }

    /// The stored form of what somebody typed: trimmed, numbers normalised.
    ///
    /// # Errors
    /// A [`Fault`] without a pointer when the text can never be a value of this item. Values that
    /// are only odd pass here and are flagged by the rules.
    pub fn read(self, text: &str, today: Date, divisions: &Divisions) -> Result<String, Fault> {
        self.take(text.trim().to_owned(), today, divisions)
    }

    /// As [`Item::read`]; most values are stored as they were typed, and then not copied.
    ///
    /// # Errors
    /// As [`Item::read`].
    pub fn take(self, typed: String, today: Date, divisions: &Divisions) -> Result<String, Fault> {
        self.form().take(typed, today, divisions)
    }

    /// What its values must be.
    pub fn form(self) -> Form {
        Self::TABLE[self as usize - 1].3
    }
}

impl Serialize for Item {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl serde::de::Visitor<'_> for Name {
            type Value = Item;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of an item")
            }
            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Item, E> {
                Item::from_name(name).ok_or_else(|| E::custom("no such item"))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

/// Reads a date of the contract, `YYYY-MM-DD`.
///
/// # Errors
/// A [`Fault`] when it is none.
pub fn parse_day(text: &str) -> Result<Date, Fault> {
    plain_day(text).filter(|day| day.year() >= 1800).ok_or_else(|| {
        Fault::new(
            "not_a_date",
            "日期须为 YYYY-MM-DD",
            "a date is written YYYY-MM-DD, from 1800 on",
        )
    })
}

/// By hand: the time library reads far more forms than this one, and slower.
fn plain_day(text: &str) -> Option<Date> {
    let bytes: &[u8; 10] = text.as_bytes().try_into().ok()?;
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        bytes[range].iter().try_fold(0_i16, |sum, byte| {
            byte.is_ascii_digit().then(|| sum * 10 + i16::from(byte - b'0'))
        })
    };
    Date::new(number(0..4)?, number(5..7)? as i8, number(8..10)? as i8).ok()
}
