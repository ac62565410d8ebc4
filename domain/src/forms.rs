//! What a value must look like: the forms of items and of the fields of events, each able to read
//! what somebody typed and to say itself as JSON Schema.

use std::sync::LazyLock;

use jiff::civil::Date;
use serde_json::{Number, Value, json};

use crate::citizen_number::CitizenNumber;
use crate::codes::{self, CodeTable};
use crate::divisions::{Divisions, Place};
use crate::fault::Fault;
use crate::items::{Item, parse_day};

/// Beyond it not every whole number can be written with a fraction (2^53).
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// A date as a regular expression, for those who do not look at formats.
const DAY: &str = "^(1[89]|[2-9][0-9])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$";

/// What a value must be. All but numbers, lists and yes or no are JSON
/// strings.
#[derive(Clone, Copy)]
pub enum Form {
    /// Free text of at most so many characters.
    Text(usize),
    /// A code of a table.
    Code(&'static LazyLock<CodeTable>),
    /// A date.
    Day,
    /// A division code of 6, 9 or 12 digits.
    Division,
    /// A county code ever issued, or a country.
    BirthPlace,
    /// A citizen number.
    CitizenNumber,
    /// One of a few words.
    Word(&'static [&'static str]),
    /// A list of some of a few words, each once.
    Words(&'static [&'static str]),
    /// The field name of an item.
    ItemName,
    /// A whole number from, to.
    Number(i64, i64),
    /// Yes or no.
    YesNo,
}

impl Form {
    /// The stored form of what somebody typed: free text trimmed, numbers normalised, all else as it
    /// is. Most values are stored as they were typed, and then not copied.
    ///
    /// # Errors
    /// A [`Fault`] without a pointer when the text can never be a value of this form. Values that
    /// are only odd pass here and are flagged by the rules.
    pub fn take(self, typed: String, today: Date, divisions: &Divisions) -> Result<String, Fault> {
        let text = typed.trim();
        if text.is_empty() || has_control(text) {
            return Err(Fault::new(
                "empty",
                "值为空或含控制字符",
                "empty, or has control characters",
            ));
        }
        // What is published of these as a schema leaves no room for blanks.
        let is_free = matches!(self, Form::Text(_) | Form::CitizenNumber);
        if !is_free && text.len() != typed.len() {
            return Err(not_a_value());
        }
        let fits = match self {
            Form::Text(most) => typed.len() <= most || typed.chars().count() <= most,
            Form::Code(table) => table.find(text).is_some(),
            Form::Day => {
                parse_day(text)?;
                true
            }
            Form::Division => {
                Place::parse(text).is_ok_and(|place| place.digits() >= 6)
                    && divisions.holds_places(&text[..6])
            }
            Form::BirthPlace => {
                codes::COUNTRY.find(text).is_some() || divisions.was_ever_issued(text)
            }
            Form::CitizenNumber => {
                let number = CitizenNumber::parse(text, today, divisions)
                    .map_err(|error| Fault::citizen_number(&error))?;
                return Ok(if number.as_str() == typed {
                    typed
                } else {
                    number.as_str().to_owned()
                });
            }
            Form::Word(words) => words.contains(&text),
            Form::ItemName => Item::from_name(text).is_some(),
            Form::Number(..) | Form::YesNo | Form::Words(_) => false,
        };
        if fits {
            Ok(if text.len() == typed.len() { typed } else { text.to_owned() })
        } else {
            Err(not_a_value())
        }
    }

    /// Reads a value of an event's data into what is kept of it.
    ///
    /// # Errors
    /// A [`Fault`] without a pointer.
    pub fn read(self, value: Value, today: Date, divisions: &Divisions) -> Result<Value, Fault> {
        match (self, value) {
            (Form::Number(from, to), Value::Number(number)) => {
                let whole = whole(&number).filter(|number| (from..=to).contains(number));
                whole.map(Value::from).ok_or_else(not_a_value)
            }
            (Form::YesNo, Value::Bool(is)) => Ok(Value::Bool(is)),
            (Form::Words(words), Value::Array(list)) => {
                let fits = is_list_of(words, &list);
                fits.then_some(Value::Array(list)).ok_or_else(not_a_value)
            }
            (Form::Words(_), _) => Err(Fault::new("not_a_list", "应为数组", "a list is due")),
            (Form::Number(..), _) => {
                Err(Fault::new("not_a_number", "应为整数", "a whole number is due"))
            }
            (Form::YesNo, _) => {
                Err(Fault::new("not_a_boolean", "应为 true 或 false", "true or false is due"))
            }
            (_, Value::String(text)) => self.take(text, today, divisions).map(Value::String),
            _ => Err(Fault::new("not_a_text", "取值应为字符串", "a value is a string")),
        }
    }

    /// Whether a stored value is of this form, as far as that can be told without a day and the
    /// divisions: a correction may name any field, and lenient kinds keep what they were sent.
    pub fn fits(self, value: &Value) -> bool {
        let text = match (self, value) {
            (Form::Number(from, to), Value::Number(number)) => {
                return number.as_i64().is_some_and(|number| (from..=to).contains(&number));
            }
            (Form::YesNo, Value::Bool(_)) => return true,
            (Form::Words(words), Value::Array(list)) => return is_list_of(words, list),
            (Form::Number(..) | Form::YesNo | Form::Words(_), _) => return false,
            (_, Value::String(text)) => text.as_str(),
            _ => return false,
        };
        match self {
            Form::Text(most) => !text.is_empty() && text.chars().count() <= most,
            Form::Code(table) => table.find(text).is_some(),
            Form::Day => parse_day(text).is_ok(),
            Form::Division => Place::parse(text).is_ok_and(|place| place.digits() >= 6),
            Form::BirthPlace | Form::CitizenNumber => !text.is_empty(),
            Form::Word(words) => words.contains(&text),
            Form::ItemName => Item::from_name(text).is_some(),
            Form::Number(..) | Form::YesNo | Form::Words(_) => false,
        }
    }

    /// This form as JSON Schema (2020-12). A value that breaks it is refused; a few that keep it
    /// are refused too, since a schema cannot tell which divisions were ever issued, nor compute
    /// a check character.
    pub fn schema(self) -> Value {
        match self {
            Form::Text(most) => {
                json!({"type": "string", "minLength": 1, "maxLength": most, "pattern": "\\S"})
            }
            Form::Code(table) => {
                let codes: Vec<_> = table.rows().iter().map(|row| row.code.as_str()).collect();
                json!({"type": "string", "enum": codes, "x-code-table": table.name()})
            }
            Form::Day => json!({"type": "string", "format": "date", "pattern": DAY}),
            Form::Division => {
                json!({"type": "string", "pattern": "^[0-9]{6}([0-9]{3}([0-9]{3})?)?$"})
            }
            Form::BirthPlace => json!({"type": "string", "pattern": "^([0-9]{6}|[A-Z]{3})$"}),
            Form::CitizenNumber => json!({"type": "string", "minLength": 15}),
            Form::Word(words) => json!({"type": "string", "enum": words}),
            Form::Words(words) => json!({
                "type": "array",
                "items": {"type": "string", "enum": words},
                "uniqueItems": true,
            }),
            Form::ItemName => {
                let names: Vec<_> = Item::all().map(Item::name).collect();
                json!({"type": "string", "enum": names})
            }
            Form::Number(from, to) => json!({"type": "integer", "minimum": from, "maximum": to}),
            Form::YesNo => json!({"type": "boolean"}),
        }
    }
}

/// A whole number, however it is written: JSON knows no difference between 2 and 2.0.
pub(crate) fn whole(number: &Number) -> Option<i64> {
    let written = number.as_f64().filter(|written| written.fract() == 0.0);
    let exact = written.filter(|written| written.abs() < MAX_EXACT).map(|written| written as i64);
    number.as_i64().or(exact)
}

/// Whether every value is one of the words, and none is there twice.
fn is_list_of(words: &[&str], list: &[Value]) -> bool {
    let known = |value: &Value| value.as_str().is_some_and(|word| words.contains(&word));
    list.iter().enumerate().all(|(at, value)| known(value) && !list[..at].contains(value))
}

fn not_a_value() -> Fault {
    Fault::new("not_a_value", "不是该项目的合法取值", "not a value of this item")
}

/// Control characters stand at the ends of ASCII, or come after the byte C2.
fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' || byte == 0x7f || byte == 0xc2)
        && text.chars().any(char::is_control)
}
