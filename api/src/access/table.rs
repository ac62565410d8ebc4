//! The table of access: which part of a record each role sees for which purpose, and which parts are
//! whose department's. Both are files that a security officer reads and changes; they are part of the
//! program, so that a change of them is reviewed and released like any other.

use std::sync::LazyLock;

use super::sight::{Part, Show, Sight};
use super::{PURPOSES, ROLES, Role};

/// Role by part and purpose.
pub const TABLE_CSV: &str = include_str!("table.csv");
/// The parts of each department.
pub const DEPARTMENTS_CSV: &str = include_str!("departments.csv");

/// The table as it is in force.
pub static TABLE: LazyLock<Table> = LazyLock::new(|| {
    Table::parse(TABLE_CSV, DEPARTMENTS_CSV).expect("a test reads the tables that are embedded")
});

/// Stands for every part, or every purpose that has no row of its own.
const ANY: &str = "*";

/// A table that cannot be used, with the file and the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {what}")]
pub struct TableError {
    /// Which of the two files.
    pub file: &'static str,
    /// Its line, from 1 on; the line behind the last when something is missing.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// Who sees what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// By role and purpose, both in the order of their tables.
    cells: Vec<[Cell; PURPOSES.len()]>,
    departments: Vec<([u8; 3], Sight)>,
}

/// What one role sees for one purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cell {
    /// What every department sees.
    anyway: Sight,
    /// What is seen where it is the department's own.
    own: Sight,
}

/// A word of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Shown(Show),
    /// In full where the part is the own department's, else not at all.
    Own,
}

/// A row: the part and the purpose that it is about, none for any.
struct Row {
    part: Option<Part>,
    purpose: Option<usize>,
    words: Vec<Word>,
}

impl Table {
    /// Reads the two files.
    ///
    /// A row of a part and a purpose goes before one of every part for that purpose, and that before
    /// one of the part for any purpose. Every role has its column, every part its row for any
    /// purpose, every department of the code table its line.
    ///
    /// # Errors
    /// [`TableError`] of the first line that is wrong.
    pub fn parse(table: &str, departments: &str) -> Result<Self, TableError> {
        let rows = rows(table)?;
        let cell = |role: usize, purpose: usize| {
            let mut cell = Cell::default();
            for part in Part::all() {
                match word(&rows, part, purpose, role) {
                    Word::Shown(show) => cell.anyway = cell.anyway.with(part, show),
                    Word::Own => cell.own = cell.own.with(part, Show::Full),
                }
            }
            cell
        };
        let of_role = |role| std::array::from_fn(|purpose| cell(role, purpose));
        let cells = (0..ROLES.len()).map(of_role).collect();
        Ok(Self { cells, departments: department_lines(departments)? })
    }

    /// What a role of a department sees for a purpose; who acts for every department sees what any
    /// of them does. Nothing of a purpose that is unknown.
    pub fn sight(&self, role: Role, department: Option<[u8; 3]>, purpose: &str) -> Sight {
        let at = PURPOSES.iter().position(|known| *known == purpose);
        let role = ROLES.iter().position(|row| row.0 == role);
        let (Some(at), Some(role)) = (at, role) else { return Sight::NOTHING };
        let cell = self.cells[role][at];
        let of_department = match department {
            None => Sight::EVERYTHING,
            Some(code) => {
                let line = self.departments.iter().find(|(known, _)| *known == code);
                line.map_or(Sight::NOTHING, |line| line.1)
            }
        };
        cell.anyway.with_own(cell.own, of_department)
    }
}

/// The word that counts. The parser has seen that every part has a row for any purpose.
fn word(rows: &[Row], part: Part, purpose: usize, role: usize) -> Word {
    let find = |part, purpose| rows.iter().find(|row| row.part == part && row.purpose == purpose);
    let found = find(Some(part), Some(purpose))
        .or_else(|| find(None, Some(purpose)))
        .or_else(|| find(Some(part), None));
    found.map_or(Word::Shown(Show::None), |row| row.words[role])
}

fn rows(table: &str) -> Result<Vec<Row>, TableError> {
    let fault = |line, what: String| TableError { file: "table.csv", line, what };
    let mut lines = table.lines().enumerate().map(|(at, line)| (at + 1, line));
    let (_, head) = lines.next().ok_or_else(|| fault(1, "there is no heading".into()))?;
    let columns: Vec<_> = head.split(',').collect();
    let due: Vec<_> = ["part", "purpose"].into_iter().chain(role_names()).collect();
    if columns != due {
        return Err(fault(1, format!("the columns are to be {}", due.join(","))));
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut last = 1;
    for (at, line) in lines {
        let row = row(line).map_err(|what| fault(at, what))?;
        if rows.iter().any(|one| one.part == row.part && one.purpose == row.purpose) {
            return Err(fault(at, "the part and the purpose have a row already".into()));
        }
        rows.push(row);
        last = at;
    }
    let has_row = |part: &Part| rows.iter().any(|r| r.part == Some(*part) && r.purpose.is_none());
    match Part::all().find(|part| !has_row(part)) {
        Some(part) => {
            Err(fault(last + 1, format!("{} has no row for any purpose ({ANY})", part.name())))
        }
        None => Ok(rows),
    }
}

fn row(line: &str) -> Result<Row, String> {
    let cells: Vec<_> = line.split(',').collect();
    let [part, purpose, words @ ..] = &cells[..] else {
        return Err("a row has a part, a purpose and a word for each role".into());
    };
    let part = match *part {
        ANY => None,
        name => Some(Part::from_name(name).ok_or_else(|| format!("there is no part {name}"))?),
    };
    let find = |name: &str| PURPOSES.iter().position(|known| *known == name);
    let purpose = match *purpose {
        ANY => None,
        name => Some(find(name).ok_or_else(|| format!("there is no purpose {name}"))?),
    };
    if part.is_none() && purpose.is_none() {
        return Err("a row is of a part or of a purpose".into());
    }
    if words.len() != ROLES.len() {
        return Err(format!("{} words where there are {} roles", words.len(), ROLES.len()));
    }
    let read = words.iter().map(|word| match *word {
        "none" => Ok(Word::Shown(Show::None)),
        "masked" => Ok(Word::Shown(Show::Masked)),
        "full" => Ok(Word::Shown(Show::Full)),
        "own" => Ok(Word::Own),
        other => Err(format!("{other} is none of none, masked, full, own")),
    });
    Ok(Row { part, purpose, words: read.collect::<Result<_, _>>()? })
}

fn department_lines(departments: &str) -> Result<Vec<([u8; 3], Sight)>, TableError> {
    let fault = |line, what: String| TableError { file: "departments.csv", line, what };
    let mut found: Vec<([u8; 3], Sight)> = Vec::new();
    let mut last = 0;
    for (at, line) in departments.lines().enumerate().map(|(at, line)| (at + 1, line)) {
        last = at;
        if at == 1 {
            match line == "department,parts" {
                true => continue,
                false => return Err(fault(1, "the columns are to be department,parts".into())),
            }
        }
        let (code, parts) = line.split_once(',').unwrap_or((line, ""));
        let is_known = domain::codes::DEPARTMENT.find(code).is_some();
        let bytes = <[u8; 3]>::try_from(code.as_bytes()).ok().filter(|_| is_known);
        let code = bytes.ok_or_else(|| fault(at, format!("there is no department {code}")))?;
        if found.iter().any(|(known, _)| *known == code) {
            return Err(fault(at, "the department has a line already".into()));
        }
        let mut own = Sight::NOTHING;
        for name in parts.split_whitespace() {
            let part = Part::from_name(name);
            let part = part.ok_or_else(|| fault(at, format!("there is no part {name}")))?;
            own = own.with(part, Show::Full);
        }
        found.push((code, own));
    }
    let has_line = |code: &str| found.iter().any(|(known, _)| known.as_slice() == code.as_bytes());
    match domain::codes::DEPARTMENT.rows().iter().find(|row| !has_line(&row.code)) {
        Some(row) => Err(fault(last + 1, format!("{} has no line", row.code))),
        None => Ok(found),
    }
}

fn role_names() -> impl Iterator<Item = &'static str> {
    ROLES.iter().map(|row| row.0.name())
}
