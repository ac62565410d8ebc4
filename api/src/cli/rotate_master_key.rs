//! `renkou rotate-master-key`.

use std::path::PathBuf;

use super::{Failure, tell};
use crate::registry::{Home, master_key};

/// Of which registry, and which key.
#[derive(clap::Args)]
pub struct RotateMasterKey {
    /// The registry's directory; no service may be running on it.
    #[arg(long, env = "RENKOU_DATA")]
    data: PathBuf,
    /// A file with the new key, 64 hexadecimal digits such as `openssl rand -hex 32` makes.
    #[arg(long)]
    new_key: PathBuf,
}

impl RotateMasterKey {
    /// Does it.
    pub fn run(self) -> Result<(), Failure> {
        let home = Home::open(&self.data)?;
        let new = master_key::read_file(&self.new_key)?;
        let count = master_key::rotate(&home, &new)?;
        tell(&format!("{count} keys are under the new master key; no byte of a log changed."));
        if master_key::given(&self.data)?.is_some() {
            let variable = master_key::MASTER_KEY_VARIABLE;
            tell(&format!("Set {variable} to the new key before you serve the registry again."));
        }
        tell("Back the keys up again, then destroy the old master key wherever it is kept.");
        Ok(())
    }
}
