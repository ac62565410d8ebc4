//! Births, deaths, and those who went missing.

use super::Kind;
use super::entry::*;
use crate::forms::Form;
use crate::items::Item;
use crate::life_event::Role;
use crate::topics::Topic::{Education, Employment, Fertility, Household, Medical, Relief, Welfare};
use Need::{Expected, Required};

const NEWBORN: &[Item] = &[
    Item::FullName,
    Item::Sex,
    Item::BirthPlace,
    Item::BirthDate,
    Item::EthnicGroup,
    Item::Residence,
    Item::Hukou,
    Item::HukouNature,
    Item::RelationToHead,
];
const FOUND: &[(Item, Need)] = &[(Item::Sex, Required), (Item::BirthDate, Required)];
/// What a death means for the husband or wife.
const WIDOWED: &[Conclusion] = &[
    always(Sets::Item(Item::MaritalStatus), Word::Is("30")),
    always(Sets::Item(Item::MaritalChangeDate), Word::Day),
];
const DEAD: &[Conclusion] = &[always(Sets::Item(Item::DeathDate), Word::Day)];
/// What else ends with a life, where it is open: permits and stays, school, work and the want of it,
/// what insurances pay, relief and benefits. Guardianships, open needs and what a return from the
/// dead reopens are code: `projections/src/archive/{guardians,closings}.rs`.
const DIES: &[Conclusion] = &[
    DEAD[0],
    ends(Household, "residence_permit_no", "residence_permit_end"),
    ends(Household, "stay_since", "stay_end"),
    ends(Education, "enrolled_on", "left_on"),
    ends(Employment, "start", "end"),
    ends(Employment, "unemployed_since", "unemployment_end"),
    ends(Employment, "insured_since", "insurance_end"),
    ends(Employment, "pension_since", "pension_end"),
    ends(Relief, "start", "end"),
    ends(Welfare, "elder_benefit_since", "elder_benefit_end"),
    ends(Welfare, "benefit_scheme", "benefit_end"),
    ends(Fertility, "benefit_scheme", "benefit_end"),
];
const INSTITUTION: DataField =
    field("institution", "接生机构", "Delivering institution", Form::Text(200));
const BIRTH_ORDER: DataField = field("birth_order", "孩次", "Birth order", Form::Number(1, 20))
    .sets(&[Sets::Topic(Fertility, "birth_order")]);
const CAUSE: DataField =
    field("cause_class", "死因类别", "Class of the cause of death", Form::Text(200))
        .sets(&[Sets::Topic(Medical, "death_cause_class")]);
const DECLARANT: DataField = field("declarant", "申报人", "Who declared it", Form::Text(200));
const DEATH_PLACE: DataField = field("death_place", "死亡地点", "Place of death", Form::Text(200));
const JUDGMENT: DataField =
    field("judgment_no", "判决书编号", "Number of the judgment", Form::Text(200));

pub(super) const ROWS: &[Entry] = &[
    posted(Kind::Birth, "birth", "出生", "Birth")
        .topics(&[Household, Fertility])
        .fields(&[
            field("birth_time", "出生时刻", "Time of birth", Form::Text(8)),
            BIRTH_ORDER,
            INSTITUTION,
        ])
        .changes(NEWBORN)
        .authority(&[HLT, POL])
        .channels(&[DX, OW, MR, HV])
        .deadlines(&[1])
        .concludes(&[unless_stated(Sets::Item(Item::BirthDate), Word::Day)])
        .opens()
        .lenient(),
    posted(Kind::BirthFoundling, "birth_foundling", "弃婴登记", "Foundling registered")
        .topics(&[Household, Welfare])
        .fields(&[
            field("finder_report", "捡拾报案证明", "Report of the finder", Form::Text(200))
                .expected(),
            field("found_on", "发现日期", "Day of finding", Form::Day),
            field("institution", "收养机构", "Institution", Form::Text(200))
                .sets(&[Sets::Topic(Welfare, "service_place")]),
        ])
        .states(FOUND)
        .changes(NEWBORN)
        .authority(&[POL, CIV])
        .channels(&[OW, DX])
        .concludes(&[unless_stated(Sets::Topic(Welfare, "child_welfare"), Word::Is("foundling"))])
        .opens(),
    posted(
        Kind::BirthThenDeath,
        "birth_then_death",
        "出生后未登记即死亡",
        "Died before the birth was registered",
    )
    .topics(&[Household, Fertility, Medical])
    .fields(&[BIRTH_ORDER, INSTITUTION, CAUSE, DEATH_PLACE])
    .states(&[(Item::BirthDate, Required), (Item::Sex, Expected)])
    .changes(&[Item::BirthDate, Item::Sex])
    .authority(&[HLT, POL])
    .channels(&[DX, OW])
    .deadlines(&[2])
    .concludes(DEAD)
    .opens(),
    posted(Kind::Death, "death", "死亡", "Death")
        .topics(&[Household, Medical])
        .fields(&[DEATH_PLACE, CAUSE, DECLARANT])
        .members()
        .changes(&[Item::MaritalStatus, Item::MaritalChangeDate, Item::RelationToHead])
        .authority(&[HLT, POL, CIV])
        .channels(&[DX, OW, MR, HV])
        .deadlines(&[3, 4])
        .concludes(DIES)
        .concludes_aside(WIDOWED)
        .lenient(),
    posted(Kind::DeathDeclared, "death_declared", "宣告死亡", "Declared dead")
        .topics(&[Household])
        .fields(&[
            JUDGMENT.required(),
            field("judgment_date", "判决日期", "Day of the judgment", Form::Day),
            field("is_accident", "意外事件", "Missing by an accident", Form::YesNo),
        ])
        .members()
        .changes(&[Item::MaritalStatus, Item::MaritalChangeDate, Item::RelationToHead])
        .authority(&[JUD, POL])
        .channels(&[DX])
        .concludes(DIES)
        .concludes_aside(WIDOWED),
    posted(Kind::Missing, "missing", "失踪/宣告失踪", "Missing")
        .topics(&[Household])
        .fields(&[
            field("last_news_on", "最后音讯日期", "Day of the last news", Form::Day)
                .expected()
                .sets(&[Sets::Topic(Household, "missing_since")]),
            JUDGMENT,
        ])
        .authority(&[JUD, POL])
        .channels(&[DX, VF]),
    posted(Kind::Reappear, "reappear", "寻回/撤销死亡宣告", "Found again")
        .topics(&[Household])
        .fields(&[
            JUDGMENT,
            field("finding", "公安寻回证明", "Finding of the police", Form::Text(200)),
        ])
        .related(&[(Role::Spouse, Need::Optional)])
        .changes(&[Item::MaritalStatus, Item::MaritalChangeDate])
        .authority(&[JUD, POL])
        .channels(&[DX, OW])
        .after_death(),
];
