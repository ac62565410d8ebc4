//! Households split, merged and led by another head; adoption and guardianship.
//!
//! The person of a household event is the head after it; `members` lists the others who are moved
//! or whose relation changes, each with what becomes of them.

use super::Kind;
use super::entry::*;
use crate::forms::Form;
use crate::items::Item;
use crate::life_event::Role;
use crate::topics::Topic::{Household, Welfare};
use Need::{Expected, Optional, Required};

const OLD_HOUSEHOLD: DataField =
    field("old_household_id", "原户号", "Household before", Form::Text(40));
const NEW_HOUSEHOLD: DataField = field("household_id", "户号", "Household", Form::Text(40))
    .sets(&[Sets::Item(Item::HouseholdId)]);
const HEAD: &[Conclusion] = &[unless_stated(Sets::Item(Item::RelationToHead), Word::Is("02"))];
const RELATION: &[Item] = &[Item::RelationToHead, Item::HouseholdId];

/// A change of the household that its head or the person concerned declares.
const fn declared(
    kind: Kind,
    code: &'static str,
    name_zh: &'static str,
    name_en: &'static str,
) -> Entry {
    posted(kind, code, name_zh, name_en)
        .topics(&[Household])
        .related(&[(Role::Head, Optional)])
        .members()
        .changes(RELATION)
        .authority(&[POL])
        .channels(&[OW, DX, MR])
        .concludes(HEAD)
}

pub(super) const ROWS: &[Entry] = &[
    declared(Kind::HhSplit, "hh_split", "分户", "Household split")
        .fields(&[OLD_HOUSEHOLD.expected(), NEW_HOUSEHOLD.required()]),
    declared(Kind::HhMerge, "hh_merge", "并户", "Households merged").fields(&[
        field("merged_household_id", "被并户号", "Household that ends", Form::Text(40)).expected(),
        NEW_HOUSEHOLD.required(),
    ]),
    declared(Kind::HeadChange, "head_change", "户主变更", "Head of household changed")
        .fields(&[NEW_HOUSEHOLD.expected()]),
    posted(Kind::Adopt, "adopt", "收养登记", "Adoption")
        .topics(&[Household, Welfare])
        .related(&[(Role::Adopter, Required), (Role::Head, Optional)])
        .certificate(Expected)
        .changes(&[Item::RelationToHead, Item::FullName, Item::Hukou])
        .authority(&[CIV, POL])
        .channels(&[DX, OW])
        .deadlines(&[21])
        .concludes(&[unless_stated(Sets::Topic(Welfare, "child_welfare"), Word::Is("adopted"))]),
    posted(Kind::AdoptEnd, "adopt_end", "解除收养", "Adoption ended")
        .topics(&[Household, Welfare])
        .fields(&[field(
            "basis",
            "解除方式",
            "By agreement or judgment",
            Form::Word(&["agreement", "judgment"]),
        )
        .expected()])
        .related(&[(Role::Adopter, Required)])
        .changes(&[Item::RelationToHead])
        .authority(&[CIV, JUD])
        .channels(&[DX, OW])
        .deadlines(&[22])
        .concludes(&[always(Sets::Topic(Welfare, "child_welfare"), Word::Gone)]),
    posted(Kind::GuardianSet, "guardian_set", "监护设立/变更", "Guardian set or changed")
        .topics(&[Household, Welfare])
        .fields(&[field(
            "basis",
            "监护依据",
            "By law, will, agreement or appointment",
            Form::Word(&["law", "will", "agreement", "appointment"]),
        )
        .expected()])
        .related(&[(Role::Guardian, Required)])
        .authority(&[VIL, CIV, JUD])
        .channels(&[OW, DX, HV]),
];
