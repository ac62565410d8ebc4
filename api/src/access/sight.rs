//! How much of a person's record a reader sees: a word for each part of it. It is small and copied
//! freely, so that every value of an answer can be asked about.

use std::sync::LazyLock;

use domain::topics::TopicField;
use domain::{Item, Topic};

use super::table::TABLE;
use super::{Grant, masks};

/// How much of a part is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Show {
    /// Nothing: not even whether there is anything.
    #[default]
    None = 0,
    /// That there is a value, by whom and since when, and of some parts a rest of it.
    Masked = 1,
    /// All of it.
    Full = 2,
}

/// A part of a person's record that is granted by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Part {
    /// 姓名
    Name,
    /// 证件号码
    Number,
    /// 出生日期
    BirthDate,
    /// 性别
    Sex,
    /// 出生地
    BirthPlace,
    /// 民族
    Ethnic,
    /// 现住地、户籍地区划
    Place,
    /// 地址、门牌号
    Address,
    /// 联系电话
    Phone,
    /// 婚姻
    Marriage,
    /// 流动时间
    Migration,
    /// 死亡日期
    Death,
    /// 证书、档案编号
    Certificates,
    /// 户籍
    Household,
    /// 教育
    Education,
    /// 兵役
    Military,
    /// 医疗
    Medical,
    /// 生育
    Fertility,
    /// 就业
    Employment,
    /// 社会救济
    Relief,
    /// 社会福利
    Welfare,
    /// 亲属关系
    Family,
    /// 需求
    Needs,
    /// 更正理由
    Reason,
    /// 报送方附言
    Details,
    /// 经办人
    Actor,
}

impl Part {
    /// Every part with its name in the table and its Chinese name.
    pub const ALL: [(Part, &'static str, &'static str); 26] = [
        (Part::Name, "name", "姓名"),
        (Part::Number, "number", "证件号码"),
        (Part::BirthDate, "birth_date", "出生日期"),
        (Part::Sex, "sex", "性别"),
        (Part::BirthPlace, "birth_place", "出生地"),
        (Part::Ethnic, "ethnic", "民族"),
        (Part::Place, "place", "现住地与户籍地"),
        (Part::Address, "address", "地址"),
        (Part::Phone, "phone", "联系电话"),
        (Part::Marriage, "marriage", "婚姻"),
        (Part::Migration, "migration", "流动时间"),
        (Part::Death, "death", "死亡日期"),
        (Part::Certificates, "certificates", "证书编号"),
        (Part::Household, "household", "户籍"),
        (Part::Education, "education", "教育"),
        (Part::Military, "military", "兵役"),
        (Part::Medical, "medical", "医疗"),
        (Part::Fertility, "fertility", "生育"),
        (Part::Employment, "employment", "就业"),
        (Part::Relief, "relief", "社会救济"),
        (Part::Welfare, "welfare", "社会福利"),
        (Part::Family, "family", "亲属关系"),
        (Part::Needs, "needs", "需求"),
        (Part::Reason, "reason", "更正理由"),
        (Part::Details, "details", "报送方附言"),
        (Part::Actor, "actor", "经办人"),
    ];

    /// Every part, in the order of the table.
    pub fn all() -> impl Iterator<Item = Part> {
        Self::ALL.iter().map(|row| row.0)
    }

    /// The name in the table.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The part of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The part that an item belongs to.
    pub const fn of_item(item: Item) -> Self {
        match item {
            Item::FullName => Self::Name,
            Item::CitizenId | Item::IdDocumentType => Self::Number,
            Item::Sex => Self::Sex,
            Item::BirthPlace => Self::BirthPlace,
            Item::BirthDate => Self::BirthDate,
            Item::EthnicGroup => Self::Ethnic,
            Item::Residence | Item::Hukou => Self::Place,
            Item::DoorPlate | Item::ResidenceAddress | Item::HukouAddress => Self::Address,
            Item::Education => Self::Education,
            Item::HukouNature
            | Item::RelationToHead
            | Item::HouseholdId
            | Item::HouseholdKind
            | Item::HukouStatus => Self::Household,
            Item::Employer | Item::EmploymentStatus => Self::Employment,
            Item::Health => Self::Medical,
            Item::MaritalStatus | Item::MaritalChangeDate | Item::FirstMarriageDate => {
                Self::Marriage
            }
            Item::MigrationDate => Self::Migration,
            Item::DeathDate => Self::Death,
            Item::Phone => Self::Phone,
        }
    }

    /// The part that a topic is.
    pub const fn of_topic(topic: Topic) -> Self {
        match topic {
            Topic::Household => Self::Household,
            Topic::Education => Self::Education,
            Topic::Military => Self::Military,
            Topic::Medical => Self::Medical,
            Topic::Fertility => Self::Fertility,
            Topic::Employment => Self::Employment,
            Topic::Relief => Self::Relief,
            Topic::Welfare => Self::Welfare,
        }
    }
}

/// How much of each part is seen: two bits a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sight(u64);

impl Sight {
    /// Nothing is seen.
    pub const NOTHING: Self = Self(0);
    /// Every part is seen in full.
    pub const EVERYTHING: Self = Self(HIGH_BITS);

    /// What the table of access grants the holder of a grant for a purpose.
    pub fn of(grant: &Grant, purpose: &str) -> Self {
        TABLE.sight(grant.role, grant.department, purpose)
    }

    /// How much of a part is seen.
    pub const fn show(self, part: Part) -> Show {
        match self.0 >> (2 * part as u32) & 0b11 {
            0 => Show::None,
            1 => Show::Masked,
            _ => Show::Full,
        }
    }

    /// How much of an item is seen.
    pub const fn show_item(self, item: Item) -> Show {
        self.show(Part::of_item(item))
    }

    /// How much of a field of a topic is seen: no more than of the topic, nor than of what the field
    /// holds. A topic that is none of ours is the sender's own words.
    pub fn show_field(self, topic: &str, field: &str) -> Show {
        let Some(known) = Topic::from_name(topic) else { return self.show(Part::Details) };
        match known.fields().iter().position(|row| row.name == field) {
            Some(at) => self.show_field_at(known, at),
            None => self.show_held(known, masks::held_by_field(field)),
        }
    }

    /// As [`Sight::show_field`], of the basic field of a topic at a place among those.
    pub fn show_field_at(self, topic: Topic, at: usize) -> Show {
        self.show_held(topic, HELD[topic as usize - 1][at])
    }

    fn show_held(self, topic: Topic, held: Option<Part>) -> Show {
        let of_topic = self.show(Part::of_topic(topic));
        held.map_or(of_topic, |part| of_topic.min(self.show(part)))
    }

    /// The same with another word on one part.
    #[must_use]
    pub const fn with(self, part: Part, show: Show) -> Self {
        let at = 2 * part as u32;
        Self(self.0 & !(0b11 << at) | (show as u64) << at)
    }

    /// What both see: of each part the less.
    #[must_use]
    pub fn narrowed_to(self, other: Self) -> Self {
        Part::all()
            .fold(self, |sight, part| sight.with(part, self.show(part).min(other.show(part))))
    }

    /// What either sees: of each part the more.
    #[must_use]
    pub fn widened_by(self, other: Self) -> Self {
        Part::all()
            .fold(self, |sight, part| sight.with(part, self.show(part).max(other.show(part))))
    }

    /// The same with every mask lifted; what is not seen at all stays so.
    #[must_use]
    pub fn unmasked(self) -> Self {
        self.parts(Show::Masked).fold(self, |sight, part| sight.with(part, Show::Full))
    }

    /// Whether no part is seen at all.
    pub const fn is_blind(self) -> bool {
        self.0 == 0
    }

    /// Whether every part is seen in full.
    pub const fn is_whole(self) -> bool {
        self.0 == HIGH_BITS
    }

    /// The parts of which so much is seen.
    pub fn parts(self, show: Show) -> impl Iterator<Item = Part> {
        Part::all().filter(move |part| self.show(*part) == show)
    }

    /// Whether a part is seen in any way.
    pub const fn sees(self, part: Part) -> bool {
        self.0 >> (2 * part as u32) & 0b11 != 0
    }

    /// As it stands in the table of access: what is granted anyway, and the parts that are granted
    /// where they are the own department's.
    pub(super) const fn with_own(self, own: Self, of_department: Self) -> Self {
        Self(self.0 | own.0 & of_department.0)
    }
}

/// The part that each basic field of each topic holds: every answer asks for all of them.
static HELD: LazyLock<[Vec<Option<Part>>; Topic::ALL.len()]> = LazyLock::new(|| {
    // What is an item is seen as the item.
    let held = |row: &TopicField| match row.item {
        Some(item) => Some(Part::of_item(item)),
        None => masks::held_by_field(row.name),
    };
    Topic::ALL.map(|row| row.0.fields().iter().map(held).collect())
});

/// The word `full` on every part.
const HIGH_BITS: u64 = {
    let (mut bits, mut at) = (0, 0);
    while at < Part::ALL.len() {
        bits |= 0b10 << (2 * at);
        at += 1;
    }
    bits
};
