//! Work: begun, ended, lost, of one's own; social insurance and pension.

use domain::{Item, Kind};

use super::event::Value;
use super::person::mark;
use super::simulation::Simulation;
use super::upstream::{BUSINESS_REGISTER, INSURANCE, JOB_CENTRE, LABOUR_WINDOW};

/// Codes of those who have an employer.
const EMPLOYED: [u8; 3] = [13, 17, 24];

/// Social insurance of residents, and of those who are employed.
const RESIDENTS: &[&str] = &["pension", "medical"];
const EMPLOYEES: &[&str] = &["pension", "medical", "unemployment", "work_injury", "maternity"];

impl Simulation {
    /// Somebody of working age who is not at school any more.
    fn worker(&mut self, test: impl Fn(&Self, u32) -> bool) -> Option<u32> {
        self.present_of_age((16, 59), |county, index| {
            let status = county.person(index).employment(county.school_day);
            status.is_some_and(|status| status != 31 && status != 80) && test(county, index)
        })
    }

    fn is_employed(&self, index: u32) -> bool {
        EMPLOYED.contains(&self.person(index).work)
    }

    pub(super) fn find_employment(&mut self) {
        let Some(person) = self.worker(|_, _| true) else { return };
        self.take_job(person, 0);
    }

    fn take_job(&mut self, index: u32, _: u32) {
        let age = self.person(index).age(self.today);
        if !self.is_present(index) || !(16..60).contains(&age) {
            return;
        }
        let (work, job) = (self.random.pick(&EMPLOYED), self.random.below(8) as u8);
        let person = self.person_mut(index);
        (person.work, person.job) = (work, job);
        if self.person(index).employment(self.school_day) == Some(31) {
            return;
        }
        let sender = if self.random.chance(8_500) { JOB_CENTRE } else { LABOUR_WINDOW };
        let village = self.person(index).home.village;
        let code = Value::Serial("91990101MA", u32::from(village) * 8 + u32::from(job));
        let kind = self.random.weighted(&[(80, "contract"), (12, "dispatch"), (8, "part_time")]);
        let mut event = self.told(Kind::EmployStart, sender, index);
        event.items.push((Item::Employer, Value::Employer(village, 6 + job)));
        let event = event.with("credit_code", code).with("employment_kind", Value::Word(kind));
        self.send(event.with("employment_status", Value::Code(work)));
        if !self.person(index).has(mark::INSURED) && self.random.chance(8_000) {
            self.later((5, 60), Self::insure, index, 0);
        }
    }

    pub(super) fn lose_employment(&mut self) {
        let Some(person) = self.worker(Self::is_employed) else { return };
        let reason = self.random.pick(&["合同期满", "协商解除", "本人辞职", "单位停业"]);
        self.person_mut(person).work = 70;
        let event = self.told(Kind::EmployEnd, JOB_CENTRE, person);
        let event = event.with("end_reason", Value::Word(reason));
        self.send(event.with("employment_status", Value::Code(70)));
        if self.random.chance(4_000) {
            self.later((3, 40), Self::register_unemployed, person, 0);
        }
        if self.random.chance(6_000) {
            self.later((45, 300), Self::take_job, person, 0);
        }
    }

    fn register_unemployed(&mut self, person: u32, _: u32) {
        if self.is_present(person) && self.person(person).work == 70 {
            let sender = if self.random.chance(5_000) { JOB_CENTRE } else { LABOUR_WINDOW };
            let event = self.told(Kind::UnemployReg, sender, person);
            self.send(event);
        }
    }

    pub(super) fn work_flexibly(&mut self) {
        let Some(person) = self.worker(|county, index| !county.is_employed(index)) else { return };
        let (word, code) = self.random.weighted(&[(55, ("54", 54)), (45, ("51", 51))]);
        self.person_mut(person).work = code;
        let sender = self.random.weighted(&[(60, LABOUR_WINDOW), (40, BUSINESS_REGISTER)]);
        let event = self.told(Kind::FlexEmploy, sender, person);
        self.send(event.with("flexible_kind", Value::Word(word)));
    }

    pub(super) fn be_insured(&mut self) {
        let found = self.worker(|county, index| !county.person(index).has(mark::INSURED));
        if let Some(person) = found {
            self.insure(person, 0);
        }
    }

    fn insure(&mut self, index: u32, _: u32) {
        if !self.is_present(index) || self.person(index).has(mark::INSURED) {
            return;
        }
        self.mark(index, mark::INSURED);
        let sender = self.random.weighted(&[(70, JOB_CENTRE), (30, INSURANCE)]);
        let kinds = self.random.weighted(&[(60, RESIDENTS), (40, EMPLOYEES)]);
        let village = self.person(index).home.village;
        let event = self.told(Kind::SocinsEnrol, sender, index);
        let event = event.with("insurance_kinds", Value::Words(kinds));
        self.send(event.with("insurance_place", Value::CountyOf(village)));
    }

    /// Somebody of sixty begins to draw a pension; whoever was older at the first load does.
    pub(super) fn retire(&mut self, index: u32) {
        let person = self.person(index);
        if person.has(mark::PENSION) {
            return;
        }
        let is_new = person.age(self.today) <= 61;
        self.mark(index, mark::PENSION);
        if !is_new {
            return;
        }
        let is_farmer = self.person(index).work == 27;
        let kind = match self.person(index).work {
            27 | 54 | 70 => "resident",
            11 => "institution",
            _ => "employee",
        };
        let mut event = self.told(Kind::PensionStart, JOB_CENTRE, index);
        if is_farmer {
            event.items.push((Item::EmploymentStatus, Value::Code(27)));
        }
        self.send(event.with("pension_kind", Value::Word(kind)));
    }
}
