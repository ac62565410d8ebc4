//! The catalogue of events: each kind once, with its frozen number, its name in the contract, and
//! all that is known of it. What a submission must hold, what the outside is told of it, what an
//! archive makes of it are read from here.
//!
//! Numbers 1 to 99 are the life events, in the order of the national table; 101 to 199 are the
//! other events about a person; from 201 on events about submissions and reads. An act that
//! concerns several persons is told in each one's stream: the telling in the stream of anybody but
//! the subject is a *side* event, its number is [`SIDE`] higher, and no measure counts it.

mod births_and_deaths;
mod collecting;
mod employment;
mod entry;
mod fertility;
mod health;
mod household;
mod marriage;
mod needs;
mod particulars;
mod relief;
mod residence;
mod schema;
mod school_and_army;
pub mod upcast;

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::items::Item;
use crate::recorded::EventType;
use crate::role::Role;

pub use entry::{Conclusion, DataField, Entry, Need, Sets, Word};

/// Added to the number of a kind where the event is told in a related person's stream.
pub const SIDE: u16 = 1000;

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Kind {
    /// 出生
    Birth = 1,
    /// 弃婴登记
    BirthFoundling = 2,
    /// 出生后未登记即死亡
    BirthThenDeath = 3,
    /// 死亡
    Death = 4,
    /// 宣告死亡
    DeathDeclared = 5,
    /// 失踪/宣告失踪
    Missing = 6,
    /// 寻回/撤销死亡宣告
    Reappear = 7,
    /// 初婚登记
    MarryFirst = 8,
    /// 再婚登记
    MarryAgain = 9,
    /// 复婚登记
    MarryRestore = 10,
    /// 登记离婚
    DivorceReg = 11,
    /// 判决/调解离婚
    DivorceCourt = 12,
    /// 婚姻无效/撤销
    MarryVoid = 13,
    /// 丧偶
    Widow = 14,
    /// 户口迁出
    HukouOut = 15,
    /// 户口迁入
    HukouIn = 16,
    /// 现住地变更(人户分离)
    ResidenceChange = 17,
    /// 暂住(居住)登记
    TempStayReg = 18,
    /// 暂住超3个月
    TempStayExtend = 19,
    /// 居住证申领
    ResPermitIssue = 20,
    /// 居住证签注
    ResPermitEndorse = 21,
    /// 流出(离开户籍地)
    Leave = 22,
    /// 返回户籍地
    Return = 23,
    /// 出国(境)定居
    Emigrate = 24,
    /// 港澳台/华侨/入籍落户
    Settle = 25,
    /// 无户口人员发现
    UnregisteredFound = 26,
    /// 首次申领身份证
    IdIssue = 27,
    /// 更正公民身份号码
    IdNumberCorrect = 28,
    /// 变更/更正姓名
    NameChange = 29,
    /// 变更/更正民族
    EthnicChange = 30,
    /// 变更/更正性别
    SexCorrect = 31,
    /// 更正出生日期
    BirthdateCorrect = 32,
    /// 分户
    HhSplit = 33,
    /// 并户
    HhMerge = 34,
    /// 户主变更
    HeadChange = 35,
    /// 收养登记
    Adopt = 36,
    /// 解除收养
    AdoptEnd = 37,
    /// 监护设立/变更
    GuardianSet = 38,
    /// 生育登记(生育服务)
    PregReg = 39,
    /// 孕产期保健
    PregCare = 40,
    /// 妊娠结束
    PregEnd = 41,
    /// 避孕节育服务
    Contraception = 42,
    /// 孕前优生检查
    PreconceptionCheck = 43,
    /// 计生利益导向(奖扶/特扶/独生子女父母奖励)发放
    FpBenefit = 44,
    /// 育儿补贴申领
    ChildcareSubsidy = 45,
    /// 预防接种证办理
    VaccineCert = 46,
    /// 健康状况变化
    HealthChange = 47,
    /// 残疾人证核发
    DisabilityCert = 48,
    /// 入学
    SchoolEnrol = 49,
    /// 转学
    SchoolTransfer = 50,
    /// 毕业/结业/肄业
    SchoolEnd = 51,
    /// 初次兵役登记
    MilRegister = 52,
    /// 入伍
    Enlist = 53,
    /// 退役
    Discharge = 54,
    /// 就业
    EmployStart = 55,
    /// 终止/解除劳动关系
    EmployEnd = 56,
    /// 失业登记
    UnemployReg = 57,
    /// 灵活就业/个体
    FlexEmploy = 58,
    /// 参加社会保险
    SocinsEnrol = 59,
    /// 领取养老金
    PensionStart = 60,
    /// 纳入低保
    DibaoGrant = 61,
    /// 低保家庭变化/停发
    DibaoChange = 62,
    /// 特困人员供养
    Tekun = 63,
    /// 临时救助/医疗救助/受灾救助
    TempAid = 64,
    /// 高龄津贴/养老服务
    ElderBenefit = 65,
    /// 需求登记
    NeedRaised = 66,
    /// 需求响应
    NeedAnswered = 67,
    /// 本人更正请求
    CorrectionRequest = 68,
    /// 部门比对差异
    Discrepancy = 69,
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
    /// 人员合并
    PersonMerge = 107,
    /// 合并拆分
    PersonSplit = 108,
    /// 证件认领
    DocumentClaimed = 109,
    /// 依法删除
    Erased = 110,
    /// 封存
    Sealed = 111,
    /// 解封
    Unsealed = 112,
    /// 地址保护
    Protected = 113,
    /// 解除地址保护
    Unprotected = 114,
    /// 退回
    SubmissionRejected = 201,
    /// 查阅
    PersonRead = 301,
    /// 紧急查阅
    GlassBroken = 302,
    /// 紧急查阅复核
    GlassReviewed = 303,
    /// 查阅量告警
    AlarmRaised = 304,
    /// 查阅量审批
    ReadingApproved = 305,
}

/// The tables, by topic.
const TABLES: &[&[Entry]] = &[
    births_and_deaths::ROWS,
    marriage::ROWS,
    residence::MOVES,
    residence::STAYS,
    particulars::ROWS,
    household::ROWS,
    fertility::ROWS,
    health::ROWS,
    school_and_army::ROWS,
    employment::ROWS,
    relief::ROWS,
    needs::ROWS,
    collecting::ROWS,
];
const COUNT: usize = {
    let (mut count, mut table) = (0, 0);
    while table < TABLES.len() {
        count += TABLES[table].len();
        table += 1;
    }
    count
};
static ROWS: [Entry; COUNT] = gathered();
/// Every kind, in the order of its number.
pub static CATALOGUE: &[Entry] = &ROWS;

const NUMBERS: usize = Kind::ReadingApproved as usize + 1;
/// Place in the catalogue of each number, one more than that; 0 for numbers of no kind. It is
/// asked several times for every event.
static PLACES: [u8; NUMBERS] = places();
static BY_CODE: LazyLock<FxHashMap<&str, Kind>> = LazyLock::new(|| {
    let posted = CATALOGUE.iter().filter(|entry| entry.is_posted);
    posted.map(|entry| (entry.code, entry.kind)).collect()
});

/// All rows of the tables, put in order one by one.
const fn gathered() -> [Entry; COUNT] {
    let mut all = [TABLES[0][0]; COUNT];
    let (mut count, mut table) = (0, 0);
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            let entry = TABLES[table][row];
            let mut at = count;
            while at > 0 && all[at - 1].kind as u16 > entry.kind as u16 {
                all[at] = all[at - 1];
                at -= 1;
            }
            all[at] = entry;
            count += 1;
            row += 1;
        }
        table += 1;
    }
    all
}

const fn places() -> [u8; NUMBERS] {
    let all = gathered();
    let mut places = [0; NUMBERS];
    let mut at = 0;
    while at < COUNT {
        places[all[at].kind as usize] = at as u8 + 1;
        at += 1;
    }
    places
}

/// The name of a datum that some event has: an item, a field, a role, the certificate, the
/// approval.
pub fn name_of_datum(name: &str) -> Option<&'static str> {
    let of_item = Item::from_name(name).map(Item::name);
    let of_role = || Role::NAMED.iter().map(|row| row.1).find(|known| *known == name);
    let of_field = || CATALOGUE.iter().find_map(|entry| entry.field(name)).map(|field| field.name);
    let others = ["certificate_no", "approved_by"];
    let of_others = || others.into_iter().find(|known| *known == name);
    of_item.or_else(of_role).or_else(of_others).or_else(of_field)
}

impl Kind {
    /// What the catalogue says of it.
    pub fn entry(self) -> &'static Entry {
        &ROWS[usize::from(PLACES[self as usize]) - 1]
    }

    /// The name in the contract.
    pub fn code(self) -> &'static str {
        self.entry().code
    }

    /// The kind of a name in the contract that upstream systems may post.
    pub fn posted(code: &str) -> Option<Self> {
        BY_CODE.get(code).copied()
    }

    /// The kind of a stored number, and whether the event is a side event.
    pub fn from_number(number: u16) -> Option<(Self, bool)> {
        let (number, side) = if number >= SIDE { (number - SIDE, true) } else { (number, false) };
        let place = usize::from(*PLACES.get(usize::from(number))?);
        Some((ROWS[place.checked_sub(1)?].kind, side))
    }

    /// The kind and version of a CloudEvents type that upstream systems may post.
    pub fn of_type(event_type: &str) -> Option<(Self, u16)> {
        let (code, version) = event_type.strip_prefix("renkou.")?.rsplit_once(".v")?;
        let kind = Self::posted(code)?;
        let is_plain = !version.starts_with(['0', '+']);
        let version = version.parse().ok().filter(|_| is_plain)?;
        (version <= kind.entry().version).then_some((kind, version))
    }

    /// The kind of a stored type, and whether it is a side event; none of what only a newer program
    /// can read.
    pub fn from_event_type(event_type: EventType) -> Option<(Self, bool)> {
        let known = Self::from_number(event_type.number);
        known.filter(|(kind, _)| (1..=kind.entry().version).contains(&event_type.version))
    }

    /// The stored type of an event of this kind in its newest version.
    pub fn event_type(self, side: bool) -> EventType {
        let number = self as u16 + if side { SIDE } else { 0 };
        EventType { number, version: self.entry().version }
    }

    /// Whether it is one of the marriages.
    pub fn is_marriage(self) -> bool {
        matches!(self, Kind::MarryFirst | Kind::MarryAgain | Kind::MarryRestore)
    }

    /// Whether it is one of the divorces.
    pub fn is_divorce(self) -> bool {
        matches!(self, Kind::DivorceReg | Kind::DivorceCourt)
    }

    /// Whether the person is dead by it, from its day on.
    pub fn is_death(self) -> bool {
        matches!(self, Kind::Death | Kind::DeathDeclared | Kind::BirthThenDeath)
    }

    /// Whether it tells, of one person, what stands without saying how it came to be: the first
    /// load, and what was seen or learnt by the way.
    pub fn tells_what_stands(self) -> bool {
        matches!(self, Kind::Registration | Kind::ServiceTransaction | Kind::Observation)
    }

    /// Whether it says that two records are of one person, or that they are not.
    pub fn joins_or_parts(self) -> bool {
        matches!(self, Kind::PersonMerge | Kind::PersonSplit)
    }

    /// Whether it is an order about the record, which says nothing of the life in it.
    pub fn is_order(self) -> bool {
        matches!(
            self,
            Kind::Erased | Kind::Sealed | Kind::Unsealed | Kind::Protected | Kind::Unprotected
        )
    }

    /// Whether it stands in the log of reads, and says nothing of a life.
    pub fn is_of_reads(self) -> bool {
        (Kind::PersonRead as u16..=Kind::ReadingApproved as u16).contains(&(self as u16))
    }

    /// Whether it acts on an earlier event instead of stating something new.
    pub fn acts_on_another(self) -> bool {
        matches!(self, Kind::Correction | Kind::Annulment)
    }
}
