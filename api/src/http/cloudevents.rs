//! CloudEvents 1.0: from the bytes and headers of a request to one value, the same in every mode.
//!
//! Pure: nothing here reads a socket. Depth is bounded by the JSON reader (128), size by the caller.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use domain::Fault;
use domain::submission::Received;
use jiff::Timestamp;
use percent_encoding::percent_decode;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::registry::CloudEvent;

/// How events are laid into a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `application/cloudevents+json`: one event.
    Structured,
    /// `application/cloudevents-batch+json`: an array of events.
    Batch,
    /// JSON with `ce-*` headers: the body is the event's data.
    Binary,
    /// `application/x-ndjson`: a line is an event.
    Lines,
}

impl Mode {
    /// The mode of a request; parameters and case of the media type do not matter.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let media_type = media_type(content_type);
        match media_type.as_str() {
            "application/cloudevents+json" => Some(Self::Structured),
            "application/cloudevents-batch+json" => Some(Self::Batch),
            "application/x-ndjson" => Some(Self::Lines),
            other if is_json(other) => {
                headers.keys().any(|name| name.as_str().starts_with("ce-")).then_some(Self::Binary)
            }
            _ => None,
        }
    }
}

/// One event as it was read, and what was sent.
#[derive(Debug)]
pub struct Read {
    /// What was sent, as one structured event.
    pub received: Received,
    /// The event, or what is wrong with its envelope.
    pub event: Result<CloudEvent, Box<Unreadable>>,
}

/// An event whose envelope is broken, as far as it could be read.
#[derive(Debug, Default)]
pub struct Unreadable {
    /// `id`, else empty.
    pub id: String,
    /// `type`, else empty.
    pub event_type: String,
    /// `source`.
    pub source: Option<String>,
    /// Every fault.
    pub faults: Vec<Fault>,
}

impl Unreadable {
    fn because(fault: Fault) -> Box<Self> {
        Box::new(Self { faults: vec![fault], ..Self::default() })
    }
}

/// Reads one structured event.
pub fn read_structured(bytes: &[u8]) -> Read {
    let Ok(text) = simdutf8::basic::from_utf8(bytes) else {
        let fault = Fault::new("not_utf8", "内容不是UTF-8编码", "the content is not UTF-8");
        let received = String::from_utf8_lossy(bytes).into_owned();
        return Read { received: received.into(), event: Err(Unreadable::because(fault)) };
    };
    Read { received: text.to_owned().into(), event: event_of(text) }
}

/// Reads one structured event that came with others.
pub fn read_piece(whole: &Arc<str>, piece: Range<usize>) -> Read {
    let received = Received::piece_of(whole, piece);
    Read { event: event_of(&received), received }
}

fn event_of(text: &str) -> Result<CloudEvent, Box<Unreadable>> {
    match serde_json::from_str::<Attributes>(text) {
        Ok(attributes) => attributes.finish(),
        Err(error) => Err(Unreadable::because(not_json(&error))),
    }
}

/// Reads one event in binary mode: attributes from `ce-*` headers, percent-decoded, and data from
/// the body.
pub fn read_binary(headers: &HeaderMap, body: &[u8]) -> Read {
    let mut attributes = Attributes::default();
    let mut sent = Map::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix("ce-") else { continue };
        let value = decoded(value.as_bytes());
        sent.insert(name.to_owned(), Value::String(value.clone()));
        match name {
            "data" | "data_base64" => attributes.strange(name),
            _ => attributes.set(name, Value::String(value)),
        }
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(data) => attributes.data = Some(data),
        Err(_) if body.is_empty() => {}
        Err(error) => attributes.faults.push(not_json(&error).at("/data")),
    }
    // What is kept of a refused event is its structured form, so that it can be sent again.
    let data = match &attributes.data {
        Some(data) => data.clone(),
        None => Value::String(String::from_utf8_lossy(body).into_owned()),
    };
    let event = attributes.finish();
    sent.insert("data".to_owned(), data);
    Read { received: Value::Object(sent).to_string().into(), event }
}

/// What was said of an event, attribute by attribute.
#[derive(Default)]
struct Attributes {
    spec_version: Option<Value>,
    id: Option<Value>,
    source: Option<Value>,
    event_type: Option<Value>,
    time: Option<Value>,
    recorded_time: Option<Value>,
    content_type: Option<Value>,
    data: Option<Value>,
    has_base64: bool,
    faults: Vec<Fault>,
}

impl Attributes {
    fn set(&mut self, name: &str, value: Value) {
        let slot = match name {
            "specversion" => &mut self.spec_version,
            "id" => &mut self.id,
            "source" => &mut self.source,
            "type" => &mut self.event_type,
            "time" => &mut self.time,
            "recordedtime" => &mut self.recorded_time,
            "datacontenttype" => &mut self.content_type,
            "data" => &mut self.data,
            "data_base64" => {
                self.has_base64 = true;
                return;
            }
            _ => {
                let is_plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
                if name.is_empty() || !is_plain || value.is_array() || value.is_object() {
                    self.strange(name);
                }
                return;
            }
        };
        *slot = (!value.is_null()).then_some(value);
    }

    /// An attribute that CloudEvents does not allow.
    fn strange(&mut self, name: &str) {
        let shown: String = name.chars().take(40).collect();
        let pointer = format!("/{}", shown.replace('~', "~0").replace('/', "~1"));
        let fault = Fault::new(
            "not_an_attribute",
            "扩展属性名只能用小写字母和数字,值不能是对象或数组",
            "extension attributes have names of lower-case letters and digits, and plain values",
        );
        self.faults.push(fault.at(pointer));
    }

    fn finish(self) -> Result<CloudEvent, Box<Unreadable>> {
        let mut faults = Vec::new();
        if self.spec_version.as_ref().and_then(Value::as_str) != Some("1.0") {
            let fault = Fault::new(
                "not_cloudevents_1",
                "specversion 应为 \"1.0\"",
                "specversion must be \"1.0\"",
            );
            faults.push(fault.at("/specversion"));
        }
        let id = text(self.id, "/id", &mut faults);
        let source = text(self.source, "/source", &mut faults);
        let event_type = text(self.event_type, "/type", &mut faults);
        let time = instant(self.time, "/time", &mut faults);
        let recorded_time = instant(self.recorded_time, "/recordedtime", &mut faults);
        if self.content_type.is_some_and(|v| v.as_str().is_none_or(|t| !is_json(&media_type(t)))) {
            let fault = Fault::new("data_not_json", "data 应为 JSON", "data must be JSON");
            faults.push(fault.at("/datacontenttype"));
        }
        if self.has_base64 {
            let fault = Fault::new(
                "data_base64",
                "不接受 data_base64,请用 data 传 JSON",
                "data_base64 is not accepted, send JSON as data",
            );
            faults.push(fault.at("/data_base64"));
        }
        let reported = self.has_base64 || self.faults.iter().any(|f| f.pointer == "/data");
        if self.data.is_none() && !reported {
            faults.push(missing("/data"));
        }
        faults.extend(self.faults);
        match (id, source, event_type, self.data) {
            (Some(id), Some(source), Some(event_type), Some(data)) if faults.is_empty() => {
                Ok(CloudEvent { id, source, event_type, time, recorded_time, data })
            }
            (id, source, event_type, _) => Err(Box::new(Unreadable {
                id: id.unwrap_or_default(),
                event_type: event_type.unwrap_or_default(),
                source,
                faults,
            })),
        }
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        #[derive(serde::Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        impl<'de> Visitor<'de> for Fields {
            type Value = Attributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
                let mut attributes = Attributes::default();
                while let Some(Name(name)) = map.next_key()? {
                    attributes.set(&name, map.next_value()?);
                }
                Ok(attributes)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

fn text(value: Option<Value>, pointer: &str, faults: &mut Vec<Fault>) -> Option<String> {
    match value {
        Some(Value::String(text)) if !text.is_empty() => return Some(text),
        None => faults.push(missing(pointer)),
        Some(_) => {
            let fault =
                Fault::new("not_a_text", "应为非空字符串", "a string that is not empty is due");
            faults.push(fault.at(pointer));
        }
    }
    None
}

fn instant(value: Option<Value>, pointer: &str, faults: &mut Vec<Fault>) -> Option<Timestamp> {
    let value = value?;
    let read = value.as_str().filter(|text| is_rfc3339(text)).and_then(|text| text.parse().ok());
    if read.is_none() {
        let fault = Fault::new(
            "not_a_time",
            "应为带时区的 RFC 3339 时间",
            "an RFC 3339 time with its offset is due",
        );
        faults.push(fault.at(pointer));
    }
    read
}

/// The time reader takes more forms than RFC 3339 has; this holds it to the extended form.
fn is_rfc3339(text: &str) -> bool {
    let bytes = text.as_bytes();
    let fixed = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    bytes.len() >= 20
        && bytes.is_ascii()
        && fixed.iter().all(|(at, byte)| bytes[*at] == *byte)
        && matches!(bytes[10], b'T' | b't' | b' ')
        && match bytes[bytes.len() - 1] {
            b'Z' | b'z' => true,
            last => last.is_ascii_digit() && bytes[bytes.len() - 3] == b':' && bytes.len() >= 25,
        }
}

/// A header's value as the CloudEvents HTTP binding encodes it: quoted or not, percent-encoded.
fn decoded(bytes: &[u8]) -> String {
    let quoted = bytes.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let bytes: Cow<'_, [u8]> = match quoted {
        Some(inner) => {
            let mut escaped = false;
            let keep = |byte: &&u8| {
                escaped = **byte == b'\\' && !escaped;
                !escaped
            };
            inner.iter().filter(keep).copied().collect::<Vec<u8>>().into()
        }
        None => bytes.into(),
    };
    percent_decode(&bytes).decode_utf8_lossy().into_owned()
}

fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || media_type.ends_with("+json")
}

fn missing(pointer: &str) -> Fault {
    Fault::new("missing", "缺少必填字段", "this field is required").at(pointer)
}

/// The reader's own message is not passed on: it may repeat what was sent.
pub(super) fn not_json(error: &serde_json::Error) -> Fault {
    let (line, column) = (error.line(), error.column());
    Fault {
        pointer: String::new(),
        code: "not_json".into(),
        zh: format!("第{line}行第{column}字节处不是所要的JSON").into(),
        en: format!("not the JSON that is due, at line {line}, byte {column}").into(),
    }
}
