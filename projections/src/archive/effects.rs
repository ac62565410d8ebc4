//! What an event changes in an archive, kind by kind.

use domain::{Item, Kind, Place, Role};

use super::life::Fact;
use super::{Archive, Link};

impl Archive {
    /// Applies a standing fact. Facts come in the order of the day they happened, then of their
    /// position; see [`super::facts`].
    pub fn apply(&mut self, fact: &Fact<'_>) {
        let origin = self.add_origin(&fact.told);
        if let Some(document) = &fact.life.document {
            self.learn(document.kind(), document.number());
        }
        if !fact.side {
            for (item, text) in fact.life.items.iter() {
                self.set(item, text, origin);
            }
        }
        self.apply_kind(fact, origin);
        for correction in &fact.corrections {
            let origin = self.add_origin(&correction.told);
            for (item, text) in correction.life.items.iter() {
                self.set(item, text, origin);
            }
            self.set_topics(&correction.life.details, origin);
            if let Some(day) = correction.life.true_day.filter(|_| !fact.side) {
                self.set_vital_date(fact.kind, &day.to_string(), origin);
            }
        }
        self.learn_number();
        self.tidy();
    }

    /// The corrected day of a birth or death is its date, whatever was stated before.
    fn set_vital_date(&mut self, kind: Kind, day: &str, origin: u16) {
        match kind {
            Kind::Birth => self.set(Item::BirthDate, day, origin),
            Kind::Death => self.set(Item::DeathDate, day, origin),
            _ => {}
        }
    }

    fn apply_kind(&mut self, fact: &Fact<'_>, origin: u16) {
        let day = fact.told.occurred_on.to_string();
        let stated = |item| fact.life.items.get(item).is_some();
        match fact.kind {
            Kind::Registration => self.is_registered = true,
            Kind::Birth if !fact.side => {
                self.is_registered = true;
                if !stated(Item::BirthDate) {
                    self.set(Item::BirthDate, &day, origin);
                }
            }
            Kind::Death if !fact.side => {
                self.is_dead = true;
                self.set(Item::DeathDate, &day, origin);
            }
            Kind::MarryFirst | Kind::MarryAgain | Kind::MarryRestore => {
                self.marry(fact.kind, &day, origin);
            }
            Kind::DivorceReg | Kind::DivorceCourt => self.divorce(fact, &day, origin),
            Kind::HukouIn => {
                if !stated(Item::Hukou) && fact.place.digits() == 12 {
                    self.set(Item::Hukou, &fact.place.to_string(), origin);
                }
                self.set(Item::HukouStatus, "normal", origin);
                if !self.lives_apart() && !stated(Item::MigrationDate) {
                    self.clear(Item::MigrationDate);
                }
            }
            Kind::HukouOut => self.set(Item::HukouStatus, "moved_out", origin),
            Kind::ResidenceChange | Kind::TempStayReg | Kind::Leave => {
                let told_by_place = fact.kind != Kind::Leave && fact.place.digits() == 12;
                if !stated(Item::Residence) && told_by_place {
                    self.set(Item::Residence, &fact.place.to_string(), origin);
                }
                if !stated(Item::MigrationDate) {
                    self.set(Item::MigrationDate, &day, origin);
                }
            }
            Kind::Return => self.come_home(fact, origin),
            _ => {}
        }
        self.link(fact, origin);
        self.set_topics(&fact.life.details, origin);
    }

    fn marry(&mut self, kind: Kind, day: &str, origin: u16) {
        let code = match kind {
            Kind::MarryAgain => "22",
            Kind::MarryRestore => "23",
            _ => "21",
        };
        self.set(Item::MaritalStatus, code, origin);
        self.set(Item::MaritalChangeDate, day, origin);
        if kind == Kind::MarryFirst {
            self.set(Item::FirstMarriageDate, day, origin);
        }
    }

    fn divorce(&mut self, fact: &Fact<'_>, day: &str, origin: u16) {
        self.set(Item::MaritalStatus, "40", origin);
        self.set(Item::MaritalChangeDate, day, origin);
        for link in self.links.iter_mut().filter(|link| link.role == Role::Spouse) {
            let named = fact.life.related.iter().any(|related| related.person == link.person);
            if named && link.ended.is_none() {
                link.ended = Some(origin);
            }
        }
    }

    /// Back at the place of household registration: nothing is left of the move.
    fn come_home(&mut self, fact: &Fact<'_>, origin: u16) {
        for (here, home) in
            [(Item::Residence, Item::Hukou), (Item::ResidenceAddress, Item::HukouAddress)]
        {
            if fact.life.items.get(here).is_some() {
                continue;
            }
            self.copy(home, here, origin);
        }
        self.clear(Item::MigrationDate);
    }

    /// Whether residence and registration are known and lie in different townships.
    fn lives_apart(&self) -> bool {
        let township = |item| Some(Place::parse(self.get(item)?).ok()?.at_level(9));
        let (here, home) = (township(Item::Residence), township(Item::Hukou));
        here.is_some() && home.is_some() && here != home
    }

    /// Links last until they are ended; the same link told again stays one link.
    fn link(&mut self, fact: &Fact<'_>, origin: u16) {
        if fact.kind.is_divorce() || fact.kind == Kind::DocumentClaimed {
            return;
        }
        for related in &fact.life.related {
            let stands = self.links.iter().any(|link| {
                link.role == related.role && link.person == related.person && link.ended.is_none()
            });
            if !stands {
                let (role, person) = (related.role, related.person);
                self.links.push(Link { role, person, origin, ended: None });
            }
        }
    }

    fn set_topics(&mut self, details: &serde_json::Map<String, serde_json::Value>, origin: u16) {
        let Some(serde_json::Value::Object(topics)) = details.get("topic") else { return };
        for (name, value) in topics {
            self.set_topic(name, &value.to_string(), origin);
        }
    }
}
