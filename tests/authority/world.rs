//! A registry with people of three counties, behind the whole service. Every value of theirs that
//! could be told carries a mark that says whose it is and of which part, so that an answer can be
//! searched for all of them at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::access::{NewGrant, PURPOSES, Part, Role, Show, TokenStore};
use api::http::{self, Limits};
use api::registry::{Home, Registry};
use domain::{PersonId, Place};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::oracle::Oracle;
use crate::process::caller::Answer;
use crate::process::events::{citizen, citizen_number};

/// Villages: four of one county, in two townships, and one of each of two other counties.
pub const VILLAGES: [&str; 6] = [
    "990101001001",
    "990101001002",
    "990101002201",
    "990101002202",
    "990102001001",
    "990201001001",
];
/// The people live in a village in turn, a household of three in each.
pub const HOUSEHOLD: usize = 3;
/// Begins every mark: in no other text.
const MARK: char = 'Ω';

/// Somebody, as the test knows them.
#[derive(Clone, Debug)]
pub struct Somebody {
    pub id: String,
    pub village: &'static str,
    pub household: Option<String>,
    /// Position of the event that registered them.
    pub position: u64,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Asker {
    pub token: String,
    pub role: Role,
    pub department: Option<&'static str>,
    pub place: Option<&'static str>,
    /// Citizens: who they are.
    pub person: Option<usize>,
}

/// A running service with its people.
pub struct World {
    pub url: String,
    pub http: Client,
    pub people: Vec<Somebody>,
    pub head: u64,
    pub oracle: Oracle,
    by_number: BTreeMap<String, usize>,
    store: Arc<TokenStore>,
    _folder: TempDir,
}

/// A value of a part of somebody.
pub fn mark(part: Part, person: usize) -> String {
    format!("{MARK}{:02}{person:04}", part as u8)
}

impl World {
    /// Registers so many people.
    pub async fn of(people: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::init(&folder.path().join("data"), true).unwrap();
        let registry = Arc::new(Registry::open(&folder.path().join("data")).unwrap());
        let store = Arc::new(TokenStore::open(home.access()).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = http::service(&registry, Arc::clone(&store));
        tokio::spawn(http::serve(listener, router, Limits::default(), std::future::pending()));
        let mut world = Self {
            url,
            http: Client::new(),
            people: Vec::new(),
            head: 0,
            oracle: Oracle::read(),
            by_number: (0..people).map(|n| (citizen_number(n as u32), n)).collect(),
            store,
            _folder: folder,
        };
        let upstream = world.asker(Role::Upstream, None, None, None);
        for person in 0..people {
            let village = VILLAGES[person / HOUSEHOLD % VILLAGES.len()];
            let receipts = world.send(&upstream, &life(person, village)).await;
            let (first, last) = (&receipts[0], &receipts[receipts.len() - 1]);
            world.head = last["position"].as_u64().unwrap();
            world.people.push(Somebody {
                id: first["person_id"].as_str().unwrap().to_owned(),
                village,
                household: None,
                position: first["position"].as_u64().unwrap(),
            });
        }
        // Whom they are married to, so that each record names somebody elsewhere.
        for pair in 0..people / 2 {
            let receipts = world.send(&upstream, &[marriage(pair, pair + people / 2)]).await;
            world.head = receipts[0]["position"].as_u64().unwrap();
        }
        let reader = world.asker(Role::CountyOperator, None, None, None);
        for person in 0..people {
            let path = format!("/v1/persons/{}", world.people[person].id);
            let head = (world.head + 1).to_string();
            let request = world.get(&reader, &path, "verification").header("at-least", head);
            let archive = Answer::read(request.send().await.unwrap()).await.with(200);
            let household = archive["households"][0]["household_id"].as_str();
            world.people[person].household = household.map(str::to_owned);
        }
        world
    }

    /// Sends events, which must all be recorded; gives their receipts.
    async fn send(&self, asker: &Asker, events: &[Value]) -> Vec<Value> {
        let request = self.request(asker, Method::POST, "/v1/events", "");
        let request = request.header("content-type", "application/cloudevents-batch+json");
        let answer = Answer::read(request.json(events).send().await.unwrap()).await.with(200);
        assert_eq!(answer["errors"], false, "{answer}");
        answer["items"].as_array().unwrap().clone()
    }

    /// Somebody new who asks, with every purpose.
    pub fn asker(
        &self,
        role: Role,
        department: Option<&'static str>,
        place: Option<&'static str>,
        person: Option<usize>,
    ) -> Asker {
        let id = |person: usize| self.people[person].id.parse().unwrap();
        let grant = NewGrant {
            subject: format!("asker-{}", role.name()),
            role,
            department: department.map(|code| code.as_bytes().try_into().unwrap()),
            place: place.map(|code| Place::parse(code).unwrap()),
            purposes: PURPOSES.iter().map(|purpose| (*purpose).to_owned()).collect(),
            expires_at: None,
            person: person.map(id).map(PersonId::from_uuid),
        };
        let (token, _) = self.store.create(grant).unwrap();
        Asker { token, role, department, place, person }
    }

    pub fn request(
        &self,
        asker: &Asker,
        method: Method,
        path: &str,
        purpose: &str,
    ) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        let request = request.bearer_auth(&asker.token);
        if purpose.is_empty() { request } else { request.header("purpose", purpose) }
    }

    pub fn get(&self, asker: &Asker, path: &str, purpose: &str) -> RequestBuilder {
        self.request(asker, Method::GET, path, purpose)
    }

    /// Whether a grant reaches somebody, by the words of the contract: the division, and for
    /// citizens their own record.
    pub fn reaches(&self, asker: &Asker, person: usize) -> bool {
        let is_own = asker.role != Role::Citizen || asker.person == Some(person);
        is_own && asker.place.is_none_or(|place| self.people[person].village.starts_with(place))
    }

    /// The marks in a text, and the numbers of citizens: whose, and of which part.
    pub fn marks(&self, text: &str) -> BTreeSet<(usize, u8)> {
        let mut found = BTreeSet::new();
        for (at, _) in text.match_indices(MARK) {
            let digits = text.get(at + MARK.len_utf8()..at + MARK.len_utf8() + 6);
            let digits = digits.expect("a mark is never told in part");
            let person = digits[2..].parse().expect("a mark is never told in part");
            found.insert((person, digits[..2].parse().expect("a mark is never told in part")));
        }
        for (at, _) in text.match_indices("990101") {
            let person = text.get(at..at + 18).and_then(|number| self.by_number.get(number));
            found.extend(person.map(|person| (*person, Part::Number as u8)));
        }
        found
    }

    /// Checks that an answer tells nothing that its reader must not see.
    pub fn check(&self, asker: &Asker, purpose: &str, question: &str, text: &str) {
        for (person, part) in self.marks(text) {
            let part = Part::all().nth(usize::from(part)).expect("a part");
            let show = self.oracle.show(asker.role, asker.department, purpose, part);
            // The number of a household is that of three.
            let of_household = person..(person + HOUSEHOLD).min(self.people.len());
            let is_reached = match part {
                Part::Household => of_household.into_iter().any(|one| self.reaches(asker, one)),
                _ => self.reaches(asker, person),
            };
            let is_seen = show == Show::Full && is_reached;
            assert!(
                is_seen,
                "{} of {:?} at {:?} for {purpose} sees {} of {person} by {question}: {text}",
                asker.role.name(),
                asker.department,
                asker.place,
                part.name(),
            );
        }
    }
}

/// What is told of somebody: every part of the record, by marks.
fn life(person: usize, village: &str) -> Vec<Value> {
    let of = |part| mark(part, person);
    let county = &village[..6];
    let sent = |id: &str, kind: &str, department: &str, more: Value| {
        let mut data = json!({
            "person": {"document": citizen(person as u32)},
            "occurred_on": "2026-03-01", "channel": "DX", "place": village,
        });
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({
            "specversion": "1.0", "id": format!("{id}-{person}"), "data": data,
            "source": format!("/{department}/{county}/desk"),
            "type": format!("renkou.{kind}.v1"), "time": "2026-03-10T09:12:00+08:00",
        })
    };
    // What masks leave of a text stands around its mark.
    let items = json!({
        "full_name": format!("周{}", of(Part::Name)),
        "residence_code": village,
        "hukou_code": village,
        "residence_address": format!("虚构路{}号", of(Part::Address)),
        "phone": format!("139{}7777", of(Part::Phone)),
        "employer": of(Part::Employment),
        "household_id": format!("H{}7777", mark(Part::Household, person / HOUSEHOLD * HOUSEHOLD)),
    });
    let note = |part| json!({"note": of(part)});
    let topic = json!({
        "household": {"former_name": format!("吴{}", of(Part::Name))},
        "education": note(Part::Education), "military": note(Part::Military),
        "medical": note(Part::Medical), "fertility": note(Part::Fertility),
        "relief": note(Part::Relief), "hobby": note(Part::Details),
        "welfare": {"note": of(Part::Welfare),
            "disability_certificate_no": format!("C{}7777", of(Part::Certificates))},
    });
    let asked = json!({"item": "phone", "claimed_value": format!("138{}", of(Part::Phone)),
        "channel": "SR", "evidence": format!("单据{}", of(Part::Phone))});
    let need = json!({"category": "HEA", "text": of(Part::Needs), "channel": "HV",
        "urgency": 2, "consent": true});
    let corrected = json!({"corrects": format!("r-{person}"), "reason": of(Part::Reason),
        "items": {"door_plate": format!("{}号", of(Part::Address))},
        "operator": of(Part::Actor)});
    vec![
        sent(
            "r",
            "registration",
            "pol",
            json!({"items": items,
            "certificate_no": format!("C{}7777", of(Part::Certificates))}),
        ),
        sent("o", "observation", "hlt", json!({"topic": topic, "remark": of(Part::Details)})),
        sent("c", "correction", "pol", corrected),
        sent("n", "need_raised", "twn", need),
        sent("q", "correction_request", "twn", asked),
        // Without the word on it: it stands beside.
        sent("b", "observation", "edu", json!({"items": {"full_name": of(Part::Name)}})),
    ]
}

fn marriage(one: usize, other: usize) -> Value {
    json!({
        "specversion": "1.0", "id": format!("m-{one}"), "source": "/civ/990101/desk",
        "type": "renkou.marry_first.v1", "time": "2026-03-10T09:12:00+08:00",
        "data": {"person": {"document": citizen(one as u32)}, "occurred_on": "2026-03-02",
            "channel": "DX", "place": VILLAGES[0], "certificate_no": "J990101-2026-1",
            "spouse": {"document": citizen(other as u32)}},
    })
}
