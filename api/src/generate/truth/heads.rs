//! Who leads whose household, as far as the register has been told: a head is told of whom they
//! lose, though nobody names them.

use domain::Kind;
use rustc_hash::FxHashMap;

use super::super::event::{Amends, Event};
use super::super::person::Day;
use super::joins::Joins;

/// What was told of heads, in the order of delivery.
#[derive(Default)]
pub(super) struct Heads {
    of: FxHashMap<u32, Vec<Naming>>,
    /// The heads that an event was told to besides.
    told: FxHashMap<u32, Vec<u32>>,
    delivered: u32,
}

struct Naming {
    event: u32,
    day: Day,
    delivered: u32,
    /// None for who leads a household, or is registered elsewhere.
    head: Option<u32>,
}

impl Heads {
    /// Takes in a report; gives each head that loses somebody by it, with whom.
    pub(super) fn take(&mut self, joins: &Joins, event: &Event) -> Vec<(u32, u32)> {
        let leads = matches!(event.kind, Kind::HhSplit | Kind::HhMerge | Kind::HeadChange);
        let Some(subject) = event.subject.map(|named| named.person) else { return Vec::new() };
        if !leads && !matches!(event.kind, Kind::HukouIn | Kind::Emigrate) {
            return Vec::new();
        }
        let members = event.observations.iter().map(|(named, _)| named.person);
        let subject = joins.owner(subject);
        let moved = [subject].into_iter().chain(members.map(|member| joins.owner(member)));
        let moved: Vec<u32> = moved.collect();
        let lost = moved.iter().filter_map(|member| {
            let former = self.head_on(joins, *member, event.occurred)?;
            let is_still = leads && former == subject;
            (!is_still && former != *member).then_some((former, *member))
        });
        let lost: Vec<_> = lost.collect();
        self.told.entry(event.id).or_default().extend(lost.iter().map(|(head, _)| *head));
        self.delivered += 1;
        for member in moved {
            let head = (leads && member != subject).then_some(subject);
            let (event, day, delivered) = (event.id, event.occurred, self.delivered);
            self.of.entry(member).or_default().push(Naming { event, day, delivered, head });
        }
        lost
    }

    /// Takes in the corrected day of a report; gives the heads that it was told to besides.
    pub(super) fn amend(&mut self, amends: &Amends) -> Vec<u32> {
        if let Some(day) = amends.true_day {
            let namings =
                amends.told_to.iter().filter_map(|person| self.of.get(person).map(|_| *person));
            for person in namings.collect::<Vec<_>>() {
                let namings = self.of.get_mut(&person).into_iter().flatten();
                for naming in namings.filter(|naming| naming.event == amends.target) {
                    naming.day = day;
                }
            }
        }
        self.told.get(&amends.target).cloned().unwrap_or_default()
    }

    fn head_on(&self, joins: &Joins, person: u32, day: Day) -> Option<u32> {
        let namings =
            joins.one_with(person).flat_map(|one| self.of.get(&one).into_iter().flatten());
        let namings = namings.filter(|naming| naming.day <= day);
        namings.max_by_key(|naming| (naming.day, naming.delivered))?.head
    }
}
