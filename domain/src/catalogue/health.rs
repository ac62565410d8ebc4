//! Vaccination certificate, health and disability: classes only, never a diagnosis.

use super::Kind;
use super::entry::*;
use crate::codes;
use crate::forms::Form;
use crate::items::Item;
use crate::topics::Topic::{Medical, Welfare};
use Need::Required;

const fn welfare(name: &'static str) -> Sets {
    Sets::Topic(Welfare, name)
}

const DISABILITY: DataField =
    field("disability_type", "残疾类别", "Kind", Form::Code(&codes::DISABILITY));
const LEVEL: DataField =
    field("disability_level", "残疾等级", "Level", Form::Code(&codes::DISABILITY_LEVEL));

pub(super) const ROWS: &[Entry] = &[
    // The person is the child.
    posted(Kind::VaccineCert, "vaccine_cert", "预防接种证办理", "Vaccination certificate")
        .topics(&[Medical])
        .fields(&[
            field("clinic", "接种单位", "Clinic", Form::Text(200))
                .expected()
                .sets(&[Sets::Topic(Medical, "vaccination_clinic")]),
            field(
                "vaccination_certificate_no",
                "预防接种证号",
                "Number of the certificate",
                Form::Text(40),
            )
            .sets(&[Sets::Topic(Medical, "vaccination_certificate_no")]),
        ])
        .authority(&[HLT])
        .channels(&[DX, OW])
        .deadlines(&[23]),
    posted(Kind::HealthChange, "health_change", "健康状况变化", "Health changed")
        .topics(&[Medical])
        .fields(&[
            field("health_source", "来源", "Where it is known from", Form::Text(100))
                .sets(&[Sets::Topic(Medical, "health_source")]),
            field("chronic_class", "慢性病管理类别", "Class of chronic disease", Form::Text(20))
                .sets(&[Sets::Topic(Medical, "chronic_class")]),
            field("doctor_team", "家庭医生团队", "Family doctor team", Form::Text(100))
                .sets(&[Sets::Topic(Medical, "doctor_team")]),
        ])
        .states(&[(Item::Health, Required)])
        .changes(&[Item::Health])
        .authority(&[HLT])
        .channels(&[HV, DX]),
    // The health item follows from the type: `projections/src/archive/effects.rs`.
    posted(Kind::DisabilityCert, "disability_cert", "残疾人证核发", "Disability certificate")
        .topics(&[Welfare, Medical])
        .fields(&[
            field(
                "disability_certificate_no",
                "残疾人证号(20位)",
                "Number of the certificate, 20 characters",
                Form::Text(20),
            )
            .required()
            .sets(&[welfare("disability_certificate_no")]),
            DISABILITY.required().sets(&[welfare("disability_type")]),
            LEVEL.required().sets(&[welfare("disability_level")]),
            field("valid_to", "有效期至", "Valid to", Form::Day)
                .expected()
                .sets(&[welfare("disability_valid_to")]),
        ])
        .changes(&[Item::Health])
        .authority(&[DPF])
        .channels(&[DX, OW]),
];
