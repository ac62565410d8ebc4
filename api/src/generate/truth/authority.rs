//! Who has the word on an item or a field of a topic, by what, and through which channel: the generator's own table, after
//! the notice of 2011 on who keeps which facts.

use domain::catalogue::Sets;
use domain::{Item, Kind, Topic};

/// Departments, channels, and whether also whoever has authority over an event that changes it.
type Word = (&'static [&'static str], &'static [&'static str], bool);

fn word_on(item: Item) -> Word {
    use Item::*;
    match item {
        FullName | CitizenId | Sex | BirthDate | EthnicGroup | Hukou | HukouAddress
        | HukouNature => (&["POL"], &[], false),
        HukouStatus => (&["POL"], &[], true),
        BirthPlace | DeathDate => (&["HLT"], &[], true),
        MaritalStatus | MaritalChangeDate | FirstMarriageDate => (&["CIV", "JUD"], &[], true),
        Education => (&["EDU"], &[], true),
        Employer | EmploymentStatus => (&["HRS"], &[], true),
        Health => (&["HLT", "DPF"], &[], true),
        Residence | ResidenceAddress | DoorPlate | MigrationDate | RelationToHead => {
            (&[], &["HV", "VF"], true)
        }
        HouseholdId | HouseholdKind | Phone | IdDocumentType => (&[], &[], false),
    }
}

/// Whether a department that tells of an event of a kind through a channel has the word on an item.
pub(super) fn has_word(kind: Kind, item: Item, department: &str, channel: &str) -> bool {
    let (departments, channels, by_event) = word_on(item);
    let entry = kind.entry();
    let changes = entry.may_change(item) || item == Item::DeathDate && kind.is_death();
    let code: Option<[u8; 3]> = department.as_bytes().try_into().ok();
    departments.contains(&department)
        || channels.contains(&channel)
        || by_event && changes && code.is_some_and(|code| entry.is_authority(code))
}

fn keeps(topic: Topic) -> &'static [&'static str] {
    match topic {
        Topic::Household => &["POL"],
        Topic::Education => &["EDU"],
        Topic::Military => &["MIL", "VET"],
        Topic::Medical => &["HLT", "MED"],
        Topic::Fertility => &["HLT"],
        Topic::Employment => &["HRS"],
        Topic::Relief => &["CIV", "MED"],
        Topic::Welfare => &["DPF", "CIV"],
    }
}

/// Whether a department that tells of an event of a kind has the word on a field of a topic: it
/// keeps the topic, or decides such events and they set the field.
pub(super) fn keeps_field(kind: Kind, topic: Topic, name: &str, department: &str) -> bool {
    let entry = kind.entry();
    let code: Option<[u8; 3]> = department.as_bytes().try_into().ok();
    let decides = code.is_some_and(|code| entry.is_authority(code));
    let is_it =
        |sets: &Sets| matches!(sets, Sets::Topic(of, field) if (*of, *field) == (topic, name));
    let sets = entry.fields.iter().any(|field| field.sets.iter().any(is_it))
        || entry.concludes.iter().any(|conclusion| is_it(&conclusion.sets));
    keeps(topic).contains(&department) || decides && sets
}
