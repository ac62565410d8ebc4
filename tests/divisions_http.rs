//! Divisions over HTTP, from the real service: what a code was on a day, which places are taken and
//! doubted, their names in a life, measures by the borders of today, city and countryside as the
//! operator says.

use serde_json::{Value, json};

use crate::process::caller::Caller;
use crate::process::events::{VILLAGE, citizen, event};
use crate::process::server::{Directory, Server, told};

struct Ground {
    upstream: Caller,
    verifier: Caller,
    analyst: Caller,
    _server: Server,
}

fn ground(directory: &Directory) -> Ground {
    let upstream = directory.token(&["--role", "upstream"]);
    let verifier = directory.token(&["--role", "verifier", "--purposes", "verification"]);
    let analyst = directory.token(&["--role", "analyst"]);
    let server = directory.serve();
    let caller = |token: &str| server.caller(token);
    let (upstream, verifier, analyst) = (caller(&upstream), caller(&verifier), caller(&analyst));
    Ground { upstream, verifier, analyst, _server: server }
}

/// Something that the police told of person 7 at a place.
fn told_at(id: &str, kind: &str, place: &str, on: &str, more: Value) -> Value {
    let mut sent = event(id, kind, &citizen(7), on, more);
    sent["source"] = json!("/pol/990101/desk");
    sent["data"]["place"] = json!(place);
    sent["data"]["channel"] = json!("DX");
    sent
}

fn assert_includes(there: &Value, due: &Value, told: &str) {
    for (name, due) in due.as_object().expect("an object") {
        assert_eq!(&there[name], due, "{told} {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_division_is_told_as_it_was_on_the_day() {
    let directory = Directory::make();
    let ground = ground(&directory);
    let none = Value::Null;
    let of = |code: &str, name: &str| json!({"code": code, "name": name});
    for (path, due) in [
        (
            "110228?on=2010-06-01",
            json!({"code": "110228", "level": "county", "kind": "division",
            "standing": "named", "name": "密云县", "full_name": "北京市密云县", "urban": false,
            "parent": of("11", "北京市"), "valid_from": "1982-01-01", "valid_to": "2014-12-31",
            "successor": of("110118", "密云区"), "children": []}),
        ),
        (
            "110228?on=2016-06-01",
            json!({"standing": "absent", "name": none, "valid_to": none,
            "names": [{"name": "密云县", "valid_from": "1982-01-01", "valid_to": "2014-12-31"}],
            "successor": of("110118", "密云区")}),
        ),
        (
            "110118",
            json!({"name": "密云区", "valid_from": "2015-01-01", "valid_to": none,
            "successor": none, "urban": true, "urban_by": "code"}),
        ),
        // Merged into a district that stood already: the lists do not tell.
        ("310119?on=2005-01-01", json!({"name": "南汇区", "successor": none})),
        // A county that is a city without counties now.
        ("469003?on=2010-01-01", json!({"successor": of("4604", "儋州市")})),
        (
            "441900",
            json!({"code": "4419", "level": "prefecture", "name": "东莞市", "children": []}),
        ),
        (
            "441900003",
            json!({"level": "township", "kind": "unlisted", "standing": "unlisted",
            "name": none, "full_name": "广东省东莞市", "parent": of("4419", "东莞市")}),
        ),
        ("620201", json!({"kind": "development_zone", "parent": of("6202", "嘉峪关市")})),
        (
            "130171",
            json!({"kind": "development_zone", "name": none, "full_name": "河北省石家庄市",
            "parent": of("1301", "石家庄市")}),
        ),
        ("130171010", json!({"kind": "unlisted", "parent": of("1301", "石家庄市")})),
        ("110100", json!({"kind": "heading", "parent": of("11", "北京市")})),
        (
            "429004001?on=2023-01-01",
            json!({"parent": of("429004", "仙桃市"),
            "full_name": "湖北省仙桃市"}),
        ),
        (
            "990101001001",
            json!({"kind": "fictional", "level": "village", "name": none,
            "full_name": none, "parent": {"code": "990101001", "name": none}}),
        ),
        ("431121?on=2022-01-01", json!({"standing": "unsettled", "name": "祁阳县"})),
    ] {
        let answer = ground.analyst.get(&format!("/v1/divisions/{path}")).await.with(200);
        assert_includes(&answer, &due, path);
    }
    for (path, status) in [
        ("111111", 404),
        ("111111001", 404),
        ("77", 404),
        ("1101", 200),
        ("12345", 400),
        ("11?on=x", 400),
    ] {
        ground.analyst.get(&format!("/v1/divisions/{path}")).await.with(status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_divisions_in_one_are_told_page_by_page() {
    let directory = Directory::make();
    let ground = ground(&directory);
    for (code, on, count, some) in [
        ("33", "2023-06-01", 11, "杭州市"),
        ("3301", "2020-06-01", 13, "西湖区"),
        ("11", "2008-06-01", 18, "崇文区"),
        ("11", "2024-06-01", 16, "密云区"),
        // Counties right under their province stand beside its cities.
        ("42", "2024-06-01", 17, "仙桃市"),
        ("50", "1990-01-01", 0, ""),
    ] {
        let (mut names, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/v1/divisions/{code}?on={on}&limit=4{after}");
            let page = ground.analyst.get(&path).await.with(200);
            let children = page["children"].as_array().unwrap();
            assert!(children.len() <= 4);
            names.extend(children.iter().map(|child| child["name"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(names.len(), count, "{code} on {on}: {names:?}");
        assert!(count == 0 || names.iter().any(|name| name == some), "{code}: {names:?}");
    }
}

/// Person 7's moves: id, place, day, whether the place is doubted.
const TOLD: [(&str, &str, &str, bool); 9] = [
    ("o-1", "110228", "2010-06-01", false),
    ("o-2", "110228", "2016-06-01", true),
    ("o-3", "110118001", "2010-06-01", true),
    ("o-4", "110118001", "2016-06-01", false),
    ("o-5", "441900003001", "2016-06-01", false),
    ("o-6", "130171010", "2016-06-01", false),
    ("o-7", "620201001", "2016-06-01", false),
    ("o-8", "110100", "2016-06-01", false),
    ("o-9", VILLAGE, "2016-06-01", false),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_did_not_stand_on_the_day_is_recorded_and_doubted() {
    let directory = Directory::make();
    let ground = ground(&directory);
    let items = json!({"items": {"birth_date": "1990-01-01", "birth_place_code": "110228"}});
    let mut last =
        ground.upstream.record(&told_at("r", "registration", VILLAGE, "2009-01-01", items)).await;
    for (id, place, on, doubted) in TOLD {
        let more = json!({"items": {"residence_code": format!("{place:0<12}")}});
        last = ground.upstream.record(&told_at(id, "observation", place, on, more)).await;
        let flags = last["flags"].as_array().unwrap();
        let flag = flags.iter().find(|flag| flag["rule"] == "place_not_of_the_day");
        assert_eq!(flag.is_some(), doubted, "{id}: {flags:?}");
        assert!(flag.is_none_or(|flag| flag["fields"] == json!(["place"])), "{flag:?}");
    }
    let never = told_at("n", "observation", "111111", "2016-06-01", json!({}));
    let refused = ground.upstream.post(&never).await.with(422);
    assert_eq!(refused["errors"][0]["pointer"], "/data/place");
    let path = format!("/v1/persons/{}", last["person_id"].as_str().unwrap());
    let head = last["position"].as_u64().unwrap();
    let history = ground.verifier.get_at(&format!("{path}/history"), head).await.with(200);
    let names: Vec<_> = history["events"].as_array().unwrap()[1..]
        .iter()
        .map(|event| event["place_name"].as_str().unwrap_or("-").to_owned())
        .collect();
    let due = [
        "北京市密云县",
        "北京市",
        "北京市",
        "北京市密云区",
        "广东省东莞市",
        "河北省石家庄市",
        "甘肃省嘉峪关市",
        "北京市",
        "-",
    ];
    assert_eq!(names, due);
    let asked = format!("{path}?valid_on=2010-12-31");
    let archive = ground.verifier.get(&asked).await.with(200);
    assert_eq!(archive["items"]["birth_place_code"]["place_name"], "北京市密云县");
    assert!(archive["items"]["birth_date"].get("place_name").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn measures_by_todays_divisions_count_a_withdrawn_code_under_its_successor() {
    let directory = Directory::make();
    let ground = ground(&directory);
    let mut last = Value::Null;
    for (at, (place, on)) in [
        ("110228100", "2010-06-01"),
        // Still in use after it was withdrawn.
        ("110228", "2016-06-01"),
        ("110118001", "2016-06-01"),
        ("310119", "2005-06-01"),
        ("469003", "2010-06-01"),
        ("460400100", "2020-06-01"),
        (VILLAGE, "2016-06-01"),
    ]
    .into_iter()
    .enumerate()
    {
        let sent = told_at(&format!("m-{at}"), "observation", place, on, json!({}));
        last = ground.upstream.record(&sent).await;
    }
    let head = last["position"].as_u64().unwrap();
    let ask = async |query: &str| -> Vec<(String, u64)> {
        let path = format!("/v1/metrics/timeliness?{query}");
        let answer = ground.analyst.get_at(&path, head).await.with(200);
        let row = |row: &Value| {
            (row["place"].as_str().unwrap_or("all").to_owned(), row["total"].as_u64().unwrap())
        };
        answer["rows"].as_array().unwrap().iter().map(row).collect()
    };
    let due = |rows: &[(&str, u64)]| -> Vec<(String, u64)> {
        rows.iter().map(|(place, count)| ((*place).to_owned(), *count)).collect()
    };
    let then =
        [("110118", 1), ("110228", 2), ("310119", 1), ("460400", 1), ("469003", 1), ("990101", 1)];
    assert_eq!(ask("group_by=place:6").await, due(&then));
    assert_eq!(ask("group_by=place:6&divisions=then").await, due(&then));
    let now = [("110118", 3), ("310119", 1), ("460400", 2), ("990101", 1)];
    assert_eq!(ask("group_by=place:6&divisions=now").await, due(&now));
    assert_eq!(ask("place=110118&divisions=now").await, due(&[("all", 3)]));
    assert_eq!(ask("place=110118").await, due(&[("all", 1)]));
    let cities = [("1101", 3), ("3101", 1), ("4604", 2), ("9901", 1)];
    assert_eq!(ask("group_by=place:4&divisions=now").await, due(&cities));
    assert_eq!(ask("group_by=place:2&divisions=now").await, ask("group_by=place:2").await);
    let townships = [
        ("110118", 2),
        ("110118001", 1),
        ("310119", 1),
        ("460400", 1),
        ("460400100", 1),
        ("990101001", 1),
    ];
    assert_eq!(ask("group_by=place:9&divisions=now").await, due(&townships));
    ground.analyst.get("/v1/metrics/timeliness?divisions=later").await.with(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_says_is_city_or_countryside_decides_the_deadline() {
    let directory = Directory::make();
    let table = directory.path().join("urban_rural.csv");
    let village = "110118001201";
    let ask = async |said: Option<&str>| {
        if let Some(said) = said {
            std::fs::write(&table, format!("code,kind\n{said}\n")).unwrap();
        }
        let ground = ground(&directory);
        // From arrival 3 days in a city, 10 in the countryside; this took 5.
        let mut sent = told_at("h-1", "hukou_in", village, "2026-03-01", json!({}));
        sent["recordedtime"] = json!("2026-03-06T04:00:00Z");
        ground.upstream.post(&sent).await;
        let asked =
            ground.analyst.get_at("/v1/metrics/timeliness?group_by=event", 1).await.with(200);
        let told = ground.analyst.get(&format!("/v1/divisions/{village}")).await.with(200);
        let row = &asked["rows"][0];
        let version = asked["as_of"]["rules_version"].as_str().unwrap().to_owned();
        ((row["numerator"].clone(), row["denominator"].clone()), told["urban_by"].clone(), version)
    };
    let by_code = ask(None).await;
    assert_eq!((by_code.0, by_code.1), ((json!(1), json!(1)), json!("code")));
    let urban = ask(Some("110118001,urban")).await;
    assert_eq!((urban.0, urban.1), ((json!(0), json!(1)), json!("operator")));
    assert_ne!(urban.2, by_code.2);
    let rural = ask(Some("110118001,urban\n110118001201,220")).await;
    assert_eq!((rural.0, rural.1), ((json!(1), json!(1)), json!("operator")));
    assert!(directory.check().status.success());
    std::fs::write(&table, "code,kind\n110118001,seaside\n").unwrap();
    let check = directory.check();
    assert!(!check.status.success() && told(&check).contains("line 2"), "{}", told(&check));
}
