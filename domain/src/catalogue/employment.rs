//! Work, unemployment, social insurance and pension.

use super::Kind;
use super::entry::*;
use crate::codes;
use crate::forms::Form;
use crate::items::Item;
use crate::topics::Topic::{Employment, Welfare};
use Need::Required;

const fn topic(name: &'static str) -> Sets {
    Sets::Topic(Employment, name)
}

/// Digits and capital letters of GB 32100; its check character is not computed.
const CREDIT_CODE: DataField =
    field("credit_code", "统一社会信用代码", "Unified social credit code", Form::Text(18))
        .sets(&[topic("credit_code")]);
const STATUS: DataField = field(
    "employment_status",
    "就业状况",
    "Employment status",
    Form::Code(&codes::EMPLOYMENT_STATUS),
)
.sets(&[Sets::Item(Item::EmploymentStatus)]);

/// The insurances of the Social Insurance Law (社会保险法 art. 2).
pub(super) const INSURANCE_KINDS: &[&str; 5] =
    &["pension", "medical", "unemployment", "work_injury", "maternity"];
const INSURANCE_PLACE: DataField =
    field("insurance_place", "参保地", "Division of the insurance", Form::Division)
        .expected()
        .sets(&[topic("insurance_place")]);
/// What version 1 of `socins_enrol` had.
pub(super) const OLDER_SOCINS_FIELDS: &[DataField] = &[
    field("insurance_kinds", "险种(逗号分隔)", "Kinds of insurance, with commas", Form::Text(100))
        .required()
        .sets(&[topic("insurance_kinds")]),
    INSURANCE_PLACE,
];

pub(super) const ROWS: &[Entry] = &[
    posted(Kind::EmployStart, "employ_start", "就业", "Employed")
        .topics(&[Employment])
        .fields(&[
            CREDIT_CODE.expected(),
            field(
                "employment_kind",
                "就业形式",
                "Kind of employment",
                Form::Word(&["contract", "dispatch", "part_time", "other"]),
            )
            .sets(&[topic("kind")]),
            STATUS,
        ])
        .states(&[(Item::Employer, Required)])
        .changes(&[Item::Employer, Item::EmploymentStatus])
        .authority(&[HRS])
        .channels(&[DX, OW])
        .deadlines(&[29])
        .concludes(&[
            always(topic("start"), Word::Day),
            always(topic("end"), Word::Gone),
            always(topic("unemployed_since"), Word::Gone),
            always(topic("unemployment_end"), Word::Gone),
        ]),
    posted(Kind::EmployEnd, "employ_end", "终止/解除劳动关系", "Employment ended")
        .topics(&[Employment])
        .fields(&[
            field("end_reason", "原因", "Reason", Form::Text(100))
                .expected()
                .sets(&[topic("end_reason")]),
            STATUS,
        ])
        .changes(&[Item::Employer, Item::EmploymentStatus])
        .authority(&[HRS])
        .channels(&[DX])
        .deadlines(&[30])
        .concludes(&[
            unless_stated(Sets::Item(Item::Employer), Word::Is("无")),
            always(topic("end"), Word::Day),
        ])
        .after_death(),
    posted(Kind::UnemployReg, "unemploy_reg", "失业登记", "Registered as unemployed")
        .topics(&[Employment])
        .changes(&[Item::EmploymentStatus])
        .authority(&[HRS])
        .channels(&[DX, OW])
        .concludes(&[
            always(Sets::Item(Item::EmploymentStatus), Word::Is("70")),
            always(topic("unemployed_since"), Word::Day),
            always(topic("unemployment_end"), Word::Gone),
        ]),
    posted(Kind::FlexEmploy, "flex_employ", "灵活就业/个体", "Self-employed or flexible work")
        .topics(&[Employment])
        .fields(&[
            field(
                "flexible_kind",
                "形式(51自由职业, 54个体)",
                "Freelance (51) or own business (54)",
                Form::Word(&["51", "54"]),
            )
            .required()
            .sets(&[Sets::Item(Item::EmploymentStatus), topic("kind")]),
            CREDIT_CODE,
        ])
        .changes(&[Item::EmploymentStatus])
        .authority(&[HRS, MKT])
        .channels(&[OW, DX])
        .concludes(&[
            always(topic("start"), Word::Day),
            always(topic("end"), Word::Gone),
            always(topic("unemployed_since"), Word::Gone),
            always(topic("unemployment_end"), Word::Gone),
        ]),
    posted(Kind::SocinsEnrol, "socins_enrol", "参加社会保险", "Enrolled in social insurance")
        .topics(&[Employment, Welfare])
        .fields(&[
            field("insurance_kinds", "险种", "Kinds of insurance", Form::Words(INSURANCE_KINDS))
                .required()
                .sets(&[topic("insurance_kinds")]),
            field("insurance_kinds_other", "其他险种", "Kinds that have no code", Form::Text(200))
                .sets(&[topic("insurance_kinds_other")]),
            INSURANCE_PLACE,
        ])
        .version(2)
        .authority(&[HRS, MED])
        .channels(&[DX])
        .deadlines(&[31])
        .concludes(&[
            always(topic("insured_since"), Word::Day),
            always(topic("insurance_end"), Word::Gone),
        ]),
    posted(Kind::PensionStart, "pension_start", "领取养老金", "Pension begun")
        .topics(&[Employment, Welfare])
        .fields(&[field(
            "pension_kind",
            "养老金类型",
            "Kind of pension",
            Form::Word(&["employee", "resident", "institution"]),
        )
        .expected()
        .sets(&[topic("pension_kind")])])
        .states(&[(Item::EmploymentStatus, Need::Optional)])
        .changes(&[Item::EmploymentStatus])
        .authority(&[HRS])
        .channels(&[DX])
        .concludes(&[
            unless_stated(Sets::Item(Item::EmploymentStatus), Word::Is("80")),
            always(topic("pension_since"), Word::Day),
            always(topic("pension_end"), Word::Gone),
        ]),
];
