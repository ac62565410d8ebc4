//! What officials learn of people today without anything having changed by law: at a window, on a
//! household visit, from another department. These reports make up most of the mail.

use domain::{Item, Kind};

use super::event::{Stated, Value};
use super::simulation::Simulation;
use super::upstream::{CLINIC, INSURANCE, JOB_CENTRE, ONE_STOP, SCHOOLS, VISIT};

const WORKING: [(u32, u8); 7] = [(3, 11), (9, 13), (15, 17), (4, 21), (34, 24), (20, 54), (15, 70)];
/// Services at a window and in a clinic; the number is the service of the report.
pub(super) const SERVICES: [&str; 7] =
    ["", "居住证明", "社会保险登记", "老年优待证", "生育服务登记", "就业登记", "健康体检"];
/// Every household is called on once in so many days.
const DAYS_BETWEEN_VISITS: usize = 365;
/// Events a year to a thousand people that come with the course of lives.
const COURSE: f64 = 400.0;

impl Simulation {
    /// The services, visits and exchanges of today.
    pub(super) fn meet_officials(&mut self) {
        let (services, observations) = (self.services_rate(), self.observations_rate());
        for _ in 0..self.random.today(services, self.living) {
            self.serve();
        }
        for _ in 0..self.random.today(observations, self.living) {
            self.observe();
        }
        let first = (self.today - self.start) as usize % DAYS_BETWEEN_VISITS;
        for household in (first..self.households.len()).step_by(DAYS_BETWEEN_VISITS) {
            self.visit(household);
        }
    }

    fn services_rate(&self) -> f64 {
        self.contacts_rate() * 0.7
    }

    fn observations_rate(&self) -> f64 {
        self.contacts_rate() * 0.3
    }

    /// Contacts a year to a thousand people that make the mail as thick as was asked for, beside
    /// the first load, the moves and acts (about 75) and the household visits (about 340).
    fn contacts_rate(&self) -> f64 {
        let years = f64::from(self.options.years.max(1));
        let others = if self.is_whole() { 415.0 + COURSE } else { 415.0 };
        ((self.options.events_per_person - 1.0) / years * 1000.0 - others).max(0.0)
    }

    fn serve(&mut self) {
        let today = self.today;
        let Some(person) = self.somebody(|county, index| {
            county.person(index).age(today) >= 16 && county.is_present(index)
        }) else {
            return;
        };
        let place = self.person(person).home.village;
        let mut items = Vec::with_capacity(4);
        let (sender, service) = match self.random.below(100) {
            0..60 => {
                self.state_home(person, &mut items);
                (ONE_STOP, self.random.pick(&[1, 2, 3, 4]))
            }
            60..80 => {
                self.find_work(person);
                self.state_work(person, &mut items);
                (JOB_CENTRE, 5)
            }
            _ => {
                self.fall_ill(person);
                items.push((Item::Health, Value::Code(self.person(person).health)));
                (CLINIC, 6)
            }
        };
        let mut event = self.report(Kind::ServiceTransaction, sender, person, place, items);
        event.service = service;
        self.send(event);
    }

    fn observe(&mut self) {
        let Some(person) = self.somebody(Self::is_present) else { return };
        let place = self.person(person).home.village;
        let mut items = Vec::with_capacity(4);
        let sender = match self.person(person).employment(self.school_day) {
            Some(31) => {
                if let Some(code) = self.person(person).education(self.school_day) {
                    items.push((Item::Education, Value::Code(code)));
                }
                self.state_work(person, &mut items);
                SCHOOLS
            }
            Some(11..=24) if self.random.chance(5_000) => {
                self.find_work(person);
                self.state_work(person, &mut items);
                JOB_CENTRE
            }
            _ => {
                self.fall_ill(person);
                items.push((Item::Health, Value::Code(self.person(person).health)));
                INSURANCE
            }
        };
        let event = self.report(Kind::Observation, sender, person, place, items);
        self.send(event);
    }

    fn find_work(&mut self, person: u32) {
        if self.random.chance(800) {
            self.person_mut(person).work = self.random.weighted(&WORKING);
        }
    }

    fn fall_ill(&mut self, person: u32) {
        if self.random.chance(300) {
            self.person_mut(person).health = self.random.pick(&[10, 20, 30, 31, 37]);
        }
    }

    /// One visit, every member of the household who is at home.
    fn visit(&mut self, household: usize) {
        if self.random.chance(400) {
            return;
        }
        let home = self.households[household].home;
        let members = std::mem::take(&mut self.households[household].members);
        let mut event = None;
        for &member in &members {
            if !self.is_present(member) || self.person(member).home != home {
                continue;
            }
            let event =
                event.get_or_insert_with(|| self.blank(Kind::HouseholdVisit, VISIT, home.village));
            event.observations.push((self.named(member), self.seen(member)));
            self.touch(member);
        }
        self.households[household].members = members;
        if let Some(event) = event {
            self.send(event);
        }
    }

    /// What is seen of somebody at home.
    fn seen(&self, person: u32) -> Stated {
        let mut items = Vec::with_capacity(10);
        self.state_home(person, &mut items);
        self.state_work(person, &mut items);
        self.state_marriage(person, &mut items);
        let person = self.person(person);
        if let Some(code) = person.education(self.school_day) {
            items.push((Item::Education, Value::Code(code)));
        }
        items.push((Item::Health, Value::Code(person.health)));
        items.push((Item::RelationToHead, Value::Code(person.relation)));
        items
    }
}
