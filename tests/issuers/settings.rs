//! Settings that cannot be meant stop the start, and the message says which.

use std::error::Error;
use std::fs;

use api::access::oidc::Issuers;

const GOOD: &str = r#"
[[issuer]]
name = "province"
url = "https://login.example/realm"
audience = "renkou"

[issuer.ceiling]
roles = ["verifier"]
department = "any"
place = "all"
purposes = ["verification"]

[issuer.claims]
role = "realm_access.roles"
"#;

#[test]
fn settings_that_cannot_be_meant_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuers.toml");
    assert!(Issuers::open(&path).unwrap().is_empty(), "no file, no issuers");
    fs::write(&path, GOOD).unwrap();
    assert!(!Issuers::open(&path).unwrap().is_empty());

    let twice = format!("{GOOD}{GOOD}");
    let rows = [
        ("audience = \"renkou\"", "", "audience"),
        ("audience = \"renkou\"", "audience = \"\"", "an audience is due"),
        ("audience = \"renkou\"", "audience = \"renkou\"\naudiance = \"x\"", "audiance"),
        ("https://login", "http://login", "loopback"),
        ("https://login.example/realm", "login", "https://"),
        ("https://login", "ftp://login", "https://"),
        ("\"province\"", "\"pro vince\"", "hyphens"),
        ("roles = [\"verifier\"]", "roles = []", "at least one role"),
        ("roles = [\"verifier\"]", "roles = [\"root\"]", "root"),
        ("roles = [\"verifier\"]", "", "roles"),
        ("department = \"any\"", "", "department"),
        ("\"any\"", "\"XXX\"", "no such department"),
        ("place = \"all\"", "", "place"),
        ("\"all\"", "\"everywhere\"", "division"),
        ("[\"verification\"]", "[\"curiosity\"]", "purpose"),
        ("[issuer.claims]", "[issuer.claimes]", "claimes"),
        ("role = \"realm", "rolle = \"realm", "rolle"),
        ("[issuer.ceiling]", "algorithms = [\"none\"]\n[issuer.ceiling]", "none"),
        ("[issuer.ceiling]", "algorithms = [\"HS256\"]\n[issuer.ceiling]", "HS256"),
        ("[issuer.ceiling]", "algorithms = []\n[issuer.ceiling]", "algorithm"),
        ("[issuer.ceiling]", "leeway_seconds = 301\n[issuer.ceiling]", "leeway"),
        ("[issuer.ceiling]", "leeway_seconds = -1\n[issuer.ceiling]", "leeway"),
        ("[issuer.ceiling]", "ca_file = \"missing.pem\"\n[issuer.ceiling]", "missing.pem"),
        (GOOD, &twice, "twice"),
    ];
    for (from, to, told) in rows {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from} is not in the sample");
        fs::write(&path, &text).unwrap();
        let error = Issuers::open(&path).err().unwrap_or_else(|| panic!("taken: {to}"));
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        assert!(format!("{error} {source}").contains(told), "{error} {source} for {to}");
    }
}
