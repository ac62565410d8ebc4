//! Fictional events, as an upstream system writes them.

use domain::citizen_number::check_character;
use serde_json::{Map, Value, json};

/// A village of the fictional county.
pub const VILLAGE: &str = "990101001001";
/// Another, in another township.
pub const OTHER_VILLAGE: &str = "990101002201";
/// The hospital that most events come from.
pub const HOSPITAL: &str = "/hlt/990101/hospital-1";

/// A citizen number that no living person has: women have even numbers.
pub fn citizen_number(number: u32) -> String {
    let (day, order) = (number / 900, number % 900 + 1);
    let birth = jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(day);
    let digits = format!("990101{}{order:03}", birth.strftime("%Y%m%d"));
    format!("{digits}{}", char::from(check_character(digits.as_bytes())))
}

/// The document of a citizen.
pub fn citizen(number: u32) -> Value {
    json!({"kind": "citizen_id", "number": citizen_number(number)})
}

/// The document of somebody who was born here.
pub fn certificate(number: u32) -> Value {
    json!({"kind": "birth_certificate", "number": format!("X99{number:08}")})
}

/// An event of the hospital about the person of a document, on a day in the village. `more` is
/// added to the data.
pub fn event(id: &str, kind: &str, document: &Value, day: &str, more: Value) -> Value {
    let mut data = json!({
        "person": {"document": document},
        "occurred_on": day,
        "channel": "DX",
        "place": VILLAGE,
    });
    let more: Map<String, Value> = serde_json::from_value(more).expect("an object");
    data.as_object_mut().expect("an object").extend(more);
    if kind == "household_visit" {
        data.as_object_mut().expect("an object").remove("person");
    }
    json!({
        "specversion": "1.0",
        "id": id,
        "source": HOSPITAL,
        "type": format!("renkou.{kind}.v1"),
        "time": "2026-03-10T09:12:00+08:00",
        "data": data,
    })
}

/// A registration with a name and a residence.
pub fn registration(id: &str, document: &Value, name: &str, village: &str) -> Value {
    let items = json!({"full_name": name, "residence_code": village, "hukou_code": village});
    event(id, "registration", document, "2026-03-01", json!({"items": items, "place": village}))
}
