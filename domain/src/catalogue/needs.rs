//! Needs of the people, raised and answered; what somebody asks to be corrected, and what a
//! department says otherwise. None of them overwrites a value.

use super::Kind;
use super::entry::*;
use crate::codes;
use crate::forms::Form;
use Need::Optional;

/// The longest text of a need or of a claim, in characters.
const TEXT: Form = Form::Text(500);

const CLAIMED_ITEM: DataField = field("item", "信息项", "The item", Form::ItemName).required();
const NEED_ID: DataField =
    field("need_id", "需求编号", "Number of the need, of the sender", Form::Text(60));

const CATEGORY: DataField = field("category", "需求类别", "Category", Form::Code(&codes::NEED));
const DEPARTMENT: DataField =
    field("department", "响应部门", "Department that answered", Form::Code(&codes::DEPARTMENT));

/// What a need may tell, by category. Accounts and balances are never asked for.
const OF_NEEDS: &[DataField] = &[
    NEED_ID,
    CATEGORY.required(),
    field("need_kind", "需求内容分类", "Kind within the category", Form::Text(60)),
    field("text", "需求描述", "What is needed", TEXT).expected(),
    field("urgency", "紧急程度(1-3)", "Urgency", Form::Number(1, 3)).expected(),
    field("consent", "同意转办", "Consent to pass it on", Form::YesNo).expected(),
    field("asked_department", "承办部门", "Department asked", Form::Code(&codes::DEPARTMENT)),
    // Production and living.
    field("labour_count", "家庭劳动力人数", "Workers in the household", Form::Number(0, 50)),
    field("income_band", "收入档", "Band of income", Form::Text(20)),
    field("housing_type", "住房类型", "Kind of dwelling", Form::Code(&codes::DWELLING)),
    // Health.
    field("age_group", "年龄组", "Age group", Form::Text(20)),
    field("disability_level", "残疾等级", "Level", Form::Code(&codes::DISABILITY_LEVEL)),
    field("clinic_distance_km", "距医疗机构(公里)", "Distance to a clinic", Form::Number(0, 500)),
    field("insurance_place", "参保地", "Division of the insurance", Form::Division),
    // Education.
    field("grade", "年级", "Grade", Form::Text(20)),
    field("hukou_here", "户籍在本地", "Registered here", Form::YesNo),
    field("school_wanted", "意向学校", "School wanted", Form::Text(100)),
    // Money: no balances, no account numbers.
    field("adviser_wanted", "需约见顾问", "Wants to meet an adviser", Form::YesNo),
    // Age.
    field("living_alone", "独居", "Lives alone", Form::YesNo),
    field("lost_only_child", "失独", "Lost an only child", Form::YesNo),
    field("ability_level", "能力等级(0-3)", "Level of ability", Form::Number(0, 3)),
    field("carer", "照护人", "Who cares", Form::Text(100)),
    field("preferred_place", "意向养老地点", "Preferred place", Form::Text(100)),
];

pub(super) const ROWS: &[Entry] = &[
    posted(Kind::NeedRaised, "need_raised", "需求登记", "Need raised")
        .fields(OF_NEEDS)
        .authority(&[TWN, VIL])
        .channels(&[NS, HV, OW])
        .deadlines(&[33]),
    posted(Kind::NeedAnswered, "need_answered", "需求响应", "Need answered")
        .fields(&[
            NEED_ID.expected(),
            CATEGORY,
            DEPARTMENT.expected(),
            field("result", "响应结果", "What came of it", TEXT).required(),
            field("satisfaction", "满意度(1-5)", "Satisfaction", Form::Number(1, 5)),
        ])
        .authority(&[TWN])
        .channels(&[NS])
        .after_death(),
    posted(Kind::CorrectionRequest, "correction_request", "本人更正请求", "Correction asked for")
        .fields(&[
            CLAIMED_ITEM,
            field("claimed_value", "主张的取值", "The value claimed", Form::Text(200)).required(),
            field("evidence", "证据", "Evidence", TEXT).expected(),
        ])
        .certificate(Optional)
        .channels(&[SR, OW])
        .deadlines(&[34])
        .after_death(),
    posted(Kind::Discrepancy, "discrepancy", "部门比对差异", "A department says otherwise")
        .fields(&[
            CLAIMED_ITEM,
            field("our_value", "本库取值", "Our value", Form::Text(200)),
            field("their_value", "部门取值", "Their value", Form::Text(200)).required(),
            field("source_batch", "比对批次", "Batch of the comparison", Form::Text(100))
                .expected(),
        ])
        .channels(&[DX, VF])
        .deadlines(&[35])
        .after_death(),
];
