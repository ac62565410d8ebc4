//! The county as it lives: everybody in it, the reports that are still on their way, and the day.
//! What happens on a day stands in `life`, `moves` and `contacts`; here is what they share.

use domain::{Item, Kind};
use rustc_hash::FxHashMap;

use super::clock::{clocks, day_number, school_day};
use super::county::County;
use super::event::{Event, Fate, Named, Stated, Upstream, Value};
use super::person::{Day, Household, NOBODY, Number, Person};
use super::random::Random;
use super::{Mix, Options};

/// Something that will happen on a later day, if it still can.
#[derive(Clone, Copy)]
pub(super) enum Plan {
    /// The police give a newborn a number.
    Number(u32),
    /// A wife moves to her husband's household.
    Join { wife: u32, husband: u32 },
    /// Anything else: what is done, by whom, and with whom or what.
    Do(Deed, u32, u32),
}

/// Something that somebody does or meets with; the second number is who or what else.
pub(super) type Deed = fn(&mut Simulation, u32, u32);

/// The county, its people and its mail.
pub(super) struct Simulation {
    pub(super) options: Options,
    pub(super) random: Random,
    pub(super) county: County,
    pub(super) people: Vec<Person>,
    pub(super) households: Vec<Household>,
    /// Day of the first load.
    pub(super) start: Day,
    pub(super) end: Day,
    pub(super) today: Day,
    /// How many people the register holds as living.
    pub(super) living: u32,
    /// The dead, with the day on which the register heard of it.
    pub(super) graves: Vec<(u32, Day)>,
    /// Reports by the day of their delivery, from the first day on.
    pending: Vec<Vec<Event>>,
    agenda: Vec<Vec<Plan>>,
    /// Order codes used, by region and birth date, for men and women.
    orders: FxHashMap<(u32, Day), [u16; 2]>,
    /// Households counted by village.
    serials: Vec<u16>,
    /// The first of September on which the school year of today began or begins.
    pub(super) school_day: Day,
    /// All citizen numbers of those whose number was changed.
    renumbered: FxHashMap<u32, Vec<Number>>,
    /// What stood before a wedding that will turn out void.
    pub(super) before_wedding: FxHashMap<u32, (u8, Option<Day>, Option<Day>)>,
    pub(super) weds_in_vain: bool,
    last_id: u32,
    last_certificate: u32,
    last_serial: u32,
}

impl Simulation {
    /// A county on the morning of the first load.
    pub(super) fn new(options: &Options) -> Self {
        let mut options = options.clone();
        (options.people, options.years) = (options.people.max(1), options.years.clamp(1, 100));
        let end = day_number(options.end);
        let years = options.years as i32;
        let start = end - (years * 1461 / 4) + 1;
        let days = (end - start + 1) as usize;
        let county = County::new(options.people);
        let mut simulation = Self {
            random: Random::new(options.seed),
            people: Vec::with_capacity(options.people as usize * 5 / 4),
            households: Vec::new(),
            start,
            end,
            today: start,
            living: 0,
            graves: Vec::new(),
            pending: std::iter::repeat_with(Vec::new).take(days).collect(),
            agenda: vec![Vec::new(); days],
            orders: FxHashMap::default(),
            serials: vec![0; county.villages.len()],
            school_day: school_day(start),
            renumbered: FxHashMap::default(),
            before_wedding: FxHashMap::default(),
            weds_in_vain: false,
            last_id: 0,
            last_certificate: 0,
            last_serial: 0,
            county,
            options,
        };
        simulation.populate();
        simulation
    }

    /// Lives through the next day; false when the period is over.
    pub(super) fn live_a_day(&mut self) -> bool {
        if self.today >= self.end {
            return false;
        }
        self.today += 1;
        self.school_day = school_day(self.today);
        let plans = std::mem::take(&mut self.agenda[(self.today - self.start) as usize]);
        for plan in plans {
            match plan {
                Plan::Number(child) => self.number(child),
                Plan::Join { wife, husband } => self.join(wife, husband),
                Plan::Do(deed, person, other) => deed(self, person, other),
            }
        }
        self.live();
        self.move_about();
        if self.is_whole() {
            self.take_their_course();
        }
        self.meet_officials();
        true
    }

    /// Whether all events of whole lives are told.
    pub(super) fn is_whole(&self) -> bool {
        self.options.mix == Mix::WholeLives
    }

    /// The reports that are delivered today, the last one first.
    pub(super) fn deliveries(&mut self) -> Vec<Event> {
        let mut due = std::mem::take(&mut self.pending[(self.today - self.start) as usize]);
        due.sort_by_key(|event| std::cmp::Reverse((event.recorded, event.id, event.fate as u8)));
        due
    }

    /// Plans something for a day of the period; later days are forgotten.
    pub(super) fn plan(&mut self, day: Day, plan: Plan) {
        if day > self.today && day <= self.end {
            self.agenda[(day - self.start) as usize].push(plan);
        }
    }

    /// Puts a report into the mail; what would arrive after the period is lost to it.
    pub(super) fn queue(&mut self, event: Event) {
        let day = event.recorded_on();
        if day <= self.end {
            self.pending[(day - self.start) as usize].push(event);
        }
    }

    /// A report of something that happens to `person` today, with its clocks drawn.
    pub(super) fn report(
        &mut self,
        kind: Kind,
        upstream: Upstream,
        person: u32,
        place: u16,
        items: Stated,
    ) -> Event {
        let subject = self.named(person);
        let mut event = self.blank(kind, upstream, place);
        event.subject = Some(subject);
        event.items = items;
        self.touch(person);
        event
    }

    /// A report of something that happens to `person` today, where they belong.
    pub(super) fn told(&mut self, kind: Kind, upstream: Upstream, person: u32) -> Event {
        let place = self.place_of(person).unwrap_or_default();
        self.report(kind, upstream, person, place, Vec::new())
    }

    /// A report of today about nobody yet.
    pub(super) fn blank(&mut self, kind: Kind, upstream: Upstream, place: u16) -> Event {
        let late = self.random.chance(self.options.faults.late_per_10k);
        let clocks = clocks(&mut self.random, upstream.channel, self.today, late);
        self.last_id += 1;
        Event {
            kind,
            fate: Fate::Recorded,
            id: self.last_id,
            upstream,
            subject: None,
            place,
            occurred: self.today,
            known: clocks.known,
            sent: clocks.sent,
            recorded: clocks.recorded,
            items: Vec::new(),
            fields: Vec::new(),
            related: Vec::new(),
            unnamed: None,
            certificate: 0,
            service: 0,
            amends: None,
            observations: Vec::new(),
            is_out_of_order: false,
        }
    }

    /// A person under the document by which the register knows them today.
    pub(super) fn named(&self, person: u32) -> Named {
        let known = self.person(person);
        let by_certificate = known.numbered_from > self.today;
        Named { person, by_certificate, number: known.number }
    }

    /// A citizen number of a person; the first one is 0.
    pub(super) fn number_of(&self, person: u32, number: u8) -> Number {
        let first = self.renumbered.get(&person).and_then(|all| all.get(usize::from(number)));
        first.copied().unwrap_or_else(|| {
            let person = self.person(person);
            Number { region: person.region, birth: person.birth, order: person.order }
        })
    }

    /// Gives somebody another citizen number.
    pub(super) fn renumber(&mut self, person: u32, number: Number) {
        let first = self.number_of(person, 0);
        let all = self.renumbered.entry(person).or_insert_with(|| vec![first]);
        all.push(number);
        let latest = all.len() as u8 - 1;
        let person = self.person_mut(person);
        (person.birth, person.order, person.number) = (number.birth, number.order, latest);
    }

    /// The person of a number.
    pub(super) fn person(&self, person: u32) -> &Person {
        &self.people[person as usize]
    }

    /// The person of a number.
    pub(super) fn person_mut(&mut self, person: u32) -> &mut Person {
        &mut self.people[person as usize]
    }

    /// Something happens to them today.
    pub(super) fn touch(&mut self, person: u32) {
        let today = self.today;
        let person = self.person_mut(person);
        person.last_day = person.last_day.max(today);
    }

    /// Whether something may happen to them today.
    pub(super) fn is_free(&self, person: u32) -> bool {
        let person = self.person(person);
        !person.is_dead && person.known_from <= self.today && person.free_from <= self.today
    }

    /// Whether they are free and live in the county.
    pub(super) fn is_present(&self, person: u32) -> bool {
        self.is_free(person) && self.county.has(self.person(person).home.village)
    }

    /// The village of the county where they belong: where they live, else where registered.
    pub(super) fn place_of(&self, person: u32) -> Option<u16> {
        let person = self.person(person);
        [person.home.village, person.hukou.village].into_iter().find(|v| self.county.has(*v))
    }

    /// Somebody, drawn at random, who passes a test; none when they are too rare.
    pub(super) fn somebody(&mut self, test: impl Fn(&Self, u32) -> bool) -> Option<u32> {
        (0..400).find_map(|_| {
            let person = self.random.below(self.people.len() as u32);
            test(self, person).then_some(person)
        })
    }

    /// A region and an order code that nobody has yet; the region's neighbour where it is full.
    pub(super) fn order(&mut self, mut region: u32, birth: Day, male: bool) -> (u32, u16) {
        loop {
            let used = &mut self.orders.entry((region, birth)).or_default()[usize::from(male)];
            let order = *used * 2 + u16::from(male) + if male { 0 } else { 2 };
            if order <= 995 {
                *used += 1;
                return (region, order);
            }
            region = region / 100 * 100 + (region % 100 + 1) % 100;
        }
    }

    /// A certificate number that nobody has yet.
    pub(super) fn certificate(&mut self) -> u32 {
        self.last_certificate += 1;
        self.last_certificate
    }

    /// A number of a permit, certificate or decision that nobody has yet.
    pub(super) fn serial(&mut self, letters: &'static str) -> Value {
        self.last_serial += 1;
        Value::Serial(letters, self.last_serial)
    }

    /// An empty household at a dwelling.
    pub(super) fn new_household(&mut self, home: super::county::Home) -> u32 {
        let serial = &mut self.serials[usize::from(home.village)];
        *serial = serial.wrapping_add(1);
        let household = Household { home, head: NOBODY, members: Vec::new(), serial: *serial };
        self.households.push(household);
        self.households.len() as u32 - 1
    }

    /// What is said of where somebody lives.
    pub(super) fn state_home(&self, person: u32, items: &mut Stated) {
        let home = self.person(person).home;
        items.push((Item::Residence, Value::Village(home.village)));
        items.push((Item::DoorPlate, Value::Plate(home)));
        items.push((Item::ResidenceAddress, Value::Address(home)));
    }

    /// What is said of their school or work today.
    pub(super) fn state_work(&self, person: u32, items: &mut Stated) {
        let person = self.person(person);
        let village = person.home.village;
        items.push((Item::Employer, Value::Employer(village, person.employer(self.school_day))));
        if let Some(status) = person.employment(self.school_day) {
            items.push((Item::EmploymentStatus, Value::Code(status)));
        }
    }

    /// What is said of their marriage; nothing while a report of a change is on its way.
    pub(super) fn state_marriage(&self, person: u32, items: &mut Stated) {
        let person = self.person(person);
        if person.age(self.today) < 15 || person.marital_free_from > self.today {
            return;
        }
        items.push((Item::MaritalStatus, Value::Code(person.marital)));
        if let Some(day) = person.marital_since {
            items.push((Item::MaritalChangeDate, Value::Day(day)));
        }
    }
}
