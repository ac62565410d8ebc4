//! The fictional county 990101: its townships and villages with codes and names, and the few
//! villages of other fictional counties that its people come from and leave for.

use std::io::Write;

use super::random::Random;

/// The county's code.
pub(super) const COUNTY: u32 = 990_101;
const COUNTY_NAME: &str = "虚拟县";
/// Counties outside, in other fictional prefectures.
const OUTSIDE: [(u32, &str); 8] = [
    (990_102, "邻虚县"),
    (990_201, "南虚市"),
    (990_305, "北拟县"),
    (991_101, "云上市"),
    (991_302, "雾中县"),
    (992_203, "镜湖市"),
    (993_106, "回声县"),
    (994_401, "远岸市"),
];
const TOWNSHIP_NAMES: [&str; 40] = [
    "云溪", "临江", "安平", "白石", "青山", "龙泉", "双河", "长岭", "石门", "新桥", "大湾", "永兴",
    "东山", "西湖", "南坪", "北塘", "金沙", "银滩", "太和", "清泉", "柳林", "梅岭", "竹溪", "松源",
    "鹤峰", "凤鸣", "麒麟", "望城", "高桥", "古渡", "花园", "红岩", "黄土", "蓝田", "马鞍", "牛角",
    "平安", "庆丰", "三江", "四明",
];
const VILLAGE_FIRST: [&str; 20] = [
    "上", "下", "前", "后", "东", "西", "南", "北", "中", "新", "老", "大", "小", "金", "银", "白",
    "青", "红", "长", "高",
];
const VILLAGE_LAST: [&str; 20] = [
    "湾", "塘", "坪", "岭", "桥", "渡", "井", "坡", "屯", "庄", "店", "铺", "寨", "岗", "洼", "园",
    "溪", "泉", "林", "洲",
];
const ROADS: [&str; 12] = [
    "人民路",
    "建设路",
    "解放街",
    "和平路",
    "中山街",
    "文化路",
    "学府路",
    "滨河路",
    "兴业路",
    "光明街",
    "朝阳路",
    "长安街",
];

const TRADES: [&str; 8] = ["农机", "纺织", "建材", "食品", "物流", "电子", "医药", "家具"];

/// A village or residents' committee.
pub(super) struct Village {
    /// The 12-digit code.
    pub(super) code: String,
    /// Number of its township, in the county's order.
    pub(super) township: u16,
    /// Name of the township.
    pub(super) township_name: String,
    /// Whether it is urban, by its code.
    pub(super) is_urban: bool,
    /// County, township and village, as addresses begin.
    name: String,
}

/// Where somebody lives or is registered: a village and the dwelling in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home {
    /// Number of the village.
    pub(super) village: u16,
    /// The dwelling.
    pub(super) plate: u32,
}

/// Every place of the story. The villages of the county come first.
pub(super) struct County {
    /// All villages, the outside ones last.
    pub(super) villages: Vec<Village>,
    /// How many of them lie in the county.
    inside: u16,
}

impl County {
    /// A county large enough for so many people.
    pub(super) fn new(people: u32) -> Self {
        let people_per_village = 1_000 + 1_500 * u64::from(people.min(1_000_000)) / 1_000_000;
        let inside = (u64::from(people) / people_per_village + 1).clamp(4, 4_000) as u16;
        let townships = (5 + inside / 20).min(inside).min(40);
        let mut villages = Vec::with_capacity(usize::from(inside) + 32);
        for number in 0..inside {
            villages.push(village(number % townships, number / townships, number, townships));
        }
        for (place, (code, name)) in OUTSIDE.into_iter().enumerate() {
            for number in 0..4_u16 {
                villages.push(Village {
                    code: format!("{code}001{:03}", number + 1),
                    township: townships + place as u16,
                    township_name: "城关街道".to_owned(),
                    is_urban: true,
                    name: format!("{name}城关街道{}社区", VILLAGE_FIRST[usize::from(number)]),
                });
            }
        }
        Self { villages, inside }
    }

    /// The village of a number.
    pub(super) fn village(&self, number: u16) -> &Village {
        &self.villages[usize::from(number)]
    }

    /// Whether a village lies in the county.
    pub(super) fn has(&self, village: u16) -> bool {
        village < self.inside
    }

    /// A dwelling anywhere in the county.
    pub(super) fn home(&self, random: &mut Random) -> Home {
        let village = random.below(u32::from(self.inside)) as u16;
        Home { village, plate: random.below(1 << 24) }
    }

    /// A dwelling in another township of the county than `from`.
    pub(super) fn home_elsewhere(&self, random: &mut Random, from: u16) -> Home {
        loop {
            let home = self.home(random);
            if self.village(home.village).township != self.village(from).township {
                return home;
            }
        }
    }

    /// A dwelling outside the county.
    pub(super) fn home_outside(&self, random: &mut Random) -> Home {
        let outside = self.villages.len() as u32 - u32::from(self.inside);
        let village = self.inside + random.below(outside) as u16;
        Home { village, plate: random.below(1 << 24) }
    }

    /// Whether two villages lie in different townships.
    pub(super) fn apart(&self, one: u16, other: u16) -> bool {
        self.village(one).township != self.village(other).township
    }

    /// Writes the address of a dwelling in full.
    pub(super) fn write_address(&self, home: Home, out: &mut Vec<u8>) {
        out.extend_from_slice(self.village(home.village).name.as_bytes());
        if self.village(home.village).is_urban {
            out.extend_from_slice(ROADS[(home.plate % 12) as usize].as_bytes());
        }
        self.write_plate(home, out);
    }

    /// Writes its door plate; in villages without plates the group and the number of the house.
    pub(super) fn write_plate(&self, home: Home, out: &mut Vec<u8>) {
        let plate = home.plate / 12;
        let number = plate % 180 + 1;
        let written = if self.village(home.village).is_urban {
            let (building, room) = (plate / 180 % 20 + 1, plate / 3600 % 6 * 100 + 101);
            write!(out, "{number}号{building}幢{room}室")
        } else {
            write!(out, "{}组{number}号", plate / 180 % 12 + 1)
        };
        debug_assert!(written.is_ok(), "writing to memory does not fail");
    }

    /// Writes the name of an employer or school near a village; `无` for none.
    pub(super) fn write_employer(&self, village: u16, employer: u8, out: &mut Vec<u8>) {
        let township = &self.village(village).township_name;
        let (before, after) = match employer {
            0 => ("", "无"),
            1 => (township.as_str(), "中心小学"),
            2 => (township.as_str(), "初级中学"),
            3 => (COUNTY_NAME, "第一中学"),
            4 => (COUNTY_NAME, "职业技术学院"),
            5 => (township.as_str(), "公共事务中心"),
            other => (township.as_str(), TRADES[usize::from(other) % TRADES.len()]),
        };
        out.extend_from_slice(before.as_bytes());
        out.extend_from_slice(after.as_bytes());
        if employer > 5 {
            out.extend_from_slice("有限公司".as_bytes());
        }
    }
}

/// The `number`-th village of the county, the `place`-th of its township.
fn village(township: u16, place: u16, number: u16, townships: u16) -> Village {
    let (sub_districts, towns) = (townships.div_ceil(3), townships.div_ceil(3));
    let (code, kind) = if township < sub_districts {
        (1 + township, "街道")
    } else if township < sub_districts + towns {
        (100 + township - sub_districts, "镇")
    } else {
        (200 + township - sub_districts - towns, "乡")
    };
    let is_urban = code < 100 || (code < 200 && place == 0);
    let last = if is_urban { 1 + place } else { 200 + place };
    let township_name = format!("{}{kind}", TOWNSHIP_NAMES[usize::from(township)]);
    let first_part = VILLAGE_FIRST[usize::from(number % 20)];
    let last_part = VILLAGE_LAST[usize::from(number / 20 % 20)];
    let suffix = if is_urban { "社区" } else { "村" };
    let name = format!("{COUNTY_NAME}{township_name}{first_part}{last_part}{suffix}");
    Village { code: format!("{COUNTY}{code:03}{last:03}"), township, township_name, is_urban, name }
}
