//! The seventeen base items of a person, by their field names.
//!
//! Source: the notice of 2011 names the items; the field names are the outside contract's.

/// One base item, in the order in which the notice names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum BaseItem {
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
}

impl BaseItem {
    /// Every item with its field name and its Chinese name.
    pub const ALL: [(BaseItem, &'static str, &'static str); 17] = [
        (BaseItem::FullName, "full_name", "公民姓名"),
        (BaseItem::CitizenId, "citizen_id", "身份号码"),
        (BaseItem::Sex, "sex", "性别"),
        (BaseItem::BirthPlace, "birth_place_code", "出生地"),
        (BaseItem::BirthDate, "birth_date", "出生日期"),
        (BaseItem::EthnicGroup, "ethnic_code", "民族"),
        (BaseItem::Residence, "residence_code", "现住地"),
        (BaseItem::Hukou, "hukou_code", "户籍地"),
        (BaseItem::DoorPlate, "door_plate", "门牌号"),
        (BaseItem::Education, "education_code", "文化程度"),
        (BaseItem::HukouNature, "hukou_nature", "户口性质"),
        (BaseItem::Employer, "employer", "工作单位"),
        (BaseItem::Health, "health_code", "健康状况"),
        (BaseItem::MaritalStatus, "marital_code", "婚姻状况"),
        (BaseItem::MaritalChangeDate, "marital_change_date", "婚姻变动时间"),
        (BaseItem::MigrationDate, "migration_date", "流动时间"),
        (BaseItem::RelationToHead, "relation_code", "与户主关系"),
    ];

    /// The field name in the contract.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize - 1].1
    }

    /// The item of a field name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == name).map(|(item, ..)| *item)
    }

    /// Its number in the notice, 1 to 17.
    pub fn number(self) -> u8 {
        self as u8
    }
}
