//! Whom an act concerns beside its subject: those whom it names, the members of the household that
//! it lists, and the husband or wife and the head until now, whom nobody names but the register
//! knows.

use domain::submission::Submission;
use domain::{Document, Item, Items, Kind, PersonId, Related, Role};
use jiff::civil::Date;

use super::acts::{ActError, Acts, document_of};

/// Somebody in whose stream an act is told too.
pub(super) struct Concerned {
    pub(super) person: PersonId,
    pub(super) document: Option<Document>,
    /// What becomes of them by it.
    pub(super) items: Items,
    /// What others are to them by it.
    pub(super) related: Vec<Related>,
    /// JSON pointer to where they are named.
    pub(super) named_at: String,
}

/// The related persons of the subject, and those in whose streams the act is told.
pub(super) type Others = (Vec<Related>, Vec<Concerned>);

impl Acts<'_> {
    /// Whom a submission about `subject` concerns.
    ///
    /// # Errors
    /// [`ActError`].
    pub(super) fn concerned(
        &mut self,
        submission: &Submission,
        subject: PersonId,
    ) -> Result<Others, ActError> {
        let (kind, report) = (submission.kind, &submission.report);
        let mut others = (Vec::with_capacity(report.related.len()), Vec::new());
        for (at, (role, named)) in report.related.iter().enumerate() {
            let before = report.related[..at].iter().filter(|(known, _)| known == role).count();
            let name = role.name();
            let person = match before {
                0 => self.resolve(named, submission.key, format_args!("{name}"))?,
                _ => self.resolve(named, submission.key, format_args!("{name}{before}"))?,
            };
            // Only the register knows whether a marriage revives, or a guardianship.
            if kind == Kind::Reappear && matches!(role, Role::Spouse | Role::Guardian) {
                continue;
            }
            if self.is_guardian_no_more(kind, *role, person, report.occurred_on)? {
                let person = self.memory.called(subject, person)?;
                others.0.push(Related { role: *role, person });
                continue;
            }
            let named_at = format!("/data/{name}");
            self.add(&mut others, kind, *role, person, subject, document_of(named), &named_at)?;
        }
        self.widow_named(kind, subject, report.occurred_on, &mut others)?;
        let is_named = others.0.iter().any(|related| related.role == Role::Spouse);
        if !is_named && Role::Spouse.is_told(kind) {
            for spouse in self.spouses_concerned(kind, subject, report.occurred_on)? {
                let role = Role::Spouse;
                self.add(&mut others, kind, role, spouse, subject, None, "/data/person")?;
            }
        }
        self.add_guardianships(kind, report.occurred_on, subject, &mut others)?;
        self.add_members(submission, subject, &mut others)?;
        if Role::FormerHead.is_told(kind) {
            self.add_former_heads(kind, report.occurred_on, subject, &mut others)?;
        }
        Ok(others)
    }

    /// Those who led the subject and the members until an act, each told of whom they lose.
    fn add_former_heads(
        &mut self,
        kind: Kind,
        day: Date,
        subject: PersonId,
        others: &mut Others,
    ) -> Result<(), ActError> {
        let named = others.0.iter().find(|related| related.role == Role::Head);
        let leads = matches!(kind, Kind::HhSplit | Kind::HhMerge | Kind::HeadChange);
        let head = named.map(|related| related.person).or(leads.then_some(subject));
        let head = head.map(|head| self.memory.behind(head)).transpose()?;
        let moved = others.1.iter().map(|told| told.person);
        for member in [subject].into_iter().chain(moved).collect::<Vec<_>>() {
            let Some(former) = self.memory.facts(member)?.head_on(day) else { continue };
            let former = self.memory.behind(former)?;
            let is_heard_of = self.memory.known(former)?.person.events() > 0;
            if head == Some(former) || former == member || !is_heard_of {
                continue;
            }
            let lost =
                Related { role: Role::FormerMember, person: self.memory.called(former, member)? };
            if former == subject {
                others.0.push(lost);
                continue;
            }
            let role = Role::FormerHead;
            let led = Related { role, person: self.memory.called(subject, former)? };
            if !others.0.contains(&led) {
                others.0.push(led);
            }
            match others.1.iter_mut().find(|told| told.person == former) {
                Some(told) => told.related.push(lost),
                None => others.1.push(Concerned {
                    person: former,
                    document: None,
                    items: Items::default(),
                    related: vec![lost],
                    named_at: "/data/person".to_owned(),
                }),
            }
        }
        Ok(())
    }

    /// Where a death names a husband or wife whose marriage is not on record, it says itself that
    /// they are widowed.
    fn widow_named(
        &mut self,
        kind: Kind,
        subject: PersonId,
        day: Date,
        others: &mut Others,
    ) -> Result<(), ActError> {
        let is_spouse = |told: &&mut Concerned| {
            told.related.iter().any(|seen| seen.role == Role::Spouse) && kind.is_death()
        };
        for told in others.1.iter_mut().filter(is_spouse) {
            let called = self.memory.called(told.person, subject)?;
            let person = self.memory.facts(told.person)?;
            if person.spouse_on(day).is_none() && !person.is_widowed_by(called) {
                told.items.set(Item::MaritalStatus, "30");
                told.items.set(Item::MaritalChangeDate, day.to_string());
            }
        }
        Ok(())
    }

    /// The husband or wife whom an act concerns though it does not name them: of a death all who are
    /// that by anybody's word or by who has it, since a divorce that is doubted may be none.
    fn spouses_concerned(
        &mut self,
        kind: Kind,
        subject: PersonId,
        day: Date,
    ) -> Result<Vec<PersonId>, ActError> {
        let person = self.memory.facts(subject)?;
        let told = person.spouse_on(day);
        let by_word = person.married_to_on(day);
        let found: Vec<PersonId> = match kind {
            // A second report of a death is told where the first was.
            Kind::Death | Kind::DeathDeclared => {
                let widowed = person.parted_by_death(Role::Spouse);
                told.into_iter().chain(by_word).chain(widowed).collect()
            }
            Kind::MarryVoid => told.or(by_word.last().copied()).into_iter().collect(),
            Kind::Reappear => person.parted_by_death(Role::Spouse),
            _ => Vec::new(),
        };
        let mut concerned = Vec::with_capacity(found.len());
        for spouse in found {
            let spouse = self.memory.behind(spouse)?;
            let is_erased = self.memory.known(spouse)?.person.is_erased();
            if is_erased || spouse == subject || concerned.contains(&spouse) {
                continue;
            }
            let other = self.memory.facts(spouse)?;
            let lives = other.died_on().is_none_or(|died| died > day);
            // Code art. 51: the marriage revives by itself, unless the other one has married again.
            let is_free = other.spouse_on(day).is_none();
            let is_concerned = match kind {
                Kind::Death | Kind::DeathDeclared => lives,
                Kind::Reappear => lives && is_free,
                _ => true,
            };
            concerned.extend(is_concerned.then_some(spouse));
        }
        Ok(concerned)
    }

    /// The members of the household, each with what becomes of them.
    fn add_members(
        &mut self,
        submission: &Submission,
        subject: PersonId,
        others: &mut Others,
    ) -> Result<(), ActError> {
        let (kind, report) = (submission.kind, &submission.report);
        let named = others.0.iter().find(|related| related.role == Role::Head);
        // The person of a household event is the head after it.
        let leads = matches!(kind, Kind::HhSplit | Kind::HhMerge | Kind::HeadChange);
        let head = named.map(|related| related.person).or(leads.then_some(subject));
        let household = report.details.get("household_id").and_then(|id| id.as_str());
        for (at, member) in report.members.iter().enumerate() {
            let person =
                self.resolve(&member.person, submission.key, format_args!("member{at}"))?;
            if person == subject {
                continue;
            }
            let (document, named_at) =
                (document_of(&member.person), format!("/data/members/{at}/person"));
            self.add(others, kind, Role::Member, person, subject, document, &named_at)?;
            let Some(told) = others.1.iter_mut().find(|told| told.person == person) else {
                continue;
            };
            for (item, text) in member.items.iter() {
                told.items.set(item, text);
            }
            let is_stated = told.items.get(Item::HouseholdId).is_some();
            if let Some(id) = household.filter(|_| leads && !is_stated) {
                told.items.set(Item::HouseholdId, id);
            }
            let head = head.filter(|head| *head != person);
            told.related.extend(head.map(|person| Related { role: Role::Head, person }));
        }
        Ok(())
    }

    /// Adds somebody; who has two roles in an act is told of it once. Everybody is called as the
    /// record that is told of them calls them already.
    #[expect(clippy::too_many_arguments, reason = "what is said of one person of an act")]
    pub(super) fn add(
        &mut self,
        others: &mut Others,
        kind: Kind,
        role: Role,
        person: PersonId,
        subject: PersonId,
        document: Option<Document>,
        named_at: &str,
    ) -> Result<(), ActError> {
        let called = self.memory.called(subject, person)?;
        others.0.push(Related { role, person: called });
        // Nobody marries themselves: the rules say so. Other acts are told to their subject once.
        let is_own = person == subject && !(kind.is_marriage() || kind.is_divorce());
        if !role.is_told(kind) || is_own {
            return Ok(());
        }
        let seen = match role {
            Role::Member => None,
            role => {
                let person = self.memory.called(person, subject)?;
                Some(Related { role: role.seen_from_there(), person })
            }
        };
        match others.1.iter_mut().find(|told| told.person == person) {
            Some(told) => told.related.extend(seen.filter(|seen| !told.related.contains(seen))),
            None => others.1.push(Concerned {
                person,
                document,
                items: Items::default(),
                related: seen.into_iter().collect(),
                named_at: named_at.to_owned(),
            }),
        }
        Ok(())
    }
}
