//! Days, instants and divisions as they stand in paths and queries.

use domain::{PersonId, Place};
use jiff::Timestamp;
use jiff::civil::Date;

use super::problem::Problem;
use super::problem_kinds as kinds;

/// Reads a day of a query.
pub(super) fn parse_day(text: &str) -> Result<Date, Problem> {
    domain::items::parse_day(text)
        .map_err(|fault| Problem::new(&kinds::BAD_REQUEST).errors(vec![fault]))
}

/// Reads an instant of a query: RFC 3339, or a day, which stands for its end in China.
pub(super) fn parse_instant(text: &str) -> Result<Timestamp, Problem> {
    if let Ok(day) = domain::items::parse_day(text) {
        let end = replay::known_then::end_of(day);
        return end.ok_or_else(|| Problem::new(&kinds::BAD_REQUEST));
    }
    // A plus sign that was not escaped arrives as a blank.
    text.trim().replace(' ', "+").parse().map_err(|_| {
        Problem::new(&kinds::BAD_REQUEST).detail(
            "时间须为 RFC 3339 格式或 YYYY-MM-DD",
            "an instant is written as in RFC 3339, or as YYYY-MM-DD",
        )
    })
}

/// Reads a division of a path or query.
pub(super) fn parse_place(text: &str) -> Result<Place, Problem> {
    Place::parse(text).map_err(|_| {
        Problem::new(&kinds::BAD_REQUEST).detail(
            "区划代码应为2、4、6、9或12位数字",
            "a division code has 2, 4, 6, 9 or 12 digits",
        )
    })
}

/// Reads where a page of people ended: a village and the last person of it.
pub(super) fn parse_cursor(text: &str) -> Result<(Place, PersonId), Problem> {
    let parts = text.split_once('.').and_then(|(place, person)| {
        Some((Place::parse(place).ok()?, uuid::Uuid::parse_str(person).ok()?))
    });
    let (place, person) = parts.ok_or_else(|| Problem::new(&kinds::BAD_REQUEST))?;
    Ok((place, PersonId::from_uuid(person)))
}
