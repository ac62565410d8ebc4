//! What content tags are made of is fixed for ever: of any value the bytes that `serde_json` writes.

use api::registry::canonical::write_canonical;
use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

fn assert_canonical(value: &Value) {
    let mut written = b"before".to_vec();
    write_canonical(value, &mut written);
    let due = [b"before".to_vec(), serde_json::to_vec(value).unwrap()].concat();
    assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(&due));
}

/// Any characters, those that are escaped more often than others.
fn any_text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(
        "\"\\/\u{0}\u{8}\t\n\u{c}\r\u{1f}\u{7f}\u{2028}人".chars().collect::<Vec<_>>(),
    );
    let character = prop_oneof![4 => any::<char>(), 1 => odd, 8 => prop::char::range(' ', '~')];
    prop::collection::vec(character, 0..40).prop_map(|text| text.into_iter().collect())
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number)),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((any_text(), inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_written_as_ever(value in any_value()) {
        assert_canonical(&value);
    }
}

#[test]
fn each_character_alone_is_written_as_ever() {
    for number in 0..0x3000 {
        if let Some(character) = char::from_u32(number) {
            assert_canonical(&json!({format!("a{character}"): character.to_string()}));
        }
    }
}
