//! Ties between persons told from the definitions: a tie lasts until it is ended, a marriage that
//! never was gives back what stood before it, and one that revives what stood when it ended.

use std::collections::BTreeMap;

use domain::{Item, Kind, PersonId, Role};

use crate::archive_naive::{Held, Speaker, Step, Truth};

type Marital = BTreeMap<Item, Held>;

const MARITAL: [Item; 3] = [Item::MaritalStatus, Item::MaritalChangeDate, Item::FirstMarriageDate];

/// A tie, by the positions of the events that began and ended it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tie {
    pub role: Role,
    pub person: PersonId,
    pub began: u64,
    pub ended: Option<u64>,
    before: Marital,
    at_end: Option<Marital>,
    /// The newest event by which somebody with the word told it, and of which department.
    pub word: Option<(u64, &'static str)>,
    /// The first event by which somebody without the word said that it ended.
    pub doubt: Option<u64>,
    /// A guardianship that ended with a life, while no guardian was set since.
    pub by_death: bool,
}

/// A tie that somebody without the word claims, where another one stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    pub role: Role,
    pub person: PersonId,
    pub position: u64,
    department: &'static str,
}

/// What the items of a marriage say.
pub fn marital(truth: &Truth) -> Marital {
    let held = |item: &Item| Some((*item, truth.items.get(item)?.clone()));
    MARITAL.iter().filter_map(held).collect()
}

fn give_back(truth: &mut Truth, marital: Marital) {
    MARITAL.iter().for_each(|item| {
        truth.items.remove(item);
    });
    truth.items.extend(marital);
}

/// Whose word counts on parents, adoptions and guardianships, and by deciding which events.
const ACTS: [(Role, &str, &[Kind]); 6] = [
    (Role::Mother, "HLT POL", &[Kind::Birth]),
    (Role::Father, "HLT POL", &[Kind::Birth]),
    (Role::Child, "HLT POL CIV JUD", &[Kind::Birth, Kind::Adopt, Kind::AdoptEnd]),
    (Role::Adopter, "CIV JUD", &[Kind::Adopt, Kind::AdoptEnd]),
    (Role::Guardian, "CIV JUD", &[Kind::GuardianSet]),
    (Role::Ward, "CIV JUD", &[Kind::GuardianSet]),
];

/// The item that tells of ties in a role.
fn item_of(role: Role) -> Option<Item> {
    match role {
        Role::Spouse => Some(Item::MaritalStatus),
        Role::Head | Role::Member => Some(Item::RelationToHead),
        _ => None,
    }
}

fn has_word(role: Role, by: Speaker<'_>) -> bool {
    if let Some(item) = item_of(role) {
        return by.has_word(item);
    }
    let Some((_, keepers, acts)) = ACTS.iter().find(|row| row.0 == role) else { return false };
    let authority = by.fact.kind.entry().authority;
    let code: [u8; 3] = by.told.department.as_bytes().try_into().unwrap();
    let decides = authority.is_empty() || authority.contains(&code);
    keepers.split(' ').any(|keeper| keeper == by.told.department)
        || acts.contains(&by.fact.kind) && decides
        || by.fact.side && by.fact.kind.is_death()
}

fn may_end(truth: &Truth, tie: &Tie, by: Speaker<'_>) -> bool {
    let is_theirs = tie.word.is_none_or(|(_, department)| department == by.told.department);
    let of_marriage = tie.role != Role::Spouse || truth.gives_way(Item::MaritalStatus, by);
    (has_word(tie.role, by) || is_theirs) && of_marriage
}

/// Ends what cannot last any longer, whoever told of it.
fn close(truth: &mut Truth, position: u64, ends: impl Fn(&Tie) -> bool) {
    for tie in truth.ties.iter_mut().filter(|tie| tie.ended.is_none() && ends(tie)) {
        (tie.ended, tie.doubt) = (Some(position), None);
    }
}

fn end(truth: &mut Truth, by: Speaker<'_>, ends: impl Fn(&Tie) -> bool) {
    for at in 0..truth.ties.len() {
        let tie = truth.ties[at].clone();
        if tie.ended.is_some() || !ends(&tie) {
            continue;
        }
        if may_end(truth, &tie, by) {
            truth.ties[at].ended = Some(by.fact.position);
            truth.ties[at].doubt = None;
            truth.claims.retain(|claim| claim.role != tie.role);
        } else if tie.doubt.is_none() {
            truth.ties[at].doubt = Some(by.fact.position);
        }
    }
}

fn last_marriage(truth: &Truth) -> Option<usize> {
    truth.ties.iter().rposition(|tie| tie.role == Role::Spouse)
}

fn begin(truth: &mut Truth, by: Speaker<'_>, roles: impl Fn(Role) -> bool, before: &Marital) {
    let fact = by.fact;
    for (role, person) in fact.related.iter().copied().filter(|(role, _)| roles(*role)) {
        let over = [Role::FormerHead, Role::FormerMember, Role::FormerGuardian, Role::FormerWard];
        if over.contains(&role) {
            continue;
        }
        let word = has_word(role, by).then_some((fact.position, by.told.department));
        let is_open = |tie: &Tie| tie.role == role && tie.ended.is_none();
        let stands = truth.ties.iter().position(|tie| is_open(tie) && tie.person == person);
        if let Some(at) = stands {
            let tie = &mut truth.ties[at];
            tie.word = word.or(tie.word);
            if word.is_some() || by.told.channel == "VF" {
                tie.doubt = None;
                truth.claims.retain(|claim| claim.role != role);
            }
            continue;
        }
        // One of them at a time: who has not the word takes nobody's place.
        let single = [Role::Spouse, Role::Head, Role::Mother, Role::Father, Role::Guardian];
        let rivals = truth.ties.iter().filter(|tie| {
            is_open(tie) && !fact.related.contains(&(role, tie.person)) && single.contains(&role)
        });
        if word.is_none() && rivals.clone().any(|tie| !may_end(truth, tie, by)) {
            let department = by.told.department;
            truth.claims.retain(|claim| claim.role != role || claim.department != department);
            truth.claims.push(Claim { role, person, position: fact.position, department });
            continue;
        }
        if role == Role::Head {
            end(truth, by, |tie| tie.role == Role::Head);
            close(truth, fact.position, |tie| tie.role == Role::Member);
        }
        if role == Role::Spouse && word.is_some() {
            for tie in truth.ties.iter_mut().filter(|tie| is_open(tie) && tie.doubt.is_some()) {
                (tie.ended, tie.doubt) = (tie.doubt, None);
            }
        }
        truth.claims.retain(|claim| claim.role != role);
        let (began, before) = (fact.position, before.clone());
        let (ended, doubt, at_end) = (None, None, None);
        let by_death = false;
        truth.ties.push(Tie { role, person, began, ended, before, at_end, word, doubt, by_death });
    }
}

/// Somebody looked in the field, and finds the marriage or the head as they stand.
fn confirm(truth: &mut Truth, by: Speaker<'_>) {
    if by.told.channel != "VF" || by.fact.side {
        return;
    }
    for role in [Role::Spouse, Role::Head] {
        let item = item_of(role).unwrap();
        let Some(seen) = by.fact.items.get(&item) else { continue };
        if truth.items.get(&item).is_some_and(|held| held.text == *seen) {
            truth.claims.retain(|claim| claim.role != role);
            let ties = truth.ties.iter_mut().filter(|tie| tie.role == role);
            ties.for_each(|tie| tie.doubt = None);
        }
    }
}

pub fn link(truth: &mut Truth, by: Speaker<'_>, before: Marital) {
    let fact = by.fact;
    confirm(truth, by);
    let spouse = fact.related.iter().find(|(role, _)| *role == Role::Spouse).map(|(_, who)| *who);
    let is_named = |tie: &Tie| fact.related.contains(&(tie.role, tie.person));
    let lose = |truth: &mut Truth, of: Option<PersonId>| {
        for tie in &mut truth.ties {
            let is_lost = tie.role == Role::Spouse && of.is_none_or(|of| of == tie.person);
            if is_lost && tie.ended.is_none() {
                (tie.ended, tie.at_end) = (Some(fact.position), Some(before.clone()));
            }
        }
    };
    match fact.kind {
        Kind::DivorceReg | Kind::DivorceCourt | Kind::AdoptEnd => {
            end(truth, by, is_named);
        }
        Kind::MarryVoid => {
            let last = last_marriage(truth).map(|at| truth.ties[at].clone());
            let is_void = |last: &Tie| Some(last.person) == spouse && may_end(truth, last, by);
            if let Some(last) = last.filter(is_void) {
                give_back(truth, last.before);
            }
            end(truth, by, |tie| tie.role == Role::Spouse && Some(tie.person) == spouse);
        }
        Kind::Reappear => {
            guardianships_again(truth, fact);
            let Some(at) = last_marriage(truth) else { return };
            let is_meant = Some(truth.ties[at].person) == spouse;
            if let Some(then) = truth.ties[at].at_end.clone().filter(|_| is_meant) {
                (truth.ties[at].ended, truth.ties[at].at_end) = (None, None);
                give_back(truth, then);
            }
        }
        Kind::Widow => lose(truth, spouse),
        kind if kind.is_death() && fact.side => {
            if spouse.is_some() && !truth.is_dead {
                lose(truth, spouse);
            }
            begin(truth, by, |role| role != Role::Spouse, &before);
        }
        Kind::GuardianSet => {
            end(truth, by, |tie| {
                tie.role == Role::Ward && fact.related.contains(&(Role::FormerWard, tie.person))
            });
            let names = |who: PersonId| fact.related.iter().any(|(_, other)| *other == who);
            for tie in &mut truth.ties {
                let is_set = tie.role == Role::Guardian && !fact.side;
                tie.by_death &= !(is_set || tie.role == Role::Ward && names(tie.person));
            }
            begin(truth, by, |_| true, &before);
        }
        kind if kind.is_death() => {
            let is_married =
                truth.ties.iter().any(|tie| tie.role == Role::Spouse && tie.ended.is_none());
            begin(truth, by, |role| role != Role::Spouse || !is_married, &before);
        }
        _ => begin(truth, by, |_| true, &before),
    }
    let leads = matches!(fact.kind, Kind::HhSplit | Kind::HhMerge | Kind::HeadChange);
    if leads && !fact.side && !fact.related.iter().any(|(role, _)| *role == Role::Head) {
        end(truth, by, |tie| tie.role == Role::Head);
    }
    // Who was led until now is a member no longer.
    close(truth, fact.position, |tie| {
        let lost = (Role::FormerMember, tie.person);
        tie.role == Role::Member && fact.related.contains(&lost)
    });
    if fact.kind.is_death() {
        guardianships_end(truth, fact);
    }
    // Who dies, or is registered elsewhere, is nobody's member and nobody's head there.
    let dies = fact.kind.is_death();
    if !fact.side && (dies || matches!(fact.kind, Kind::HukouIn | Kind::Emigrate)) {
        close(truth, fact.position, |tie| {
            matches!(tie.role, Role::Head | Role::Member) && (dies || !is_named(tie))
        });
    }
    // A household that splits off has the members that it names.
    if !fact.side && fact.kind == Kind::HhSplit {
        close(truth, fact.position, |tie| tie.role == Role::Member && !is_named(tie));
    }
    if fact.kind == Kind::GuardianSet && !fact.side {
        end(truth, by, |tie| {
            tie.role == Role::Guardian && !fact.related.contains(&(Role::Guardian, tie.person))
        });
    }
}

/// With a life end the guardianships of the dead, and of another one that with the dead.
fn guardianships_end(truth: &mut Truth, fact: &Step) {
    for (role, over) in [(Role::Guardian, Role::FormerGuardian), (Role::Ward, Role::FormerWard)] {
        for tie in truth.ties.iter_mut().filter(|tie| tie.role == role && tie.ended.is_none()) {
            if !fact.side || fact.related.contains(&(over, tie.person)) {
                (tie.ended, tie.doubt, tie.by_death) = (Some(fact.position), None, true);
            }
        }
        if role == Role::Guardian && !fact.side {
            truth.claims.retain(|claim| claim.role != role);
        }
    }
}

/// There was no death: whom the event names is guardian or ward again.
fn guardianships_again(truth: &mut Truth, fact: &Step) {
    for (role, person) in &fact.related {
        let ended = truth.ties.iter_mut().rev().find(|tie| {
            let is_it = tie.role == *role && tie.person == *person && tie.by_death;
            is_it && matches!(role, Role::Guardian | Role::Ward)
        });
        if let Some(tie) = ended {
            (tie.ended, tie.by_death) = (None, false);
        }
    }
}

/// Somebody held for dead or missing is there.
pub fn reappear(truth: &mut Truth, fact: &Step, by: Speaker<'_>) {
    let was_dead = truth.is_dead;
    (truth.is_dead, truth.is_missing) = (false, false);
    truth.items.remove(&Item::DeathDate);
    if was_dead {
        truth.reopen();
    }
    let goes_on = fact.related.iter().any(|(role, _)| *role == Role::Spouse);
    let is_open = |tie: &Tie| tie.role == Role::Spouse && tie.ended.is_none();
    if was_dead && !goes_on && truth.ties.iter().any(is_open) {
        let open = truth.ties.iter_mut().filter(|tie| is_open(tie));
        open.for_each(|tie| tie.ended = Some(fact.position));
        let held = by.held(Item::MaritalStatus, "90");
        truth.items.insert(Item::MaritalStatus, held);
        truth.items.remove(&Item::MaritalChangeDate);
    }
}
