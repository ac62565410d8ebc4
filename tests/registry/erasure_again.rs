//! Whatever happens between the erasure in the log and the destruction of the key, and whichever
//! copy of the keys is brought back: the next start ends what was begun.

use std::fs;
use std::path::Path;

use domain::Order;
use serde_json::json;

use super::desk::{Desk, by, data, fault};
use super::erasure::{Couple, ann, couple};

/// The directory as it was before, to be mixed with what it became.
struct Before(tempfile::TempDir);

impl Before {
    fn of(desk: &mut Desk) -> Self {
        let copy = tempfile::tempdir().expect("a folder");
        desk.meddle(|folder| copy_all(folder, copy.path()));
        desk.try_reopen().expect("it opens again");
        Self(copy)
    }

    /// Brings something of the directory back as it was.
    fn bring_back(&self, folder: &Path, what: &str) {
        let (old, new) = (self.0.path().join(what), folder.join(what));
        match old.is_dir() {
            true => {
                fs::remove_dir_all(&new).expect("there");
                copy_all(&old, &new);
            }
            false => drop(fs::copy(old, new).expect("copied")),
        }
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("readable") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy_all(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).expect("copied")),
        }
    }
}

fn is_gone(couple: &Couple) {
    let desk = &couple.desk;
    assert!(desk.registry().log().keys().is_destroyed(couple.ann.as_uuid()));
    assert!(desk.row(couple.ann).is_none());
    let life = desk.life(couple.ann);
    assert!(life.iter().rev().skip(1).all(|event| event.payload.is_none()));
    let seen = data(&ann(), "2020-01-01", json!({}));
    assert_eq!(desk.refuse("o-9", "observation", seen), fault("person_erased", "/data/person"));
    let (people, place) = (&desk.registry().views.people, super::desk::PLACE);
    let living = people.living_in(domain::Place::parse(place).unwrap(), None, 9).unwrap();
    assert!(living.iter().all(|(_, id)| *id != couple.ann));
}

/// The event was in the log and the process ended: keys and views were as before it.
#[test]
fn a_start_after_a_crash_between_event_and_destruction_destroys_the_key() {
    for views_too in [true, false] {
        let mut couple = couple();
        let before = Before::of(&mut couple.desk);
        couple.erase();
        let slot = |folder: &Path| fs::read(folder.join("keys/slots")).expect("the slots");
        let destroyed = slot(couple.desk.folder());
        couple.desk.meddle(|folder| {
            before.bring_back(folder, "keys");
            if views_too {
                before.bring_back(folder, "views");
            }
            assert_ne!(slot(folder), destroyed);
        });
        couple.desk.try_reopen().expect("it opens");
        assert_eq!(slot(couple.desk.folder()), destroyed, "byte for byte");
        is_gone(&couple);
        couple.desk.close();
    }
}

/// An older copy of the keys from before the person was even known has no slot of theirs.
#[test]
fn the_erasures_of_the_log_win_over_an_older_copy_of_the_keys() {
    let mut couple = couple();
    let before = Before::of(&mut couple.desk);
    couple.erase();
    couple.desk.meddle(|folder| before.bring_back(folder, "keys/slots"));
    // Read beside a service, nothing is destroyed, and still nothing is told.
    let home = api::registry::Home::open(couple.desk.folder()).expect("a registry");
    let logs = home.logs_read_only().expect("logs");
    let told = replay::history::history(&logs.log, couple.ann).expect("readable");
    assert!(told.iter().rev().skip(1).all(|entry| entry.event.payload.is_none()));
    assert!(told.iter().all(|entry| entry.changes.is_empty()));
    drop(logs);
    couple.desk.try_reopen().expect("it opens");
    is_gone(&couple);
    couple.desk.meddle(|folder| {
        let slots = fs::read(folder.join("keys/slots")).expect("the slots");
        let kept: Vec<u8> = slots
            .chunks_exact(80)
            .filter(|slot| slot[..16] != *couple.ann.as_uuid().as_bytes())
            .flatten()
            .copied()
            .collect();
        assert_eq!(kept.len() + 80, slots.len());
        fs::write(folder.join("keys/slots"), kept).expect("written");
    });
    couple.desk.try_reopen().expect("it opens");
    is_gone(&couple);
    couple.desk.close();
}

/// A log that was brought back from before the erasure, with the keys of today.
#[test]
fn a_destroyed_key_stays_destroyed_under_an_older_log() {
    let mut couple = couple();
    let before = Before::of(&mut couple.desk);
    couple.erase();
    couple.desk.meddle(|folder| {
        for what in ["journal", "trees", "views"] {
            before.bring_back(folder, what);
        }
    });
    couple.desk.try_reopen().expect("it opens");
    assert!(couple.desk.life(couple.ann).iter().all(|event| event.payload.is_none()));
    let seen = data(&ann(), "2020-01-01", json!({}));
    assert_eq!(
        couple.desk.refuse("o-9", "observation", seen),
        fault("person_erased", "/data/person")
    );
}

/// The key was gone when the views came to the erasure: nobody can be asked any more with whom the
/// record was one, and still nothing is left of it in the rows of those.
#[test]
fn what_an_erased_record_left_with_others_goes_though_its_row_does_not_open() {
    let mut desk = Desk::new();
    let passport = |number: u32| by("passport", &format!("E9900000{number}"));
    let settle = |number: u32| {
        let items = json!({"items": {"household_id": format!("H-{number}")}});
        let told = data(&passport(number), "2011-01-01", items);
        let person = desk.record(&format!("r-{number}"), "registration", told).person_id;
        let row = desk.row(person).expect("a row");
        (person, desk.registry().views.people.households_of(&row.archive)[0].1)
    };
    let people = [1, 2, 3, 4].map(settle);
    // The third is one with the second, and through it with the first; the fourth with nobody.
    let acts = [("merge", 2, 3), ("merge", 1, 2), ("split", 1, 2), ("split", 2, 3)];
    for (at, (kind, one, other)) in acts.into_iter().enumerate() {
        let absorbed = passport(other);
        let more = json!({"absorbed": absorbed, "reason": "重复建档", "approved_by": "chief"});
        let told = data(&passport(one), "2026-05-01", more);
        desk.record(&format!("j-{at}"), &format!("person_{kind}"), told);
    }
    let ever = |desk: &Desk, person: usize| {
        desk.waiting();
        desk.registry().views.people.ever_in_household(people[person - 1].1, 9).expect("readable")
    };
    assert_eq!(ever(&desk, 3).len(), 3);
    let before = Before::of(&mut desk);
    desk.order(people[2].0, Order::Erase, "(2026) 9901-21");
    desk.waiting();
    desk.meddle(|folder| before.bring_back(folder, "views"));
    desk.try_reopen().expect("it opens");
    assert_eq!(ever(&desk, 3), []);
    assert_eq!(ever(&desk, 4), [people[3].0]);
    // The views are compared with views built anew.
    desk.close();
}
