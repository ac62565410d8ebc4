//! The identity card, and corrected particulars of a person: number, name, ethnic group, sex,
//! birth date. What was before stays known: numbers as documents, names as former names.
//!
//! The national table asks for no second person, so a number, sex or birth date that is changed
//! without one is taken, and doubted until somebody approves: `projections/src/archive/approvals.rs`.

use super::Kind;
use super::entry::*;
use crate::codes;
use crate::forms::Form;
use crate::items::Item;
use crate::topics::Topic::Household;
use Need::{Expected, Required};

const fn topic(name: &'static str) -> Sets {
    Sets::Topic(Household, name)
}

const REASON: DataField = field(
    "reason_code",
    "变更更正原因",
    "Reason of the change",
    Form::Code(&codes::REGISTER_CHANGE),
);
const APPROVAL: DataField =
    field("approval_no", "批准文号", "Number of the approval", Form::Text(100));
const EVIDENCE: DataField = field("evidence", "证明材料", "Evidence", Form::Text(200));

const OLD_ETHNIC: DataField =
    field("old_ethnic", "原民族", "Ethnic group before", Form::Code(&codes::ETHNIC_GROUP));
const OLD_SEX: DataField = field("old_sex", "原性别", "Sex before", Form::Code(&codes::SEX));

/// A change of particulars by the police.
const fn change(
    kind: Kind,
    code: &'static str,
    name_zh: &'static str,
    name_en: &'static str,
) -> Entry {
    posted(kind, code, name_zh, name_en).topics(&[Household]).authority(&[POL]).channels(&[DX, OW])
}

pub(super) const ROWS: &[Entry] = &[
    posted(Kind::IdIssue, "id_issue", "首次申领身份证", "Identity card issued")
        .topics(&[Household])
        .fields(&[
            field("issued_on", "签发日期", "Day of issue", Form::Day)
                .sets(&[topic("id_card_issued_on")]),
            field("valid_to", "有效期至(长期者为空)", "Valid to; none for ever", Form::Day)
                .sets(&[topic("id_card_valid_to")]),
            field("issuer", "签发机关", "Issuing office", Form::Text(100))
                .expected()
                .sets(&[topic("id_card_issuer")]),
        ])
        .authority(&[POL])
        .channels(&[DX])
        .deadlines(&[20])
        .concludes(&[unless_stated(topic("id_card_issued_on"), Word::Day)]),
    change(
        Kind::IdNumberCorrect,
        "id_number_correct",
        "更正公民身份号码",
        "Citizen number corrected",
    )
    .fields(&[
        field("old_number", "原身份号码", "Number before", Form::CitizenNumber).expected(),
        REASON.expected(),
    ])
    .states(&[(Item::CitizenId, Required)])
    .approval(Expected)
    .changes(&[Item::CitizenId]),
    change(Kind::NameChange, "name_change", "变更/更正姓名", "Name changed")
        .fields(&[
            field("old_name", "原姓名", "Name before", Form::Text(50))
                .sets(&[topic("former_name")]),
            REASON.expected(),
            field("guardian_consent", "监护人同意", "Consent of the guardian", Form::YesNo),
        ])
        .states(&[(Item::FullName, Required)])
        .changes(&[Item::FullName]),
    change(Kind::EthnicChange, "ethnic_change", "变更/更正民族", "Ethnic group changed")
        .fields(&[OLD_ETHNIC, REASON, APPROVAL.expected()])
        .states(&[(Item::EthnicGroup, Required)])
        .changes(&[Item::EthnicGroup]),
    // The number tells sex and birth date, so it changes with them.
    change(Kind::SexCorrect, "sex_correct", "变更/更正性别", "Sex corrected")
        .fields(&[OLD_SEX, REASON, EVIDENCE.expected()])
        .states(&[(Item::Sex, Required), (Item::CitizenId, Expected)])
        .approval(Expected)
        .changes(&[Item::Sex, Item::CitizenId]),
    change(Kind::BirthdateCorrect, "birthdate_correct", "更正出生日期", "Birth date corrected")
        .fields(&[
            field("old_birth_date", "原出生日期", "Birth date before", Form::Day),
            REASON,
            EVIDENCE.expected(),
        ])
        .states(&[(Item::BirthDate, Required), (Item::CitizenId, Expected)])
        .approval(Expected)
        .changes(&[Item::BirthDate, Item::CitizenId]),
];
