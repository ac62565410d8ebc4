//! What a death parts, over HTTP from the real service: a marriage that only a village said to have
//! ended, and a guardianship, which leaves somebody to be given another guardian.

use serde_json::{Value, json};

use crate::process::caller::Caller;
use crate::process::events::{citizen, event};
use crate::process::server::{Directory, Server};

struct Ground {
    server: Server,
    upstream: Caller,
    verifier: Caller,
    _directory: Directory,
}

fn ground() -> Ground {
    let directory = Directory::make();
    let upstream = directory.token(&["--role", "upstream"]);
    let verifier = directory.token(&["--role", "verifier", "--purposes", "verification"]);
    let server = directory.serve();
    let (upstream, verifier) = (server.caller(&upstream), server.caller(&verifier));
    Ground { server, upstream, verifier, _directory: directory }
}

impl Ground {
    /// Records what a department tells of somebody on a day; gives the receipt.
    async fn tell(&self, by: &str, id: &str, kind: &str, who: u32, on: &str, more: Value) -> Value {
        let mut sent = event(id, kind, &citizen(who), on, more);
        let (department, channel) = by.split_once(' ').expect("who and how");
        sent["source"] = json!(format!("/{department}/990101/desk"));
        sent["data"]["channel"] = json!(channel);
        self.upstream.record(&sent).await
    }

    /// A person's archive after an event, or as of a day.
    async fn archive(&self, person: &Value, after: &Value, question: &str) -> Value {
        let id = person["person_id"].as_str().expect("an id");
        let head = after["position"].as_u64().expect("a position");
        self.verifier.get_at(&format!("/v1/persons/{id}{question}"), head).await.with(200)
    }
}

fn family(archive: &Value) -> Vec<(&str, &Value, bool)> {
    let links = archive["family"].as_array().expect("ties").iter();
    let link = |link| {
        let link: &Value = link;
        let is_doubted = link.get("doubted_since").is_some();
        (link["role"].as_str().expect("a role"), &link["until"], is_doubted)
    };
    links.map(link).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_after_a_divorce_that_only_a_village_told_is_told_to_the_widow() {
    let ground = ground();
    let load = |name: &str, sex: &str| json!({"items": {"full_name": name, "sex": sex}});
    ground.tell("pol DX", "r-1", "registration", 1, "2026-01-01", load("甲", "1")).await;
    let wife = ground.tell("pol DX", "r-2", "registration", 2, "2026-01-01", load("乙", "2")).await;
    let both = json!({"spouse": {"document": citizen(2)}});
    ground.tell("civ DX", "m-1", "marry_first", 1, "2026-01-02", both.clone()).await;
    let split = ground.tell("vil MR", "v-1", "divorce_reg", 1, "2026-01-03", both).await;
    let archive = ground.archive(&wife, &split, "").await;
    assert_eq!(family(&archive), [("spouse", &Value::Null, true)], "the register doubts it");
    let died = ground.tell("hlt DX", "d-1", "death", 1, "2026-02-01", json!({})).await;
    let archive = ground.archive(&wife, &died, "").await;
    assert_eq!(family(&archive), [("spouse", &json!("2026-02-01"), false)]);
    assert_eq!(archive["items"]["marital_code"]["value"], "30");
    let before = ground.archive(&wife, &died, "?valid_on=2026-01-31").await;
    assert_eq!(family(&before), [("spouse", &Value::Null, true)]);
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_guardian_died_is_to_be_given_another_until_one_is_set_or_not_needed() {
    let ground = ground();
    let child = json!({"items": {"full_name": "丙", "sex": "1", "birth_date": "2015-05-05"}});
    let child = ground.tell("pol DX", "r-1", "registration", 3, "2026-01-01", child).await;
    let load = json!({"items": {"full_name": "丁", "sex": "2", "birth_date": "1970-01-01"}});
    let guardian = ground.tell("pol DX", "r-2", "registration", 4, "2026-01-01", load).await;
    let set = json!({"guardian": {"document": citizen(4)}, "basis": "law"});
    let set = ground.tell("civ OW", "g-1", "guardian_set", 3, "2026-01-02", set).await;
    assert_eq!(ground.archive(&child, &set, "").await.get("tasks"), None);
    let died = ground.tell("hlt DX", "d-1", "death", 4, "2026-02-01", json!({})).await;
    let task = json!([{"task": "name_guardian", "reason": "dead", "since": "2026-02-01",
        "former_guardian": guardian["person_id"]}]);
    let archive = ground.archive(&child, &died, "").await;
    assert_eq!(family(&archive), [("guardian", &json!("2026-02-01"), false)]);
    assert_eq!(archive["tasks"], task);
    assert_eq!(ground.archive(&child, &died, "?fields=tasks").await["tasks"], task);
    let told = ground.archive(&guardian, &died, "").await;
    assert_eq!(family(&told), [("ward", &json!("2026-02-01"), false)]);
    assert_eq!(told.get("tasks"), None);
    // Before the death, and once they are of age, there is nothing to do.
    for day in ["2026-01-31", "2033-05-05"] {
        let question = format!("?valid_on={day}");
        assert_eq!(ground.archive(&child, &died, &question).await.get("tasks"), None, "{day}");
    }
    assert_eq!(ground.archive(&child, &died, "?valid_on=2033-05-04").await["tasks"], task);
    let other = json!({"guardian": {"document": citizen(5)}, "basis": "appointment"});
    let other = ground.tell("jud DX", "g-2", "guardian_set", 3, "2026-02-10", other).await;
    assert_eq!(ground.archive(&child, &other, "").await.get("tasks"), None);
    ground.server.stop();
}
