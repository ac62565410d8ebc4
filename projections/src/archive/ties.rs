//! Ties to other persons: how they begin and end, and what a marriage that never was, or that
//! revives, gives back.

use domain::{Item, Kind, PersonId, Related, Role};
use serde::{Deserialize, Serialize};

use super::life::Fact;
use super::voice::Voice;
use super::{Archive, Link, Value};

/// The items of a marriage.
const MARITAL: [Item; 3] = [Item::MaritalStatus, Item::MaritalChangeDate, Item::FirstMarriageDate];

/// What the items of a marriage said at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Marital(pub(super) [Option<Value>; 3]);

fn is_open_marriage(link: &Link) -> bool {
    link.role == Role::Spouse && link.ended.is_none()
}

impl Archive {
    /// What the items of a marriage say.
    pub(super) fn marital(&self) -> Marital {
        Marital(MARITAL.map(|item| self.value(item)))
    }

    fn restore(&mut self, marital: Marital) {
        for (item, value) in MARITAL.into_iter().zip(marital.0) {
            match value {
                Some(value) => self.put(item, value),
                None => self.remove(item),
            }
        }
    }

    /// Whether somebody is the husband or wife by the newest marriage.
    pub(super) fn is_married_to(&self, person: PersonId) -> bool {
        let last = self.links.iter().rev().find(|link| link.role == Role::Spouse);
        last.is_some_and(|link| link.person == person && link.ended.is_none())
    }

    /// Begins, ends and revives ties. `before` is what the items of a marriage said before the
    /// fact. Ties last until they are ended; the same tie told again stays one tie.
    ///
    /// Who has not the word on a tie ends none that was told by who has it; see
    /// [`Archive::end_where`].
    pub(super) fn link(&mut self, fact: &Fact<'_>, voice: Voice, before: Option<Marital>) {
        let related = &fact.life.related;
        self.confirm_ties(fact, voice);
        let spouse = related.iter().find(|r| r.role == Role::Spouse).map(|r| r.person);
        match fact.kind {
            Kind::DocumentClaimed => {}
            Kind::DivorceReg | Kind::DivorceCourt | Kind::AdoptEnd => self.end(related, voice),
            Kind::MarryVoid => self.void(spouse, voice),
            Kind::Reappear => {
                self.revive(spouse);
                self.revive_guardianships(fact);
            }
            Kind::Widow => self.lose(spouse, voice.origin, before),
            Kind::GuardianSet => {
                let leaves = |link: &Link| {
                    let role = Role::FormerWard;
                    related.contains(&Related { role, person: link.person })
                };
                self.end_where(voice, |link| link.role == Role::Ward && leaves(link));
                self.settle_guardianships(fact);
                self.begin(related, |_| true, voice, before);
            }
            _ if fact.kind.is_death() && fact.side => {
                if spouse.is_some() && !self.is_dead {
                    self.lose(spouse, voice.origin, before);
                }
                self.begin(related, |role| role != Role::Spouse, voice, before);
            }
            _ if fact.kind.is_death() => {
                // It says nothing new of a marriage that stands: whom the register itself found
                // confirms nothing, and settles no doubt.
                let is_married = self.links.iter().any(is_open_marriage);
                self.begin(related, |role| role != Role::Spouse || !is_married, voice, before);
            }
            _ => self.begin(related, |_| true, voice, before),
        }
        let leads = matches!(fact.kind, Kind::HhSplit | Kind::HhMerge | Kind::HeadChange);
        if leads && !fact.side && !related.iter().any(|related| related.role == Role::Head) {
            self.end_others(Role::Head, None, voice);
        }
        self.part(fact, voice.origin);
        if fact.kind == Kind::GuardianSet && !fact.side {
            let is_named = |link: &Link| {
                let role = Role::Guardian;
                related.contains(&Related { role, person: link.person })
            };
            self.end_where(voice, |link| link.role == Role::Guardian && !is_named(link));
        }
    }

    /// Ends the ties of a household that somebody is in no longer, or leads no longer, but those
    /// that the fact states.
    fn part(&mut self, fact: &Fact<'_>, origin: u16) {
        let related = &fact.life.related;
        let lost = related.iter().filter(|related| related.role == Role::FormerMember);
        for lost in lost {
            self.close_where(origin, |l| l.role == Role::Member && l.person == lost.person);
        }
        if fact.kind.is_death() {
            self.end_guardianships(fact, origin);
        }
        if fact.side {
            return;
        }
        let leaves = fact.kind.is_death() || matches!(fact.kind, Kind::HukouIn | Kind::Emigrate);
        let splits = fact.kind == Kind::HhSplit;
        let is_stated = |link: &Link| {
            let (role, person) = (link.role, link.person);
            !fact.kind.is_death() && fact.life.related.contains(&Related { role, person })
        };
        self.close_where(origin, |link| match link.role {
            Role::Head => leaves && !is_stated(link),
            Role::Member => (leaves || splits) && !is_stated(link),
            _ => false,
        });
    }

    fn begin(
        &mut self,
        named: &[Related],
        takes: impl Fn(Role) -> bool,
        voice: Voice,
        before: Option<Marital>,
    ) {
        for Related { role, person } in named.iter().copied().filter(|r| takes(r.role)) {
            if role.is_over() {
                continue;
            }
            let has_word = voice.has_word_on_tie(role);
            if self.retell(role, person, has_word, voice) {
                continue;
            }
            if self.is_held_off(role, named, voice) {
                self.put_tie_beside(role, person, voice);
                continue;
            }
            match role {
                Role::Head => {
                    self.end_others(Role::Head, Some(person), voice);
                    // Who has a head leads nobody.
                    self.close_where(voice.origin, |link| link.role == Role::Member);
                }
                Role::Spouse if has_word => self.end_doubted_marriages(),
                _ => {}
            }
            self.ties_beside.retain(|beside| beside.role != role);
            let before = before.filter(|_| role == Role::Spouse).map(Box::new);
            let (origin, word) = (voice.origin, has_word.then_some(voice.origin));
            self.links.push(Link {
                role,
                person,
                origin,
                ended: None,
                word,
                doubt: None,
                by_death: false,
                before,
                at_end: None,
            });
        }
    }

    /// Ends the ties to those who are named.
    fn end(&mut self, named: &[Related], voice: Voice) {
        self.end_where(voice, |link| {
            named.iter().any(|r| (r.role, r.person) == (link.role, link.person))
        });
    }

    fn end_others(&mut self, role: Role, but: Option<PersonId>, voice: Voice) {
        self.end_where(voice, |link| link.role == role && Some(link.person) != but);
    }

    /// Ends ties that cannot last any longer, whoever told what ends them.
    fn close_where(&mut self, origin: u16, ends: impl Fn(&Link) -> bool) {
        let open = self.links.iter_mut().filter(|link| link.ended.is_none() && ends(link));
        open.for_each(|link| (link.ended, link.doubt) = (Some(origin), None));
    }

    /// Ends the marriage with somebody who died; with anybody when it is not said who.
    fn lose(&mut self, spouse: Option<PersonId>, origin: u16, before: Option<Marital>) {
        let open = self.links.iter_mut().filter(|link| {
            link.role == Role::Spouse
                && link.ended.is_none()
                && spouse.is_none_or(|spouse| spouse == link.person)
        });
        for link in open {
            (link.ended, link.at_end) = (Some(origin), before.map(Box::new));
        }
    }

    /// The marriage with somebody never was: what stood before it stands again, when it was the
    /// last one.
    fn void(&mut self, spouse: Option<PersonId>, voice: Voice) {
        let Some(at) = self.links.iter().rposition(|link| link.role == Role::Spouse) else {
            return;
        };
        let last = &self.links[at];
        let is_meant = spouse == Some(last.person) && self.may_end(last, voice);
        if let Some(before) = last.before.as_deref().copied().filter(|_| is_meant) {
            self.restore(before);
        }
        self.end_where(voice, |link| link.role == Role::Spouse && Some(link.person) == spouse);
    }

    /// The marriage with somebody who was held for dead goes on, when there was none since.
    fn revive(&mut self, spouse: Option<PersonId>) {
        let Some(at) = self.links.iter().rposition(|link| link.role == Role::Spouse) else {
            return;
        };
        let last = &mut self.links[at];
        if spouse != Some(last.person) {
            return;
        }
        let Some(at_end) = last.at_end.take() else { return };
        last.ended = None;
        self.restore(*at_end);
    }

    /// Somebody held for dead or missing is there. Their marriage goes on only where the event
    /// names the other one: see `api/src/registry/concerned.rs`.
    pub(super) fn reappear(&mut self, fact: &Fact<'_>, voice: Voice) {
        let was_dead = std::mem::take(&mut self.is_dead);
        self.is_missing = false;
        self.remove(Item::DeathDate);
        if was_dead {
            self.reopen();
        }
        let goes_on = fact.life.related.iter().any(|related| related.role == Role::Spouse);
        let is_married = |link: &&mut Link| link.role == Role::Spouse && link.ended.is_none();
        if !was_dead || goes_on {
            return;
        }
        let mut ended = false;
        for link in self.links.iter_mut().filter(is_married) {
            link.ended = Some(voice.origin);
            ended = true;
        }
        if ended {
            // Neither married nor divorced nor widowed: to be asked.
            self.overwrite(Item::MaritalStatus, "90", voice);
            self.remove(Item::MaritalChangeDate);
        }
    }
}
