//! What the door has seen since the process began, for `GET /metrics`: numbers alone, no token, no
//! address and no name among them. One for the process, which serves one registry.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::access::oidc::Flaw;

/// A number that only grows.
#[derive(Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// What it came to.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Everything that is counted.
#[derive(Default)]
pub struct Counts {
    /// Connections that were taken.
    pub connections: Count,
    /// Connections closed at once, because their peer had its share.
    pub connections_refused: Count,
    /// TLS handshakes that came to nothing.
    pub handshakes_failed: Count,
    /// Requests that HTTP itself refused: too many headers, no request at all.
    pub requests_unreadable: Count,
    /// Bodies that came too slowly.
    pub bodies_too_slow: Count,
    /// Our own tokens that opened nothing.
    pub tokens_refused: Count,
    /// Issuers' tokens that opened nothing, in the order of [`Flaw::ALL`].
    pub issuer_tokens_refused: [Count; Flaw::ALL.len()],
    /// Requests of peers who had shown too many bad tokens.
    pub peers_locked_out: Count,
    /// Requests beyond the rate of their token.
    pub requests_limited: Count,
    /// Times that glass was broken.
    pub glass_broken: Count,
    /// Alarms because a reader was told of many persons.
    pub alarms_raised: Count,
    /// Reads that were refused because a second person had to approve.
    pub reads_beyond_ceiling: Count,
    /// Requests with events that there was no room for.
    pub events_without_room: Count,
    /// Reads that were not answered, since there was no room to record them.
    pub reads_without_room: Count,
    /// Times that keys of an issuer were asked for.
    pub key_sets_fetched: Count,
    /// Times that they were asked for in vain.
    pub key_sets_failed: Count,
}

/// The counts of this process.
pub static COUNTS: std::sync::LazyLock<Counts> = std::sync::LazyLock::new(Counts::default);

impl Counts {
    /// Counts a token of an issuer that opened nothing.
    pub fn refuse_issuer_token(&self, flaw: Flaw) {
        if let Some(place) = Flaw::ALL.iter().position(|one| *one == flaw) {
            self.issuer_tokens_refused[place].add();
        }
    }

    /// Adds everything to a text in Prometheus' form.
    pub fn write(&self, text: &mut String) {
        // Writing into a string does not fail.
        for (name, help, count) in self.totals() {
            let name = format!("renkou_{name}_total");
            let count = count.get();
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {count}");
        }
        let name = "renkou_issuer_tokens_refused_total";
        let help = "Tokens of issuers that opened nothing, by what was wrong.";
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
        for (flaw, count) in Flaw::ALL.iter().zip(&self.issuer_tokens_refused) {
            let _ = writeln!(text, "{name}{{flaw=\"{flaw}\"}} {}", count.get());
        }
    }

    /// Name, meaning and count of all that is counted in one number.
    fn totals(&self) -> [(&'static str, &'static str, &Count); 15] {
        [
            ("connections", "Connections taken.", &self.connections),
            (
                "connections_refused",
                "Connections closed because their peer had its share.",
                &self.connections_refused,
            ),
            (
                "tls_handshakes_failed",
                "TLS handshakes that came to nothing.",
                &self.handshakes_failed,
            ),
            (
                "requests_unreadable",
                "Requests that HTTP itself refused.",
                &self.requests_unreadable,
            ),
            ("bodies_too_slow", "Bodies that came too slowly.", &self.bodies_too_slow),
            ("tokens_refused", "Own tokens that opened nothing.", &self.tokens_refused),
            (
                "peers_locked_out",
                "Requests of peers who had shown too many bad tokens.",
                &self.peers_locked_out,
            ),
            (
                "requests_limited",
                "Requests beyond the rate of their token.",
                &self.requests_limited,
            ),
            ("glass_broken", "Times that glass was broken.", &self.glass_broken),
            (
                "alarms_raised",
                "Alarms because a reader was told of many persons.",
                &self.alarms_raised,
            ),
            (
                "reads_beyond_ceiling",
                "Reads refused because a second person had to approve.",
                &self.reads_beyond_ceiling,
            ),
            (
                "events_without_room",
                "Requests with events that the disk had no room for.",
                &self.events_without_room,
            ),
            (
                "reads_without_room",
                "Reads not answered, since the disk had no room to record them.",
                &self.reads_without_room,
            ),
            (
                "issuer_key_sets_fetched",
                "Times that keys of an issuer were asked for.",
                &self.key_sets_fetched,
            ),
            (
                "issuer_key_sets_failed",
                "Times that they were asked for in vain.",
                &self.key_sets_failed,
            ),
        ]
    }
}
