//! What one row of the table of rules is, and the macro that lets the table read like a table.

use std::fmt;

use jiff::civil::Date;

use super::area::AreaCounts;
use super::case::Case;
use super::field::{Field, FieldSet};

/// One audit rule, as it is from a day on.
///
/// A changed rule gets a second row with a later day; see [`super::RuleBook::in_force`].
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name in reports and receipts.
    pub id: RuleId,
    /// What it weighs.
    pub severity: Severity,
    /// What it is about, as the table says: what one would correct.
    pub items: &'static [Field],
    /// All that it looks at, in the person's record or in those of relatives.
    pub reads: FieldSet,
    /// The first day on which this row is in force.
    pub valid_from: Date,
    /// What is wrong when it fires, in Chinese.
    pub message_zh: &'static str,
    /// What is wrong when it fires, in English.
    pub message_en: &'static str,
    /// How it is evaluated.
    pub check: Check,
}

/// How a rule is evaluated. `None` says that an operand is missing.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// Over one person and those around them.
    Person {
        /// Whether the rule says anything of this person.
        applies: fn(&Case<'_>) -> Option<bool>,
        /// Whether all is well. Only asked where the rule applies.
        holds: fn(&Case<'_>) -> Option<bool>,
    },
    /// Over the counts of an area; it applies everywhere.
    Area(fn(&AreaCounts) -> Option<bool>),
}

/// What came of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// All is well.
    Holds,
    /// Something is wrong.
    Fires,
    /// An operand is missing: nothing can be said. Never counted as wrong.
    NotEvaluated,
    /// The rule says nothing of this person.
    NotApplicable,
}

/// The class of a rule: the letter of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// C: a value that ought to be there is there.
    Completeness,
    /// N: a value looks as its standard says.
    Normality,
    /// L: the values of one person agree.
    Logic,
    /// X: the records of several persons agree.
    AcrossRecords,
    /// R: what is possible is also likely.
    Reasonableness,
}

/// What a fired rule weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// Counts against the rate.
    Error,
    /// Opens a verification.
    Warning,
    /// Is shown as a hint.
    Hint,
}

/// The name of a rule, such as `C01`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId {
    class: Class,
    number: u8,
}

impl Class {
    /// Every class, in the order of the table.
    pub const ALL: [Class; 5] = [
        Self::Completeness,
        Self::Normality,
        Self::Logic,
        Self::AcrossRecords,
        Self::Reasonableness,
    ];

    /// Its name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completeness => "completeness",
            Self::Normality => "normality",
            Self::Logic => "logic",
            Self::AcrossRecords => "across_records",
            Self::Reasonableness => "reasonableness",
        }
    }

    /// The letter that its rules begin with.
    pub const fn letter(self) -> u8 {
        b"CNLXR"[self as usize]
    }
}

impl Severity {
    /// The word of the contract, as receipts show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "info",
        }
    }
}

impl RuleId {
    /// Rules of one class are numbered 1 to 32, so that a class is one word of a set.
    pub const NUMBER_MAX: u8 = 32;

    /// Reads a name: the letter of a class and two digits.
    pub const fn parse(name: &str) -> Option<Self> {
        let &[letter, tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = name.as_bytes() else {
            return None;
        };
        let number = (tens - b'0') * 10 + ones - b'0';
        let mut at = 0;
        while at < Class::ALL.len() {
            let class = Class::ALL[at];
            if class.letter() == letter && number >= 1 && number <= Self::NUMBER_MAX {
                return Some(Self { class, number });
            }
            at += 1;
        }
        None
    }

    /// Its class.
    pub const fn class(self) -> Class {
        self.class
    }

    /// Its number within the class, from 1 on.
    pub const fn number(self) -> u8 {
        self.number
    }

    pub(super) const fn of(class: Class, number: u8) -> Self {
        Self { class, number }
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:02}", char::from(self.class.letter()), self.number)
    }
}

impl fmt::Debug for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One row: id, severity, the items of the table, the other fields that its expressions read, the
/// messages, and the expressions.
macro_rules! rule {
    ($id:literal $severity:ident [$($item:ident)*] also [$($also:ident)*]
     $zh:literal: $en:literal
     area $holds:expr) => {
        rule!(@ $id $severity [$($item)*] [$($also)*] $zh $en
            $crate::rules::Check::Area($holds))
    };
    ($id:literal $severity:ident [$($item:ident)*] also [$($also:ident)*]
     $zh:literal: $en:literal
     applies $applies:expr;
     holds $holds:expr) => {
        rule!(@ $id $severity [$($item)*] [$($also)*] $zh $en
            $crate::rules::Check::Person { applies: $applies, holds: $holds })
    };
    (@ $id:literal $severity:ident [$($item:ident)*] [$($also:ident)*]
     $zh:literal $en:literal $check:expr) => {
        $crate::rules::Rule {
            id: $crate::rules::RuleId::parse($id).expect("a letter and two digits"),
            severity: $crate::rules::Severity::$severity,
            items: &[$($crate::rules::Field::$item),*],
            reads: $crate::rules::FieldSet::of(&[
                $($crate::rules::Field::$item,)* $($crate::rules::Field::$also,)*
            ]),
            valid_from: $crate::rules::FIRST_EDITION,
            message_zh: $zh,
            message_en: $en,
            check: $check,
        }
    };
}
pub(super) use rule;
