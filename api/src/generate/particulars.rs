//! Identity cards, permits of those who came from elsewhere, and changed particulars: number, name,
//! ethnic group, sex, birth date.

use domain::catalogue::Need;
use domain::{Item, Kind};

use super::event::{Event, Value};
use super::names::Name;
use super::person::{Number, mark};
use super::simulation::Simulation;
use super::upstream::{HOUSEHOLD_REGISTER, HOUSEHOLDS_AT_WINDOW, POLICE};

const POLICE_BUREAU: Value = Value::Word("县公安局");

impl Simulation {
    /// The first identity card, once somebody is sixteen.
    pub(super) fn issue_card(&mut self, index: u32) {
        if self.person(index).has(mark::CARD) || self.named(index).by_certificate {
            return;
        }
        self.mark(index, mark::CARD);
        let event = self.told(Kind::IdIssue, HOUSEHOLD_REGISTER, index);
        let event = event.with("issued_on", Value::Day(self.today));
        let event = event.with("valid_to", Value::Day(self.today + 3_652));
        self.send(event.with("issuer", POLICE_BUREAU));
    }

    /// A stay becomes longer than three months.
    pub(super) fn extend_stay(&mut self, index: u32, _: u32) {
        if self.is_stranger(index) {
            let reason = self.random.pick(&["务工合同续签", "子女就学", "经商"]);
            let event = self.told(Kind::TempStayExtend, HOUSEHOLDS_AT_WINDOW, index);
            self.send(event.with("stay_reason", Value::Word(reason)));
        }
    }

    /// A residence permit after half a year.
    pub(super) fn issue_permit(&mut self, index: u32, _: u32) {
        if !self.is_stranger(index) || self.person(index).has(mark::PERMIT) {
            return;
        }
        self.mark(index, mark::PERMIT);
        let proof = self.random.weighted(&[(70, "work"), (20, "home"), (10, "school")]);
        let event = self.told(Kind::ResPermitIssue, HOUSEHOLDS_AT_WINDOW, index);
        let event = event.with("permit_no", Value::Serial("JZ99", index));
        let event = event.with("valid_to", Value::Day(self.today + 365));
        self.send(event.with("proof", Value::Word(proof)));
        self.later((335, 364), Self::endorse_permit, index, 0);
    }

    fn endorse_permit(&mut self, index: u32, _: u32) {
        if !self.is_stranger(index) {
            return;
        }
        let sender = self.random.weighted(&[(80, POLICE), (20, HOUSEHOLD_REGISTER)]);
        let event = self.told(Kind::ResPermitEndorse, sender, index);
        let event = event.with("permit_no", Value::Serial("JZ99", index));
        self.send(event.with("valid_to", Value::Day(self.today + 395)));
        self.later((335, 395), Self::endorse_permit, index, 0);
    }

    /// Whether somebody lives here and is registered elsewhere.
    fn is_stranger(&self, index: u32) -> bool {
        self.is_present(index) && !self.county.has(self.person(index).hukou.village)
    }

    /// Somebody whose particulars were not changed yet, nor are being told by a certificate.
    fn unchanged(&mut self, ages: (i32, i32)) -> Option<u32> {
        self.present_of_age(ages, |county, index| {
            !county.person(index).has(mark::CHANGED) && !county.named(index).by_certificate
        })
    }

    /// A change by the police; nothing else happens to somebody until it is recorded.
    fn change(&mut self, kind: Kind, index: u32, item: Item, value: Value) -> Event {
        self.mark(index, mark::CHANGED);
        let sender = self.random.weighted(&[(60, HOUSEHOLD_REGISTER), (40, HOUSEHOLDS_AT_WINDOW)]);
        let mut event = self.told(kind, sender, index);
        event.items.push((item, value));
        event
    }

    fn finish_change(&mut self, index: u32, mut event: Event) {
        if event.kind.entry().approval == Need::Expected {
            event = event.with("approved_by", Value::Word("pol-reviewer-01"));
        }
        let person = self.person_mut(index);
        person.free_from = person.free_from.max(event.recorded_on() + 1);
        self.send(event);
    }

    pub(super) fn change_name(&mut self) {
        let Some(index) = self.unchanged((1, 60)) else { return };
        let person = self.person(index);
        let (old, ethnic, male) = (person.name, person.ethnic, person.male);
        let is_minor = person.age(self.today) < 18;
        let new = Name::new(&mut self.random, ethnic, male, Some(old));
        if new == old {
            return;
        }
        self.person_mut(index).name = new;
        let event = self.change(Kind::NameChange, index, Item::FullName, Value::Name(new));
        let mut event = event.with("old_name", Value::Name(old));
        event = event.with("reason_code", Value::Word("21"));
        if is_minor {
            event = event.with("guardian_consent", Value::Yes(true));
        }
        self.finish_change(index, event);
    }

    /// A number that somebody else of the same birth date and sex might have had.
    fn another_number(&mut self, index: u32, birth: i32, male: bool) -> (Number, Value) {
        let (region, order) = self.order(self.number_of(index, 0).region, birth, male);
        // The region of a number never changes but where it was full.
        (Number { region, birth, order }, Value::Number(index, self.person(index).number + 1))
    }

    pub(super) fn correct_number(&mut self) {
        let Some(index) = self.unchanged((3, 80)) else { return };
        let (birth, male) = (self.person(index).birth, self.person(index).male);
        let before = self.person(index).number;
        let (number, value) = self.another_number(index, birth, male);
        let event = self.change(Kind::IdNumberCorrect, index, Item::CitizenId, value);
        let event = event.with("old_number", Value::Number(index, before));
        let event = event.with("reason_code", Value::Word("11"));
        self.renumber(index, number);
        self.finish_change(index, event);
    }

    pub(super) fn change_ethnic_group(&mut self) {
        let Some(index) = self.unchanged((1, 20)) else { return };
        let old = self.person(index).ethnic;
        let new = if old == 1 { 15 } else { 1 };
        self.person_mut(index).ethnic = new;
        let approval = self.serial("MZ99");
        let event = self.change(Kind::EthnicChange, index, Item::EthnicGroup, Value::Code(new));
        let event = event.with("old_ethnic", Value::Code(old));
        let event = event.with("reason_code", Value::Word("51")).with("approval_no", approval);
        self.finish_change(index, event);
    }

    /// The sex was registered wrong. Nobody who ever was married, since husbands are men here.
    pub(super) fn correct_sex(&mut self) {
        let found = self.present_of_age((1, 19), |county, index| {
            let person = county.person(index);
            person.marital == 10 && !person.has(mark::CHANGED | mark::DRAFT)
        });
        let Some(index) = found.filter(|index| !self.named(*index).by_certificate) else { return };
        let (birth, was_male) = (self.person(index).birth, self.person(index).male);
        let (number, value) = self.another_number(index, birth, !was_male);
        let digit = |male| Value::Digit(if male { 1 } else { 2 });
        let mut event = self.change(Kind::SexCorrect, index, Item::Sex, digit(!was_male));
        event.items.push((Item::CitizenId, value));
        let event = event.with("old_sex", digit(was_male));
        let event = event.with("reason_code", Value::Word("32"));
        let event = event.with("evidence", Value::Word("医学鉴定书"));
        self.renumber(index, number);
        self.person_mut(index).male = !was_male;
        self.finish_change(index, event);
    }

    /// The birth date was registered some weeks too late.
    pub(super) fn correct_birth_date(&mut self) {
        let Some(index) = self.unchanged((20, 70)) else { return };
        let (old, male) = (self.person(index).birth, self.person(index).male);
        let birth = old - self.random.between(5, 60);
        let (number, value) = self.another_number(index, birth, male);
        let mut event =
            self.change(Kind::BirthdateCorrect, index, Item::BirthDate, Value::Day(birth));
        event.items.push((Item::CitizenId, value));
        let event = event.with("old_birth_date", Value::Day(old));
        let event = event.with("reason_code", Value::Word("41"));
        let event = event.with("evidence", Value::Word("出生医学证明存根"));
        self.renumber(index, number);
        self.finish_change(index, event);
    }
}
