//! Relief and benefits, needs raised and answered, what people ask to be corrected and what
//! departments say otherwise.

use domain::Kind;

use super::event::Value;
use super::person::mark;
use super::simulation::Simulation;
use super::upstream::{
    CIVIL_AFFAIRS, CIVIL_WINDOW, HOUSEHOLD_REGISTER, INSURANCE, NEEDS_SERVICE, ONE_STOP,
    SELF_REPORT, VISIT,
};

const NEEDS: [(u32, (&str, &str)); 5] = [
    (35, ("LIV", "住房与就业帮扶")),
    (25, ("HEA", "家庭医生签约")),
    (20, ("EDU", "就近入学咨询")),
    (5, ("FIN", "惠农贷款政策咨询")),
    (15, ("AGE", "居家养老服务")),
];
const BANDS: [&str; 3] = ["0-500", "500-1000", "1000-2000"];

impl Simulation {
    pub(super) fn grant_allowance(&mut self) {
        let free = |county: &Self, index| !county.person(index).has(mark::RELIEF);
        let Some(person) = self.present_of_age((18, 90), free) else { return };
        self.mark(person, mark::RELIEF);
        let sender = self.random.weighted(&[(70, CIVIL_WINDOW), (30, CIVIL_AFFAIRS)]);
        let (band, serial) = (self.random.pick(&BANDS), self.serial("DB99"));
        let household = self.person(person).household;
        let event = self.told(Kind::DibaoGrant, sender, person);
        let event = event.with("household_id", Value::Household(household));
        let event = event.with("amount_band", Value::Word(band));
        self.send(event.with("decision_no", serial));
        self.later((120, 500), Self::review_allowance, person, 0);
    }

    /// Reviewed about once a year, until it ends.
    fn review_allowance(&mut self, person: u32, _: u32) {
        if !self.is_present(person) {
            return;
        }
        let change = self.random.weighted(&[
            (25, "raised"),
            (20, "lowered"),
            (20, "family_changed"),
            (35, "ended"),
        ]);
        let sender = self.random.weighted(&[(40, CIVIL_WINDOW), (40, CIVIL_AFFAIRS), (20, VISIT)]);
        let (band, serial) = (self.random.pick(&BANDS), self.serial("DB99"));
        let mut event = self.told(Kind::DibaoChange, sender, person);
        event = event.with("change", Value::Word(change)).with("decision_no", serial);
        if change == "ended" {
            self.unmark(person, mark::RELIEF);
        } else {
            event = event.with("amount_band", Value::Word(band));
            self.later((200, 500), Self::review_allowance, person, 0);
        }
        self.send(event);
    }

    pub(super) fn support_destitute(&mut self) {
        let alone = |county: &Self, index: u32| {
            let person = county.person(index);
            !person.has(mark::RELIEF) && !person.is_married()
        };
        let Some(person) = self.present_of_age((60, 95), alone) else { return };
        self.mark(person, mark::RELIEF);
        let sender = self.random.weighted(&[(50, CIVIL_WINDOW), (30, CIVIL_AFFAIRS), (20, VISIT)]);
        let is_home = self.random.chance(6_500);
        let serial = self.serial("TK99");
        let mut event = self.told(Kind::Tekun, sender, person);
        event = event.with("basis", Value::Word("无劳动能力、无生活来源、无赡养人"));
        event = event
            .with("support_mode", Value::Word(if is_home { "scattered" } else { "concentrated" }));
        if !is_home {
            event = event.with("institution", Value::Word("县中心敬老院"));
        }
        self.send(event.with("decision_no", serial));
    }

    pub(super) fn aid(&mut self) {
        let Some(person) = self.present_of_age((18, 90), |_, _| true) else { return };
        let kind = self.random.weighted(&[(50, "temporary"), (40, "medical"), (10, "disaster")]);
        let sender = self.random.weighted(&[(80, CIVIL_WINDOW), (20, NEEDS_SERVICE)]);
        let band = self.random.pick(&BANDS);
        let event = self.told(Kind::TempAid, sender, person);
        let event = event.with("aid_kind", Value::Word(kind));
        self.send(event.with("amount_band", Value::Word(band)));
    }

    /// The allowance of those who become eighty.
    pub(super) fn grant_old_age(&mut self, person: u32) {
        if self.person(person).has(mark::OLD_AGE) {
            return;
        }
        self.mark(person, mark::OLD_AGE);
        if self.person(person).age(self.today) > 81 && self.random.chance(7_000) {
            return;
        }
        let kind = self.random.weighted(&[
            (80, "allowance"),
            (10, "home_care"),
            (4, "day_care"),
            (4, "meals"),
            (2, "institution"),
        ]);
        let sender = self.random.weighted(&[(50, CIVIL_WINDOW), (50, CIVIL_AFFAIRS)]);
        let level = self.random.below(4);
        let event = self.told(Kind::ElderBenefit, sender, person);
        let event = event.with("benefit_kind", Value::Word(kind));
        self.send(event.with("care_level", Value::Count(level)));
    }

    pub(super) fn raise_need(&mut self) {
        let Some(person) = self.present_of_age((18, 95), |_, _| true) else { return };
        let sender = self.random.weighted(&[(70, NEEDS_SERVICE), (30, ONE_STOP)]);
        let (category, text) = self.random.weighted(&NEEDS);
        let urgency = 1 + self.random.below(3);
        let id = self.serial("XQ");
        let Value::Serial(_, serial) = id else { return };
        let event = self.told(Kind::NeedRaised, sender, person);
        let heard = event.recorded_on();
        let event = event.with("need_id", id).with("category", Value::Word(category));
        let event = event.with("text", Value::Word(text));
        let event = event.with("urgency", Value::Count(urgency));
        self.send(event.with("consent", Value::Yes(true)));
        if self.random.chance(8_500) {
            let day = heard + self.random.between(1, 25);
            self.plan(day, super::simulation::Plan::Do(Self::answer_need, person, serial));
        }
    }

    fn answer_need(&mut self, person: u32, serial: u32) {
        if !self.is_free(person) || self.place_of(person).is_none() {
            return;
        }
        let department = self.random.pick(&["TWN", "HRS", "HLT", "EDU", "CIV"]);
        let satisfaction = 3 + self.random.below(3);
        let event = self.told(Kind::NeedAnswered, NEEDS_SERVICE, person);
        let event = event.with("need_id", Value::Serial("XQ", serial));
        let event = event.with("department", Value::Word(department));
        let event = event.with("result", Value::Word("已办结"));
        self.send(event.with("satisfaction", Value::Count(satisfaction)));
    }

    /// Somebody asks that an item be corrected; mostly it is right as it is.
    pub(super) fn ask_correction(&mut self) {
        let Some(person) = self.present_of_age((18, 85), |_, _| true) else { return };
        let sender = self.random.weighted(&[(70, SELF_REPORT), (30, ONE_STOP)]);
        let home = self.person(person).home;
        let mut claimed = home;
        claimed.plate += 12;
        let event = self.told(Kind::CorrectionRequest, sender, person);
        let event = event.with("item", Value::Word("door_plate"));
        let event = event.with("claimed_value", Value::Plate(claimed));
        self.send(event.with("evidence", Value::Word("房屋租赁合同")));
    }

    /// A department says something else of somebody than the register.
    pub(super) fn differ(&mut self) {
        let Some(person) = self.present_of_age((1, 95), |_, _| true) else { return };
        let sender = self.random.weighted(&[(50, INSURANCE), (50, HOUSEHOLD_REGISTER)]);
        let home = self.person(person).home;
        let mut theirs = home;
        theirs.plate += 24;
        let batch = self.serial("BD99");
        let event = self.told(Kind::Discrepancy, sender, person);
        let event = event.with("item", Value::Word("residence_address"));
        let event = event.with("our_value", Value::Address(home));
        let event = event.with("their_value", Value::Address(theirs));
        self.send(event.with("source_batch", batch));
    }
}
