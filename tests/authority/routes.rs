//! Every route of the table by every role, for what lies in the grant and beside, above and below it:
//! refused exactly where the table says. A route that the table lacks is refused to everybody.

use std::sync::Arc;

use api::access::{ROLES, Role, TokenStore, may};
use api::http::assemble;
use api::http::route_table::{Asks, ROUTES, Route, Tells};
use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::world::{Asker, HOUSEHOLD, VILLAGES, World};
use crate::process::caller::Answer;
use crate::process::events::{citizen, event};

/// The grant of the matrix.
const OWN: &str = "990101001";
/// Whom a question is about: a village that stands so to the grant, and whether it is reached.
const OBJECTS: [(&str, &str, bool); 4] = [
    ("a village of the own township", VILLAGES[0], true),
    ("another village of it", VILLAGES[1], true),
    ("a village of the township beside", VILLAGES[2], false),
    ("a village of another county", VILLAGES[4], false),
];
/// Wholes to list or count, and whether they lie in the grant.
const WHOLES: [(&str, bool); 5] =
    [(VILLAGES[0], true), (OWN, true), ("990101002", false), ("990101", false), ("99", false)];

/// What is due of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// It is answered, be it that the words of the question are refused.
    Let,
    /// 404, as if there were nothing.
    Absent,
    /// 403.
    NotAllowed,
}

struct Asked {
    path: String,
    body: Option<Value>,
    /// Whether the grant reaches what is asked for.
    is_reached: bool,
}

/// The person of a village with whom the matrix asks; citizens are somebody of the first.
fn person_of(village: &str) -> usize {
    VILLAGES.iter().position(|known| *known == village).expect("a village") * HOUSEHOLD
}

/// Every question of a route: about each object, where it is about one.
fn questions(world: &World, route: &Route) -> Vec<Asked> {
    let one = |path: &str, body| vec![Asked { path: path.to_owned(), body, is_reached: true }];
    let persons = |of: &dyn Fn(usize, bool) -> Asked| {
        OBJECTS.iter().map(|(_, village, is_reached)| of(person_of(village), *is_reached)).collect()
    };
    let body_of_orders = |path: &str| {
        // One that is taken for a person who is reached, and refused for its words.
        let mut body = json!({"order": "X-1", "approved_by": ""});
        if path.ends_with("/sealing") || path.ends_with("/protection") {
            body["until"] = json!("2044-01-01");
        }
        (route.tells == Tells::Order).then_some(body)
    };
    match route.tells {
        Tells::Person | Tells::Order => persons(&|person, is_reached| {
            let mut path = route.path.replace("{id}", &world.people[person].id);
            let body = body_of_orders(&path);
            if path.ends_with("/disclosures") {
                path += "?item=full_name&value_at=1";
            }
            Asked { path, body, is_reached }
        }),
        Tells::Household => persons(&|person, is_reached| {
            let household = world.people[person].household.as_deref().expect("a household");
            Asked { path: route.path.replace("{id}", household), body: None, is_reached }
        }),
        Tells::Found if route.path.ends_with("/lookup") => persons(&|person, is_reached| {
            let body = Some(json!({"document": citizen(person as u32)}));
            Asked { path: route.path.to_owned(), body, is_reached }
        }),
        Tells::Found => one(route.path, Some(json!({"full_name": "周"}))),
        Tells::Place => WHOLES
            .iter()
            .map(|(whole, is_reached)| {
                let path = route.path.replace("{code}", whole);
                Asked { path, body: None, is_reached: *is_reached }
            })
            .collect(),
        Tells::Sums => WHOLES
            .iter()
            .map(|(whole, is_reached)| {
                let path = format!("{}?place={whole}", route.path);
                Asked { path, body: None, is_reached: *is_reached }
            })
            .collect(),
        Tells::Sources if route.method == "POST" => {
            // An event that is refused for its place is refused as such.
            let sent = event("x", "observation", &citizen(0), "2026-03-01", json!({}));
            one(route.path, Some(sent))
        }
        Tells::Sources => ["990101001", "990102"]
            .iter()
            .map(|division| {
                let path = format!("{}?source=/pol/{division}/desk", route.path);
                Asked { path, body: None, is_reached: division.starts_with(OWN) }
            })
            .collect(),
        Tells::Nothing | Tells::Readers | Tells::Log => {
            let path = route
                .path
                .replace("{position}", "1")
                .replace("{code}", "990101")
                .replace("{glass}", "1");
            one(&path.replace("{*path}", "0/000"), None)
        }
    }
}

fn due(asker: &Asker, route: &Route, asked: &Asked) -> Due {
    let is_allowed = match route.asks {
        Asks::Nothing | Asks::Token => true,
        Asks::Actions(actions) => actions.iter().all(|action| may(asker.role, *action)),
    };
    match (is_allowed, asked.is_reached) {
        (false, _) => Due::NotAllowed,
        (true, true) => Due::Let,
        (true, false) => Due::Absent,
    }
}

async fn ask(world: &World, asker: &Asker, route: &Route, asked: &Asked) -> Answer {
    let method = Method::from_bytes(route.method.as_bytes()).unwrap();
    let purpose = if asker.role == Role::Citizen { "own_record" } else { "verification" };
    let mut request = world.request(asker, method, &asked.path, purpose);
    if let Some(body) = &asked.body {
        let media_type = match route.path {
            "/v1/events" => "application/cloudevents+json",
            _ => "application/json",
        };
        request = request.header("content-type", media_type).body(body.to_string());
    }
    Answer::read(request.send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_refused_exactly_where_the_table_says() {
    let world = World::of(6 * HOUSEHOLD).await;
    let mut counts = [0_usize; 3];
    for (role, _) in ROLES {
        let person = (*role == Role::Citizen).then_some(0);
        let asker = world.asker(*role, None, Some(OWN), person);
        for route in ROUTES {
            for asked in questions(&world, route) {
                let mut due = due(&asker, route, &asked);
                let own = format!("/v1/persons/{}", world.people[0].id);
                if *role == Role::Citizen && due == Due::Let && !asked.path.starts_with(&own) {
                    // Of what they may ask at all, they reach their own record.
                    let is_of_others = matches!(route.tells, Tells::Person);
                    due = if is_of_others { Due::Absent } else { due };
                }
                let answer = ask(&world, &asker, route, &asked).await;
                let name = role.name();
                let found = (answer.status, answer.body["code"].as_str().unwrap_or_default());
                let is_due = match due {
                    Due::NotAllowed => found == (403, "not_allowed"),
                    Due::Absent => found == (404, "not_found"),
                    // Tiles and records of a log of so few may be absent yet.
                    Due::Let => {
                        found.0 < 500
                            && found.1 != "not_allowed"
                            && (found.0 != 404 || route.tells == Tells::Log)
                            || found.1 == "view_behind"
                    }
                };
                let is_household_of_citizen =
                    *role == Role::Citizen && route.tells == Tells::Household;
                assert!(
                    is_due || is_household_of_citizen && found.0 == 404,
                    "{name} {} {}: {due:?} is due, not {found:?} {}",
                    route.method,
                    asked.path,
                    answer.body
                );
                counts[due as usize] += 1;
            }
        }
    }
    assert!(counts.iter().all(|count| *count > 50), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_only_open_routes_answer() {
    let world = World::of(6 * HOUSEHOLD).await;
    for route in ROUTES {
        for asked in questions(&world, route) {
            let method = Method::from_bytes(route.method.as_bytes()).unwrap();
            let request = world.http.request(method, format!("{}{}", world.url, asked.path));
            let answer = Answer::read(request.send().await.unwrap()).await;
            let is_open = route.asks == Asks::Nothing;
            assert_eq!(answer.status != 401, is_open, "{}: {}", asked.path, answer.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_the_table_lacks_is_refused_to_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(TokenStore::open(folder.path().join("access.json")).unwrap());
    let token = |role| {
        let mut grant = crate::collecting::grant(role);
        if role == Role::Citizen {
            grant.person = Some(domain::PersonId::from_uuid(uuid::Uuid::nil()));
        }
        store.create(grant).unwrap().0
    };
    let tokens: Vec<_> = ROLES.iter().map(|(role, _)| token(*role)).collect();
    let handler = || async { "told" };
    let forgotten = Router::new()
        .route("/v1/forgotten", get(handler))
        .route("/v1/catalogue/events", get(handler).delete(handler));
    let router = assemble(Router::new(), forgotten, store);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(api::http::serve(listener, router, Default::default(), std::future::pending()));
    let http = reqwest::Client::new();
    for token in tokens {
        let send = async |method, path: &str| {
            let request = http.request(method, format!("{url}{path}")).bearer_auth(&token);
            Answer::read(request.send().await.unwrap()).await
        };
        send(Method::GET, "/v1/forgotten").await.problem(403, "not_allowed");
        // Nor a method of a path that is there.
        send(Method::DELETE, "/v1/catalogue/events").await.problem(405, "method_not_allowed");
        assert_eq!(send(Method::GET, "/v1/catalogue/events").await.status, 200);
    }
}
