//! A person as cqrs-es would have one: commands ask, events state, and the whole stream is folded
//! again before each command. The rules are those that the registry too asks of every event.

use std::collections::HashSet;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use domain::{Item, Items, LifeEvent};
use serde::{Deserialize, Serialize};

/// What was reported: the envelope's fields, then the life event itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    pub id: String,
    pub source: String,
    pub occurred_on: String,
    pub known_on: String,
    pub sent_at: String,
    pub channel: String,
    pub place: String,
    pub operator: String,
    pub event: LifeEvent,
}

/// What is asked.
pub enum PersonCommand {
    Register(Told),
    RegisterBirth(Told),
    Move(Told),
    Marry(Told),
    Serve(Told),
    Observe(Told),
    RegisterDeath(Told),
}

/// What is stated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PersonEvent {
    Registered(Told),
    BirthRegistered(Told),
    Moved(Told),
    Married(Told),
    Served(Told),
    Observed(Told),
    DeathRegistered(Told),
}

/// Why a command is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the same event was recorded before")]
    Duplicate,
    #[error("the person is dead")]
    Dead,
    #[error("the person is married")]
    Married,
    #[error("the person is registered")]
    Registered,
}

/// What must be remembered to decide.
#[derive(Default, Serialize, Deserialize)]
pub struct Person {
    registered: bool,
    married: bool,
    dead: bool,
    items: Items,
    event_ids: HashSet<String>,
}

impl DomainEvent for PersonEvent {
    fn event_type(&self) -> String {
        let name = match self {
            PersonEvent::Registered(_) => "Registered",
            PersonEvent::BirthRegistered(_) => "BirthRegistered",
            PersonEvent::Moved(_) => "Moved",
            PersonEvent::Married(_) => "Married",
            PersonEvent::Served(_) => "Served",
            PersonEvent::Observed(_) => "Observed",
            PersonEvent::DeathRegistered(_) => "DeathRegistered",
        };
        name.to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl PersonEvent {
    /// What was reported.
    pub fn told(&self) -> &Told {
        match self {
            PersonEvent::Registered(told)
            | PersonEvent::BirthRegistered(told)
            | PersonEvent::Moved(told)
            | PersonEvent::Married(told)
            | PersonEvent::Served(told)
            | PersonEvent::Observed(told)
            | PersonEvent::DeathRegistered(told) => told,
        }
    }
}

/// The event that answers a command when no rule forbids it.
pub fn state(command: PersonCommand) -> PersonEvent {
    match command {
        PersonCommand::Register(told) => PersonEvent::Registered(told),
        PersonCommand::RegisterBirth(told) => PersonEvent::BirthRegistered(told),
        PersonCommand::Move(told) => PersonEvent::Moved(told),
        PersonCommand::Marry(told) => PersonEvent::Married(told),
        PersonCommand::Serve(told) => PersonEvent::Served(told),
        PersonCommand::Observe(told) => PersonEvent::Observed(told),
        PersonCommand::RegisterDeath(told) => PersonEvent::DeathRegistered(told),
    }
}

impl Aggregate for Person {
    const TYPE: &'static str = "person";
    type Command = PersonCommand;
    type Event = PersonEvent;
    type Error = Refusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: PersonCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        let event = state(command);
        if self.event_ids.contains(&event.told().id) {
            return Err(Refusal::Duplicate);
        }
        if self.dead {
            return Err(Refusal::Dead);
        }
        match event {
            PersonEvent::Married(_) if self.married => return Err(Refusal::Married),
            PersonEvent::Registered(_) | PersonEvent::BirthRegistered(_) if self.registered => {
                return Err(Refusal::Registered);
            }
            _ => {}
        }
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: PersonEvent) {
        match event {
            PersonEvent::Registered(_) | PersonEvent::BirthRegistered(_) => self.registered = true,
            PersonEvent::Married(_) => self.married = true,
            PersonEvent::DeathRegistered(_) => self.dead = true,
            _ => {}
        }
        let told = event.told();
        for (item, value) in told.event.items.iter() {
            self.items.set(item, value);
        }
        self.married |= told.event.items.get(Item::MaritalStatus) == Some("20");
        self.event_ids.insert(told.id.clone());
    }
}
