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

fn end(truth: &mut Truth, at: u64, ends: impl Fn(&Tie) -> bool) {
    let open = truth.ties.iter_mut().filter(|tie| tie.ended.is_none() && ends(tie));
    open.for_each(|tie| tie.ended = Some(at));
}

fn last_marriage(truth: &Truth) -> Option<usize> {
    truth.ties.iter().rposition(|tie| tie.role == Role::Spouse)
}

fn begin(truth: &mut Truth, fact: &Step, roles: impl Fn(Role) -> bool, before: &Marital) {
    for (role, person) in fact.related.iter().copied().filter(|(role, _)| roles(*role)) {
        let is_same = |tie: &Tie| (tie.role, tie.person) == (role, person);
        let begins = !matches!(role, Role::FormerHead | Role::FormerMember);
        if !begins || truth.ties.iter().any(|tie| is_same(tie) && tie.ended.is_none()) {
            continue;
        }
        if role == Role::Head {
            end(truth, fact.position, |tie| matches!(tie.role, Role::Head | Role::Member));
        }
        let (began, before) = (fact.position, before.clone());
        truth.ties.push(Tie { role, person, began, ended: None, before, at_end: None });
    }
}

pub fn link(truth: &mut Truth, fact: &Step, before: Marital) {
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
            end(truth, fact.position, is_named);
        }
        Kind::MarryVoid => {
            let last = last_marriage(truth).map(|at| truth.ties[at].clone());
            if let Some(last) = last.filter(|last| Some(last.person) == spouse) {
                give_back(truth, last.before);
            }
            end(truth, fact.position, |tie| tie.role == Role::Spouse && Some(tie.person) == spouse);
        }
        Kind::Reappear => {
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
            begin(truth, fact, |role| role != Role::Spouse, &before);
        }
        Kind::GuardianSet => {
            end(truth, fact.position, |tie| {
                tie.role == Role::Ward && fact.related.contains(&(Role::FormerWard, tie.person))
            });
            let is_now = |role| !matches!(role, Role::FormerWard | Role::FormerGuardian);
            begin(truth, fact, is_now, &before);
        }
        _ => begin(truth, fact, |_| true, &before),
    }
    let leads = matches!(fact.kind, Kind::HhSplit | Kind::HhMerge | Kind::HeadChange);
    if leads && !fact.side && !fact.related.iter().any(|(role, _)| *role == Role::Head) {
        end(truth, fact.position, |tie| tie.role == Role::Head);
    }
    // Who was led until now is a member no longer.
    end(truth, fact.position, |tie| {
        let lost = (Role::FormerMember, tie.person);
        tie.role == Role::Member && fact.related.contains(&lost)
    });
    // Who dies, or is registered elsewhere, is nobody's member and nobody's head there.
    let dies = fact.kind.is_death();
    if !fact.side && (dies || matches!(fact.kind, Kind::HukouIn | Kind::Emigrate)) {
        end(truth, fact.position, |tie| {
            matches!(tie.role, Role::Head | Role::Member) && (dies || !is_named(tie))
        });
    }
    // A household that splits off has the members that it names.
    if !fact.side && fact.kind == Kind::HhSplit {
        end(truth, fact.position, |tie| tie.role == Role::Member && !is_named(tie));
    }
    if fact.kind == Kind::GuardianSet && !fact.side {
        end(truth, fact.position, |tie| {
            tie.role == Role::Guardian && !fact.related.contains(&(Role::Guardian, tie.person))
        });
    }
}

/// Somebody held for dead or missing is there.
pub fn reappear(truth: &mut Truth, fact: &Step, by: Speaker<'_>) {
    let was_dead = truth.is_dead;
    (truth.is_dead, truth.is_missing) = (false, false);
    truth.items.remove(&Item::DeathDate);
    let goes_on = fact.related.iter().any(|(role, _)| *role == Role::Spouse);
    let is_open = |tie: &Tie| tie.role == Role::Spouse && tie.ended.is_none();
    if was_dead && !goes_on && truth.ties.iter().any(is_open) {
        end(truth, fact.position, is_open);
        let held = by.held(Item::MaritalStatus, "90");
        truth.items.insert(Item::MaritalStatus, held);
        truth.items.remove(&Item::MaritalChangeDate);
    }
}
