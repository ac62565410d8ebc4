//! Protected persons over HTTP: where they are and were is in no answer of any route to who may not
//! see it, until the day comes, and over a restart.

use serde_json::{Value, json};

use crate::process::caller::Caller;
use crate::process::events::{OTHER_VILLAGE, VILLAGE, certificate, citizen, event};
use crate::process::server::{Directory, Server, done, told};

const NAME: &str = "上官㐂鿍";
/// Where they were, where they are, what leads there: none of it may be told.
const SECRETS: [&str; 11] = [
    "老街旧巷44号",
    "新居秘路77号",
    "H-990101-7788",
    VILLAGE,
    "/hlt/990101",
    "隐姓小学",
    "window-17",
    "13900000000",
    "邻里皆知",
    "丙88号",
    OTHER_VILLAGE,
];

struct Ground {
    directory: Directory,
    server: Option<Server>,
    callers: Vec<(&'static str, String)>,
}

impl Ground {
    fn new() -> Self {
        let directory = Directory::make();
        let purposes = ["--purposes", "verification,audit"];
        let grants: [(&str, &[&str]); 7] = [
            ("upstream", &["upstream"]),
            ("verifier", &["verifier"]),
            ("near", &["verifier", "--place", "990101002"]),
            ("liaison", &["department_liaison", "--department", "hlt"]),
            ("county", &["county_operator"]),
            ("auditor", &["auditor"]),
            ("admin", &["admin"]),
        ];
        let token = |words: &[&str]| directory.token(&[&["--role"], words, &purposes].concat());
        let callers = grants.iter().map(|(name, words)| (*name, token(words))).collect();
        let server = Some(directory.serve());
        Self { directory, server, callers }
    }

    fn caller(&self, name: &str) -> Caller {
        let (_, token) = self.callers.iter().find(|(known, _)| *known == name).expect("a caller");
        self.server.as_ref().expect("a server").caller(token)
    }

    async fn record(&self, event: &Value) -> Value {
        self.caller("upstream").record(event).await
    }

    async fn see(&self, position: &Value) {
        let at = position["position"].as_u64().expect("a position");
        self.caller("admin").get_at("/v1/rejections", at).await.with(200);
    }
}

fn id(receipt: &Value) -> String {
    receipt["person_id"].as_str().expect("an id").to_owned()
}

/// A life with every kind of whereabouts in it, told of the person of a document; `head` is named.
async fn live(ground: &Ground, document: &Value, number: u32, more: Value) -> Value {
    let items = json!({"full_name": NAME, "residence_code": VILLAGE, "hukou_code": VILLAGE,
        "residence_address": SECRETS[0], "hukou_address": SECRETS[0], "household_id": SECRETS[2],
        "household_kind": "family", "door_plate": SECRETS[9], "phone": SECRETS[7], "sex": "2", "birth_date": "1970-01-01"});
    let mut more = more;
    more["items"] = items;
    let first = event(&format!("r-{number}"), "registration", document, "2026-03-01", more);
    let first = ground.record(&first).await;
    let later = [
        (
            "residence_change",
            "2026-03-02",
            json!({"items": {"residence_code": OTHER_VILLAGE,
            "residence_address": SECRETS[1]}, "operator": SECRETS[6]}),
        ),
        (
            "observation",
            "2026-03-03",
            json!({"items": {"phone": SECRETS[7]},
            "education": {"school": SECRETS[5]}, "remark": SECRETS[8]}),
        ),
        (
            "need_raised",
            "2026-03-04",
            json!({"need": {"need_id": format!("n-{number}"),
            "kind": "housing", "description": SECRETS[8]}}),
        ),
    ];
    for (kind, day, more) in later {
        let sent = event(&format!("{kind}-{number}"), kind, document, day, more);
        let answer = ground.caller("upstream").post(&sent).await;
        assert!([201, 422].contains(&answer.status), "{}", answer.body);
    }
    first
}

/// Every route that tells of persons, as GET or POST, with what leads to the person.
fn questions(persons: &[String], households: &[String], day: &str) -> Vec<(String, Option<Value>)> {
    let mut all = Vec::new();
    for person in persons {
        for rest in [
            "",
            "?valid_on=2026-03-01",
            "?fields=households,residence_address,beside",
            "/history",
            "/flags",
            "/accesses",
            "/disclosures?item=residence_address&value_at=1",
        ] {
            all.push((format!("/v1/persons/{person}{rest}"), None));
        }
        all.push((format!("/v1/persons/{person}?known_at={day}"), None));
        all.push((format!("/v1/persons/{person}/history?known_at={day}"), None));
    }
    for household in households {
        all.push((format!("/v1/households/{household}"), None));
        all.push((format!("/v1/households/{household}/flags"), None));
    }
    all.push(("/v1/audit/accesses".to_owned(), None));
    all.push(("/v1/rejections".to_owned(), None));
    for position in 1..8 {
        all.push((format!("/v1/log/entries/{position}"), None));
        all.push((format!("/v1/log/reads/entries/{position}"), None));
    }
    all.push(("/v1/log/tile/entries/000.p/5".to_owned(), None));
    all.push(("/v1/persons/search".to_owned(), Some(json!({"full_name": NAME}))));
    all.push((
        "/v1/persons/search".to_owned(),
        Some(json!({"full_name": NAME, "birth_date": "1970-01-01"})),
    ));
    all.push(("/v1/persons/lookup".to_owned(), Some(json!({"document": certificate(1)}))));
    all
}

/// The answers in which a secret stands.
async fn leaks(caller: &Caller, questions: &[(String, Option<Value>)]) -> Vec<String> {
    let mut leaks = Vec::new();
    for (path, body) in questions {
        let answer = match body {
            Some(body) => caller.ask(path, body).await,
            None => caller.get(path).await,
        };
        assert!([200, 403, 404].contains(&answer.status), "{path}: {}", answer.body);
        let mut body = answer.body;
        // Of the audit the entries about those who are asked about: others live in villages too, and a
        // list of a village that told of nobody says where nobody is.
        if let Some(entries) = body.get_mut("accesses").and_then(Value::as_array_mut) {
            let is_theirs = |id: &str| questions.iter().any(|(path, _)| path.contains(id));
            entries.retain(|one| one["person_id"].as_str().is_some_and(is_theirs));
        }
        let text = body.to_string();
        let found = SECRETS.iter().filter(|secret| text.contains(*secret));
        leaks.extend(found.map(|secret| format!("{path}: {secret} in {text}")));
    }
    leaks
}

async fn households(caller: &Caller, person: &str) -> Vec<String> {
    let archive = caller.get(&format!("/v1/persons/{person}")).await.with(200);
    let all = archive["households"].as_array().expect("households").iter();
    all.map(|one| one["household_id"].as_str().expect("an id").to_owned()).collect()
}

/// Persons whom lists of the villages and the county, and searches by place, name.
async fn listed(caller: &Caller, person: &str) -> usize {
    let mut count = 0;
    for place in [VILLAGE, OTHER_VILLAGE, "990101", "99"] {
        let list = caller.get(&format!("/v1/places/{place}/people?limit=1000")).await;
        let found = json!({"full_name": NAME, "place": place});
        let found = caller.ask("/v1/persons/search", &found).await.with(200);
        count += list.body.to_string().matches(person).count();
        count += found.to_string().matches(person).count();
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_protected_person_is_and_was_is_in_no_answer_of_any_route() {
    let mut ground = Ground::new();
    let husband = json!({"document": citizen(7)});
    let his = json!({"full_name": "赵明诚", "residence_code": "990101003201",
        "hukou_code": "990101003201"});
    let at = json!({"items": his, "place": "990101003201"});
    let mut his = event("r-7", "registration", &citizen(7), "2026-03-01", at);
    his["source"] = json!("/pol/9901/register");
    ground.record(&his).await;
    let first = live(&ground, &certificate(1), 1, json!({"spouse": husband})).await;
    let child =
        live(&ground, &certificate(2), 2, json!({"head": {"document": certificate(1)}})).await;
    let other = live_elsewhere(&ground).await;
    let wed =
        event("w-1", "marry_first", &certificate(1), "2026-03-05", json!({"spouse": husband}));
    let wed = ground.record(&wed).await;
    let in_vain = event(
        "v-1",
        "observation",
        &certificate(1),
        "2026-03-06",
        json!({"items": {"sex": "7", "residence_address": SECRETS[1]}}),
    );
    ground.caller("upstream").post(&in_vain).await.with(422);
    ground.see(&wed).await;
    let (person, child, other) = (id(&first), id(&child), id(&other));
    let verifier = ground.caller("verifier");
    let spouse = verifier.look_up(&citizen(7)).await.expect("the husband");
    let both = [person.clone(), child.clone(), spouse.clone()];
    let at = households(&verifier, &person).await;
    assert_eq!(at.len(), 2);
    let now = wed["recorded_at"].as_str().expect("an instant").to_owned();
    let asked = questions(&both, &at, &now);
    let before = leaks(&verifier, &asked).await;
    assert!(before.len() > 20, "the test sees what it looks for: {}", before.len());
    let elsewhere = verifier.get(&format!("/v1/persons/{other}")).await.with(200);
    let verifier_list = listed(&verifier, &person).await;
    assert!(verifier_list >= 4, "{verifier_list}");

    let order = json!({"order": "P-1", "approved_by": "chief", "until": "2044-05-01"});
    let path = format!("/v1/persons/{person}/protection");
    verifier.ask(&path, &order).await.problem(403, "not_allowed");
    let done_at = ground.caller("admin").ask(&path, &order).await.with(201);
    assert_eq!(done_at["status"], "protected");
    ground.see(&done_at).await;
    for reopened in [false, true] {
        if reopened {
            ground.server.take().expect("a server").stop();
            let check = ground.directory.check();
            assert!(check.status.success(), "{}", told(&check));
            ground.server = Some(ground.directory.serve());
        }
        for name in ["verifier", "auditor", "liaison", "upstream", "near"] {
            let caller = ground.caller(name);
            let purpose = if name == "auditor" { "audit" } else { "verification" };
            let caller = caller.purpose(purpose);
            assert_eq!(leaks(&caller, &asked).await, Vec::<String>::new(), "{name}");
            if ["verifier", "auditor"].contains(&name) {
                assert_eq!(listed(&caller, &person).await, 0, "{name}");
                assert_eq!(listed(&caller, &child).await, 0, "{name}");
            }
        }
        let verifier = ground.caller("verifier");
        let seen = verifier.get(&format!("/v1/persons/{person}")).await.with(200);
        assert_eq!(
            (&seen["protected"], &seen["items"]["full_name"]["value"]),
            (&json!(true), &json!(NAME))
        );
        for household in &at {
            let path = format!("/v1/households/{household}");
            verifier.get(&path).await.problem(404, "not_found");
        }
        // Who is near is not told that somebody is near.
        let near = ground.caller("near").get(&format!("/v1/persons/{person}")).await;
        near.problem(404, "not_found");
        // Nobody else is concerned.
        let mut again = verifier.get(&format!("/v1/persons/{other}")).await.with(200);
        again["as_of"] = elsewhere["as_of"].clone();
        assert_eq!(again, elsewhere);
        // Whoever may see sees all of it.
        let county = ground.caller("county");
        let seen = county.get(&format!("/v1/persons/{person}")).await.with(200);
        assert_eq!(seen["items"]["residence_address"]["value"], SECRETS[1]);
        assert!(leaks(&county, &asked).await.len() > 20);
    }
    let unprotect = json!({"order": "P-2", "approved_by": "chief"});
    let path = format!("/v1/persons/{person}/unprotection");
    let open = ground.caller("admin").ask(&path, &unprotect).await.with(201);
    ground.see(&open).await;
    assert!(leaks(&ground.caller("verifier"), &asked).await.len() >= before.len());
    let again = json!({"order": "P-3", "approved_by": "chief"});
    let refused = ground.caller("admin").ask(&path, &again).await.problem(422, "rejected");
    assert_eq!(refused["errors"][0]["code"], "not_protected");
}

async fn live_elsewhere(ground: &Ground) -> Value {
    let items = json!({"full_name": "李清照", "residence_code": VILLAGE, "hukou_code": VILLAGE,
        "residence_address": "别处9号", "hukou_address": "别处9号", "household_id": "H-9"});
    let sent = event("r-9", "registration", &certificate(9), "2026-03-01", json!({"items": items}));
    ground.record(&sent).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_person_sees_their_own_record_and_the_command_line_protects_too() {
    let mut ground = Ground::new();
    let first = live(&ground, &certificate(1), 1, json!({})).await;
    let person = id(&first);
    ground.server.take().expect("a server").stop();
    let data = ground.directory.data().to_owned();
    let words = [
        "protect",
        &person,
        "--order",
        "C-1",
        "--approved-by",
        "chief",
        "--by",
        "clerk",
        "--until",
        "2044-05-01",
        "--data",
        &data,
    ];
    let protected: Value = serde_json::from_str(&done(&words)).expect("JSON");
    assert_eq!(protected["status"], "protected");
    let grant = ["--role", "citizen", "--purposes", "own_record", "--person", &person];
    let own = ground.directory.token(&grant);
    ground.server = Some(ground.directory.serve());
    let path = format!("/v1/persons/{person}");
    let seen = ground.caller("verifier").get(&path).await.with(200);
    assert!(!seen.to_string().contains(SECRETS[1]), "{seen}");
    let own = ground.server.as_ref().expect("a server").caller(&own).purpose("own_record");
    let seen = own.get(&path).await.with(200);
    assert_eq!(seen["items"]["residence_address"]["value"], SECRETS[1]);
    assert!(seen.get("protected").is_none());
    ground.server.take().expect("a server").stop();
    let words = [
        "unprotect",
        &person,
        "--order",
        "C-2",
        "--approved-by",
        "chief",
        "--by",
        "clerk",
        "--data",
        &data,
    ];
    let open: Value = serde_json::from_str(&done(&words)).expect("JSON");
    assert_eq!(open["status"], "unprotected");
    ground.server = Some(ground.directory.serve());
    let seen = ground.caller("verifier").get(&path).await.with(200);
    assert_eq!(seen["items"]["residence_address"]["value"], SECRETS[1]);
}

/// Whoever has the machine of a registry that nobody serves is told no more than the service tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_life_printed_at_the_machine_tells_no_whereabouts_of_the_protected_and_who_is_with_them()
{
    let mut ground = Ground::new();
    let mut persons = Vec::new();
    for number in [1, 2] {
        persons.push(id(&live(&ground, &certificate(number), number, json!({})).await));
    }
    let other = id(&live_elsewhere(&ground).await);
    ground.server.take().expect("a server").stop();
    let data = ground.directory.data();
    let printed = |person: &String| {
        let words = ["replay", "person", person, "--data", data, "--purpose", "audit"];
        done(&words)
    };
    let told = |person: &String| {
        let life = printed(person);
        SECRETS.into_iter().filter(|secret| life.contains(secret)).collect::<Vec<_>>()
    };
    let before = printed(&other);
    assert!(before.contains(VILLAGE) && persons.iter().all(|person| told(person).len() > 2));
    let order = ["--order", "C-1", "--approved-by", "chief", "--by", "clerk"];
    let words = ["protect", &persons[0], "--until", "2044-05-01", "--data", data];
    done(&[&words[..], &order].concat());
    for person in &persons {
        assert_eq!(told(person), [""; 0], "{person}");
        assert!(printed(person).lines().count() > 2);
    }
    assert_eq!(printed(&other), before, "who lives elsewhere is told as before");
}
