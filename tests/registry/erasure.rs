//! A person is erased by lawful order: nothing of them can be read any more, by whatever key, and
//! the log, every count and everybody else stay as they were.

use std::collections::BTreeMap;
use std::fs;

use api::registry::Receipt;
use domain::{Item, Kind, Order, PersonId, Place, Position, Role, StreamKind};
use journal::PersonKey;
use projections::sources::Tally;
use serde_json::{Value, json};
use uuid::Uuid;

use super::desk::{Desk, PLACE, by, citizen, data, fault, faults, number, recorded};

const NAME: &str = "欧阳㐂鿍";
const CERTIFICATE: &str = "X99007711223";

/// Ann, known by her birth certificate and by the number that was claimed for her later, married to
/// Ben; each with something that was sent in vain.
pub struct Couple {
    pub desk: Desk,
    pub ann: PersonId,
    pub ben: PersonId,
}

pub fn ann() -> Value {
    by("birth_certificate", CERTIFICATE)
}

pub fn ann_by_number() -> Value {
    citizen(&number("19900101", 2))
}

pub fn ben() -> Value {
    citizen(&number("19880101", 1))
}

pub fn couple() -> Couple {
    let desk = Desk::new();
    let items =
        |name: &str| json!({"items": {"full_name": name, "residence_code": PLACE, "sex": "2"}});
    let one = desk.record("r-1", "registration", data(&ann(), "1990-01-02", items(NAME)));
    let two = desk.record("r-2", "registration", data(&ben(), "1990-01-02", items("张三")));
    let stated = json!({"items": {"citizen_id": number("19900101", 2)}});
    desk.record("n-1", "id_issue", data(&ann(), "2006-01-01", stated));
    desk.record(
        "m-1",
        "marry_first",
        data(&ann_by_number(), "2012-05-01", json!({"spouse": ben()})),
    );
    let moved = json!({"items": {"residence_address": "青石路1号"}});
    desk.record("c-1", "residence_change", data(&ann(), "2013-05-01", moved));
    // In vain: a second marriage while the first stands, and another content under the same id.
    let other = json!({"spouse": by("passport", "E99000001")});
    desk.refuse("m-2", "marry_first", data(&ann(), "2014-05-01", other.clone()));
    desk.refuse("m-3", "marry_first", data(&ben(), "2014-05-01", other));
    let again = json!({"items": {"residence_address": "青石路2号"}});
    let again = desk.send(&[("c-1", "residence_change", data(&ann(), "2013-05-01", again))]);
    assert!(matches!(again[..], [Receipt::Conflict(_)]));
    Couple { desk, ann: one.person_id, ben: two.person_id }
}

impl Couple {
    pub fn erase(&self) -> Position {
        let receipt = self.desk.order(self.ann, Order::Erase, "(2026) 9901-17");
        let accepted = recorded(&receipt);
        assert_eq!(accepted.person_id, self.ann);
        accepted.position
    }

    fn tallies(&self) -> Vec<(String, Tally)> {
        self.desk.waiting();
        let tallies = self.desk.registry().views.sources.list("");
        let without = |(source, tally): (String, Tally)| (source, Tally { waiting: 0, ..tally });
        tallies.into_iter().map(without).collect()
    }

    fn timeliness(&self) -> [u8; 32] {
        self.desk.waiting();
        let digests = self.desk.registry().views.digests().expect("digests").views;
        digests.into_iter().find(|(name, _)| *name == "timeliness").expect("a view").1
    }

    fn listed(&self) -> (Vec<PersonId>, Vec<PersonId>) {
        self.desk.waiting();
        let people = &self.desk.registry().views.people;
        let living = people.living_in(Place::parse(PLACE).unwrap(), None, 9).unwrap();
        (people.named(NAME, 9).unwrap(), living.into_iter().map(|(_, id)| id).collect())
    }
}

/// By kind, how many events the log tells.
fn told(desk: &Desk) -> BTreeMap<u16, usize> {
    let events = desk.registry().log().envelopes(Position(1), 1_000).expect("envelopes");
    let mut told = BTreeMap::new();
    for event in events {
        *told.entry(event.envelope.event_type.number).or_default() += 1;
    }
    told
}

#[test]
fn an_erased_person_is_gone_and_every_count_stays() {
    let mut couple = couple();
    let before = (couple.tallies(), couple.timeliness(), told(&couple.desk));
    let ben_before = couple.desk.archive(couple.ben);
    assert_eq!(couple.listed().0, [couple.ann]);
    let number_stream = couple.desk.stream_of_citizen(&number("19900101", 2));
    let waiting = couple.desk.waiting().len();
    let position = couple.erase();
    assert_eq!(couple.desk.head(), Position(position.0 + 1), "her own stream, and her number's");
    for reopened in [false, true] {
        if reopened {
            couple.desk.reopen();
        }
        let (named, living) = couple.listed();
        assert_eq!((named, living), (vec![], vec![couple.ben]));
        for erased in [couple.ann, number_stream] {
            assert!(couple.desk.row(erased).is_none());
            let life = couple.desk.life(erased);
            let (last, life) = life.split_last().expect("events");
            assert!(life.iter().all(|event| event.payload.is_none()) && !life.is_empty());
            let words = last.payload.as_ref().and_then(|payload| payload.life()).expect("an order");
            assert_eq!(domain::order::reference(words), Some("(2026) 9901-17"));
            assert_eq!(words.approved_by.as_deref(), Some("chief"));
            assert_eq!(
                (&*last.envelope.actor, last.envelope.place.to_string()),
                ("clerk", PLACE.into())
            );
            assert!(couple.desk.registry().log().keys().is_destroyed(erased.as_uuid()));
        }
        // His own record of being married stays: a tie to an id, and no name.
        assert_eq!(couple.desk.archive(couple.ben), ben_before);
        assert!(
            ben_before.links().iter().any(|l| (l.role, l.person) == (Role::Spouse, couple.ann))
        );
        let mut now = told(&couple.desk);
        assert_eq!(now.remove(&(Kind::Erased as u16)), Some(1));
        assert_eq!(now.remove(&(Kind::Erased as u16 + domain::catalogue::SIDE)), Some(1));
        assert_eq!((couple.tallies(), couple.timeliness(), now), before);
        assert_eq!(couple.desk.waiting().len(), waiting - 2, "nobody can mend what is erased");
    }
    couple.desk.close();
}

#[test]
fn nothing_more_is_recorded_about_an_erased_person_by_whatever_name() {
    let couple = couple();
    couple.erase();
    let desk = &couple.desk;
    let seen = |person: &Value| data(person, "2020-01-01", json!({"items": {"phone": "1"}}));
    let by_id = json!({"person_id": couple.ann});
    for (id, person) in [("o-1", &ann()), ("o-2", &ann_by_number()), ("o-3", &by_id)] {
        assert_eq!(
            desk.refuse(id, "observation", seen(person)),
            fault("person_erased", "/data/person")
        );
    }
    // The same submission again is refused too: its receipt told of a record that is gone.
    let again = data(&ann_by_number(), "2012-05-01", json!({"spouse": ben()}));
    assert_eq!(desk.refuse("m-1", "marry_first", again), fault("person_erased", "/data/person"));
    let wed = data(&by("passport", "E99000002"), "2020-01-01", json!({"spouse": ann()}));
    assert_eq!(desk.refuse("m-4", "marry_first", wed)[0].0, "person_erased");
    let claimed = json!({"items": {"citizen_id": number("19900101", 2)}});
    let claimed = data(&by("passport", "E99000003"), "2020-01-01", claimed);
    assert_eq!(desk.refuse("i-1", "id_issue", claimed)[0].0, "person_erased");
    let merge = json!({"absorbed": ann(), "reason": "重复", "approved_by": "chief"});
    assert_eq!(
        desk.refuse("j-1", "person_merge", data(&ben(), "2020-01-01", merge))[0].0,
        "person_erased"
    );
    // What was sent about her is not kept either.
    let kept = desk.waiting().into_iter().rev().take(5).map(|at| {
        let event = desk.registry().log().event(at).expect("readable").expect("there");
        match event.payload {
            Some(domain::Payload::Rejection(rejection)) => rejection.received.clone(),
            _ => panic!("a rejection"),
        }
    });
    assert!(kept.into_iter().all(|received| received.is_empty()));
    // His death is told to him alone, and whoever does not name her is not hindered.
    let died = desk.record("d-1", "death", data(&ben(), "2021-01-01", json!({})));
    assert_eq!(desk.head(), died.position);
    couple.desk.close();
}

#[test]
fn an_order_is_carried_out_once_and_only_with_a_second_person() {
    let couple = couple();
    let desk = &couple.desk;
    assert_eq!(
        faults(&desk.order(couple.ann, Order::Erase, " ")),
        fault("order_missing", "/order")
    );
    let nobody = PersonId::from_uuid(Uuid::from_u128(7));
    assert_eq!(faults(&desk.order(nobody, Order::Erase, "x")), fault("person_unknown", ""));
    assert_eq!(
        faults(&desk.order_by("chief", couple.ann)),
        fault("approver_is_actor", "/approved_by")
    );
    assert_eq!(desk.archive(couple.ann).get(Item::FullName), Some(NAME));
    let position = couple.erase();
    match desk.order(couple.ann, Order::Erase, "(2026) 9901-17") {
        Receipt::Duplicate(accepted) => assert_eq!(accepted.position, position),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        faults(&desk.order(couple.ann, Order::Erase, "another")),
        fault("person_erased", "")
    );
    couple.desk.close();
}

#[test]
fn merged_records_are_erased_together() {
    let couple = couple();
    let desk = &couple.desk;
    let passport = by("passport", "E99000009");
    let other = data(&passport, "2015-01-01", json!({"items": {"full_name": "另名"}}));
    let other = desk.record("r-9", "registration", other).person_id;
    let merge = json!({"absorbed": passport, "reason": "重复", "approved_by": "chief"});
    desk.record("j-1", "person_merge", data(&ann(), "2026-01-01", merge));
    // The order names the absorbed record; it is about the person.
    let receipt = desk.order(other, Order::Erase, "(2026) 9901-18");
    assert_eq!(recorded(&receipt).person_id, couple.ann);
    for erased in [couple.ann, other] {
        assert!(desk.row(erased).is_none());
        let life = desk.life(erased);
        assert!(life.iter().rev().skip(1).all(|event| event.payload.is_none()));
        assert!(desk.registry().log().keys().is_destroyed(erased.as_uuid()));
    }
    assert_eq!(
        desk.refuse("o-1", "observation", data(&passport, "2020-01-01", json!({}))),
        fault("person_erased", "/data/person")
    );
    couple.desk.close();
}

/// Every key that the directory and the master key give.
fn every_key(desk: &Desk) -> Vec<(Uuid, PersonKey)> {
    let slots = fs::read(desk.folder().join("keys/slots")).expect("the slots");
    let ids = slots.chunks_exact(80).map(|slot| Uuid::from_slice(&slot[..16]).expect("an id"));
    let keys = desk.registry().log().keys();
    ids.filter_map(|id| Some((id, keys.find(id).expect("readable")?))).collect()
}

/// How many sealed payloads of both logs, and rows on the disk, any of the keys opens for a person.
fn opened(desk: &Desk, persons: &[PersonId]) -> usize {
    let keys = every_key(desk);
    let mut opened = 0;
    for stored in desk.registry().log().journal().read_all(Position(1), 1_000).expect("the log") {
        let (envelope, sealed) = stored.decode().expect("a record");
        let about = envelope.sealed_for.unwrap_or(envelope.stream).id;
        let is_order =
            Kind::from_number(envelope.event_type.number).is_some_and(|(k, _)| k == Kind::Erased);
        if is_order || !persons.iter().any(|person| person.as_uuid() == about) {
            continue;
        }
        assert!(matches!(envelope.stream.kind, StreamKind::Person | StreamKind::Unit));
        let opens = |key: &PersonKey| key.open(envelope.stream, envelope.sequence, sealed).is_ok();
        opened += usize::from(keys.iter().any(|(_, key)| opens(key)));
    }
    let folder = desk.folder().join("views/people.12");
    for file in fs::read_dir(folder).expect("rows") {
        let bytes = fs::read(file.expect("a file").path()).expect("readable");
        opened += persons.iter().map(|person| rows_opened(&bytes, *person, &keys)).sum::<usize>();
    }
    opened
}

/// Rows of a person in a file of rows that a key opens, those that later ones replaced among them.
fn rows_opened(file: &[u8], person: PersonId, keys: &[(Uuid, PersonKey)]) -> usize {
    let (mut at, mut opened) = (0, 0);
    while let Some(header) = file.get(at..at + 24) {
        let length = u32::from_le_bytes(header[4..8].try_into().expect("four bytes")) as usize;
        let row = &file[at + 24..at + 24 + length];
        if header[8..24] == *person.as_uuid().as_bytes() {
            let opens =
                |key: &PersonKey| key.open_row("people.12", person, &mut row.to_vec()).is_ok();
            opened += usize::from(keys.iter().any(|(_, key)| opens(key)));
        }
        at += 24 + length;
    }
    opened
}

#[test]
fn with_every_byte_on_the_disk_and_the_master_key_nothing_of_an_erased_person_opens() {
    let mut couple = couple();
    // Flushed, so that rows are on the disk.
    couple.desk.reopen();
    let moved = json!({"items": {"residence_address": "青石路3号"}});
    couple.desk.record("c-3", "residence_change", data(&ann(), "2014-05-01", moved));
    couple.desk.reopen();
    let theirs = [couple.ann, couple.desk.stream_of_citizen(&number("19900101", 2))];
    let before = opened(&couple.desk, &theirs);
    assert!(before >= 9, "{before} payloads and rows opened before");
    let his = opened(&couple.desk, &[couple.ben]);
    couple.erase();
    couple.desk.reopen();
    assert_eq!(opened(&couple.desk, &theirs), 0);
    assert_eq!(opened(&couple.desk, &[couple.ben]), his);
    couple.desk.close();
}
