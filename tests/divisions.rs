//! Divisions of the time: names, successors and roll-up, against the table itself and real cases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use domain::{Divisions, Place, Standing};
use jiff::civil::{Date, date};
use proptest::prelude::*;

static DIVISIONS: LazyLock<Divisions> = LazyLock::new(|| Divisions::embedded(false));

const HISTORY: &str = include_str!("../domain/codes/division_history_1980_2020.csv");
const TODAY: [&str; 3] = [
    include_str!("../domain/codes/division_province.csv"),
    include_str!("../domain/codes/division_city.csv"),
    include_str!("../domain/codes/division_county.csv"),
];

fn place(code: &str) -> Place {
    Place::parse(code).unwrap_or_else(|error| panic!("{code}: {error}"))
}

fn day(text: &str) -> Date {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn a_code_has_the_name_of_the_time_and_changes_it_on_the_first_of_january() {
    use Standing::{Absent, Named, Unlisted, Unsettled};
    let divisions = &*DIVISIONS;
    for (code, on, expected) in [
        // A county made a district of Beijing, under another code.
        ("110228", "2014-12-31", Named("密云县")),
        ("110228", "2015-01-01", Absent),
        ("110118", "2014-12-31", Absent),
        ("110118", "2015-01-01", Named("密云区")),
        // Renamed in place.
        ("371324", "2013-12-31", Named("苍山县")),
        ("371324", "2014-01-01", Named("兰陵县")),
        ("4228", "1982-12-31", Named("恩施地区")),
        ("4228", "1983-01-01", Named("鄂西土家族苗族自治州")),
        ("422800", "1993-01-01", Named("恩施土家族苗族自治州")),
        // Made and abolished.
        ("310119", "2000-12-31", Absent),
        ("310119", "2001-01-01", Named("南汇区")),
        ("310119", "2008-12-31", Named("南汇区")),
        ("310119", "2009-01-01", Absent),
        // Young provinces, and the one that the lists of the years leave out.
        ("46", "1987-12-31", Absent),
        ("46", "1988-01-01", Named("海南省")),
        ("50", "1996-12-31", Absent),
        ("50", "1997-01-01", Named("重庆市")),
        ("71", "1980-01-01", Named("台湾省")),
        // One code, three divisions, a gap between the first two.
        ("512301", "1981-12-31", Named("内江市")),
        ("512301", "1982-12-31", Absent),
        ("512301", "1983-01-01", Named("涪陵市")),
        // The list of two years goes its own way within a longer row.
        ("430502", "1981-12-31", Named("东区")),
        ("430502", "1982-01-01", Named("江东区")),
        ("430502", "1984-01-01", Named("东区")),
        ("430502", "1997-01-01", Named("双清区")),
        // Between the lists of 2020 and 2024.
        ("431121", "2020-12-31", Named("祁阳县")),
        ("431121", "2021-01-01", Unsettled("祁阳县")),
        ("431121", "2023-12-31", Unsettled("祁阳县")),
        ("431121", "2024-01-01", Absent),
        ("431181", "2020-12-31", Absent),
        ("431181", "2021-01-01", Unsettled("祁阳市")),
        ("431181", "2024-01-01", Named("祁阳市")),
        // Before the oldest list, a row without years, a row that ends before it begins.
        ("110101", "1900-01-01", Named("东城区")),
        ("421084", "1990-01-01", Unsettled("天门市")),
        ("332704", "1993-12-31", Absent),
        ("332704", "1994-01-01", Absent),
        // Never in a list.
        ("111111", "2000-01-01", Unlisted),
        ("110101001", "2000-01-01", Unlisted),
        ("130171", "2023-01-01", Unlisted),
    ] {
        let standing = divisions.name_on(place(code), day(on));
        assert_eq!(standing, expected, "{code} on {on}");
        let valid = matches!(expected, Named(_) | Unsettled(_));
        assert_eq!(divisions.valid_on(place(code), day(on)), valid, "{code} on {on}");
    }
    assert!(Divisions::embedded(true).valid_on(place("990101"), day("2000-01-01")));
    assert!(!divisions.valid_on(place("990101"), day("2000-01-01")));
}

/// A row as it stands in the table: name, first year, last year, whether among the additional codes.
type Row = (&'static str, Option<i16>, Option<i16>, bool);

fn rows_by_code() -> BTreeMap<&'static str, Vec<Row>> {
    let mut rows: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    for line in HISTORY.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [code, name, first, last, table] = fields[..] else { panic!("{line}: five fields") };
        let row = (name, first.parse().ok(), last.parse().ok(), table == "additional");
        rows.entry(code).or_default().push(row);
    }
    rows
}

fn codes_of_today() -> BTreeSet<&'static str> {
    TODAY.iter().flat_map(|table| table.lines().skip(1)).map(|line| &line[..6]).collect()
}

/// Every code, every year from 1979 to 2025, the first and the last day: a slow second reading.
#[test]
fn names_agree_with_the_table_row_by_row() {
    let (rows, today) = (rows_by_code(), codes_of_today());
    let divisions = &*DIVISIONS;
    let mut named = 0;
    for (code, rows) in &rows {
        for year in 1979..=2025 {
            let covering = rows.iter().filter(|(_, first, last, _)| {
                first.is_none_or(|first| first <= year) && last.is_none_or(|last| year <= last)
            });
            let newest = covering.clone().map(|row| row.1).max();
            let names: Vec<Row> = covering.filter(|row| Some(row.1) == newest).copied().collect();
            for on in [date(year, 1, 1), date(year, 12, 31)] {
                match divisions.name_on(place(code), on) {
                    Standing::Named(name) => {
                        assert!(names.iter().any(|row| row.0 == name), "{code} in {year}: {name}");
                        named += 1;
                    }
                    Standing::Unsettled(name) => {
                        let row = names.iter().find(|row| row.0 == name).expect("a row");
                        assert!(row.2.is_none() && !today.contains(code), "{code} in {year}");
                        assert!(year > 2020 || (row.1.is_none() && row.3), "{code} in {year}");
                    }
                    Standing::Absent => assert!(
                        names.is_empty() || (year > 2023 && !today.contains(code)),
                        "{code} in {year}: {names:?}"
                    ),
                    Standing::Unlisted => panic!("{code} in {year} is in the table"),
                }
            }
        }
    }
    assert!(named > 250_000, "only {named} names were looked at");
    for code in today {
        let on = date(2024, 12, 31);
        let standing = divisions.name_on(place(code), on);
        assert!(matches!(standing, Standing::Named(_)), "{code}: {standing:?}");
    }
}

#[test]
fn a_withdrawn_code_is_followed_to_the_code_of_a_later_day() {
    let divisions = &*DIVISIONS;
    for (code, from, on, expected) in [
        ("110228", "2010-01-01", "2014-12-31", Some("110228")),
        ("110228", "2010-01-01", "2015-01-01", Some("110118")),
        // Over two codes: Sichuan, then Chongqing, then a district.
        ("510221", "1990-06-01", "1996-12-31", Some("510221")),
        ("510221", "1990-06-01", "1997-01-01", Some("500221")),
        ("510221", "1990-06-01", "2020-01-01", Some("500115")),
        // Four codes: county, city under the province, city again, district.
        ("440524", "1985-01-01", "1993-01-01", Some("449011")),
        ("440524", "1985-01-01", "2020-01-01", Some("440513")),
        // One code borne by two banners: the day tells which is meant.
        ("152725", "1981-05-01", "2020-01-01", Some("150824")),
        ("152725", "1990-05-01", "2020-01-01", Some("150624")),
        // A county that is a city without counties now.
        ("469003", "2010-01-01", "2020-01-01", Some("4604")),
        // Renamed in place; changed in the years without a list.
        ("371324", "2000-01-01", "2020-01-01", Some("371324")),
        ("431121", "2000-01-01", "2022-06-01", Some("431121")),
        ("431121", "2000-01-01", "2024-01-01", Some("431181")),
        // Merged into a division that stood already, or had another name: the lists do not tell.
        ("310119", "2005-01-01", "2020-01-01", None),
        ("320503", "2005-01-01", "2020-01-01", None),
        // A city and the county around it ended together: each name goes its own way.
        ("132134", "1982-06-01", "1983-01-01", Some("130421")),
        ("132101", "1982-06-01", "1983-01-01", None),
        // Its code went to another county in that year, it has the code of a third.
        ("142430", "1981-06-01", "2020-01-01", Some("141124")),
        // A slip of the source must not make 安徽省 the forebear of 义乌市.
        ("339007", "1987-06-01", "1990-01-01", None),
        // It did not stand then; the day is earlier; a township, of which no list is kept.
        ("110228", "2015-01-01", "2020-01-01", None),
        ("110118", "2015-01-01", "2014-12-31", None),
        ("110118004", "2015-01-01", "2020-01-01", None),
    ] {
        let successor = divisions.successor(place(code), day(from), day(on));
        assert_eq!(successor, expected.map(place), "{code} of {from} on {on}");
    }
}

/// Every tenure followed to today: it ends, and where it ends a division stands.
#[test]
fn every_code_that_went_is_followed_to_an_end() {
    let divisions = &*DIVISIONS;
    let on = date(2024, 12, 31);
    let (mut withdrawn, mut found) = (0, 0);
    for (code, rows) in rows_by_code() {
        for (_, first, last, _) in rows {
            let Some(last) = last.filter(|last| first.is_none_or(|first| first <= *last)) else {
                continue;
            };
            withdrawn += 1;
            if let Some(successor) = divisions.successor(place(code), date(last, 12, 31), on) {
                assert!(divisions.valid_on(successor, on), "{code} of {last}: {successor}");
                found += 1;
            }
        }
    }
    // What is lost are mergers, headings and slips; a rule that breaks loses far more.
    assert!(found > 3_400, "only {found} of {withdrawn} withdrawn names are followed to today");
}

#[test]
fn a_place_rolls_up_through_the_divisions_that_stood() {
    let divisions = Divisions::embedded(true);
    for (code, on, expected) in [
        ("330106001002", "2020-01-01", "33 3301 330106 330106001 330106001002"),
        ("330100", "2020-01-01", "33 3301"),
        ("330000", "2020-01-01", "33"),
        // Cities without counties: the city's own code stands in for a county.
        ("441900003", "2023-01-01", "44 4419 441900003"),
        ("442000001001", "2023-01-01", "44 4420 442000001 442000001001"),
        ("460400100", "2023-01-01", "46 4604 460400100"),
        ("620201001", "2023-01-01", "62 6202 620201001"),
        // Development zones are no counties.
        ("130171010", "2023-01-01", "13 1301 130171010"),
        ("130171", "2023-01-01", "13 1301"),
        ("632857001001", "2023-01-01", "63 6328 632857001 632857001001"),
        // A code without years, met in citizen numbers only.
        ("421084", "2000-01-01", "42 4210"),
        // Directly under the province, under a municipality: the heading is no division.
        ("429004001", "2023-01-01", "42 429004 429004001"),
        ("469021", "2023-01-01", "46 469021"),
        ("659001001", "2023-01-01", "65 659001 659001001"),
        ("110101001", "2023-01-01", "11 110101 110101001"),
        ("500229", "2023-01-01", "50 500229"),
        ("110100", "2023-01-01", "11"),
        ("4290", "2023-01-01", "42"),
        // As it was then: before Chongqing was a province, before Nanhui was merged.
        ("500115001", "1996-12-31", "500115001"),
        ("510221", "1996-12-31", "51 5102 510221"),
        ("510221", "1997-01-01", "51"),
        ("310119", "2008-12-31", "31 310119"),
        ("310119", "2009-01-01", "31"),
        ("139001", "1990-01-01", "13 139001"),
        ("111111", "2023-01-01", "11"),
        ("990101001", "2023-01-01", "99 9901 990101 990101001"),
    ] {
        let levels = divisions.levels(place(code), day(on));
        let texts: Vec<String> = levels.iter().map(ToString::to_string).collect();
        assert_eq!(texts.join(" "), expected, "{code} on {on}");
    }
    assert!(DIVISIONS.levels(place("990101"), day("2023-01-01")).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    /// No parent is invented: each is coarser, holds the place, and stood under a name of its own.
    #[test]
    fn a_parent_is_coarser_and_stood(
        row in 0..8_110_usize,
        finer in 0..1_000_000_u64,
        digits in prop::sample::select(vec![2_u8, 4, 6, 9, 12]),
        year in 1980_i16..2026,
    ) {
        let county = &HISTORY.lines().nth(row + 1).expect("a row")[..6];
        let whole = place(&format!("{county}{finer:06}"));
        let (below, on) = (whole.at_level(digits).shortest(), date(year, 7, 1));
        let divisions = &*DIVISIONS;
        if let Some(parent) = divisions.parent(below, on) {
            prop_assert!(parent.digits() < below.digits());
            prop_assert!(below.lies_in(parent));
            if parent.digits() < 9 {
                let name = match divisions.name_on(parent, on) {
                    Standing::Named(name) | Standing::Unsettled(name) => name,
                    standing => panic!("{parent} in {year}: {standing:?}"),
                };
                prop_assert!(!name.contains("直辖") && name != "市辖区", "{parent}: {name}");
            }
            prop_assert!(divisions.levels(below, on).contains(&parent));
        }
    }

    /// What a chain leads to stands on its day, and stays found from there on the same day.
    #[test]
    fn a_successor_stands_on_its_day(
        row in 0..8_110_usize, from in 1980_i16..2026, later in 0_i16..46,
    ) {
        let divisions = &*DIVISIONS;
        let code = place(&HISTORY.lines().nth(row + 1).expect("a row")[..6]);
        let (from, on) = (date(from, 7, 1), date(from + later, 7, 1));
        let successor = divisions.successor(code, from, on);
        prop_assert!(successor.is_none() || divisions.valid_on(code, from));
        if let Some(successor) = successor {
            prop_assert!(divisions.valid_on(successor, on), "{successor} on {on}");
            prop_assert_eq!(divisions.successor(successor, on, on), Some(successor));
        }
    }
}
