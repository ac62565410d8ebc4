//! R: what is possible is also likely. The last four look at areas, not at persons.

use super::area::{self, AreaCounts};
use super::case::{days, years};
use super::household::HouseholdKind::Collective;
use super::rule::{Rule, rule};
use crate::items::Item::*;
use jiff::civil::Date;

pub(super) const RULES: [Rule; 12] = [
    rule! { "R01" Warning [BirthDate DeathDate] also [Alive]
    "超高龄存活待核": "alive at more than 105 years: to be verified"
    applies |c| Some(c.p.is_alive);
    holds |c| Some(c.age? <= 105) },
    rule! { "R02" Error [BirthDate] also [Alive]
    "年龄超过122岁": "alive at more than 122 years"
    applies |c| Some(c.p.is_alive);
    holds |c| Some(c.age? <= 122) },
    rule! { "R03" Warning [MaritalChangeDate] also [MaritalStatus BirthDate]
    "初婚年龄>60": "a first marriage at more than 60 years"
    applies |c| Some(c.p.has(MaritalStatus, &["21"]) && c.p.is_filled(MaritalChangeDate));
    holds |c| Some(years(c.p.day(BirthDate)?, c.p.day(MaritalChangeDate)?) <= 60) },
    rule! { "R04" Warning [Children] also [Sex]
    "子女数>8": "a woman with more than 8 children"
    applies |c| Some(c.p.has(Sex, &["2"]));
    holds |c| Some(c.p.children.len() <= 8) },
    rule! { "R05" Warning [Household] also [Alive HouseholdKind]
    "家庭户人数>15": "more than 15 persons in a family's household"
    applies |_| Some(true);
    holds |c| {
        let household = c.household?;
        Some(household.alive <= 15 || household.kind? == Collective)
    } },
    rule! { "R06" Warning [MigrationDate] also [Alive DeathDate]
    "流动时间超过40年": "away for more than 40 years"
    applies |c| Some(c.p.is_filled(MigrationDate));
    holds |c| Some(years(c.p.day(MigrationDate)?, c.lived_until?) <= 40) },
    rule! { "R07" Hint [Record] also [Alive]
    "12个月未核实": "not verified for 12 months"
    applies |c| Some(c.p.is_alive);
    holds |c| Some(is_lately_seen(c.p.last_verified?, c.today())) },
    rule! { "R08" Warning [Phone] also []
    "同一电话超过10人": "more than 10 persons with this telephone number"
    applies |c| Some(c.p.is_filled(Phone));
    holds |c| Some(c.context.counts.records_with_phone(c.p.text(Phone)?)? <= 10) },
    rule! { "R09" Warning [VillageBirthDates] also []
    "出生日期堆积": "more than 8 % of the village were born on 1 January or on a 15th"
    area |counts: &AreaCounts| area::births_are_spread(counts.birth_dates?) },
    rule! { "R10" Warning [VillageBirthSexes] also []
    "出生性别比异常": "of 100 births or more, not 95 to 115 boys to 100 girls"
    area |counts: &AreaCounts| area::sexes_are_even(counts.births_of_year?) },
    rule! { "R11" Warning [TownshipBirths] also []
    "出生数与助产机构通报差异": "the births registered are not those that hospitals report"
    area |counts: &AreaCounts| Some(area::births_are_those_of_hospitals(counts.births_of_month?)) },
    rule! { "R12" Warning [Migrants] also []
    "流动人口与居住登记差异": "more than 20 % between migrants and residence permits"
    area |counts: &AreaCounts| Some(area::migrants_have_permits(counts.migrants?)) },
];

/// Whether a record that somebody looked at on a day needs no visit yet.
pub fn is_lately_seen(seen: Date, today: Date) -> bool {
    days(seen, today) <= 365
}
