//! Marriages and divorces of a day. Nobody marries while a marriage is in force, in the world or in
//! the register: until a change of theirs has been recorded, there is no other.

use domain::{Kind, Role};

use super::event::{Event, Upstream, Value};
use super::families::send_on;
use super::person::NOBODY;
use super::simulation::{Plan, Simulation};
use super::upstream::{COURT, MARRIAGES, MARRIAGES_AT_WINDOW};

impl Simulation {
    /// Two people marry, if chance finds a couple.
    pub(super) fn marriage(&mut self) {
        let today = self.today;
        let may_marry = |county: &Simulation, index: u32, male: bool| {
            let person = county.person(index);
            let age = person.age(today);
            person.male == male
                && !person.is_married()
                && age < 60
                && today - person.birth > if male { 22 * 366 } else { 20 * 366 }
                && person.marital_free_from <= today
                && county.is_free(index)
                && county.place_of(index).is_some()
        };
        let Some(husband) = self.somebody(|county, index| may_marry(county, index, true)) else {
            return;
        };
        let former = self.person(husband).former_spouse;
        let again = former != NOBODY
            && may_marry(self, former, false)
            && self.person(former).former_spouse == husband
            && self.random.chance(5_000);
        let found = if again { Some(former) } else { self.bride(husband, may_marry) };
        let Some(wife) = found else { return };
        let kind = match self.person(husband).marital {
            10 => Kind::MarryFirst,
            _ if former == wife => Kind::MarryRestore,
            _ => Kind::MarryAgain,
        };
        self.wed(kind, husband, wife);
        let moves_on = today + self.random.between(3, 60);
        self.plan(moves_on, Plan::Join { wife, husband });
    }

    /// Somebody whom a man may marry: both for the first time, or neither.
    fn bride(&mut self, husband: u32, may_marry: impl Fn(&Self, u32, bool) -> bool) -> Option<u32> {
        self.somebody(|county, index| {
            let (one, other) = (county.person(husband), county.person(index));
            let of_a_kind = (one.marital == 10) == (other.marital == 10);
            may_marry(county, index, false)
                && of_a_kind
                && one.household != other.household
                && (one.mother == NOBODY || one.mother != other.mother)
                && (one.birth - other.birth).abs() < 9 * 365
        })
    }

    fn wed(&mut self, kind: Kind, husband: u32, wife: u32) {
        let today = self.today;
        let sender = if self.random.chance(8_800) { MARRIAGES } else { MARRIAGES_AT_WINDOW };
        let mut event = self.act_of_two(kind, sender, husband, wife);
        let out_of_order = self.random.chance(self.options.faults.out_of_order_per_10k);
        if out_of_order && kind == Kind::MarryFirst {
            return self.wed_and_part(event, husband, wife);
        }
        if std::mem::take(&mut self.weds_in_vain) {
            self.foresee_void(husband, wife);
        }
        let known = event.recorded_on() + 1;
        let code = match kind {
            Kind::MarryFirst => 21,
            Kind::MarryAgain => 22,
            _ => 23,
        };
        for (one, other) in [(husband, wife), (wife, husband)] {
            let person = self.person_mut(one);
            person.marital = code;
            person.marital_since = Some(today);
            person.first_marriage = person.first_marriage.or(Some(today));
            person.spouse = other;
            person.marital_free_from = known;
        }
        event.is_out_of_order = false;
        self.send(event);
    }

    /// The couple parts again before the registry hears of the marriage.
    fn wed_and_part(&mut self, mut wedding: Event, husband: u32, wife: u32) {
        let (wed_on, parts_on) = (self.today, self.today + self.random.between(10, 30));
        let heard_on = parts_on + self.random.between(12, 40);
        send_on(self, &mut wedding, wed_on, heard_on);
        wedding.is_out_of_order = true;
        let mut parting = self.act_of_two(Kind::DivorceCourt, COURT, husband, wife);
        let heard_first = parts_on + self.random.between(0, 8);
        parting.occurred = parts_on;
        send_on(self, &mut parting, parts_on, heard_first);
        for (one, other) in [(husband, wife), (wife, husband)] {
            let person = self.person_mut(one);
            person.first_marriage = Some(wed_on);
            person.marital = 40;
            person.marital_since = Some(parts_on);
            person.former_spouse = other;
            person.free_from = parts_on + 1;
            person.marital_free_from = heard_on + 1;
            person.last_day = parts_on;
        }
        self.queue(parting);
        self.queue(wedding);
    }

    /// A couple parts.
    pub(super) fn divorce(&mut self) {
        let today = self.today;
        let Some(person) = self.somebody(|county, index| {
            let person = county.person(index);
            let spouse = person.spouse;
            person.is_married()
                && spouse != NOBODY
                && person.age(today) < 70
                && person.marital_since.is_some_and(|since| since < today - 60)
                && person.marital_free_from <= today
                && county.person(spouse).marital_free_from <= today
                && county.is_free(index)
                && county.is_free(spouse)
                && county.place_of(index).is_some()
        }) else {
            return;
        };
        let spouse = self.person(person).spouse;
        let (kind, sender) = if self.random.chance(8_200) {
            (Kind::DivorceReg, MARRIAGES)
        } else {
            (Kind::DivorceCourt, COURT)
        };
        let event = self.act_of_two(kind, sender, person, spouse);
        let known = event.recorded_on() + 1;
        for (one, other) in [(person, spouse), (spouse, person)] {
            let person = self.person_mut(one);
            person.marital = 40;
            person.marital_since = Some(today);
            person.spouse = NOBODY;
            person.former_spouse = other;
            person.marital_free_from = known;
        }
        self.send(event);
    }

    fn act_of_two(&mut self, kind: Kind, sender: Upstream, person: u32, spouse: u32) -> Event {
        let place = self.place_of(person).unwrap_or_default();
        let mut event = self.report(kind, sender, person, place, Vec::new());
        event.related = vec![(Role::Spouse, self.named(spouse))];
        event.certificate = self.certificate();
        self.touch(spouse);
        if !self.is_whole() {
            return event;
        }
        let applied = Value::Day(self.today - 31);
        match kind {
            Kind::DivorceReg => event.with("application_date", applied),
            Kind::DivorceCourt => {
                let judgment = self.serial("JUD99");
                event.with("judgment_no", judgment)
            }
            _ => event.with("registration_authority", Value::Word("县民政局婚姻登记处")),
        }
    }
}
