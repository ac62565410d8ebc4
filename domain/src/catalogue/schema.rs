//! The data of each event as JSON Schema (2020-12), made from the same table that validates it.
//!
//! What the schema refuses is refused, but for kinds that are lenient, whose schema only describes
//! their fields. `x-expected` names what is recorded without and flagged.

use serde_json::{Map, Value, json};

use super::{DataField, Entry, Kind, Need};
use crate::codes;
use crate::document::DocumentKind;
use crate::forms::Form;
use crate::items::Item;
use crate::life_event::Role;
use crate::submission::{MEMBERS_MAX, NEVER, OBSERVATIONS_MAX, PERSONS_OF_ROLE_MAX};

/// Positions are below 2^53, since they are JSON numbers.
const POSITION_MAX: u64 = (1 << 53) - 1;
/// An id as a regular expression, for those who do not look at formats.
const UUID: &str = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";

impl Entry {
    /// The JSON Schema of the `data` of this event.
    pub fn data_schema(&self) -> Value {
        let mut properties = common();
        let mut required = vec!["occurred_on", "channel", "place"];
        let mut expected = Vec::new();
        let mut due = |name: &'static str, need: Need| match need {
            Need::Required => required.push(name),
            Need::Expected => expected.push(name),
            Need::Optional => {}
        };
        if self.kind == Kind::HouseholdVisit {
            due("observations", Need::Required);
            properties.insert("observations".into(), persons("observations", OBSERVATIONS_MAX));
        } else {
            due("person", Need::Required);
        }
        for (role, name) in Role::NAMED {
            let is_visit = self.kind == Kind::HouseholdVisit;
            let schema = if is_visit { json!({"type": "null"}) } else { role_schema(role) };
            properties.insert(name.into(), schema);
        }
        if !self.is_lenient {
            // Not even nothing.
            properties.extend(NEVER.iter().map(|name| ((*name).to_owned(), Value::Bool(false))));
        }
        for (role, need) in self.related {
            due(role.name(), *need);
        }
        for field in self.fields {
            due(field.name, field.need);
            properties.insert(field.name.into(), self.field_schema(field));
        }
        due("certificate_no", self.certificate);
        due("approved_by", self.approval);
        if self.has_members {
            properties.insert("members".into(), persons("members", MEMBERS_MAX));
        }
        let (must, should) = self.items_due();
        if !must.is_empty() {
            required.push("items");
        }
        properties.insert("items".into(), items_of(&must, &should));
        self.change_schema(&mut properties, &mut required);
        let may_be_null = |name: &String| !required.contains(&name.as_str());
        for (_, property) in properties.iter_mut().filter(|(name, _)| may_be_null(name)) {
            or_null(property);
        }
        let mut schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": format!("{} · {}", self.name_zh, self.name_en),
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": true,
            "$defs": definitions(),
        });
        if !expected.is_empty() {
            schema["x-expected"] = json!(expected);
        }
        schema
    }

    /// What a correction or annulment needs.
    fn change_schema(&self, properties: &mut Map<String, Value>, required: &mut Vec<&str>) {
        let target = match self.kind {
            Kind::Correction => "corrects",
            Kind::Annulment => "annuls",
            _ if self.kind.joins_or_parts() => {
                return self.join_schema(properties, required);
            }
            _ => return,
        };
        properties.insert(target.into(), event_named());
        required.extend([target, "reason"]);
        if self.kind == Kind::Correction {
            properties.insert("true_day".into(), day("真实日期", "True day of the event"));
        }
    }

    /// What a merge or split needs.
    fn join_schema(&self, properties: &mut Map<String, Value>, required: &mut Vec<&str>) {
        let absorbed = json!({
            "$ref": "#/$defs/person",
            "description": "被并入或拆出的人 · Who is absorbed or split out",
        });
        properties.insert("absorbed".into(), absorbed);
        required.extend(["absorbed", "reason"]);
        if self.kind == Kind::PersonSplit {
            properties.insert("undoes".into(), event_named());
        }
    }

    fn field_schema(&self, field: &DataField) -> Value {
        let described = format!("{} · {}", field.zh, field.en);
        if self.is_lenient {
            return json!({"description": described, "x-form": field.form.schema()});
        }
        let mut schema = field.form.schema();
        schema["description"] = json!(described);
        schema
    }

    fn items_due(&self) -> (Vec<&'static str>, Vec<&'static str>) {
        let of = |wanted: Need| {
            let due = self.states.iter().filter(move |(_, need)| *need == wanted);
            due.map(|(item, _)| item.name()).collect()
        };
        (of(Need::Required), of(Need::Expected))
    }
}

/// Nothing is stated of what is null, but where something is required.
fn or_null(schema: &mut Value) {
    if let Some(Value::Array(listed)) = schema.get_mut("enum") {
        listed.push(Value::Null);
    }
    if schema["type"].is_string() {
        schema["type"] = json!([schema["type"].take(), "null"]);
    } else if ["$ref", "oneOf", "anyOf"].iter().any(|word| schema.get(word).is_some()) {
        *schema = json!({"anyOf": [schema.take(), {"type": "null"}]});
    }
}

/// How an earlier event is named.
fn event_named() -> Value {
    json!({"oneOf": [
        {"type": "integer", "minimum": 1, "maximum": POSITION_MAX, "description": "位置 · Position in the log"},
        {"type": "string", "minLength": 1, "description": "事件编号 · Id of the event"},
    ]})
}

fn text(zh: &str, en: &str) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 200, "description": format!("{zh} · {en}")})
}

fn day(zh: &str, en: &str) -> Value {
    let mut schema = Form::Day.schema();
    schema["description"] = json!(format!("{zh} · {en}"));
    schema
}

/// The fields that every event has.
fn common() -> Map<String, Value> {
    let codes = |table: &crate::codes::CodeTable| {
        let codes: Vec<_> = table.rows().iter().map(|row| row.code.clone()).collect();
        json!({"type": "string", "enum": codes})
    };
    let mut channel = codes(&codes::CHANNEL);
    channel["description"] = json!("采集渠道 · Channel");
    let place = json!({
        "type": "string",
        "pattern": "^[0-9]{6}([0-9]{3}([0-9]{3})?)?$",
        "description": "发生或申报地区划代码 · Division where it happened or was reported",
    });
    let fields = [
        ("person", json!({"$ref": "#/$defs/person", "description": "本人 · The person concerned"})),
        ("occurred_on", day("发生日期", "Day it happened")),
        ("known_on", day("知晓日期", "Day the first official channel knew")),
        ("channel", channel),
        ("place", place),
        ("operator", text("经办人", "Who keyed it")),
        ("certificate_no", text("证书编号", "Number of the certificate")),
        ("reason", text("原因", "Why")),
        ("approved_by", text("审批人", "Who approved it")),
    ];
    fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn role_schema(role: Role) -> Value {
    let one = json!({"$ref": "#/$defs/person"});
    if !role.may_be_several() {
        return one;
    }
    json!({"anyOf": [
        one,
        {"type": "array", "items": one, "minItems": 1, "maxItems": PERSONS_OF_ROLE_MAX},
    ]})
}

/// The items of the event itself, and which of them are due.
fn items_of(must: &[&str], should: &[&str]) -> Value {
    if must.is_empty() && should.is_empty() {
        return json!({"$ref": "#/$defs/items"});
    }
    let text = |name: &&str| ((*name).to_owned(), json!({"type": "string"}));
    let stated: Map<_, _> = must.iter().map(text).collect();
    let mut schema = json!({"$ref": "#/$defs/items", "required": must, "properties": stated});
    if !should.is_empty() {
        schema["x-expected"] = json!(should);
    }
    schema
}

fn persons(name: &str, most: usize) -> Value {
    let description = match name {
        "members" => "户内成员及其变化 · Members of the household and what becomes of them",
        _ => "所见各人 · The persons seen",
    };
    json!({
        "type": "array",
        "minItems": 1,
        "maxItems": most,
        "description": description,
        "items": {
            "type": "object",
            "properties": {
                "person": {"$ref": "#/$defs/person"},
                "items": {"anyOf": [{"$ref": "#/$defs/items"}, {"type": "null"}]},
            },
            "required": ["person"],
        },
    })
}

fn definitions() -> Value {
    let described = |item: Item| {
        let mut schema = item.form().schema();
        schema["description"] = json!(item.name_zh());
        or_null(&mut schema);
        (item.name().to_owned(), schema)
    };
    let items: Map<_, _> = Item::all().map(described).collect();
    let person_id = json!({"type": "string", "format": "uuid", "pattern": UUID});
    json!({
        "person": {"oneOf": [
            {
                "type": "object",
                "properties": {"document": document_schema(), "person_id": {"type": "null"}},
                "required": ["document"],
            },
            {
                "type": "object",
                "properties": {"person_id": person_id, "document": {"type": "null"}},
                "required": ["person_id"],
            },
        ]},
        "items": {"type": "object", "properties": items, "additionalProperties": false},
    })
}

/// A document: its kind, and its number unless there is none.
fn document_schema() -> Value {
    let kinds = DocumentKind::ALL.iter().filter(|(kind, _)| *kind != DocumentKind::None);
    let kinds: Vec<_> = kinds.map(|(_, name)| *name).collect();
    json!({"oneOf": [
        {
            "type": "object",
            "properties": {
                "kind": {"type": "string", "enum": kinds},
                "number": {"type": "string", "minLength": 1, "pattern": "\\S"},
            },
            "required": ["kind", "number"],
        },
        {
            "type": "object",
            "properties": {
                "kind": {"const": DocumentKind::None.name()},
                "number": {"type": ["string", "null"], "maxLength": 0},
            },
            "required": ["kind"],
        },
    ]})
}
