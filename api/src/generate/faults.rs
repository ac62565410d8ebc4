//! What goes wrong on the way, at stated rates and with known truth: reports sent twice, other
//! content under the same id, impossible events, slips of the pen and their corrections,
//! mistaken reports and their annulment.

use domain::{Item, Kind};

use super::event::{Amends, Event, Fate, Stated, Upstream, Value};
use super::families::send_on;
use super::person::Day;
use super::simulation::Simulation;
use super::upstream::{HOSPITALS, ONE_STOP};

impl Simulation {
    /// Puts a report into the mail, with what goes wrong on the way.
    pub(super) fn send(&mut self, event: Event) {
        let event = self.mishandle(event);
        self.queue(event);
    }

    /// Draws what goes wrong with a report; the report itself is given back.
    pub(super) fn mishandle(&mut self, mut event: Event) -> Event {
        let faults = self.options.faults;
        if self.random.chance(faults.corrections_per_10k) {
            self.slip(&mut event);
        }
        if self.random.chance(faults.duplicates_per_10k) {
            self.send_again(&event);
        }
        if self.random.chance(faults.conflicts_per_10k) {
            self.send_otherwise(&event);
        }
        if self.today > self.start && self.random.chance(faults.impossible_per_10k) {
            self.send_impossible();
        }
        event
    }

    fn send_again(&mut self, event: &Event) {
        let mut again = event.clone();
        again.fate = Fate::Duplicate;
        self.delay(&mut again);
        self.queue(again);
    }

    /// The same source and id with other content.
    fn send_otherwise(&mut self, event: &Event) {
        let mut other = event.clone();
        other.fate = Fate::Conflict;
        other.is_out_of_order = false;
        let items = match other.observations.first_mut() {
            Some((_, items)) => items,
            None => &mut other.items,
        };
        match items.iter_mut().find(|(item, _)| *item == Item::Health) {
            Some((_, value)) if *value == Value::Code(20) => *value = Value::Code(10),
            Some((_, value)) => *value = Value::Code(20),
            None => items.push((Item::Health, Value::Code(20))),
        }
        self.delay(&mut other);
        self.queue(other);
    }

    /// Delivers a copy some days later; what it says, `time` included, stays.
    fn delay(&mut self, copy: &mut Event) {
        let seconds = self.random.between(86_400, 15 * 86_400);
        copy.recorded += i64::from(seconds);
        copy.is_out_of_order = false;
    }

    /// A death before the birth, or a service to the dead.
    fn send_impossible(&mut self) {
        if self.random.chance(5_000) {
            let Some(person) = self.somebody(Self::is_present) else { return };
            let place = self.person(person).home.village;
            let mut event = self.blank(Kind::Death, HOSPITALS[0], place);
            event.subject = Some(self.named(person));
            event.occurred = self.person(person).birth - 61 - self.random.between(1, 400);
            event.fate = Fate::Rejected;
            return self.queue(event);
        }
        let grave = self.random.below(self.graves.len() as u32) as usize;
        let Some(&(person, heard_on)) = self.graves.get(grave) else { return };
        let Some(place) = self.place_of(person) else { return };
        if heard_on >= self.today {
            return;
        }
        let mut event = self.blank(Kind::ServiceTransaction, ONE_STOP, place);
        event.subject = Some(self.named(person));
        event.service = 3;
        event.fate = Fate::Rejected;
        self.queue(event);
    }

    /// Falsifies a report, in its day or in an item, and sends the correction after it.
    fn slip(&mut self, event: &mut Event) {
        let Some(subject) = event.subject else { return };
        let dated =
            matches!(event.kind, Kind::Death | Kind::ResidenceChange | Kind::Leave | Kind::HukouIn);
        let latest = event.sent.div_euclid(86_400) as Day;
        if dated && self.random.chance(6_000) && latest > event.occurred {
            let true_day = event.occurred;
            event.occurred += self.random.between(1, (latest - true_day).min(6));
            event.known = event.known.max(event.occurred);
            self.keep_still(subject.person, event.occurred);
            let items = match event.kind {
                Kind::Death => vec![(Item::DeathDate, Value::Day(true_day))],
                Kind::HukouIn => Vec::new(),
                _ => vec![(Item::MigrationDate, Value::Day(true_day))],
            };
            self.correct(event, items, Some(true_day), "发生日期登记有误，经核查原始凭证更正");
        } else if let Some(right) = misstate(&mut event.items) {
            self.correct(event, vec![right], None, "录入错误，经核对证件更正");
        }
    }

    fn correct(
        &mut self,
        event: &Event,
        items: Stated,
        true_day: Option<Day>,
        reason: &'static str,
    ) {
        let mut correction = self.amendment(Kind::Correction, event, true_day, reason);
        correction.items = items;
        self.queue(correction);
    }

    /// Sends the annulment of a mistaken report; gives the day on which it is recorded.
    pub(super) fn annul(&mut self, event: &Event, reason: &'static str) -> Day {
        let annulment = self.amendment(Kind::Annulment, event, None, reason);
        let recorded = annulment.recorded_on();
        self.queue(annulment);
        recorded
    }

    fn amendment(
        &mut self,
        kind: Kind,
        event: &Event,
        true_day: Option<Day>,
        reason: &'static str,
    ) -> Event {
        let sender = Upstream { channel: "VF", ..event.upstream };
        let mut amendment = self.blank(kind, sender, event.place);
        amendment.subject = event.subject;
        amendment.occurred = true_day.unwrap_or(event.occurred);
        let known = event.recorded_on() + self.random.between(1, 20);
        let recorded = known + self.random.between(0, 12);
        send_on(self, &mut amendment, known, recorded);
        let (target, counted, told_to) = (event.id, event.counted(), event.told_to());
        amendment.amends = Some(Box::new(Amends { target, counted, true_day, told_to, reason }));
        amendment
    }
}

/// Makes one item wrong and gives what it should have been; none when no item lends itself to it.
fn misstate(items: &mut Stated) -> Option<(Item, Value)> {
    items.iter_mut().find_map(|(item, value)| {
        let right = *value;
        *value = match right {
            Value::Name(name) if name.misspelt() != name => Value::Name(name.misspelt()),
            Value::Plate(mut home) => {
                home.plate += 12;
                Value::Plate(home)
            }
            Value::Code(code) if *item == Item::Health => {
                Value::Code(if code == 20 { 10 } else { 20 })
            }
            _ => return None,
        };
        Some((*item, right))
    })
}
