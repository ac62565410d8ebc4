//! Merges and splits: two records of one person, and a record that was wrongly taken for another's.
//!
//! A record that is absorbed keeps its stream; whatever is decided about the survivor is decided
//! over the events of both, in the order of their positions, as if they had always been one.

use cqrs_es::Aggregate;

use super::decide::refuse_unapproved;
use super::{Join, Person, Record, Refusal, StatedBirth};
use crate::catalogue::Kind;
use crate::ids::{PersonId, Position, Sequence};
use crate::items::Item;
use crate::life_event::{Related, Role};

/// Several records as one, and where each event of each record stands in it.
pub struct Joined {
    /// The record over all events.
    pub person: Person,
    places: Vec<Vec<u32>>,
}

impl Joined {
    /// Where the event of a part stands among all.
    pub fn place(&self, part: usize, sequence: Sequence) -> Option<Sequence> {
        self.places[part].get(sequence.0 as usize).map(|at| Sequence(*at))
    }
}

impl Person {
    /// Who is absorbed into this record now.
    pub fn absorbed(&self) -> Vec<PersonId> {
        let mut absorbed = Vec::new();
        for join in self.standing_joins() {
            match self.kind(join.sequence) {
                (Kind::PersonMerge, false) => absorbed.push(join.other),
                (Kind::PersonSplit, false) => absorbed.retain(|other| *other != join.other),
                _ => {}
            }
        }
        absorbed
    }

    /// Whether the record is absorbed into another now; the other one is its owner.
    pub fn is_absorbed(&self) -> bool {
        let aside = self.standing_joins().filter(|join| self.kind(join.sequence).1).last();
        aside.is_some_and(|join| self.kind(join.sequence).0 == Kind::PersonMerge)
    }

    /// Everybody with whom the record was ever merged, or from whom it was split.
    pub fn ever_joined(&self) -> Vec<PersonId> {
        let mut ever: Vec<_> = self.joins.iter().map(|join| join.other).collect();
        ever.sort_unstable();
        ever.dedup();
        ever
    }

    /// The standing merge by which a record is absorbed into this one.
    pub fn merge_of(&self, absorbed: PersonId) -> Option<Sequence> {
        let newest = self.standing_joins().filter(|join| join.other == absorbed).last()?;
        let merges = self.kind(newest.sequence) == (Kind::PersonMerge, false);
        merges.then_some(Sequence(newest.sequence))
    }

    /// Whether nothing is told of anybody in the stream: its number was claimed and taken back.
    pub fn is_unused(&self) -> bool {
        let tells = |at| {
            let kind = self.kind(self.root(at)).0;
            kind != Kind::DocumentClaimed && !kind.joins_or_parts()
        };
        !(0..self.events()).any(tells) && self.absorbed().is_empty()
    }

    /// Whether the record names somebody in whose stream one of its acts is told too.
    pub fn names(&self, person: PersonId) -> bool {
        let is_no_tie = |role| {
            matches!(role, Role::Absorbed | Role::Survivor | Role::Head | Role::FormerMember)
        };
        self.others.iter().any(|(_, other)| other.person == person && !is_no_tie(other.role))
    }

    /// Whether what stands about the person is told in several streams now.
    pub fn is_merged(&self) -> bool {
        self.was_joined() && (self.is_absorbed() || !self.absorbed().is_empty())
    }

    /// Whether the record was ever merged or split.
    pub fn was_joined(&self) -> bool {
        !self.joins.is_empty()
    }

    /// The items in which two records of one life can not both be right.
    pub fn differing(&self, other: &Person) -> Vec<&'static str> {
        let differ = |one, other| matches!((one, other), (Some(one), Some(other)) if one != other);
        let found = [
            (Item::BirthDate, differ(self.born_on(), other.born_on())),
            (Item::DeathDate, differ(self.died_on(), other.died_on())),
        ];
        found.iter().filter(|(_, differs)| *differs).map(|(item, _)| item.name()).collect()
    }

    /// Merges and splits that no annulment acts on, in their order.
    fn standing_joins(&self) -> impl Iterator<Item = &Join> {
        self.joins.iter().filter(|join| !self.is_void(join.sequence))
    }

    /// Takes in whose record it is by the event that was remembered just now: a claim, a merge or
    /// split, or what acts on one of these.
    pub(super) fn join(&mut self, sequence: u32, related: &[Related]) {
        let (kind, side) = self.kind(sequence);
        let (role, is_claim) = match kind {
            Kind::DocumentClaimed => (Role::Owner, true),
            _ if kind.joins_or_parts() && side => (Role::Survivor, false),
            _ if kind.joins_or_parts() => (Role::Absorbed, false),
            _ if self.kind(self.root(sequence)).0.joins_or_parts() => {
                self.owner = self.owner_by_events();
                return;
            }
            _ => return,
        };
        let Some(other) = related.iter().find(|other| other.role == role) else { return };
        let join = Join { sequence, other: other.person };
        if is_claim {
            self.claims.push(join)
        } else {
            self.joins.push(join)
        }
        self.owner = self.owner_by_events();
    }

    /// Whose the record is by the newest standing event that says so.
    fn owner_by_events(&self) -> Option<PersonId> {
        let claims = self.claims.iter().map(|claim| (claim.sequence, Some(claim.other)));
        let aside = self.standing_joins().filter(|join| self.kind(join.sequence).1);
        let joins = aside.map(|join| {
            let merges = self.kind(join.sequence).0 == Kind::PersonMerge;
            (join.sequence, merges.then_some(join.other))
        });
        claims.chain(joins).max_by_key(|(sequence, _)| *sequence)?.1
    }

    /// Whether what a correction or annulment acts on is at its root a merge or split.
    pub fn acts_on_join(&self, target: Sequence) -> bool {
        self.root_at(target).is_some_and(|(root, _)| root.joins_or_parts())
    }

    /// An annulment of a merge or split, or of what annulled one, changes whose the record is: it
    /// acts on the newest of them, and nobody belongs to two.
    pub(super) fn refuse_rejoining(&self, command: &Record, broken: &mut Vec<Refusal>) {
        let Some(target) = command.event.life.target.filter(|at| self.acts_on_join(*at)) else {
            return;
        };
        let root = self.root(target.0);
        let aside = self.standing_joins().filter(|join| self.kind(join.sequence).1);
        let is_newer = |join: &Join| join.sequence > root;
        let is_past = aside.chain(&self.claims).any(is_newer);
        let mut then = self.clone();
        then.apply(command.event.clone());
        match (self.owner, then.owner) {
            (Some(owner), Some(other)) if owner != other => broken.push(Refusal::AlreadyMerged),
            (Some(_), _) if is_past => broken.push(Refusal::AlreadyMerged),
            (None, _) if is_past => broken.push(Refusal::NotMerged),
            _ => {}
        }
    }

    pub(super) fn refuse_join(&self, command: &Record, broken: &mut Vec<Refusal>) {
        let (kind, side) = command.event.kind();
        let role = if side { Role::Survivor } else { Role::Absorbed };
        let other = command.event.life.related.iter().find(|other| other.role == role);
        let other = other.map(|other| other.person);
        if self.events() == 0 {
            broken.push(Refusal::PersonUnknown);
        }
        match (kind, side) {
            (_, false) => {
                if other == Some(command.own_id) {
                    broken.push(Refusal::SamePerson);
                }
                refuse_unapproved(command, broken);
            }
            (Kind::PersonMerge, true) => {
                if self.owner.is_some() {
                    broken.push(Refusal::AlreadyMerged);
                }
            }
            (_, true) => {
                if self.owner.is_none() || self.owner != other {
                    broken.push(Refusal::NotMerged);
                }
            }
        }
    }

    /// Several records as one: each with the positions of its events. The first is the survivor.
    pub fn joined(parts: &[(&Person, &[Position])]) -> Joined {
        let mut order: Vec<(Position, usize, u32)> = Vec::new();
        for (part, (_, positions)) in parts.iter().enumerate() {
            order.extend(positions.iter().zip(0..).map(|(at, sequence)| (*at, part, sequence)));
        }
        order.sort_unstable();
        let mut places: Vec<Vec<u32>> = vec![Vec::new(); parts.len()];
        for (at, (_, part, _)) in (0..).zip(&order) {
            places[*part].push(at);
        }
        let mut joined = Person { owner: parts[0].0.owner, ..Person::default() };
        for (_, part, sequence) in order {
            let mut memo = parts[part].0.memos[sequence as usize];
            memo.target = memo.target.map(|target| places[part][target as usize]);
            joined.memos.push(memo);
        }
        for ((person, _), places) in parts.iter().zip(&places) {
            let at = |sequence: u32| places[sequence as usize];
            let births = person.births.iter();
            joined
                .births
                .extend(births.map(|birth| StatedBirth { sequence: at(birth.sequence), ..*birth }));
            joined.others.extend(person.others.iter().map(|(sequence, to)| (at(*sequence), *to)));
            let tellings = person.tellings.iter();
            joined.tellings.extend(tellings.map(|telling| telling.moved_to(at(telling.sequence))));
            let claims = person.claims.iter();
            joined.claims.extend(claims.map(|join| Join { sequence: at(join.sequence), ..*join }));
            let joins = person.joins.iter();
            joined.joins.extend(joins.map(|join| Join { sequence: at(join.sequence), ..*join }));
        }
        joined.births.sort_by_key(|birth| birth.sequence);
        joined.others.sort_by_key(|(sequence, _)| *sequence);
        joined.tellings.sort_by_key(|telling| telling.sequence);
        joined.claims.sort_by_key(|claim| claim.sequence);
        joined.joins.sort_by_key(|join| join.sequence);
        Joined { person: joined, places }
    }
}
