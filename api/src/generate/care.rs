//! Services around birth, all of them voluntary, and health: from the check before a pregnancy to
//! the vaccination certificate, and what the health service sees later in life.

use domain::{Item, Kind, Role};

use super::event::Value;
use super::person::{Day, NOBODY, mark};
use super::simulation::{Plan, Simulation};
use super::upstream::{
    DISABLED_PERSONS, HEALTH, HEALTH_AT_WINDOW, HOSPITALS, MATERNITY, NEEDS_SERVICE, ONE_STOP,
    VISIT,
};

/// Days from conception to birth.
const PREGNANCY_DAYS: i32 = 270;
/// The childcare subsidy is a scheme since this year.
const SUBSIDY_SINCE: i32 = 2025;
const HOSPITAL: Value = Value::Word("县妇幼保健院");

impl Simulation {
    /// The pregnancies that the county begins with.
    pub(super) fn expect_births(&mut self) {
        let due = self.options.rates.births * f64::from(self.living) / 1000.0;
        let due = due * f64::from(PREGNANCY_DAYS) / 365.0;
        for _ in 0..due as u32 {
            if let Some(mother) = self.somebody(Self::may_conceive) {
                let left = self.random.between(1, PREGNANCY_DAYS);
                self.expect(mother, self.today + left);
            }
        }
    }

    /// A pregnancy begins.
    pub(super) fn conceive(&mut self) {
        if let Some(mother) = self.somebody(Self::may_conceive) {
            let due = self.today + PREGNANCY_DAYS + self.random.between(-15, 10);
            self.expect(mother, due);
        }
    }

    fn may_conceive(&self, index: u32) -> bool {
        let person = self.person(index);
        !person.male
            && person.is_married()
            && person.spouse != NOBODY
            && !person.has(mark::PREGNANT)
            && (20..=42).contains(&person.age(self.today))
            && self.today - person.last_birth > 140
            && self.is_present(index)
    }

    fn expect(&mut self, mother: u32, due: Day) {
        self.mark(mother, mark::PREGNANT);
        if self.random.chance(8_500) {
            let on = due - self.random.between(150, 200);
            self.plan(on, Plan::Do(Self::register_pregnancy, mother, due as u32));
        }
        for week in [16, 24, 32, 37] {
            let on = due - (40 - week) * 7 + self.random.between(0, 6);
            if self.random.chance(7_000) {
                self.plan(on, Plan::Do(Self::attend_care, mother, due as u32));
            }
        }
        let born_alive = self.random.chance(9_950);
        let deed = if born_alive { Self::deliver } else { Self::lose_child };
        self.plan(due, Plan::Do(deed, mother, 0));
    }

    fn register_pregnancy(&mut self, mother: u32, due: u32) {
        if !self.is_present(mother) || !self.is_pregnant(mother) {
            return;
        }
        let sender = self.random.weighted(&[(60, ONE_STOP), (25, MATERNITY), (15, NEEDS_SERVICE)]);
        let order = 1 + self.children_of(mother);
        let mut event = self.told(Kind::PregReg, sender, mother);
        event = event.with("planned_order", Value::Count(order));
        event = event.with("due_on", Value::Day(due as Day));
        let spouse = self.person(mother).spouse;
        if spouse != NOBODY {
            event = event.naming(Role::Spouse, self.named(spouse));
        }
        self.send(event);
    }

    fn attend_care(&mut self, mother: u32, due: u32) {
        if !self.is_present(mother) || !self.is_pregnant(mother) {
            return;
        }
        let week = (40 - (due as Day - self.today).div_euclid(7)).clamp(0, 44) as u32;
        let event = self.told(Kind::PregCare, MATERNITY, mother);
        let event = event.with("gestational_week", Value::Count(week));
        self.send(event.with("institution", HOSPITAL));
    }

    /// How many of the household are her children.
    fn children_of(&self, mother: u32) -> u32 {
        let household = &self.households[self.person(mother).household as usize];
        let is_hers = |child: &&u32| self.person(**child).mother == mother;
        household.members.iter().filter(is_hers).count() as u32
    }

    /// A child is born.
    fn deliver(&mut self, mother: u32, tries: u32) {
        if !self.is_pregnant(mother) || self.person(mother).is_dead {
            return;
        }
        let spouse = self.person(mother).spouse;
        let may = spouse != NOBODY && self.is_present(mother) && self.is_free(spouse);
        if !may && tries < 4 {
            return self.later((2, 5), Self::deliver, mother, tries + 1);
        }
        self.unmark(mother, mark::PREGNANT);
        if !may {
            return;
        }
        self.end_pregnancy(mother, "live_birth");
        let order = 1 + self.children_of(mother);
        let child = self.bear(mother, Some(order));
        self.later((12, 30), Self::vaccinate, child, 0);
        self.later((60, 200), Self::claim_subsidy, mother, child);
    }

    fn lose_child(&mut self, mother: u32, _: u32) {
        if self.is_pregnant(mother) && self.is_present(mother) {
            self.end_pregnancy(mother, "stillbirth");
        }
        self.unmark(mother, mark::PREGNANT);
    }

    fn end_pregnancy(&mut self, mother: u32, outcome: &'static str) {
        if self.random.chance(9_000) {
            let sender = self.random.pick(&HOSPITALS);
            let event = self.told(Kind::PregEnd, sender, mother);
            let event = event.with("outcome", Value::Word(outcome));
            self.send(event.with("institution", HOSPITAL));
        }
    }

    fn vaccinate(&mut self, child: u32, tries: u32) {
        if !self.is_present(child) {
            if tries < 3 {
                self.later((8, 15), Self::vaccinate, child, tries + 1);
            }
            return;
        }
        let sender = self.random.weighted(&[(80, HEALTH), (20, HEALTH_AT_WINDOW)]);
        let serial = self.serial("Y99");
        let event = self.told(Kind::VaccineCert, sender, child);
        let event = event.with("clinic", Value::Word("社区卫生服务中心预防接种门诊"));
        self.send(event.with("vaccination_certificate_no", serial));
    }

    fn claim_subsidy(&mut self, parent: u32, child: u32) {
        let year = super::clock::date_of(self.today).year();
        if i32::from(year) < SUBSIDY_SINCE || self.person(child).age(self.today) >= 3 {
            return;
        }
        if self.is_present(parent) && self.is_free(child) {
            let sender = self.random.weighted(&[(70, ONE_STOP), (30, MATERNITY)]);
            let mut event = self.told(Kind::ChildcareSubsidy, sender, parent);
            event = event.with("subsidy_year", Value::Count(year as u32));
            event = event.with("payee", Value::Name(self.person(parent).name));
            let event = event.naming(Role::Child, self.named(child));
            self.send(event);
        }
        self.later((350, 380), Self::claim_subsidy, parent, child);
    }

    pub(super) fn ask_contraception(&mut self) {
        let found = self.present_of_age((20, 49), |county, index| !county.is_pregnant(index));
        let Some(person) = found else { return };
        let method = self.random.weighted(&[(55, "60"), (25, "30"), (12, "50"), (8, "40")]);
        let event = self.told(Kind::Contraception, MATERNITY, person);
        let event = event.with("method_code", Value::Word(method));
        self.send(event.with("voluntary", Value::Yes(true)));
    }

    pub(super) fn check_before_pregnancy(&mut self) {
        let found = self.present_of_age((22, 40), |county, index| {
            county.person(index).is_married() && !county.is_pregnant(index)
        });
        let Some(person) = found else { return };
        let sender = self.random.weighted(&[(80, MATERNITY), (20, NEEDS_SERVICE)]);
        let event = self.told(Kind::PreconceptionCheck, sender, person);
        self.send(event.with("institution", HOSPITAL));
    }

    pub(super) fn reward_parents(&mut self) {
        let found = self
            .present_of_age((60, 90), |county, index| !county.person(index).has(mark::REWARDED));
        let Some(person) = found else { return };
        self.mark(person, mark::REWARDED);
        let scheme = self.random.weighted(&[
            (85, "reward_support"),
            (5, "special_support"),
            (10, "only_child_reward"),
        ]);
        let event = self.told(Kind::FpBenefit, MATERNITY, person);
        let event = event.with("scheme", Value::Word(scheme));
        let event = event.with("amount_band", Value::Word("500-1000"));
        self.send(event.with("start", Value::Day(self.today)));
    }

    pub(super) fn change_health(&mut self) {
        let free = |county: &Self, index| !county.person(index).has(mark::DISABLED);
        let Some(person) = self.present_of_age((3, 100), free) else { return };
        let health = self.random.weighted(&[(30, 10), (35, 20), (20, 30), (8, 31), (7, 37)]);
        self.person_mut(person).health = health;
        let (sender, source) = match self.random.below(100) {
            0..60 => (HEALTH, "居民健康档案"),
            _ => (VISIT, "家庭医生随访"),
        };
        let mut event = self.told(Kind::HealthChange, sender, person);
        event.items.push((Item::Health, Value::Code(health)));
        let mut event = event.with("health_source", Value::Word(source));
        if health >= 30 {
            event = event.with("chronic_class", Value::Word("高血压"));
        }
        self.send(event.with("doctor_team", Value::Word("第一家庭医生团队")));
    }

    pub(super) fn certify_disability(&mut self) {
        let free = |county: &Self, index| !county.person(index).has(mark::DISABLED);
        let Some(person) = self.present_of_age((6, 85), free) else { return };
        if self.named(person).by_certificate {
            return;
        }
        let kind = self.random.weighted(&[(60, 4), (12, 1), (10, 2), (6, 5), (9, 6), (2, 3)]);
        let level = self.random.weighted(&[(15, 1), (25, 2), (30, 3), (30, 4)]);
        self.mark(person, mark::DISABLED);
        self.person_mut(person).health = 60 + kind;
        const DIGITS: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];
        let event = self.told(Kind::DisabilityCert, DISABLED_PERSONS, person);
        let number = Value::Disability(person, kind, level);
        let event = event.with("disability_certificate_no", number);
        let event = event.with("disability_type", Value::Word(DIGITS[usize::from(kind)]));
        let event = event.with("disability_level", Value::Word(DIGITS[usize::from(level)]));
        self.send(event.with("valid_to", Value::Day(self.today + 3_652)));
    }
}
