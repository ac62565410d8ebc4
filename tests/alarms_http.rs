//! Readers who are told of many persons: alarms, and the second person without whom there are no
//! more, over a restart and as days go by.

use std::fs;

use api::access::{ReadingLimits, Role};
use serde_json::{Value, json};

use crate::process::caller::Caller;
use crate::process::events::{VILLAGE, citizen, registration};
use crate::process::faults::shim;
use crate::process::server::{Directory, Server};

/// Few, so that they are soon too many.
const LIMITS: &str = "role,alarm_1,alarm_2,alarm_3,ceiling\nverifier,2,4,6,5\n";

fn serve(directory: &Directory, clock: &str) -> Server {
    directory.serve_with(&[("LD_PRELOAD", shim()), ("FAULT_CLOCK", clock)])
}

async fn alarms(caller: &Caller, holder: &str) -> Vec<u64> {
    let list = caller.get(&format!("/v1/audit/alarms?holder={holder}")).await.with(200);
    let all = list["alarms"].as_array().expect("alarms").iter();
    all.map(|alarm| alarm["threshold"].as_u64().expect("a number")).collect()
}

fn approval(holder: &str, up_to: u32, days: i64) -> Value {
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    json!({"holder": holder, "up_to": up_to, "until": until, "reason": "年度入户核查"})
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_told_of_many_raises_alarms_and_needs_a_second_person_for_more() {
    let directory = Directory::make();
    fs::write(directory.path().join("reading_limits.csv"), LIMITS).expect("a file");
    let clock = directory.beside("clock").to_str().expect("UTF-8").to_owned();
    fs::write(&clock, "0").expect("a file");
    let token = |role: &str, subject: &str| {
        let words = ["--role", role, "--subject", subject, "--purposes", "verification,audit"];
        directory.token(&words)
    };
    let upstream = token("upstream", "hlt-1");
    let clerk = token("verifier", "clerk-7");
    let colleague = token("verifier", "clerk-8");
    let officer = token("security_officer", "officer-1");
    let himself = token("security_officer", "clerk-7");
    let auditor = token("auditor", "auditor-1");
    let mut server = serve(&directory, &clock);
    let mut paths = Vec::new();
    for number in 1..=9 {
        let sent = registration(&format!("r-{number}"), &citizen(number), "陈小明", VILLAGE);
        let receipt = server.caller(&upstream).record(&sent).await;
        paths.push(format!("/v1/persons/{}", receipt["person_id"].as_str().expect("an id")));
    }
    server.caller(&upstream).get_at(&paths[8], 9).await.with(200);
    for path in &paths {
        // A machine of an office is not counted.
        server.caller(&upstream).get(path).await.with(200);
    }
    let by_clerk = server.caller(&clerk);
    for _ in 0..3 {
        by_clerk.get(&paths[0]).await.with(200);
    }
    let none = alarms(&server.caller(&officer), "clerk-7").await;
    assert!(none.is_empty(), "one person, however often: {none:?}");
    for path in &paths[..5] {
        by_clerk.get(path).await.with(200);
    }
    assert_eq!(alarms(&server.caller(&officer), "clerk-7").await, [2, 4]);
    for reopened in [false, true] {
        if reopened {
            server.stop();
            server = serve(&directory, &clock);
        }
        let by_clerk = server.caller(&clerk);
        let refused = by_clerk.get(&paths[5]).await.problem(403, "approval_required");
        assert_eq!(refused["ceiling"], 5);
        by_clerk.get(&format!("{}/history", paths[6])).await.problem(403, "approval_required");
        by_clerk
            .get(&format!("/v1/places/{VILLAGE}/people"))
            .await
            .problem(403, "approval_required");
        let named = json!({"full_name": "陈小明"});
        by_clerk.ask("/v1/persons/search", &named).await.problem(403, "approval_required");
        by_clerk.get(&paths[4]).await.with(200);
        assert_eq!(alarms(&server.caller(&auditor), "clerk-7").await, [2, 4], "{reopened}");
    }
    // What was refused is on nobody's record.
    let by_auditor = server.caller(&auditor).purpose("audit");
    let told = by_auditor.get(&format!("{}/accesses", paths[5])).await.with(200);
    assert!(!told.to_string().contains("clerk-7"), "{told}");
    // Others are not concerned.
    server.caller(&colleague).get(&paths[5]).await.with(200);

    let approvals = "/v1/audit/approvals";
    for (token, code) in [(&clerk, "not_allowed"), (&auditor, "not_allowed")] {
        let caller = server.caller(token);
        caller.ask(approvals, &approval("clerk-7", 7, 30)).await.problem(403, code);
    }
    let bad = [
        (server.caller(&himself), approval("clerk-7", 7, 30), "approver_is_holder"),
        (server.caller(&officer), approval("clerk-7", 7, 91), "until_out_of_range"),
        (server.caller(&officer), approval("clerk-7", 7, -1), "until_out_of_range"),
        (server.caller(&officer), approval("clerk-7", 0, 30), "up_to_out_of_range"),
    ];
    for (caller, asked, code) in bad {
        let refused = caller.ask(approvals, &asked).await.problem(422, "rejected");
        assert_eq!(refused["errors"][0]["code"], code);
    }
    let officer = server.caller(&officer);
    let given = officer.ask(approvals, &approval("clerk-7", 7, 30)).await.with(201);
    assert_eq!((&given["approver"], &given["up_to"]), (&json!("officer-1"), &json!(7)));
    let by_clerk = server.caller(&clerk);
    by_clerk.get(&paths[5]).await.with(200);
    by_clerk.get(&paths[6]).await.with(200);
    let refused = by_clerk.get(&paths[7]).await.problem(403, "approval_required");
    assert_eq!(refused["ceiling"], 7);
    assert_eq!(alarms(&officer, "clerk-7").await, [2, 4, 6]);
    server.stop();
    let server = serve(&directory, &clock);
    let by_clerk = server.caller(&clerk);
    by_clerk.get(&paths[7]).await.problem(403, "approval_required");
    let list = server.caller(officer.token()).get(approvals).await.with(200);
    assert_eq!(list["approvals"], json!([given]));
    // Days go by, and what was told is long ago.
    fs::write(&clock, (31 * 86_400).to_string()).expect("a file");
    by_clerk.get(&paths[7]).await.with(200);
    by_clerk.get(&paths[8]).await.with(200);
    assert_eq!(alarms(&server.caller(officer.token()), "clerk-7").await, [2, 4, 6, 2]);
}

#[test]
fn a_table_of_limits_that_is_wrong_ends_the_start() {
    for table in [
        "",
        "role,alarm_1,alarm_2,alarm_3,ceiling\nking,1,2,3,4\n",
        "role,alarm_1,alarm_2,alarm_3,ceiling\nverifier,3,2,5,4\n",
        "role,alarm_1,alarm_2,alarm_3,ceiling\nverifier,1,2,3\n",
        "role,alarm_1,alarm_2,alarm_3,ceiling\nverifier,1,2,3,many\n",
        "role,alarm_1,alarm_2,alarm_3,ceiling\nverifier,1,2,3,\nverifier,1,2,3,\n",
    ] {
        let directory = Directory::make();
        fs::write(directory.path().join("reading_limits.csv"), table).expect("a file");
        let (status, said) = directory.serve_in_vain(&[]);
        assert!(!status.success() && said.contains("reading_limits.csv"), "{table}: {said}");
    }
}

#[test]
fn only_readers_of_made_up_people_are_never_held_up() {
    let (real, made_up) = (ReadingLimits::default(), ReadingLimits::of_fictional_people());
    let limits = |role| (real.of(role).expect("a limit"), made_up.of(role).expect("a limit"));
    for role in [Role::VillageClerk, Role::Verifier, Role::CountyOperator, Role::Auditor] {
        let (real, made_up) = limits(role);
        assert_eq!((real.ceiling, made_up.ceiling), (Some(2_500), Some(u32::MAX)));
        assert_eq!(real.alarms, made_up.alarms);
    }
    assert_eq!(limits(Role::DepartmentLiaison).0.ceiling, Some(250));
}
