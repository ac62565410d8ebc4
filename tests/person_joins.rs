//! Merges and splits that the records do not allow, by the rule that they break.

use domain::{Kind, PersonId, Refusal::*, Role};

use crate::person_refusals::Case;
use crate::person_told::{ANN, BEN, OWN, Told, aside, told};

const ON: &str = "2026-05-01";

fn born() -> Told {
    told(Kind::Birth, "1990-01-01")
}

fn absorbs(whom: PersonId) -> Told {
    told(Kind::PersonMerge, ON).with(Role::Absorbed, whom).approved("chief")
}

fn absorbed_by(survivor: PersonId) -> Told {
    aside(Kind::PersonMerge, ON).with(Role::Survivor, survivor)
}

fn split_from(survivor: PersonId) -> Told {
    aside(Kind::PersonSplit, ON).with(Role::Survivor, survivor)
}

/// Two records are one person's, or they are not.
pub fn of_joins() -> Vec<Case> {
    let unapproved = told(Kind::PersonMerge, ON).with(Role::Absorbed, ANN);
    let of = |kind: Kind| told(kind, ON).of(1).approved("chief");
    vec![
        ("a_merge_of_nobody", PersonUnknown, vec![], absorbed_by(ANN)),
        ("a_merge_with_oneself", SamePerson, vec![born()], absorbs(OWN)),
        ("a_merge_that_nobody_approved", ApprovalMissing, vec![born()], unapproved.clone()),
        (
            "a_merge_that_who_asked_approved",
            ApproverIsActor,
            vec![born()],
            unapproved.approved("clerk"),
        ),
        (
            "a_record_that_is_absorbed_already",
            AlreadyMerged,
            vec![born(), absorbed_by(ANN)],
            absorbed_by(BEN),
        ),
        ("a_split_without_a_merge", NotMerged, vec![born()], split_from(ANN)),
        ("a_split_from_another", NotMerged, vec![born(), absorbed_by(ANN)], split_from(BEN)),
        (
            "a_second_split",
            NotMerged,
            vec![born(), absorbed_by(ANN), split_from(ANN)],
            split_from(ANN),
        ),
        (
            "an_annulled_merge_that_nobody_approved",
            ApprovalMissing,
            vec![born(), absorbs(ANN)],
            told(Kind::Annulment, ON).of(1),
        ),
        (
            "a_corrected_merge_that_nobody_approved",
            ApprovalMissing,
            vec![born(), absorbs(ANN)],
            told(Kind::Correction, "2026-04-01").of(1),
        ),
        (
            "a_corrected_merge_that_stays",
            CorrectsNothing,
            vec![born(), absorbs(ANN)],
            of(Kind::Correction),
        ),
        (
            "an_annulled_merge_that_was_split_since",
            NotMerged,
            vec![born(), absorbed_by(ANN), split_from(ANN)],
            aside(Kind::Annulment, ON).of(1),
        ),
        (
            "an_annulled_split_of_who_is_absorbed_by_another",
            AlreadyMerged,
            vec![born(), absorbed_by(ANN), split_from(ANN), absorbed_by(BEN)],
            aside(Kind::Annulment, ON).of(2),
        ),
    ]
}
