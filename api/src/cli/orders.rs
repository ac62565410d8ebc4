//! `renkou erase`, `seal`, `unseal`, `protect` and `unprotect`: orders about a record, on a registry that is not running. A
//! running service takes the same orders over HTTP.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use domain::order::Sealing;
use domain::{Order, PersonId, Topic};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;

use super::Failure;
use super::serve::runtime;
use crate::registry::{Ordered, Receipt, Registry};

/// Under which order, and who stands for it.
#[derive(clap::Args)]
pub struct Under {
    /// The person's id.
    person: uuid::Uuid,
    /// Reference of the order of the authority.
    #[arg(long)]
    order: String,
    /// Who approved it: a second person.
    #[arg(long)]
    approved_by: String,
    /// Who carries it out; the user of this machine unless it is said otherwise.
    #[arg(long, env = "USER", default_value = "operator")]
    by: String,
    /// The registry's directory.
    #[arg(long, env = "RENKOU_DATA")]
    data: PathBuf,
}

/// Destroys the key of a person.
#[derive(clap::Args)]
pub struct Erase {
    #[command(flatten)]
    under: Under,
}

/// Hides a record until a day.
#[derive(clap::Args)]
pub struct Seal {
    #[command(flatten)]
    under: Under,
    /// The day on which it is seen again.
    #[arg(long)]
    until: Date,
    /// Names of the topics that are hidden, instead of the whole record.
    #[arg(long, value_delimiter = ',', value_parser = topic)]
    topics: Vec<Topic>,
}

/// Opens a sealed record again.
#[derive(clap::Args)]
pub struct Unseal {
    #[command(flatten)]
    under: Under,
}

/// Tells only few where a person is and was.
#[derive(clap::Args)]
pub struct Protect {
    #[command(flatten)]
    under: Under,
    /// The day on which it is told again.
    #[arg(long)]
    until: Date,
}

/// Tells again where a protected person is.
#[derive(clap::Args)]
pub struct Unprotect {
    #[command(flatten)]
    under: Under,
}

fn topic(name: &str) -> Result<Topic, String> {
    Topic::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Topic::ALL.iter().map(|row| row.2).collect();
        format!("no such topic; there are {}", names.join(", "))
    })
}

impl Erase {
    /// Does it.
    pub fn run(self) -> Result<(), Failure> {
        self.under.carry_out(Order::Erase)
    }
}

impl Seal {
    /// Does it.
    pub fn run(self) -> Result<(), Failure> {
        let Self { under, until, topics } = self;
        under.carry_out(Order::Seal(Sealing { until, topics }))
    }
}

impl Unseal {
    /// Does it.
    pub fn run(self) -> Result<(), Failure> {
        self.under.carry_out(Order::Unseal)
    }
}

impl Protect {
    /// Does it.
    pub fn run(self) -> Result<(), Failure> {
        let Self { under, until } = self;
        under.carry_out(Order::Protect { until })
    }
}

impl Unprotect {
    /// Does it.
    pub fn run(self) -> Result<(), Failure> {
        self.under.carry_out(Order::Unprotect)
    }
}

impl Under {
    fn carry_out(self, order: Order) -> Result<(), Failure> {
        let event = order.kind().code();
        let ordered = Ordered {
            person: PersonId::from_uuid(self.person),
            order,
            reference: self.order,
            approved_by: self.approved_by,
            actor: self.by,
            department: None,
            received_at: Timestamp::now(),
        };
        let accepted = match receipt(&self.data, ordered)? {
            Receipt::Recorded(accepted) | Receipt::Duplicate(accepted) => accepted,
            Receipt::Rejected(faults) => {
                let faults: Vec<_> = faults.iter().map(|fault| fault.en.as_ref()).collect();
                return Err(faults.join("; ").into());
            }
            Receipt::Conflict(_) | Receipt::Withheld | Receipt::Failed => {
                return Err("the order could not be decided".into());
            }
        };
        let told = json!({
            "status": event,
            "person_id": accepted.person_id,
            "position": accepted.position,
            "recorded_at": accepted.recorded_at,
        });
        Ok(writeln!(io::stdout(), "{told}")?)
    }
}

/// Hands the order in; what it changes is in the views and on the disk when the registry is closed.
fn receipt(data: &Path, ordered: Ordered) -> Result<Receipt, Failure> {
    let registry = Registry::open(data)?;
    let receipt = runtime()?.block_on(async {
        loop {
            // The views may have far to go.
            match registry.order(ordered.clone()).await {
                Err(_) if registry.is_following() => {}
                receipt => return receipt,
            }
        }
    });
    drop(registry);
    receipt.map_err(|_| "the views do not follow the log".into())
}
