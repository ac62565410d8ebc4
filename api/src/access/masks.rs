//! What is left of a value that is shown masked. A mask never tells how long the value is, unless
//! every value of its kind is as long.

use domain::Item;

use super::sight::Part;

/// What stands for the hidden rest.
const REST: &str = "**";

/// Surnames of two characters: the more frequent ones.
const LONG_SURNAMES: [&str; 16] = [
    "欧阳", "上官", "司马", "诸葛", "司徒", "东方", "尉迟", "皇甫", "令狐", "慕容", "长孙", "宇文",
    "夏侯", "轩辕", "端木", "公孙",
];

/// What is left of the value of an item; nothing where no rest of it is told.
pub fn of_item(item: Item, text: &str) -> Option<String> {
    match item {
        Item::FullName => Some(name(text)),
        Item::CitizenId => Some(number(text)),
        Item::BirthDate | Item::DeathDate => Some(day(text)),
        Item::DoorPlate | Item::ResidenceAddress | Item::HukouAddress => Some(address(text)),
        Item::Phone => Some(phone(text)),
        Item::HouseholdId => Some(certificate(text)),
        _ => None,
    }
}

/// What is left of a field of a topic, given its text.
pub fn of_field(field: &str, text: &str) -> Option<String> {
    match held_by_field(field)? {
        Part::Name => Some(name(text)),
        Part::Certificates => Some(certificate(text)),
        _ => None,
    }
}

/// The part that a field of a topic, or of an event's data, holds beside being of its topic.
pub fn held_by_field(field: &str) -> Option<Part> {
    match field {
        "former_name" | "carer" => Some(Part::Name),
        "previous_place" | "destination" | "origin" => Some(Part::Place),
        _ if field.ends_with("_no") || field == "credit_code" => Some(Part::Certificates),
        _ => None,
    }
}

/// A name: the surname stays.
pub fn name(text: &str) -> String {
    let long = LONG_SURNAMES.iter().find(|surname| text.starts_with(**surname));
    let surname = long.copied().filter(|surname| text.len() > surname.len());
    let first = || text.chars().next().map(char::len_utf8).filter(|first| *first < text.len());
    match surname {
        Some(surname) => [surname, REST].concat(),
        None => first().map_or_else(|| REST.to_owned(), |first| [&text[..first], REST].concat()),
    }
}

/// A number of a document: the first three and the last four characters stay, of short ones less.
pub fn number(text: &str) -> String {
    kept(text, 3, 4, 14)
}

/// A number of a document as lists show it: the last four characters stay.
pub fn number_in_list(text: &str) -> String {
    let hidden = text.chars().count().saturating_sub(4);
    let end: String = if hidden < 4 { String::new() } else { text.chars().skip(hidden).collect() };
    format!("{}{end}", "*".repeat(14))
}

/// A telephone number: three and four digits stay.
pub fn phone(text: &str) -> String {
    kept(text, 3, 4, 11)
}

/// A number of a certificate: the last four characters stay.
pub fn certificate(text: &str) -> String {
    kept(text, 0, 4, 8)
}

/// A day: the year stays.
pub fn day(text: &str) -> String {
    let year = text.bytes().take_while(u8::is_ascii_digit).count();
    [if year == 4 { &text[..year] } else { REST }, "-", REST, "-", REST].concat()
}

/// An address: what stands up to the village, else up to the township.
pub fn address(text: &str) -> String {
    // Each by its first character, so that one look passes over nearly all of a text.
    const VILLAGES: [(char, &str); 4] =
        [('居', "居委会"), ('村', "村委会"), ('社', "社区"), ('村', "村")];
    const TOWNSHIPS: [(char, &str); 3] = [('街', "街道"), ('镇', "镇"), ('乡', "乡")];
    let end = end_of_first(text, &VILLAGES).or_else(|| end_of_first(text, &TOWNSHIPS));
    [&text[..end.filter(|end| *end < text.len()).unwrap_or(0)], REST].concat()
}

/// Where that of some words ends which ends first.
fn end_of_first(text: &str, words: &[(char, &str)]) -> Option<usize> {
    let mut end: Option<usize> = None;
    for (at, first) in text.char_indices() {
        if end.is_some_and(|end| end <= at) {
            break;
        }
        let here = words.iter().filter(|(of, word)| *of == first && text[at..].starts_with(word));
        end = here.map(|(_, word)| at + word.len()).chain(end).min();
    }
    end
}

/// The first and last characters of a text that has at least so many; of a shorter one none.
fn kept(text: &str, first: usize, last: usize, characters_min: usize) -> String {
    let count = text.chars().count();
    if count < characters_min {
        return REST.repeat(2);
    }
    let place = |at| text.char_indices().nth(at).map_or(text.len(), |(place, _)| place);
    [&text[..place(first)], REST, REST, &text[place(count - last)..]].concat()
}
