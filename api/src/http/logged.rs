//! A log and its tree as they are served, whichever of the two logs it is: signed checkpoints,
//! tiles, proofs, cosignatures and stored records.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use domain::Position;
use journal::Journal;
use journal::tree::{Tree, TreeError, note::hash_lines};
use serde::Deserialize;
use serde_json::json;

use super::persons::internal;
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::shelter;
use super::who::Who;
use crate::access::Action;
use crate::registry::Registry;

/// How long a reader waits for a checkpoint that covers a position.
const WAIT: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A note of a checkpoint with its cosignatures is far shorter.
const NOTE_BYTES_MAX: usize = 64 << 10;
/// Records in a bundle of entries.
const BUNDLE_RECORDS: u64 = 256;

/// A log with its tree.
#[derive(Clone)]
pub(super) struct Logged {
    pub registry: Arc<Registry>,
    pub tree: Arc<Tree>,
    pub journal: Arc<dyn Journal>,
    /// What holds hashes only is for every token; what holds envelopes is for who may do this.
    pub entries_for: Action,
    /// Whether nobody waits for records that are not there yet: a read has no receipt, so readers
    /// of its log know of no position beyond the head.
    pub waits_to_head_only: bool,
}

/// Which checkpoint is asked for.
#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    cosigned: bool,
}

/// Of which record a proof is asked for, in the tree of which size.
#[derive(Deserialize)]
pub(super) struct Inclusion {
    position: u64,
    size: Option<u64>,
}

/// Between which sizes of the tree a proof is asked for.
#[derive(Deserialize)]
pub(super) struct Consistency {
    from: u64,
    to: Option<u64>,
}

impl Logged {
    /// The public key that the log is signed with.
    pub fn key(&self) -> Response {
        text(format!("{}\n", self.tree.verifier().text()))
    }

    /// The newest checkpoint, or the newest that a witness cosigned.
    pub async fn checkpoint(self, which: Which, headers: &HeaderMap) -> Result<Response, Problem> {
        self.wait(headers).await?;
        let newest = self.tree.newest();
        let signed = match self.tree.cosigned() {
            Some(cosigned) if which.cosigned => cosigned,
            Some(cosigned) if cosigned.checkpoint == newest.checkpoint => cosigned,
            _ if which.cosigned => return Err(Problem::new(&kinds::NOT_FOUND)),
            _ => newest,
        };
        Ok(text(signed.note.clone()))
    }

    /// A tile of hashes, or a bundle of entries.
    pub async fn tile(
        self,
        who: &Who,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        let not_found = || Problem::new(&kinds::NOT_FOUND);
        let name = TileName::read(path).ok_or_else(not_found)?;
        if name.level.is_none() {
            who.require(self.entries_for)?;
        }
        self.wait(headers).await?;
        let who = who.clone();
        let bytes = blocking(move || match name.level {
            Some(level) => self.tree.tile(level, name.index, name.width).map_err(failed),
            None => self.bundle(&who, name.index, name.width),
        })
        .await?
        .ok_or_else(not_found)?;
        // What a tile holds never changes.
        let kept = HeaderValue::from_static("private, max-age=31536000, immutable");
        Ok(([(CACHE_CONTROL, kept)], octets(bytes)).into_response())
    }

    /// The records of a tile of level 0, each with its length before it.
    fn bundle(&self, who: &Who, index: u64, width: u64) -> Result<Option<Vec<u8>>, Problem> {
        let first = index * BUNDLE_RECORDS;
        if first + width > self.tree.newest().checkpoint.size {
            return Ok(None);
        }
        let records = Position(first + 1)..Position(first + 1 + width);
        shelter::refuse_records(&self.registry, who, &self.journal, records)?;
        let mut bytes = Vec::new();
        let mut count = 0;
        while count < width {
            let next = Position(first + count + 1);
            let see = &mut |_, record: &[u8]| {
                if count < width {
                    bytes.extend((record.len() as u16).to_be_bytes());
                    bytes.extend_from_slice(record);
                    count += 1;
                }
            };
            let read = self.journal.show_all(next, (width - (next.0 - 1 - first)) as usize, see);
            read.map_err(|error| internal(&error))?;
        }
        Ok(Some(bytes))
    }

    /// A C2SP tlog-proof of a record: what a receipt becomes once it is integrated.
    pub async fn proof(self, asked: Inclusion, headers: &HeaderMap) -> Result<Response, Problem> {
        self.wait(headers).await?;
        let proof =
            blocking(move || self.tree.proof(Position(asked.position), asked.size).map_err(failed));
        let proof = proof.await?;
        proof.map(text).ok_or_else(|| Problem::new(&kinds::NOT_FOUND))
    }

    /// The hashes of an RFC 6962 consistency proof, one a line, then the checkpoint that it leads
    /// to.
    pub async fn consistency(
        self,
        asked: Consistency,
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        self.wait(headers).await?;
        let proof = blocking(move || {
            let to = asked.to.unwrap_or_else(|| self.tree.newest().checkpoint.size);
            let proof = self.tree.consistency(asked.from, to).map_err(failed)?;
            Ok(proof.zip(self.tree.signed_at(to).map_err(failed)?))
        });
        let (proof, signed) = proof.await?.ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
        Ok(text(format!("{}\n{}", hash_lines(&proof), signed.note)))
    }

    /// A record as it is stored: the leaf's bytes.
    pub async fn entry(self, who: &Who, position: u64) -> Result<Response, Problem> {
        who.require(self.entries_for)?;
        let who = who.clone();
        let read = blocking(move || {
            let record = Position(position)..Position(position.saturating_add(1));
            shelter::refuse_records(&self.registry, &who, &self.journal, record)?;
            self.journal.read_at(Position(position)).map_err(|error| internal(&error))
        });
        let stored = read.await?.ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
        Ok(octets(stored.bytes))
    }

    /// Takes the cosignatures of witnesses: a checkpoint of ours as a note with their lines, or
    /// their lines alone, which are then of the newest checkpoint.
    pub async fn cosign(self, body: Bytes) -> Result<Response, Problem> {
        let bad = || Problem::new(&kinds::BAD_REQUEST);
        if body.len() > NOTE_BYTES_MAX {
            return Err(Problem::new(&kinds::BODY_TOO_LARGE));
        }
        let body = String::from_utf8(body.to_vec()).map_err(|_| bad())?;
        let taken = blocking(move || {
            let note = match body.starts_with('—') {
                true => format!("{}{body}", self.tree.newest().note),
                false => body,
            };
            match self.tree.cosign(&note) {
                Ok(taken) => Ok(taken),
                Err(TreeError::Foreign) => {
                    Err(bad()
                        .detail("该检查点不属于本日志", "the checkpoint is not one of this log"))
                }
                Err(TreeError::Cosignature) => Err(bad()
                    .detail("见证签名与检查点不符", "a cosignature does not fit the checkpoint")),
                Err(error) => Err(failed(error)),
            }
        });
        Ok(Json(json!({"taken": taken.await?})).into_response())
    }

    /// Waits, within bounds, until the tree covers the position that the reader asks for.
    async fn wait(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(value) = headers.get("at-least") else { return Ok(()) };
        let due: Option<u64> = value.to_str().ok().and_then(|text| text.trim().parse().ok());
        let due = due.ok_or_else(|| Problem::new(&kinds::BAD_REQUEST))?;
        let due = if self.waits_to_head_only { due.min(self.journal.head().0) } else { due };
        let covers = async {
            while self.tree.newest().checkpoint.size < due {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let waited = tokio::time::timeout(WAIT, covers).await;
        waited.map_err(|_| Problem::new(&kinds::VIEW_BEHIND))
    }
}

/// Which tile: `<L>/<N>` or `entries/<N>`, with `.p/<W>` behind it when it is not whole.
struct TileName {
    /// None for a bundle of entries.
    level: Option<u32>,
    index: u64,
    width: u64,
}

impl TileName {
    /// Reads a path of c2sp.org/tlog-tiles; every tile has one path only.
    fn read(path: &str) -> Option<Self> {
        let (level, rest) = path.split_once('/')?;
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().ok().filter(|w| (1..256).contains(w))?),
            None => (rest, 256),
        };
        let mut index: u64 = 0;
        for part in number.split('/') {
            let digits = part.strip_prefix('x').unwrap_or(part);
            let is_part = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
            index = is_part.then_some(index)?.checked_mul(1_000)?;
            index = index.checked_add(digits.parse().ok()?)?;
        }
        let level = match level {
            "entries" => None,
            level => Some(level.parse::<u32>().ok().filter(|level| *level < 8)?),
        };
        let name = Self { level, index, width };
        (name.path() == path).then_some(name)
    }

    fn path(&self) -> String {
        let mut number = format!("{:03}", self.index % 1_000);
        let mut rest = self.index / 1_000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1_000);
            rest /= 1_000;
        }
        let level = self.level.map_or_else(|| "entries".to_owned(), |level| level.to_string());
        let partial = if self.width < 256 { format!(".p/{}", self.width) } else { String::new() };
        format!("{level}/{number}{partial}")
    }
}

fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> impl Future<Output = Result<T, Problem>> {
    let work = tokio::task::spawn_blocking(work);
    async { work.await.map_err(|error| internal(&error))? }
}

fn failed(error: TreeError) -> Problem {
    internal(&error)
}

fn text(text: String) -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

fn octets(bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response()
}
