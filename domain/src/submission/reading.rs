//! Reads the data of an event field by field.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::fields::{Field, Fields, Within, missing};
use super::of_kind::{missing_of, require_items};
use super::{PersonRef, Report, Target};
use crate::catalogue::{Kind, Need};
use crate::codes;
use crate::divisions::{Divisions, Place};
use crate::fault::Fault;
use crate::forms::whole;
use crate::ids::Position;
use crate::items::Item;
use crate::role::Role;

/// What reading needs to know from outside.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The divisions of this registry.
    pub divisions: &'a Divisions,
    /// The day on which the submission was received, in China.
    pub today: Date,
}

/// Fields that an event about one person has, and a visit may have of all whom it met.
const OF_VISIT: [Field; 4] = [Field::Items, Field::CertificateNo, Field::Reason, Field::ApprovedBy];

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
        let mut fields = Fields::new(map);
        let report = self.report(kind, &mut fields);
        let (details, mut faults) = fields.rest();
        match report {
            Some(report) if faults.is_empty() => Ok(Report { details, ..report }),
            _ => {
                faults.dedup();
                Err(faults)
            }
        }
    }

    fn report(self, kind: Kind, fields: &mut Fields) -> Option<Report> {
        let is_visit = kind == Kind::HouseholdVisit;
        // What is said of a visit as a whole is read and kept as it was sent.
        let of_visit = if is_visit { fields.copied(&OF_VISIT) } else { Vec::new() };
        let person = self.named(fields, Field::Person, !is_visit);
        let occurred_on = self.occurred_on(fields);
        let known_on = fields.past_day(Field::KnownOn, self.today);
        let channel = fields.code(Field::Channel, &codes::CHANNEL);
        let place = self.place(fields);
        let items = fields.value(Field::Items);
        let mut items = self.items(items, Within::Data, &mut fields.faults);
        let entry = kind.entry();
        // A correction names the person by what may be wrong, and states only what is right; so
        // does the change of a number.
        let renames = entry.may_change(Item::CitizenId);
        let states = !kind.acts_on_another() && !kind.joins_or_parts();
        let naming = person.as_ref().filter(|_| states && !renames);
        if let Some(PersonRef::Document(document, _)) = naming {
            self.number_of_document(document, &mut items, Within::Data, &mut fields.faults);
        }
        let mut related = self.related(entry, fields);
        if kind.joins_or_parts() {
            let absorbed = self.named(fields, Field::Absorbed, true);
            related.extend(absorbed.map(|absorbed| (Role::Absorbed, absorbed)));
        }
        let observations = self.observations(kind, fields);
        let members = if entry.has_members { self.members(fields) } else { Vec::new() };
        let target = target(kind, fields);
        let true_day = (kind == Kind::Correction)
            .then(|| fields.past_day(Field::TrueDay, self.today))
            .flatten();
        let joins = kind.joins_or_parts();
        let reason = fields.text(Field::Reason, kind.acts_on_another() || joins);
        let approved_by = fields.text(Field::ApprovedBy, entry.approval == Need::Required);
        let operator = fields.text(Field::Operator, false);
        let certificate_no = fields.text(Field::CertificateNo, entry.certificate == Need::Required);
        let unusable = self.of_kind(entry, fields);
        require_items(entry, &items, fields);
        let mut missing = missing_of(entry, &items, &related, fields);
        if entry.certificate == Need::Expected && certificate_no.is_none() {
            missing.push(Field::CertificateNo.name());
        }
        of_visit.into_iter().for_each(|(field, value)| fields.keep(field.name(), value));
        if entry.approval == Need::Expected && approved_by.is_none() {
            missing.push(Field::ApprovedBy.name());
        }
        Some(Report {
            person,
            occurred_on: occurred_on?,
            known_on,
            channel: channel?.as_bytes().try_into().ok()?,
            place: place?,
            place_stood: self.divisions.stood_on(place?, occurred_on?),
            operator,
            items,
            related,
            certificate_no,
            observations,
            members,
            missing,
            unusable,
            target,
            true_day,
            reason,
            approved_by,
            details: Map::new(),
        })
    }

    fn occurred_on(self, fields: &mut Fields) -> Option<Date> {
        let before = fields.faults.len();
        let day = fields.past_day(Field::OccurredOn, self.today);
        if day.is_none() && fields.faults.len() == before {
            fields.fault(Field::OccurredOn, missing());
        }
        day
    }

    fn place(self, fields: &mut Fields) -> Option<Place> {
        let text = fields.text(Field::Place, true)?;
        let known = Place::parse(&text)
            .ok()
            .filter(|place| place.digits() >= 6 && self.divisions.holds_places(&text[..6]));
        if known.is_none() {
            let fault = Fault::new(
                "not_a_place",
                "应为6、9或12位的行政区划代码",
                "a division code of 6, 9 or 12 digits of a known county is due",
            );
            fields.fault(Field::Place, fault);
        }
        known
    }

    pub(super) fn named(
        self,
        fields: &mut Fields,
        field: Field,
        required: bool,
    ) -> Option<PersonRef> {
        let value = fields.value(field);
        self.person(value, required, Within::Data, field.name(), &mut fields.faults)
    }
}

fn target(kind: Kind, fields: &mut Fields) -> Option<Target> {
    let field = match kind {
        Kind::Correction => Field::Corrects,
        Kind::Annulment => Field::Annuls,
        Kind::PersonSplit => Field::Undoes,
        _ => return None,
    };
    match fields.take(field) {
        Some(Value::Number(number))
            if whole(&number).is_some_and(|number| (1..1 << 53).contains(&number)) =>
        {
            let position = whole(&number).and_then(|number| u64::try_from(number).ok());
            return position.map(|position| Target::Position(Position(position)));
        }
        Some(Value::String(id)) if !id.is_empty() => return Some(Target::EventId(id)),
        // A split may name whom it splits out alone.
        None | Some(Value::Null) if kind == Kind::PersonSplit => {}
        None => fields.fault(field, missing()),
        Some(_) => {
            let fault = Fault::new(
                "not_a_target",
                "应为位置(数字)或事件编号(字符串)",
                "a position (number) or an event id (string) is due",
            );
            fields.fault(field, fault);
        }
    }
    None
}
