//! The table of access read another way than the service reads it: cell by cell, when it is asked.

use std::collections::BTreeMap;

use api::access::table::{DEPARTMENTS_CSV, TABLE_CSV};
use api::access::{Part, Role, Show};

/// The words of both files.
pub struct Oracle {
    words: BTreeMap<(String, String, String), String>,
    departments: BTreeMap<String, Vec<String>>,
}

impl Oracle {
    pub fn read() -> Self {
        let mut lines = TABLE_CSV.lines().map(|line| line.split(',').map(str::to_owned));
        let head: Vec<_> = lines.next().unwrap().collect();
        let mut words = BTreeMap::new();
        for line in lines {
            let line: Vec<_> = line.collect();
            for (role, word) in head.iter().zip(&line).skip(2) {
                words.insert((line[0].clone(), line[1].clone(), role.clone()), word.clone());
            }
        }
        let lines = DEPARTMENTS_CSV.lines().skip(1).map(|line| line.split_once(',').unwrap());
        let parts = |parts: &str| parts.split(' ').map(str::to_owned).collect();
        let departments = lines.map(|(code, of)| (code.to_owned(), parts(of))).collect();
        Self { words, departments }
    }

    pub fn show(&self, role: Role, department: Option<&str>, purpose: &str, part: Part) -> Show {
        let rows = [(part.name(), purpose), ("*", purpose), (part.name(), "*")];
        let word = rows.iter().find_map(|(part, purpose)| {
            self.words.get(&((*part).to_owned(), (*purpose).to_owned(), role.name().to_owned()))
        });
        let is_own = |code: &str| self.departments[code].iter().any(|own| own == part.name());
        match word.unwrap().as_str() {
            "full" => Show::Full,
            "masked" => Show::Masked,
            "own" if department.is_none_or(is_own) => Show::Full,
            _ => Show::None,
        }
    }
}
