//! Who may begin and end ties: what those without the word on a tie say overwrites nothing. That it
//! ended is a doubt about it, and another one in its place is kept beside.

use domain::{Item, PersonId, Related, Role};
use serde::{Deserialize, Serialize};

use super::life::Fact;
use super::voice::Voice;
use super::{Archive, Link, Origin};

/// A tie that somebody without the word claims, where another one stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TieBeside {
    pub(super) role: Role,
    pub(super) person: PersonId,
    pub(super) origin: u16,
}

/// The items that tell of ties in a role.
const TOLD_BY_ITEMS: [(Role, Item); 2] =
    [(Role::Spouse, Item::MaritalStatus), (Role::Head, Item::RelationToHead)];

impl Archive {
    /// Ties that somebody without the word claims, each with the event that it comes from.
    pub fn ties_beside(&self) -> impl Iterator<Item = (Role, PersonId, &Origin)> {
        self.ties_beside.iter().map(|tie| (tie.role, tie.person, self.origin(tie.origin)))
    }

    /// The first event by which somebody without the word doubts a standing tie: it ended, or there
    /// is another one in its place.
    pub fn doubt_of(&self, link: &Link) -> Option<&Origin> {
        let ended = link.doubt.map(|origin| self.origin(origin));
        let rivals = self.ties_beside().filter(|(role, ..)| *role == link.role);
        let doubts = rivals.map(|(.., origin)| origin).chain(ended);
        doubts.filter(|_| link.ended.is_none()).min_by_key(|origin| origin.position)
    }

    /// Whether a voice may end a tie: where it has the word on it, where nobody who has told it,
    /// and where its own department has.
    pub(super) fn may_end(&self, link: &Link, voice: Voice) -> bool {
        let is_own = |word: u16| self.origin(word).department == voice.department;
        let may = voice.has_word_on_tie(link.role) || link.word.is_none_or(is_own);
        may && (link.role != Role::Spouse || self.may_change(Item::MaritalStatus, voice))
    }

    /// Ends open ties; those that the voice may not end are doubted from now on.
    pub(super) fn end_where(&mut self, voice: Voice, ends: impl Fn(&Link) -> bool) {
        for at in 0..self.links.len() {
            let link = &self.links[at];
            if link.ended.is_some() || !ends(link) {
                continue;
            }
            let (role, may) = (link.role, self.may_end(link, voice));
            let link = &mut self.links[at];
            if may {
                (link.ended, link.doubt) = (Some(voice.origin), None);
                self.ties_beside.retain(|beside| beside.role != role);
            } else {
                link.doubt.get_or_insert(voice.origin);
            }
        }
    }

    /// Whether a tie stands already. Who has the word on it, or looked in the field, settles what
    /// was said against it.
    pub(super) fn retell(
        &mut self,
        role: Role,
        person: PersonId,
        has_word: bool,
        voice: Voice,
    ) -> bool {
        let is_it =
            |link: &&mut Link| (link.role, link.person) == (role, person) && link.ended.is_none();
        let Some(link) = self.links.iter_mut().find(is_it) else { return false };
        if has_word {
            link.word = Some(voice.origin);
        }
        if has_word || voice.verifies() {
            link.doubt = None;
            self.ties_beside.retain(|beside| beside.role != role);
        }
        true
    }

    /// Whether another tie, in whose place a new one would come, stands by who has the word.
    pub(super) fn is_held_off(&self, role: Role, named: &[Related], voice: Voice) -> bool {
        let is_single = matches!(
            role,
            Role::Spouse | Role::Head | Role::Mother | Role::Father | Role::Guardian
        );
        let is_other = |link: &&Link| {
            let is_named = named.contains(&Related { role, person: link.person });
            link.role == role && link.ended.is_none() && !is_named
        };
        is_single
            && !voice.has_word_on_tie(role)
            && self.links.iter().filter(is_other).any(|link| !self.may_end(link, voice))
    }

    /// Keeps a tie beside: of each department the newest in a role.
    pub(super) fn put_tie_beside(&mut self, role: Role, person: PersonId, voice: Voice) {
        let origins = &self.origins;
        self.ties_beside.retain(|beside| {
            let department = origins[usize::from(beside.origin)].department;
            beside.role != role || department != voice.department
        });
        self.ties_beside.push(TieBeside { role, person, origin: voice.origin });
    }

    /// Who has the word tells of a new marriage: those before it ended when it was said.
    pub(super) fn end_doubted_marriages(&mut self) {
        let is_open = |link: &&mut Link| link.role == Role::Spouse && link.ended.is_none();
        for link in self.links.iter_mut().filter(is_open) {
            link.ended = link.doubt.take();
        }
    }

    /// Somebody looked in the field, and finds what stands.
    pub(super) fn confirm_ties(&mut self, fact: &Fact<'_>, voice: Voice) {
        let is_doubted =
            || !self.ties_beside.is_empty() || self.links.iter().any(|link| link.doubt.is_some());
        if !voice.verifies() || fact.side || !is_doubted() {
            return;
        }
        for (role, item) in TOLD_BY_ITEMS {
            let seen = fact.life.items.get(item);
            if seen.is_none() || seen != self.get(item) {
                continue;
            }
            self.ties_beside.retain(|beside| beside.role != role);
            let ties = self.links.iter_mut().filter(|link| link.role == role);
            ties.for_each(|link| link.doubt = None);
        }
    }
}
