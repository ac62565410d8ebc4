//! School from entry to end, and military service from registration to discharge.

use super::Kind;
use super::entry::*;
use crate::codes;
use crate::forms::Form;
use crate::items::Item;
use crate::topics::Topic::{Education, Military};

const fn school(name: &'static str) -> Sets {
    Sets::Topic(Education, name)
}

const fn army(name: &'static str) -> Sets {
    Sets::Topic(Military, name)
}

const STAGES: Form = Form::Word(&[
    "kindergarten",
    "primary",
    "junior",
    "senior",
    "vocational",
    "college",
    "bachelor",
    "postgraduate",
    "special",
]);
const STUDENT_NO: DataField =
    field("student_no", "学籍号", "Student number", Form::Text(40)).sets(&[school("student_no")]);
/// Of a student the school is the place of work.
const AT_SCHOOL: &[Sets] = &[school("school"), Sets::Item(Item::Employer)];

const LEVEL: DataField = field("level", "学历", "Level", Form::Code(&codes::EDUCATION));

pub(super) const ROWS: &[Entry] = &[
    posted(Kind::SchoolEnrol, "school_enrol", "入学", "Entered school")
        .topics(&[Education])
        .fields(&[
            field("school", "学校", "School", Form::Text(100)).required().sets(AT_SCHOOL),
            field("stage", "学段", "Stage", STAGES).required().sets(&[school("stage")]),
            field("grade", "年级", "Grade", Form::Text(20)).sets(&[school("grade")]),
            STUDENT_NO.expected(),
        ])
        .changes(&[Item::Education, Item::Employer])
        .authority(&[EDU])
        .channels(&[DX, HV])
        .deadlines(&[24])
        .concludes(&[
            always(school("enrolled_on"), Word::Day),
            always(school("status"), Word::Is("in_school")),
            always(school("left_on"), Word::Gone),
        ]),
    posted(Kind::SchoolTransfer, "school_transfer", "转学", "Changed school")
        .topics(&[Education])
        .fields(&[
            field("from_school", "转出学校", "School before", Form::Text(100)).expected(),
            field("to_school", "转入学校", "School after", Form::Text(100))
                .required()
                .sets(AT_SCHOOL),
            field("grade", "年级", "Grade", Form::Text(20)).sets(&[school("grade")]),
            STUDENT_NO,
        ])
        .changes(&[Item::Employer])
        .authority(&[EDU])
        .channels(&[DX])
        .deadlines(&[25])
        .concludes(&[
            always(school("status"), Word::Is("in_school")),
            always(school("left_on"), Word::Gone),
        ]),
    posted(Kind::SchoolEnd, "school_end", "毕业/结业/肄业", "Left school")
        .topics(&[Education])
        .fields(&[
            field(
                "result",
                "结果",
                "How it ended",
                Form::Word(&["graduated", "completed", "left"]),
            )
            .required()
            .sets(&[school("status")]),
            LEVEL.expected().sets(&[Sets::Item(Item::Education)]),
            field("school_certificate_no", "证书编号", "Number of the certificate", Form::Text(40))
                .sets(&[school("certificate_no")]),
        ])
        .changes(&[Item::Education])
        .authority(&[EDU])
        .channels(&[DX, HV])
        .concludes(&[always(school("left_on"), Word::Day)]),
    posted(Kind::MilRegister, "mil_register", "初次兵役登记", "Registered for military service")
        .topics(&[Military])
        .fields(&[field(
            "result",
            "登记结果",
            "Result",
            Form::Word(&["serve", "exempt", "barred"]),
        )
        .required()
        .sets(&[army("registration_result")])])
        .authority(&[MIL])
        .channels(&[DX, OW])
        .deadlines(&[26])
        .concludes(&[always(army("registered_on"), Word::Day)]),
    posted(Kind::Enlist, "enlist", "入伍", "Enlisted")
        .topics(&[Military])
        .fields(&[
            field("notice_no", "入伍通知书编号", "Number of the notice", Form::Text(40)).expected()
        ])
        .changes(&[Item::EmploymentStatus, Item::HukouStatus])
        .authority(&[MIL, POL])
        .channels(&[DX, OW])
        .deadlines(&[27])
        .concludes(&[
            always(Sets::Item(Item::EmploymentStatus), Word::Is("37")),
            always(Sets::Item(Item::HukouStatus), Word::Is("cancelled_military")),
            always(army("enlisted_on"), Word::Day),
        ]),
    posted(Kind::Discharge, "discharge", "退役", "Discharged")
        .topics(&[Military])
        .fields(&[
            field(
                "discharge_kind",
                "退役方式",
                "Kind of discharge",
                Form::Word(&["self_employed", "job_placed", "retired", "returned"]),
            )
            .required()
            .sets(&[army("discharge_kind")]),
            field("is_reserve", "预备役", "In the reserve", Form::YesNo)
                .sets(&[army("is_reserve")]),
            field(
                "veteran_card_no",
                "退役军人优待证号",
                "Number of the veteran card",
                Form::Text(40),
            )
            .sets(&[army("veteran_card_no")]),
        ])
        .changes(&[Item::Hukou, Item::HukouStatus, Item::EmploymentStatus])
        .authority(&[MIL, VET])
        .channels(&[DX, OW])
        .deadlines(&[28])
        .concludes(&[
            always(Sets::Item(Item::HukouStatus), Word::Is("normal")),
            unless_stated(Sets::Item(Item::EmploymentStatus), Word::Is("70")),
            always(army("discharged_on"), Word::Day),
        ]),
];
