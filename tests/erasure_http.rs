//! Erasure and sealing over HTTP and from the command line: what is answered to whom, at once.

use serde_json::{Value, json};

use crate::process::caller::Caller;
use crate::process::events::{OTHER_VILLAGE, VILLAGE, certificate, event, registration};
use crate::process::server::{Directory, Server, done, run, told};

struct Ground {
    directory: Directory,
    server: Server,
    upstream: Caller,
    verifier: Caller,
    elsewhere: Caller,
    auditor: Caller,
    admin: Caller,
}

fn ground() -> Ground {
    let directory = Directory::make();
    let token = |words: &[&str]| directory.token(&[&["--role"], words].concat());
    let purposes = ["--purposes", "verification,audit"];
    let upstream = token(&["upstream"]);
    let verifier = token(&[&["verifier"], &purposes[..]].concat());
    let elsewhere = token(&[&["verifier", "--place", OTHER_VILLAGE], &purposes[..]].concat());
    let auditor = token(&[&["auditor"], &purposes[..]].concat());
    let admin = token(&["admin"]);
    let server = directory.serve();
    let [upstream, verifier, elsewhere, auditor, admin] =
        [upstream, verifier, elsewhere, auditor, admin].map(|token| server.caller(&token));
    Ground { directory, server, upstream, verifier, elsewhere, auditor, admin }
}

const NAME: &str = "上官㐂鿍";

async fn somebody(ground: &Ground, number: u32) -> (String, Value) {
    let sent = registration(&format!("r-{number}"), &certificate(number), NAME, VILLAGE);
    let receipt = ground.upstream.record(&sent).await;
    let path = format!("/v1/persons/{}", receipt["person_id"].as_str().expect("an id"));
    ground.verifier.get_at(&path, receipt["position"].as_u64().expect("a place")).await.with(200);
    (path, receipt)
}

fn order(reference: &str) -> Value {
    json!({"order": reference, "approved_by": "chief"})
}

async fn listed(caller: &Caller) -> [usize; 2] {
    let found = caller.ask("/v1/persons/search", &json!({"full_name": NAME})).await.with(200);
    let living = caller.get(&format!("/v1/places/{VILLAGE}/people")).await.with(200);
    [&found["persons"], &living["people"]].map(|list| list.as_array().expect("a list").len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_right_after_the_erasure_is_gone_and_outside_the_grant_there_never_was_anybody() {
    let ground = ground();
    let (path, receipt) = somebody(&ground, 1).await;
    let (other, _) = somebody(&ground, 2).await;
    let known_then = receipt["recorded_at"].as_str().expect("an instant").to_owned();
    for caller in [&ground.upstream, &ground.verifier, &ground.auditor] {
        caller.ask(&format!("{path}/erasure"), &order("A")).await.problem(403, "not_allowed");
    }
    let same = json!({"order": "A", "approved_by": "admin"});
    let admin_is = ground.admin.ask(&format!("{path}/erasure"), &same).await;
    // The subject of the token is what its maker calls it; nobody approves what they do themselves.
    if admin_is.status == 201 {
        panic!("approved by the one who asked: {}", admin_is.body);
    }
    admin_is.problem(422, "rejected");
    let erased = ground.admin.ask(&format!("{path}/erasure"), &order("A")).await.with(201);
    assert_eq!(
        (&erased["status"], &erased["person_id"]),
        (&json!("erased"), &receipt["person_id"])
    );

    let asked = [
        path.clone(),
        format!("{path}?known_at={known_then}"),
        format!("{path}?valid_on=2026-03-05"),
        format!("{path}/flags"),
        format!("{path}/history"),
    ];
    for path in &asked {
        ground.verifier.get(path).await.problem(410, "erased");
        ground.elsewhere.get(path).await.problem(404, "not_found");
    }
    let document = json!({"document": certificate(1)});
    ground.verifier.ask("/v1/persons/lookup", &document).await.problem(410, "erased");
    ground.elsewhere.ask("/v1/persons/lookup", &document).await.problem(404, "not_found");
    assert_eq!(listed(&ground.verifier).await, [1, 1], "the other one is there still");
    ground.verifier.get(&other).await.with(200);

    // An auditor sees that there was somebody, what kinds of events, and the order; no value.
    let history = ground.auditor.purpose("audit").get(&format!("{path}/history")).await.with(200);
    let text = history.to_string();
    assert!(!text.contains(NAME) && !text.contains("X99"), "{text}");
    let events = history["events"].as_array().expect("events");
    let kinds: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["registration", "erased"]);
    assert_eq!((&events[0]["erased"], &events[0]["changes"]), (&json!(true), &json!([])));
    assert_eq!(events[1]["details"], json!({"order": "A"}));
    assert_eq!(events[1]["approved_by"], "chief");
    assert!(events[1].get("erased").is_none());

    // The same order again is answered as before; another one finds nobody.
    let again = ground.admin.ask(&format!("{path}/erasure"), &order("A")).await.with(200);
    assert_eq!(again, erased);
    let another = ground.admin.ask(&format!("{path}/erasure"), &order("B")).await;
    assert_eq!(another.problem(422, "rejected")["errors"][0]["code"], "person_erased");
    let sent = registration("r-9", &certificate(1), NAME, VILLAGE);
    let refused = ground.upstream.post(&sent).await.problem(422, "rejected");
    assert_eq!(refused["errors"][0]["code"], "person_erased");
    ground.server.stop();
    let check = ground.directory.check();
    assert!(check.status.success(), "{}", told(&check));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_record_is_as_if_it_were_not_and_a_sealed_topic_is_withheld() {
    let ground = ground();
    let (path, _) = somebody(&ground, 1).await;
    let ill = json!({"items": {"health_code": "30"}, "medical": {"blood_type": "A"}});
    let ill = event("h-1", "health_change", &certificate(1), "2026-03-05", ill);
    let ill = ground.upstream.record(&ill).await;
    ground.verifier.get_at(&path, ill["position"].as_u64().unwrap()).await.with(200);
    let seal = |topics: Value, until: &str| json!({"order": "S", "approved_by": "chief", "until": until, "topics": topics});
    let sealing = format!("{path}/sealing");
    ground.verifier.ask(&sealing, &seal(json!([]), "2044-05-01")).await.problem(403, "not_allowed");
    let past = ground.admin.ask(&sealing, &seal(json!([]), "2020-01-01")).await;
    assert_eq!(past.problem(422, "rejected")["errors"][0]["code"], "until_is_past");
    let unknown = ground.admin.ask(&sealing, &seal(json!(["dreams"]), "2044-05-01")).await;
    unknown.problem(400, "bad_request");

    let by_topic = seal(json!(["medical"]), "2044-05-01");
    let sealed = ground.admin.ask(&sealing, &by_topic).await.with(201);
    let at = sealed["position"].as_u64().expect("a position");
    let seen = ground.verifier.get_at(&path, at).await.with(200);
    assert_eq!(seen["topics"]["medical"], json!({"withheld_until": "2044-05-01"}));
    assert!(seen["items"].get("health_code").is_none(), "{}", seen["items"]);
    assert_eq!(seen["items"]["full_name"]["value"], NAME);
    let history = ground.verifier.get(&format!("{path}/history")).await.with(200);
    let told = &history["events"][1];
    assert_eq!((&told["withheld"], &told["changes"]), (&json!(true), &json!([])));
    assert!(told.get("details").is_none());
    let whole = ground.auditor.get(&path).await.with(200);
    // Who audits is told that there is a value, whoever sealed it, and never which.
    assert_eq!(whole["items"]["health_code"]["masked"], true);
    assert!(whole["topics"]["medical"].get("withheld_until").is_none());

    assert_eq!(listed(&ground.verifier).await, [1, 1]);
    let sealed = ground.admin.ask(&sealing, &seal(json!([]), "2044-05-02")).await.with(201);
    let at = sealed["position"].as_u64().expect("a position");
    ground.verifier.get_at(&path, at).await.problem(404, "not_found");
    let document = json!({"document": certificate(1)});
    for path in [path.clone(), format!("{path}/history"), format!("{path}/flags")] {
        ground.verifier.get(&path).await.problem(404, "not_found");
        ground.auditor.get(&path).await.with(200);
    }
    ground.verifier.ask("/v1/persons/lookup", &document).await.problem(404, "not_found");
    assert_eq!(listed(&ground.verifier).await, [0, 0]);
    assert_eq!(listed(&ground.auditor).await, [1, 1]);
    // Offices go on to report.
    let more = event(
        "p-1",
        "observation",
        &certificate(1),
        "2026-03-08",
        json!({"items": {"phone": "1"}}),
    );
    ground.upstream.record(&more).await;
    let open = ground.admin.ask(&format!("{path}/unsealing"), &order("U")).await.with(201);
    let at = open["position"].as_u64().expect("a position");
    let seen = ground.verifier.get_at(&path, at).await.with(200);
    assert!(seen["items"]["health_code"]["value"].is_string());
    assert_eq!(listed(&ground.verifier).await, [1, 1]);
}

/// An event that tells of several topics beside its own fields stays in the history without what it
/// says of the sealed one, and no route tells that.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_event_tells_of_a_sealed_topic_among_others_is_withheld_on_every_route() {
    const SECRETS: [&str; 4] = ["秘甲", "秘乙", "秘丙", "AB"];
    let ground = ground();
    let (path, receipt) = somebody(&ground, 1).await;
    let seen = |id: &str, channel: &str, topic: Value| {
        let mut told = event(id, "observation", &certificate(1), "2026-03-05", json!({}));
        told["data"]["channel"] = json!(channel);
        told["data"]["topic"] = topic;
        told
    };
    // A word of the sender's own, a field of the catalogue, and a word of less weight beside it.
    let several = json!({
        "medical": {"blood_type": "AB", "remark": SECRETS[0]},
        "employment": {"skill": "缝纫"},
        "hobby": ["围棋"],
    });
    let first = ground.upstream.record(&seen("o-1", "DX", several)).await;
    let mut ill = event("h-1", "health_change", &certificate(1), "2026-03-06", json!({}));
    ill["data"]["items"] = json!({"health_code": "30"});
    ill["data"]["medical"] = json!({"institution": SECRETS[1]});
    ground.upstream.record(&ill).await;
    let beside = json!({"medical": {"institution": SECRETS[2]}});
    let last = ground.upstream.record(&seen("o-2", "HV", beside)).await;
    let questions = [
        path.clone(),
        format!("{path}?valid_on=2026-03-07"),
        format!("{path}?known_at={}", last["recorded_at"].as_str().unwrap()),
        format!("{path}?fields=health_code,medical"),
        format!("{path}/history"),
        format!("{path}/flags"),
    ];
    let at = last["position"].as_u64().unwrap();
    let told = async |caller: &Caller| {
        let mut all = String::new();
        for path in &questions {
            all += &caller.get_at(path, at).await.with(200).to_string();
        }
        all
    };
    let before = told(&ground.verifier).await;
    assert!(SECRETS.iter().all(|secret| before.contains(secret)), "{before}");
    let seal = json!({"order": "S", "approved_by": "chief", "until": "2044-05-01",
        "topics": ["medical"]});
    let sealed = ground.admin.ask(&format!("{path}/sealing"), &seal).await.with(201);
    ground.verifier.get_at(&path, sealed["position"].as_u64().unwrap()).await.with(200);
    let after = told(&ground.verifier).await;
    let leaked: Vec<_> = SECRETS.iter().filter(|secret| after.contains(*secret)).collect();
    assert!(leaked.is_empty(), "{leaked:?}: {after}");
    let history = ground.verifier.get(&format!("{path}/history")).await.with(200);
    let events = history["events"].as_array().expect("events");
    let of = |receipt: &Value| events.iter().find(|one| one["position"] == receipt["position"]);
    let kept = json!({"topic": {"employment": {"skill": "缝纫"}, "hobby": ["围棋"]}});
    assert_eq!(of(&first).expect("told")["details"], kept);
    assert_eq!(of(&first).expect("told").get("withheld"), None);
    assert_eq!(of(&last).expect("told").get("details"), None, "nothing is left of it");
    assert_eq!(of(&receipt).expect("told").get("withheld"), None);
    let open = ground.admin.ask(&format!("{path}/unsealing"), &order("U")).await.with(201);
    ground.verifier.get_at(&path, open["position"].as_u64().unwrap()).await.with(200);
    let open = told(&ground.verifier).await;
    assert!(SECRETS.iter().all(|secret| open.contains(secret)), "{open}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_carries_orders_out_on_a_registry_that_is_not_running() {
    let ground = ground();
    let (path, receipt) = somebody(&ground, 1).await;
    let person = receipt["person_id"].as_str().expect("an id");
    let data = ground.directory.data().to_owned();
    let erase = ["erase", person, "--order", "C-1", "--by", "clerk", "--data", &data];
    let words = |approver: &'static str| [&erase[..], &["--approved-by", approver]].concat();
    let busy = run(&words("chief"));
    assert!(!busy.status.success(), "a service has it");
    let Ground { directory, server, verifier: _, .. } = ground;
    server.stop();
    let alone = run(&words("clerk"));
    assert!(!alone.status.success() && told(&alone).contains("approver and actor are one"));
    let seal = ["seal", person, "--until", "2044-05-01", "--order", "C-0", "--by", "clerk"];
    let topics = ["--topics", "medical,relief", "--approved-by", "chief", "--data", &data];
    let sealed: Value = serde_json::from_str(&done(&[&seal[..], &topics].concat())).unwrap();
    assert_eq!(sealed["status"], "sealed");
    for _ in 0..2 {
        let erased: Value = serde_json::from_str(&done(&words("chief"))).unwrap();
        assert_eq!((&erased["status"], &erased["person_id"]), (&json!("erased"), &json!(person)));
    }
    let check = directory.check();
    assert!(check.status.success(), "{}", told(&check));
    let life = done(&["replay", "person", person, "--data", &data, "--purpose", "audit"]);
    assert!(!life.contains(NAME) && life.lines().count() == 3, "{life}");
    let verifier = directory.token(&["--role", "verifier", "--purposes", "verification"]);
    directory.serve().caller(&verifier).get(&path).await.problem(410, "erased");
}
