//! Of how many persons a holder of a token may be told before somebody is warned, and before
//! somebody else must say that it is right.
//!
//! Selling 50, 500 or 5,000 records of persons is a crime by what the records tell, half of that for
//! who got them on duty (Supreme People's Court, interpretation of 2017 on offences against personal
//! information, art. 5). So 25, 250 and 2,500 within 30 days raise an alarm, and beyond a ceiling
//! nothing more is told without a second person's word. An operator's table
//! (`reading_limits.csv`, columns `role,alarm_1,alarm_2,alarm_3,ceiling`; an empty ceiling is none)
//! takes the place of rows here.

use super::Role;

/// Days that are looked at together.
pub const WINDOW_DAYS: i32 = 30;
/// Persons for which a second person may give their word at most; so many are counted of a holder.
pub const APPROVED_MAX: u32 = 100_000;

/// The limits of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadingLimit {
    /// Whose.
    pub role: Role,
    /// Numbers of persons that raise an alarm, each greater than the one before.
    pub alarms: [u32; 3],
    /// Beyond so many a second person must approve; none: they are not counted at all.
    pub ceiling: Option<u32>,
}

const fn limit(role: Role, alarms: [u32; 3], ceiling: Option<u32>) -> ReadingLimit {
    ReadingLimit { role, alarms, ceiling }
}

const OF_THE_LAW: [u32; 3] = [25, 250, 2_500];

/// The limits where the operator says nothing else. A role that is not here is told of nobody.
pub const READING_LIMITS: &[ReadingLimit] = &[
    // A machine that asks for each act at its windows, thousands a day; its own office answers for
    // who asks through it (`On-Behalf-Of`), and its rate is limited.
    limit(Role::Upstream, OF_THE_LAW, None),
    // A village has one to three thousand residents, and each is visited once a year.
    limit(Role::VillageClerk, OF_THE_LAW, Some(2_500)),
    limit(Role::Verifier, OF_THE_LAW, Some(2_500)),
    limit(Role::CountyOperator, OF_THE_LAW, Some(2_500)),
    // Asks about the persons of its own cases, of one topic.
    limit(Role::DepartmentLiaison, OF_THE_LAW, Some(250)),
    // Follows single cases.
    limit(Role::Auditor, OF_THE_LAW, Some(2_500)),
    // Reads one record, their own.
    limit(Role::Citizen, OF_THE_LAW, None),
];

/// What is wrong with an operator's table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the table of reading limits: {fault}")]
pub struct LimitsError {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: &'static str,
}

/// The limits in force.
#[derive(Clone, Debug)]
pub struct ReadingLimits(Vec<ReadingLimit>);

impl Default for ReadingLimits {
    fn default() -> Self {
        Self(READING_LIMITS.to_vec())
    }
}

impl ReadingLimits {
    /// Those of a role; none where it is not counted.
    pub fn of(&self, role: Role) -> Option<ReadingLimit> {
        self.0.iter().find(|limit| limit.role == role).copied()
    }

    /// Those of a registry of made-up people: alarms are raised, and nobody is held up.
    #[must_use]
    pub fn of_fictional_people() -> Self {
        let raised = |limit: &ReadingLimit| ReadingLimit {
            ceiling: limit.ceiling.map(|_| u32::MAX),
            ..*limit
        };
        Self(READING_LIMITS.iter().map(raised).collect())
    }

    /// The same with the rows of an operator's table.
    ///
    /// # Errors
    /// [`LimitsError`].
    pub fn with(mut self, table: &str) -> Result<Self, LimitsError> {
        let mut lines = table.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        let header = "role,alarm_1,alarm_2,alarm_3,ceiling";
        if lines.next().is_none_or(|(_, line)| line != header) {
            return Err(LimitsError { line: 1, fault: "the columns are not those expected" });
        }
        let mut seen = Vec::new();
        for (line, text) in lines.filter(|(_, text)| !text.is_empty()) {
            let limit = read(text).map_err(|fault| LimitsError { line, fault })?;
            if seen.contains(&limit.role) {
                return Err(LimitsError { line, fault: "the role stands there twice" });
            }
            seen.push(limit.role);
            self.0.retain(|known| known.role != limit.role);
            self.0.push(limit);
        }
        Ok(self)
    }
}

fn read(text: &str) -> Result<ReadingLimit, &'static str> {
    let cells: Vec<_> = text.split(',').map(str::trim).collect();
    let [role, alarms @ .., ceiling] = &cells[..] else { return Err("a row has five cells") };
    let role = serde_json::from_value::<Role>((*role).into()).map_err(|_| "no such role")?;
    let alarms = alarms.iter().map(|cell| cell.parse::<u32>()).collect::<Result<Vec<_>, _>>();
    let alarms = alarms.map_err(|_| "an alarm is a number of persons")?;
    let alarms: [u32; 3] = alarms.try_into().map_err(|_| "a row has five cells")?;
    if alarms[0] == 0 || alarms[0] >= alarms[1] || alarms[1] >= alarms[2] {
        return Err("alarms grow, and the first is not 0");
    }
    let ceiling = match *ceiling {
        "" => None,
        cell => Some(cell.parse().map_err(|_| "a ceiling is a number of persons, or empty")?),
    };
    if ceiling.unwrap_or(0).max(alarms[2]) > APPROVED_MAX {
        return Err("so many persons are not counted");
    }
    Ok(ReadingLimit { role, alarms, ceiling })
}
