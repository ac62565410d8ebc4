//! Sets of rules in twenty bytes, and what an evaluation found.

use std::fmt;

use super::rule::{Class, Outcome, RuleId};

/// Some rules: a word a class, a bit a number. A rule that is added moves no other one's bit.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct RuleSet([u32; Class::ALL.len()]);

/// What came of an evaluation.
///
/// A rule that was not asked for is in no set, and its outcome is [`Outcome::NotApplicable`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Rules by which something is wrong.
    pub fired: RuleSet,
    /// Rules by which all is well.
    pub held: RuleSet,
    /// Rules whose operands are missing.
    pub not_evaluated: RuleSet,
}

impl RuleSet {
    /// No rule.
    pub const NONE: RuleSet = RuleSet([0; Class::ALL.len()]);
    /// Every rule there is or will be.
    pub const EVERY: RuleSet = RuleSet([u32::MAX; Class::ALL.len()]);

    /// Every rule of a class, there is or will be.
    pub const fn of_class(class: Class) -> Self {
        let mut words = [0; Class::ALL.len()];
        words[class as usize] = u32::MAX;
        Self(words)
    }

    /// Adds a rule.
    pub const fn insert(&mut self, id: RuleId) {
        self.0[id.class() as usize] |= 1 << (id.number() - 1);
    }

    /// Whether the rule is in it.
    pub const fn contains(&self, id: RuleId) -> bool {
        self.0[id.class() as usize] & 1 << (id.number() - 1) != 0
    }

    /// The rules of both.
    #[must_use]
    pub fn intersection(self, other: RuleSet) -> Self {
        Self(std::array::from_fn(|class| self.0[class] & other.0[class]))
    }

    /// The rules of either.
    #[must_use]
    pub const fn union(self, other: RuleSet) -> Self {
        let (mut words, mut class) = (self.0, 0);
        while class < words.len() {
            words[class] |= other.0[class];
            class += 1;
        }
        Self(words)
    }

    /// The rules of this one that the other has not.
    #[must_use]
    pub const fn without(self, other: RuleSet) -> Self {
        let (mut words, mut class) = (self.0, 0);
        while class < words.len() {
            words[class] &= !other.0[class];
            class += 1;
        }
        Self(words)
    }

    /// How many.
    pub fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Each rule, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = RuleId> {
        Class::ALL.into_iter().zip(self.0).flat_map(|(class, mut word)| {
            std::iter::from_fn(move || {
                let at = (word != 0).then(|| word.trailing_zeros() as u8)?;
                word &= word - 1;
                Some(RuleId::of(class, at + 1))
            })
        })
    }
}

impl FromIterator<RuleId> for RuleSet {
    fn from_iter<I: IntoIterator<Item = RuleId>>(rules: I) -> Self {
        let mut set = Self::NONE;
        rules.into_iter().for_each(|id| set.insert(id));
        set
    }
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Findings {
    /// What came of one rule.
    pub fn outcome(&self, id: RuleId) -> Outcome {
        if self.fired.contains(id) {
            Outcome::Fires
        } else if self.held.contains(id) {
            Outcome::Holds
        } else if self.not_evaluated.contains(id) {
            Outcome::NotEvaluated
        } else {
            Outcome::NotApplicable
        }
    }

    /// What some of the rules found.
    #[must_use]
    pub fn of(self, rules: RuleSet) -> Self {
        Self {
            fired: self.fired.intersection(rules),
            held: self.held.intersection(rules),
            not_evaluated: self.not_evaluated.intersection(rules),
        }
    }

    /// The rules that said something, or would have with all operands at hand.
    pub fn applicable(&self) -> RuleSet {
        self.fired.union(self.held).union(self.not_evaluated)
    }

    /// These findings where `asked` does not reach, and newer ones where it does.
    #[must_use]
    pub fn renewed(self, asked: RuleSet, newer: Findings) -> Self {
        let renew = |old: RuleSet, new: RuleSet| old.without(asked).union(new.intersection(asked));
        Self {
            fired: renew(self.fired, newer.fired),
            held: renew(self.held, newer.held),
            not_evaluated: renew(self.not_evaluated, newer.not_evaluated),
        }
    }

    pub(super) fn insert(&mut self, id: RuleId, outcome: Outcome) {
        match outcome {
            Outcome::Fires => self.fired.insert(id),
            Outcome::Holds => self.held.insert(id),
            Outcome::NotEvaluated => self.not_evaluated.insert(id),
            Outcome::NotApplicable => {}
        }
    }
}
