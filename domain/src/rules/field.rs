//! What rules are about: the items, and beside them the links, services and dates of a record.

use crate::items::Item;

/// Something in a record that a rule reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// An item.
    Item(Item),
    /// Whether the person is alive.
    Alive,
    /// The link to the mother.
    MotherId,
    /// The link to the father.
    FatherId,
    /// The link to the husband or wife.
    SpouseId,
    /// The link to the last husband or wife of a widowed person.
    LastSpouse,
    /// The links to the children.
    Children,
    /// The household: its head and its members.
    Household,
    /// Kind of disability, the 19th digit of the certificate.
    DisabilityType,
    /// Number of the disability certificate.
    DisabilityCert,
    /// Whether the record tells of a pregnancy.
    Fertility,
    /// Contraceptive method.
    Contraceptive,
    /// The day since when the kind of household registration stands.
    HukouNatureDate,
    /// The day of the last event.
    LastEvent,
    /// The record as a whole: the day on which somebody last verified it.
    Record,
    /// The birth dates of a village.
    VillageBirthDates,
    /// The sex of those born in a village in a year.
    VillageBirthSexes,
    /// The births of a township in a month.
    TownshipBirths,
    /// The migrants of an area.
    Migrants,
}

/// Some fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldSet(u64);

/// Numbers of items end below; the other fields have the bits from here on.
const OTHERS: u32 = 40;

/// Lets the table of rules name items and other fields alike.
macro_rules! items {
    ($($item:ident)*) => {
        #[allow(non_upper_case_globals, missing_docs, reason = "the names of the items")]
        impl Field {
            $(pub const $item: Field = Field::Item(Item::$item);)*
        }
    };
}

items! {
    FullName CitizenId Sex BirthPlace BirthDate EthnicGroup Residence Hukou DoorPlate Education
    HukouNature Employer Health MaritalStatus MaritalChangeDate MigrationDate RelationToHead
    ResidenceAddress HukouAddress EmploymentStatus FirstMarriageDate DeathDate HouseholdId
    HouseholdKind HukouStatus Phone IdDocumentType
}

impl Field {
    /// Its name in the contract and in the table of rules.
    pub fn name(self) -> &'static str {
        match self {
            Self::Item(item) => item.name(),
            Self::Alive => "alive",
            Self::MotherId => "mother_id",
            Self::FatherId => "father_id",
            Self::SpouseId => "spouse_id",
            Self::LastSpouse => "last_spouse",
            Self::Children => "children",
            Self::Household => "household",
            Self::DisabilityType => "disability_type",
            Self::DisabilityCert => "disability_cert",
            Self::Fertility => "fertility",
            Self::Contraceptive => "contraceptive",
            Self::HukouNatureDate => "hukou_nature_date",
            Self::LastEvent => "last_event_date",
            Self::Record => "record",
            Self::VillageBirthDates => "birth_date (village)",
            Self::VillageBirthSexes => "sex (village,year)",
            Self::TownshipBirths => "births (township,month)",
            Self::Migrants => "migrants",
        }
    }

    const fn bit(self) -> u64 {
        let at = match self {
            Self::Item(item) => item as u32,
            Self::Alive => OTHERS,
            Self::MotherId => OTHERS + 1,
            Self::FatherId => OTHERS + 2,
            Self::SpouseId => OTHERS + 3,
            Self::LastSpouse => OTHERS + 4,
            Self::Children => OTHERS + 5,
            Self::Household => OTHERS + 6,
            Self::DisabilityType => OTHERS + 7,
            Self::DisabilityCert => OTHERS + 8,
            Self::Fertility => OTHERS + 9,
            Self::Contraceptive => OTHERS + 10,
            Self::HukouNatureDate => OTHERS + 11,
            Self::LastEvent => OTHERS + 12,
            Self::Record => OTHERS + 13,
            Self::VillageBirthDates => OTHERS + 14,
            Self::VillageBirthSexes => OTHERS + 15,
            Self::TownshipBirths => OTHERS + 16,
            Self::Migrants => OTHERS + 17,
        };
        1 << at
    }
}

impl From<Item> for Field {
    fn from(item: Item) -> Self {
        Self::Item(item)
    }
}

impl FieldSet {
    /// These fields.
    pub const fn of(fields: &[Field]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < fields.len() {
            bits |= fields[at].bit();
            at += 1;
        }
        Self(bits)
    }

    /// Whether a field is in both.
    pub const fn meets(self, other: FieldSet) -> bool {
        self.0 & other.0 != 0
    }

    /// The fields of either.
    #[must_use]
    pub const fn union(self, other: FieldSet) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether another one has all of these.
    pub const fn is_within(self, other: FieldSet) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether an item is among them.
    pub const fn has_items(self) -> bool {
        self.0 & ((1 << OTHERS) - 1) != 0
    }

    /// Whether the field is in it.
    pub const fn contains(self, field: Field) -> bool {
        self.0 & field.bit() != 0
    }
}

impl FromIterator<Field> for FieldSet {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        Self(fields.into_iter().fold(0, |bits, field| bits | field.bit()))
    }
}
