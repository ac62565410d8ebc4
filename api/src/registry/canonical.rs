//! JSON in the one form that content tags are made of: no blanks, names in their order. It is what
//! `serde_json` writes of a value, byte for byte, and is fixed for ever with the tags; written here,
//! since looking at each character of what nearly never has one to be escaped took longer than all else.

use serde_json::Value;

/// Writes a value behind what is there.
pub fn write_canonical(value: &Value, to: &mut Vec<u8>) {
    match value {
        Value::Null => to.extend_from_slice(b"null"),
        Value::Bool(true) => to.extend_from_slice(b"true"),
        Value::Bool(false) => to.extend_from_slice(b"false"),
        Value::String(text) => write_text(text, to),
        // Writing plain values into memory does not fail.
        Value::Number(number) => drop(serde_json::to_writer(to, number)),
        Value::Array(list) => {
            to.push(b'[');
            for (at, value) in list.iter().enumerate() {
                to.extend((at > 0).then_some(b','));
                write_canonical(value, to);
            }
            to.push(b']');
        }
        Value::Object(fields) => {
            to.push(b'{');
            for (at, (name, value)) in fields.iter().enumerate() {
                to.extend((at > 0).then_some(b','));
                write_text(name, to);
                to.push(b':');
                write_canonical(value, to);
            }
            to.push(b'}');
        }
    }
}

fn write_text(text: &str, to: &mut Vec<u8>) {
    // Without a way out, so that many bytes are looked at together.
    let is_escaped = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    if text.bytes().fold(false, |any, byte| any | is_escaped(byte)) {
        drop(serde_json::to_writer(to, text));
        return;
    }
    to.push(b'"');
    to.extend_from_slice(text.as_bytes());
    to.push(b'"');
}
