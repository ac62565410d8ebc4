//! Fictional lives for the peer, of the make-up that the registry's own generator gives its people:
//! a first entry with all base items, then a move, an errand, a marriage and an observation.

use std::collections::HashMap;

use domain::{Document, DocumentKind, Item, Items, LifeEvent, PersonId, Related, Role};

use super::person::{PersonCommand, Told};
use crate::load::mix;

/// The id of the n-th person.
pub fn person_id(n: u64) -> PersonId {
    let id = (u128::from(mix(n)) << 64) | u128::from(n);
    PersonId::from_uuid(uuid::Builder::from_custom_bytes(id.to_be_bytes()).into_uuid())
}

/// What is known of a command besides what it says.
pub fn metadata() -> HashMap<String, String> {
    let pairs = [
        ("actor", "upstream-99"),
        ("received_at", "2026-05-04T09:12:00.125+08:00"),
        ("correlation", "0198c0de-0000-7000-8000-000000000001"),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The commands of a life, in order.
pub fn life(n: u64) -> Vec<PersonCommand> {
    // A few lives end at once, as some of the generator's do.
    let mut commands = vec![if n.is_multiple_of(5) {
        PersonCommand::RegisterBirth(told(n, 0, "hlt", base_items(n), &[]))
    } else {
        PersonCommand::Register(told(n, 0, "pol", base_items(n), &[]))
    }];
    let moved = [
        (Item::Residence, "990102003004"),
        (Item::ResidenceAddress, "云岭县青石镇河东村三组"),
        (Item::DoorPlate, "河东村17号"),
        (Item::MigrationDate, "2025-08-11"),
    ];
    commands.push(PersonCommand::Move(told(n, 1, "pol", items(&moved), &[])));
    let served = [(Item::Phone, "99000000000"), (Item::Employer, "青石镇第二小学")];
    commands.push(PersonCommand::Serve(told(n, 2, "twn", items(&served), &[])));
    let married = [(Item::MaritalStatus, "21"), (Item::MaritalChangeDate, "2025-10-02")];
    let spouse = [Related { role: Role::Spouse, person: person_id(n ^ 1) }];
    commands.push(PersonCommand::Marry(told(n, 3, "civ", items(&married), &spouse)));
    commands.push(if n.is_multiple_of(10) {
        let died = [(Item::DeathDate, "2026-02-03")];
        PersonCommand::RegisterDeath(told(n, 4, "hlt", items(&died), &[]))
    } else {
        let seen = [(Item::Health, "10"), (Item::Education, "21"), (Item::DoorPlate, "河东村18号")];
        PersonCommand::Observe(told(n, 4, "vil", items(&seen), &[]))
    });
    commands
}

fn told(n: u64, at: u64, department: &str, items: Items, related: &[Related]) -> Told {
    let number = format!("99010219{:02}0{}12{:03}X", n % 90 + 10, n % 9 + 1, n / 810 % 1000);
    let event = LifeEvent {
        document: Some(Document::new(DocumentKind::CitizenId, &number)),
        items,
        related: related.to_vec(),
        ..LifeEvent::default()
    };
    Told {
        id: format!("{department}-2026-{n:09}-{at}"),
        source: format!("/{department}/990102/system-1"),
        occurred_on: "2026-04-30".to_owned(),
        known_on: "2026-05-02".to_owned(),
        sent_at: "2026-05-04T09:12:00+08:00".to_owned(),
        channel: "DX".to_owned(),
        place: "990102003004".to_owned(),
        operator: "w-0042".to_owned(),
        event,
    }
}

fn base_items(n: u64) -> Items {
    let birth = format!("19{:02}-0{}-12", n % 90 + 10, n % 9 + 1);
    items(&[
        (Item::FullName, "虚小明"),
        (Item::Sex, if n.is_multiple_of(2) { "1" } else { "2" }),
        (Item::BirthPlace, "990102"),
        (Item::BirthDate, &birth),
        (Item::EthnicGroup, "01"),
        (Item::Residence, "990102003001"),
        (Item::Hukou, "990102003001"),
        (Item::DoorPlate, "河西村9号"),
        (Item::Education, "60"),
        (Item::HukouNature, "1"),
        (Item::Employer, "无"),
        (Item::Health, "10"),
        (Item::MaritalStatus, "10"),
        (Item::RelationToHead, "01"),
        (Item::ResidenceAddress, "云岭县青石镇河西村一组"),
        (Item::HukouAddress, "云岭县青石镇河西村一组"),
        (Item::HouseholdId, "99010200300100042"),
    ])
}

fn items(pairs: &[(Item, &str)]) -> Items {
    let mut items = Items::default();
    pairs.iter().for_each(|(item, value)| items.set(*item, value));
    items
}
