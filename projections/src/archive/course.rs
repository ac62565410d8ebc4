//! Folding a long life again and again, as late facts and changes come in: from the last state kept
//! before what is new, and only until what stands is what stood at the same place before.
//!
//! A fold makes of the same state and the same facts the same; so where a kept state comes out
//! again, everything after it would too. A move of long ago is over with the next one, and costs
//! the facts between two kept states instead of a whole life. Short lives are folded as they are.

use domain::Position;
use jiff::civil::Date;

use super::{Archive, Fact};

/// Lives of fewer facts are folded whole: that costs less than to keep states.
const FACTS_MIN: usize = 64;
/// Facts between two kept states, about.
const EVERY: usize = 32;

/// The facts of a life in their order as they were folded last, and what stood after some of them.
#[derive(Default)]
pub struct Course {
    facts: Vec<Said>,
    /// In their order; the last one is what stands after all facts.
    kept: Vec<Kept>,
}

/// What makes a fact of a life the same fact, folded at the same place.
#[derive(PartialEq)]
struct Said {
    position: Position,
    day: Date,
    corrections: Vec<Position>,
}

/// What stood after so many facts.
struct Kept {
    facts: usize,
    archive: Archive,
}

impl Said {
    fn of(fact: &Fact<'_>) -> Self {
        let corrections = fact.corrections.iter().map(|correction| correction.told.position);
        let (position, day) = (fact.told.position, fact.told.occurred_on);
        Self { position, day, corrections: corrections.collect() }
    }
}

impl Course {
    /// What stands after the facts of the life, in their order; see [`super::facts`]. `note` is
    /// told every state on the way that may be another one than at the folding before.
    pub fn fold(&mut self, facts: &[Fact<'_>], mut note: impl FnMut(&Archive)) -> Archive {
        if facts.len() < FACTS_MIN {
            *self = Self::default();
            let mut archive = Archive::default();
            for fact in facts {
                archive.take_in(fact);
                note(&archive);
            }
            archive.tidy();
            return archive;
        }
        let (same, mut later) = self.take(facts);
        let from = self.kept.last().map_or(0, |kept| kept.facts);
        let mut archive = self.kept.last().map_or_else(Archive::default, |k| k.archive.clone());
        self.thin();
        for (done, fact) in (from + 1..).zip(&facts[from..]) {
            archive.apply(fact);
            if done > same {
                note(&archive);
            }
            let stood = later.next_if(|kept| kept.facts <= done);
            if stood.as_ref().is_some_and(|k| k.facts == done && k.archive == archive) {
                self.kept.extend(stood.into_iter().chain(later));
                return self.kept.last().expect("kept just now").archive.clone();
            }
            let last = self.kept.last().map_or(0, |kept| kept.facts);
            if done - last >= EVERY && done < facts.len() {
                self.kept.push(Kept { facts: done, archive: archive.clone() });
            }
        }
        self.kept.push(Kept { facts: facts.len(), archive: archive.clone() });
        archive
    }

    /// Takes the facts over. Gives how many are the same as before from the first on, and the
    /// states that were kept after what is the same up to the last one, by their places now; those
    /// before stay kept.
    fn take(
        &mut self,
        facts: &[Fact<'_>],
    ) -> (usize, std::iter::Peekable<impl Iterator<Item = Kept> + use<>>) {
        let is_same = |(said, fact): &(&Said, &Fact<'_>)| **said == Said::of(fact);
        let (before, now) = (self.facts.len(), facts.len());
        let same = self.facts.iter().zip(facts).take_while(is_same).count();
        let most = before.min(now) - same;
        let ends = self.facts.iter().rev().zip(facts.iter().rev()).take(most);
        let ends = ends.take_while(is_same).count();
        self.facts.splice(same..before - ends, facts[same..now - ends].iter().map(Said::of));
        let later = self.kept.split_off(self.kept.partition_point(|kept| kept.facts <= same));
        let later = later.into_iter().filter(move |kept| kept.facts >= before - ends);
        let moved = later.map(move |kept| Kept { facts: kept.facts + now - before, ..kept });
        (same, moved.peekable())
    }

    /// Lets go of what stood at the last end, where it is near to the state before it.
    fn thin(&mut self) {
        if let [.., before, last] = &self.kept[..]
            && last.facts - before.facts < EVERY
        {
            self.kept.pop();
        }
    }
}
