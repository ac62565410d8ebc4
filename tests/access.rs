//! Tokens: made once, kept hashed, ended by time or by hand, and what roles may do.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use api::access::{Action, Grant, ROLES, Role, StoreError, TokenError, TokenStore, may};
use api::http::Limits;
use domain::{PersonId, Place};
use jiff::Timestamp;
use uuid::Uuid;

use crate::collecting::{event, grant, start};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

#[test]
fn a_token_is_good_from_making_to_revoking() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.json");
    let store = TokenStore::open(&path).unwrap();
    assert!(!path.exists(), "opening creates nothing");
    let mut new = grant(Role::Verifier);
    new.expires_at = Some(at(1_000));
    let (token, made) = store.create(new).unwrap();
    let (other, _) = store.create(grant(Role::Upstream)).unwrap();
    assert!(token.starts_with(&format!("rk_{}_", made.id)));
    assert_eq!(token.len() - made.id.len() - 4, 43);

    let read = TokenStore::open(&path).unwrap();
    assert_eq!(read.verify(&token, at(999)).unwrap(), made);
    assert_eq!(read.verify(&token, at(1_000)), Err(TokenError::Expired));
    let mut ids: Vec<String> = read.list().unwrap().iter().map(|grant| grant.id.clone()).collect();
    assert!(ids.is_sorted() && ids.len() == 2);
    store.revoke(&made.id).unwrap();
    assert_eq!(store.verify(&token, at(0)), Err(TokenError::Revoked));
    assert_eq!(store.verify(&other, at(0)).unwrap().role, Role::Upstream);
    assert!(store.list().unwrap().iter().any(|grant| grant.revoked));
    let missing = ids.pop().unwrap() + "0";
    assert!(matches!(store.revoke(&missing), Err(StoreError::NoSuchToken(id)) if id == missing));
}

#[test]
fn the_file_holds_no_secret_and_only_the_owner_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.json");
    let store = TokenStore::open(&path).unwrap();
    for _ in 0..3 {
        let (token, made) = store.create(grant(Role::Upstream)).unwrap();
        let secret = token.rsplit_once(&format!("{}_", made.id)).unwrap().1;
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(&made.id) && !text.contains(secret));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(fs::read_dir(folder.path()).unwrap().count() <= 2, "the file and its lock");
}

#[test]
fn a_token_that_is_not_exact_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = TokenStore::open(folder.path().join("access.json")).unwrap();
    let (token, made) = store.create(grant(Role::Upstream)).unwrap();
    let (second, _) = store.create(grant(Role::Admin)).unwrap();
    let secret_of_second = &second[second.len() - 43..];
    let swapped = format!("rk_{}_{secret_of_second}", made.id);
    let mut flipped = token.clone().into_bytes();
    *flipped.last_mut().unwrap() ^= 1;
    let flipped = String::from_utf8(flipped).unwrap();
    let longer = format!("{token}A");
    let bad = ["", "rk_", "rk__", "Bearer", &token[3..], &token[..40], &longer, &swapped, &flipped];
    for bad in bad {
        assert_eq!(store.verify(bad, at(0)), Err(TokenError::Unknown), "{bad}");
    }
    assert!(store.verify(&token, at(0)).is_ok());
}

#[test]
fn a_grant_that_contradicts_itself_is_not_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.json");
    let store = TokenStore::open(&path).unwrap();
    let mut purpose = grant(Role::Verifier);
    purpose.purposes = vec!["curiosity".into()];
    let mut department = grant(Role::Upstream);
    department.department = Some(*b"XXX");
    let mut person = grant(Role::Upstream);
    person.person = Some(PersonId::from_uuid(Uuid::from_u128(1)));
    for unfit in [purpose, department, person, grant(Role::Citizen)] {
        assert!(matches!(store.create(unfit), Err(StoreError::Unfit(_))));
    }
    assert!(!path.exists());
}

#[test]
fn a_damaged_file_grants_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.json");
    let (_, made) = TokenStore::open(&path).unwrap().create(grant(Role::Upstream)).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let wider = good.replace("\"990106\"", "\"everywhere\"");
    for damaged in ["", "{", &wider] {
        fs::write(&path, damaged).unwrap();
        let error = TokenStore::open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }
    fs::write(&path, good).unwrap();
    assert_eq!(TokenStore::open(&path).unwrap().list().unwrap(), [made]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_service_sees_tokens_made_and_revoked_beside_it() {
    let service = start(Limits::default()).await;
    let beside = TokenStore::open(service.folder.path().join("access.json")).unwrap();
    let (token, made) = beside.create(grant(Role::Upstream)).unwrap();
    let answered = async |expected: u16| {
        let url = format!("http://{}/v1/events", service.address);
        loop {
            let request = reqwest::Client::new().post(&url).bearer_auth(&token);
            let request = request.header("content-type", "application/cloudevents+json");
            let response = request.body(event("1").to_string()).send().await.unwrap();
            if response.status() == expected {
                return response;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    answered(201).await;
    beside.revoke(&made.id).unwrap();
    let refused = answered(401).await;
    assert_eq!(refused.headers()["www-authenticate"], "Bearer error=\"invalid_token\"");
}

#[test]
fn roles_may_do_what_the_table_says_and_nothing_else() {
    use Action::{Collect, ListPlace, Operate, ReadAudit, ReadMetrics, ReadPerson, Search};
    let personal = [ReadPerson, Search, ListPlace];
    assert!(may(Role::Upstream, Collect) && !may(Role::Upstream, Search));
    assert!(may(Role::Verifier, Collect) && personal.iter().all(|a| may(Role::Verifier, *a)));
    assert!(may(Role::Auditor, ReadAudit) && !may(Role::Auditor, Collect));
    assert!(personal.iter().all(|action| !may(Role::Admin, *action)));
    assert!(ROLES.iter().all(|(role, _)| may(*role, Operate) == (*role == Role::Admin)));
    let analyst = ROLES.iter().find(|(role, _)| *role == Role::Analyst).unwrap();
    assert_eq!(analyst.1, [ReadMetrics]);
}

#[test]
fn a_grant_reaches_its_own_subtree_and_a_citizen_their_own_record() {
    let own = PersonId::from_uuid(Uuid::from_u128(1));
    let other = PersonId::from_uuid(Uuid::from_u128(2));
    let citizen = Grant {
        id: "1".into(),
        subject: "citizen".into(),
        role: Role::Citizen,
        department: None,
        place: Some(Place::parse("9901").unwrap()),
        purposes: Vec::new(),
        expires_at: None,
        person: Some(own),
        revoked: false,
    };
    assert!(citizen.may_read(own) && !citizen.may_read(other));
    let nobody = Grant { person: None, ..citizen.clone() };
    assert!(!nobody.may_read(own), "a citizen without a record reads none");
    for (code, covered) in [("990106001", true), ("9901", true), ("99", false), ("990206", false)] {
        assert_eq!(citizen.covers(Place::parse(code).unwrap()), covered, "{code}");
    }
}
