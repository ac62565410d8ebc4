//! Payloads as a registry of fictional people would store them: made-up names, division prefix 99.

use domain::{Document, DocumentKind, Item, LifeEvent, Payload, PersonId, Related, Role};
use serde_json::json;
use std::sync::Arc;

const SURNAMES: &str =
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡";
const GIVEN: &str = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华建文玲红玉兰梅春雨欣怡子涵浩宇轩\
                     梓晨思琪俊佳嘉诗雅若然一诺可心书瑶志远安宁清扬乐天星辰国庆海燕晓东小龙";
const STREETS: [&str; 10] = [
    "建设路",
    "人民路",
    "解放街",
    "新华路",
    "长江路",
    "中山街",
    "文化路",
    "和平街",
    "青年路",
    "幸福巷",
];
const COMMUNITIES: [&str; 8] =
    ["东风社区", "桃园村", "红星社区", "柳树村", "朝阳社区", "河湾村", "向阳社区", "石桥村"];
const EMPLOYERS: [&str; 8] = [
    "市第一中学",
    "县人民医院",
    "宏达机械有限公司",
    "务农",
    "永兴纺织厂",
    "个体经营",
    "城乡公交公司",
    "百货商场",
];
const SERVICES: [(&str, &str); 8] = [
    ("birth_registration", "生育登记"),
    ("pregnancy_checkup", "孕前优生健康检查"),
    ("only_child_card", "独生子女父母光荣证补办"),
    ("support_allowance", "农村部分计划生育家庭奖励扶助金申请"),
    ("special_support", "计划生育家庭特别扶助金申请"),
    ("residence_permit", "居住证签注"),
    ("infant_care", "托育机构备案咨询"),
    ("maternal_leave", "生育津贴待遇核定"),
];

/// A source of repeatable choices (xorshift).
pub struct Choice(u64);

impl Choice {
    /// Other seeds make other people.
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    fn letter(&mut self, of: &str) -> char {
        let letters: Vec<char> = of.chars().collect();
        self.one(&letters)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn name(&mut self) -> String {
        let mut name = String::from(self.letter(SURNAMES));
        for _ in 0..1 + self.below(2).max(self.below(2)) {
            name.push(self.letter(GIVEN));
        }
        name
    }

    fn county(&mut self) -> String {
        format!("99{:02}{:02}", 1 + self.below(12), 1 + self.below(30))
    }

    fn division(&mut self) -> String {
        format!("{}{:03}{:03}", self.county(), 1 + self.below(20), self.below(40))
    }

    fn day(&mut self, from: u64, years: u64) -> String {
        let (year, month) = (from + self.below(years), 1 + self.below(12));
        format!("{year}-{month:02}-{:02}", 1 + self.below(28))
    }

    fn citizen_id(&mut self, born: &str) -> String {
        let check = self.letter("0123456789X");
        format!("{}{}{:03}{check}", self.county(), born.replace('-', ""), 1 + self.below(999))
    }

    fn phone(&mut self) -> String {
        format!("1{}{:08}", self.one(&[33, 38, 50, 77, 86, 99]), self.below(100_000_000))
    }

    fn address(&mut self) -> String {
        let (city, county) = (1 + self.below(12), 1 + self.below(30));
        let (community, street) = (self.one(&COMMUNITIES), self.one(&STREETS));
        let (number, house, room) = (self.below(300), self.below(30), self.below(2000));
        format!("九九省第{city}市第{county}区{community}{street}{number}号{house}幢{room}室")
    }

    fn person(&mut self) -> PersonId {
        let bytes = (u128::from(self.below(u64::MAX)) << 64) | u128::from(self.below(u64::MAX));
        PersonId::from_uuid(uuid::Builder::from_custom_bytes(bytes.to_be_bytes()).into_uuid())
    }

    fn certificate(&mut self, letter: char) -> String {
        format!("{letter}99{:07}", self.below(10_000_000))
    }
}

fn related(choice: &mut Choice, roles: &[Role]) -> Vec<Related> {
    roles.iter().map(|role| Related { role: *role, person: choice.person() }).collect()
}

fn document(choice: &mut Choice, born: &str) -> Option<Document> {
    Some(Document::new(DocumentKind::CitizenId, &choice.citizen_id(born)))
}

fn birth(choice: &mut Choice) -> LifeEvent {
    let number = choice.certificate('X');
    let mut event = LifeEvent {
        document: Some(Document::new(DocumentKind::BirthCertificate, &number)),
        related: related(choice, &[Role::Mother, Role::Father]),
        certificate_no: choice.chance(50).then_some(number),
        ..LifeEvent::default()
    };
    let (hukou, day) = (choice.division(), choice.day(2024, 3));
    event.items.set(Item::FullName, choice.name());
    event.items.set(Item::Sex, choice.one(&["1", "2"]));
    event.items.set(Item::BirthDate, day);
    event.items.set(Item::BirthPlace, choice.county());
    event.items.set(Item::EthnicGroup, choice.one(&["01", "01", "01", "01", "11", "08"]));
    if choice.chance(60) {
        event.items.set(Item::Hukou, hukou.clone());
        event.items.set(Item::Residence, hukou);
    }
    if choice.chance(50) {
        let (grams, weeks) = (2500 + choice.below(1800), 36 + choice.below(6));
        event.details.insert("birth_weight_g".into(), json!(grams));
        event.details.insert("gestation_weeks".into(), json!(weeks));
    }
    if choice.chance(30) {
        event.details.insert("operator".into(), json!(choice.name()));
    }
    event
}

fn death(choice: &mut Choice) -> LifeEvent {
    let born = choice.day(1930, 60);
    let mut event = LifeEvent { document: document(choice, &born), ..LifeEvent::default() };
    event.items.set(Item::DeathDate, choice.day(2024, 3));
    if choice.chance(40) {
        event.items.set(Item::HukouStatus, "cancelled");
        event.items.set(Item::FullName, choice.name());
    }
    event.certificate_no = choice.chance(70).then(|| choice.certificate('D'));
    if choice.chance(40) {
        let cause = choice.one(&["疾病", "意外", "自然死亡"]);
        event.details.insert("cause".into(), json!(cause));
    }
    event
}

fn marriage(choice: &mut Choice) -> LifeEvent {
    let born = choice.day(1970, 35);
    let mut event = LifeEvent { document: document(choice, &born), ..LifeEvent::default() };
    event.related = related(choice, &[Role::Spouse]);
    let status = choice.one(&["20", "21", "22", "40"]);
    let day = choice.day(2024, 3);
    event.items.set(Item::MaritalStatus, status);
    event.items.set(Item::MaritalChangeDate, day.clone());
    if status == "21" {
        event.items.set(Item::FirstMarriageDate, day);
    }
    if choice.chance(40) {
        event.items.set(Item::FullName, choice.name());
    }
    event.certificate_no =
        Some(format!("J99{}-2026-{:06}", choice.county(), choice.below(999_999)));
    event
}

fn move_of(choice: &mut Choice) -> LifeEvent {
    let born = choice.day(1950, 70);
    let mut event = LifeEvent { document: document(choice, &born), ..LifeEvent::default() };
    let division = choice.division();
    event.items.set(Item::Residence, division.clone());
    event.items.set(Item::ResidenceAddress, choice.address());
    event.items.set(Item::MigrationDate, choice.day(2024, 3));
    if choice.chance(40) {
        event.items.set(Item::Hukou, division);
        event.items.set(Item::HukouAddress, choice.address());
        event.items.set(Item::HukouNature, choice.one(&["1", "2", "3"]));
        event.items.set(Item::HouseholdId, format!("99{:010}", choice.below(10_000_000_000)));
    }
    if choice.chance(30) {
        let reason = choice.one(&["务工经商", "工作调动", "婚姻嫁娶", "随迁家属", "学习培训"]);
        event.details.insert("migration_reason".into(), json!(reason));
    }
    if choice.chance(30) {
        event.related = related(choice, &[Role::Head]);
    }
    event
}

fn registration(choice: &mut Choice) -> LifeEvent {
    let born = choice.day(1940, 80);
    let mut event = LifeEvent { document: document(choice, &born), ..LifeEvent::default() };
    let number = event.document.as_ref().map(|document| document.number().to_owned());
    let (division, address) = (choice.division(), choice.address());
    let items = &mut event.items;
    items.set(Item::FullName, choice.name());
    items.set(Item::CitizenId, number.unwrap_or_default());
    items.set(Item::Sex, choice.one(&["1", "2"]));
    items.set(Item::BirthPlace, choice.county());
    items.set(Item::BirthDate, born);
    items.set(Item::EthnicGroup, choice.one(&["01", "01", "01", "01", "11", "15"]));
    items.set(Item::Residence, division.clone());
    items.set(Item::Hukou, division);
    items.set(Item::DoorPlate, format!("{}号", choice.below(400)));
    items.set(Item::Education, choice.one(&["21", "31", "61", "71", "81", "90"]));
    items.set(Item::HukouNature, choice.one(&["1", "2", "3"]));
    items.set(Item::Employer, choice.one(&EMPLOYERS));
    items.set(Item::Health, choice.one(&["10", "10", "20", "30"]));
    items.set(Item::MaritalStatus, choice.one(&["10", "20", "21", "30", "40"]));
    items.set(Item::RelationToHead, choice.one(&["01", "10", "20", "30", "41", "51"]));
    if choice.chance(60) {
        items.set(Item::ResidenceAddress, address.clone());
        items.set(Item::HukouAddress, address);
        items.set(Item::HouseholdId, format!("99{:010}", choice.below(10_000_000_000)));
        items.set(Item::HouseholdKind, choice.one(&["family", "family", "collective"]));
        items.set(Item::HukouStatus, "normal");
    }
    if choice.chance(40) {
        items.set(Item::Phone, choice.phone());
    }
    event
}

fn visit(choice: &mut Choice) -> LifeEvent {
    let born = choice.day(1940, 80);
    let mut event = LifeEvent { document: document(choice, &born), ..LifeEvent::default() };
    event.items.set(Item::FullName, choice.name());
    event.items.set(Item::Residence, choice.division());
    event.items.set(Item::Health, choice.one(&["10", "20", "30"]));
    event.items.set(Item::Employer, choice.one(&EMPLOYERS));
    if choice.chance(60) {
        event.items.set(Item::Phone, choice.phone());
        event.items.set(Item::EmploymentStatus, choice.one(&["11", "13", "24", "70"]));
    }
    if choice.chance(40) {
        event.items.set(Item::ResidenceAddress, choice.address());
    }
    event.details.insert("operator".into(), json!(choice.name()));
    if choice.chance(30) {
        let remark = choice.one(&["本人在家", "家属代答", "邻居反映外出务工", "敲门无人应"]);
        event.details.insert("remark".into(), json!(remark));
    }
    event
}

fn service(choice: &mut Choice) -> LifeEvent {
    let born = choice.day(1960, 50);
    let mut event = LifeEvent { document: document(choice, &born), ..LifeEvent::default() };
    let (code, name) = choice.one(&SERVICES);
    event.items.set(Item::Phone, choice.phone());
    if choice.chance(40) {
        event.items.set(Item::FullName, choice.name());
        event.items.set(Item::MaritalStatus, choice.one(&["20", "21", "22"]));
    }
    let (window, number) = (1 + choice.below(30), choice.below(1_000_000));
    event.details.insert("service_code".into(), json!(code));
    event.details.insert("service_name".into(), json!(name));
    event.details.insert("case_no".into(), json!(format!("YW-2026-{number:06}")));
    event.details.insert("window".into(), json!(format!("{window}号窗口")));
    event.details.insert("result".into(), json!(choice.one(&["准予", "不予", "补正", "受理"])));
    event.details.insert("operator".into(), json!(choice.name()));
    event
}

fn correction(choice: &mut Choice) -> LifeEvent {
    let born = choice.day(1950, 70);
    let mut event = LifeEvent { document: document(choice, &born), ..LifeEvent::default() };
    event.target = Some(domain::Sequence(choice.below(6) as u32));
    let reason = choice.one(&["录入错误", "证件核对更正", "入户核实不符", "重复上报,撤销"]);
    event.reason = Some(reason.into());
    event.approved_by = Some(choice.name());
    if choice.chance(50) {
        event.items.set(Item::FullName, choice.name());
    } else {
        event.items.set(Item::BirthDate, born);
    }
    event
}

/// `count` payloads in the mix that a registry sees.
pub fn payloads(choice: &mut Choice, count: usize) -> Vec<Vec<u8>> {
    let make = |_| {
        let event = match choice.below(100) {
            0..12 => birth(choice),
            12..20 => death(choice),
            20..30 => marriage(choice),
            30..50 => move_of(choice),
            50..65 => registration(choice),
            65..80 => visit(choice),
            80..96 => service(choice),
            _ => correction(choice),
        };
        Payload::Life(Arc::new(event)).to_json()
    };
    (0..count).map(make).collect()
}
