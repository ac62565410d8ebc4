//! From what an upstream system sent to a typed report: every missing or malformed field is
//! found, each with its JSON pointer, and nothing that was sent is dropped.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::catalogue::Kind;
use crate::codes;
use crate::divisions::{Divisions, Place};
use crate::document::{Document, DocumentKind};
use crate::fault::Fault;
use crate::ids::{PersonId, Position};
use crate::items::{Item, parse_day};
use crate::life_event::{Items, Role};
use crate::recorded::{ContentTag, EventKey};

/// The longest CloudEvents id and the longest free text, in characters.
const TEXT_CHARACTERS_MAX: usize = 200;
/// One household visit lists at most so many persons.
pub const OBSERVATIONS_MAX: usize = 200;

/// One event as an upstream system handed it in, readable and typed.
#[derive(Clone, Debug)]
pub struct Submission {
    /// CloudEvents id.
    pub id: String,
    /// CloudEvents source.
    pub source: Source,
    /// What kind of event.
    pub kind: Kind,
    /// Keyed hash of source and id: the idempotency key.
    pub key: EventKey,
    /// Keyed hash of type and data.
    pub content: ContentTag,
    /// CloudEvents `time`.
    pub sent_at: Option<Timestamp>,
    /// When the socket had it.
    pub received_at: Timestamp,
    /// Who sent it: the token's subject.
    pub actor: String,
    /// What it says.
    pub report: Report,
    /// The event as it was sent, to be kept when it is refused.
    pub received: String,
}

/// CloudEvents source, `/<department>/<division>/<system>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// As sent.
    pub text: String,
    /// Code of the department, three capital letters.
    pub department: [u8; 3],
    /// The division that it reports for.
    pub division: Place,
}

/// How a submission names a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonRef {
    /// By a document.
    Document(Document),
    /// By the registry's own id.
    Id(PersonId),
}

/// How a correction or annulment names the event that it acts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// By position in the log.
    Position(Position),
    /// By the CloudEvents id under which the same source sent it.
    EventId(String),
}

/// One person of a household visit.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Who.
    pub person: PersonRef,
    /// What was seen.
    pub items: Items,
    /// All else that was said of this person.
    pub details: Map<String, Value>,
}

/// What a submission says.
#[derive(Clone, Debug)]
pub struct Report {
    /// Whom it is about; only a household visit may leave it out.
    pub person: Option<PersonRef>,
    /// The day it happened.
    pub occurred_on: Date,
    /// The day the first official channel knew of it.
    pub known_on: Option<Date>,
    /// Code of the channel, two capital letters.
    pub channel: [u8; 2],
    /// Where it happened or was reported.
    pub place: Place,
    /// Who keyed it.
    pub operator: Option<String>,
    /// Items stated of the person.
    pub items: Items,
    /// Related persons by role.
    pub related: Vec<(Role, PersonRef)>,
    /// Number of the certificate.
    pub certificate_no: Option<String>,
    /// The persons of a household visit.
    pub observations: Vec<Observed>,
    /// Correction or annulment: what it acts on.
    pub target: Option<Target>,
    /// Correction: the day on which the target truly happened.
    pub true_day: Option<Date>,
    /// Correction or annulment: why.
    pub reason: Option<String>,
    /// Correction or annulment: who approved it.
    pub approved_by: Option<String>,
    /// All else, kept as sent.
    pub details: Map<String, Value>,
}

impl Source {
    /// Reads a CloudEvents source.
    ///
    /// # Errors
    /// A [`Fault`] at `/source`.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let fault = || {
            Fault::new(
                "not_a_source",
                "source 应为 /<部门>/<区划>/<系统>",
                "a source is /<department>/<division>/<system>",
            )
            .at("/source")
        };
        let mut parts = text.strip_prefix('/').ok_or_else(fault)?.splitn(3, '/');
        let (department, division) = (parts.next(), parts.next());
        let system = parts.next().filter(|s| !s.is_empty() && s.is_ascii()).ok_or_else(fault)?;
        if text.len() > 255 || system.bytes().any(|byte| byte <= b' ' || byte == 127) {
            return Err(fault());
        }
        let department = department.filter(|name| name.len() == 3).ok_or_else(fault)?;
        let department = department.to_ascii_uppercase();
        codes::DEPARTMENT.find(&department).ok_or_else(fault)?;
        let division = Place::parse(division.unwrap_or_default()).map_err(|_| fault())?;
        let department = department.as_bytes().try_into().map_err(|_| fault())?;
        Ok(Self { text: text.to_owned(), department, division })
    }
}

/// What reading needs to know from outside.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The divisions of this registry.
    pub divisions: &'a Divisions,
    /// The day on which the submission was received, in China.
    pub today: Date,
}

impl Reader<'_> {
    /// Reads the `data` of a CloudEvent of `kind`.
    ///
    /// # Errors
    /// Every fault that was found, each with its pointer, in the order of the fields.
    pub fn read(self, kind: Kind, data: Value) -> Result<Report, Vec<Fault>> {
        let Value::Object(map) = data else {
            let fault = Fault::new("not_an_object", "data 应为对象", "data must be an object");
            return Err(vec![fault.at("/data")]);
        };
        let mut fields = Fields { map, faults: Vec::new() };
        let report = self.report(kind, &mut fields);
        let Fields { map, mut faults } = fields;
        match report {
            Some(mut report) if faults.is_empty() => {
                report.details = map;
                Ok(report)
            }
            _ => {
                faults.dedup();
                Err(faults)
            }
        }
    }

    fn report(self, kind: Kind, fields: &mut Fields) -> Option<Report> {
        let person = self.person(fields, "person", "/data", kind != Kind::HouseholdVisit);
        let occurred_on = self.occurred_on(fields);
        let known_on = fields.day("known_on");
        if known_on.is_some_and(|day| day > self.today) {
            fields.fault(in_future().at("/data/known_on"));
        }
        let channel = fields.code("channel", &codes::CHANNEL);
        let place = self.place(fields);
        let mut items = self.items(fields, "/data");
        // A correction states only what it corrects, which may be the number itself.
        if let Some(PersonRef::Document(document)) = &person
            && !kind.acts_on_another()
        {
            self.number_of_document(document, &mut items, "/data", &mut fields.faults);
        }
        let related = Role::NAMED
            .into_iter()
            .filter_map(|(role, name)| Some((role, self.person(fields, name, "/data", false)?)))
            .collect();
        let observations = self.observations(kind, fields);
        let target = target(kind, fields);
        let acts_on_another = kind.acts_on_another();
        let true_day = if kind == Kind::Correction { fields.day("true_day") } else { None };
        if true_day.is_some_and(|day| day > self.today) {
            fields.fault(in_future().at("/data/true_day"));
        }
        let reason = fields.text("reason", acts_on_another);
        let approved_by = fields.text("approved_by", false);
        let operator = fields.text("operator", false);
        let certificate_no = fields.text("certificate_no", false);
        Some(Report {
            person,
            occurred_on: occurred_on?,
            known_on,
            channel: channel?.as_bytes().try_into().ok()?,
            place: place?,
            operator,
            items,
            related,
            certificate_no,
            observations,
            target,
            true_day,
            reason,
            approved_by,
            details: Map::new(),
        })
    }

    fn occurred_on(self, fields: &mut Fields) -> Option<Date> {
        let before = fields.faults.len();
        let day = fields.day("occurred_on");
        match day {
            None if fields.faults.len() == before => fields.fault(missing("/data/occurred_on")),
            Some(day) if day > self.today => fields.fault(in_future().at("/data/occurred_on")),
            _ => {}
        }
        day
    }

    fn place(self, fields: &mut Fields) -> Option<Place> {
        let text = fields.text("place", true)?;
        let known = Place::parse(&text)
            .ok()
            .filter(|place| place.digits() >= 6 && self.divisions.was_ever_issued(&text[..6]));
        if known.is_none() {
            let fault = Fault::new(
                "not_a_place",
                "应为6、9或12位的行政区划代码",
                "a division code of 6, 9 or 12 digits of a known county is due",
            );
            fields.fault(fault.at("/data/place"));
        }
        known
    }

    fn person(
        self,
        fields: &mut Fields,
        name: &str,
        at: &str,
        required: bool,
    ) -> Option<PersonRef> {
        let pointer = format!("{at}/{name}");
        let read = match fields.map.remove(name) {
            None | Some(Value::Null) if required => Err(missing(&pointer)),
            None | Some(Value::Null) => return None,
            Some(value) => self.person_ref(value, &pointer),
        };
        read.map_err(|fault| fields.faults.push(fault)).ok()
    }

    fn person_ref(self, value: Value, pointer: &str) -> Result<PersonRef, Fault> {
        let unfit = |at: &str| {
            Fault::new(
                "not_a_person",
                "应为 {\"document\":{\"kind\",\"number\"}} 或 {\"person_id\"}",
                "a person is {\"document\":{\"kind\",\"number\"}} or {\"person_id\"}",
            )
            .at(format!("{pointer}{at}"))
        };
        if let Some(id) = value.get("person_id") {
            let id = id.as_str().and_then(|text| uuid::Uuid::parse_str(text).ok());
            return id
                .map(|id| PersonRef::Id(PersonId::from_uuid(id)))
                .ok_or_else(|| unfit("/person_id"));
        }
        let document = value.get("document").ok_or_else(|| unfit(""))?;
        let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default();
        let kind = DocumentKind::from_name(kind).ok_or_else(|| unfit("/document/kind"))?;
        let number = document.get("number").and_then(Value::as_str).unwrap_or_default();
        self.document(kind, number)
            .map(PersonRef::Document)
            .map_err(|fault| fault.at(format!("{pointer}/document/number")))
    }

    /// Reads a document: citizen numbers are checked and raised to 18 characters.
    ///
    /// # Errors
    /// A [`Fault`] without a pointer.
    pub fn document(self, kind: DocumentKind, number: &str) -> Result<Document, Fault> {
        if kind == DocumentKind::CitizenId {
            let number = Item::CitizenId.read(number, self.today, self.divisions)?;
            return Ok(Document::new(kind, &number));
        }
        let document = Document::new(kind, number);
        let length = document.number().chars().count();
        if length > 40 || (length == 0) != (kind == DocumentKind::None) {
            return Err(Fault::new(
                "not_a_number",
                "证件号码应为1至40个字符(无证件者为空)",
                "a document number has 1 to 40 characters, and none where there is no document",
            ));
        }
        Ok(document)
    }

    fn items(self, fields: &mut Fields, at: &str) -> Items {
        let mut items = Items::default();
        let map = match fields.map.remove("items") {
            None | Some(Value::Null) => return items,
            Some(Value::Object(map)) => map,
            Some(_) => {
                let fault =
                    Fault::new("not_an_object", "items 应为对象", "items must be an object");
                fields.fault(fault.at(format!("{at}/items")));
                return items;
            }
        };
        for (name, value) in map {
            let pointer = || format!("{at}/items/{name}");
            let Some(item) = Item::from_name(&name) else {
                let fault = Fault::new("no_such_item", "没有这个项目", "there is no such item");
                fields.faults.push(fault.at(pointer()));
                continue;
            };
            match value.as_str().map(|text| item.read(text, self.today, self.divisions)) {
                Some(Ok(value)) => items.set(item, value),
                Some(Err(fault)) => fields.faults.push(fault.at(pointer())),
                None if value.is_null() => {}
                None => {
                    let fault = Fault::new("not_a_text", "取值应为字符串", "a value is a string");
                    fields.faults.push(fault.at(pointer()));
                }
            }
        }
        items
    }

    /// The number of a citizen's card is also their item; the two may not differ.
    fn number_of_document(
        self,
        document: &Document,
        items: &mut Items,
        at: &str,
        faults: &mut Vec<Fault>,
    ) {
        if document.kind() != DocumentKind::CitizenId {
            return;
        }
        match items.get(Item::CitizenId) {
            Some(stated) if stated != document.number() => {
                let fault = Fault::new(
                    "number_differs_from_document",
                    "身份号码与所用证件号码不同",
                    "the citizen number differs from that of the document",
                );
                faults.push(fault.at(format!("{at}/items/citizen_id")));
            }
            _ => items.set(Item::CitizenId, document.number().to_owned()),
        }
    }

    fn observations(self, kind: Kind, fields: &mut Fields) -> Vec<Observed> {
        if kind != Kind::HouseholdVisit {
            return Vec::new();
        }
        let list = match fields.map.remove("observations") {
            Some(Value::Array(list)) if (1..=OBSERVATIONS_MAX).contains(&list.len()) => list,
            _ => {
                let fault = Fault::new(
                    "no_observations",
                    "入户采集须列出1至200人",
                    "a household visit lists 1 to 200 persons",
                );
                fields.fault(fault.at("/data/observations"));
                return Vec::new();
            }
        };
        let observed = |(index, value): (usize, Value)| {
            let at = format!("/data/observations/{index}");
            let Value::Object(map) = value else {
                let fault = Fault::new("not_an_object", "应为对象", "must be an object");
                fields.faults.push(fault.at(at));
                return None;
            };
            let mut one = Fields { map, faults: Vec::new() };
            let person = self.person(&mut one, "person", &at, true);
            let mut items = self.items(&mut one, &at);
            if let Some(PersonRef::Document(document)) = &person {
                self.number_of_document(document, &mut items, &at, &mut one.faults);
            }
            fields.faults.append(&mut one.faults);
            Some(Observed { person: person?, items, details: one.map })
        };
        list.into_iter().enumerate().filter_map(observed).collect()
    }
}

/// The fields that have not been read yet, and what was wrong with the others.
struct Fields {
    map: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Fields {
    fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    fn text(&mut self, name: &str, required: bool) -> Option<String> {
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

    fn day(&mut self, name: &str) -> Option<Date> {
        let text = self.text(name, false)?;
        parse_day(&text).map_err(|fault| self.fault(fault.at(format!("/data/{name}")))).ok()
    }

    fn code(&mut self, name: &str, table: &codes::CodeTable) -> Option<String> {
        let text = self.text(name, true)?;
        if table.find(&text).is_some() {
            return Some(text);
        }
        let fault = Fault::new("no_such_code", "代码表中没有这个代码", "not a code of its table");
        self.fault(fault.at(format!("/data/{name}")));
        None
    }
}

fn target(kind: Kind, fields: &mut Fields) -> Option<Target> {
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

fn missing(pointer: &str) -> Fault {
    Fault::new("missing", "缺少必填字段", "this field is required").at(pointer)
}

fn in_future() -> Fault {
    Fault::new("in_future", "日期晚于今天", "the day is later than today")
}
