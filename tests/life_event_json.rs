//! The JSON of an event of a life, written by hand, against what serde makes of the same type.

use domain::life_event::{Items, LifeEvent, Related};
use domain::{Document, DocumentKind, Item, Payload, PersonId, Role, Sequence};
use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_]{0,12}",
        "[\u{4e00}-\u{9fa5}·A-Z0-9 ]{0,20}",
        prop::collection::vec(any::<char>(), 0..8).prop_map(String::from_iter),
        Just("\"\\/\n\r\t\u{8}\u{c}\u{0}\u{1f}\u{7f}\u{2028}".to_owned()),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any_text(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_life() -> impl Strategy<Value = LifeEvent> {
    let text = || prop::option::of(any_text());
    let texts = (text(), text(), text(), text());
    let related = (0..Role::ALL.len(), any::<u128>()).prop_map(|(role, id)| Related {
        role: Role::ALL[role],
        person: PersonId::from_uuid(Uuid::from_u128(id)),
    });
    let document = (0..DocumentKind::ALL.len(), any_text())
        .prop_map(|(kind, number)| Document::new(DocumentKind::ALL[kind].0, &number));
    let items = prop::collection::vec((any::<prop::sample::Index>(), any_text()), 0..6);
    let items = items.prop_map(|told| {
        let mut items = Items::default();
        let all: Vec<_> = Item::all().collect();
        told.iter().for_each(|(item, text)| items.set(*item.get(&all), text));
        items
    });
    let acts = (prop::option::of(any::<u32>()), prop::option::of(0..40_000_i32));
    let members = || prop::collection::vec((any_text(), any_value()), 0..4);
    let lists = (prop::collection::vec(related, 0..3), prop::collection::vec(any_text(), 0..3));
    let rest = (prop::option::of(document), items, acts, members(), members());
    (texts, lists, rest).prop_map(|(texts, (related, doubts), rest)| {
        let (id, certificate_no, reason, approved_by) = texts;
        let (document, items, (target, true_day), details, later) = rest;
        LifeEvent {
            id,
            document,
            items,
            related,
            certificate_no,
            target: target.map(Sequence),
            true_day: true_day.map(domain::days::date_of),
            reason,
            approved_by,
            doubts,
            details: details.into_iter().collect(),
            later: later.into_iter().collect(),
        }
    })
}

proptest! {
    /// What is written by hand is what the type's own definition gives, whatever was told.
    #[test]
    fn an_event_is_written_as_its_type_says(life in any_life()) {
        let expected = serde_json::to_string(&life).unwrap();
        let written = String::from_utf8(Payload::Life(life.into()).to_json()).unwrap();
        prop_assert_eq!(written, expected);
    }
}
