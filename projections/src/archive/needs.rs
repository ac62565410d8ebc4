//! Needs that somebody has: raised, answered, and which items were confirmed on the way.

use domain::catalogue::Entry;
use domain::{Item, Place};
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
    /// The death that closed it while it was open.
    closed: Option<u16>,
    /// Items that were stated during the contacts, a bit each.
    confirmed: u64,
    /// Code and digits of the place that it was raised for.
    place: (u64, u8),
}

/// A need, as answers show it.
#[derive(Clone, Debug)]
pub struct ShownNeed<'a> {
    /// What was raised, as a JSON object; empty when only the answer is known.
    pub raised: &'a str,
    /// By whom.
    pub raised_by: &'a Origin,
    /// The answer, as a JSON object, and by whom.
    pub answered: Option<(&'a str, &'a Origin)>,
    /// The death that closed it while it was open.
    pub closed_by: Option<&'a Origin>,
    /// Items confirmed on the way.
    pub confirmed: Vec<Item>,
    /// Where it was raised; none when only the answer is known.
    pub place: Option<Place>,
}

impl Need {
    pub(super) fn each_span(&mut self, visit: &mut impl FnMut(&mut Span)) {
        visit(&mut self.raised);
        self.answered.iter_mut().for_each(|(span, _)| visit(span));
    }

    pub(super) fn each_origin(&mut self, visit: &mut impl FnMut(&mut u16)) {
        visit(&mut self.raised_by);
        self.answered.iter_mut().for_each(|(_, origin)| visit(origin));
        self.closed.iter_mut().for_each(visit);
    }

    /// A death closes it, when nobody answered it before.
    pub(super) fn close(&mut self, origin: u16) {
        if self.answered.is_none() && self.closed.is_none() {
            self.closed = Some(origin);
        }
    }

    /// Whoever raised it lives.
    pub(super) fn reopen(&mut self) {
        self.closed = None;
    }
}

impl Archive {
    /// Needs in the order in which they were raised.
    pub fn needs(&self) -> impl Iterator<Item = ShownNeed<'_>> {
        self.needs.iter().map(|need| ShownNeed {
            raised: self.text(need.raised),
            raised_by: self.origin(need.raised_by),
            answered: need.answered.map(|(text, by)| (self.text(text), self.origin(by))),
            closed_by: need.closed.map(|origin| self.origin(origin)),
            confirmed: Item::all().filter(|i| need.confirmed >> i.number() & 1 == 1).collect(),
            place: Place::from_code(need.place.0, need.place.1),
        })
    }

    pub(super) fn raise_need(&mut self, fact: &Fact<'_>, origin: u16) {
        let raised = self.add(&told(fact, fact.kind.entry()));
        let confirmed = confirmed(fact);
        let place = (fact.place.code(), fact.place.digits());
        let (answered, closed) = (None, None);
        self.needs.push(Need { raised, raised_by: origin, answered, closed, confirmed, place });
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
                let (answered, closed, place) = (Some((answer, origin)), None, (0, 0));
                let raised_by = origin;
                self.needs.push(Need { raised, raised_by, answered, closed, confirmed, place });
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
