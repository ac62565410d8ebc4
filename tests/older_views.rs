//! Views of older versions: rebuilt under their new names, and nothing of the old ones stays.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use api::registry::Home;
use projections::deadlines::Deadlines;
use projections::{RowSeals, Views};

/// Opens the store. A child process of another test may hold its lock for a moment, between its
/// fork and its exec.
fn store(home: &Home) -> sled::Db {
    for _ in 0..100 {
        if let Ok(store) = sled::open(home.views()) {
            return store;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    sled::open(home.views()).expect("the store")
}

#[test]
fn what_older_views_left_goes_and_the_present_ones_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::init(&folder.path().join("data"), true).expect("a new registry");
    let seals: Arc<dyn RowSeals> = home.logs().expect("the logs").seals;
    drop(
        Views::open_as_it_is(&home.views(), &seals, &Arc::new(Deadlines::embedded()))
            .expect("new views"),
    );
    let trees = || {
        let names = store(&home).tree_names();
        names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect::<Vec<_>>()
    };
    let present = trees();
    {
        let store = store(&home);
        let older = store.open_tree("people.1").expect("a tree");
        older.insert(b"person", b"row").expect("inserted");
        store.flush().expect("flushed");
    }
    assert_eq!(trees().len(), present.len() + 1);
    let older_rows = home.views().join("people.1");
    fs::create_dir(&older_rows).expect("a folder of rows");
    fs::write(older_rows.join("00000001.rows"), b"rows").expect("written");
    drop(
        Views::open_as_it_is(&home.views(), &seals, &Arc::new(Deadlines::embedded()))
            .expect("views"),
    );
    let (mut left, mut expected) = (trees(), present);
    left.sort();
    expected.sort();
    assert_eq!(left, expected);
    assert!(!older_rows.exists());
    let rows = fs::read_dir(home.views()).expect("the folder").filter(|entry| {
        let name = entry.as_ref().expect("an entry").file_name();
        name.to_string_lossy().starts_with("people.")
    });
    assert_eq!(rows.count(), 1, "the present rows stay");
}
