//! The binary `renkou`, built once, started on directories of its own and spoken to over its socket
//! as users do.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::caller::Caller;

/// After so long a process that neither answers nor ends has failed the test.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// The binary, built with the profile of this test.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--package", "api", "--bin", "renkou", "--message-format", "json"]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        // What cargo tells a test of its package makes build scripts that look at it run again, and
        // everything upon them be built anew, each time.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(name);
            }
        }
        let built = cargo.current_dir(root()).stderr(Stdio::inherit()).output().expect("cargo");
        assert!(built.status.success(), "renkou does not build");
        let messages = String::from_utf8(built.stdout).expect("cargo writes UTF-8");
        let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut executables = messages.filter(|message| message["target"]["name"] == "renkou");
        let executable =
            executables.find_map(|message| Some(message["executable"].as_str()?.into()));
        executable.expect("cargo names the executable")
    })
}

/// The binary with words, and nothing of this process' settings.
pub fn command(words: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(words).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RENKOU_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs the binary to its end.
pub fn run(words: &[&str]) -> Output {
    command(words).output().expect("the binary runs")
}

/// Runs the binary, which must do what it is asked; gives its stdout.
pub fn done(words: &[&str]) -> String {
    let output = run(words);
    assert!(output.status.success(), "renkou {words:?}: {}", told(&output));
    String::from_utf8(output.stdout).expect("stdout is UTF-8")
}

/// What a process told on stderr.
pub fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A fictional registry in a directory of its own, with room beside it.
pub struct Directory {
    room: TempDir,
    data: String,
}

impl Directory {
    /// Makes the registry.
    pub fn make() -> Self {
        let directory = Self::unmade();
        done(&["init", directory.data(), "--fictional"]);
        directory
    }

    /// The place for a registry that nobody made yet.
    pub fn unmade() -> Self {
        let room = tempfile::tempdir().expect("a temporary directory");
        let data = room.path().join("data").to_str().expect("a name in UTF-8").to_owned();
        Self { room, data }
    }

    /// A copy of the registry as it lies there.
    pub fn copy(&self) -> Self {
        let copy = Self::unmade();
        let copied = Command::new("cp").args(["-r", self.data(), copy.data()]).status();
        assert!(copied.expect("cp").success());
        copy
    }

    /// The registry's directory.
    pub fn path(&self) -> &Path {
        Path::new(&self.data)
    }

    /// The same as a word of a command.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// A file beside the registry.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    /// A new token with a grant.
    pub fn token(&self, grant: &[&str]) -> String {
        let words = [&["token", "create", "--data", self.data()], grant].concat();
        done(&words).trim().to_owned()
    }

    /// `renkou replay check`.
    pub fn check(&self) -> Output {
        Self::check_of(self.path())
    }

    /// The same of any registry's directory.
    pub fn check_of(data: &Path) -> Output {
        run(&["replay", "check", "--data", data.to_str().expect("a name in UTF-8")])
    }

    /// `renkou serve` on a free port, once it answers.
    pub fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// The same with variables of the environment.
    pub fn serve_with(&self, variables: &[(&str, &str)]) -> Server {
        let mut server = self.spawn(variables);
        if let Err(status) = server.wait_until_it_answers(&self.path().join("serve.json")) {
            panic!("the service ended with {status} at its start: {}", server.log());
        }
        server
    }

    /// `renkou serve` that is expected to end at its start; gives how, and its stderr.
    pub fn serve_in_vain(&self, variables: &[(&str, &str)]) -> (ExitStatus, String) {
        let mut server = self.spawn(variables);
        match server.wait_until_it_answers(&self.path().join("serve.json")) {
            Ok(()) => panic!("the service started: {}", server.log()),
            Err(status) => (status, server.log()),
        }
    }

    /// `renkou serve`, not waited for.
    pub fn spawn(&self, variables: &[(&str, &str)]) -> Server {
        let _ = fs::remove_file(self.path().join("serve.json"));
        let words = ["serve", "--data", self.data(), "--listen", "127.0.0.1:0"];
        let mut serve = command(&words);
        serve.envs(variables.iter().copied());
        Server::spawn(serve, &self.beside("stderr"))
    }
}

/// A running service; killed when dropped.
pub struct Server {
    process: Child,
    log: PathBuf,
    /// Where it answers.
    pub url: String,
}

impl Server {
    /// Starts a command; its stderr is added to a file.
    pub fn spawn(mut command: Command, log: &Path) -> Self {
        let stderr = File::options().create(true).append(true).open(log).expect("a log file");
        let process =
            command.stdout(Stdio::null()).stderr(stderr).spawn().expect("the binary runs");
        Self { process, log: log.to_owned(), url: String::new() }
    }

    /// Waits until a file tells where the service answers.
    ///
    /// # Errors
    /// How the process ended, when it did.
    pub fn wait_until_it_answers(&mut self, file: &Path) -> Result<(), ExitStatus> {
        let begun = Instant::now();
        loop {
            let text = fs::read(file).unwrap_or_default();
            let told = serde_json::from_slice::<Value>(&text).unwrap_or_default();
            if let Some(url) = told["url"].as_str() {
                url.clone_into(&mut self.url);
                return Ok(());
            }
            if let Some(status) = self.process.try_wait().expect("a child") {
                return Err(status);
            }
            assert!(begun.elapsed() < PATIENCE, "the service does not answer: {}", self.log());
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Everything that it and its forerunners on the directory wrote to stderr.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Somebody with a token who speaks to it, over connections of their own.
    pub fn caller(&self, token: &str) -> Caller {
        Caller::new(&self.url, token)
    }

    /// Waits until it has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().expect("a child") {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "the service does not end: {}", self.log());
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Sends it a signal, named as `kill` names it.
    pub fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().expect("kill");
        assert!(sent.success(), "the service had ended: {}", self.log());
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(mut self) {
        self.process.kill().expect("a child");
        self.process.wait().expect("a child");
    }

    /// Asks it to stop as a service manager does; it must end with exit code 0.
    pub fn stop(mut self) {
        self.signal("-TERM");
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().expect("a child") {
                assert!(status.success(), "stopped with {status}: {}", self.log());
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "the service does not stop: {}", self.log());
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
