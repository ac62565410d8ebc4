//! Every route with what it asks of the caller and what it tells: who may not do that is refused
//! before the handler runs, and so is everybody at a route that is not listed here.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::http::Method;

use crate::access::Action;
use Action::{
    ApproveReading, BreakGlass, Collect, Erase, ListPlace, Lookup, Operate, Protect, ReadAccesses,
    ReadAudit, ReadDisclosures, ReadHistory, ReadMetrics, ReadPerson, ReadRejections, ReviewGlass,
    Seal, Search,
};

/// A route of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// GET or POST; HEAD is a GET.
    pub method: &'static str,
    /// The path as the router has it.
    pub path: &'static str,
    /// What is asked of the caller.
    pub asks: Asks,
    /// What the answer tells.
    pub tells: Tells,
}

/// What is asked of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Nothing: the route is open.
    Nothing,
    /// A good token, of whatever role. Some tell more to those who may do something.
    Token,
    /// A role that may do all of this.
    Actions(&'static [Action]),
}

/// What an answer tells, and so what a grant must reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    /// Nothing of anybody.
    Nothing,
    /// Of the person of the path: a purpose is asked for.
    Person,
    /// Of the persons of the household of the path: a purpose is asked for.
    Household,
    /// Of persons at the place of the path: a purpose is asked for.
    Place,
    /// Of persons who are found: a purpose is asked for.
    Found,
    /// Of who read about whom: a purpose is asked for.
    Readers,
    /// What the caller's own sources sent.
    Sources,
    /// An order about the person of the path.
    Order,
    /// Sums of a place.
    Sums,
    /// Sealed records and hashes.
    Log,
}

const fn open(path: &'static str) -> Route {
    Route { method: "GET", path, asks: Asks::Nothing, tells: Tells::Nothing }
}

const fn token(method: &'static str, path: &'static str, tells: Tells) -> Route {
    Route { method, path, asks: Asks::Token, tells }
}

const fn get(path: &'static str, actions: &'static [Action], tells: Tells) -> Route {
    Route { method: "GET", path, asks: Asks::Actions(actions), tells }
}

const fn post(path: &'static str, actions: &'static [Action], tells: Tells) -> Route {
    Route { method: "POST", path, asks: Asks::Actions(actions), tells }
}

/// Every route.
pub const ROUTES: &[Route] = &[
    open("/healthz"),
    open("/readyz"),
    open("/docs"),
    token("GET", "/openapi.json", Tells::Nothing),
    token("GET", "/v1/catalogue/events", Tells::Nothing),
    token("GET", "/v1/catalogue/access", Tells::Nothing),
    token("GET", "/v1/divisions/{code}", Tells::Nothing),
    post("/v1/events", &[Collect], Tells::Sources),
    get("/v1/rejections", &[ReadRejections], Tells::Sources),
    post("/v1/persons/lookup", &[Lookup], Tells::Found),
    post("/v1/persons/search", &[Search], Tells::Found),
    get("/v1/persons/{id}", &[ReadPerson], Tells::Person),
    get("/v1/persons/{id}/history", &[ReadHistory], Tells::Person),
    get("/v1/persons/{id}/flags", &[ReadPerson], Tells::Person),
    get("/v1/persons/{id}/accesses", &[ReadAccesses], Tells::Person),
    get("/v1/persons/{id}/disclosures", &[ReadDisclosures], Tells::Person),
    post("/v1/persons/{id}/erasure", &[Erase], Tells::Order),
    post("/v1/persons/{id}/sealing", &[Seal], Tells::Order),
    post("/v1/persons/{id}/unsealing", &[Seal], Tells::Order),
    post("/v1/persons/{id}/protection", &[Protect], Tells::Order),
    post("/v1/persons/{id}/unprotection", &[Protect], Tells::Order),
    post("/v1/break-glass", &[BreakGlass], Tells::Found),
    get("/v1/households/{id}", &[ReadPerson], Tells::Household),
    get("/v1/households/{id}/flags", &[ReadPerson], Tells::Household),
    get("/v1/households/{id}/history", &[ReadHistory], Tells::Household),
    get("/v1/places/{code}/people", &[ListPlace], Tells::Place),
    // Who looked at whom is for who audits reads, not for whoever follows acts alone.
    get("/v1/audit/accesses", &[ReadAudit, ReadDisclosures], Tells::Readers),
    get("/v1/audit/break-glass", &[ReadAudit, ReadDisclosures], Tells::Readers),
    post("/v1/audit/break-glass/{glass}/review", &[ReviewGlass], Tells::Nothing),
    get("/v1/audit/alarms", &[ReadAudit], Tells::Nothing),
    get("/v1/audit/approvals", &[ReadAudit], Tells::Nothing),
    post("/v1/audit/approvals", &[ApproveReading], Tells::Nothing),
    get("/v1/metrics/timeliness", &[ReadMetrics], Tells::Sums),
    get("/v1/metrics/lag_curve", &[ReadMetrics], Tells::Sums),
    get("/v1/metrics/sources", &[ReadMetrics], Tells::Sums),
    get("/v1/metrics/completeness", &[ReadMetrics], Tells::Sums),
    get("/v1/metrics/consistency", &[ReadMetrics], Tells::Sums),
    // Records of the logs are for those who may read them; hashes and proofs for every token.
    token("GET", "/v1/log/key", Tells::Log),
    token("GET", "/v1/log/checkpoint", Tells::Log),
    token("GET", "/v1/log/tile/{*path}", Tells::Log),
    token("GET", "/v1/log/proof", Tells::Log),
    token("GET", "/v1/log/consistency", Tells::Log),
    get("/v1/log/entries/{position}", &[Action::ReadLog], Tells::Log),
    token("POST", "/v1/log/cosignature", Tells::Log),
    token("GET", "/v1/log/reads/key", Tells::Log),
    token("GET", "/v1/log/reads/checkpoint", Tells::Log),
    token("GET", "/v1/log/reads/tile/{*path}", Tells::Log),
    token("GET", "/v1/log/reads/proof", Tells::Log),
    token("GET", "/v1/log/reads/consistency", Tells::Log),
    get("/v1/log/reads/entries/{position}", &[ReadAudit], Tells::Log),
    token("POST", "/v1/log/reads/cosignature", Tells::Log),
    get("/metrics", &[Operate], Tells::Nothing),
    post("/v1/operate/views", &[Operate], Tells::Nothing),
];

/// The rows of each path.
static BY_PATH: LazyLock<HashMap<&str, Vec<&'static Route>>> = LazyLock::new(|| {
    let mut by_path: HashMap<&str, Vec<_>> = HashMap::new();
    ROUTES.iter().for_each(|route| by_path.entry(route.path).or_default().push(route));
    by_path
});

/// The row of a route; none where the path is unknown or has no such method.
pub fn find(method: &Method, path: &str) -> Option<&'static Route> {
    let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
    methods(path).find(|route| route.method == method)
}

/// The rows of a path.
pub fn methods(path: &str) -> impl Iterator<Item = &'static Route> {
    BY_PATH.get(path).into_iter().flatten().copied()
}
