//! Reads that are lawfully hidden from the person until a day, from the real service with a clock
//! that is put forward.

use std::fs;

use jiff::{Span, Timestamp};
use serde_json::json;

use crate::accesses_http::{accesses, all, get_with, ground_with};
use crate::process::faults::shim;

#[tokio::test(flavor = "multi_thread")]
async fn a_lawfully_hidden_read_is_told_on_its_day_and_leaves_no_gap_before() {
    let beside = tempfile::tempdir().expect("a folder");
    let clock = beside.path().join("clock");
    let clock = clock.to_str().expect("a name in UTF-8");
    fs::write(clock, "0").expect("a file");
    let ground = ground_with(&[("LD_PRELOAD", shim()), ("FAULT_CLOCK", clock)]);
    let (path, twin) = (ground.person(1, "陈小明").await, ground.person(2, "李清照").await);
    let [own, of_twin] = ground.citizens([&path, &twin]).await;
    let clerk = &ground.clerk;
    let today = domain::clocks::day_in_china(Timestamp::now());
    let day = |days: i32| (today + Span::new().days(days)).to_string();
    let (until, long) = (day(2), day(731));
    let hidden = [("hidden-until", until.as_str()), ("legal-basis", "criminal_investigation")];
    for number in 0..5 {
        if number != 2 {
            get_with(clerk, &path, &hidden).await.with(200);
        }
        for path in [&path, &twin] {
            clerk.get(path).await.with(200);
        }
    }
    get_with(clerk, &format!("{path}/history"), &hidden).await.with(200);

    // The one with hidden reads sees what the one without sees, page by page.
    for limit in [1, 2, 5, 100] {
        let shapes = [(&own, &path), (&of_twin, &twin)].map(|(caller, path)| async move {
            let (mut shape, mut before) = (Vec::new(), String::new());
            loop {
                let page = format!("{path}/accesses?limit={limit}{before}");
                let page = caller.get(&page).await.with(200);
                let entries = page["accesses"].as_array().expect("accesses").clone();
                shape.push((entries.len(), page["next"].is_null()));
                assert!(all(&entries, "hidden_until").iter().all(|day| *day == "-"));
                if page["next"].is_null() {
                    return shape;
                }
                before = format!("&before={}", page["next"]);
            }
        });
        let [of_own, of_twin] = shapes;
        assert_eq!(of_own.await, of_twin.await, "{limit} a page");
    }
    let value = format!("{path}/disclosures?item=full_name&value_at=1");
    let told = own.get(&value).await.with(200);
    assert_eq!(told["disclosures"].as_array().expect("disclosures").len(), 5);
    let audited = ground.auditor.get(&value).await.with(200);
    assert_eq!(audited["disclosures"].as_array().expect("disclosures").len(), 10);
    let audited = accesses(&ground.auditor, &path).await;
    let marked: Vec<_> = audited.iter().filter(|one| one["hidden_now"] == true).collect();
    assert_eq!(marked.len(), 5);
    for one in marked {
        assert_eq!(
            (&one["hidden_until"], &one["legal_basis"]),
            (&json!(until), &json!(hidden[1].1))
        );
    }

    // Who may not, on no such basis, not for ever, not by halves; and such a read is none.
    let count = audited.len() + 1;
    let refused = [
        (&ground.auditor, vec![hidden[0], hidden[1]], 403, "hiding_not_allowed"),
        (clerk, vec![hidden[0], ("legal-basis", "court_decision")], 403, "hiding_not_allowed"),
        (clerk, vec![hidden[0], ("legal-basis", "curiosity")], 400, "bad_request"),
        (clerk, vec![hidden[0]], 400, "bad_request"),
        (clerk, vec![hidden[1]], 400, "bad_request"),
        (clerk, vec![("hidden-until", "2020-01-01"), hidden[1]], 400, "bad_request"),
        (clerk, vec![("hidden-until", long.as_str()), hidden[1]], 400, "bad_request"),
        (clerk, vec![("on-behalf-of", "990101197001010014")], 400, "bad_request"),
        (clerk, vec![("on-behalf-of", "two words")], 400, "bad_request"),
    ];
    for (caller, headers, status, code) in refused {
        get_with(caller, &path, &headers).await.problem(status, code);
    }
    assert_eq!(accesses(&ground.auditor, &path).await.len(), count);

    let before = accesses(&own, &path).await.len();
    fs::write(clock, (2 * 86_400).to_string()).expect("a file");
    let after = accesses(&own, &path).await;
    let opened: Vec<_> = after.iter().filter(|one| one["hidden_until"] == *until).collect();
    assert_eq!((opened.len(), after.len()), (5, before + 1 + 5));
    let audited = accesses(&ground.auditor, &path).await;
    assert!(audited.iter().all(|one| one["hidden_now"] == false));
    ground.server.stop();
}

/// For long a read is hidden only when somebody else than who asks said so, and who audits sees who.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_hides_a_read_for_long_alone() {
    let ground = ground_with(&[]);
    let path = ground.person(1, "陈小明").await;
    let system = ["--role", "upstream", "--department", "pol", "--purposes", "verification"];
    let system = ground.directory.token(&[&system[..], &["--subject", "desk-1"]].concat());
    let [own] = ground.citizens([&path]).await;
    let system = ground.server.caller(&system);
    let day = |days: i32| {
        let today = domain::clocks::day_in_china(Timestamp::now());
        (today + Span::new().days(days)).to_string()
    };
    // A day more, should midnight pass meanwhile.
    let (short, long, longest) = (day(90), day(92), day(730));
    let basis = ("legal-basis", "criminal_investigation");
    let (short, long) = (("hidden-until", short.as_str()), ("hidden-until", long.as_str()));
    let by = |id| ("hidden-approved-by", id);
    let of = |id| ("on-behalf-of", id);
    for (caller, headers, status, code) in [
        (&ground.clerk, vec![long, basis], 403, "hiding_not_allowed"),
        (&ground.clerk, vec![long, basis, by("clerk-7")], 403, "hiding_not_allowed"),
        (&ground.clerk, vec![short, basis, by("clerk-7")], 403, "hiding_not_allowed"),
        (&ground.clerk, vec![long, basis, of("o-3"), by("o-3")], 403, "hiding_not_allowed"),
        // A system asks for somebody; who that is must be known.
        (&system, vec![long, basis, by("chief-1")], 403, "hiding_not_allowed"),
        (&system, vec![long, basis, of("o-3"), by("desk-1")], 403, "hiding_not_allowed"),
        (&ground.clerk, vec![long, basis, by("two words")], 400, "bad_request"),
        (&ground.clerk, vec![by("chief-1")], 400, "bad_request"),
        (&ground.clerk, vec![by("chief-1"), basis], 400, "bad_request"),
    ] {
        let refused = get_with(caller, &path, &headers).await.problem(status, code);
        assert!(!refused["detail"].to_string().contains("chief-1"), "{refused}");
    }
    assert_eq!(accesses(&ground.auditor, &path).await.len(), 0, "nothing was told");
    let longest = ("hidden-until", longest.as_str());
    for (caller, headers) in [
        (&ground.clerk, vec![short, basis]),
        (&ground.clerk, vec![short, basis, by("chief-1")]),
        (&ground.clerk, vec![longest, basis, of("o-3"), by("chief-2")]),
        (&system, vec![long, basis, of("o-3"), by("chief-3")]),
    ] {
        get_with(caller, &path, &headers).await.with(200);
    }
    let told = accesses(&own, &path).await;
    assert!(!all(&told, "operation").contains(&"read_person"), "none is told before its day");
    let audited = accesses(&ground.auditor, &path).await;
    let hidden: Vec<_> = audited.into_iter().filter(|one| one["hidden_now"] == true).collect();
    assert_eq!(all(&hidden, "hidden_approved_by"), ["chief-3", "chief-2", "chief-1", "-"]);
    ground.server.stop();
}
