//! `renkou access-table`: who may do and see what, for whoever answers for it.

use std::io::{self, Write};

use super::Failure;
use crate::access::ROLES;
use crate::access::table::{DEPARTMENTS_CSV, TABLE_CSV};

/// The widest word of a cell.
const CELL: usize = 7;

/// Prints the actions of each role, and then both tables, aligned.
pub fn run() -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "Roles, and what they may do:\n")?;
    for (role, actions) in ROLES {
        let names: Vec<_> = actions.iter().map(|action| action.name()).collect();
        writeln!(out, "  {:<18} {}", role.name(), names.join(" "))?;
    }
    writeln!(
        out,
        "\nWhat they see of a person, by part and purpose. A row of part and purpose goes first, then\n\
         one of the purpose (*,purpose), then one of the part (part,*). own: in full where the part\n\
         is the own department's, else none.\n"
    )?;
    for line in TABLE_CSV.lines() {
        let mut cells = line.split(',');
        let [part, purpose] = [cells.next().unwrap_or(""), cells.next().unwrap_or("")];
        write!(out, "  {part:<13} {purpose:<13}")?;
        // Names of roles are cut, so that the columns stay narrow.
        for cell in cells {
            write!(out, " {:<CELL$.CELL$}", cell)?;
        }
        writeln!(out)?;
    }
    writeln!(out, "\nThe parts of each department:\n")?;
    for line in DEPARTMENTS_CSV.lines().skip(1) {
        let (department, parts) = line.split_once(',').unwrap_or((line, ""));
        writeln!(out, "  {department:<5} {parts}")?;
    }
    Ok(())
}
