//! Who lives in the county on the first day: couples with their children and parents, people
//! living alone, people who came from elsewhere, people who are away.

use domain::{Item, Kind};

use super::clock::sending;
use super::county::{COUNTY, Home};
use super::event::{Event, Stated, Value};
use super::names::Name;
use super::person::{Day, NOBODY, Person};
use super::simulation::Simulation;
use super::upstream::HOUSEHOLD_REGISTER;

const YEAR: i32 = 365;
const ETHNIC_GROUPS: [(u32, u8); 9] =
    [(880, 1), (25, 3), (15, 8), (15, 15), (15, 11), (15, 5), (10, 4), (15, 7), (10, 17)];
/// Regions of people who were first registered elsewhere.
const REGIONS_ELSEWHERE: [u32; 4] = [990_102, 990_201, 990_305, 991_101];
/// What the members of a new household have in common.
struct Family {
    household: u32,
    home: Home,
    hukou: Home,
    migrated: Option<Day>,
    ethnic: u8,
}

impl Simulation {
    /// Fills the county.
    pub(super) fn populate(&mut self) {
        let due = self.options.people as usize;
        while self.people.len() < due {
            let home = self.county.home(&mut self.random);
            let family = self.new_family(home);
            match self.random.below(100) {
                0..78 => self.couple(&family),
                _ => self.alone(&family),
            }
        }
        while self.people.len() > due {
            self.forget_last();
        }
        self.living = due as u32;
    }

    /// The registration of the `index`-th person, on the first day.
    pub(super) fn register(&mut self, index: u32) -> Event {
        let place = self.place_of(index).unwrap_or_default();
        let items = self.everything(index);
        let mut event = self.report(Kind::Registration, HOUSEHOLD_REGISTER, index, place, items);
        let relatives = {
            let person = self.person(index);
            use domain::Role::{Father, Mother, Spouse};
            [(Mother, person.mother), (Father, person.father), (Spouse, person.spouse)]
        };
        event.related = relatives
            .into_iter()
            .filter(|(_, person)| *person != NOBODY)
            .map(|(role, person)| (role, self.named(person)))
            .collect();
        let second = i64::from(index) * 72_000 / i64::from(self.options.people.max(1));
        event.known = self.today;
        event.recorded = i64::from(self.today) * 86_400 + 3_600 + second;
        event.sent = event.recorded - 60;
        event
    }

    /// Everything that a register states of somebody whom it takes in.
    pub(super) fn everything(&self, index: u32) -> Stated {
        let person = self.person(index);
        let mut items = vec![
            (Item::FullName, Value::Name(person.name)),
            (Item::CitizenId, Value::Number(index, person.number)),
            (Item::Sex, Value::Digit(if person.male { 1 } else { 2 })),
            (Item::BirthPlace, Value::Region(person.region)),
            (Item::BirthDate, Value::Day(person.birth)),
            (Item::EthnicGroup, Value::Code(person.ethnic)),
            (Item::Hukou, Value::Village(person.hukou.village)),
            (Item::HukouAddress, Value::Address(person.hukou)),
            (Item::HukouNature, Value::Digit(person.hukou_nature)),
            (Item::Health, Value::Code(person.health)),
            (Item::RelationToHead, Value::Code(person.relation)),
            (Item::HouseholdId, Value::Household(person.household)),
            (Item::HouseholdKind, Value::Word("family")),
        ];
        self.state_home(index, &mut items);
        self.state_work(index, &mut items);
        self.state_marriage(index, &mut items);
        if let Some(code) = person.education(self.school_day) {
            items.push((Item::Education, Value::Code(code)));
        }
        if let Some(day) = person.first_marriage {
            items.push((Item::FirstMarriageDate, Value::Day(day)));
        }
        if let Some(day) = person.migrated {
            items.push((Item::MigrationDate, Value::Day(day)));
        }
        items
    }

    /// Somebody from elsewhere who lives alone in the county from `since` on.
    pub(super) fn newcomer(&mut self, since: Day) -> u32 {
        let home = self.county.home(&mut self.random);
        let hukou = self.county.home_outside(&mut self.random);
        let household = self.new_household(home);
        let ethnic = self.random.weighted(&ETHNIC_GROUPS);
        let family = Family { household, home, hukou, migrated: Some(since), ethnic };
        let birth = since - self.random.between(18 * YEAR, 50 * YEAR);
        let male = self.random.chance(5_500);
        self.add(&family, birth, male, 2, None)
    }

    fn new_family(&mut self, home: Home) -> Family {
        let household = self.new_household(home);
        let ethnic = self.random.weighted(&ETHNIC_GROUPS);
        let (hukou, migrated) = match self.random.below(100) {
            0..5 => (self.county.home_outside(&mut self.random), true),
            5..13 => (self.county.home_elsewhere(&mut self.random, home.village), true),
            _ => (home, false),
        };
        let moved = self.start - self.random.between(30, 10 * YEAR);
        Family { household, home, hukou, migrated: migrated.then_some(moved), ethnic }
    }

    fn couple(&mut self, family: &Family) {
        let years = self.random.between(1, 52).min(self.random.between(1, 60));
        let wedding = self.start - years * YEAR - self.random.between(0, YEAR);
        let wife_birth = wedding - self.random.between(20 * YEAR + 10, 28 * YEAR);
        let older = self.random.between(-2 * YEAR, 6 * YEAR);
        let husband_birth = (wife_birth - older).min(wedding - 22 * YEAR - 10);
        let husband = self.add(family, husband_birth, true, 2, None);
        let wife = self.add(family, wife_birth, false, 12, None);
        for (one, other) in [(husband, wife), (wife, husband)] {
            let person = self.person_mut(one);
            person.spouse = other;
            person.marital = 21;
            person.marital_since = Some(wedding);
            person.first_marriage = Some(wedding);
        }
        self.children(family, husband, wife, wedding);
        if years < 30 && self.random.chance(3_000) {
            self.parents_of_head(family, husband);
        }
    }

    fn children(&mut self, family: &Family, father: u32, mother: u32, wedding: Day) {
        let number = self.random.weighted(&[(12, 0), (45, 1), (35, 2), (8, 3)]);
        let mut birth = wedding + self.random.between(300, 3 * YEAR);
        let mut ranks = [0_u8; 2];
        for _ in 0..number {
            let age_years = (self.start - birth) / YEAR;
            let has_left =
                age_years >= 20 && self.random.chance(if age_years > 30 { 9_000 } else { 4_500 });
            let male = self.random.chance(5_150);
            let rank = &mut ranks[usize::from(male)];
            *rank += 1;
            let relation = if male { 21 } else { 31 } + if number == 1 { 0 } else { *rank };
            if birth < self.start - 5 && !has_left {
                let family_name = Some(self.person(father).name);
                let child = self.add(family, birth, male, relation, family_name);
                self.person_mut(child).mother = mother;
                self.person_mut(child).father = father;
                self.person_mut(mother).last_birth = birth;
            }
            birth += self.random.between(500, 4 * YEAR);
        }
    }

    fn parents_of_head(&mut self, family: &Family, head: u32) {
        let (head_birth, head_name) = (self.person(head).birth, self.person(head).name);
        let mother_birth = head_birth - self.random.between(21 * YEAR, 30 * YEAR);
        let father_birth = mother_birth - self.random.between(0, 5 * YEAR);
        let wedding = head_birth - self.random.between(300, 700);
        let oldest = self.start - 98 * YEAR;
        let has_father = father_birth > oldest && self.random.chance(6_500);
        let has_mother = mother_birth > oldest && (!has_father || self.random.chance(7_500));
        let father = has_father.then(|| self.add(family, father_birth, true, 51, Some(head_name)));
        let mother = has_mother.then(|| self.add(family, mother_birth, false, 52, None));
        let widowed_on = (self.start - self.random.between(60, 12 * YEAR)).max(wedding + YEAR);
        for (one, other) in [(father, mother), (mother, father)] {
            let Some(person) = one else { continue };
            let person = self.person_mut(person);
            person.first_marriage = Some(wedding);
            person.spouse = other.unwrap_or(NOBODY);
            person.marital = if other.is_some() { 21 } else { 30 };
            person.marital_since = Some(if other.is_some() { wedding } else { widowed_on });
        }
        self.person_mut(head).father = father.unwrap_or(NOBODY);
        self.person_mut(head).mother = mother.unwrap_or(NOBODY);
    }

    fn alone(&mut self, family: &Family) {
        let male = self.random.chance(5_000);
        let (low, high, marital) =
            self.random.weighted(&[(50, (22, 48, 10)), (15, (30, 62, 40)), (35, (60, 92, 30))]);
        let age_days = self.random.between(low * YEAR, high * YEAR);
        let person = self.add(family, self.start - age_days, male, 2, None);
        if marital != 10 {
            let birth = self.person(person).birth;
            let wedding = birth + self.random.between(23 * YEAR, 27 * YEAR);
            let ended = self.random.between(wedding + 200, self.start - 10);
            let person = self.person_mut(person);
            person.marital = marital;
            person.first_marriage = Some(wedding);
            person.marital_since = Some(ended);
        }
    }

    /// Adds somebody to a household.
    fn add(
        &mut self,
        family: &Family,
        birth: Day,
        male: bool,
        relation: u8,
        name_of: Option<Name>,
    ) -> u32 {
        let region = if !self.county.has(family.hukou.village) {
            self.county.village(family.hukou.village).code[..6].parse().unwrap_or(COUNTY)
        } else if self.random.chance(9_000) {
            COUNTY
        } else {
            self.random.pick(&REGIONS_ELSEWHERE)
        };
        let mut person =
            self.blank_person(family.household, family.home, birth, male, family.ethnic, name_of);
        (person.region, person.order) = self.order(region, birth, male);
        person.relation = relation;
        person.hukou = family.hukou;
        person.migrated = family.migrated;
        let age = person.age(self.today);
        let is_away = (18..50).contains(&age) && relation != 2 && relation != 12;
        if is_away && self.county.has(family.hukou.village) && self.random.chance(1_800) {
            person.home = self.county.home_outside(&mut self.random);
            person.migrated =
                Some(self.start - self.random.between(30, 6 * YEAR).min(self.start - birth - 1));
        }
        self.enter(person)
    }

    /// Somebody with the values that chance gives everybody; not yet in the county.
    pub(super) fn blank_person(
        &mut self,
        household: u32,
        home: Home,
        birth: Day,
        male: bool,
        ethnic: u8,
        name_of: Option<Name>,
    ) -> Person {
        let is_urban = self.county.village(home.village).is_urban;
        let (schooling, work) = self.schooling_and_work(birth, is_urban);
        Person {
            birth,
            region: COUNTY,
            order: 0,
            number: 0,
            male,
            name: Name::new(&mut self.random, ethnic, male, name_of),
            ethnic,
            household,
            relation: 97,
            spouse: NOBODY,
            former_spouse: NOBODY,
            mother: NOBODY,
            father: NOBODY,
            marital: 10,
            marital_since: None,
            first_marriage: None,
            home,
            hukou: home,
            migrated: None,
            hukou_nature: self.random.weighted(&[
                (80, 3),
                (if is_urban { 18 } else { 2 }, 1),
                (if is_urban { 2 } else { 18 }, 2),
            ]),
            schooling,
            work,
            health: self.random.weighted(&[
                (820, 10),
                (100, 20),
                (40, 30),
                (20, 31),
                (10, 37),
                (6, 64),
                (4, 62),
            ]),
            job: self.random.below(8) as u8,
            marks: 0,
            guardian: NOBODY,
            certificate: 0,
            known_from: self.start,
            numbered_from: Day::MIN,
            free_from: Day::MIN,
            marital_free_from: Day::MIN,
            last_day: Day::MIN,
            last_birth: Day::MIN / 2,
            is_dead: false,
            is_recorded: false,
        }
    }

    /// How far a life goes at school, and what it works at.
    fn schooling_and_work(&mut self, birth: Day, is_urban: bool) -> (u8, u8) {
        let old = birth < self.start - 45 * YEAR;
        let schooling = if old {
            self.random.weighted(&[(6, 0), (30, 1), (42, 2), (14, 3), (5, 4), (3, 5)])
        } else {
            self.random.weighted(&[(1, 1), (30, 2), (25, 3), (22, 4), (19, 5), (3, 6)])
        };
        let work = if is_urban {
            self.random.weighted(&[
                (4, 11),
                (12, 13),
                (18, 17),
                (6, 21),
                (30, 24),
                (20, 54),
                (10, 70),
            ])
        } else {
            self.random.weighted(&[
                (1, 11),
                (4, 13),
                (5, 17),
                (1, 21),
                (25, 24),
                (14, 54),
                (50, 27),
            ])
        };
        (schooling, work)
    }

    /// Takes somebody into the county and their household; gives their number.
    pub(super) fn enter(&mut self, person: Person) -> u32 {
        let index = self.people.len() as u32;
        let household = &mut self.households[person.household as usize];
        household.members.push(index);
        if person.relation == 2 {
            household.head = index;
        }
        self.people.push(person);
        index
    }

    /// Undoes the last [`Simulation::enter`].
    fn forget_last(&mut self) {
        let last = self.people.len() as u32 - 1;
        let Some(person) = self.people.pop() else { return };
        let household = &mut self.households[person.household as usize];
        household.members.retain(|member| *member != last);
        let relatives = household.members.clone();
        for relative in relatives {
            let relative = self.person_mut(relative);
            for link in [&mut relative.spouse, &mut relative.mother, &mut relative.father] {
                if *link == last {
                    *link = NOBODY;
                }
            }
        }
    }
}

/// Sets the clocks of a report that is made, sent and recorded on given days.
pub(super) fn send_on(simulation: &mut Simulation, event: &mut Event, known: Day, recorded: Day) {
    let drawn = sending(&mut simulation.random, known, recorded, recorded);
    (event.known, event.sent, event.recorded) = (drawn.known, drawn.sent, drawn.recorded);
}
