//! Older versions of stored events, and the step by which each is read as the next one.
//!
//! An event is written in the newest version of its kind only. Bytes of an older one are never
//! changed: they are read, and then taken through the steps of this table, in memory. A sender may
//! go on posting the older type; its data takes the same steps before it is read.
//!
//! A step leaves alone what has the newer form already. So a correction, which names fields of its
//! target and does not say in which version, takes them too.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::Kind;
use super::employment::{INSURANCE_KINDS, OLDER_SOCINS_FIELDS};
use super::entry::DataField;

/// An older version of a kind of event.
pub struct Older {
    /// Which kind.
    pub kind: Kind,
    /// Which version.
    pub version: u16,
    /// The fields that it had; they are published as long as it may be posted.
    pub fields: &'static [DataField],
    /// Makes the next version of it, in place: of the data as posted, or of the details as stored.
    pub step: fn(&mut Map<String, Value>),
}

/// Every older version, by kind and version.
pub static OLDER: &[Older] = &[Older {
    kind: Kind::SocinsEnrol,
    version: 1,
    fields: OLDER_SOCINS_FIELDS,
    step: insurance_kinds_by_code,
}];

/// Brings data of a version to the newest one.
pub fn upcast(kind: Kind, version: u16, data: &mut Map<String, Value>) {
    for older in OLDER.iter().filter(|older| older.kind == kind && older.version >= version) {
        (older.step)(data);
    }
}

/// What a correction says of an event of a kind, in the newest version of that kind.
pub fn of_correction(kind: Kind, details: &Map<String, Value>) -> Cow<'_, Map<String, Value>> {
    if details.is_empty() || OLDER.iter().all(|older| older.kind != kind) {
        return Cow::Borrowed(details);
    }
    let mut details = details.clone();
    upcast(kind, 1, &mut details);
    Cow::Owned(details)
}

/// Spellings that version 1 let people use for the five insurances of the Social Insurance Law
/// (社会保险法 art. 2), in the order of [`INSURANCE_KINDS`].
const SPELLINGS: [&[&str]; INSURANCE_KINDS.len()] = [
    &["养老", "养老保险", "基本养老保险"],
    &["医疗", "医疗保险", "基本医疗保险"],
    &["失业", "失业保险"],
    &["工伤", "工伤保险", "work injury"],
    &["生育", "生育保险"],
];

/// Socins_enrol 1 to 2: `insurance_kinds` was a text with commas and is a list of codes. What is no
/// code goes to `insurance_kinds_other` as it was written.
fn insurance_kinds_by_code(data: &mut Map<String, Value>) {
    let Some(Value::String(text)) = data.get("insurance_kinds") else { return };
    let (mut codes, mut others) = (Vec::new(), Vec::new());
    for part in text.split([',', '，', '、', ';', '；', '/']) {
        let part = part.trim();
        match code_of(part) {
            _ if part.is_empty() => {}
            Some(code) if codes.contains(&code) => {}
            Some(code) => codes.push(code),
            None => others.push(part),
        }
    }
    let others = others.join("、");
    let others = match data.get("insurance_kinds_other") {
        // A blank text says nothing, and a field that the sender used otherwise is not ours.
        _ if codes.is_empty() && others.is_empty() => return,
        None | Some(Value::Null) => others,
        Some(Value::String(_)) if others.is_empty() => String::new(),
        Some(Value::String(told)) => format!("{told}、{others}"),
        Some(_) => return,
    };
    data.insert("insurance_kinds".to_owned(), json!(codes));
    if !others.is_empty() {
        data.insert("insurance_kinds_other".to_owned(), Value::String(others));
    }
}

fn code_of(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let spelt = |at: usize| INSURANCE_KINDS[at] == text || SPELLINGS[at].contains(&text.as_str());
    (0..INSURANCE_KINDS.len()).find(|at| spelt(*at)).map(|at| INSURANCE_KINDS[at])
}
