//! Why an event can not have happened to this person: one name a rule.
//!
//! Only what is impossible is refused. What is merely odd is recorded and doubted, see
//! [`Doubt`].

use crate::fault::Fault;

/// A rule that the event breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Dead before born.
    DeathBeforeBirth,
    /// Something happened to a person who was not born yet.
    BeforeBirth,
    /// Something happened to a person who was dead already.
    AfterDeath,
    /// Born on another day, by an earlier report of the birth.
    AlreadyBorn,
    /// Died on another day, by an earlier report of the death.
    AlreadyDead,
    /// Married on that day to somebody else who was alive.
    AlreadyMarried,
    /// Married to or divorced from oneself.
    SpouseIsSelf,
    /// The act needs a husband or wife, and none is named.
    SpouseMissing,
    /// There is no event at the place that the correction or annulment names.
    TargetUnknown,
    /// The event was annulled already.
    TargetAnnulled,
    /// The event is told here only because somebody else's act concerns this person: the
    /// correction belongs into that person's record.
    TargetIsSideEvent,
    /// A correction can correct facts only, not another correction or annulment.
    TargetIsNoFact,
    /// The correction changes nothing.
    CorrectsNothing,
    /// Number, birth, sex and death are corrected with a second person's approval only.
    ApprovalMissing,
    /// The approver is the one who asked.
    ApproverIsActor,
    /// The person is not in the register.
    PersonUnknown,
    /// Both records that are to be merged are the same one.
    SamePerson,
    /// The record is absorbed already.
    AlreadyMerged,
    /// The record is not absorbed into that one, nor its number claimed for it.
    NotMerged,
    /// The record was erased by lawful order: nothing more is recorded about the person.
    PersonErased,
}

impl Refusal {
    /// Every rule: its name, the field that is at fault, and what is said of it.
    #[rustfmt::skip]
    const TABLE: [(Refusal, &str, &str, &str, &str); 20] = [
        (Refusal::DeathBeforeBirth, "death_before_birth", "occurred_on",
            "死亡日期早于出生日期", "death before birth"),
        (Refusal::BeforeBirth, "before_birth", "occurred_on",
            "事件日期早于本人出生日期", "the event lies before the person's birth"),
        (Refusal::AfterDeath, "after_death", "occurred_on",
            "事件日期晚于本人死亡日期", "the event lies after the person's death"),
        (Refusal::AlreadyBorn, "already_born", "occurred_on",
            "已登记出生, 且日期不同; 应提交更正", "a birth on another day is recorded; send a correction"),
        (Refusal::AlreadyDead, "already_dead", "occurred_on",
            "已登记死亡, 且日期不同; 应提交更正", "a death on another day is recorded; send a correction"),
        (Refusal::AlreadyMarried, "already_married", "spouse",
            "当日与他人的婚姻仍然有效", "a marriage with somebody else was in force on that day"),
        (Refusal::SpouseIsSelf, "spouse_is_self", "spouse",
            "配偶不能是本人", "nobody is their own spouse"),
        (Refusal::SpouseMissing, "spouse_missing", "spouse",
            "缺少配偶", "the husband or wife must be named"),
        (Refusal::TargetUnknown, "target_unknown", "corrects",
            "本人档案中没有所指的事件", "the person's record has no such event"),
        (Refusal::TargetAnnulled, "target_annulled", "annuls",
            "所指事件已被撤销", "the event was annulled already"),
        (Refusal::TargetIsSideEvent, "target_is_side_event", "corrects",
            "该事件属于另一人的档案, 应在其档案中更正", "the event belongs to another person's record; correct it there"),
        (Refusal::TargetIsNoFact, "target_is_no_fact", "corrects",
            "不能更正一条更正或撤销; 可撤销后重新更正", "a correction or annulment is not corrected; annul it instead"),
        (Refusal::CorrectsNothing, "corrects_nothing", "items",
            "更正未改变任何内容", "the correction changes nothing"),
        (Refusal::ApprovalMissing, "approval_missing", "approved_by",
            "身份号码、出生、性别、死亡的更正, 合并与拆分, 须另一人审批", "number, birth, sex and death, merges and splits need a second person's approval"),
        (Refusal::ApproverIsActor, "approver_is_actor", "approved_by",
            "审批人与经办人相同", "approver and actor are one"),
        (Refusal::PersonUnknown, "person_unknown", "person",
            "登记簿中没有此人", "the register has no such person"),
        (Refusal::SamePerson, "same_person", "absorbed",
            "两者为同一档案", "both are the same record"),
        (Refusal::AlreadyMerged, "already_merged", "absorbed",
            "该档案已并入另一档案", "the record is absorbed already"),
        (Refusal::NotMerged, "not_merged", "absorbed",
            "该档案未并入此人, 其证件也未归于此人", "the record is not absorbed into that person, nor its number claimed for them"),
        (Refusal::PersonErased, "person_erased", "person",
            "此人档案已依法删除, 不得再登记", "the person's record was erased by lawful order; nothing more is recorded"),
    ];

    /// The fault that the sender is told, with the field that is at fault.
    pub fn fault(self) -> Fault {
        let row = Self::TABLE.iter().find(|row| row.0 == self).expect("every rule is listed");
        let (_, code, field, zh, en) = row;
        Fault::new(code, zh, en).at(format!("/data/{field}"))
    }
}

/// Something odd that was recorded all the same: to be counted and verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// Another department told the same before.
    SecondReport,
    /// The first that the register hears of this person, and no registration or birth.
    FirstKnownByThisEvent,
    /// A divorce without a marriage on record.
    MarriageNotOnRecord,
    /// The day known is before the day it happened.
    KnownBeforeItHappened,
    /// The number states another birth date than the item.
    BirthDateDiffersFromNumber,
    /// The number states another sex than the item.
    SexDiffersFromNumber,
    /// Events after the death were recorded before the death was known.
    EventsAfterDeath,
    /// The number is the stream of another person: two records, perhaps one person.
    NumberOfAnother,
    /// Something that is expected of such an event was not sent.
    Incomplete,
    /// A field does not have its form, and was kept as it was sent.
    FieldUnusable,
    /// The catalogue knows no such event through this channel.
    ChannelNotAllowed,
    /// The department has no authority over such an event.
    NoAuthority,
    /// Two records were merged that tell different facts of one life.
    MergedFactsDiffer,
    /// The division did not stand on the day it happened.
    PlaceNotOfTheDay,
}

impl Doubt {
    /// Every doubt.
    pub const ALL: [Doubt; 14] = [
        Self::SecondReport,
        Self::FirstKnownByThisEvent,
        Self::MarriageNotOnRecord,
        Self::KnownBeforeItHappened,
        Self::BirthDateDiffersFromNumber,
        Self::SexDiffersFromNumber,
        Self::EventsAfterDeath,
        Self::NumberOfAnother,
        Self::Incomplete,
        Self::FieldUnusable,
        Self::ChannelNotAllowed,
        Self::NoAuthority,
        Self::MergedFactsDiffer,
        Self::PlaceNotOfTheDay,
    ];

    /// The doubt of a rule's name.
    pub fn of_rule(rule: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|doubt| doubt.flag().0 == rule)
    }

    /// Rule, severity and items, as a receipt's flag shows them. Rule names of the audit table
    /// are used where the table has the rule.
    pub fn flag(self) -> (&'static str, &'static str, &'static [&'static str]) {
        match self {
            Self::SecondReport => ("second_report", "info", &[]),
            Self::FirstKnownByThisEvent => ("first_known_by_this_event", "warning", &[]),
            Self::MarriageNotOnRecord => {
                ("marriage_not_on_record", "warning", &["marital_code", "marital_change_date"])
            }
            Self::KnownBeforeItHappened => ("known_before_it_happened", "warning", &[]),
            Self::BirthDateDiffersFromNumber => ("L01", "error", &["citizen_id", "birth_date"]),
            Self::SexDiffersFromNumber => ("L02", "error", &["citizen_id", "sex"]),
            Self::EventsAfterDeath => ("L19", "error", &["death_date"]),
            Self::NumberOfAnother => ("X01", "error", &["citizen_id"]),
            Self::Incomplete => ("incomplete", "warning", &[]),
            Self::FieldUnusable => ("field_unusable", "warning", &[]),
            Self::ChannelNotAllowed => ("channel_not_allowed", "warning", &[]),
            Self::NoAuthority => ("no_authority", "warning", &[]),
            Self::MergedFactsDiffer => ("merged_facts_differ", "error", &[]),
            Self::PlaceNotOfTheDay => ("place_not_of_the_day", "warning", &[]),
        }
    }
}
