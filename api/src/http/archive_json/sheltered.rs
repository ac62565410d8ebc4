//! An archive without what tells where the person is.

use domain::{DocumentKind, Position};

use super::super::archive_parts::{Beside, Shown as ShownTopic};
use super::super::shelter::{is_field_told, is_told};
use super::Shown;

impl Shown<'_> {
    /// Leaves out addresses, households, what senders said in their own words, and from where
    /// anything was told; that it is so is told.
    pub fn sheltered(mut self) -> Self {
        self.protected = true;
        self.items.retain(|(name, _)| is_told(name));
        self.items.iter_mut().for_each(|(_, told)| told.forget_teller());
        if let Some(beside) = &mut self.beside {
            beside.retain_mut(|beside| match beside {
                Beside::Value(told) => {
                    told.forget_teller();
                    let is_ours = told.topic.is_none() || told.field.is_some();
                    is_ours && told.item.is_none_or(is_told) && told.field.is_none_or(is_field_told)
                }
                Beside::Tie(tie) => {
                    tie.told.forget_teller();
                    true
                }
            });
        }
        let register = DocumentKind::HouseholdRegister.name();
        if let Some(documents) = &mut self.documents {
            documents.retain(|document| document.kind != register);
        }
        if let Some(topics) = &mut self.topics {
            topics.retain_mut(|(name, topic)| match topic {
                ShownTopic::Fields(fields) => {
                    let known = domain::Topic::from_name(name);
                    let is_known = |field: &str| {
                        known.is_some_and(|topic| topic.fields().iter().any(|f| f.name == field))
                    };
                    fields.retain_mut(|(field, told)| {
                        told.forget_teller();
                        let item = known.and_then(|topic| {
                            topic.fields().iter().find(|f| f.name == *field)?.item
                        });
                        is_known(field)
                            && is_field_told(field)
                            && item.is_none_or(|item| is_told(item.name()))
                    });
                    true
                }
                ShownTopic::Whole(_) => false,
                ShownTopic::Withheld { .. } => true,
            });
        }
        // What is asked for, and who answered, is told in the words of an office nearby.
        Self { households: None, needs: None, ..self }
    }
}

impl Shown<'_> {
    /// Of somebody else: leaves out from where those acts were told that they share with a sheltered
    /// person.
    pub fn without_tellers_of(mut self, acts: &[Position]) -> Self {
        let is_of = |told: Position| acts.contains(&told);
        self.items.iter_mut().map(|(_, told)| told).for_each(|told| told.forget_if(is_of));
        for beside in self.beside.iter_mut().flatten() {
            match beside {
                Beside::Value(told) => told.forget_if(is_of),
                Beside::Tie(tie) => tie.told.forget_if(is_of),
            }
        }
        for (_, topic) in self.topics.iter_mut().flatten() {
            match topic {
                ShownTopic::Fields(fields) => {
                    fields.iter_mut().for_each(|(_, told)| told.forget_if(is_of));
                }
                ShownTopic::Whole(told) => told.forget_if(is_of),
                ShownTopic::Withheld { .. } => {}
            }
        }
        self
    }
}
