//! Services around birth. All are voluntary: nothing here is a condition, a quota or a penalty,
//! and no field tells whether a birth was within a policy. Such functions were repealed in 2021.

use super::Kind;
use super::entry::*;
use crate::codes;
use crate::forms::Form;
use crate::life_event::Role;
use crate::topics::Topic::{self, Fertility, Medical, Welfare};
use Need::Optional;

const fn topic(name: &'static str) -> Sets {
    Sets::Topic(Fertility, name)
}

const INSTITUTION: DataField = field("institution", "服务机构", "Institution", Form::Text(200));
const PAYEE: DataField = field("payee", "领取人", "Payee", Form::Text(100));

const METHOD: DataField =
    field("method_code", "避孕方法", "Method", Form::Code(&codes::CONTRACEPTIVE));

/// A service of the health department.
const fn service(
    kind: Kind,
    code: &'static str,
    name_zh: &'static str,
    name_en: &'static str,
    topics: &'static [Topic],
) -> Entry {
    posted(kind, code, name_zh, name_en).topics(topics).authority(&[HLT])
}

pub(super) const ROWS: &[Entry] = &[
    posted(Kind::PregReg, "preg_reg", "生育登记(生育服务)", "Birth service registered")
        .topics(&[Fertility])
        .fields(&[
            field("planned_order", "拟生育孩次", "Planned order", Form::Number(1, 20))
                .sets(&[topic("planned_order")]),
            field("due_on", "预产期", "Due day", Form::Day).sets(&[topic("due_on")]),
        ])
        .related(&[(Role::Spouse, Optional)])
        .authority(&[TWN, HLT])
        .channels(&[OW, BZ, NS])
        .concludes(&[always(topic("registered_on"), Word::Day)]),
    service(Kind::PregCare, "preg_care", "孕产期保健", "Antenatal care", &[Medical, Fertility])
        .fields(&[
            field("gestational_week", "孕周", "Week of pregnancy", Form::Number(0, 45))
                .expected()
                .sets(&[topic("gestational_week")]),
            INSTITUTION,
        ])
        .channels(&[BZ, DX])
        .concludes(&[always(topic("care_on"), Word::Day)]),
    service(Kind::PregEnd, "preg_end", "妊娠结束", "Pregnancy ended", &[Fertility])
        .fields(&[
            field(
                "outcome",
                "妊娠结局",
                "Outcome",
                Form::Word(&["live_birth", "stillbirth", "other"]),
            )
            .required()
            .sets(&[topic("pregnancy_outcome")]),
            INSTITUTION,
        ])
        .channels(&[BZ, DX, MR])
        .concludes(&[always(topic("pregnancy_ended_on"), Word::Day)]),
    service(Kind::Contraception, "contraception", "避孕节育服务", "Contraception", &[Fertility])
        .fields(&[
            METHOD.required().sets(&[topic("method_code")]),
            field("voluntary", "自愿", "Asked for freely", Form::YesNo).expected(),
            INSTITUTION,
        ])
        .channels(&[BZ, OW])
        .concludes(&[always(topic("method_since"), Word::Day)]),
    service(
        Kind::PreconceptionCheck,
        "preconception_check",
        "孕前优生检查",
        "Preconception check",
        &[Fertility, Medical],
    )
    .fields(&[INSTITUTION.expected()])
    .channels(&[BZ, NS])
    .concludes(&[always(topic("preconception_check_on"), Word::Day)]),
    service(
        Kind::FpBenefit,
        "fp_benefit",
        "计生利益导向(奖扶/特扶/独生子女父母奖励)发放",
        "Benefit for parents paid",
        &[Fertility, Welfare],
    )
    .fields(&[
        field(
            "scheme",
            "项目",
            "Scheme",
            Form::Word(&["reward_support", "special_support", "only_child_reward"]),
        )
        .required()
        .sets(&[topic("benefit_scheme"), Sets::Topic(Welfare, "benefit_scheme")]),
        field("start", "起始日期", "Start", Form::Day)
            .sets(&[topic("benefit_since"), Sets::Topic(Welfare, "benefit_since")]),
        field("amount_band", "金额档", "Band of the amount", Form::Text(20))
            .expected()
            .sets(&[topic("benefit_amount_band")]),
        PAYEE,
    ])
    .channels(&[BZ, OW])
    .concludes(&[
        unless_stated(topic("benefit_since"), Word::Day),
        always(topic("benefit_end"), Word::Gone),
        always(Sets::Topic(Welfare, "benefit_end"), Word::Gone),
    ]),
    service(
        Kind::ChildcareSubsidy,
        "childcare_subsidy",
        "育儿补贴申领",
        "Childcare subsidy claimed",
        &[Fertility, Welfare],
    )
    .fields(&[
        field("subsidy_year", "补贴年度", "Year", Form::Number(2025, 2200))
            .required()
            .sets(&[topic("subsidy_year")]),
        PAYEE.expected(),
    ])
    .related(&[(Role::Child, Need::Expected)])
    .channels(&[OW, BZ]),
];
