//! Judging some persons: they and everybody whom the rules look at for them, put together once.

use domain::Item;
use domain::rules::{Case, Context, Counts, Household, PersonIndex, Subject};
use jiff::civil::Date;
use rustc_hash::FxHashMap;

use super::cell::Verdict;
use super::groups::Key;
use super::homes::Counted;
use super::known::{CountedIn, Index};
use super::{ACROSS, Across};
use crate::quality::DIVISIONS;

/// Generations of whom the rule of near kin asks.
const GENERATIONS: usize = 5;
/// Counts beyond this are all the same to the rules.
const COUNTED_MAX: usize = 100;
/// A death is no reason any more from this day after it on.
const DAYS_TO_BE_WIDOWED: i64 = 61;

/// Somebody, what was found, and the day on which a rule may say something else.
pub(super) type Judged = (Index, Option<Verdict>, Option<Date>);

/// Persons of one judgement, each once.
#[derive(Default)]
struct Scene {
    persons: Vec<Index>,
    place_of: FxHashMap<Index, PersonIndex>,
}

impl Scene {
    fn add(&mut self, across: &Across, person: Option<Index>) -> Option<Index> {
        let person = across.whole(person?);
        across.known[person].row.as_ref()?;
        let next = PersonIndex(self.persons.len() as u32);
        if *self.place_of.entry(person).or_insert(next) == next {
            self.persons.push(person);
        }
        Some(person)
    }

    fn add_ancestors(&mut self, across: &Across, person: Index, generations: usize) {
        let known = &across.known[person];
        for parent in [known.mother, known.father] {
            if let Some(parent) = self.add(across, parent.get())
                && generations > 1
            {
                self.add_ancestors(across, parent, generations - 1);
            }
        }
    }

    fn place(&self, across: &Across, person: Option<Index>) -> Option<PersonIndex> {
        self.place_of.get(&across.whole(person?)).copied()
    }

    /// Everybody at whom the rules look for a person.
    fn add_around(&mut self, across: &Across, person: Index) {
        self.add(across, Some(person));
        let known = &across.known[person];
        self.add(across, known.father.get());
        self.add(across, known.last_spouse.get());
        self.add(across, across.home_of(person).and_then(|home| home.head));
        if let Some(mother) = self.add(across, known.mother.get()) {
            for child in &across.known[mother].children {
                self.add(across, Some(*child));
            }
        }
        if let Some(spouse) = self.add(across, known.spouse.get()) {
            self.add_ancestors(across, person, GENERATIONS);
            self.add_ancestors(across, spouse, GENERATIONS);
        }
    }
}

impl Across {
    /// What is found of persons now. Who does not count has no verdict.
    pub(super) fn judged(&self, persons: &[Index]) -> Vec<Judged> {
        let counts = |person: &Index| self.known[*person].counted.is_some();
        let mut scene = Scene::default();
        persons.iter().filter(|person| counts(person)).for_each(|person| {
            scene.add_around(self, *person);
        });
        let children: Vec<Vec<PersonIndex>> = scene
            .persons
            .iter()
            .map(|person| {
                let children = self.known[*person].children.iter();
                let mut children: Vec<_> =
                    children.filter_map(|child| scene.place(self, Some(*child))).collect();
                children.sort_unstable();
                children.dedup();
                children
            })
            .collect();
        let people: Vec<_> = scene
            .persons
            .iter()
            .zip(&children)
            .map(|(person, children)| self.subject(*person, &scene, children))
            .collect();
        persons.iter().map(|person| self.judge(*person, &scene, &people)).collect()
    }

    /// The household of registration of somebody, as long as they belong to it.
    fn home_of(&self, person: Index) -> Option<Counted> {
        let home = self.known[person].row.as_ref()?.home.as_ref()?;
        self.homes.counted(home.key).filter(|_| home.is_there)
    }

    fn subject<'a>(
        &'a self,
        person: Index,
        scene: &Scene,
        children: &'a [PersonIndex],
    ) -> Subject<'a> {
        let known = &self.known[person];
        let mut subject = known.row.as_ref().map(|traits| traits.subject()).unwrap_or_default();
        subject.mother = scene.place(self, known.mother.get());
        subject.father = scene.place(self, known.father.get());
        subject.spouse = scene.place(self, known.spouse.get());
        subject.last_spouse = scene.place(self, known.last_spouse.get());
        subject.children = children;
        subject
    }

    fn judge(&self, person: Index, scene: &Scene, people: &[Subject<'_>]) -> Judged {
        let known = &self.known[person];
        let Some(CountedIn { is_logical, .. }) = known.counted else { return (person, None, None) };
        let me = scene.place_of[&person];
        let counts = OwnCounts { across: self, me: person };
        let context = Context { people, counts: &counts, divisions: &DIVISIONS, today: self.today };
        let household = self
            .home_of(person)
            .map(|home| Household { head: scene.place(self, home.head), ..home.household });
        let case = Case::new(context, me, household.as_ref());
        let findings = self.book.evaluate_only(&case, ACROSS);
        let death = people[me.0 as usize]
            .spouse
            .and_then(|spouse| people[spouse.0 as usize].day(Item::DeathDate));
        let due = death
            .and_then(|death| death.checked_add(jiff::Span::new().days(DAYS_TO_BE_WIDOWED)).ok());
        let due = due.filter(|day| *day > self.today);
        (person, Some(Verdict::of(&findings, self.errors, is_logical)), due)
    }
}

/// The counts for somebody whose texts are not kept: those of what was read of their row.
struct OwnCounts<'a> {
    across: &'a Across,
    me: Index,
}

impl OwnCounts<'_> {
    fn records(&self, key: Option<Key>) -> Option<u32> {
        Some(1 + self.across.others(key?, Some(self.me), COUNTED_MAX) as u32)
    }
}

impl Counts for OwnCounts<'_> {
    fn records_with_number(&self, _: &str) -> Option<u32> {
        self.records(self.across.known[self.me].row.as_ref()?.number)
    }

    fn others_alike(&self, _: &Subject<'_>) -> Option<u32> {
        let own = self.across.known[self.me].row.as_ref()?;
        Some(self.across.others_alike(own.alike?, own.number, Some(self.me)) as u32)
    }

    fn records_with_phone(&self, _: &str) -> Option<u32> {
        self.records(self.across.known[self.me].row.as_ref()?.phone)
    }
}
