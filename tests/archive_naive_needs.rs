//! Needs told from the definitions: raised, answered, and which items were confirmed on the way.

use std::collections::BTreeSet;

use domain::Item;
use serde_json::{Map, Value};

use crate::archive_naive::{Step, Truth};

/// A need: what was raised, the answer, the items confirmed on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    pub raised: (Map<String, Value>, u64),
    pub answered: Option<(Map<String, Value>, u64)>,
    /// The death that closed it while it was open.
    pub closed: Option<u64>,
    pub confirmed: BTreeSet<Item>,
}

pub fn raise(truth: &mut Truth, fact: &Step, corrections: &[&Step]) {
    let raised = (told(fact, corrections), fact.position);
    truth.needs.push(Need { raised, answered: None, closed: None, confirmed: confirmed(fact) });
}

fn told(fact: &Step, corrections: &[&Step]) -> Map<String, Value> {
    let all = std::iter::once(fact).chain(corrections.iter().copied());
    all.flat_map(|step| step.fields.clone()).collect()
}

fn confirmed(fact: &Step) -> BTreeSet<Item> {
    let named = fact.document.as_ref().map(|document| document.number());
    let stated = fact.items.iter();
    let stated = stated.filter(|(item, text)| **item != Item::CitizenId || Some(**text) != named);
    stated.map(|(item, _)| *item).collect()
}

pub fn answer(truth: &mut Truth, fact: &Step, corrections: &[&Step]) {
    let open = truth.needs.iter_mut().rev().find(|need| {
        let says = |name: &str| {
            fact.fields.get(name).is_none_or(|wanted| need.raised.0.get(name) == Some(wanted))
        };
        need.answered.is_none() && says("need_id") && says("category")
    });
    let answered = Some((told(fact, corrections), fact.position));
    match open {
        Some(need) => {
            need.answered = answered;
            need.confirmed.extend(confirmed(fact));
        }
        None => truth.needs.push(Need {
            raised: (Map::new(), fact.position),
            answered,
            closed: None,
            confirmed: confirmed(fact),
        }),
    }
}
