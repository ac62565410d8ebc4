//! Household registration and residence: who moves in, out, away and back, and the permits of
//! those who stay.

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
    "migration_reason",
    "迁移(流动)原因",
    "Reason of the move",
    Form::Code(&codes::MIGRATION_REASON),
);
const DESTINATION: DataField =
    field("destination", "迁往地区划代码", "Division moved to", Form::Division)
        .sets(&[topic("destination")]);
const ORIGIN: DataField = field("origin", "迁出地区划代码", "Division moved from", Form::Division)
    .sets(&[topic("previous_place")]);
/// Moved, and since when, where the event does not state it itself.
const MOVED: &[Conclusion] = &[MOVED_TO, MOVED_SINCE];
const MOVED_TO: Conclusion = unless_stated(Sets::Item(Item::Residence), Word::Village);
const MOVED_SINCE: Conclusion = unless_stated(Sets::Item(Item::MigrationDate), Word::Day);
const LIVING: &[Item] =
    &[Item::Residence, Item::DoorPlate, Item::MigrationDate, Item::ResidenceAddress];

const PERMITTED: &[Conclusion] = &[always(topic("residence_permit_end"), Word::Gone)];

const DWELLING: DataField =
    field("dwelling", "住所类型", "Kind of dwelling", Form::Code(&codes::DWELLING));
const COUNTRY: DataField =
    field("country", "定居国家(地区)", "Country", Form::Code(&codes::COUNTRY));

pub(super) const MOVES: &[Entry] = &[
    posted(Kind::HukouOut, "hukou_out", "户口迁出", "Household registration moved out")
        .topics(&[Household])
        .fields(&[
            DESTINATION,
            REASON,
            field("whole_family", "全户迁出", "Whether the whole family moves", Form::YesNo),
        ])
        .changes(&[Item::Hukou, Item::HukouStatus])
        .authority(&[POL])
        .channels(&[DX, OW, MR])
        .deadlines(&[10])
        .concludes(&[always(Sets::Item(Item::HukouStatus), Word::Is("moved_out"))])
        .lenient(),
    posted(Kind::HukouIn, "hukou_in", "户口迁入", "Household registration moved in")
        .topics(&[Household])
        .fields(&[ORIGIN, REASON])
        .changes(&[
            Item::Hukou,
            Item::HukouAddress,
            Item::HukouNature,
            Item::HukouStatus,
            Item::RelationToHead,
            Item::MigrationDate,
            Item::HouseholdId,
            Item::HouseholdKind,
        ])
        .authority(&[POL])
        .channels(&[DX, OW, MR])
        .deadlines(&[11, 12])
        .concludes(&[
            unless_stated(Sets::Item(Item::Hukou), Word::Village),
            always(Sets::Item(Item::HukouStatus), Word::Is("normal")),
            unless_stated(Sets::Item(Item::MigrationDate), Word::GoneAtHome),
            // Registered elsewhere now: the household before is theirs no longer.
            unless_stated(Sets::Item(Item::HouseholdId), Word::Gone),
            unless_stated(Sets::Item(Item::HouseholdKind), Word::Gone),
            always(topic("registered_on"), Word::Day),
        ])
        .lenient(),
    posted(Kind::ResidenceChange, "residence_change", "现住地变更(人户分离)", "Moved house")
        .topics(&[Household])
        .fields(&[REASON])
        .changes(LIVING)
        .authority(&[TWN, VIL, POL])
        .channels(&[HV, MR, OW, NS])
        .deadlines(&[13])
        .concludes(MOVED)
        .lenient(),
    posted(Kind::Leave, "leave", "流出(离开户籍地)", "Left the place of registration")
        .topics(&[Household])
        .fields(&[DESTINATION, REASON])
        .changes(LIVING)
        .authority(&[VIL, TWN])
        .channels(&[MR, HV, NS])
        .deadlines(&[18])
        .concludes(&[unless_stated(Sets::Item(Item::MigrationDate), Word::Day)])
        .lenient(),
    posted(Kind::Return, "return", "返回户籍地", "Returned to the place of registration")
        .topics(&[Household])
        .changes(LIVING)
        .authority(&[VIL, TWN])
        .channels(&[MR, HV])
        .deadlines(&[19])
        .concludes(&[
            unless_stated(Sets::Item(Item::Residence), Word::SameAs(Item::Hukou)),
            unless_stated(Sets::Item(Item::ResidenceAddress), Word::SameAs(Item::HukouAddress)),
            always(Sets::Item(Item::MigrationDate), Word::Gone),
            ends(Household, "stay_since", "stay_end"),
        ])
        .lenient(),
];

pub(super) const STAYS: &[Entry] = &[
    posted(Kind::TempStayReg, "temp_stay_reg", "暂住(居住)登记", "Temporary stay registered")
        .topics(&[Household])
        .fields(&[
            field("landlord", "房主", "Landlord", Form::Text(200)),
            DWELLING.sets(&[topic("stay_dwelling")]),
            REASON,
        ])
        .changes(LIVING)
        .authority(&[POL])
        .channels(&[OW, HV, DX])
        .deadlines(&[14])
        .concludes(&[
            MOVED_TO,
            MOVED_SINCE,
            always(topic("stay_since"), Word::Day),
            always(topic("stay_end"), Word::Gone),
        ])
        .lenient(),
    posted(Kind::TempStayExtend, "temp_stay_extend", "暂住超3个月", "Temporary stay extended")
        .topics(&[Household])
        .fields(&[field("stay_reason", "延期事由", "Reason of the longer stay", Form::Text(200))
            .expected()
            .sets(&[topic("stay_reason")])])
        .authority(&[POL])
        .channels(&[OW])
        .deadlines(&[15])
        .concludes(&[always(topic("stay_end"), Word::Gone)]),
    posted(Kind::ResPermitIssue, "res_permit_issue", "居住证申领", "Residence permit issued")
        .topics(&[Household])
        .fields(&[
            field("permit_no", "居住证号", "Number of the permit", Form::Text(40))
                .required()
                .sets(&[topic("residence_permit_no")]),
            field("valid_to", "有效期至", "Valid to", Form::Day)
                .expected()
                .sets(&[topic("residence_permit_endorsed_until")]),
            field(
                "proof",
                "居住依据",
                "Work, home or school as the ground",
                Form::Word(&["work", "home", "school"]),
            ),
        ])
        .authority(&[POL])
        .channels(&[OW, DX])
        .deadlines(&[16])
        .concludes(PERMITTED),
    posted(Kind::ResPermitEndorse, "res_permit_endorse", "居住证签注", "Residence permit endorsed")
        .topics(&[Household])
        .fields(&[
            field("permit_no", "居住证号", "Number of the permit", Form::Text(40))
                .sets(&[topic("residence_permit_no")]),
            field("valid_to", "签注至", "Endorsed until", Form::Day)
                .required()
                .sets(&[topic("residence_permit_endorsed_until")]),
        ])
        .authority(&[POL])
        .channels(&[OW, DX])
        .deadlines(&[17])
        .concludes(PERMITTED),
    posted(Kind::Emigrate, "emigrate", "出国(境)定居", "Settled abroad")
        .topics(&[Household])
        .fields(&[COUNTRY.required().sets(&[topic("settled_in")])])
        .changes(&[Item::HukouStatus])
        .authority(&[IMM, POL])
        .channels(&[DX, OW])
        .concludes(&[always(Sets::Item(Item::HukouStatus), Word::Is("cancelled"))]),
    posted(Kind::Settle, "settle", "港澳台/华侨/入籍落户", "Settled and registered")
        .topics(&[Household])
        .fields(&[
            field("approval_no", "批准文号", "Number of the approval", Form::Text(100)).required(),
            field("previous_document", "原证件", "Document before", Form::Text(100)),
        ])
        .states(&[(Item::FullName, Expected), (Item::Hukou, Expected)])
        .changes(&[Item::Hukou, Item::HukouAddress, Item::HukouNature, Item::HukouStatus])
        .authority(&[POL, IMM])
        .channels(&[DX, OW])
        .concludes(&[
            unless_stated(Sets::Item(Item::HukouStatus), Word::Is("normal")),
            always(topic("registered_on"), Word::Day),
        ])
        .opens(),
    posted(
        Kind::UnregisteredFound,
        "unregistered_found",
        "无户口人员发现",
        "Unregistered person found",
    )
    .topics(&[Household])
    .fields(&[
        field("evidence", "身份依据", "Evidence of identity", Form::Text(200)).expected(),
        field("cause", "无户口原因", "Why unregistered", Form::Text(200)).expected(),
    ])
    .states(&[(Item::FullName, Required)])
    .changes(&[Item::IdDocumentType])
    .authority(&[POL, VIL])
    .channels(&[HV, VF])
    .concludes(&[unless_stated(Sets::Item(Item::IdDocumentType), Word::Is("11"))])
    .opens(),
];
