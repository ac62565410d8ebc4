//! Reads whom a submission is about and what it states of them: persons, items, household visits.

use serde_json::Value;

use super::fields::{Field, Fields, Within, missing};
use super::{Observed, PersonRef, Reader, Seen};
use crate::catalogue::Kind;
use crate::document::{Document, DocumentKind};
use crate::fault::Fault;
use crate::ids::PersonId;
use crate::items::Item;
use crate::life_event::Items;

/// One household visit lists at most so many persons.
pub const OBSERVATIONS_MAX: usize = 200;
/// One household event lists at most so many members.
pub const MEMBERS_MAX: usize = 50;
/// So many persons in one role, where there may be several.
pub const PERSONS_OF_ROLE_MAX: usize = 2;
/// An id with its four hyphens.
const UUID_CHARACTERS: usize = 36;
/// The longest number of a document, in characters.
const NUMBER_CHARACTERS_MAX: usize = 40;

impl Reader<'_> {
    /// Reads the person in the field `name`; `value` is not null.
    pub(super) fn person(
        self,
        value: Option<Value>,
        required: bool,
        within: Within,
        name: &str,
        faults: &mut Vec<Fault>,
    ) -> Option<PersonRef> {
        let pointer = |at: &str| format!("{}{at}", within.pointer(name));
        let read = match value {
            None if required => Err(missing().at(pointer(""))),
            None => return None,
            Some(value) => self.person_ref(&value, &pointer),
        };
        read.map_err(|fault| faults.push(fault)).ok()
    }

    pub(super) fn person_ref(
        self,
        value: &Value,
        pointer: &dyn Fn(&str) -> String,
    ) -> Result<PersonRef, Fault> {
        let unfit = |at: &str| {
            Fault::new(
                "not_a_person",
                "应为 {\"document\":{\"kind\",\"number\"}} 或 {\"person_id\"}",
                "a person is {\"document\":{\"kind\",\"number\"}} or {\"person_id\"}",
            )
            .at(pointer(at))
        };
        let stated = |name| value.get(name).filter(|value| !value.is_null());
        let document = match (stated("person_id"), stated("document")) {
            (Some(id), None) => {
                let plain = id.as_str().filter(|text| text.len() == UUID_CHARACTERS);
                let id = plain.and_then(|text| uuid::Uuid::parse_str(text).ok());
                let id = id.map(|id| PersonRef::Id(PersonId::from_uuid(id)));
                return id.ok_or_else(|| unfit("/person_id"));
            }
            (None, Some(document)) => document,
            // Of two that may differ nobody knows who is meant.
            _ => return Err(unfit("")),
        };
        let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default();
        let kind = DocumentKind::from_name(kind).ok_or_else(|| unfit("/document/kind"))?;
        let number = document.get("number").and_then(Value::as_str).unwrap_or_default();
        self.document(kind, number)
            .map(|document| PersonRef::Document(document, None))
            .map_err(|fault| fault.at(pointer("/document/number")))
    }

    /// Reads a document: citizen numbers are checked and raised to 18 characters.
    ///
    /// # Errors
    /// A [`Fault`] without a pointer.
    pub fn document(self, kind: DocumentKind, number: &str) -> Result<Document, Fault> {
        if kind == DocumentKind::CitizenId {
            let number = Item::CitizenId.read(number, self.today, self.divisions)?;
            return Ok(Document::of_normal(kind, number));
        }
        let document = Document::new(kind, number);
        let length = document.number().chars().count();
        if length > NUMBER_CHARACTERS_MAX || (length == 0) != (kind == DocumentKind::None) {
            return Err(Fault::new(
                "not_a_number",
                "证件号码应为1至40个字符(无证件者为空)",
                "a document number has 1 to 40 characters, and none where there is no document",
            ));
        }
        Ok(document)
    }

    /// Reads the items of a person; `value` is not null.
    pub(super) fn items(
        self,
        value: Option<Value>,
        within: Within,
        faults: &mut Vec<Fault>,
    ) -> Items {
        let map = match value {
            None => return Items::default(),
            Some(Value::Object(map)) => map,
            Some(_) => {
                let fault =
                    Fault::new("not_an_object", "items 应为对象", "items must be an object");
                faults.push(fault.at(within.pointer("items")));
                return Items::default();
            }
        };
        let mut stated = Vec::with_capacity(map.len());
        for (name, value) in map {
            let pointer = || format!("{}/{name}", within.pointer("items"));
            let Some(item) = Item::from_name(&name) else {
                let fault = Fault::new("no_such_item", "没有这个项目", "there is no such item");
                faults.push(fault.at(pointer()));
                continue;
            };
            match value {
                Value::String(text) => match item.take(text, self.today, self.divisions) {
                    Ok(value) => stated.push((item, value)),
                    Err(fault) => faults.push(fault.at(pointer())),
                },
                Value::Null => {}
                _ => {
                    let fault = Fault::new("not_a_text", "取值应为字符串", "a value is a string");
                    faults.push(fault.at(pointer()));
                }
            }
        }
        // One more: the number of the document that names the person.
        let mut items = Items::with_capacity(stated.len() + 1);
        // The names are in another order, and each that comes before others would move them.
        stated.sort_unstable_by_key(|(item, _)| *item);
        stated.into_iter().for_each(|(item, value)| items.set(item, value));
        items
    }

    /// The number of a citizen's card is also their item; the two may not differ.
    pub(super) fn number_of_document(
        self,
        document: &Document,
        items: &mut Items,
        within: Within,
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
                faults.push(fault.at(within.pointer("items/citizen_id")));
            }
            Some(_) => {}
            None => items.set(Item::CitizenId, document.number()),
        }
    }

    /// Reads the persons of a household visit, each by themselves; of other kinds nothing. Where
    /// none can be read the visit cannot.
    pub(super) fn observations(self, kind: Kind, fields: &mut Fields) -> Vec<Seen> {
        if kind != Kind::HouseholdVisit {
            return Vec::new();
        }
        let list = match fields.take(Field::Observations) {
            Some(Value::Array(list)) if (1..=OBSERVATIONS_MAX).contains(&list.len()) => list,
            _ => {
                let fault = Fault::new(
                    "no_observations",
                    "入户采集须列出1至200人",
                    "a household visit lists 1 to 200 persons",
                );
                fields.fault(Field::Observations, fault);
                return Vec::new();
            }
        };
        let observed = |(index, value)| self.observed(index, value);
        let all: Vec<_> = list.into_iter().enumerate().map(observed).collect();
        if all.iter().all(Result::is_err) {
            fields.faults.extend(all.into_iter().filter_map(Result::err).flatten());
            return Vec::new();
        }
        all
    }

    fn observed(self, index: usize, value: Value) -> Seen {
        let (within, mut faults) = (Within::Observation(index), Vec::new());
        let mut observed = self.listed(within, value, &mut faults);
        if let Some(Observed { person: PersonRef::Document(document, _), items, .. }) =
            &mut observed
        {
            self.number_of_document(document, items, within, &mut faults);
        }
        observed.filter(|_| faults.is_empty()).ok_or(faults)
    }

    /// Reads one of a list: a person, their items, and what else is said of them.
    pub(super) fn listed(
        self,
        within: Within,
        value: Value,
        faults: &mut Vec<Fault>,
    ) -> Option<Observed> {
        let Value::Object(mut map) = value else {
            let fault = Fault::new("not_an_object", "应为对象", "must be an object");
            faults.push(fault.at(within.pointer("")));
            return None;
        };
        let mut take = |name| map.remove(name).filter(|value| !value.is_null());
        let (person, items) = (take("person"), take("items"));
        let person = self.person(person, true, within, "person", faults);
        let items = self.items(items, within, faults);
        Some(Observed { person: person?, items, details: map })
    }
}
