//! The fields of an event's data, taken one by one; what is left over is kept as details.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::Target;
use crate::catalogue::Kind;
use crate::codes;
use crate::fault::Fault;
use crate::ids::Position;
use crate::items::parse_day;

/// The longest CloudEvents id and the longest free text, in characters.
const TEXT_CHARACTERS_MAX: usize = 200;

/// The fields that have not been read yet, and what was wrong with the others.
pub(super) struct Fields {
    pub(super) map: Map<String, Value>,
    pub(super) faults: Vec<Fault>,
}

impl Fields {
    pub(super) fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(super) fn text(&mut self, name: &str, required: bool) -> Option<String> {
        let pointer = format!("/data/{name}");
        match self.map.remove(name) {
            None | Some(Value::Null) if required => self.fault(missing(&pointer)),
            None | Some(Value::Null) => {}
            Some(Value::String(text))
                if !text.is_empty() && text.chars().count() <= TEXT_CHARACTERS_MAX =>
            {
                return Some(text);
            }
            Some(_) => {
                let fault = Fault::new(
                    "not_a_text",
                    "应为1至200个字符的字符串",
                    "a string of 1 to 200 characters is due",
                );
                self.fault(fault.at(pointer));
            }
        }
        None
    }

    pub(super) fn day(&mut self, name: &str) -> Option<Date> {
        let text = self.text(name, false)?;
        parse_day(&text).map_err(|fault| self.fault(fault.at(format!("/data/{name}")))).ok()
    }

    pub(super) fn code(&mut self, name: &str, table: &codes::CodeTable) -> Option<String> {
        let text = self.text(name, true)?;
        if table.find(&text).is_some() {
            return Some(text);
        }
        let fault = Fault::new("no_such_code", "代码表中没有这个代码", "not a code of its table");
        self.fault(fault.at(format!("/data/{name}")));
        None
    }
}

/// What a correction or annulment acts on.
pub(super) fn target(kind: Kind, fields: &mut Fields) -> Option<Target> {
    let name = match kind {
        Kind::Correction => "corrects",
        Kind::Annulment => "annuls",
        _ => return None,
    };
    let pointer = format!("/data/{name}");
    match fields.map.remove(name) {
        Some(Value::Number(number)) if number.as_u64().is_some_and(|n| n > 0) => {
            return number.as_u64().map(|number| Target::Position(Position(number)));
        }
        Some(Value::String(id)) if !id.is_empty() => return Some(Target::EventId(id)),
        None => fields.fault(missing(&pointer)),
        Some(_) => {
            let fault = Fault::new(
                "not_a_target",
                "应为位置(数字)或事件编号(字符串)",
                "a position (number) or an event id (string) is due",
            );
            fields.fault(fault.at(pointer));
        }
    }
    None
}

/// A required field that is not there.
pub(super) fn missing(pointer: &str) -> Fault {
    Fault::new("missing", "缺少必填字段", "this field is required").at(pointer)
}

/// A day that has not come yet.
pub(super) fn in_future() -> Fault {
    Fault::new("in_future", "日期晚于今天", "the day is later than today")
}
