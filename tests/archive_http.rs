//! A whole life over HTTP, from the real service: what a department without the word says stands
//! beside, topics by field, needs, a missing person; and the catalogue that says what may be sent.

use serde_json::{Value, json};

use crate::process::caller::Caller;
use crate::process::events::{VILLAGE, citizen, event};
use crate::process::server::{Directory, Server};

struct Ground {
    server: Server,
    upstream: Caller,
    verifier: Caller,
    document: Value,
    _directory: Directory,
}

fn ground() -> Ground {
    let directory = Directory::make();
    let upstream = directory.token(&["--role", "upstream"]);
    let verifier = directory.token(&["--role", "verifier", "--purposes", "verification"]);
    let server = directory.serve();
    let (upstream, verifier) = (server.caller(&upstream), server.caller(&verifier));
    Ground { server, upstream, verifier, document: citizen(7), _directory: directory }
}

impl Ground {
    /// Sends what a department says of the person.
    fn of(&self, department: &str, channel: &str, id: &str, kind: &str, more: Value) -> Value {
        let mut sent = event(id, kind, &self.document, "2026-03-12", more);
        sent["source"] = json!(format!("/{department}/990101/desk"));
        sent["data"]["channel"] = json!(channel);
        sent
    }

    /// Records it, and gives the archive after it.
    async fn after(&self, sent: &Value) -> Value {
        let receipt = self.upstream.record(sent).await;
        let path = format!("/v1/persons/{}", receipt["person_id"].as_str().expect("an id"));
        self.verifier.get_at(&path, receipt["position"].as_u64().unwrap()).await.with(200)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_department_without_the_word_says_stands_beside_until_who_has_it_speaks() {
    let ground = ground();
    let named = |name: &str| json!({"items": {"full_name": name}});
    let police = ground.of("pol", "DX", "p-1", "registration", named("陈明"));
    let archive = ground.after(&police).await;
    assert_eq!(archive["beside"], json!([]));
    assert_eq!(archive["items"]["full_name"]["doubted_since"], Value::Null);
    let hospital = ground.of("hlt", "DX", "o-1", "observation", named("陈鸣"));
    let archive = ground.after(&hospital).await;
    let (standing, beside) = (&archive["items"]["full_name"], &archive["beside"][0]);
    assert_eq!((&standing["value"], &standing["department"]), (&json!("陈明"), &json!("pol")));
    assert_eq!(standing["doubted_since"], beside["recorded_at"]);
    assert_eq!((&standing["record_id"], &beside["record_id"]), (&json!("p-1"), &json!("o-1")));
    assert_eq!((&standing["has_authority"], &standing["known_on"]), (&json!(true), &Value::Null));
    assert_eq!((&beside["item"], &beside["value"]), (&json!("full_name"), &json!("陈鸣")));
    assert_eq!((&beside["department"], &beside["channel"]), (&json!("hlt"), &json!("DX")));
    // The person asks for a correction, and the police change the name.
    let more = json!({"item": "full_name", "claimed_value": "陈铭", "evidence": "户口簿"});
    let asked = ground.of("twn", "SR", "c-1", "correction_request", more);
    assert_eq!(ground.after(&asked).await["beside"].as_array().unwrap().len(), 2);
    let changed = ground.of(
        "pol",
        "OW",
        "n-1",
        "name_change",
        json!({
        "items": {"full_name": "陈铭"}, "reason_code": "22"}),
    );
    let archive = ground.after(&changed).await;
    assert_eq!(archive["items"]["full_name"]["value"], "陈铭");
    assert_eq!(archive["beside"], json!([]));
    assert_eq!(archive["topics"]["household"]["former_name"]["value"], "陈明");
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_have_fields_with_their_origins_and_needs_their_answers() {
    let ground = ground();
    let more = json!({"school": "第一小学", "stage": "primary", "grade": "一", "student_no": "G1",
        "topic": {"education": {"class": "三班"}, "hobby": ["围棋"]}});
    let enrolled = ground.after(&ground.of("edu", "DX", "s-1", "school_enrol", more)).await;
    let education = &enrolled["topics"]["education"];
    for (field, value) in
        [("school", "第一小学"), ("grade", "一"), ("status", "in_school"), ("class", "三班")]
    {
        assert_eq!(education[field]["value"], value, "{field}");
        assert_eq!(education[field]["department"], "edu", "{field}");
        assert_eq!(education[field]["record_id"], "s-1", "{field}");
        assert_eq!(education[field]["occurred_on"], "2026-03-12", "{field}");
    }
    assert_eq!(enrolled["topics"]["hobby"]["value"], json!(["围棋"]));
    assert_eq!(enrolled["topics"]["military"], json!({}));
    assert_eq!(enrolled["topics"]["employment"]["employer"]["value"], "第一小学");
    let more = json!({"need_id": "N-1", "category": "EDU", "text": "需要课后托管", "urgency": 2,
        "consent": true, "items": {"phone": "13900000001"}});
    let raised = ground.after(&ground.of("vil", "NS", "n-1", "need_raised", more)).await;
    let need = &raised["needs"][0];
    assert_eq!((&need["category"], &need["answered"]), (&json!("EDU"), &Value::Null));
    assert_eq!((&need["department"], &need["urgency"]), (&json!("vil"), &json!(2)));
    assert_eq!(need["items_confirmed"], json!(["phone"]));
    // 15 working days after 12 March 2026, and long over.
    assert_eq!((&need["due_on"], &need["overdue"]), (&json!("2026-04-02"), &json!(true)));
    assert_eq!(need["closed"], Value::Null);
    let path = format!("/v1/persons/{}", raised["person_id"].as_str().unwrap());
    for (day, overdue) in [("2026-04-02", false), ("2026-04-03", true)] {
        let then = ground.verifier.get(&format!("{path}?valid_on={day}")).await.with(200);
        assert_eq!(then["needs"][0]["overdue"], overdue, "{day}");
    }
    let more =
        json!({"need_id": "N-1", "department": "EDU", "result": "已安排", "satisfaction": 4});
    let answered = ground.after(&ground.of("twn", "NS", "n-2", "need_answered", more)).await;
    let answer = &answered["needs"][0]["answered"];
    assert_eq!((&answer["responded_by"], &answer["result"]), (&json!("EDU"), &json!("已安排")));
    assert_eq!((&answer["department"], &answer["satisfaction"]), (&json!("twn"), &json!(4)));
    assert_eq!(answered["needs"][0]["overdue"], false, "it was answered on the day");
    let more = json!({"last_news_on": "2026-03-01"});
    let missing = ground.after(&ground.of("pol", "DX", "m-1", "missing", more)).await;
    assert_eq!(missing["status"], "missing");
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lower_department_says_of_a_topic_is_shown_beside_with_a_doubt() {
    let ground = ground();
    let more = json!({"scheme": "reward_support", "start": "2026-03-01", "amount_band": "B1"});
    let paid = ground.after(&ground.of("hlt", "OW", "f-1", "fp_benefit", more)).await;
    let scheme = &paid["topics"]["fertility"]["benefit_scheme"];
    assert_eq!((&scheme["has_authority"], &scheme["doubted_since"]), (&json!(true), &Value::Null));
    let more = json!({"topic": {"fertility": {"benefit_scheme": "special_support"}}});
    let seen = ground.after(&ground.of("vil", "HV", "o-1", "observation", more)).await;
    let (scheme, beside) = (&seen["topics"]["fertility"]["benefit_scheme"], &seen["beside"][0]);
    assert_eq!((&scheme["value"], &scheme["record_id"]), (&json!("reward_support"), &json!("f-1")));
    assert_eq!(scheme["doubted_since"], beside["recorded_at"]);
    let named = [&beside["topic"], &beside["field"], &beside["value"], &beside["department"]];
    assert_eq!(named, ["fertility", "benefit_scheme", "special_support", "vil"]);
    assert_eq!(beside["item"], Value::Null);
    // A death ends it, and closes what was asked for.
    let more = json!({"need_id": "N-2", "category": "AGE", "text": "助餐", "urgency": 1});
    ground.after(&ground.of("vil", "NS", "n-3", "need_raised", more)).await;
    let dead = ground.after(&ground.of("hlt", "DX", "d-1", "death", json!({}))).await;
    let end = &dead["topics"]["fertility"]["benefit_end"];
    assert_eq!((&end["value"], &end["record_id"]), (&json!("2026-03-12"), &json!("d-1")));
    assert_eq!(end["has_authority"], false, "who keeps the topic knows better");
    let need = &dead["needs"][0];
    assert_eq!((&need["closed"]["record_id"], &need["overdue"]), (&json!("d-1"), &json!(false)));
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_birth_date_that_one_clerk_alone_changed_is_doubted_until_it_is_approved() {
    let ground = ground();
    let load = json!({"items": {"full_name": "甲", "birth_date": "1980-01-01"}});
    ground.after(&ground.of("pol", "DX", "r-1", "registration", load)).await;
    let more = json!({"items": {"birth_date": "1980-01-02"}, "evidence": "出生证"});
    let changed = ground.of("pol", "OW", "b-1", "birthdate_correct", more);
    let receipt = ground.upstream.record(&changed).await;
    let is_incomplete = |flag: &&Value| flag["rule"] == "incomplete";
    let flag = receipt["flags"].as_array().unwrap().iter().find(is_incomplete).expect("a flag");
    assert_eq!(
        (&flag["items"], &flag["fields"]),
        (&json!(["citizen_id"]), &json!(["approved_by"]))
    );
    let path = format!("/v1/persons/{}", receipt["person_id"].as_str().expect("an id"));
    let position = receipt["position"].as_u64().expect("a position");
    let archive = ground.verifier.get_at(&path, position).await.with(200);
    let birth_date = &archive["items"]["birth_date"];
    assert_eq!(birth_date["value"], "1980-01-02");
    assert_eq!(birth_date["doubted_since"], receipt["recorded_at"]);
    let more = json!({"corrects": "b-1", "items": {"birth_date": "1980-01-02"},
        "reason": "复核", "approved_by": "chief-0007"});
    let archive = ground.after(&ground.of("pol", "OW", "c-1", "correction", more)).await;
    assert_eq!(archive["items"]["birth_date"]["doubted_since"], Value::Null);
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_divorce_that_a_village_tells_is_a_doubt_about_the_marriage() {
    let ground = ground();
    let spouse = json!({"spouse": {"document": citizen(8)}});
    let wed = ground.after(&ground.of("civ", "DX", "m-1", "marry_first", spouse.clone())).await;
    assert_eq!(wed["family"][0]["has_authority"], true);
    assert_eq!(wed["family"][0]["doubted_since"], Value::Null);
    let told = ground.after(&ground.of("vil", "MR", "v-1", "divorce_reg", spouse.clone())).await;
    let tie = &told["family"][0];
    assert_eq!((&tie["role"], &tie["until"]), (&json!("spouse"), &Value::Null));
    assert_eq!(tie["doubted_since"], told["items"]["marital_code"]["doubted_since"]);
    // Who is a guardian by the court is not replaced by a township.
    let guardian = |number: u32| json!({"guardian": {"document": citizen(number)}});
    ground.after(&ground.of("jud", "DX", "g-1", "guardian_set", guardian(9))).await;
    let told = ground.after(&ground.of("twn", "OW", "g-2", "guardian_set", guardian(10))).await;
    let beside = told["beside"].as_array().expect("claims").last().expect("a claim");
    assert_eq!((&beside["role"], &beside["department"]), (&json!("guardian"), &json!("twn")));
    assert_eq!((&beside["record_id"], &beside["value"]), (&json!("g-2"), &Value::Null));
    assert_ne!(beside["person_id"], told["family"][1]["person_id"]);
    let ended = ground.after(&ground.of("civ", "DX", "d-1", "divorce_reg", spouse)).await;
    assert_eq!(ended["family"][0]["until"], "2026-03-12");
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_says_what_may_be_sent_and_what_is_refused_is_said_by_the_same() {
    let ground = ground();
    let catalogue = ground.verifier.get("/v1/catalogue/events").await.with(200);
    let events = catalogue["events"].as_array().expect("events");
    assert_eq!(events.len(), 77);
    let of = |code: &str| events.iter().find(|event| event["event"] == code).expect("a kind");
    let enrol = of("school_enrol");
    assert_eq!(enrol["number"], 49);
    assert_eq!((&enrol["authority"], &enrol["channels"]), (&json!(["EDU"]), &json!(["DX", "HV"])));
    assert_eq!(enrol["deadlines"][0]["length"], 30);
    assert_eq!(enrol["base_items_changed"], json!([10, 12]));
    let schema = &enrol["schema"];
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(
        schema["required"],
        json!(["occurred_on", "channel", "place", "person", "school", "stage"])
    );
    assert_eq!(schema["x-expected"], json!(["student_no"]));
    let stage = json!({"stage": "senior citizen"});
    let sent = ground.of("edu", "DX", "s-1", "school_enrol", stage);
    let refused = ground.upstream.post(&sent).await.with(422);
    let faults = refused["errors"].as_array().expect("faults").iter();
    let faults: Vec<_> = faults.map(|fault| (&fault["pointer"], &fault["code"])).collect();
    assert_eq!(
        faults,
        [
            (&json!("/data/school"), &json!("missing")),
            (&json!("/data/stage"), &json!("not_a_value")),
        ]
    );
    // Through a channel and from a department that the table does not have, and without what is
    // expected: recorded, and flagged.
    let more = json!({"school": "第一小学", "stage": "primary"});
    let odd = ground.of("sta", "SR", "s-2", "school_enrol", more);
    let receipt = ground.upstream.record(&odd).await;
    let flags: Vec<_> = receipt["flags"].as_array().unwrap().iter().map(|f| &f["rule"]).collect();
    assert_eq!(
        flags[..4],
        ["first_known_by_this_event", "incomplete", "channel_not_allowed", "no_authority"]
    );
    assert!(flags[4..].iter().any(|rule| **rule == "C01"), "nothing is known of the person");
    assert_eq!(receipt["flags"][1]["fields"], json!(["student_no"]));
    let again = ground.upstream.post(&odd).await.with(200);
    assert_eq!(again["flags"], receipt["flags"], "a receipt given again is the same");
    assert_eq!(receipt["person_id"].as_str().map(str::len), Some(36));
    assert_eq!(odd["data"]["place"], VILLAGE);
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_days_and_instants_are_told_as_they_were_recorded_whatever_they_hold() {
    let ground = ground();
    // When it is recorded, as that is told, and what is said.
    let cases = [
        ("2026-11-21T00:00:00Z", "2026-11-21T00:00:00Z", "plain / <b>"),
        ("2026-11-21T00:00:00.5Z", "2026-11-21T00:00:00.5Z", "\"quoted\""),
        ("2026-11-21T07:08:09.120340Z", "2026-11-21T07:08:09.12034Z", "a\\b"),
        ("2026-11-21T23:59:59.000001Z", "2026-11-21T23:59:59.000001Z", "龘\u{20bb7}é"),
        ("2026-11-22T08:00:00+08:00", "2026-11-22T00:00:00Z", "结束"),
    ];
    for (n, (recorded, told_at, text)) in cases.into_iter().enumerate() {
        // The same text as an item, as a field of a topic, and deep in what is no topic of ours.
        let hobby = json!({(text): [text, 1.50, true, null, {"\n": text}]});
        let topic = json!({"employment": {"post": text}, "hobby": hobby});
        let more = json!({"items": {"employer": text}, "topic": topic});
        let mut sent = ground.of("hrs", "DX", &format!("e-{n}"), "observation", more);
        sent["recordedtime"] = json!(recorded);
        let archive = ground.after(&sent).await;
        let topics = &archive["topics"];
        let values = [
            (&archive["items"]["employer"], json!(text)),
            (&topics["employment"]["post"], json!(text)),
            (&topics["hobby"], hobby),
        ];
        for (value, sent) in values {
            assert_eq!(value["value"], sent, "{text}");
            assert_eq!(value["recorded_at"], told_at, "{text}");
            assert_eq!(value["occurred_on"], "2026-03-12", "{text}");
            assert_eq!(value["known_on"], Value::Null, "{text}");
        }
    }
    ground.server.stop();
}
