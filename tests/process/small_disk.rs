//! A disk that a trial fills up: a small file system of its own, or a folder of which the shim says
//! that it is one.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::faults::shim;

pub const MIB: u64 = 1 << 20;

/// A disk of some megabytes: a file system of its own, which ends with the process that holds it, or
/// one that the shim makes believe, where the system lets nobody mount any.
pub enum SmallDisk {
    /// Held by a process; where it is seen by everybody.
    Mounted(Child, PathBuf),
    /// A folder, the file that says how much room is left, and how often that was said.
    MadeBelieve { root: PathBuf, room: PathBuf, serial: AtomicU32 },
}

impl SmallDisk {
    /// A disk of so many MiB. None where the system lets nobody mount one.
    pub fn mount(at: &Path, mebibytes: u32) -> Option<Self> {
        fs::create_dir_all(at).expect("a folder");
        let script = format!("mount -t tmpfs -o size={mebibytes}m none \"$0\" && echo && cat");
        let words = ["--user", "--map-root-user", "--mount", "sh", "-c", &script];
        let mut unshare = Command::new("unshare");
        unshare.args(words).arg(at).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = unshare.stderr(Stdio::null()).spawn().ok()?;
        let mut told = [0];
        let stdout = holder.stdout.as_mut().expect("a pipe");
        if stdout.read_exact(&mut told).is_err() {
            holder.wait().expect("a child");
            return None;
        }
        let root = at.strip_prefix("/").expect("a whole path");
        let root = PathBuf::from(format!("/proc/{}/root", holder.id())).join(root);
        Some(Self::Mounted(holder, root))
    }

    /// A folder that is said to have so many MiB left.
    pub fn make_believe(at: &Path, mebibytes: u32) -> Self {
        fs::create_dir_all(at).expect("a folder");
        let (root, room) = (at.to_owned(), at.with_extension("room"));
        let disk = Self::MadeBelieve { root, room, serial: AtomicU32::new(0) };
        disk.leave(u64::from(mebibytes) * MIB);
        disk
    }

    fn root(&self) -> &Path {
        match self {
            Self::Mounted(_, root) | Self::MadeBelieve { root, .. } => root,
        }
    }

    /// A command that sees it as everybody does.
    pub fn path(&self, name: &str) -> String {
        self.root().join(name).to_str().expect("a name in UTF-8").to_owned()
    }

    /// What makes a process believe it.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let Self::MadeBelieve { room, .. } = self else { return Vec::new() };
        let room = room.to_str().expect("a name in UTF-8");
        let [preload, call] = [("LD_PRELOAD", shim()), ("FAULT_CALL", "room")];
        let files = [("FAULT_PATH", &*self.path("")), ("FAULT_ROOM", room)];
        let all = [preload, call].into_iter().chain(files);
        all.map(|(name, value)| (name, value.to_owned())).collect()
    }

    fn free_bytes(&self) -> u64 {
        let free = Command::new("stat").args(["-f", "-c", "%a %S"]).arg(self.root()).output();
        let free = String::from_utf8(free.expect("stat").stdout).expect("digits");
        free.split_whitespace().map(|n| n.parse::<u64>().expect("digits")).product()
    }

    /// Leaves only so many bytes free.
    pub fn leave(&self, bytes: u64) {
        match self {
            Self::Mounted(_, root) => self.fill(&root.join("filler"), bytes),
            Self::MadeBelieve { room, serial, .. } => {
                let serial = serial.fetch_add(1, Ordering::Relaxed);
                let new = room.with_extension("new");
                fs::write(&new, format!("{serial} {bytes}")).expect("a file");
                fs::rename(new, room).expect("a file");
            }
        }
    }

    fn fill(&self, filler: &Path, bytes: u64) {
        let held = fs::metadata(filler).map_or(0, |filler| filler.len());
        let length = (held + self.free_bytes()).saturating_sub(bytes);
        let file = fs::File::options().create(true).append(true).open(filler).expect("a file");
        if length < held {
            file.set_len(length).expect("a cut");
        }
        let mut left = length.saturating_sub(held);
        while left > 0 {
            let part = left.min(1 << 16);
            (&file).write_all(&vec![1; part as usize]).expect("room");
            left -= part;
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Self::Mounted(holder, _) = self {
            // It may have ended already.
            let _ = holder.kill();
            let _ = holder.wait();
        }
    }
}
