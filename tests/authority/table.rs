//! The table of access as data: that it can be read, what it says, and what is told of a bad one.

use api::access::Role::{
    Admin, Analyst, Auditor, Citizen, CountyOperator, DepartmentLiaison, SecurityOfficer, Upstream,
    Verifier, VillageClerk,
};
use api::access::Show::{Full, Masked, None as Hidden};
use api::access::table::{DEPARTMENTS_CSV, TABLE_CSV, Table};
use api::access::{Action, PURPOSES, Part, ROLES, Role, Show, Sight, may};
use domain::{Item, Topic};

use crate::process::server::done;

fn table() -> Table {
    Table::parse(TABLE_CSV, DEPARTMENTS_CSV).unwrap()
}

#[test]
fn the_table_says_who_sees_what() {
    let table = table();
    let cases: [(Role, &str, &str, Part, Show); 32] = [
        (Upstream, "", "registration", Part::Number, Full),
        (Upstream, "HLT", "registration", Part::Name, Full),
        (Upstream, "HLT", "service", Part::Number, Masked),
        (Upstream, "HLT", "registration", Part::Fertility, Full),
        (Upstream, "HLT", "registration", Part::Relief, Hidden),
        (Upstream, "", "registration", Part::Relief, Full),
        (VillageClerk, "", "registration", Part::Phone, Full),
        (VillageClerk, "", "registration", Part::Number, Masked),
        (VillageClerk, "", "registration", Part::Medical, Hidden),
        (Verifier, "", "verification", Part::Number, Full),
        (Verifier, "", "verification", Part::Medical, Full),
        (Verifier, "", "service", Part::Number, Masked),
        (Verifier, "", "service", Part::Medical, Hidden),
        (CountyOperator, "", "service", Part::Relief, Full),
        (CountyOperator, "", "service", Part::Fertility, Masked),
        (DepartmentLiaison, "CIV", "service", Part::Welfare, Full),
        (DepartmentLiaison, "CIV", "service", Part::Education, Hidden),
        (DepartmentLiaison, "EDU", "service", Part::Education, Full),
        (DepartmentLiaison, "EDU", "service", Part::Household, Hidden),
        (DepartmentLiaison, "STA", "service", Part::Education, Hidden),
        (Auditor, "", "audit", Part::Name, Full),
        (Auditor, "", "audit", Part::Marriage, Full),
        (Auditor, "", "audit", Part::Number, Masked),
        (Auditor, "", "audit", Part::Medical, Masked),
        (Citizen, "", "own_record", Part::Medical, Full),
        (Citizen, "", "own_record", Part::Name, Full),
        (Verifier, "", "own_record", Part::Name, Hidden),
        (Verifier, "", "statistics", Part::Name, Hidden),
        (Citizen, "", "curiosity", Part::Name, Hidden),
        (Analyst, "", "statistics", Part::Sex, Hidden),
        (SecurityOfficer, "", "audit", Part::Name, Hidden),
        (Admin, "", "audit", Part::Name, Hidden),
    ];
    for (role, department, purpose, part, due) in cases {
        let code = department.as_bytes().try_into().ok();
        let seen = table.sight(role, code, purpose).show(part);
        assert_eq!(seen, due, "{} {department} {purpose} {}", role.name(), part.name());
    }
}

/// Separation of duties: who runs the service, who decides about access and who counts see nobody.
#[test]
fn roles_without_data_see_nothing_for_any_purpose() {
    let table = table();
    for (role, _) in ROLES {
        let mut sights = PURPOSES.iter().map(|purpose| table.sight(*role, None, purpose));
        let is_blind = sights.all(|sight| sight.is_blind());
        let reads = [Action::ReadPerson, Action::Search, Action::ListPlace, Action::ReadHistory];
        let may_read = reads.iter().any(|action| may(*role, *action));
        assert_eq!(is_blind, !may_read, "{}", role.name());
        assert!(table.sight(*role, None, "statistics").is_blind(), "{}", role.name());
    }
}

/// Nobody sees more for belonging to a department than who acts for all of them.
#[test]
fn a_department_only_narrows() {
    let table = table();
    for (role, _) in ROLES {
        for purpose in PURPOSES {
            let any = table.sight(*role, None, purpose);
            for row in domain::codes::DEPARTMENT.rows() {
                let code = row.code.as_bytes().try_into().ok();
                let one = table.sight(*role, code, purpose);
                assert_eq!(one.narrowed_to(any), one, "{} {purpose} {}", role.name(), row.code);
            }
        }
    }
}

#[test]
fn a_bad_table_is_told_by_file_and_line() {
    let lines = |table: &str| table.lines().count();
    let without = |start: &str| {
        let kept = TABLE_CSV.lines().filter(|line| !line.starts_with(start));
        kept.collect::<Vec<_>>().join("\n")
    };
    let no_phone = without("phone,*");
    let cases = [
        (String::new(), 1, "heading"),
        (TABLE_CSV.replacen(",citizen", "", 1), 1, "columns"),
        (TABLE_CSV.replacen("name,*", "nome,*", 1), 4, "no part nome"),
        (TABLE_CSV.replacen("name,*", "name,fun", 1), 4, "no purpose fun"),
        (TABLE_CSV.replacen("name,*,full", "name,*,most", 1), 4, "most"),
        (TABLE_CSV.replacen("name,*,full", "name,*", 1), 4, "9 words"),
        (TABLE_CSV.replacen("name,*,full", "name", 1), 4, "no purpose full"),
        (TABLE_CSV.replacen("name,*", "*,*", 1), 4, "of a part or of a purpose"),
        (TABLE_CSV.replacen("number,*", "name,*", 1), 5, "already"),
        (no_phone.clone(), lines(&no_phone) + 1, "phone"),
    ];
    for (bad, line, what) in cases {
        let error = Table::parse(&bad, DEPARTMENTS_CSV).unwrap_err();
        assert_eq!((error.file, error.line), ("table.csv", line), "{error}");
        assert!(error.what.contains(what), "{error}");
    }
    let cases = [
        ("department,parts\nXYZ,relief".to_owned(), 2, "no department XYZ"),
        (DEPARTMENTS_CSV.replacen("medical", "medicine", 1), 3, "no part medicine"),
        (DEPARTMENTS_CSV.replacen("HLT,", "POL,", 1), 3, "already"),
        (DEPARTMENTS_CSV.replacen("department,", "", 1), 1, "columns"),
        (DEPARTMENTS_CSV.lines().take(16).collect::<Vec<_>>().join("\n"), 17, "TWN"),
    ];
    for (bad, line, what) in cases {
        let error = Table::parse(TABLE_CSV, &bad).unwrap_err();
        assert_eq!((error.file, error.line), ("departments.csv", line), "{error}");
        assert!(error.what.contains(what), "{error}");
    }
}

#[test]
fn a_sight_keeps_each_part_by_itself() {
    let mut sight = Sight::NOTHING;
    for (at, part) in Part::all().enumerate() {
        sight = sight.with(part, [Hidden, Masked, Full][at % 3]);
    }
    for (at, part) in Part::all().enumerate() {
        assert_eq!(sight.show(part), [Hidden, Masked, Full][at % 3], "{}", part.name());
        assert_eq!(Part::from_name(part.name()), Some(part));
        assert_eq!(sight.sees(part), at % 3 != 0);
        let less = sight.with(part, Masked);
        let seen = less.narrowed_to(sight).show(part);
        assert_eq!(seen, sight.show(part).min(Masked));
        assert_eq!(less.widened_by(sight).show(part), sight.show(part).max(Masked));
    }
    assert!(Sight::NOTHING.is_blind() && Sight::EVERYTHING.is_whole());
    assert_eq!(Sight::EVERYTHING.parts(Full).count(), Part::ALL.len());
}

/// A field is seen no better than its topic, nor than what it holds.
#[test]
fn a_field_is_seen_as_its_topic_and_what_it_holds() {
    let all = Sight::EVERYTHING;
    assert_eq!(all.show_field("household", "former_name"), Full);
    let no_names = all.with(Part::Name, Masked).with(Part::Certificates, Hidden);
    for (topic, field, due) in [
        ("household", "former_name", Masked),
        ("welfare", "disability_certificate_no", Hidden),
        ("welfare", "disability_level", Full),
        ("education", "student_no", Hidden),
        ("hobbies", "name", Full),
    ] {
        assert_eq!(no_names.show_field(topic, field), due, "{topic} {field}");
    }
    for (topic, ..) in Topic::ALL {
        let without = all.with(Part::of_topic(topic), Hidden);
        for field in topic.fields() {
            assert_eq!(without.show_field(topic.name(), field.name), Hidden, "{}", field.name);
        }
        assert_eq!(without.show_field(topic.name(), "anything"), Hidden);
    }
    let no_words = all.with(Part::Details, Hidden);
    assert_eq!(no_words.show_field("hobbies", "name"), Hidden);
    assert_eq!(all.with(Part::Phone, Masked).show_item(Item::Phone), Masked);
}

/// Whoever answers for access reads what the program decides by, word by word.
#[test]
fn the_table_is_printed_as_it_decides() {
    let printed = done(&["access-table"]);
    let lines: Vec<Vec<&str>> =
        printed.lines().map(|line| line.split_whitespace().collect()).collect();
    for (role, actions) in ROLES {
        let names: Vec<_> = actions.iter().map(|action| action.name()).collect();
        let due = [vec![role.name()], names].concat();
        assert!(lines.contains(&due), "{due:?}");
    }
    let words = |line: &str| line.split([',', ' ']).map(str::to_owned).collect::<Vec<_>>();
    for line in TABLE_CSV.lines().skip(1).chain(DEPARTMENTS_CSV.lines().skip(1)) {
        let due: Vec<_> = words(line).into_iter().filter(|word| !word.is_empty()).collect();
        assert!(lines.iter().any(|line| *line == due), "{due:?}");
    }
}
