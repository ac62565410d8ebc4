//! The eight topics of the service archive, and the basic fields of each. The detail stays with
//! the department: a field that is not here is not asked for. What a sender tells of a topic
//! beyond these fields is kept by the name that the sender gave it.

use std::sync::LazyLock;

use crate::items::Item;

/// One topic. The numbers stand in rows of views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Topic {
    /// 户籍
    Household = 1,
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
}

/// The topic and the place of the field that tells each item, by the item's number.
static TELLING: LazyLock<Vec<Option<(Topic, usize)>>> = LazyLock::new(|| {
    let telling = |item: Item| {
        let place = |topic: Topic| topic.fields().iter().position(|row| row.item == Some(item));
        Topic::ALL.iter().find_map(|row| Some((row.0, place(row.0)?)))
    };
    std::iter::once(None).chain(Item::all().map(telling)).collect()
});

/// A field of a topic.
#[derive(Clone, Copy, Debug)]
pub struct TopicField {
    /// Its name in the contract.
    pub name: &'static str,
    /// Chinese name.
    pub name_zh: &'static str,
    /// The item that holds it, where it is one; the topic shows it from there.
    pub item: Option<Item>,
}

const fn own(name: &'static str, name_zh: &'static str) -> TopicField {
    TopicField { name, name_zh, item: None }
}

const fn of(name: &'static str, name_zh: &'static str, item: Item) -> TopicField {
    TopicField { name, name_zh, item: Some(item) }
}

impl Topic {
    /// Every topic with its code, its name in the contract and its Chinese name.
    pub const ALL: [(Topic, &'static str, &'static str, &'static str); 8] = [
        (Topic::Household, "HK", "household", "户籍"),
        (Topic::Education, "ED", "education", "教育"),
        (Topic::Military, "MS", "military", "兵役"),
        (Topic::Medical, "MC", "medical", "医疗"),
        (Topic::Fertility, "FT", "fertility", "生育"),
        (Topic::Employment, "EM", "employment", "就业"),
        (Topic::Relief, "RL", "relief", "社会救济"),
        (Topic::Welfare, "WF", "welfare", "社会福利"),
    ];

    /// The name in the contract.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize - 1].2
    }

    /// Code of the topic, two letters.
    pub fn code(self) -> &'static str {
        Self::ALL[self as usize - 1].1
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The topic of a number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).map(|row| row.0)
    }

    /// The topic of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|row| row.2 == name).map(|row| row.0)
    }

    /// The topic that tells an item, and the place of the field among its basic fields.
    pub fn telling(item: Item) -> Option<(Self, usize)> {
        TELLING[usize::from(item.number())]
    }

    /// Its basic fields.
    pub fn fields(self) -> &'static [TopicField] {
        match self {
            Topic::Household => HOUSEHOLD,
            Topic::Education => EDUCATION,
            Topic::Military => MILITARY,
            Topic::Medical => MEDICAL,
            Topic::Fertility => FERTILITY,
            Topic::Employment => EMPLOYMENT,
            Topic::Relief => RELIEF,
            Topic::Welfare => WELFARE,
        }
    }
}

const HOUSEHOLD: &[TopicField] = &[
    of("household_id", "户号", Item::HouseholdId),
    of("kind", "户类型", Item::HouseholdKind),
    of("relation_code", "与户主关系", Item::RelationToHead),
    of("hukou_address", "户籍地址", Item::HukouAddress),
    of("hukou_nature", "户口性质", Item::HukouNature),
    of("status", "户口状态", Item::HukouStatus),
    own("registered_on", "登记日期"),
    own("previous_place", "原户籍地"),
    own("destination", "迁往地"),
    own("former_name", "曾用名"),
    own("id_card_issued_on", "身份证签发日期"),
    own("id_card_valid_to", "身份证有效期至"),
    own("id_card_issuer", "身份证签发机关"),
    own("residence_permit_no", "居住证号"),
    own("residence_permit_endorsed_until", "居住证签注至"),
    own("stay_dwelling", "暂住住所类型"),
    own("stay_reason", "暂住事由"),
    own("settled_in", "定居国家"),
    own("missing_since", "失踪日期"),
    own("residence_permit_end", "居住证失效日期"),
    own("stay_since", "暂住起始日期"),
    own("stay_end", "暂住终止日期"),
];
const EDUCATION: &[TopicField] = &[
    own("stage", "学段"),
    own("school", "学校"),
    own("grade", "年级"),
    own("enrolled_on", "入学日期"),
    own("status", "学籍状态"),
    of("highest_level", "文化程度", Item::Education),
    own("certificate_no", "证书编号"),
    own("student_no", "学籍号"),
    own("left_on", "离校日期"),
];
const MILITARY: &[TopicField] = &[
    own("registered_on", "兵役登记日期"),
    own("registration_result", "兵役登记结果"),
    own("enlisted_on", "入伍日期"),
    own("discharged_on", "退役日期"),
    own("discharge_kind", "退役方式"),
    own("is_reserve", "预备役"),
    own("veteran_card_no", "退役军人优待证号"),
];
const MEDICAL: &[TopicField] = &[
    own("insurance_kind", "医疗保险类型"),
    own("insurance_place", "参保地"),
    own("health_record_no", "健康档案号"),
    own("chronic_class", "慢性病管理类别"),
    own("doctor_team", "家庭医生团队"),
    own("vaccination_certificate_no", "预防接种证号"),
    own("vaccination_clinic", "接种单位"),
    own("health_source", "健康状况来源"),
    own("death_cause_class", "死因类别"),
];
const FERTILITY: &[TopicField] = &[
    own("registered_on", "生育登记日期"),
    own("planned_order", "拟生育孩次"),
    own("due_on", "预产期"),
    own("care_on", "最近孕产检查日期"),
    own("gestational_week", "孕周"),
    own("pregnancy_ended_on", "妊娠结束日期"),
    own("pregnancy_outcome", "妊娠结局"),
    own("method_code", "避孕方法"),
    own("method_since", "避孕方法起始日期"),
    own("preconception_check_on", "孕前优生检查日期"),
    own("benefit_scheme", "计生奖扶项目"),
    own("benefit_since", "奖扶起始日期"),
    own("benefit_amount_band", "奖扶金额档"),
    own("subsidy_year", "育儿补贴年度"),
    own("birth_order", "孩次"),
    own("benefit_end", "奖扶终止日期"),
];
const EMPLOYMENT: &[TopicField] = &[
    of("status", "就业状况", Item::EmploymentStatus),
    of("employer", "工作单位", Item::Employer),
    own("credit_code", "统一社会信用代码"),
    own("kind", "就业形式"),
    own("start", "就业日期"),
    own("end", "离职日期"),
    own("end_reason", "离职原因"),
    own("unemployed_since", "失业登记日期"),
    own("insurance_kinds", "社会保险险种"),
    own("insurance_place", "参保地"),
    own("insured_since", "参保日期"),
    own("pension_kind", "养老金类型"),
    own("pension_since", "养老金起领日期"),
    own("insurance_kinds_other", "其他险种"),
    own("insurance_end", "参保终止日期"),
    own("pension_end", "养老金停发日期"),
    own("unemployment_end", "失业登记终止日期"),
];
const RELIEF: &[TopicField] = &[
    own("scheme", "救助项目"),
    own("household_id", "救助户号"),
    own("start", "起始日期"),
    own("end", "终止日期"),
    own("amount_band", "金额档"),
    own("decision_no", "决定文号"),
    own("support_mode", "供养方式"),
    own("institution", "供养机构"),
    own("aid_kind", "临时救助类型"),
    own("aid_on", "临时救助日期"),
    own("aid_amount_band", "临时救助金额档"),
];
const WELFARE: &[TopicField] = &[
    own("disability_certificate_no", "残疾人证号"),
    own("disability_type", "残疾类别"),
    own("disability_level", "残疾等级"),
    own("disability_valid_to", "残疾人证有效期至"),
    own("elder_benefit", "高龄津贴或养老服务"),
    own("elder_benefit_since", "起始日期"),
    own("care_level", "照护等级"),
    own("child_welfare", "儿童福利"),
    own("service_place", "服务机构"),
    own("benefit_scheme", "福利项目"),
    own("benefit_since", "福利起始日期"),
    own("elder_benefit_end", "高龄津贴或养老服务终止日期"),
    own("benefit_end", "福利终止日期"),
];
