//! Births and deaths of a day, and the reports about them. Nobody dies while a report of something
//! later is on its way, so nothing follows a death.

use domain::{Item, Kind, Role};

use super::county::COUNTY;
use super::event::{Event, Value};
use super::person::{Day, NOBODY};
use super::simulation::{Plan, Simulation};
use super::upstream::{HOSPITALS, HOUSEHOLD_REGISTER, MONTHLY_REPORT, ONE_STOP, POLICE};

/// Deaths a year to a hundred thousand people of an age, by the ages below.
const MORTALITY: [(i32, u32); 10] = [
    (1, 500),
    (15, 30),
    (40, 60),
    (50, 200),
    (60, 450),
    (70, 1_100),
    (80, 3_500),
    (90, 9_500),
    (100, 22_000),
    (i32::MAX, MORTALITY_MAX),
];
const MORTALITY_MAX: u32 = 40_000;

impl Simulation {
    /// The births, deaths, marriages and divorces of today.
    pub(super) fn live(&mut self) {
        let (rates, living) = (self.options.rates, self.living);
        for _ in 0..self.random.today(rates.births, living) {
            if self.is_whole() {
                self.conceive();
            } else {
                self.birth();
            }
        }
        for _ in 0..self.random.today(rates.deaths, living) {
            self.death();
        }
        for _ in 0..self.random.today(rates.persons_marrying / 2.0, living) {
            self.marriage();
        }
        for _ in 0..self.random.today(rates.persons_divorcing / 2.0, living) {
            self.divorce();
        }
    }

    fn birth(&mut self) {
        let today = self.today;
        let Some(mother) = self.somebody(|county, index| {
            let person = county.person(index);
            !person.male
                && person.is_married()
                && (20..=42).contains(&person.age(today))
                && today - person.last_birth > 400
                && person.spouse != NOBODY
                && county.is_present(index)
                && county.is_free(person.spouse)
        }) else {
            return;
        };
        self.bear(mother, None);
    }

    /// A child is born, and reported; gives its number.
    pub(super) fn bear(&mut self, mother: u32, order: Option<u32>) -> u32 {
        let today = self.today;
        let father = self.person(mother).spouse;
        let child = self.newborn(mother, father, today);
        let sender = match self.random.below(100) {
            0..80 => self.random.pick(&HOSPITALS),
            80..92 => ONE_STOP,
            _ => MONTHLY_REPORT,
        };
        let place = self.person(mother).home.village;
        let provisional = self.random.chance(1_500);
        let person = self.person(child);
        let name = if provisional { Value::ProvisionalName } else { Value::Name };
        let mut items = vec![
            (Item::FullName, name(person.name)),
            (Item::Sex, Value::Digit(if person.male { 1 } else { 2 })),
            (Item::BirthPlace, Value::Region(COUNTY)),
            (Item::EthnicGroup, Value::Code(person.ethnic)),
            (Item::Health, Value::Code(person.health)),
        ];
        self.state_home(child, &mut items);
        let mut event = self.report(Kind::Birth, sender, child, place, items);
        event.certificate = self.person(child).certificate;
        event.related = vec![(Role::Mother, self.named(mother))];
        if self.random.chance(9_600) {
            event.related.push((Role::Father, self.named(father)));
        } else {
            self.person_mut(child).father = NOBODY;
        }
        let recorded = event.recorded_on();
        self.person_mut(child).known_from = recorded + 1;
        self.person_mut(mother).last_birth = today;
        self.touch(mother);
        self.touch(father);
        self.living += 1;
        let number_on = recorded + self.random.between(4, 50);
        self.plan(number_on, Plan::Number(child));
        if let Some(order) = order {
            event = event.with("birth_order", Value::Count(order));
            event = event.with("institution", Value::Word("县妇幼保健院"));
        }
        self.send(event);
        child
    }

    /// A child of a couple, not yet in the register.
    pub(super) fn newborn(&mut self, mother: u32, father: u32, birth: Day) -> u32 {
        let male = self.random.chance(5_150);
        let parent = self.person(mother).clone();
        let named_after = self.person(father).name;
        let ethnic = self.person(father).ethnic;
        let mut child = self.blank_person(
            parent.household,
            parent.home,
            birth,
            male,
            ethnic,
            Some(named_after),
        );
        (child.region, child.order) = self.order(COUNTY, birth, male);
        let in_county = self.county.has(parent.hukou.village);
        child.hukou = if in_county { parent.hukou } else { parent.home };
        child.certificate = self.certificate();
        child.numbered_from = Day::MAX;
        child.health = 10;
        (child.mother, child.father) = (mother, father);
        child.relation = self.relation_of_child(mother, father, male);
        self.enter(child)
    }

    fn relation_of_child(&self, mother: u32, father: u32, male: bool) -> u8 {
        let head = self.households[self.person(mother).household as usize].head;
        let daughter = u8::from(!male);
        let is_parent_of = |child: u32| {
            head != NOBODY && [self.person(child).mother, self.person(child).father].contains(&head)
        };
        match head {
            _ if head == mother || head == father => 20 + daughter * 10,
            _ if is_parent_of(father) => 41 + daughter,
            _ if is_parent_of(mother) => 43 + daughter,
            _ => 97,
        }
    }

    /// The police register a newborn and give a number.
    pub(super) fn number(&mut self, child: u32) {
        if !self.is_free(child) {
            return;
        }
        let person = self.person(child);
        let items = vec![
            (Item::FullName, Value::Name(person.name)),
            (Item::CitizenId, Value::Number(child, person.number)),
            (Item::Hukou, Value::Village(person.hukou.village)),
            (Item::HukouAddress, Value::Address(person.hukou)),
            (Item::HukouNature, Value::Digit(3)),
            (Item::RelationToHead, Value::Code(person.relation)),
            (Item::HouseholdId, Value::Household(person.household)),
        ];
        let place = person.hukou.village;
        let event = self.report(Kind::Observation, HOUSEHOLD_REGISTER, child, place, items);
        self.person_mut(child).numbered_from = event.recorded_on() + 1;
        self.send(event);
    }

    /// Somebody dies, the old more often; where chance finds nobody, one of the old.
    fn death(&mut self) {
        let today = self.today;
        let mut chosen = None;
        for _ in 0..200 {
            let Some(person) = self.somebody(Self::may_die) else { return };
            let age = self.person(person).age(today);
            let row = MORTALITY.into_iter().find(|(below, _)| age < *below);
            let (_, deaths) = row.unwrap_or_default();
            if self.random.below(MORTALITY_MAX) < deaths {
                chosen = Some(person);
                break;
            }
        }
        let old =
            |county: &Self, index| county.person(index).age(today) > 65 && county.may_die(index);
        if let Some(person) = chosen.or_else(|| self.somebody(old)) {
            self.die(person);
        }
    }

    /// Whether nothing else of today or later is on its way about them or their spouse.
    fn may_die(&self, index: u32) -> bool {
        let person = self.person(index);
        self.is_free(index)
            && person.last_day < self.today
            && person.marital_free_from <= self.today
            && (person.spouse == NOBODY || self.is_settled(person.spouse))
            && self.place_of(index).is_some()
    }

    fn die(&mut self, person: u32) {
        let event = self.death_report(person);
        let recorded = event.recorded_on();
        let spouse = self.person(person).spouse;
        let dead = self.person_mut(person);
        dead.is_dead = true;
        dead.spouse = NOBODY;
        if spouse != NOBODY {
            self.widow(spouse, recorded);
        }
        self.living -= 1;
        self.graves.push((person, recorded));
        let mut event = event;
        if spouse != NOBODY {
            event.related.push((Role::Spouse, self.named(spouse)));
        }
        self.send(event);
        if self.is_whole() {
            self.mourn(person, spouse, recorded);
        }
        if self.random.chance(self.options.faults.annulments_per_10k) {
            self.mistaken_death();
        }
    }

    /// What follows for the household of the dead and for whom they leave.
    fn mourn(&mut self, dead: u32, spouse: u32, heard: Day) {
        let household = self.person(dead).household;
        if self.households[household as usize].head == dead {
            self.later((10, 60), Self::replace_head, household, dead);
        }
        if spouse != NOBODY && self.random.chance(1_500) {
            let day = heard + self.random.between(5, 60);
            self.plan(day, Plan::Do(Self::confirm_widow, spouse, dead));
        }
    }

    fn death_report(&mut self, person: u32) -> Event {
        let sender = match self.random.below(100) {
            0..55 => self.random.pick(&HOSPITALS),
            55..72 => POLICE,
            _ => MONTHLY_REPORT,
        };
        let place = self.place_of(person).unwrap_or_default();
        let mut event = self.report(Kind::Death, sender, person, place, Vec::new());
        event.certificate = self.certificate();
        if self.is_whole() {
            // The leading causes (China Health Statistics Yearbook, about).
            let cause = self.random.weighted(&[
                (45, "循环系统疾病"),
                (24, "恶性肿瘤"),
                (9, "呼吸系统疾病"),
                (7, "损伤与中毒"),
                (15, "其他疾病"),
            ]);
            event = event.with("cause_class", Value::Word(cause));
            event = event.with("declarant", Value::Word("亲属"));
        }
        event
    }

    /// The death of a namesake is reported of somebody who lives; it is annulled later.
    fn mistaken_death(&mut self) {
        let today = self.today;
        let Some(person) = self.somebody(|county, index| {
            let spouse = county.person(index).spouse;
            county.is_present(index)
                && county.person(index).last_day < today
                && county.is_settled(index)
                && (spouse == NOBODY || county.is_settled(spouse))
        }) else {
            return;
        };
        let mut event = self.death_report(person);
        let spouse = self.person(person).spouse;
        event.unnamed = (spouse != NOBODY).then_some(spouse);
        let annulled_on = self.annul(&event, "误将同名者的死亡登记在本人名下");
        self.person_mut(person).free_from = annulled_on + 1;
        if spouse != NOBODY {
            // Nor does anything happen to whoever is held for widowed.
            self.keep_still(spouse, annulled_on);
        }
        self.queue(event);
    }
}
