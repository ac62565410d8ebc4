//! JSON Schema (2020-12), as far as the catalogue of events uses it, read from the standard and not
//! from the code that makes the schemas.

use serde_json::Value;

/// Whether a value is of a schema whose references lead into `root`.
///
/// # Panics
/// Where the schema has a word that is not known here: it would be passed over.
pub fn is_of(root: &Value, schema: &Value, value: &Value) -> bool {
    let Some(words) = schema.as_object() else { return schema == true };
    words.iter().all(|(word, of)| match word.as_str() {
        "$ref" => {
            let pointer = of.as_str().and_then(|text| text.strip_prefix('#')).expect("a pointer");
            is_of(root, root.pointer(pointer).expect("something there"), value)
        }
        "anyOf" => list(of).iter().any(|one| is_of(root, one, value)),
        "oneOf" => list(of).iter().filter(|one| is_of(root, one, value)).count() == 1,
        "type" => match of {
            Value::Array(names) => names.iter().any(|name| is_type(name, value)),
            name => is_type(name, value),
        },
        "enum" => list(of).contains(value),
        "const" => of == value,
        "minLength" => text(value).is_none_or(|text| text.chars().count() as u64 >= number(of)),
        "maxLength" => text(value).is_none_or(|text| text.chars().count() as u64 <= number(of)),
        "pattern" => text(value).is_none_or(|text| matches(of.as_str().expect("a pattern"), text)),
        "format" => text(value).is_none_or(|text| has_format(of.as_str().expect("a name"), text)),
        "minimum" => value.as_f64().is_none_or(|it| it >= of.as_f64().expect("a number")),
        "maximum" => value.as_f64().is_none_or(|it| it <= of.as_f64().expect("a number")),
        "minItems" => value.as_array().is_none_or(|list| list.len() as u64 >= number(of)),
        "maxItems" => value.as_array().is_none_or(|list| list.len() as u64 <= number(of)),
        "uniqueItems" => value
            .as_array()
            .is_none_or(|list| list.iter().enumerate().all(|(at, one)| !list[..at].contains(one))),
        "items" => value.as_array().is_none_or(|list| list.iter().all(|one| is_of(root, of, one))),
        "required" => value.as_object().is_none_or(|fields| {
            list(of).iter().all(|name| fields.contains_key(text(name).expect("a name")))
        }),
        "properties" => value.as_object().is_none_or(|fields| {
            fields
                .iter()
                .all(|(name, value)| of.get(name).is_none_or(|schema| is_of(root, schema, value)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|fields| {
            let known = |name: &String| schema["properties"].get(name).is_some();
            fields.iter().all(|(name, value)| known(name) || is_of(root, of, value))
        }),
        "$schema" | "$defs" | "title" | "description" => true,
        word if word.starts_with("x-") => true,
        word => panic!("{word} is not known here"),
    })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

fn is_type(name: &Value, value: &Value) -> bool {
    match name.as_str().expect("a name") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        name => panic!("there is no type {name}"),
    }
}

/// The few regular expressions of the catalogue, each by hand.
fn matches(pattern: &str, text: &str) -> bool {
    let is_digit = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match pattern {
        "\\S" => text.chars().any(|c| !c.is_whitespace()),
        "^[0-9]{6}([0-9]{3}([0-9]{3})?)?$" => matches!(text.len(), 6 | 9 | 12) && is_digit(text),
        "^([0-9]{6}|[A-Z]{3})$" => {
            let is_country = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
            is_country || text.len() == 6 && is_digit(text)
        }
        pattern if pattern.starts_with("^(1[89]|[2-9][0-9])[0-9]{2}-") => {
            let parts: Vec<_> = text.split('-').collect();
            let [year, month, day] = parts[..] else { return false };
            let within = |part: &str, digits: usize, from: u32, to: u32| {
                part.len() == digits
                    && is_digit(part)
                    && part.parse().is_ok_and(|number| (from..=to).contains(&number))
            };
            within(year, 4, 1800, 9999) && within(month, 2, 1, 12) && within(day, 2, 1, 31)
        }
        pattern if pattern.starts_with("^[0-9a-fA-F]{8}(-") => {
            let lengths: Vec<_> = text.split('-').map(str::len).collect();
            let is_hex = |c: char| c == '-' || c.is_ascii_hexdigit();
            lengths == [8, 4, 4, 4, 12] && text.chars().all(is_hex)
        }
        pattern => panic!("{pattern} is not known here"),
    }
}

fn has_format(name: &str, text: &str) -> bool {
    match name {
        "date" => text.parse::<jiff::civil::Date>().is_ok_and(|day| day.to_string() == text),
        "uuid" => text.len() == 36 && uuid::Uuid::parse_str(text).is_ok(),
        name => panic!("the format {name} is not known here"),
    }
}
