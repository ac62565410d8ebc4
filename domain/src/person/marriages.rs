//! Whose husband or wife a person is by those who have the word on it. A divorce that only a village
//! told is doubted, and the archive shows the marriage still; so whom an act concerns is found by
//! the same authority, over the few events that say anything of it.
//!
//! Whether somebody may marry is asked of [`Person::spouse_on`], which believes everybody.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::ties::is_parted_by_death;
use super::{Person, PersonEvent, is_kept};
use crate::catalogue::{Kind, Sets, Word};
use crate::ids::PersonId;
use crate::items::Item;
use crate::life_event::Role;
use crate::packing::{Packing, Unpacking};
use crate::precedence::Teller;

/// Who told an event about marriages, guardianships or their ends, and the marital status that it
/// states.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Telling {
    pub(super) sequence: u32,
    department: [u8; 3],
    channel: [u8; 2],
    status: Option<Code>,
}

/// A code of two digits.
type Code = [u8; 2];

impl Telling {
    /// Of an event that says anything of it; of most none does.
    pub(super) fn of(event: &PersonEvent, sequence: u32) -> Option<Self> {
        let (kind, side) = event.kind();
        let status = event.life.items.get(Item::MaritalStatus).map(code);
        let mut related = event.life.related.iter().map(|related| related.role);
        let ties = related.any(|role| is_parted_by_death(role) && is_kept(kind, role));
        let ends = matches!(kind, Kind::Widow | Kind::Reappear) || kind.is_death();
        let (department, channel) = (event.department, event.channel);
        (status.is_some() || ties || ends && !side).then_some(Self {
            sequence,
            department,
            channel,
            status,
        })
    }

    pub(super) fn pack(&self, to: &mut Packing<'_>) {
        to.number(self.sequence.into());
        to.bytes(&self.department);
        to.bytes(&self.channel);
        to.number(self.status.is_some().into());
        self.status.iter().for_each(|status| to.bytes(status));
    }

    pub(super) fn unpack(from: &mut Unpacking<'_>) -> Self {
        let (sequence, department, channel) = (from.short(), from.bytes(), from.bytes());
        let status = (from.number() == 1).then(|| from.bytes());
        Self { sequence, department, channel, status }
    }

    /// The same, of the event at another place.
    pub(super) fn moved_to(self, sequence: u32) -> Self {
        Self { sequence, ..self }
    }
}

fn code(text: &str) -> Code {
    let digit = |at| text.as_bytes().get(at).copied().unwrap_or_default();
    [digit(0), digit(1)]
}

/// The marital status: what it is, whether by who has the word, and of which department.
#[derive(Clone, Copy)]
struct Status {
    code: Code,
    has_word: bool,
    department: [u8; 3],
}

/// A marriage while a life is told.
struct Marriage {
    spouse: PersonId,
    is_open: bool,
    /// Who told it last who has the word.
    word: Option<[u8; 3]>,
    is_doubted: bool,
    before: Option<Status>,
    /// Where a death ended it: the status until then.
    at_end: Option<Option<Status>>,
}

/// The marriages of a life, fact after fact in the order of their days: the rules of
/// `projections/src/archive/ties.rs` for husbands and wives, and nothing else.
#[derive(Default)]
struct Marriages {
    all: Vec<Marriage>,
    status: Option<Status>,
    is_dead: bool,
}

/// A fact, as far as it is about marriages.
struct Said<'a> {
    kind: Kind,
    side: bool,
    by: Teller,
    spouses: &'a [PersonId],
    states: Option<Code>,
}

impl Person {
    /// Husbands and wives on a day by those who have the word on it, as the archive of that day
    /// shows them; the dead person's too, and several only where records are wrong.
    pub fn married_to_on(&self, day: Date) -> Vec<PersonId> {
        // A correction may state the status of a fact that said nothing of it.
        let said = self.tellings.iter().map(|telling| {
            let target = self.memos[telling.sequence as usize].target;
            target.unwrap_or(telling.sequence)
        });
        let is_fact = |at: &u32| !self.kind(*at).0.acts_on_another() && !self.is_void(*at);
        let mut facts: Vec<(Date, u32)> =
            said.filter(is_fact).map(|at| (self.day(at), at)).collect();
        facts.retain(|(on, _)| *on <= day);
        facts.sort_unstable();
        facts.dedup();
        let mut marriages = Marriages::default();
        for (_, at) in facts {
            self.tell(at, &mut marriages);
        }
        let open = marriages.all.iter().filter(|marriage| marriage.is_open);
        open.map(|marriage| marriage.spouse).collect()
    }

    fn tell(&self, at: u32, marriages: &mut Marriages) {
        let (kind, side) = self.kind(at);
        let theirs =
            self.others.iter().filter(|(of, other)| *of == at && other.role == Role::Spouse);
        let spouses: Vec<_> = theirs.map(|(_, other)| other.person).collect();
        if let Some(telling) = self.telling(at) {
            let by = Teller::new(kind, side, telling.department, telling.channel);
            marriages.take(&Said { kind, side, by, spouses: &spouses, states: telling.status });
        }
        for correction in &self.tellings {
            let is_of = self.memos[correction.sequence as usize].target == Some(at);
            let corrects = self.kind(correction.sequence).0 == Kind::Correction;
            if is_of
                && corrects
                && !self.is_void(correction.sequence)
                && let Some(code) = correction.status
            {
                let by = Teller::new(kind, side, correction.department, correction.channel);
                marriages.say(code, by);
            }
        }
    }

    fn telling(&self, sequence: u32) -> Option<&Telling> {
        let found = self.tellings.binary_search_by_key(&sequence, |telling| telling.sequence);
        found.ok().map(|at| &self.tellings[at])
    }

    /// Who told an event that is about ties.
    pub(super) fn teller(&self, sequence: u32) -> Option<Teller> {
        let (kind, side) = self.kind(sequence);
        let telling = self.telling(sequence)?;
        Some(Teller::new(kind, side, telling.department, telling.channel))
    }
}

impl Marriages {
    fn take(&mut self, said: &Said<'_>) {
        let (before, spouse) = (self.status, said.spouses.first().copied());
        if let Some(code) = said.states {
            self.say(code, said.by);
        }
        self.conclude(said, spouse);
        if said.kind.is_death() && !said.side {
            self.is_dead = true;
        }
        if said.kind == Kind::Reappear && !said.side {
            self.come_back(said);
        }
        self.confirm(said);
        match said.kind {
            kind if kind.is_divorce() => {
                self.end(said.by, |spouse| said.spouses.contains(&spouse));
            }
            Kind::MarryVoid => self.void(spouse, said.by),
            Kind::Reappear => self.revive(spouse),
            Kind::Widow => self.lose(spouse, before),
            kind if kind.is_death() && said.side => {
                if spouse.is_some() && !self.is_dead {
                    self.lose(spouse, before);
                }
            }
            // A death says nothing new of a marriage that stands.
            kind if kind.is_death() && self.all.iter().any(|marriage| marriage.is_open) => {}
            _ => self.begin(said, before),
        }
    }

    /// Takes somebody's word on the status, unless it stands by who has more authority.
    fn say(&mut self, code: Code, by: Teller) {
        if self.may_change(by) {
            self.overwrite(code, by);
        }
    }

    fn overwrite(&mut self, code: Code, by: Teller) {
        let (has_word, department) = (by.has_authority(Item::MaritalStatus), by.department);
        self.status = Some(Status { code, has_word, department });
    }

    fn may_change(&self, by: Teller) -> bool {
        by.has_authority(Item::MaritalStatus)
            || self.status.is_none_or(|s| !s.has_word || s.department == by.department)
    }

    /// What the catalogue concludes of the status.
    fn conclude(&mut self, said: &Said<'_>, spouse: Option<PersonId>) {
        let follows = match spouse {
            _ if !said.side => true,
            Some(dead) if said.kind.is_death() => !self.is_dead && self.is_last(dead),
            other => other.is_some(),
        };
        let entry = said.kind.entry();
        let conclusions = if said.side { entry.concludes_aside } else { entry.concludes };
        for conclusion in conclusions.iter().filter(|_| follows) {
            if let (Sets::Item(Item::MaritalStatus), Word::Is(text)) =
                (conclusion.sets, conclusion.word)
            {
                self.say(code(text), said.by);
            }
        }
    }

    fn is_last(&self, spouse: PersonId) -> bool {
        self.all.last().is_some_and(|last| last.spouse == spouse && last.is_open)
    }

    /// Somebody held for dead is there; the marriage goes on only where the event says so.
    fn come_back(&mut self, said: &Said<'_>) {
        let was_dead = std::mem::take(&mut self.is_dead);
        if !was_dead || !said.spouses.is_empty() || self.all.iter().all(|m| !m.is_open) {
            return;
        }
        self.all.iter_mut().for_each(|marriage| marriage.is_open = false);
        self.overwrite(code("90"), said.by);
    }

    /// Somebody looked in the field, and finds the status that stands.
    fn confirm(&mut self, said: &Said<'_>) {
        let stands = said.states.is_some() && said.states == self.status.map(|status| status.code);
        if said.by.verifies() && !said.side && stands {
            self.all.iter_mut().for_each(|marriage| marriage.is_doubted = false);
        }
    }

    fn may_end(&self, marriage: &Marriage, by: Teller) -> bool {
        let is_own = |word: [u8; 3]| word == by.department;
        (by.has_word_on_tie(Role::Spouse) || marriage.word.is_none_or(is_own))
            && self.may_change(by)
    }

    fn end(&mut self, by: Teller, ends: impl Fn(PersonId) -> bool) {
        for at in 0..self.all.len() {
            let marriage = &self.all[at];
            if !marriage.is_open || !ends(marriage.spouse) {
                continue;
            }
            let may = self.may_end(marriage, by);
            let marriage = &mut self.all[at];
            (marriage.is_open, marriage.is_doubted) = (!may, !may);
        }
    }

    fn lose(&mut self, spouse: Option<PersonId>, before: Option<Status>) {
        for marriage in self.all.iter_mut().filter(|marriage| marriage.is_open) {
            if spouse.is_none_or(|spouse| spouse == marriage.spouse) {
                (marriage.is_open, marriage.at_end) = (false, Some(before));
            }
        }
    }

    fn void(&mut self, spouse: Option<PersonId>, by: Teller) {
        let Some(last) = self.all.last() else { return };
        if spouse == Some(last.spouse) && self.may_end(last, by) {
            self.status = last.before;
        }
        self.end(by, |one| Some(one) == spouse);
    }

    fn revive(&mut self, spouse: Option<PersonId>) {
        let Some(last) = self.all.last_mut().filter(|last| Some(last.spouse) == spouse) else {
            return;
        };
        let Some(at_end) = last.at_end.take() else { return };
        last.is_open = true;
        self.status = at_end;
    }

    fn begin(&mut self, said: &Said<'_>, before: Option<Status>) {
        let (has_word, by) = (said.by.has_word_on_tie(Role::Spouse), said.by);
        let word = has_word.then_some(by.department);
        for spouse in said.spouses.iter().copied() {
            let is_open = |marriage: &&mut Marriage| marriage.is_open;
            let mut open = self.all.iter_mut().filter(is_open);
            if let Some(stands) = open.find(|marriage| marriage.spouse == spouse) {
                stands.word = word.or(stands.word);
                stands.is_doubted &= !has_word && !by.verifies();
                continue;
            }
            let is_rival = |m: &&Marriage| m.is_open && !said.spouses.contains(&m.spouse);
            if !has_word && self.all.iter().filter(is_rival).any(|m| !self.may_end(m, by)) {
                continue;
            }
            if has_word {
                for doubted in self.all.iter_mut().filter(|m| m.is_open && m.is_doubted) {
                    (doubted.is_open, doubted.is_doubted) = (false, false);
                }
            }
            let (is_open, is_doubted, at_end) = (true, false, None);
            self.all.push(Marriage { spouse, is_open, word, is_doubted, before, at_end });
        }
    }
}
