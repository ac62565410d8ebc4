//! Needs that somebody has: raised, answered, and which items were confirmed on the way.

use domain::Item;
use domain::catalogue::Entry;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::life::Fact;
use super::{Archive, Origin, Span};

/// A need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// What was raised, as a JSON object; empty when only the answer is known.
    raised: Span,
    raised_by: u16,
    /// The answer, as a JSON object.
    answered: Option<(Span, u16)>,
    /// Items that were stated during the contacts, a bit each.
    confirmed: u64,
}

impl Need {
    pub(super) fn each_span(&mut self, visit: &mut impl FnMut(&mut Span)) {
        visit(&mut self.raised);
        self.answered.iter_mut().for_each(|(span, _)| visit(span));
    }

    pub(super) fn each_origin(&mut self, visit: &mut impl FnMut(&mut u16)) {
        visit(&mut self.raised_by);
        self.answered.iter_mut().for_each(|(_, origin)| visit(origin));
    }
}

impl Archive {
    /// Needs in the order in which they were raised: what was raised and by whom, the answer and
    /// by whom, the items confirmed on the way. The texts are JSON objects.
    pub fn needs(
        &self,
    ) -> impl Iterator<Item = (&str, &Origin, Option<(&str, &Origin)>, Vec<Item>)> {
        self.needs.iter().map(|need| {
            let answered =
                need.answered.map(|(text, origin)| (self.text(text), self.origin(origin)));
            let is_confirmed = |item: &Item| need.confirmed >> item.number() & 1 == 1;
            let confirmed = Item::all().filter(is_confirmed).collect();
            (self.text(need.raised), self.origin(need.raised_by), answered, confirmed)
        })
    }

    pub(super) fn raise_need(&mut self, fact: &Fact<'_>, origin: u16) {
        let raised = self.add(&told(fact, fact.kind.entry()));
        let confirmed = confirmed(fact);
        self.needs.push(Need { raised, raised_by: origin, answered: None, confirmed });
    }

    /// Answers the newest open need of that number or, where none is named, of that category.
    pub(super) fn answer_need(&mut self, fact: &Fact<'_>, origin: u16) {
        let text = |name: &str| fact.life.details.get(name).and_then(Json::as_str);
        let (id, category) = (text("need_id"), text("category"));
        let is_meant = |need: &Need| {
            let raised: Map<String, Json> =
                serde_json::from_str(self.text(need.raised)).unwrap_or_default();
            let says = |name: &str, wanted: Option<&str>| {
                wanted.is_none_or(|wanted| raised.get(name).and_then(Json::as_str) == Some(wanted))
            };
            need.answered.is_none() && says("need_id", id) && says("category", category)
        };
        let at = self.needs.iter().rposition(is_meant);
        let answer = self.add(&told(fact, fact.kind.entry()));
        let confirmed = confirmed(fact);
        match at {
            Some(at) => {
                let need = &mut self.needs[at];
                need.answered = Some((answer, origin));
                need.confirmed |= confirmed;
            }
            // The answer came, and who raised it is not on record.
            None => {
                let raised = self.add("{}");
                let answered = Some((answer, origin));
                self.needs.push(Need { raised, raised_by: origin, answered, confirmed });
            }
        }
    }
}

/// The fields of a need that the catalogue knows, with what corrections say of them.
fn told(fact: &Fact<'_>, entry: &Entry) -> String {
    let mut known = Map::new();
    let corrected = fact.corrections.iter().map(|correction| &correction.life.details);
    for details in std::iter::once(&fact.life.details).chain(corrected) {
        for field in entry.fields {
            if let Some(value) = details.get(field.name) {
                known.insert(field.name.to_owned(), value.clone());
            }
        }
    }
    Json::Object(known).to_string()
}

/// The items that were stated; the number of the document that names the person is none of them.
fn confirmed(fact: &Fact<'_>) -> u64 {
    let named = fact.life.document.as_ref().map(|document| document.number());
    let stated = fact
        .life
        .items
        .iter()
        .filter(|(item, text)| *item != Item::CitizenId || Some(*text) != named);
    stated.fold(0, |bits, (item, _)| bits | 1 << item.number())
}
