//! The generator's truth about persons against a plain fold of the lines: the latest day wins, of
//! one day the last delivery, corrections in place of what they correct, annulled reports gone.

use std::collections::{BTreeMap, HashMap};

use domain::{Item, Items, Kind};
use jiff::civil::Date;

use crate::generate::{Line, TOLD, answers, number};

const WATCHED: [Item; 6] = [
    Item::FullName,
    Item::Residence,
    Item::DoorPlate,
    Item::MigrationDate,
    Item::MaritalStatus,
    Item::MaritalChangeDate,
];

/// What one line says of one person.
struct Said {
    key: (String, String),
    day: Date,
    items: BTreeMap<Item, Option<String>>,
}

fn watched(items: &Items) -> BTreeMap<Item, Option<String>> {
    let all = items.iter().filter(|(item, _)| WATCHED.contains(item));
    all.map(|(item, value)| (item, Some(value.to_owned()))).collect()
}

/// What the register concludes beside what is stated. An item is `None` where it ends, and where
/// the truth leaves open what the register makes of it.
fn concluded(line: &Line, of_spouse: bool) -> BTreeMap<Item, Option<String>> {
    let day = Some(line.report.occurred_on.to_string());
    let mut items = if of_spouse { BTreeMap::new() } else { watched(&line.report.items) };
    let code = match line.kind {
        Kind::MarryFirst => "21",
        Kind::MarryAgain => "22",
        Kind::MarryRestore => "23",
        Kind::DivorceReg | Kind::DivorceCourt => "40",
        Kind::Death if of_spouse => {
            items.extend([(Item::MaritalStatus, None), (Item::MaritalChangeDate, None)]);
            return items;
        }
        Kind::ResidenceChange | Kind::Leave | Kind::TempStayReg => {
            items.entry(Item::MigrationDate).or_insert(day);
            return items;
        }
        Kind::Return | Kind::HukouIn => {
            items.insert(Item::MigrationDate, None);
            return items;
        }
        _ => return items,
    };
    items.insert(Item::MaritalStatus, Some(code.to_owned()));
    items.insert(Item::MaritalChangeDate, day);
    items
}

fn lives() -> HashMap<String, Vec<Said>> {
    let mut lives: HashMap<String, Vec<Said>> = HashMap::new();
    for (line, answer) in TOLD.lines.iter().zip(answers()) {
        if answer != 0 {
            continue;
        }
        let (report, key) = (&line.report, &line.key);
        for seen in &report.observations {
            let said =
                Said { key: key.clone(), day: report.occurred_on, items: watched(&seen.items) };
            lives.entry(number(&seen.person)).or_default().push(said);
        }
        let Some(subject) = report.person.as_ref().map(number) else { continue };
        let target = line.data["annuls"].as_str().or(line.data["corrects"].as_str());
        if let Some(target) = target {
            let target = (key.0.clone(), target.to_owned());
            let life = lives.get_mut(&subject).expect("the target's person");
            if line.kind == Kind::Annulment {
                life.retain(|said| said.key != target);
            }
            for said in life.iter_mut().filter(|said| said.key == target) {
                said.day = report.true_day.unwrap_or(said.day);
                said.items.extend(watched(&report.items));
            }
            continue;
        }
        let spouse = report.related.iter().find(|(role, _)| *role == domain::Role::Spouse);
        let spouse = spouse.filter(|_| line.kind != Kind::Registration);
        let spouse = spouse.map(|(_, spouse)| (number(spouse), true));
        for (person, of_spouse) in [(subject, false)].into_iter().chain(spouse) {
            let items = concluded(line, of_spouse);
            let said = Said { key: key.clone(), day: report.occurred_on, items };
            lives.entry(person).or_default().push(said);
        }
    }
    lives
}

#[test]
fn the_truth_of_persons_is_a_fold_of_the_lines() {
    let mut lives = lives();
    let (mut compared, mut under_two_documents) = (0, 0);
    for person in TOLD.truth["persons"].as_array().expect("persons") {
        let document = person["document"]["number"].as_str().expect("a number");
        // Those born here get a number later and are told under two documents; that the two are
        // one person is the registry's business. Nobody else is unnamed under their document.
        let life = lives.get_mut(document);
        let named = |said: &Said| said.items.contains_key(&Item::FullName);
        let Some(life) = life.filter(|life| life.iter().any(named)) else {
            under_two_documents += 1;
            continue;
        };
        life.sort_by_key(|said| said.day);
        for item in WATCHED {
            let last = life.iter().rev().find_map(|said| said.items.get(&item));
            let due = last.and_then(Option::as_deref);
            assert_eq!(person["items"][item.name()].as_str(), due, "{item:?} of {person}");
            compared += u32::from(due.is_some());
        }
    }
    let births = TOLD.lines.iter().filter(|line| line.kind == Kind::Birth).count();
    assert!(compared > 10_000 && under_two_documents <= births, "{compared}");
}
