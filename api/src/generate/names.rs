//! Names of fictional people: Han names, names of two parts joined by `·`, provisional names of
//! newborns, and a few characters outside the basic plane, as registers must hold them.

use super::random::Random;

const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜\
叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤";
const DOUBLE_SURNAMES: [&str; 5] = ["欧阳", "上官", "诸葛", "司马", "慕容"];
const GIVEN_MALE: &str = "伟强磊军洋勇杰涛明超刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林欢阳建亮成畅欣文博轩晨\
子睿航昊泽瑞嘉诚毅峰志国栋梁庆云德胜新学才福生根有义忠全松柏江海山川";
const GIVEN_FEMALE: &str = "芳娜敏静丽艳娟霞秀燕玲桂英梅兰凤洁红莉萍玉琴云华珍雪荣爱妹香月莺媛瑞凡佳嘉琼勤贞\
怡婷雅欣悦涵梦诗琪语思雨彤晓文心一可宁若萱紫妍倩蓉春菊翠";
/// Characters of plane 2, which a register of names must not lose.
const RARE: [&str; 4] = ["\u{20BB7}", "\u{21096}", "\u{22B43}", "\u{2363A}"];
const PARTS_MALE: [&str; 12] = [
    "买买提",
    "艾尔肯",
    "阿不都热合曼",
    "吐尔逊",
    "库尔班",
    "木拉提",
    "叶尔兰",
    "达吾提",
    "亚森",
    "巴合提",
    "努尔兰",
    "伊力哈木",
];
const PARTS_FEMALE: [&str; 10] = [
    "阿依古丽",
    "古丽娜尔",
    "热依罕",
    "帕提古丽",
    "阿娜尔",
    "玛依拉",
    "茹仙古丽",
    "祖丽菲亚",
    "迪丽达",
    "古扎丽",
];

/// A name, in the few bytes that a person can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    style: Style,
    male: bool,
    family: u8,
    first: u8,
    second: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Han,
    HanRare,
    Joined,
}

/// No second character.
const NONE: u8 = u8::MAX;

impl Name {
    /// A name for somebody of an ethnic group; the family's name is `family`'s where there is one.
    pub(super) fn new(random: &mut Random, ethnic: u8, male: bool, family: Option<Name>) -> Self {
        let given = if male { GIVEN_MALE } else { GIVEN_FEMALE };
        let characters = given.chars().count() as u32;
        if matches!(ethnic, 5 | 17) {
            let parts = if male { PARTS_MALE.len() } else { PARTS_FEMALE.len() } as u32;
            let father = random.below(PARTS_MALE.len() as u32) as u8;
            let family = match family {
                Some(father) if father.style == Style::Joined && father.male => father.first,
                _ => father,
            };
            let first = random.below(parts) as u8;
            return Self { style: Style::Joined, male, family, first, second: NONE };
        }
        let surnames = SURNAMES.chars().count() as u32;
        let drawn = match random.below(100) {
            0 => surnames + random.below(DOUBLE_SURNAMES.len() as u32),
            1..=45 => random.below(12),
            _ => random.below(surnames),
        } as u8;
        let family = family.filter(|name| name.style != Style::Joined).map_or(drawn, |n| n.family);
        let rare = random.chance(30);
        let first = random.below(if rare { RARE.len() as u32 } else { characters }) as u8;
        let second = if random.chance(7_800) { random.below(characters) as u8 } else { NONE };
        Self { style: if rare { Style::HanRare } else { Style::Han }, male, family, first, second }
    }

    /// The same name with a slip of the pen.
    pub(super) fn misspelt(self) -> Self {
        let parts = if self.male { PARTS_MALE.len() } else { PARTS_FEMALE.len() } as u8;
        match self.style {
            Style::Joined => Self { first: (self.first + 1) % parts, ..self },
            _ if self.second == NONE => Self { second: 0, ..self },
            _ => Self { second: (self.second + 1) % 20, ..self },
        }
    }

    /// Writes it as registers spell it.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        if self.style == Style::Joined {
            self.write_part(out);
            out.extend_from_slice("·".as_bytes());
            out.extend_from_slice(PARTS_MALE[usize::from(self.family)].as_bytes());
            return;
        }
        self.write_family(out);
        let given = if self.male { GIVEN_MALE } else { GIVEN_FEMALE };
        if self.style == Style::HanRare {
            out.extend_from_slice(RARE[usize::from(self.first)].as_bytes());
        } else {
            out.extend_from_slice(character(given, self.first));
        }
        if self.second != NONE {
            out.extend_from_slice(character(given, self.second));
        }
    }

    /// Writes what a newborn is called before a name was chosen.
    pub(super) fn write_provisional(self, out: &mut Vec<u8>) {
        if self.style == Style::Joined {
            self.write_part(out);
        } else {
            self.write_family(out);
            out.extend_from_slice("宝宝".as_bytes());
        }
    }

    fn write_family(self, out: &mut Vec<u8>) {
        let family = usize::from(self.family);
        match family.checked_sub(SURNAMES.len() / 3) {
            Some(double) => out.extend_from_slice(DOUBLE_SURNAMES[double].as_bytes()),
            None => out.extend_from_slice(character(SURNAMES, self.family)),
        }
    }

    fn write_part(self, out: &mut Vec<u8>) {
        let parts: &[&str] = if self.male { &PARTS_MALE } else { &PARTS_FEMALE };
        out.extend_from_slice(parts[usize::from(self.first)].as_bytes());
    }
}

/// The character at a place of a text that holds characters of three bytes only.
fn character(text: &'static str, place: u8) -> &'static [u8] {
    let start = usize::from(place) * 3;
    &text.as_bytes()[start..start + 3]
}
