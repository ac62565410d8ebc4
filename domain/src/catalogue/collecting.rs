//! What is collected outside any life event, what acts on earlier events, and the registry's own
//! bookkeeping.

use super::Kind;
use super::entry::*;
use crate::items::Item;

/// An event that the registry writes itself.
const fn own(
    kind: Kind,
    code: &'static str,
    name_zh: &'static str,
    name_en: &'static str,
) -> Entry {
    posted(kind, code, name_zh, name_en).is_posted(false)
}

/// What a visitor sees with their own eyes.
const SEEN: &[Item] = &[
    Item::Residence,
    Item::ResidenceAddress,
    Item::DoorPlate,
    Item::MigrationDate,
    Item::RelationToHead,
];

pub(super) const ROWS: &[Entry] = &[
    posted(Kind::Registration, "registration", "首次建档", "First load").opens().lenient(),
    posted(Kind::HouseholdVisit, "household_visit", "入户采集", "Household visit")
        .changes(SEEN)
        .lenient(),
    posted(Kind::ServiceTransaction, "service_transaction", "办事采集", "Service transaction")
        .lenient(),
    posted(Kind::Observation, "observation", "部门所见", "Seen by a department").lenient(),
    posted(Kind::Correction, "correction", "更正", "Correction").lenient(),
    posted(Kind::Annulment, "annulment", "撤销", "Annulment").lenient(),
    // Numbers are the police's; other departments tell of duplicates and are flagged.
    posted(Kind::PersonMerge, "person_merge", "人员合并", "Records of one person merged")
        .authority(&[POL])
        .approval(Need::Required)
        .after_death(),
    posted(Kind::PersonSplit, "person_split", "人员拆分", "Records of two persons split")
        .authority(&[POL])
        .approval(Need::Required)
        .after_death(),
    own(Kind::DocumentClaimed, "document_claimed", "证件认领", "Document claimed"),
    own(Kind::Erased, "erased", "依法删除", "Erased by lawful order").after_death(),
    own(Kind::Sealed, "sealed", "封存", "Sealed until a day").after_death(),
    own(Kind::Unsealed, "unsealed", "解封", "Unsealed").after_death(),
    own(Kind::Protected, "protected", "地址保护", "Whereabouts protected until a day")
        .after_death(),
    own(Kind::Unprotected, "unprotected", "解除地址保护", "Whereabouts protected no longer")
        .after_death(),
    own(Kind::SubmissionRejected, "submission_rejected", "退回", "Submission refused"),
    own(Kind::PersonRead, "person_read", "查阅", "Person read"),
    own(Kind::GlassBroken, "glass_broken", "紧急查阅", "Glass broken"),
    own(Kind::GlassReviewed, "glass_reviewed", "紧急查阅复核", "Broken glass looked into"),
    own(Kind::AlarmRaised, "alarm_raised", "查阅量告警", "Told of many persons"),
    own(Kind::ReadingApproved, "reading_approved", "查阅量审批", "More persons allowed"),
];
