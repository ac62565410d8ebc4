//! School from kindergarten to university, and military service.

use domain::{Item, Kind};

use super::event::Value;
use super::person::mark;
use super::simulation::Simulation;
use super::upstream::{ARMED_FORCES, ARMED_FORCES_AT_WINDOW, SCHOOLS, VETERANS, VISIT};

/// Of a stage: the age at which it begins, how far a life must go at school for it, its name, the
/// school of the surroundings, and the code of education while it lasts.
const STAGES: [(i32, u8, &str, u8, Option<u8>); 7] = [
    (3, 0, "kindergarten", 20, None),
    (6, 1, "primary", 1, Some(80)),
    (12, 2, "junior", 2, Some(70)),
    (15, 3, "senior", 3, Some(60)),
    (18, 4, "college", 4, Some(30)),
    (18, 5, "bachelor", 4, Some(20)),
    (22, 6, "postgraduate", 4, Some(21)),
];
/// Of a stage that ends: the age by September, how far a life went at the least, and at the most
/// where it went no further at that age, and the code of the level.
const ENDS: [(i32, u8, u8, &str); 6] = [
    (12, 1, 6, "81"),
    (15, 2, 6, "71"),
    (18, 3, 6, "61"),
    (21, 4, 4, "31"),
    (22, 5, 6, "21"),
    (25, 6, 6, "14"),
];
/// Men enlisted of those of an age: about 4 in a hundred over the years from 18 to 22 (ours).
const ENLISTED_PER_10K: u32 = 120;

impl Simulation {
    /// Somebody of the age enters the next stage.
    pub(super) fn enter_school(&mut self, index: u32) {
        let person = self.person(index);
        let (age, schooling) = (person.age(self.school_day), person.schooling);
        let fits = |stage: &&(i32, u8, &str, u8, Option<u8>)| {
            stage.0 == age
                && stage.1 <= schooling
                && !(stage.1 == 4 && schooling > 4)
                && !person.has(mark::SERVED)
        };
        let Some((_, _, stage, school, level)) = STAGES.iter().find(fits).copied() else { return };
        if age == 3 && self.random.chance(1_500) {
            return;
        }
        let village = self.person(index).home.village;
        let sender = if self.random.chance(9_200) { SCHOOLS } else { VISIT };
        let serial = self.serial("G99");
        let mut event = self.told(Kind::SchoolEnrol, sender, index);
        if let Some(level) = level {
            event.items.push((Item::Education, Value::Code(level)));
        }
        let event = event.with("school", Value::Employer(village, school));
        let event = event.with("stage", Value::Word(stage));
        let event = event.with("grade", Value::Word("一年级"));
        self.send(event.with("student_no", serial));
    }

    /// Somebody of the age leaves the stage that ends.
    pub(super) fn leave_school(&mut self, index: u32) {
        let person = self.person(index);
        let (age, schooling) = (person.age(self.school_day), person.schooling);
        let fits =
            |end: &&(i32, u8, u8, &str)| end.0 == age && (end.1..=end.2).contains(&schooling);
        let Some((_, _, _, level)) = ENDS.iter().find(fits).copied() else { return };
        let result = self.random.weighted(&[(96, "graduated"), (3, "completed"), (1, "left")]);
        let sender = if self.random.chance(9_500) { SCHOOLS } else { VISIT };
        let serial = self.serial("B99");
        let event = self.told(Kind::SchoolEnd, sender, index);
        let event = event.with("result", Value::Word(result));
        let event = event.with("level", Value::Word(level));
        self.send(event.with("school_certificate_no", serial));
    }

    pub(super) fn change_school(&mut self) {
        let Some(pupil) = self.present_of_age((7, 17), |county, index| {
            county.person(index).employment(county.school_day) == Some(31)
        }) else {
            return;
        };
        let (from, to) = (self.person(pupil).home.village, self.county.home(&mut self.random));
        let school = self.person(pupil).employer(self.school_day);
        let event = self.told(Kind::SchoolTransfer, SCHOOLS, pupil);
        let event = event.with("from_school", Value::Employer(from, school));
        self.send(event.with("to_school", Value::Employer(to.village, school)));
    }

    /// Men are registered in the year in which they become 18; a few serve.
    pub(super) fn register_for_service(&mut self, index: u32) {
        let person = self.person(index);
        if !person.male || person.has(mark::DRAFT) || person.has(mark::SERVED) {
            return;
        }
        self.mark(index, mark::DRAFT);
        let disabled = self.person(index).has(mark::DISABLED);
        let result = if disabled {
            "exempt"
        } else {
            self.random.weighted(&[(970, "serve"), (28, "exempt"), (2, "barred")])
        };
        let sender = if self.random.chance(8_000) { ARMED_FORCES } else { ARMED_FORCES_AT_WINDOW };
        let event = self.told(Kind::MilRegister, sender, index);
        self.send(event.with("result", Value::Word(result)));
        if result == "serve" && self.random.chance(ENLISTED_PER_10K * 3) {
            self.later((20, 300), Self::enlist, index, 0);
        }
    }

    /// So that small counties know it too.
    pub(super) fn enlist_somebody(&mut self) {
        let may = |county: &Self, index| county.may_enlist(index);
        if let Some(person) = self.present_of_age((18, 22), may) {
            self.enlist(person, 0);
        }
    }

    fn may_enlist(&self, index: u32) -> bool {
        let person = self.person(index);
        person.male
            && person.marital == 10
            && !person.has(mark::SERVED)
            && !person.has(mark::DISABLED)
            && self.is_settled(index)
            && self.is_present(index)
            && self.county.has(person.hukou.village)
    }

    /// Two years of service, during which nothing else happens to somebody.
    fn enlist(&mut self, index: u32, _: u32) {
        if !self.may_enlist(index) {
            return;
        }
        self.mark(index, mark::SERVED);
        let serial = self.serial("RW99");
        let event = self.told(Kind::Enlist, ARMED_FORCES, index).with("notice_no", serial);
        let back = self.today + 730 + self.random.between(0, 40);
        self.person_mut(index).free_from = back;
        self.send(event);
        self.plan(back, super::simulation::Plan::Do(Self::discharge, index, 0));
    }

    fn discharge(&mut self, index: u32, _: u32) {
        if self.person(index).is_dead {
            return;
        }
        let sender = if self.random.chance(7_000) { ARMED_FORCES } else { VETERANS };
        let kind =
            self.random.weighted(&[(70, "self_employed"), (25, "job_placed"), (5, "returned")]);
        let serial = self.serial("V99");
        let hukou = self.person(index).hukou.village;
        let mut event = self.told(Kind::Discharge, sender, index);
        event.items.push((Item::Hukou, Value::Village(hukou)));
        let event = event.with("discharge_kind", Value::Word(kind));
        let event = event.with("is_reserve", Value::Yes(true));
        self.send(event.with("veteran_card_no", serial));
        self.person_mut(index).work = 70;
    }
}
