//! NDJSON both ways: lines are read, prepared, submitted and answered by stages that pass blocks on
//! in order, each through a short queue. A stage that falls behind stops the ones before it, down to
//! the sender's socket, so memory stays the same whatever the length of the stream. Only the reader
//! of the answer stops nobody: most clients read nothing before they have sent all, so answers
//! wait in a [spool].

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use domain::Fault;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::answer::{Item, Sent, Tally, prepare};
use super::cloudevents::{read_piece, read_structured};
use super::events::overloaded;
use super::language::Language;
use super::lines::{Block, LineCutter};
use super::problem::{Problem, ProblemView};
use super::problem_kinds as kinds;
use super::receipts_seen;
use super::spool::{SpoolWriter, spool};
use crate::access::{Grant, Sight};
use crate::registry::receipt::Receipt;
use crate::registry::{Collector, Lacks, Overloaded, Prepared, Sender};

/// So many blocks of one stream are being prepared at once.
const PREPARING_MAX: usize = 3;
/// So many blocks of one stream wait for their receipts at once, beside the one being answered:
/// enough that each thread of the commit loop has a group while the next one gathers.
const IN_FLIGHT_MAX: usize = 12;
/// So many while the queue is pressed, so that many streams find their places in it.
const IN_FLIGHT_PRESSED: usize = 4;
/// How often a stream that holds back looks whether it may go on.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// Lines that have come are not kept waiting for more than so long.
const GATHER: Duration = Duration::from_millis(3);
/// Where the spool is full, a client that takes none of its answer for so long has gone.
const HELD_BACK_MAX: Duration = Duration::from_secs(60);
/// A block that finds the queue full is tried again so often.
const ATTEMPTS_MAX: u32 = 100;
/// The longest wait between two tries.
const RETRY_WAIT_MAX: Duration = Duration::from_secs(5);

type Receipts = Pin<Box<dyn Future<Output = Result<Vec<Receipt>, Overloaded>> + Send>>;

/// A sender that has not finished a line for so long has gone, or holds on to us with dribbled
/// bytes. Set by the connection.
#[derive(Clone, Copy, Debug)]
pub struct LinePatience(pub Duration);

impl Default for LinePatience {
    fn default() -> Self {
        Self(Duration::from_secs(120))
    }
}

/// What passes from stage to stage, in order of the stream.
enum Passed<T> {
    /// The next block.
    Block(T),
    /// The stream cannot go on; the last thing passed.
    Broken(Problem),
}

/// A block handed to the registry.
struct Submitted {
    sent: Vec<Sent>,
    receipts: Receipts,
}

struct Ready {
    block: Block,
    sender: Sender,
    sent: Vec<Sent>,
    prepared: Vec<Prepared>,
}

/// The answer to a stream of lines: a body that is made while the lines come in.
pub fn answer<C: Collector>(
    registry: Arc<C>,
    grant: Arc<Grant>,
    (language, sight): (Language, Sight),
    lines: Body,
    patience: LinePatience,
) -> Body {
    let (to_submit, preparing) = mpsc::channel(PREPARING_MAX);
    let (to_answer, submitted) = mpsc::channel(IN_FLIGHT_MAX);
    tokio::spawn(read(Arc::clone(&registry), grant, (lines, patience), to_submit));
    tokio::spawn(submit(Arc::clone(&registry), preparing, to_answer));
    let (answers, unread) = spool(move || registry.spool_folder());
    let answering = Answering { submitted, tally: Tally::default(), language, sight };
    tokio::spawn(answering.run(answers));
    let results = stream::try_unfold(unread, |mut unread| async move {
        Ok::<_, io::Error>(unread.next().await?.map(|bytes| (bytes, unread)))
    });
    Body::from_stream(results)
}

/// First stage: cuts the body into blocks and has each prepared. Ends when a later stage has gone.
async fn read<C: Collector>(
    registry: Arc<C>,
    grant: Arc<Grant>,
    (lines, patience): (Body, LinePatience),
    to_submit: mpsc::Sender<Passed<JoinHandle<Ready>>>,
) {
    let mut frames = lines.into_data_stream();
    let mut cutter = LineCutter::default();
    let mut broken = None;
    let mut line_due = Instant::now() + patience.0;
    let mut has_passed_on = false;
    loop {
        if has_passed_on || cutter.has_lines() {
            // Not from when it came: to pass a block on may have taken long.
            line_due = Instant::now() + patience.0;
        }
        has_passed_on = false;
        let until_due = line_due.saturating_duration_since(Instant::now());
        let wait = if cutter.has_lines() { GATHER } else { until_due };
        let is_last = match tokio::time::timeout(wait, frames.next()).await {
            Ok(Some(Ok(frame))) => {
                cutter.push(&frame);
                false
            }
            Ok(None) => {
                cutter.end();
                true
            }
            // A line cut off by a broken connection is not a line.
            Ok(Some(Err(_))) => {
                cutter.close_block();
                broken = Some(Problem::new(&kinds::BAD_REQUEST));
                true
            }
            Err(_) if cutter.has_lines() => {
                cutter.close_block();
                false
            }
            Err(_) => {
                broken = Some(Problem::new(&kinds::BODY_TOO_SLOW));
                true
            }
        };
        while let Some(block) = cutter.next_full() {
            has_passed_on = true;
            let sender = grant.sender(Timestamp::now());
            let ready = prepare_apart(&registry, block, sender);
            if to_submit.send(Passed::Block(ready)).await.is_err() {
                return;
            }
        }
        if is_last {
            break;
        }
    }
    if let Some(problem) = broken {
        // When the later stages have gone there is nobody to tell.
        let _ = to_submit.send(Passed::Broken(problem)).await;
    }
}

/// Prepares a block on a thread of its own: reading JSON must not hold up other connections.
fn prepare_apart<C: Collector>(
    registry: &Arc<C>,
    block: Block,
    sender: Sender,
) -> JoinHandle<Ready> {
    let registry = Arc::clone(registry);
    tokio::task::spawn_blocking(move || prepare_block(&*registry, block, sender))
}

fn prepare_block<C: Collector>(registry: &C, block: Block, sender: Sender) -> Ready {
    let mut sent = Vec::with_capacity(block.events());
    let mut prepared = Vec::with_capacity(block.events());
    let text = block.text();
    for (line, piece) in block.lines().zip(block.pieces()) {
        let read = match &text {
            Some(text) => read_piece(text, piece),
            None => read_structured(line),
        };
        let (one, ready) = prepare(registry, read, &sender);
        sent.push(one);
        prepared.push(ready);
    }
    if let Some(head) = &block.too_long {
        let fault = Fault::new("line_too_long", "一行超过1 MiB", "a line is longer than 1 MiB");
        let head = String::from_utf8_lossy(head).into_owned();
        prepared.push(registry.unreadable("", "", None, vec![fault], head.into(), &sender));
        sent.push(Sent { id: String::new(), is_readable: false });
    }
    Ready { block, sender, sent, prepared }
}

/// Second stage: hands blocks to the registry, each when the one before it has its place.
async fn submit<C: Collector>(
    registry: Arc<C>,
    mut preparing: mpsc::Receiver<Passed<JoinHandle<Ready>>>,
    to_answer: mpsc::Sender<Passed<Submitted>>,
) {
    while let Some(passed) = preparing.recv().await {
        let in_flight = || IN_FLIGHT_MAX - to_answer.capacity();
        while in_flight() > IN_FLIGHT_PRESSED && registry.is_pressed() && !to_answer.is_closed() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let submitted = match passed {
            Passed::Broken(problem) => Err(problem),
            Passed::Block(ready) => match ready.await {
                Ok(ready) => submit_block(&registry, ready).await,
                Err(_) => Err(Problem::new(&kinds::INTERNAL)),
            },
        };
        let is_broken = submitted.is_err();
        let passed = submitted.map_or_else(Passed::Broken, Passed::Block);
        if to_answer.send(passed).await.is_err() || is_broken {
            return;
        }
    }
}

/// Tries until the block has its place in the registry's queue.
async fn submit_block<C: Collector>(
    registry: &Arc<C>,
    mut ready: Ready,
) -> Result<Submitted, Problem> {
    let mut attempts = 0;
    loop {
        let collector = Arc::clone(registry);
        let prepared = std::mem::take(&mut ready.prepared);
        // Unconstrained: a budget that runs out here would look like a place in the queue.
        let mut receipts: Receipts =
            Box::pin(tokio::task::unconstrained(
                async move { collector.submit(prepared, false).await },
            ));
        let full = match poll_fn(|context| Poll::Ready(receipts.as_mut().poll(context))).await {
            Poll::Pending => return Ok(Submitted { sent: ready.sent, receipts }),
            Poll::Ready(Ok(done)) => {
                let receipts = Box::pin(std::future::ready(Ok(done)));
                return Ok(Submitted { sent: ready.sent, receipts });
            }
            Poll::Ready(Err(full)) => full,
        };
        attempts += 1;
        // Room does not come back as soon as a place in the queue does.
        if attempts == ATTEMPTS_MAX || full.lacks == Lacks::Room {
            return Err(overloaded(full));
        }
        let stated = Duration::from_secs(full.retry_after_seconds.into());
        let backoff = Duration::from_millis(10 << attempts.min(9));
        tokio::time::sleep(backoff.min(stated).min(RETRY_WAIT_MAX)).await;
        // Prepared anew rather than copied each time, because a full queue is rare.
        let Ready { block, sender, .. } = ready;
        let again = prepare_apart(registry, block, sender).await;
        ready = again.map_err(|_| Problem::new(&kinds::INTERNAL))?;
    }
}

/// Last stage: waits for receipts and writes result lines.
struct Answering {
    submitted: mpsc::Receiver<Passed<Submitted>>,
    tally: Tally,
    language: Language,
    sight: Sight,
}

impl Answering {
    /// Writes the whole answer. Ends early, and with it the stages before, when its reader has gone.
    async fn run(mut self, mut answers: SpoolWriter) {
        let problem = loop {
            let (sent, receipts) = match self.submitted.recv().await {
                None => break None,
                Some(Passed::Broken(problem)) => break Some(problem),
                Some(Passed::Block(Submitted { sent, receipts })) => (sent, receipts.await),
            };
            let bytes = match receipts {
                Ok(mut receipts) if receipts.len() == sent.len() => {
                    receipts_seen::narrow(&mut receipts, self.sight);
                    self.lines(&sent, &receipts)
                }
                Ok(_) => break Some(Problem::new(&kinds::INTERNAL)),
                Err(full) => break Some(overloaded(full)),
            };
            if !write_in_time(&mut answers, bytes).await {
                return;
            }
        };
        let last = self.summary(problem.as_ref());
        if write_in_time(&mut answers, last).await {
            answers.finish();
        }
    }

    fn lines(&mut self, sent: &[Sent], receipts: &[Receipt]) -> Bytes {
        let mut bytes = Vec::with_capacity(receipts.len() * 200);
        for (sent, receipt) in sent.iter().zip(receipts) {
            self.tally.count(receipt);
            write_line(&mut bytes, &Item::new(sent, receipt, self.language));
        }
        bytes.into()
    }

    /// The last line; before it the problem that ended the stream early. Lines that were not
    /// answered are to be sent again.
    fn summary(&self, problem: Option<&Problem>) -> Bytes {
        #[derive(Serialize)]
        struct Ended<'a> {
            problem: ProblemView<'a>,
        }
        #[derive(Serialize)]
        struct Summary {
            summary: Tally,
        }
        let mut bytes = Vec::new();
        let mut summary = self.tally;
        if let Some(problem) = problem {
            summary.errors = true;
            write_line(&mut bytes, &Ended { problem: problem.view(self.language) });
        }
        write_line(&mut bytes, &Summary { summary });
        bytes.into()
    }
}

/// False when the reader of the answer has gone.
async fn write_in_time(answers: &mut SpoolWriter, bytes: Bytes) -> bool {
    matches!(tokio::time::timeout(HELD_BACK_MAX, answers.write(bytes)).await, Ok(true))
}

fn write_line(bytes: &mut Vec<u8>, value: &impl Serialize) {
    // Writing plain structures into memory does not fail.
    let _ = serde_json::to_writer(&mut *bytes, value);
    bytes.push(b'\n');
}
