//! Social relief and benefits of the old: basic facts of what was granted; amounts in bands.

use super::Kind;
use super::entry::*;
use crate::forms::Form;
use crate::topics::Topic::{Relief, Welfare};

const fn topic(name: &'static str) -> Sets {
    Sets::Topic(Relief, name)
}

const HOUSEHOLD: DataField =
    field("household_id", "救助户号", "Household", Form::Text(40)).sets(&[topic("household_id")]);
const DECISION: DataField =
    field("decision_no", "决定文号", "Number of the decision", Form::Text(60))
        .sets(&[topic("decision_no")]);
const BAND: DataField = field("amount_band", "金额档", "Band of the amount", Form::Text(20))
    .sets(&[topic("amount_band")]);

pub(super) const ROWS: &[Entry] = &[
    posted(Kind::DibaoGrant, "dibao_grant", "纳入低保", "Minimum living allowance granted")
        .topics(&[Relief])
        .fields(&[HOUSEHOLD.expected(), BAND.expected(), DECISION])
        .authority(&[CIV])
        .channels(&[OW, DX])
        .concludes(&[
            always(topic("scheme"), Word::Is("dibao")),
            always(topic("start"), Word::Day),
            always(topic("end"), Word::Gone),
        ]),
    posted(
        Kind::DibaoChange,
        "dibao_change",
        "低保家庭变化/停发",
        "Minimum living allowance changed",
    )
    .topics(&[Relief])
    .fields(&[
        // An end ends it: `projections/src/archive/effects.rs`.
        field(
            "change",
            "变化",
            "What changes",
            Form::Word(&["raised", "lowered", "family_changed", "ended"]),
        )
        .required(),
        HOUSEHOLD,
        BAND,
        DECISION.expected(),
    ])
    .authority(&[CIV])
    .channels(&[OW, DX, HV])
    .deadlines(&[32])
    .after_death(),
    posted(Kind::Tekun, "tekun", "特困人员供养", "Support of the destitute")
        .topics(&[Relief])
        .fields(&[
            field("basis", "认定依据", "Ground", Form::Text(200)).expected(),
            field(
                "support_mode",
                "供养方式",
                "At home or in an institution",
                Form::Word(&["scattered", "concentrated"]),
            )
            .required()
            .sets(&[topic("support_mode")]),
            field("institution", "供养机构", "Institution", Form::Text(200))
                .sets(&[topic("institution")]),
            DECISION,
        ])
        .authority(&[CIV])
        .channels(&[OW, HV, DX])
        .concludes(&[
            always(topic("scheme"), Word::Is("tekun")),
            always(topic("start"), Word::Day),
            always(topic("end"), Word::Gone),
        ]),
    posted(Kind::TempAid, "temp_aid", "临时救助/医疗救助/受灾救助", "Aid in an emergency")
        .topics(&[Relief])
        .fields(&[
            field(
                "aid_kind",
                "救助类型",
                "Kind of aid",
                Form::Word(&["temporary", "medical", "disaster"]),
            )
            .required()
            .sets(&[topic("aid_kind")]),
            field("amount_band", "金额档", "Band of the amount", Form::Text(20))
                .expected()
                .sets(&[topic("aid_amount_band")]),
        ])
        .authority(&[CIV, MED])
        .channels(&[OW, NS])
        .concludes(&[always(topic("aid_on"), Word::Day)]),
    posted(
        Kind::ElderBenefit,
        "elder_benefit",
        "高龄津贴/养老服务",
        "Benefit or service for the old",
    )
    .topics(&[Welfare])
    .fields(&[
        field(
            "benefit_kind",
            "类型",
            "Kind",
            Form::Word(&["allowance", "home_care", "day_care", "meals", "institution"]),
        )
        .required()
        .sets(&[Sets::Topic(Welfare, "elder_benefit")]),
        field("care_level", "照护等级", "Level of care", Form::Number(0, 5))
            .sets(&[Sets::Topic(Welfare, "care_level")]),
        field("service_place", "服务机构", "Where it is given", Form::Text(200))
            .sets(&[Sets::Topic(Welfare, "service_place")]),
    ])
    .authority(&[CIV])
    .channels(&[OW, NS, DX])
    .concludes(&[
        always(Sets::Topic(Welfare, "elder_benefit_since"), Word::Day),
        always(Sets::Topic(Welfare, "elder_benefit_end"), Word::Gone),
    ]),
];
