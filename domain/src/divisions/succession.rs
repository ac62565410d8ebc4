//! What a withdrawn code became, as far as names and years tell.
//!
//! The lists have no column for it. A successor is therefore a code that appears in the year after
//! the old one went, at the same level, and bears the same name but for its kind (密云县, 密云区):
//! nearest first, and only where it is the only one. A code that changes its name in place follows
//! itself, unless the new name came from elsewhere. A merger into a division that stood before
//! leaves no trace in the lists, and then there is no answer. Each step leads to a later year, so
//! no chain can turn back.

use jiff::civil::Date;
use rustc_hash::{FxHashMap, FxHashSet};

use super::history::{LISTED, Tenure};
use super::{Divisions, Place};

/// Endings that tell the kind of a division, longer ones first.
const KINDS: [&str; 11] =
    ["自治县", "自治旗", "自治州", "地区", "林区", "特区", "市", "县", "区", "旗", "盟"];

/// Peoples (GB/T 3304) that names of autonomous divisions carry before their kind, longer first.
const PEOPLES: [&str; 47] = [
    "柯尔克孜族",
    "鄂伦春族",
    "鄂温克族",
    "达斡尔族",
    "哈萨克族",
    "维吾尔族",
    "塔吉克族",
    "柯尔克孜",
    "布依族",
    "朝鲜族",
    "土家族",
    "哈尼族",
    "傈僳族",
    "拉祜族",
    "东乡族",
    "纳西族",
    "景颇族",
    "仫佬族",
    "布朗族",
    "撒拉族",
    "毛南族",
    "仡佬族",
    "锡伯族",
    "保安族",
    "裕固族",
    "独龙族",
    "普米族",
    "蒙古族",
    "哈萨克",
    "达斡尔",
    "回族",
    "藏族",
    "苗族",
    "彝族",
    "壮族",
    "满族",
    "侗族",
    "瑶族",
    "白族",
    "傣族",
    "黎族",
    "佤族",
    "畲族",
    "水族",
    "土族",
    "羌族",
    "各族",
];

impl Divisions {
    /// What the division that bore `place` on the day `from` is on the later day `on`: itself where
    /// it still stands, else the code that followed it, over as many changes as lie between.
    ///
    /// None when it did not stand on `from`, when `on` is earlier, or when the lists do not tell.
    pub fn successor(&self, place: Place, from: Date, on: Date) -> Option<Place> {
        if on < from {
            return None;
        }
        if self.is_fiction(place) {
            return Some(place);
        }
        let mut at = LISTED.in_year(place.listed_code()?, from.year())?;
        while !LISTED.tenures[at].covers(on.year()) {
            at = LISTED.successors[at]? as usize;
        }
        Place::from_code(u64::from(LISTED.tenures[at].code), 6).map(Place::shortest)
    }
}

/// For each tenure the one that followed it; `tenures` lies in the order of codes.
pub(super) fn successors_of(tenures: &[Tenure]) -> Vec<Option<u32>> {
    let ground = Ground::of(tenures);
    let mut followed: Vec<Option<u32>> =
        (0..tenures.len()).map(|at| ground.same_name_after(at)).collect();
    let taken: FxHashSet<u32> = followed.iter().flatten().copied().collect();
    for (at, successor) in followed.iter_mut().enumerate() {
        *successor = successor
            .or_else(|| ground.renamed_in_place(at).filter(|renamed| !taken.contains(renamed)));
    }
    followed
}

/// The tenures, found by what a succession needs.
struct Ground<'a> {
    tenures: &'a [Tenure],
    beginning: FxHashMap<(&'static str, i16), Vec<u32>>,
    /// How many divisions of a name and level ended in a year in a province.
    ended: FxHashMap<(&'static str, i16, u32, u8), u32>,
    provinces_from: FxHashMap<u32, i16>,
    /// Names of provinces and cities.
    names_above_county: FxHashSet<&'static str>,
    cities_with_counties: FxHashSet<u32>,
}

impl<'a> Ground<'a> {
    fn of(tenures: &'a [Tenure]) -> Self {
        let mut ground = Self {
            tenures,
            beginning: FxHashMap::default(),
            ended: FxHashMap::default(),
            provinces_from: FxHashMap::default(),
            names_above_county: FxHashSet::default(),
            cities_with_counties: tenures
                .iter()
                .filter(|tenure| tenure.is_division() && level(tenure.code) == 6)
                .map(|tenure| tenure.code / 100)
                .collect(),
        };
        for (at, tenure) in tenures.iter().enumerate().filter(|(_, tenure)| tenure.is_division()) {
            let key = (stem(tenure.name), tenure.years.0);
            ground.beginning.entry(key).or_default().push(at as u32);
            let province = tenure.code / 10_000;
            let end = (tenure.name, tenure.settled.1, province, ground.rank(tenure));
            *ground.ended.entry(end).or_default() += 1;
            match level(tenure.code) {
                6 => continue,
                2 => _ = ground.provinces_from.entry(province).or_insert(tenure.years.0),
                _ => {}
            }
            ground.names_above_county.insert(tenure.name);
        }
        ground
    }

    /// The only division of the same name and rank that begins when this one ends: under the same
    /// code, in the same city, in the same province, in a province made that year.
    fn same_name_after(&self, at: usize) -> Option<u32> {
        let old = &self.tenures[at];
        let year = self.year_after(old)?;
        let begun = self.beginning.get(&(stem(old.name), year))?;
        let mut nearest = 4;
        let mut found: Vec<u32> = Vec::new();
        for &candidate in begun {
            let new = &self.tenures[candidate as usize];
            let fits = self.rank(old) == self.rank(new) && !self.is_anothers(old, new);
            let Some(distance) = self.distance(old, new).filter(|_| fits) else { continue };
            if distance < nearest {
                (nearest, found) = (distance, Vec::new());
            }
            if distance == nearest {
                found.push(candidate);
            }
        }
        // Names like 郊区 or 城区 tell nothing outside their city.
        let is_bare = old.name.ends_with('区') && stem(old.name).chars().count() < 2;
        if nearest >= 2 && (is_bare || !self.alone_in_ending(old)) {
            return None;
        }
        let same_kind = |at: &&u32| self.tenures[**at as usize].name == old.name;
        match (found.as_slice(), found.iter().filter(same_kind).count()) {
            ([only], _) => Some(*only),
            (several, 1) => several.iter().find(same_kind).copied(),
            _ => None,
        }
    }

    /// The same code under another name in the very next year. A county that bears the name of a
    /// province or city is a slip of the source and tells nothing.
    fn renamed_in_place(&self, at: usize) -> Option<u32> {
        let old = &self.tenures[at];
        let year = self.year_after(old)?;
        if level(old.code) == 6 && self.names_above_county.contains(old.name) {
            return None;
        }
        let is_next =
            |new: &Tenure| new.code == old.code && new.years.0 == year && new.is_division();
        self.tenures
            .iter()
            .enumerate()
            .skip(at + 1)
            .take_while(|(_, new)| new.code == old.code)
            .find(|(_, new)| is_next(new))
            .map(|(next, _)| next as u32)
    }

    /// The year after a division's last; none for a heading, or where it stands or tells no years.
    fn year_after(&self, old: &Tenure) -> Option<i16> {
        let ends = old.is_division() && old.was_in_a_list() && old.settled.1 < i16::MAX;
        ends.then(|| old.settled.1 + 1)
    }

    fn distance(&self, old: &Tenure, new: &Tenure) -> Option<u8> {
        let is_made_then = || self.provinces_from.get(&(new.code / 10_000)) == Some(&new.years.0);
        match () {
            () if old.code == new.code => Some(0),
            () if old.code / 100 == new.code / 100 => Some(1),
            () if old.code / 10_000 == new.code / 10_000 => Some(2),
            () if is_made_then() => Some(3),
            () => None,
        }
    }

    /// Whether a county of exactly the new name ended with the old one: 邯郸县 follows 邯郸县, not
    /// the 邯郸市 that ended in the same year.
    fn is_anothers(&self, old: &Tenure, new: &Tenure) -> bool {
        let key = (new.name, old.settled.1, old.code / 10_000, self.rank(new));
        old.name != new.name && self.ended.contains_key(&key)
    }

    fn alone_in_ending(&self, old: &Tenure) -> bool {
        let key = (old.name, old.settled.1, old.code / 10_000, self.rank(old));
        self.ended.get(&key) == Some(&1)
    }

    /// The level of a division; a city that never had counties ranks with them.
    fn rank(&self, tenure: &Tenure) -> u8 {
        match level(tenure.code) {
            4 if !self.cities_with_counties.contains(&(tenure.code / 100)) => 6,
            level => level,
        }
    }
}

fn level(code: u32) -> u8 {
    match code {
        _ if code.is_multiple_of(10_000) => 2,
        _ if code.is_multiple_of(100) => 4,
        _ => 6,
    }
}

/// A name without its kind and the peoples before it; a name that is nothing else stays whole.
fn stem(name: &'static str) -> &'static str {
    let without = |name: &'static str, ending: &str| {
        name.strip_suffix(ending).filter(|rest| !rest.is_empty())
    };
    let mut stem = KINDS.iter().find_map(|kind| without(name, kind)).unwrap_or(name);
    while let Some(shorter) = PEOPLES.iter().find_map(|people| without(stem, people)) {
        stem = shorter;
    }
    stem
}
