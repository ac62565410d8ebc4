//! What ends with a life, or with a return, as the catalogue tells it.

use domain::catalogue::{CATALOGUE, Conclusion, Sets, Word};

#[test]
fn what_ends_and_its_end_are_two_fields_of_one_topic() {
    let ends = CATALOGUE.iter().flat_map(|entry| entry.concludes);
    let ends: Vec<_> = ends.filter_map(|end| Some((end.sets, end.ends?))).collect();
    assert!(ends.len() > 10, "a death ends much");
    for (sets, open) in ends {
        let Sets::Topic(topic, end) = sets else { panic!("{sets:?} is no topic") };
        for name in [open, end] {
            assert!(topic.fields().iter().any(|field| field.name == name), "{topic:?} {name}");
        }
        // Whatever is granted again begins without an end.
        let begins = CATALOGUE.iter().filter(|entry| {
            entry.sets_topic(topic, open) && !entry.concludes.iter().any(|c| c.ends.is_some())
        });
        for entry in begins {
            let is_open = |c: &Conclusion| c.sets == sets && c.word == Word::Gone;
            assert!(entry.concludes.iter().any(is_open), "{} leaves {end}", entry.code);
        }
    }
}
