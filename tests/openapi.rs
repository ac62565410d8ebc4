//! `openapi.json` as a document: well formed, whole, and with the names that the code has.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use api::access::PURPOSES;
use api::http::route_table::ROUTES;
use domain::codes::{CHANNEL, DEPARTMENT};
use domain::{DocumentKind, Item, catalogue::CATALOGUE};
use serde_json::Value;

/// The folder of the routes.
fn http() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("api/src/http")
}

/// The document.
pub struct Document(pub Value);

/// One method of one path.
pub struct Operation<'a> {
    pub path: &'a str,
    pub method: &'a str,
    pub told: &'a Value,
}

impl Document {
    pub fn read() -> Self {
        let text = fs::read_to_string(http().join("openapi.json")).unwrap();
        Self(serde_json::from_str(&text).unwrap())
    }

    /// What a reference stands for; anything else stands for itself.
    pub fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(reference) = value["$ref"].as_str() else { return value };
        let pointer = reference.strip_prefix('#').expect("references stay in the document");
        self.0.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
    }

    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        self.0["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter();
            methods.map(move |(method, told)| Operation { path, method, told })
        })
    }

    fn schema(&self, name: &str) -> &Value {
        let schema = &self.0["components"]["schemas"][name];
        assert!(schema.is_object(), "there is no schema {name}");
        schema
    }

    fn listed(&self, schema: &str) -> Vec<&str> {
        let values = self.schema(schema)["enum"].as_array().expect("a list of names");
        values.iter().map(|value| value.as_str().unwrap()).collect()
    }

    /// Whether a value is of a schema. Fields that the schema does not name are faults, unless it
    /// says that there may be more.
    pub fn check(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let schema = self.resolve(schema);
        if let Some(choices) = schema.get("oneOf").or(schema.get("anyOf")) {
            let tried = choices.as_array().unwrap().iter().map(|choice| self.check(choice, value));
            let faults: Vec<String> = tried.filter_map(Result::err).collect();
            let fits = faults.len() < choices.as_array().unwrap().len();
            return if fits { Ok(()) } else { Err(faults.join("; or ")) };
        }
        let stated = &schema["type"];
        let is_stated = |name: &&&str| {
            stated == **name || stated.as_array().is_some_and(|all| all.iter().any(|t| t == **name))
        };
        let types: Vec<&str> = TYPES.iter().filter(is_stated).copied().collect();
        let fits = |name: &&str| match *name {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            _ => value.is_null(),
        };
        let listed = schema["enum"].as_array();
        let is_right = (types.is_empty() || types.iter().any(fits))
            && schema.get("const").is_none_or(|only| only == value)
            && listed.is_none_or(|listed| listed.contains(value));
        if !is_right {
            return Err(format!("{value} is not {types:?} {} {}", schema["const"], schema["enum"]));
        }
        match value {
            Value::Array(list) => list.iter().enumerate().try_for_each(|(index, one)| {
                self.check(&schema["items"], one).map_err(|fault| format!("[{index}]{fault}"))
            }),
            Value::Object(fields) if schema["type"] != Value::Null => {
                self.check_fields(schema, fields)
            }
            _ => Ok(()),
        }
    }

    fn check_fields(
        &self,
        schema: &Value,
        fields: &serde_json::Map<String, Value>,
    ) -> Result<(), String> {
        let due = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if let Some(missing) = due.into_iter().find(|name| !fields.contains_key(*name)) {
            return Err(format!(": {missing} is missing"));
        }
        let is_bare = schema.get("properties").is_none() && schema.get("maxProperties").is_none();
        for (name, value) in fields {
            if let Some(names) = schema.get("propertyNames") {
                self.check(names, &Value::from(name.as_str()))?;
            }
            let known = schema["properties"].get(name).or(schema.get("additionalProperties"));
            match known {
                Some(Value::Bool(true)) => Ok(()),
                Some(Value::Object(_)) => self.check(known.unwrap(), value),
                None if is_bare => Ok(()),
                _ => Err(" is not described".to_owned()),
            }
            .map_err(|fault| format!(".{name}{fault}"))?;
        }
        Ok(())
    }
}

const TYPES: [&str; 7] = ["object", "array", "string", "boolean", "integer", "number", "null"];

/// Visits every value but the insides of examples, with the name that it stands under.
fn visit<'a>(name: &str, value: &'a Value, seen: &mut impl FnMut(&str, &'a Value)) {
    seen(name, value);
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "example" | "examples"))
            .for_each(|(key, value)| visit(key, value, seen)),
        Value::Array(list) => list.iter().for_each(|value| visit(name, value, seen)),
        _ => {}
    }
}

#[test]
fn the_document_is_openapi_3_1_of_this_version_and_licence() {
    let Document(document) = Document::read();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["info"]["license"]["identifier"], "Apache-2.0 OR MIT");
}

#[test]
fn every_reference_leads_somewhere_and_everything_named_is_used() {
    let document = Document::read();
    let mut used = BTreeSet::new();
    visit("", &document.0, &mut |_, value| {
        if let Some(reference) = value["$ref"].as_str() {
            document.resolve(value);
            used.insert(reference.to_owned());
        }
    });
    for (group, named) in document.0["components"].as_object().unwrap() {
        for name in named.as_object().unwrap().keys().filter(|_| group != "securitySchemes") {
            assert!(used.contains(&format!("#/components/{group}/{name}")), "{group} {name}");
        }
    }
}

#[test]
fn everything_is_described_in_chinese_and_english() {
    let document = Document::read();
    let mut count = 0;
    visit("", &document.0, &mut |name, value| {
        if let ("description", Value::String(text)) = (name, value) {
            let (zh, en) = text.split_once('\n').unwrap_or_else(|| panic!("one language: {text}"));
            let is_chinese = |c| ('\u{4e00}'..'\u{9fff}').contains(&c);
            assert!(!en.is_empty() && !en.contains(is_chinese), "{text}");
            assert!(zh.contains(is_chinese) || zh == en, "{text}");
            count += 1;
        }
    });
    assert!(count > 200);
    for Operation { path, method, told } in document.operations() {
        assert!(told["description"].is_string() && told["summary"].is_string(), "{method} {path}");
        for parameter in told["parameters"].as_array().unwrap() {
            assert!(document.resolve(parameter)["description"].is_string(), "{parameter}");
        }
        for (status, answer) in told["responses"].as_object().unwrap() {
            assert!(document.resolve(answer)["description"].is_string(), "{path} {status}");
        }
    }
    for (name, schema) in document.0["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "{name}");
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            let described = document.resolve(schema)["description"].is_string();
            assert!(described, "{name}.{field}");
        }
    }
}

/// Every `.route("path", method(handler))` of the sources, as path, method and handler.
fn routes() -> BTreeSet<(String, String, String)> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(http()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for call in text.split(".route(").skip(1) {
            let (_, rest) = call.split_once('"').expect("a path");
            let (path, rest) = rest.split_once('"').expect("a path");
            // What takes the rest of a path is a parameter too.
            let path = path.replace("{*", "{");
            // A call ends at the next one, or where the chain does.
            let end = rest.find(['\n', ';']).unwrap_or(rest.len());
            let handlers = rest[..end].split(['.', ',']).filter_map(|part| {
                let (method, handler) = part.trim().split_once('(')?;
                let handler = handler.split([')', ':']).next()?;
                ["get", "post", "put", "patch", "delete"]
                    .contains(&method)
                    .then_some((method, handler))
            });
            let handlers: Vec<_> = handlers.collect();
            assert!(!handlers.is_empty(), "the route {path} cannot be read here");
            found.extend(
                handlers.iter().map(|(m, h)| (path.clone(), (*m).to_owned(), (*h).to_owned())),
            );
        }
    }
    found
}

#[test]
fn the_document_has_every_route_of_the_service_and_no_other() {
    let document = Document::read();
    let described: BTreeSet<_> = document
        .operations()
        .map(|Operation { path, method, told }| {
            let id = told["operationId"].as_str().unwrap();
            (path.to_owned(), method.to_owned(), id.to_owned())
        })
        .collect();
    assert_eq!(described, routes(), "path, method and operationId, which is the handler's name");
}

/// A route without a row in the table of routes is one that nobody may use; a row without a route is
/// a promise that nobody keeps.
#[test]
fn the_table_of_routes_has_every_route_of_the_service_and_no_other() {
    let of_table =
        ROUTES.iter().map(|row| (row.path.replace("{*", "{"), row.method.to_lowercase()));
    let of_table: BTreeSet<_> = of_table.collect();
    assert_eq!(of_table.len(), ROUTES.len(), "each route has one row");
    let of_sources: BTreeSet<_> =
        routes().into_iter().map(|(path, method, _)| (path, method)).collect();
    assert_eq!(of_table, of_sources);
}

/// Status and code of every kind of problem in the sources.
fn problems() -> BTreeSet<(u64, String)> {
    let text = fs::read_to_string(http().join("problem_kinds.rs")).unwrap();
    let declared = text.split("ProblemKind =").skip(1).map(|one| {
        let mut words = one.split(['(', ',', '"']).map(str::trim).filter(|word| !word.is_empty());
        assert_eq!(words.next(), Some("kind"));
        (words.next().unwrap().parse().unwrap(), words.next().unwrap().to_owned())
    });
    declared.collect()
}

#[test]
fn names_are_those_of_the_code() {
    let document = Document::read();
    let items: Vec<_> = Item::all().collect();
    assert_eq!(document.listed("ItemName"), items.iter().map(|i| i.name()).collect::<Vec<_>>());
    let described = document.schema("Items")["properties"].as_object().unwrap();
    assert_eq!(described.len(), items.len());
    for item in items {
        let text = described[item.name()]["description"].as_str().unwrap();
        assert!(text.starts_with(item.name_zh()), "{text}");
    }
    let posted = CATALOGUE.iter().filter(|entry| entry.is_posted);
    let types = |entry: &domain::catalogue::Entry| {
        let code = entry.code;
        (1..=entry.version).map(move |version| format!("renkou.{code}.v{version}"))
    };
    let posted: Vec<_> = posted.flat_map(types).collect();
    assert_eq!(document.listed("EventType"), posted);
    let events: Vec<_> = CATALOGUE.iter().map(|entry| entry.code).collect();
    assert_eq!(document.listed("EventName"), events);
    assert_eq!(document.listed("DocumentKind"), DocumentKind::ALL.map(|(_, name)| name));
    let codes: Vec<_> = CHANNEL.rows().iter().map(|row| row.code.as_str()).collect();
    assert_eq!(document.listed("Channel"), codes);
    let codes: Vec<_> = DEPARTMENT.rows().iter().map(|row| row.code.to_lowercase()).collect();
    assert_eq!(document.listed("Department"), codes);
    let purposes = &document.0["components"]["parameters"]["Purpose"]["schema"]["enum"];
    assert!(purposes.as_array().unwrap().iter().eq(PURPOSES), "{purposes}");
    let codes: BTreeSet<_> = problems().into_iter().map(|(_, code)| code).collect();
    let listed: BTreeSet<_> = document.schema("Problem")["properties"]["code"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|code| code.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(listed, codes);
}

#[test]
fn every_problem_stands_under_its_status_with_an_example() {
    let document = Document::read();
    let mut shown = BTreeSet::new();
    for Operation { path, told, .. } in document.operations() {
        for (status, answer) in told["responses"].as_object().unwrap() {
            let body = &document.resolve(answer)["content"]["application/problem+json"];
            for (code, example) in body["examples"].as_object().into_iter().flatten() {
                let value = &example["value"];
                assert_eq!(value["code"], **code, "{path} {status}");
                let is_there =
                    status == "default" || status.parse().ok() == value["status"].as_u64();
                assert!(is_there, "{path} {status} {code}");
                shown.insert((value["status"].as_u64().unwrap(), code.clone()));
            }
        }
    }
    assert_eq!(shown, problems());
}

#[test]
fn every_example_is_what_its_schema_says() {
    let document = Document::read();
    let mut count = 0;
    visit("", &document.0, &mut |name, value| {
        let (schema, examples) = match (value.get("schema"), &value["examples"]) {
            (Some(schema), Value::Object(named)) => {
                (schema, named.values().map(|one| &one["value"]).collect())
            }
            (Some(schema), _) => (schema, value.get("example").into_iter().collect::<Vec<_>>()),
            (None, Value::Array(list)) if name != "properties" => (value, list.iter().collect()),
            _ => return,
        };
        for example in examples {
            let lines = example.as_str().filter(|text| text.starts_with('{'));
            let values: Vec<Value> = match lines {
                Some(text) => text.lines().map(|l| serde_json::from_str(l).unwrap()).collect(),
                None => vec![example.clone()],
            };
            for value in values {
                document.check(schema, &value).unwrap_or_else(|fault| panic!("{name}: {fault}"));
                count += 1;
            }
        }
    });
    assert!(count > 60, "{count}");
}
