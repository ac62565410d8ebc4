//! Children who are registered twice, by the police under their number and by the clinic under a
//! birth certificate, and found out some months later.
//!
//! Only where `Options::doubles` asks for it. What a register makes of two records that are one
//! person is not in the truth: those who were registered twice are left out of its persons.

use domain::{Item, Kind};

use super::event::Value;
use super::person::{Day, NOBODY, mark};
use super::simulation::Simulation;
use super::upstream::{HEALTH, HOUSEHOLDS_AT_WINDOW};

/// Children registered twice, to a thousand people a year.
const RATE: f64 = 0.3;
/// Nothing more happens to a record that was merged.
const MERGED: Day = Day::MAX / 2;

impl Simulation {
    /// The second registrations of today.
    pub(super) fn register_doubles(&mut self) {
        for _ in 0..self.random.today(RATE, self.living) {
            self.register_twice();
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
            let absorbed = Value::Whom(self.named(double));
            let event = self.told(kind, HOUSEHOLDS_AT_WINDOW, original);
            let event = event.with("absorbed", absorbed);
            let event = event.with("reason", Value::Word("同一人以两种证件重复建档"));
            self.touch(double);
            self.queue(event.with("approved_by", Value::Word("pol-reviewer-01")));
        }
        // The register knows one of them from now on.
        self.person_mut(double).free_from = MERGED;
        let household = self.person(double).household as usize;
        self.households[household].members.retain(|member| *member != double);
    }
}
