//! The course of lives beside births, deaths, marriages and moves: how often each thing happens,
//! and what comes with an age. What is done stands in the files of its topic.
//!
//! Rates are to a thousand people a year. Published ones are named; "about" marks figures that are
//! rounded or derived, the others are ours and only keep a kind in the picture.

use super::person::mark;
use super::simulation::{Plan, Simulation};

type Happening = fn(&mut Simulation);

/// What happens at a rate, to somebody whom chance finds.
const YEARLY: &[(f64, Happening)] = &[
    // Urban jobs found a year: about 12 million of 1,400 million people (Ministry of Human
    // Resources, 2023); registers also see changes of employer, three times as many (ours).
    (34.0, Simulation::find_employment),
    (22.0, Simulation::lose_employment),
    // Flexible workers: about 200 million; entering it a year about one in twenty (ours).
    (7.0, Simulation::work_flexibly),
    (20.0, Simulation::be_insured),
    (30.0, Simulation::change_health),
    // People with a disability: about 85 million, 38 million with a certificate valid about ten
    // years (China Disabled Persons' Federation, 2020): about 2.5 a thousand a year.
    (2.5, Simulation::certify_disability),
    // Minimum living allowance: about 40 million people (Ministry of Civil Affairs, 2023), a
    // tenth of them new each year (ours).
    (2.8, Simulation::grant_allowance),
    // Emergency aid: about 7 million times a year (Ministry of Civil Affairs, 2023).
    (5.0, Simulation::aid),
    (0.3, Simulation::support_destitute),
    (25.0, Simulation::raise_need),
    (2.0, Simulation::ask_correction),
    (5.0, Simulation::differ),
    (4.0, Simulation::ask_contraception),
    (2.0, Simulation::check_before_pregnancy),
    (2.0, Simulation::reward_parents),
    // School transfers: about two in a hundred pupils (ours); a sixth of the people are pupils.
    (3.0, Simulation::change_school),
    (0.8, Simulation::change_name),
    (0.1, Simulation::correct_number),
    (0.1, Simulation::change_ethnic_group),
    (0.05, Simulation::correct_sex),
    (0.1, Simulation::correct_birth_date),
    (2.0, Simulation::split_household),
    (0.8, Simulation::merge_households),
    (1.0, Simulation::change_head),
    // Adoptions: about 10,000 a year in the country (Ministry of Civil Affairs, 2022), 0.007.
    (0.01, Simulation::adopt),
    (0.3, Simulation::set_guardian),
    (0.02, Simulation::find_foundling),
    // Neonatal deaths: about 3 of 1,000 births (National Health Commission, 2022).
    (0.02, Simulation::die_unregistered),
    (0.03, Simulation::go_missing),
    (0.05, Simulation::settle_abroad),
    (0.03, Simulation::settle_here),
    (0.02, Simulation::find_unregistered),
];

/// What is rare: each is tried in turn, one a month, so that small counties know it too.
const RARE: &[Happening] = &[
    Simulation::go_missing,
    Simulation::find_foundling,
    Simulation::adopt,
    Simulation::correct_number,
    Simulation::wed_in_vain,
    Simulation::die_unregistered,
    Simulation::settle_abroad,
    Simulation::correct_sex,
    Simulation::settle_here,
    Simulation::change_ethnic_group,
    Simulation::find_unregistered,
    Simulation::correct_birth_date,
    Simulation::set_guardian,
    Simulation::support_destitute,
    Simulation::enlist_somebody,
];
const DAYS_BETWEEN_RARE: i32 = 30;
/// Everybody is looked at once in so many days for what comes with their age.
const DAYS_BETWEEN_TURNS: usize = 365;
/// A school takes in and lets go its pupils within so many days.
const SCHOOL_DAYS: i32 = 20;

impl Simulation {
    /// What happens today beside births, deaths, marriages and moves.
    pub(super) fn take_their_course(&mut self) {
        if self.today == self.start + 1 {
            self.expect_births();
        }
        for (rate, happening) in YEARLY {
            for _ in 0..self.random.today(*rate, self.living) {
                happening(self);
            }
        }
        let days = self.today - self.start;
        if days % DAYS_BETWEEN_RARE == 0 {
            RARE[(days / DAYS_BETWEEN_RARE) as usize % RARE.len()](self);
        }
        if self.options.doubles {
            self.register_doubles();
        }
        self.take_turns();
        self.keep_school_year();
    }

    /// What comes with an age.
    fn take_turns(&mut self) {
        let first = (self.today - self.start) as usize % DAYS_BETWEEN_TURNS;
        for index in (first..self.people.len()).step_by(DAYS_BETWEEN_TURNS) {
            let index = index as u32;
            if !self.is_present(index) {
                continue;
            }
            let age = self.person(index).age(self.today);
            match age {
                16..=19 => self.issue_card(index),
                60.. => self.retire(index),
                _ => {}
            }
            if (18..=19).contains(&age) {
                self.register_for_service(index);
            }
            if age >= 80 {
                self.grant_old_age(index);
            }
        }
    }

    /// Pupils leave in July and enter in September.
    fn keep_school_year(&mut self) {
        let to_september = self.school_day - self.today;
        // 62 days lie between the first of July and the first of September.
        let (first, is_end) = match (62 - to_september, -to_september) {
            (day @ 0..SCHOOL_DAYS, _) => (day, true),
            (_, day @ 0..SCHOOL_DAYS) => (day, false),
            _ => return,
        };
        for index in (first as usize..self.people.len()).step_by(SCHOOL_DAYS as usize) {
            let index = index as u32;
            if !self.is_present(index) || self.person(index).age(self.school_day) > 26 {
                continue;
            }
            if is_end {
                self.leave_school(index);
            } else {
                self.enter_school(index);
            }
        }
    }

    /// Does something so many days from now, at the least and at the most.
    pub(super) fn later(
        &mut self,
        days: (i32, i32),
        deed: super::simulation::Deed,
        person: u32,
        other: u32,
    ) {
        let day = self.today + self.random.between(days.0, days.1);
        self.plan(day, Plan::Do(deed, person, other));
    }

    /// Somebody present of an age, from, to, of whom something holds.
    pub(super) fn present_of_age(
        &mut self,
        ages: (i32, i32),
        test: impl Fn(&Self, u32) -> bool,
    ) -> Option<u32> {
        let today = self.today;
        self.somebody(|county, index| {
            let age = county.person(index).age(today);
            (ages.0..=ages.1).contains(&age) && county.is_present(index) && test(county, index)
        })
    }

    /// Notes what was granted or happened once.
    pub(super) fn mark(&mut self, person: u32, mark: u16) {
        self.person_mut(person).marks |= mark;
    }

    /// Takes such a note back.
    pub(super) fn unmark(&mut self, person: u32, mark: u16) {
        self.person_mut(person).marks &= !mark;
    }

    /// Whether no change of their marriage is on its way either.
    pub(super) fn is_settled(&self, person: u32) -> bool {
        self.is_free(person) && self.person(person).marital_free_from <= self.today
    }

    /// Whether somebody expects a child.
    pub(super) fn is_pregnant(&self, person: u32) -> bool {
        self.person(person).has(mark::PREGNANT)
    }
}
