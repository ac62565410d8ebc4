//! Who moves today: within the county, away from it and back, with or without their registration,
//! and who comes from elsewhere.

use domain::{Item, Kind};

use super::county::Home;
use super::event::{Event, Stated, Upstream, Value};
use super::families::send_on;
use super::person::Day;
use super::simulation::Simulation;
use super::upstream::{HOUSEHOLD_REGISTER, MONTHLY_REPORT, ONE_STOP, POLICE, VISIT};

impl Simulation {
    /// The moves of today.
    pub(super) fn move_about(&mut self) {
        let rate = self.options.rates.moves;
        for _ in 0..self.random.today(rate, self.living) {
            match self.random.below(100) {
                0..44 => self.change_residence(),
                44..66 => self.leave(),
                66..80 => self.come_back(),
                80..90 => self.move_registration(),
                _ => self.arrive(),
            }
        }
    }

    fn grown_up(&mut self, test: impl Fn(&Self, u32) -> bool) -> Option<u32> {
        let today = self.today;
        self.somebody(|county, index| {
            let age = county.person(index).age(today);
            (18..75).contains(&age) && county.is_free(index) && test(county, index)
        })
    }

    fn change_residence(&mut self) {
        let Some(person) = self.grown_up(Self::is_present) else { return };
        let from = self.person(person).home.village;
        let near = self.person(person).hukou.village;
        let home = self.county.home_elsewhere(&mut self.random, near);
        let sender = self.random.weighted(&[(40, VISIT), (30, MONTHLY_REPORT), (30, ONE_STOP)]);
        if self.random.chance(self.options.faults.annulments_per_10k) {
            return self.mistaken_move(person, home, sender);
        }
        let event = self.settle(Kind::ResidenceChange, sender, person, home);
        let is_out_of_order = self.random.chance(self.options.faults.out_of_order_per_10k);
        if is_out_of_order && self.county.has(from) {
            return self.move_twice(event, person);
        }
        self.send(event);
    }

    /// Somebody moves on before the registry hears of the first move.
    fn move_twice(&mut self, mut first: Event, person: u32) {
        let moves_on = self.today + self.random.between(8, 25);
        let heard_on = moves_on + self.random.between(15, 50);
        let today = self.today;
        send_on(self, &mut first, today, heard_on);
        first.is_out_of_order = true;
        let near = self.person(person).hukou.village;
        let home = self.county.home_elsewhere(&mut self.random, near);
        let mut second = self.settle(Kind::ResidenceChange, ONE_STOP, person, home);
        second.occurred = moves_on;
        let heard_first = moves_on + self.random.between(0, 10);
        send_on(self, &mut second, moves_on, heard_first);
        let mover = self.person_mut(person);
        mover.migrated = Some(moves_on);
        mover.free_from = moves_on + 1;
        mover.last_day = moves_on;
        self.queue(second);
        self.queue(first);
    }

    /// The move of a namesake is reported of somebody who stayed; it is annulled later.
    fn mistaken_move(&mut self, person: u32, home: Home, sender: Upstream) {
        let items = home_items(home);
        let event = self.report(Kind::ResidenceChange, sender, person, home.village, items);
        self.annul(&event, "误将他人的迁移登记在本人名下");
        self.queue(event);
    }

    /// Gives somebody a new home, and the report of it.
    fn settle(&mut self, kind: Kind, sender: Upstream, person: u32, home: Home) -> Event {
        let today = self.today;
        let from = self.person(person).home.village;
        let mover = self.person_mut(person);
        mover.home = home;
        mover.migrated = Some(today);
        let place = if self.county.has(home.village) { home.village } else { from };
        let event = self.report(kind, sender, person, place, home_items(home));
        if !self.is_whole() || kind == Kind::Return {
            return event;
        }
        let event = self.with_reason(event);
        if kind == Kind::Leave {
            return event.with("destination", Value::CountyOf(home.village));
        }
        event
    }

    /// Why people move: work, then family and study (census of 2020, about).
    fn with_reason(&mut self, event: Event) -> Event {
        let reason = self.random.weighted(&[
            (42, "01"),
            (3, "02"),
            (8, "03"),
            (12, "04"),
            (8, "05"),
            (14, "06"),
            (2, "07"),
            (5, "08"),
            (3, "09"),
            (3, "99"),
        ]);
        event.with("migration_reason", Value::Word(reason))
    }

    fn leave(&mut self) {
        let Some(person) = self.grown_up(Self::is_present) else { return };
        let home = self.county.home_outside(&mut self.random);
        let sender = self.random.weighted(&[(65, MONTHLY_REPORT), (35, VISIT)]);
        let event = self.settle(Kind::Leave, sender, person, home);
        self.send(event);
    }

    fn come_back(&mut self) {
        let Some(person) = self.grown_up(|county, index| {
            let person = county.person(index);
            !county.county.has(person.home.village) && county.county.has(person.hukou.village)
        }) else {
            return;
        };
        let home = self.person(person).hukou;
        let sender = self.random.weighted(&[(65, MONTHLY_REPORT), (35, VISIT)]);
        let mut event = self.settle(Kind::Return, sender, person, home);
        event.place = home.village;
        self.person_mut(person).migrated = None;
        self.send(event);
    }

    /// The registration follows somebody to where they live: out of one village, into another.
    fn move_registration(&mut self) {
        let Some(person) = self.grown_up(|county, index| {
            let person = county.person(index);
            county.is_present(index)
                && county.county.has(person.hukou.village)
                && county.county.apart(person.home.village, person.hukou.village)
        }) else {
            return;
        };
        let (old, new) = (self.person(person).hukou, self.person(person).home);
        let sender = self.random.weighted(&[(70, POLICE), (30, HOUSEHOLD_REGISTER)]);
        let mut out = self.report(Kind::HukouOut, sender, person, old.village, Vec::new());
        out.certificate = self.certificate();
        if self.is_whole() {
            out = out.with("destination", Value::CountyOf(new.village));
            out = self.with_reason(out).with("whole_family", Value::Yes(false));
        }
        self.queue(out);
        let arrives_on = self.today + self.random.between(1, 6);
        let items = vec![
            (Item::Hukou, Value::Village(new.village)),
            (Item::HukouAddress, Value::Address(new)),
            (Item::HukouNature, Value::Digit(3)),
            (Item::HukouStatus, Value::Word("normal")),
        ];
        let mut entry = self.report(Kind::HukouIn, sender, person, new.village, items);
        let lag = entry.recorded_on() - entry.occurred;
        entry.occurred = arrives_on;
        send_on(self, &mut entry, arrives_on + lag, arrives_on + lag);
        if self.is_whole() {
            entry = self.with_reason(entry).with("origin", Value::CountyOf(old.village));
        }
        let mover = self.person_mut(person);
        mover.hukou = new;
        mover.hukou_nature = 3;
        mover.migrated = None;
        mover.free_from = arrives_on + 1;
        mover.last_day = arrives_on;
        self.send(entry);
    }

    /// Somebody comes from another county and is registered as staying.
    fn arrive(&mut self) {
        let person = self.newcomer(self.today);
        let sender = self.random.weighted(&[(70, POLICE), (15, HOUSEHOLD_REGISTER), (15, VISIT)]);
        let items = self.everything(person);
        let place = self.person(person).home.village;
        let mut event = self.report(Kind::TempStayReg, sender, person, place, items);
        self.person_mut(person).known_from = event.recorded_on() + 1;
        self.living += 1;
        if self.is_whole() {
            let dwelling = self.random.weighted(&[(70, "02"), (15, "05"), (10, "04"), (5, "01")]);
            event = self.with_reason(event).with("dwelling", Value::Word(dwelling));
            self.later((95, 120), Self::extend_stay, person, 0);
            self.later((185, 260), Self::issue_permit, person, 0);
        }
        self.send(event);
    }

    /// A wife joins her husband's household.
    pub(super) fn join(&mut self, wife: u32, husband: u32) {
        let is_couple = self.person(wife).spouse == husband;
        if !is_couple || !self.is_present(wife) || !self.is_present(husband) {
            return;
        }
        let (old, new) = (self.person(wife).household, self.person(husband).household);
        let home = self.person(husband).home;
        let relation = match self.person(husband).relation {
            2 => 12,
            20..30 => 38,
            _ => 97,
        };
        if old == new {
            return;
        }
        self.households[old as usize].members.retain(|member| *member != wife);
        self.households[new as usize].members.push(wife);
        let sender = self.random.weighted(&[(50, VISIT), (50, ONE_STOP)]);
        let mut event = self.settle(Kind::ResidenceChange, sender, wife, home);
        event.items.push((Item::RelationToHead, Value::Code(relation)));
        event.items.push((Item::HouseholdId, Value::Household(new)));
        let person = self.person_mut(wife);
        person.household = new;
        person.relation = relation;
        self.send(event);
    }

    /// Somebody keeps still until a day has passed.
    pub(super) fn keep_still(&mut self, person: u32, day: Day) {
        let person = self.person_mut(person);
        person.free_from = person.free_from.max(day + 1);
        person.last_day = person.last_day.max(day);
    }
}

fn home_items(home: Home) -> Stated {
    vec![
        (Item::Residence, Value::Village(home.village)),
        (Item::DoorPlate, Value::Plate(home)),
        (Item::ResidenceAddress, Value::Address(home)),
    ]
}
