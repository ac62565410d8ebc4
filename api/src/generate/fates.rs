//! What befalls few: missing, declared dead, found again; children found, or dead before they were
//! registered; people who settle abroad or here, or were in no register; void marriages.

use domain::{Item, Kind, Role};

use super::county::COUNTY;
use super::event::Value;
use super::person::{Day, NOBODY, mark};
use super::simulation::{Plan, Simulation};
use super::upstream::{
    CIVIL_AFFAIRS, COURT, HOSPITALS, HOUSEHOLD_REGISTER, HOUSEHOLDS_AT_WINDOW, IMMIGRATION,
    VERIFICATION, VISIT,
};

/// Nothing happens to somebody who is missing or abroad.
const AWAY: Day = Day::MAX / 2;
const JUDGMENT: &str = "JUD99";

impl Simulation {
    pub(super) fn go_missing(&mut self) {
        let Some(person) = self.present_of_age((20, 80), |county, index| {
            let spouse = county.person(index).spouse;
            county.is_settled(index)
                && !county.person(index).has(mark::MISSED | mark::PREGNANT)
                && (spouse == NOBODY || county.is_settled(spouse))
        }) else {
            return;
        };
        let sender = self.random.weighted(&[(50, COURT), (50, HOUSEHOLD_REGISTER)]);
        let last_news = self.today - self.random.between(730, 1_800);
        let last_news = last_news.max(self.person(person).birth);
        let event = self.told(Kind::Missing, sender, person);
        let event = event.with("last_news_on", Value::Day(last_news));
        let day = event.recorded_on() + self.random.between(60, 400);
        self.mark(person, mark::MISSED);
        self.person_mut(person).free_from = AWAY;
        self.send(event);
        self.plan(day, Plan::Do(Self::settle_fate, person, 0));
    }

    /// Somebody missing comes back, or is declared dead.
    fn settle_fate(&mut self, person: u32, _: u32) {
        let spouse = self.person(person).spouse;
        if spouse != NOBODY && !self.is_settled(spouse) {
            return self.later((20, 40), Self::settle_fate, person, 0);
        }
        if self.random.chance(5_500) {
            return self.declare_dead(person, spouse);
        }
        self.person_mut(person).free_from = self.today;
        let event = self.told(Kind::Reappear, HOUSEHOLDS_AT_WINDOW, person);
        let event = event.with("finding", Value::Word("公安机关查找确认"));
        self.person_mut(person).free_from = event.recorded_on() + 1;
        self.send(event);
    }

    fn declare_dead(&mut self, person: u32, spouse: u32) {
        let judgment = self.serial(JUDGMENT);
        let today = self.today;
        let mut event = self.told(Kind::DeathDeclared, COURT, person);
        event = event.with("judgment_no", judgment).with("judgment_date", Value::Day(today));
        let heard = event.recorded_on();
        self.person_mut(person).is_dead = true;
        self.living -= 1;
        if spouse != NOBODY {
            event = event.naming(Role::Spouse, self.named(spouse));
            self.widow(spouse, heard);
            self.person_mut(person).spouse = NOBODY;
            self.touch(spouse);
        }
        self.send(event);
        if self.random.chance(6_000) {
            let day = heard + self.random.between(60, 500);
            self.plan(day, Plan::Do(Self::come_back_to_life, person, spouse));
        }
    }

    /// Somebody's husband or wife died today, and the register hears of it on a day.
    pub(super) fn widow(&mut self, spouse: u32, heard: Day) {
        let today = self.today;
        let widowed = self.person_mut(spouse);
        widowed.spouse = NOBODY;
        widowed.marital = 30;
        widowed.marital_since = Some(today);
        widowed.marital_free_from = heard + 1;
    }

    /// Somebody declared dead is there. The marriage goes on, unless the other one died or married
    /// again; where it is neither so nor so, nobody comes back.
    fn come_back_to_life(&mut self, person: u32, spouse: u32) {
        let mut goes_on = false;
        if spouse != NOBODY {
            let other = self.person(spouse);
            let waits = other.marital == 30 && other.spouse == NOBODY && !other.is_dead;
            let has_married = other.spouse != NOBODY && !other.is_dead;
            if !self.is_settled(spouse) || !(waits || has_married) {
                return;
            }
            goes_on = waits;
        }
        self.living += 1;
        let before = self.person(person).marital_since;
        let returned = self.person_mut(person);
        returned.is_dead = false;
        let judgment = self.serial(JUDGMENT);
        let event = self.told(Kind::Reappear, COURT, person).with("judgment_no", judgment);
        let (known, today) = (event.recorded_on() + 1, self.today);
        let mut event = event;
        if goes_on {
            event = event.naming(Role::Spouse, self.named(spouse));
            self.touch(spouse);
            let other = self.person_mut(spouse);
            (other.spouse, other.marital, other.marital_since) = (person, 21, before);
            (other.marital_free_from, other.free_from) = (known, known);
        }
        let returned = self.person_mut(person);
        (returned.free_from, returned.marital_free_from) = (known, known);
        if goes_on {
            returned.spouse = spouse;
        } else if spouse != NOBODY {
            (returned.marital, returned.marital_since) = (40, Some(today));
        }
        self.send(event);
    }

    /// The village finds somebody widowed and tells it on its own.
    pub(super) fn confirm_widow(&mut self, widowed: u32, dead: u32) {
        let person = self.person(widowed);
        let Some(since) = person.marital_since.filter(|_| person.marital == 30) else { return };
        if self.is_settled(widowed) && self.is_present(widowed) {
            let mut event = self.told(Kind::Widow, VERIFICATION, widowed);
            event.occurred = since;
            let event = event.naming(Role::Spouse, self.named(dead));
            self.send(event);
        }
    }

    pub(super) fn find_foundling(&mut self) {
        let birth = self.today - self.random.between(1, 40);
        let home = self.county.home(&mut self.random);
        let household = self.new_household(home);
        let male = self.random.chance(5_000);
        let mut child = self.blank_person(household, home, birth, male, 1, None);
        (child.region, child.order) = self.order(COUNTY, birth, male);
        child.health = 10;
        let child = self.enter(child);
        let items = self.everything(child);
        let sender = self.random.weighted(&[(70, HOUSEHOLDS_AT_WINDOW), (30, CIVIL_AFFAIRS)]);
        let mut event = self.told(Kind::BirthFoundling, sender, child);
        event.items = items;
        let event = event.with("finder_report", Value::Word("捡拾弃婴报案证明"));
        let event = event.with("found_on", Value::Day(self.today));
        let event = event.with("institution", Value::Word("县儿童福利院"));
        self.begin(child, event);
        self.later((90, 260), Self::adopt_child, child, 0);
    }

    /// Sends the report by which somebody enters the register.
    fn begin(&mut self, person: u32, event: super::event::Event) {
        self.person_mut(person).known_from = event.recorded_on() + 1;
        self.living += 1;
        self.send(event);
    }

    /// A child dies before its birth was registered.
    pub(super) fn die_unregistered(&mut self) {
        let Some(mother) = self.present_of_age((20, 42), |county, index| {
            let person = county.person(index);
            !person.male && person.spouse != NOBODY && !county.is_pregnant(index)
        }) else {
            return;
        };
        let child = self.newborn(mother, self.person(mother).spouse, self.today);
        let sender = self.random.pick(&HOSPITALS);
        let mut event = self.told(Kind::BirthThenDeath, sender, child);
        let person = self.person(child);
        let sex = Value::Digit(if person.male { 1 } else { 2 });
        event.items = vec![(Item::BirthDate, Value::Day(person.birth)), (Item::Sex, sex)];
        let event = event.naming(Role::Mother, self.named(mother));
        let event = event.with("cause_class", Value::Word("围产期疾病"));
        let person = self.person_mut(child);
        (person.is_dead, person.known_from) = (true, AWAY);
        self.send(event);
    }

    pub(super) fn settle_abroad(&mut self) {
        let Some(person) = self.present_of_age((20, 60), |county, index| {
            county.person(index).spouse == NOBODY
                && county.is_settled(index)
                && !county.is_pregnant(index)
                && county.county.has(county.person(index).hukou.village)
        }) else {
            return;
        };
        let country = self.random.pick(&["USA", "CAN", "AUS", "JPN", "SGP"]);
        let sender = self.random.weighted(&[(70, IMMIGRATION), (30, HOUSEHOLD_REGISTER)]);
        let event = self.told(Kind::Emigrate, sender, person);
        self.person_mut(person).free_from = AWAY;
        self.living -= 1;
        self.send(event.with("country", Value::Word(country)));
    }

    pub(super) fn settle_here(&mut self) {
        let index = self.newcomer(self.today);
        let home = self.person(index).home;
        let person = self.person_mut(index);
        (person.hukou, person.migrated) = (home, None);
        let items = self.everything(index);
        let sender = self.random.weighted(&[(60, HOUSEHOLDS_AT_WINDOW), (40, IMMIGRATION)]);
        let approval = self.serial("LH99");
        let mut event = self.told(Kind::Settle, sender, index);
        event.items = items;
        let event = event.with("approval_no", approval);
        let event = event.with("previous_document", Value::Word("华侨护照"));
        self.begin(index, event);
    }

    /// A child of some years is in no register; the police give a number some weeks later.
    pub(super) fn find_unregistered(&mut self) {
        let Some(mother) = self.present_of_age((28, 42), |county, index| {
            !county.person(index).male && county.person(index).spouse != NOBODY
        }) else {
            return;
        };
        let birth = self.today - self.random.between(800, 2_500);
        let child = self.newborn(mother, self.person(mother).spouse, birth);
        let mut event = self.told(Kind::UnregisteredFound, VISIT, child);
        let person = self.person(child);
        event.items = vec![
            (Item::FullName, Value::Name(person.name)),
            (Item::Sex, Value::Digit(if person.male { 1 } else { 2 })),
            (Item::BirthDate, Value::Day(birth)),
        ];
        let mut home = Vec::new();
        self.state_home(child, &mut home);
        event.items.extend(home);
        let event = event.naming(Role::Mother, self.named(mother));
        let event = event.with("evidence", Value::Word("出生医学证明"));
        let event = event.with("cause", Value::Word("未及时申报出生登记"));
        let number_on = event.recorded_on() + self.random.between(10, 60);
        self.begin(child, event);
        self.plan(number_on, Plan::Number(child));
    }

    /// The next marriage will turn out void.
    pub(super) fn wed_in_vain(&mut self) {
        self.weds_in_vain = true;
        self.marriage();
    }

    /// Remembers what stood before a wedding that will turn out void.
    pub(super) fn foresee_void(&mut self, husband: u32, wife: u32) {
        for index in [husband, wife] {
            let person = self.person(index);
            let before = (person.marital, person.marital_since, person.first_marriage);
            self.before_wedding.insert(index, before);
        }
        self.later((210, 330), Self::void_marriage, husband, wife);
    }

    fn void_marriage(&mut self, husband: u32, wife: u32) {
        let before = [husband, wife].map(|index| self.before_wedding.remove(&index));
        let are_free = self.is_settled(husband) && self.is_settled(wife);
        if self.person(husband).spouse != wife || !are_free || self.place_of(husband).is_none() {
            return;
        }
        let judgment = self.serial(JUDGMENT);
        let event = self.told(Kind::MarryVoid, COURT, husband).with("judgment_no", judgment);
        let event = event.naming(Role::Spouse, self.named(wife));
        self.touch(wife);
        let known = event.recorded_on() + 1;
        for (index, before) in [husband, wife].into_iter().zip(before) {
            let Some((marital, since, first)) = before else { continue };
            let person = self.person_mut(index);
            (person.marital, person.marital_since, person.first_marriage) = (marital, since, first);
            (person.spouse, person.marital_free_from) = (NOBODY, known);
        }
        self.send(event);
    }
}
