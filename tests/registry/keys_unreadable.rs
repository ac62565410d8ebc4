//! Keys that cannot be read are an error, and never an erasure: no row is given up for it.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::registry::Home;
use domain::{PersonId, Position};
use journal::KeySlots;
use projections::{RowSeals, SealError, Views, ViewsError};
use replay::{ReplayError, Seals, follow};
use serde_json::json;

use super::desk::{Desk, citizen, data, number};

#[test]
fn a_row_is_not_sealed_and_not_opened_while_the_keys_cannot_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("slots");
    let (master, person) = ([5; 32], PersonId::from_custom_bytes([7; 16]));
    let keys = KeySlots::create(&path, &master).expect("new slots");
    keys.issue(person.as_uuid()).expect("a key");
    keys.sync().expect("synced");
    drop(keys);
    let (view, at, plain) = ("people", Position(1), b"row".as_slice());
    let seals = |keys: KeySlots| Seals::new(Arc::new(keys), [9; 32]);
    let good = seals(KeySlots::open(&path, &master).expect("slots"));
    let sealed = good.seal(view, person, at, plain).expect("readable").expect("a key");
    drop(good);
    // Opened, and then the file is gone from under it.
    let bad = seals(KeySlots::open_read_only(&path, &master).expect("slots"));
    File::options().write(true).open(&path).expect("slots").set_len(0).expect("cut");
    assert!(bad.seal(view, person, at, plain).is_err());
    assert!(bad.open(view, person, &mut sealed.clone(), &mut Vec::new()).is_err());
    // Whom nobody has a key for has none, whatever the file says.
    let nobody = PersonId::from_custom_bytes([8; 16]);
    assert!(bad.seal(view, nobody, at, plain).expect("no key").is_none());
}

/// Seals as the registry does until it is told to fail.
struct Failing {
    seals: Arc<Seals>,
    fails: AtomicBool,
}

impl Failing {
    fn check(&self) -> Result<(), SealError> {
        match self.fails.load(Ordering::Relaxed) {
            true => Err(SealError("the disk does not answer".into())),
            false => Ok(()),
        }
    }
}

impl RowSeals for Failing {
    fn seal(
        &self,
        view: &str,
        person: PersonId,
        version: Position,
        plain: &[u8],
    ) -> Result<Option<Vec<u8>>, SealError> {
        self.check()?;
        self.seals.seal(view, person, version, plain)
    }

    fn open(
        &self,
        view: &str,
        person: PersonId,
        sealed: &mut [u8],
        plain: &mut Vec<u8>,
    ) -> Result<bool, SealError> {
        self.check()?;
        self.seals.open(view, person, sealed, plain)
    }

    fn blind(&self, text: &str) -> [u8; 16] {
        self.seals.blind(text)
    }
}

#[test]
fn views_that_cannot_seal_fail_and_lose_nobody() {
    let mut desk = Desk::new();
    let ann = citizen(&number("19900101", 2));
    let known = json!({"items": {"full_name": "王小明"}});
    let id = desk.record("r-1", "registration", data(&ann, "1990-01-02", known)).person_id;
    let mut found = None;
    desk.meddle(|folder| {
        let home = Home::open(folder).expect("a registry");
        let logs = home.logs_read_only().expect("logs");
        let failing = Arc::new(Failing { seals: logs.seals, fails: AtomicBool::new(true) });
        let seals: Arc<dyn RowSeals> = Arc::clone(&failing) as Arc<dyn RowSeals>;
        let place = tempfile::tempdir().expect("a folder");
        let place = place.path().join("views");
        let views = Views::open(&place, &seals, &logs.deadlines).expect("new views");
        let caught_up = follow::catch_up(&logs.log, &views, |_| {});
        assert!(matches!(caught_up, Err(ReplayError::Views(ViewsError::Seal(_)))));
        failing.fails.store(false, Ordering::Relaxed);
        assert!(views.people.row(id).expect("readable").is_some(), "it waits to be written");
        views.flush().expect("the keys answer again");
        drop(views);
        // What failed is marked, set aside at the next opening, and made anew.
        let views = Views::open_as_it_is(&place, &seals, &logs.deadlines).expect("views");
        found = views.people.row(id).expect("readable");
        failing.fails.store(true, Ordering::Relaxed);
        assert!(matches!(views.people.row(id), Err(ViewsError::Seal(_))), "not: nobody there");
    });
    assert!(found.is_some());
    desk.try_reopen().expect("it opens");
    desk.close();
}
