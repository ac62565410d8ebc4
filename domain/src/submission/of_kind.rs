//! Reads what only one kind of event has, by its row in the catalogue: its fields, the persons in
//! their roles, the members of a household. What must be there and is not is a fault; what is
//! merely expected is noted.

use serde_json::Value;

use super::fields::{Field, Fields, Within, missing};
use super::persons::{MEMBERS_MAX, PERSONS_OF_ROLE_MAX};
use super::{Observed, PersonRef, Reader};
use crate::catalogue::{Entry, Kind, Need};
use crate::fault::Fault;
use crate::items::Item;
use crate::life_event::{Items, Role};

/// The related persons that a submission may name; the same order as [`Role::NAMED`].
const RELATED: [(Role, Field); Role::NAMED.len()] = [
    (Role::Mother, Field::Mother),
    (Role::Father, Field::Father),
    (Role::Spouse, Field::Spouse),
    (Role::Head, Field::Head),
    (Role::Guardian, Field::Guardian),
    (Role::Adopter, Field::Adopter),
    (Role::Child, Field::Child),
];
/// What this registry never takes, whoever sends it.
pub const NEVER: [&str; 7] = [
    "religion",
    "political_status",
    "party_membership",
    "account_number",
    "account_balance",
    "policy_inside_outside",
    "social_maintenance_fee",
];

impl Reader<'_> {
    /// Reads the fields of a kind in place. Gives the names of those that a lenient kind keeps
    /// though they do not have their form.
    pub(super) fn of_kind(self, entry: &'static Entry, fields: &mut Fields) -> Vec<&'static str> {
        let mut unusable = Vec::new();
        for field in entry.fields {
            let Some(value) = fields.of_kind(field.name).filter(|value| !value.is_null()) else {
                if field.need == Need::Required {
                    fields.faults.push(missing().at(Within::Data.pointer(field.name)));
                }
                continue;
            };
            if entry.is_lenient {
                if field.form.read(value.clone(), self.today, self.divisions).is_err() {
                    unusable.push(field.name);
                }
                fields.keep(field.name, value);
                continue;
            }
            match field.form.read(value, self.today, self.divisions) {
                Ok(read) => fields.keep(field.name, read),
                Err(fault) => fields.faults.push(fault.at(Within::Data.pointer(field.name))),
            }
        }
        if !entry.is_lenient {
            for name in NEVER {
                if !fields.has_other(name) {
                    continue;
                }
                let fault = Fault::new(
                    "never_collected",
                    "本登记簿不采集此项",
                    "this registry never collects that",
                );
                fields.faults.push(fault.at(Within::Data.pointer(name)));
            }
        }
        unusable
    }

    /// Reads the related persons.
    pub(super) fn related(self, entry: &Entry, fields: &mut Fields) -> Vec<(Role, PersonRef)> {
        let mut related = Vec::new();
        for (role, field) in RELATED {
            match fields.value(field) {
                Some(_) if entry.kind == Kind::HouseholdVisit => {
                    let fault = Fault::new(
                        "not_of_a_visit",
                        "入户采集不按整户申报关系人; 应在有关本人的事件中申报",
                        "a visit names nobody's relatives; tell them in an event about the person",
                    );
                    fields.fault(field, fault);
                }
                Some(Value::Array(list)) if role.may_be_several() => {
                    self.several(role, field, &list, fields, &mut related);
                }
                value => {
                    let name = field.name();
                    let one = self.person(value, false, Within::Data, name, &mut fields.faults);
                    related.extend(one.map(|one| (role, one)));
                }
            }
        }
        // Marriages and divorces ask for the other one themselves, with a rule of its own.
        let asks = |role: Role| {
            entry.kind.is_marriage() || entry.kind.is_divorce() || role != Role::Spouse
        };
        for (role, need) in entry.related {
            let is_there = related.iter().any(|(known, _)| known == role);
            let is_told = entry.is_lenient || is_there || *need != Need::Required;
            if !is_told && asks(*role) {
                fields.faults.push(missing().at(Within::Data.pointer(role.name())));
            }
        }
        related
    }

    fn several(
        self,
        role: Role,
        field: Field,
        list: &[Value],
        fields: &mut Fields,
        related: &mut Vec<(Role, PersonRef)>,
    ) {
        if !(1..=PERSONS_OF_ROLE_MAX).contains(&list.len()) {
            let fault = Fault::new("too_many", "应为1至2人", "one or two persons are due");
            fields.fault(field, fault);
            return;
        }
        for (index, value) in list.iter().enumerate() {
            let pointer = |at: &str| format!("{}/{index}{at}", Within::Data.pointer(field.name()));
            match self.person_ref(value, &pointer) {
                Ok(one) => related.push((role, one)),
                Err(fault) => fields.faults.push(fault),
            }
        }
    }

    /// Reads the members of a household.
    pub(super) fn members(self, fields: &mut Fields) -> Vec<Observed> {
        let list = match fields.value(Field::Members) {
            None => return Vec::new(),
            Some(Value::Array(list)) if (1..=MEMBERS_MAX).contains(&list.len()) => list,
            Some(_) => {
                let fault = Fault::new(
                    "no_members",
                    "成员应为1至50人的数组",
                    "members are a list of 1 to 50 persons",
                );
                fields.fault(Field::Members, fault);
                return Vec::new();
            }
        };
        let member = |(index, value)| self.listed(Within::Member(index), value, &mut fields.faults);
        list.into_iter().enumerate().filter_map(member).collect()
    }
}

/// Notes the items that must be stated and are not.
pub(super) fn require_items(entry: &Entry, items: &Items, fields: &mut Fields) {
    let due = entry.states.iter().filter(|(_, need)| *need == Need::Required);
    for (item, _) in due.filter(|(item, _)| items.get(*item).is_none()) {
        let at = format!("{}/{}", Within::Data.pointer("items"), item.name());
        // What was sent and has not its form is told so, and is not missing.
        if fields.faults.iter().all(|fault| fault.pointer != at) {
            fields.faults.push(missing().at(at));
        }
    }
}

/// What is expected and is not there, by name.
pub(super) fn missing_of(
    entry: &'static Entry,
    items: &Items,
    related: &[(Role, PersonRef)],
    fields: &Fields,
) -> Vec<&'static str> {
    let expected = |need: Need| need == Need::Expected;
    let of_items = entry.states.iter().filter(|(_, need)| expected(*need));
    let of_items = of_items.filter(|(item, _): &&(Item, Need)| items.get(*item).is_none());
    let of_fields = entry.fields.iter().filter(|field| expected(field.need));
    let of_fields = of_fields.filter(|field| !fields.has_other(field.name));
    let of_roles = entry.related.iter().filter(|(_, need)| expected(*need));
    let of_roles = of_roles.filter(|(role, _)| !related.iter().any(|(known, _)| known == role));
    of_items
        .map(|(item, _)| item.name())
        .chain(of_fields.map(|field| field.name))
        .chain(of_roles.map(|(role, _)| role.name()))
        .collect()
}
