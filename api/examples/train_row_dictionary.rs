//! Trains the dictionary of the views' rows on a fictional county:
//! `cargo run --release -p api --example train_row_dictionary DATA FILE`, where DATA is the
//! directory of a registry that took in a generated county and is not served. A new dictionary is
//! a new codec: never write over one that rows were packed with in a released version.

use std::path::PathBuf;

use api::registry::Registry;
use domain::Place;

/// Bytes of the dictionary.
const DICTIONARY_BYTES: usize = 16 * 1024;
/// Rows that it is trained on.
const ROWS_MAX: usize = 10_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let data = arguments.next().ok_or("the registry's directory is due")?;
    let file = arguments.next().ok_or("the file to write is due")?;
    let registry = Registry::open(&data)?;
    let county = Place::parse("99")?;
    let mut samples = Vec::new();
    let people = registry.views.people.living_in(county, None, usize::MAX)?;
    // From every village, so that the names of one do not fill the dictionary.
    for (_, person) in people.iter().step_by(people.len().div_ceil(ROWS_MAX).max(1)) {
        if let Some(row) = registry.views.people.row(*person)? {
            samples.push(postcard::to_stdvec(&*row)?);
        }
    }
    std::fs::write(file, zstd::dict::from_samples(&samples, DICTIONARY_BYTES)?)?;
    Ok(())
}
