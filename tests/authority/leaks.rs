//! Nothing leaks: whoever asks whatever is told what the table grants of whom the grant reaches, and
//! no more; and who is listed is who can be read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::access::{Part, ROLES, Role, Show};
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use super::world::{Asker, VILLAGES, World, mark};
use crate::process::caller::Answer;
use crate::process::events::citizen;
use crate::simulation::dice::Dice;

const PEOPLE: usize = 240;
const QUESTIONS: usize = 10_000;
const AT_ONCE: usize = 24;
const PLACES: [Option<&str>; 8] = [
    None,
    Some("99"),
    Some("9901"),
    Some("990101"),
    Some("990101001"),
    Some("990101001002"),
    Some("990102"),
    Some("990201001001"),
];
const DEPARTMENTS: [Option<&str>; 7] =
    [None, Some("POL"), Some("HLT"), Some("CIV"), Some("EDU"), Some("STA"), Some("TWN")];
const PURPOSES: [&str; 6] =
    ["registration", "verification", "service", "audit", "statistics", "own_record"];

/// A question about somebody.
struct Question {
    method: Method,
    path: String,
    body: Option<Value>,
    /// Whether it is answered about that one person, or not at all.
    is_of_person: bool,
}

fn question(world: &World, dice: &mut Dice, person: usize) -> Question {
    let somebody = &world.people[person];
    let path = format!("/v1/persons/{}", somebody.id);
    let get = |path: String, is_of_person| {
        let method = Method::GET;
        Question { method, path, body: None, is_of_person }
    };
    let ask = |path: &str, body: Value, is_of_person| {
        let (method, path) = (Method::POST, path.to_owned());
        Question { method, path, body: Some(body), is_of_person }
    };
    let fields = ["phone", "topics", "beside", "documents,family", "items,needs", "medical"];
    match dice.below(13) {
        0 | 1 => get(path, true),
        2 => get(format!("{path}?fields={}", fields[dice.below(6) as usize]), true),
        3 => get(format!("{path}?valid_on=2026-04-01"), true),
        4 | 5 => get(format!("{path}/history"), true),
        6 => get(format!("{path}/flags"), true),
        7 => get(format!("{path}/accesses"), true),
        8 => {
            let at = somebody.position;
            get(format!("{path}/disclosures?item=phone&value_at={at}"), true)
        }
        9 => get(format!("/v1/places/{}/people?limit=200", somebody.village), false),
        10 => ask("/v1/persons/lookup", json!({"document": citizen(person as u32)}), true),
        11 => {
            let name = format!("周{}", mark(Part::Name, person));
            ask("/v1/persons/search", json!({"full_name": name}), false)
        }
        _ => {
            let household = somebody.household.as_deref().expect("everybody has one");
            let more = ["", "/flags", "/history", "?valid_on=2026-04-01"][dice.below(4) as usize];
            get(format!("/v1/households/{household}{more}"), false)
        }
    }
}

/// Askers of every role, department and place; citizens are some of the people.
fn askers(world: &World) -> Vec<Asker> {
    let mut askers = Vec::new();
    for (role, _) in ROLES {
        for (at, place) in PLACES.into_iter().enumerate() {
            for department in DEPARTMENTS.into_iter().skip(at % 2).step_by(2) {
                let person = (*role == Role::Citizen).then_some(askers.len() % PEOPLE);
                let department = department.filter(|_| *role != Role::Citizen);
                let place = place.filter(|_| *role != Role::Citizen);
                askers.push(world.asker(*role, department, place, person));
            }
        }
    }
    askers
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_questions_tell_nobody_what_they_must_not_see() {
    let world = Arc::new(World::of(PEOPLE).await);
    let askers = Arc::new(askers(&world));
    let mut dice = Dice::new(20_261_129);
    let questions: Vec<_> = (0..QUESTIONS)
        .map(|_| {
            let asker = dice.below(askers.len() as u64) as usize;
            // Citizens mostly ask about themselves.
            let own = askers[asker].person.filter(|_| !dice.once_in(4));
            let person = own.unwrap_or_else(|| dice.below(PEOPLE as u64) as usize);
            let purpose = PURPOSES[dice.below(PURPOSES.len() as u64) as usize];
            (asker, person, purpose, question(&world, &mut dice, person))
        })
        .collect();
    let asked = stream::iter(questions).map(|(asker, person, purpose, question)| {
        let (world, askers) = (Arc::clone(&world), Arc::clone(&askers));
        async move {
            let Question { method, path, body, is_of_person } = question;
            let asker = &askers[asker];
            let mut request = world.request(asker, method, &path, purpose);
            if let Some(body) = body {
                request = request.json(&body);
            }
            let answer = Answer::read(request.send().await.unwrap()).await;
            let text = answer.body.to_string();
            world.check(asker, purpose, &path, &text);
            let is_reached = world.reaches(asker, person);
            if is_of_person {
                let statuses: &[u16] = if is_reached { &[200, 403] } else { &[403, 404] };
                assert!(statuses.contains(&answer.status), "{path}: {} {text}", answer.status);
            }
            check_ties(&world, asker, purpose, (person, &path), &text);
            (asker.role, answer.status, world.marks(&text).len())
        }
    });
    let answers: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
    // The search is not blind: each role that sees persons was told of them, and no other.
    let mut of_role: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (role, status, marks) in answers {
        let (told, refused) = of_role.entry(role.name()).or_default();
        *told += usize::from(marks > 0);
        *refused += usize::from(status != 200);
    }
    for (role, (told, refused)) in of_role {
        let is_blind = ["analyst", "security_officer", "admin"].contains(&role);
        assert!(if is_blind { told == 0 } else { told > 20 }, "{role} was told {told} times");
        assert!(refused > 20, "{role} was refused {refused} times");
    }
}

/// Whom somebody is married to is told to those who see ties in full.
fn check_ties(
    world: &World,
    asker: &Asker,
    purpose: &str,
    (person, path): (usize, &str),
    text: &str,
) {
    let spouse = &world.people[(person + PEOPLE / 2) % PEOPLE].id;
    let show = world.oracle.show(asker.role, asker.department, purpose, Part::Family);
    assert!(show == Show::Full || !text.contains(spouse.as_str()), "{path}: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_listed_is_who_can_be_read() {
    let world = World::of(48).await;
    let mut listed_in_all = 0;
    for place in PLACES {
        for role in [Role::VillageClerk, Role::Verifier, Role::CountyOperator, Role::Auditor] {
            let asker = world.asker(role, None, place, None);
            let purpose = if role == Role::Auditor { "audit" } else { "registration" };
            let mut listed = BTreeSet::new();
            for whole in ["99", "9901", "990101", VILLAGES[0], VILLAGES[4]] {
                let path = format!("/v1/places/{whole}/people?limit=100");
                let request = world.get(&asker, &path, purpose).send().await.unwrap();
                let page = Answer::read(request).await;
                // A place is listed as a whole or not at all.
                let is_within = place.is_none_or(|place| whole.starts_with(place));
                assert_eq!(page.status, if is_within { 200 } else { 404 }, "{place:?} {whole}");
                let people = page.body["people"].as_array();
                listed.extend(people.into_iter().flatten().map(|one| {
                    let village = one["place"].as_str().unwrap();
                    assert!(village.starts_with(whole), "{one}");
                    one["person_id"].as_str().unwrap().to_owned()
                }));
            }
            for somebody in &world.people {
                let path = format!("/v1/persons/{}", somebody.id);
                let request = world.get(&asker, &path, purpose).send().await.unwrap();
                let is_read = Answer::read(request).await.status == 200;
                let is_asked = ["99", "9901", "990101", VILLAGES[0], VILLAGES[4]]
                    .iter()
                    .filter(|whole| place.is_none_or(|place| whole.starts_with(place)))
                    .any(|whole| somebody.village.starts_with(whole));
                let is_listed = listed.contains(&somebody.id);
                assert_eq!(is_listed, is_read && is_asked, "{role:?} {place:?} {somebody:?}");
                listed_in_all += usize::from(is_listed);
            }
        }
    }
    assert!(listed_in_all > 200, "{listed_in_all}");
}
