//! Households split, merged and led by another head; adoption and guardianship.

use domain::{Item, Kind, Role};

use super::event::{Stated, Value};
use super::person::{NOBODY, mark};
use super::simulation::Simulation;
use super::upstream::{
    CIVIL_AFFAIRS, CIVIL_WINDOW, COURT, HOUSEHOLD_REGISTER, HOUSEHOLDS_AT_WINDOW, VISIT,
};

const HEAD: u8 = 2;
const OTHER: u8 = 97;

impl Simulation {
    /// What somebody is to the head of a household.
    fn kin_of(&self, head: u32, member: u32) -> u8 {
        let (first, other) = (self.person(head), self.person(member));
        let by_sex = |man, woman| if other.male { man } else { woman };
        let spouse = (first.spouse != NOBODY).then(|| self.person(first.spouse));
        match member {
            _ if first.spouse == member => by_sex(11, 12),
            _ if [other.mother, other.father].contains(&head) => by_sex(20, 30),
            _ if [first.mother, first.father].contains(&member) => by_sex(51, 52),
            _ if spouse.is_some_and(|s| [s.mother, s.father].contains(&member)) => {
                if first.male {
                    by_sex(55, 56)
                } else {
                    by_sex(53, 54)
                }
            }
            _ => OTHER,
        }
    }

    /// Makes somebody the head of a household with members, and tells it of each.
    fn lead(
        &mut self,
        kind: Kind,
        head: u32,
        members: &[u32],
        household: u32,
    ) -> super::event::Event {
        let sender = self.random.weighted(&[(60, HOUSEHOLDS_AT_WINDOW), (40, HOUSEHOLD_REGISTER)]);
        let mut event =
            self.told(kind, sender, head).with("household_id", Value::Household(household));
        self.enrol(head, household, HEAD);
        self.households[household as usize].head = head;
        for &member in members {
            let relation = self.kin_of(head, member);
            self.enrol(member, household, relation);
            self.touch(member);
            let items: Stated = vec![(Item::RelationToHead, Value::Code(relation))];
            event.observations.push((self.named(member), items));
        }
        event
    }

    /// Puts somebody into a household.
    fn enrol(&mut self, person: u32, household: u32, relation: u8) {
        let old = self.person(person).household;
        if old != household {
            self.households[old as usize].members.retain(|member| *member != person);
            self.households[household as usize].members.push(person);
        }
        let person = self.person_mut(person);
        (person.household, person.relation) = (household, relation);
    }

    /// The others of a household who can be told of.
    fn members(&self, household: u32, but: u32) -> Vec<u32> {
        let members = &self.households[household as usize].members;
        members.iter().copied().filter(|m| *m != but && self.is_free(*m)).collect()
    }

    /// A grown-up child leads a household of their own, with husband or wife and children.
    pub(super) fn split_household(&mut self) {
        let Some(head) = self.present_of_age((22, 50), |county, index| {
            let person = county.person(index);
            (20..40).contains(&person.relation)
                && county.is_settled(index)
                && county.county.has(person.hukou.village)
        }) else {
            return;
        };
        let old = self.person(head).household;
        let spouse = self.person(head).spouse;
        let follows = |county: &Self, member: u32| {
            let person = county.person(member);
            member == spouse || [person.mother, person.father].contains(&head)
        };
        let mut members = self.members(old, head);
        members.retain(|member| follows(self, *member));
        let home = self.person(head).home;
        let new = self.new_household(home);
        let event = self.lead(Kind::HhSplit, head, &members, new);
        self.send(event.with("old_household_id", Value::Household(old)));
    }

    /// Old parents join the household of a child.
    pub(super) fn merge_households(&mut self) {
        let parent_of = |county: &Self, index: u32| {
            let person = county.person(index);
            let spouse = (person.spouse != NOBODY).then(|| county.person(person.spouse));
            let of_spouse = spouse.map_or([NOBODY; 2], |s| [s.mother, s.father]);
            [person.mother, person.father, of_spouse[0], of_spouse[1]].into_iter().find(|parent| {
                *parent != NOBODY
                    && county.person(*parent).household != person.household
                    && county.is_present(*parent)
            })
        };
        let Some(head) = self.present_of_age((22, 70), |county, index| {
            county.person(index).relation == HEAD && parent_of(county, index).is_some()
        }) else {
            return;
        };
        let Some(parent) = parent_of(self, head) else { return };
        let old = self.person(parent).household;
        let mut joining = self.members(old, NOBODY);
        let partner = self.person(parent).spouse;
        if joining.iter().any(|member| *member != parent && *member != partner) {
            joining = vec![parent];
        }
        let household = self.person(head).household;
        let home = self.person(head).home;
        let event = self.lead(Kind::HhMerge, head, &joining, household);
        for member in joining {
            self.person_mut(member).home = home;
        }
        self.send(event.with("merged_household_id", Value::Household(old)));
    }

    /// The old head of a household gives way to another member.
    pub(super) fn change_head(&mut self) {
        let found =
            self.present_of_age((60, 95), |county, index| county.person(index).relation == HEAD);
        let Some(old) = found else { return };
        self.replace_head(self.person(old).household, old);
    }

    /// Somebody follows the head of a household: husband, wife or a grown-up child.
    pub(super) fn replace_head(&mut self, household: u32, old: u32) {
        let members = self.members(household, old);
        let grown = |member: &u32| {
            self.person(*member).age(self.today) >= 18 && self.place_of(*member).is_some()
        };
        let Some(new) = members.iter().copied().find(grown) else { return };
        let mut others = self.members(household, new);
        others.retain(|member| self.place_of(*member).is_some());
        let event = self.lead(Kind::HeadChange, new, &others, household);
        self.send(event);
    }

    /// A child without a parent who could care for it is adopted.
    pub(super) fn adopt(&mut self) {
        let is_alone =
            |county: &Self, parent: u32| parent == NOBODY || county.person(parent).is_dead;
        let found = self.present_of_age((0, 13), |county, index| {
            let person = county.person(index);
            !person.has(mark::ADOPTED)
                && !county.named(index).by_certificate
                && (is_alone(county, person.mother) || is_alone(county, person.father))
        });
        if let Some(child) = found {
            self.adopt_child(child, 0);
        }
    }

    /// A couple adopts a child.
    pub(super) fn adopt_child(&mut self, child: u32, _: u32) {
        if !self.is_present(child) || self.person(child).has(mark::ADOPTED) {
            return;
        }
        let household = self.person(child).household;
        let Some(one) = self.present_of_age((30, 55), |county, index| {
            let person = county.person(index);
            person.relation == HEAD
                && person.spouse != NOBODY
                && person.household != household
                && county.is_settled(index)
                && county.is_settled(person.spouse)
                && county.county.has(person.hukou.village)
        }) else {
            return;
        };
        let other = self.person(one).spouse;
        let relation = if self.person(child).male { 27 } else { 37 };
        let new = self.person(one).household;
        let sender = self.random.weighted(&[(60, CIVIL_AFFAIRS), (40, CIVIL_WINDOW)]);
        let mut event = self.told(Kind::Adopt, sender, child);
        event.certificate = self.certificate();
        event.items.push((Item::RelationToHead, Value::Code(relation)));
        event.items.push((Item::HouseholdId, Value::Household(new)));
        let event = event.naming(Role::Adopter, self.named(one));
        let event = event.naming(Role::Adopter, self.named(other));
        self.touch(one);
        self.touch(other);
        self.mark(child, mark::ADOPTED);
        self.enrol(child, new, relation);
        let home = self.person(one).home;
        let known = event.recorded_on() + 1;
        let person = self.person_mut(child);
        (person.home, person.guardian) = (home, one);
        person.free_from = person.free_from.max(known);
        self.send(event);
        if self.random.chance(3_500) {
            self.later((200, 800), Self::end_adoption, child, other);
        }
    }

    fn end_adoption(&mut self, child: u32, other: u32) {
        let one = self.person(child).guardian;
        if !self.is_present(child) || !self.is_free(one) || !self.is_free(other) {
            return;
        }
        let sender = self.random.weighted(&[(60, CIVIL_AFFAIRS), (40, COURT)]);
        let basis = if sender == COURT { "judgment" } else { "agreement" };
        let mut event = self.told(Kind::AdoptEnd, sender, child);
        event.items.push((Item::RelationToHead, Value::Code(OTHER)));
        let event = event.with("basis", Value::Word(basis));
        let event = event.naming(Role::Adopter, self.named(one));
        let event = event.naming(Role::Adopter, self.named(other));
        self.touch(one);
        self.touch(other);
        self.person_mut(child).relation = OTHER;
        self.send(event);
    }

    /// A guardian for an old person or for a child without parents.
    pub(super) fn set_guardian(&mut self) {
        let today = self.today;
        let found = self.somebody(|county, index| {
            let person = county.person(index);
            let age = person.age(today);
            let is_orphan = age < 18 && person.mother == NOBODY && person.father == NOBODY;
            (age >= 78 || is_orphan) && !person.has(mark::ADOPTED) && county.is_present(index)
        });
        if let Some(ward) = found {
            self.give_guardian(ward, 0);
        }
    }

    fn give_guardian(&mut self, ward: u32, _: u32) {
        if !self.is_present(ward) {
            return;
        }
        let before = self.person(ward).guardian;
        let Some(guardian) =
            self.present_of_age((25, 65), |_, index| index != before && index != ward)
        else {
            return;
        };
        let sender = self.random.weighted(&[(50, VISIT), (25, CIVIL_WINDOW), (25, COURT)]);
        let basis = self.random.weighted(&[(40, "law"), (30, "agreement"), (30, "appointment")]);
        let mut event = self.told(Kind::GuardianSet, sender, ward);
        event = event.with("basis", Value::Word(basis));
        event = event.naming(Role::Guardian, self.named(guardian));
        if before != NOBODY {
            // Nobody names the guardian before: the register knows.
            event.unnamed = Some(before);
        }
        self.touch(guardian);
        let known = event.recorded_on() + 1;
        let person = self.person_mut(ward);
        person.guardian = guardian;
        person.free_from = person.free_from.max(known);
        self.send(event);
        if self.random.chance(4_000) {
            self.later((220, 700), Self::give_guardian, ward, 0);
        }
    }
}
