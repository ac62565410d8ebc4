//! Every life event on its way through the registry into the archive of the person and of those
//! whom it concerns: the samples of `golden/life_events.json`, which are data.

use domain::{DocumentKind, Item, PersonId};
use projections::Archive;
use serde_json::{Value, json};

use super::desk::{Desk, by, citizen, doubts, items, recorded};
use crate::catalogue::{Sample, VILLAGE, number, samples};

fn tell(desk: &Desk, id: &str, sample: &Sample, person: &Value) -> PersonId {
    let source = format!("/{}/990101/desk", sample.text("department"));
    let receipt = desk.send_from(&source, (id, sample.text("event"), sample.data(person)));
    let accepted = recorded(&receipt);
    // The numbers of the samples are drawn without regard to birth and sex.
    let of_number = |rule: &&str| !["L01", "L02"].contains(rule);
    let doubts: Vec<_> = doubts(accepted).into_iter().filter(of_number).collect();
    assert_eq!(doubts, [""; 0], "{id}");
    accepted.person_id
}

/// A person whom the register knows, or of whom it hears by the event.
fn person(desk: &Desk, id: &str, sample: &Sample) -> Value {
    if sample.told["then"]["newborn"] == true {
        return by("birth_certificate", &format!("X99{:07}", sample.serial));
    }
    let person = citizen(&number(sample.serial));
    let items = json!({"full_name": "张三", "sex": "1", "birth_date": "1990-01-01"});
    let data = json!({"person": person, "occurred_on": "2010-01-01", "channel": "DX",
        "place": VILLAGE, "items": items});
    recorded(&desk.send_from("/pol/990101/desk", (id, "registration", data)));
    person
}

fn topics(archive: &Archive) -> Value {
    let mut topics = json!({});
    for (topic, field, told, _) in archive.topics() {
        topics[topic][field] = serde_json::from_str(told).expect("JSON");
    }
    topics
}

/// The roles of the ties that stand, or that ended.
fn roles(archive: &Archive, ended: bool) -> Vec<&'static str> {
    let links = archive.links().iter().filter(|link| link.ended.is_some() == ended);
    links.map(|link| link.role.name()).collect()
}

fn needs(archive: &Archive) -> Vec<Value> {
    let object = |text: &str| serde_json::from_str::<Value>(text).expect("an object");
    let needs = archive.needs().map(|told| {
        let mut need = object(told.raised);
        need["answered"] = json!(told.answered.map(|(answer, _)| object(answer)));
        need["closed_on"] = json!(told.closed_by.map(|by| by.occurred_on));
        need["items_confirmed"] = json!(told.confirmed);
        need
    });
    needs.collect()
}

fn check_items(archive: &Archive, due: &Value, gone: &Value, told: &str) {
    let there = items(archive);
    for (item, text) in due.as_object().into_iter().flatten() {
        assert_eq!(there.get(&**item).map(String::as_str), text.as_str(), "{told} {item}");
    }
    for item in gone.as_array().into_iter().flatten() {
        assert_eq!(there.get(item.as_str().unwrap()), None, "{told} {item}");
    }
}

fn check_roles(archive: &Archive, due: &Value, ended: bool, told: &str) {
    let due: Vec<_> = due.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let there = roles(archive, ended);
    assert!(due.is_empty() || there == due, "{told}: {there:?}");
}

#[test]
fn every_life_event_changes_what_its_sample_says() {
    let desk = Desk::new();
    for sample in samples() {
        let (event, then) = (sample.text("event"), &sample.told["then"]);
        let own = person(&desk, &format!("{event}-r"), &sample);
        for (at, given) in sample.told["given"].as_array().into_iter().flatten().enumerate() {
            let given = Sample { told: given.clone(), serial: sample.serial };
            tell(&desk, &format!("{event}-g{at}"), &given, &own);
        }
        let id = tell(&desk, event, &sample, &own);
        let archive = desk.archive(id);
        check_items(&archive, &then["items"], &then["gone"], event);
        for (topic, fields) in then["topics"].as_object().into_iter().flatten() {
            for (field, value) in fields.as_object().unwrap() {
                assert_eq!(&topics(&archive)[topic][field], value, "{event} {topic} {field}");
            }
        }
        let status = match (archive.is_dead, archive.is_missing) {
            (true, _) => "dead",
            (_, true) => "missing",
            _ => "alive",
        };
        assert_eq!(then["status"].as_str().unwrap_or("alive"), status, "{event}");
        assert!(archive.is_registered, "{event}");
        check_roles(&archive, &then["links"], false, event);
        check_roles(&archive, &then["ended"], true, event);
        for (item, value) in then["beside"].as_object().into_iter().flatten() {
            let item = Item::from_name(item).unwrap();
            let beside: Vec<_> = archive.beside().map(|(item, text, _)| (item, text)).collect();
            assert_eq!(beside, [(item, value.as_str().unwrap())], "{event}");
            assert_ne!(archive.get(item), value.as_str(), "{event} overwrites");
        }
        let documents = then["documents"].as_array().into_iter().flatten();
        for number in documents.filter_map(Value::as_str) {
            let known = |(kind, known)| (kind, known) == (DocumentKind::CitizenId, number);
            assert!(archive.documents().any(known), "{event} {number}");
            assert_eq!(
                desk.row(desk.stream_of_citizen(number)).map(|row| row.owner.unwrap_or(id)),
                Some(id)
            );
        }
        if let Some(due) = then["needs"].as_array() {
            let there = needs(&archive);
            assert_eq!(there.len(), due.len(), "{event}");
            for (there, due) in there.iter().zip(due) {
                assert_includes(there, due, event);
            }
        }
        let other = desk.row(desk.stream_of_citizen(&number(sample.serial + 1)));
        let Some(other) = other.map(|row| row.archive.clone()) else {
            assert!(then.get("other").is_none(), "{event} is not told to the other one");
            continue;
        };
        check_items(&other, &then["other"], &then["other_gone"], event);
        check_roles(&other, &then["other_links"], false, event);
        check_roles(&other, &then["other_ended"], true, event);
    }
    desk.close();
}

/// Whether a value holds all that is due of it.
fn assert_includes(there: &Value, due: &Value, told: &str) {
    match due {
        Value::Object(due) => due.iter().for_each(|(name, due)| {
            assert_includes(&there[name], due, &format!("{told}.{name}"));
        }),
        due => assert_eq!(there, due, "{told}"),
    }
}

#[test]
fn a_correction_may_correct_a_field_and_never_makes_it_something_else() {
    let desk = Desk::new();
    let own = citizen(&number(900));
    let samples = samples();
    let of = |event: &str| samples.iter().find(|sample| sample.text("event") == event).unwrap();
    let id = tell_known(&desk, "s-1", of("school_end"), &own);
    let correct = |id: &str, fields: Value| {
        let mut data = json!({"person": own, "occurred_on": "2026-05-20", "channel": "DX",
            "place": VILLAGE, "corrects": "s-1", "reason": "核对原件"});
        data.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        recorded(&desk.send_from("/edu/990101/desk", (id, "correction", data)));
    };
    correct("c-1", json!({"level": "60", "school_certificate_no": "B-2"}));
    let archive = desk.archive(id);
    assert_eq!(archive.get(Item::Education), Some("60"));
    assert_eq!(topics(&archive)["education"]["certificate_no"], "B-2");
    correct("c-2", json!({"level": "no code", "school_certificate_no": {"no": "text"}}));
    let archive = desk.archive(id);
    assert_eq!(archive.get(Item::Education), Some("60"));
    assert_eq!(topics(&archive)["education"]["certificate_no"], "B-2");
    desk.close();
}

/// Tells a sample of somebody of whom nothing else is known.
fn tell_known(desk: &Desk, id: &str, sample: &Sample, person: &Value) -> PersonId {
    let source = format!("/{}/990101/desk", sample.text("department"));
    recorded(&desk.send_from(&source, (id, sample.text("event"), sample.data(person)))).person_id
}
