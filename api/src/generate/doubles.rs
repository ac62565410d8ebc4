//! Records that are not one to a person. Children who are registered twice, by the police under
//! their number and by the clinic under a birth certificate, are found out some months later and
//! merged; and two persons are taken for one, are told of as one for a while, and are split again.
//!
//! Only where `Options::doubles` asks for it.

use domain::{Item, Kind};

use super::event::{Event, Value};
use super::person::{Day, NOBODY, mark};
use super::simulation::{Plan, Simulation};
use super::upstream::{HEALTH, HOUSEHOLDS_AT_WINDOW, INSURANCE};

/// Children registered twice, to a thousand people a year (ours).
const RATE: f64 = 0.8;
/// Persons taken for another one, to a thousand people a year (ours).
const MISTAKEN_RATE: f64 = 0.6;
/// Nothing more happens to a record that was merged.
const MERGED: Day = Day::MAX / 2;

impl Simulation {
    /// The second registrations of today, and who is taken for somebody else.
    pub(super) fn register_doubles(&mut self) {
        for _ in 0..self.random.today(RATE, self.living) {
            self.register_twice();
        }
        for _ in 0..self.random.today(MISTAKEN_RATE, self.living) {
            self.take_for_one();
        }
    }

    fn register_twice(&mut self) {
        let found = self.present_of_age((1, 12), |county, index| {
            !county.person(index).has(mark::CHANGED | mark::ADOPTED)
                && !county.named(index).by_certificate
        });
        let Some(original) = found else { return };
        let mut double = self.person(original).clone();
        double.certificate = self.certificate();
        double.numbered_from = Day::MAX;
        (double.spouse, double.is_recorded) = (NOBODY, false);
        // Each of the two is one of the household, and is visited as one.
        let double = self.enter(double);
        for one in [original, double] {
            // Whoever is told apart by two documents changes neither of them meanwhile.
            self.mark(one, mark::CHANGED | mark::DOUBLE);
        }
        let mut items = self.everything(double);
        items.retain(|(item, _)| *item != Item::CitizenId);
        let place = self.person(double).home.village;
        let event = self.report(Kind::Registration, HEALTH, double, place, items);
        self.person_mut(double).known_from = event.recorded_on() + 1;
        self.send(event);
        self.later((100, 400), Self::merge_double, original, double);
    }

    /// The two are found to be one, where the catalogue knows how to say so.
    fn merge_double(&mut self, original: u32, double: u32) {
        if !self.is_present(original) || !self.is_free(double) {
            return;
        }
        if let Some(kind) = Kind::posted("person_merge") {
            let event = self.joined(kind, original, double, "同一人以两种证件重复建档");
            self.queue(event);
        }
        // The register knows one of them from now on.
        self.person_mut(double).free_from = MERGED;
        let household = self.person(double).household as usize;
        self.households[household].members.retain(|member| *member != double);
    }

    fn joined(&mut self, kind: Kind, one: u32, other: u32, reason: &'static str) -> Event {
        let absorbed = Value::Whom(self.named(other));
        let event = self.told(kind, HOUSEHOLDS_AT_WINDOW, one);
        self.touch(other);
        let event = event.with("absorbed", absorbed).with("reason", Value::Word(reason));
        event.with("approved_by", Value::Word("pol-reviewer-01"))
    }

    /// Two namesakes are taken for one. Of their lives nothing is told until they are split, but
    /// what is told of the one by either number.
    fn take_for_one(&mut self) {
        let Some(one) = self.somebody_mistaken(|_| true) else { return };
        let (male, household) = (self.person(one).male, self.person(one).household);
        let Some(other) = self.somebody_mistaken(|person| {
            person.male == male
                && person.household != household
                && [person.mother, person.father] == [NOBODY; 2]
        }) else {
            return;
        };
        let event = self.joined(Kind::PersonMerge, one, other, "姓名相近，误认为同一人");
        let merged = event.recorded_on();
        self.queue(event);
        for person in [one, other] {
            self.mark(person, mark::CHANGED | mark::DOUBLE);
            self.person_mut(person).free_from = MERGED;
            let told_on = merged + self.random.between(2, 50);
            self.plan(told_on, Plan::Do(Self::tell_of_mistaken, person, NOBODY));
        }
        let split_on = merged + self.random.between(60, 200);
        self.plan(split_on, Plan::Do(Self::part_mistaken, one, other));
    }

    /// Somebody grown up and single, of whom nothing is on its way, and who leads nobody.
    fn somebody_mistaken(&mut self, test: impl Fn(&super::person::Person) -> bool) -> Option<u32> {
        self.present_of_age((16, 70), |county, index| {
            let person = county.person(index);
            let household = &county.households[person.household as usize];
            county.is_settled(index)
                && !person.has(mark::CHANGED | mark::ADOPTED | mark::PREGNANT)
                && !county.named(index).by_certificate
                && [person.spouse, person.former_spouse, person.guardian] == [NOBODY; 3]
                && (household.head != index || household.members.len() == 1)
                && test(person)
        })
    }

    fn tell_of_mistaken(&mut self, person: u32, _: u32) {
        let Some(place) = self.place_of(person) else { return };
        let mut items = vec![(Item::Health, Value::Code(self.random.pick(&[10, 20, 30])))];
        self.state_home(person, &mut items);
        let event = self.report(Kind::Observation, INSURANCE, person, place, items);
        self.send(event);
    }

    fn part_mistaken(&mut self, one: u32, other: u32) {
        let event = self.joined(Kind::PersonSplit, one, other, "经核查为两人，撤销误并");
        for person in [one, other] {
            self.person_mut(person).free_from = event.recorded_on() + 1;
        }
        self.queue(event);
    }
}
