//! The catalogue of events: each kind once, with its frozen number and its name in the contract.
//!
//! Numbers 1 to 99 are the life events, in the order of the national table; 101 to 199 are the
//! other events about a person; from 201 on events about submissions and reads. An act that
//! concerns several persons is told in each one's stream: the telling in the stream of anybody but
//! the subject is a *side* event, its number is [`SIDE`] higher, and no measure counts it.

use crate::recorded::EventType;

/// Added to the number of a kind where the event is told in a related person's stream.
pub const SIDE: u16 = 1000;

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Kind {
    /// 出生
    Birth = 1,
    /// 死亡
    Death = 4,
    /// 初婚登记
    MarryFirst = 8,
    /// 再婚登记
    MarryAgain = 9,
    /// 复婚登记
    MarryRestore = 10,
    /// 登记离婚
    DivorceReg = 11,
    /// 判决或调解离婚
    DivorceCourt = 12,
    /// 户口迁出
    HukouOut = 15,
    /// 户口迁入
    HukouIn = 16,
    /// 现住地变更
    ResidenceChange = 17,
    /// 暂住登记
    TempStayReg = 18,
    /// 流出
    Leave = 22,
    /// 返回
    Return = 23,
    /// 首次建档
    Registration = 101,
    /// 入户采集
    HouseholdVisit = 102,
    /// 办事采集
    ServiceTransaction = 103,
    /// 部门所见
    Observation = 104,
    /// 更正
    Correction = 105,
    /// 撤销
    Annulment = 106,
    /// 证件认领
    DocumentClaimed = 109,
    /// 退回
    SubmissionRejected = 201,
    /// 查阅
    PersonRead = 301,
}

/// What the catalogue says of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Which kind.
    pub kind: Kind,
    /// The `<event>` of the CloudEvents type `renkou.<event>.v1`; frozen.
    pub code: &'static str,
    /// Chinese name.
    pub name_zh: &'static str,
    /// Whether upstream systems may post it.
    pub is_posted: bool,
}

const fn entry(kind: Kind, code: &'static str, name_zh: &'static str, is_posted: bool) -> Entry {
    Entry { kind, code, name_zh, is_posted }
}

/// Every kind, in the order of its number.
pub const CATALOGUE: &[Entry] = &[
    entry(Kind::Birth, "birth", "出生", true),
    entry(Kind::Death, "death", "死亡", true),
    entry(Kind::MarryFirst, "marry_first", "初婚登记", true),
    entry(Kind::MarryAgain, "marry_again", "再婚登记", true),
    entry(Kind::MarryRestore, "marry_restore", "复婚登记", true),
    entry(Kind::DivorceReg, "divorce_reg", "登记离婚", true),
    entry(Kind::DivorceCourt, "divorce_court", "判决/调解离婚", true),
    entry(Kind::HukouOut, "hukou_out", "户口迁出", true),
    entry(Kind::HukouIn, "hukou_in", "户口迁入", true),
    entry(Kind::ResidenceChange, "residence_change", "现住地变更(人户分离)", true),
    entry(Kind::TempStayReg, "temp_stay_reg", "暂住(居住)登记", true),
    entry(Kind::Leave, "leave", "流出(离开户籍地)", true),
    entry(Kind::Return, "return", "返回户籍地", true),
    entry(Kind::Registration, "registration", "首次建档", true),
    entry(Kind::HouseholdVisit, "household_visit", "入户采集", true),
    entry(Kind::ServiceTransaction, "service_transaction", "办事采集", true),
    entry(Kind::Observation, "observation", "部门所见", true),
    entry(Kind::Correction, "correction", "更正", true),
    entry(Kind::Annulment, "annulment", "撤销", true),
    entry(Kind::DocumentClaimed, "document_claimed", "证件认领", false),
    entry(Kind::SubmissionRejected, "submission_rejected", "退回", false),
    entry(Kind::PersonRead, "person_read", "查阅", false),
];

impl Kind {
    /// What the catalogue says of it.
    pub fn entry(self) -> &'static Entry {
        CATALOGUE.iter().find(|entry| entry.kind == self).expect("every kind is listed")
    }

    /// The name in the contract.
    pub fn code(self) -> &'static str {
        self.entry().code
    }

    /// The kind of a name in the contract that upstream systems may post.
    pub fn posted(code: &str) -> Option<Self> {
        CATALOGUE.iter().find(|entry| entry.is_posted && entry.code == code).map(|e| e.kind)
    }

    /// The kind of a stored number, and whether the event is a side event.
    pub fn from_number(number: u16) -> Option<(Self, bool)> {
        let (number, side) = if number >= SIDE { (number - SIDE, true) } else { (number, false) };
        CATALOGUE.iter().find(|e| e.kind as u16 == number).map(|e| (e.kind, side))
    }

    /// The stored type of an event of this kind in its newest version.
    pub fn event_type(self, side: bool) -> EventType {
        EventType { number: self as u16 + if side { SIDE } else { 0 }, version: 1 }
    }

    /// Whether it is one of the marriages.
    pub fn is_marriage(self) -> bool {
        matches!(self, Kind::MarryFirst | Kind::MarryAgain | Kind::MarryRestore)
    }

    /// Whether it is one of the divorces.
    pub fn is_divorce(self) -> bool {
        matches!(self, Kind::DivorceReg | Kind::DivorceCourt)
    }

    /// Whether it acts on an earlier event instead of stating something new.
    pub fn acts_on_another(self) -> bool {
        matches!(self, Kind::Correction | Kind::Annulment)
    }
}
