//! What the catalogue says of a kind of event: the data that it brings, who may tell it and how,
//! by when, and what it changes. Rows are built by short calls, so that a table reads as a table.

use super::Kind;
use crate::forms::Form;
use crate::items::Item;
use crate::life_event::Role;
use crate::topics::Topic;

/// How much a datum is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Without it the event says nothing that can be used: refused.
    Required,
    /// Offices know only part: recorded without it, and flagged.
    Expected,
    /// Taken where it is known.
    Optional,
}

/// Where a datum or a conclusion goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sets {
    /// An item.
    Item(Item),
    /// A field of a topic, by its name.
    Topic(Topic, &'static str),
}

/// A datum of an event: a field of its data.
#[derive(Clone, Copy)]
pub struct DataField {
    /// Its name in the contract.
    pub name: &'static str,
    /// Chinese name.
    pub zh: &'static str,
    /// English name.
    pub en: &'static str,
    /// What a value must be.
    pub form: Form,
    /// How much it is needed.
    pub need: Need,
    /// What it sets.
    pub sets: &'static [Sets],
}

/// What an event says of an item or a topic by happening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// What is concluded.
    pub sets: Sets,
    /// What is said of it.
    pub word: Word,
    /// Whether what the event states of it goes before.
    pub gives_way: bool,
    /// Of an end: the field of the same topic that tells what ends. Nothing is concluded while that
    /// does not stand, or while an end is on record.
    pub ends: Option<&'static str>,
}

/// What is concluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// This.
    Is(&'static str),
    /// The day of the event.
    Day,
    /// The place of the event, when it is a village.
    Village,
    /// What stands of another item; nothing when that has no value.
    SameAs(Item),
    /// Nothing any more.
    Gone,
    /// Nothing any more, unless residence and registration are known to lie in two townships.
    GoneAtHome,
}

/// What the catalogue says of a kind.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Which kind.
    pub kind: Kind,
    /// The newest version of its form; older ones are in [`super::upcast`].
    pub version: u16,
    /// The `<event>` of the CloudEvents type `renkou.<event>.v<version>`; frozen.
    pub code: &'static str,
    /// Chinese name.
    pub name_zh: &'static str,
    /// English name.
    pub name_en: &'static str,
    /// Whether upstream systems may post it.
    pub is_posted: bool,
    /// The topics of the archive that it belongs to; none for those that may belong to any.
    pub topics: &'static [Topic],
    /// The fields of its data beside those that every event has.
    pub fields: &'static [DataField],
    /// Items that `items` is to state.
    pub states: &'static [(Item, Need)],
    /// How much the number of the certificate is needed.
    pub certificate: Need,
    /// How much the approval of a second person is needed.
    pub approval: Need,
    /// Related persons that are to be named.
    pub related: &'static [(Role, Need)],
    /// Whether it may list members of a household, each with what becomes of them.
    pub has_members: bool,
    /// The items that it changes, stated or concluded.
    pub changes: &'static [Item],
    /// Departments with authority over it; none where any department may tell it.
    pub authority: &'static [[u8; 3]],
    /// Channels that it may come through; none for any.
    pub channels: &'static [[u8; 2]],
    /// Numbers of its rules in the table of deadlines.
    pub deadlines: &'static [u16],
    /// What follows for the subject.
    pub concludes: &'static [Conclusion],
    /// What follows for the others in whose streams it is told, but members.
    pub concludes_aside: &'static [Conclusion],
    /// Whether a person enters the register by it.
    pub opens: bool,
    /// Whether it may happen after the person's death.
    pub after_death: bool,
    /// Whether its fields were free before they had a form: a value of another form is kept as it
    /// was sent, and flagged instead of refused.
    pub is_lenient: bool,
}

/// A kind that upstream systems may post.
pub(super) const fn posted(
    kind: Kind,
    code: &'static str,
    name_zh: &'static str,
    name_en: &'static str,
) -> Entry {
    Entry {
        kind,
        version: 1,
        code,
        name_zh,
        name_en,
        is_posted: true,
        topics: &[],
        fields: &[],
        states: &[],
        certificate: Need::Optional,
        approval: Need::Optional,
        related: &[],
        has_members: false,
        changes: &[],
        authority: &[],
        channels: &[],
        deadlines: &[],
        concludes: &[],
        concludes_aside: &[],
        opens: false,
        after_death: false,
        is_lenient: false,
    }
}

macro_rules! builders {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        impl Entry {
            $($(#[$doc])* pub(super) const fn $name(self, $name: $type) -> Self {
                Self { $name, ..self }
            })*
        }
    };
}

builders! {
    version: u16,
    is_posted: bool,
    topics: &'static [Topic],
    fields: &'static [DataField],
    states: &'static [(Item, Need)],
    certificate: Need,
    approval: Need,
    related: &'static [(Role, Need)],
    changes: &'static [Item],
    authority: &'static [[u8; 3]],
    channels: &'static [[u8; 2]],
    deadlines: &'static [u16],
    concludes: &'static [Conclusion],
    concludes_aside: &'static [Conclusion],
}

impl Entry {
    /// A person enters the register by it.
    pub(super) const fn opens(self) -> Self {
        Self { opens: true, ..self }
    }

    /// It may happen after the person's death.
    pub(super) const fn after_death(self) -> Self {
        Self { after_death: true, ..self }
    }

    /// Its fields were free once.
    pub(super) const fn lenient(self) -> Self {
        Self { is_lenient: true, ..self }
    }

    /// It may list members of the household.
    pub(super) const fn members(self) -> Self {
        Self { has_members: true, ..self }
    }

    /// Whether the item may be changed by it.
    pub fn may_change(&self, item: Item) -> bool {
        self.changes.contains(&item)
    }

    /// Whether a department has authority over it.
    pub fn is_authority(&self, department: [u8; 3]) -> bool {
        self.authority.is_empty() || self.authority.contains(&department)
    }

    /// Whether a department may tell it through a channel. Villages and townships collect what
    /// other departments decide, through every channel but the exchange of departments (ours).
    pub fn may_tell(&self, department: [u8; 3], channel: [u8; 2]) -> bool {
        let collects = matches!(&department, b"VIL" | b"TWN") && channel != DX;
        collects || self.is_authority(department)
    }

    /// Whether it may come through a channel. What a check in the field found may be told of
    /// anything (ours).
    pub fn may_come_through(&self, channel: [u8; 2]) -> bool {
        self.channels.is_empty() || self.channels.contains(&channel) || channel == VF
    }

    /// Whether its row sets a field of a topic, by what it states or by happening.
    pub fn sets_topic(&self, topic: Topic, name: &str) -> bool {
        let is_it = |sets: &Sets| matches!(sets, Sets::Topic(t, n) if *t == topic && *n == name);
        self.fields.iter().any(|field| field.sets.iter().any(is_it))
            || self.concludes.iter().any(|concluded| is_it(&concluded.sets))
    }

    /// The field of a name.
    pub fn field(&self, name: &str) -> Option<&'static DataField> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// A field that may be left out.
pub(super) const fn field(
    name: &'static str,
    zh: &'static str,
    en: &'static str,
    form: Form,
) -> DataField {
    DataField { name, zh, en, form, need: Need::Optional, sets: &[] }
}

impl DataField {
    /// Refused without it.
    pub(super) const fn required(self) -> Self {
        Self { need: Need::Required, ..self }
    }

    /// Flagged without it.
    pub(super) const fn expected(self) -> Self {
        Self { need: Need::Expected, ..self }
    }

    /// What it sets.
    pub(super) const fn sets(self, sets: &'static [Sets]) -> Self {
        Self { sets, ..self }
    }
}

/// Whatever was stated.
pub(super) const fn always(sets: Sets, word: Word) -> Conclusion {
    Conclusion { sets, word, gives_way: false, ends: None }
}

/// Where nothing was stated.
pub(super) const fn unless_stated(sets: Sets, word: Word) -> Conclusion {
    Conclusion { sets, word, gives_way: true, ends: None }
}

/// With the day of the event ends what a field of a topic tells, where that is open.
pub(super) const fn ends(topic: Topic, open: &'static str, end: &'static str) -> Conclusion {
    let sets = Sets::Topic(topic, end);
    Conclusion { sets, word: Word::Day, gives_way: false, ends: Some(open) }
}

macro_rules! codes {
    ($($name:ident = $code:literal;)*) => {
        $(pub(super) const $name: [u8; $code.len()] = *$code;)*
    };
}

codes! {
    POL = b"POL"; HLT = b"HLT"; CIV = b"CIV"; EDU = b"EDU"; HRS = b"HRS"; MED = b"MED";
    MIL = b"MIL"; VET = b"VET"; DPF = b"DPF"; MKT = b"MKT"; JUD = b"JUD"; IMM = b"IMM";
    VIL = b"VIL"; TWN = b"TWN";
    MR = b"MR"; HV = b"HV"; OW = b"OW"; BZ = b"BZ"; DX = b"DX"; VF = b"VF"; NS = b"NS";
    SR = b"SR";
}
