//! Taking a row in, and whose judgement looks at it.

use domain::PersonId;
use rustc_hash::FxHashSet;

use super::Across;
use super::groups::Key;
use super::known::{CountedIn, Index, Known, Seen, Traits};
use super::packed::Link;

/// Owners of owners that are followed.
const OWNERS_MAX: usize = 64;
/// Generations below somebody whose parents changed, of whom the rule of near kin asks.
const GENERATIONS: usize = 4;
/// Records with one telephone beyond which the rule fires.
const SAME_PHONE_MAX: usize = 10;

impl Across {
    /// Takes in what a row says, and adds those whom it concerns.
    pub(super) fn take_in(&mut self, seen: Seen, concerned: &mut FxHashSet<Index>) {
        let me = self.index(seen.person);
        let counted = seen.counted.map(|(place, is_logical)| {
            let place = self.place_number(place);
            CountedIn { place, is_logical }
        });
        let mut index = |person: Option<PersonId>| {
            let person = person.map(|person| self.index(person));
            Link::to(person)
        };
        let ties = seen.ties;
        let mut known = Known {
            row: seen.traits,
            owner: index(seen.owner),
            mother: index(ties.mother),
            father: index(ties.father),
            spouse: index(ties.spouse),
            last_spouse: index(ties.last_spouse),
            children: ties.children.into_iter().map(|child| self.index(child)).collect(),
            counted,
            ..Known::default()
        };
        if self.known[me].counted.map(|it| it.place) != counted.map(|it| it.place) {
            self.uncount(me);
        }
        let before = &self.known[me];
        (known.verdict, known.due) = (before.verdict, before.due);
        if before.says_same(&known) {
            if before.counted != known.counted {
                self.known[me].counted = known.counted;
                concerned.insert(me);
            }
            return;
        }
        let is_kin_same = before.mother == known.mother
            && before.father == known.father
            && before.owner == known.owner
            && before.row.is_some() == known.row.is_some();
        self.reach(me, is_kin_same, concerned);
        let before = std::mem::replace(&mut self.known[me], known);
        for named in before.named() {
            self.naming.remove(named, me);
        }
        let known = &self.known[me];
        known.named().for_each(|named| self.naming.insert(named, me));
        let (old, new) = (before.row.unwrap_or_default(), known.row.clone().unwrap_or_default());
        self.homes.change(me, old.home.as_ref(), new.home.as_ref());
        if !self.judges_later {
            self.reach_alike(me, &old, &new, concerned);
        }
        self.regroup(me, &old, &new);
        self.reach(me, is_kin_same, concerned);
    }

    fn index(&mut self, person: PersonId) -> Index {
        if let Some(index) = self.index_of.get(&person) {
            return *index;
        }
        let index = self.known.len() as Index;
        self.index_of.insert(person, index);
        self.known.push(Known::default());
        index
    }

    /// Whose record it is: of one that was absorbed or claimed, that of the owner.
    pub(super) fn whole(&self, person: Index) -> Index {
        let mut whole = person;
        for _ in 0..OWNERS_MAX {
            match self.known[whole].owner.get() {
                Some(owner) if self.known[owner].row.is_some() => whole = owner,
                _ => break,
            }
        }
        whole
    }

    /// Who names somebody, under this record or one that belongs to it.
    fn naming(&self, person: Index) -> Vec<Index> {
        let mut naming = Vec::new();
        let mut records = vec![person];
        let mut met = 0;
        // Of two whose merge was turned round one may be seen before the other: each is met once.
        while let Some(record) = records.get(met).copied() {
            met += 1;
            for by in self.naming.of(record) {
                let is_theirs = self.known[by].owner.get() == Some(record);
                match is_theirs && records.len() < OWNERS_MAX {
                    true if records.contains(&by) => {}
                    true => records.push(by),
                    false => naming.push(by),
                }
            }
        }
        naming
    }

    /// Adds those whose judgement looks at somebody's record as it now is; nobody while everybody
    /// is judged later.
    fn reach(&self, me: Index, is_kin_same: bool, concerned: &mut FxHashSet<Index>) {
        if self.judges_later {
            return;
        }
        let is_record_of_another = self.known[me].owner.get().is_some();
        let naming = self.naming(me);
        concerned.insert(me);
        concerned.insert(self.whole(me));
        for by in &naming {
            concerned.insert(*by);
            // A mother is asked for her other children.
            let is_child = || {
                let mut children = self.known[*by].children.iter();
                children.any(|child| self.whole(*child) == self.whole(me))
            };
            if is_record_of_another || is_child() {
                concerned.extend(self.naming(*by));
            }
        }
        if !is_kin_same {
            let mut generation = vec![self.whole(me)];
            for _ in 0..GENERATIONS {
                let is_parent = |of: Index, parent: Index| {
                    let known = &self.known[of];
                    let parents = [known.mother, known.father].into_iter().filter_map(Link::get);
                    parents.into_iter().any(|it| self.whole(it) == parent)
                };
                let mut next = Vec::new();
                for parent in generation {
                    let naming = self.naming(parent);
                    next.extend(naming.iter().filter(|by| is_parent(**by, parent)));
                    concerned.extend(naming);
                }
                generation = next.into_iter().map(|child| self.whole(child)).collect();
            }
            for person in generation {
                concerned.insert(person);
                concerned.extend(self.naming(person));
            }
        }
    }

    /// Adds those who have something in common with somebody, of whom a count crosses what its rule
    /// allows when that changes.
    fn reach_alike(&self, me: Index, old: &Traits, new: &Traits, concerned: &mut FxHashSet<Index>) {
        if old.number != new.number {
            for key in old.number.into_iter().chain(new.number) {
                if self.others(key, Some(me), 2) == 1 {
                    concerned.extend(self.rest(key, Some(me)));
                }
            }
        }
        if old.phone != new.phone {
            for key in old.phone.into_iter().chain(new.phone) {
                if self.others(key, Some(me), SAME_PHONE_MAX + 1) == SAME_PHONE_MAX {
                    concerned.extend(self.rest(key, Some(me)));
                }
            }
        }
        if (old.alike, old.number) != (new.alike, new.number) {
            for key in old.alike.into_iter().chain(new.alike) {
                if !self.differ_already(key, me) {
                    concerned.extend(self.rest(key, Some(me)));
                }
            }
        }
    }

    /// Moves somebody between the records that have something in common.
    fn regroup(&mut self, me: Index, old: &Traits, new: &Traits) {
        for key in [old.number, old.alike, old.phone].into_iter().flatten() {
            self.groups.remove(key, me);
        }
        for key in [new.number, new.alike, new.phone].into_iter().flatten() {
            self.groups.insert(key, me);
        }
    }

    /// Whether those who are alike, but for one, have two different numbers among them: each of
    /// them is then like another one, whatever becomes of the one.
    fn differ_already(&self, alike: Key, but: Index) -> bool {
        let mut numbers = self.rest(alike, Some(but)).map(|other| self.number(other));
        let Some(first) = numbers.next() else { return false };
        numbers.any(|number| first.is_none() || number != first)
    }

    fn number(&self, person: Index) -> Option<Key> {
        self.known[person].row.as_ref()?.number
    }

    /// How many others are alike and have another number; one that is not known is another.
    pub(super) fn others_alike(&self, alike: Key, number: Option<Key>, me: Option<Index>) -> usize {
        let others = self.rest(alike, me);
        others.filter(|other| number.is_none() || self.number(*other) != number).count()
    }
}
