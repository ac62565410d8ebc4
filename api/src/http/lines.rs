//! A stream of bytes, cut into blocks of whole lines as it comes, holding one block at most.

use std::collections::VecDeque;
use std::io::BufRead;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

/// The longest line, its end not counted.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// A block holds at most so many lines: of a thousand, what is on its way no longer fits in the caches.
pub const BLOCK_LINES_MAX: usize = 256;
/// A block that has grown to so many bytes is closed.
const BLOCK_BYTES_MAX: usize = 1 << 20;
/// So much of a line that is too long is kept for the list of rejections.
const HEAD_BYTES: usize = 1 << 10;

/// Whole lines, in order.
#[derive(Debug, Default)]
pub struct Block {
    bytes: Bytes,
    ends: Vec<u32>,
    /// The beginning of a line that was too long and came after the others.
    pub too_long: Option<Bytes>,
}

impl Block {
    /// The lines without their ends; none is blank.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces().map(|piece| &self.bytes[piece])
    }

    /// Where the lines lie in all that the block holds.
    pub fn pieces(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| {
            let (start, end) = (start as usize, *end as usize);
            start..start + self.bytes[start..end].trim_ascii_end().len()
        })
    }

    /// All that it holds; none where it is not UTF-8.
    pub fn text(&self) -> Option<Arc<str>> {
        simdutf8::basic::from_utf8(&self.bytes).ok().map(Arc::from)
    }

    /// How many events it holds.
    pub fn events(&self) -> usize {
        self.ends.len() + usize::from(self.too_long.is_some())
    }
}

/// Cuts a stream of bytes into blocks.
#[derive(Debug, Default)]
pub struct LineCutter {
    /// Whole lines up to `line_start`, then the beginning of the next one.
    buffer: BytesMut,
    line_start: usize,
    ends: Vec<u32>,
    /// Inside a line that is too long, dropping it up to its end.
    is_dropping: bool,
    ready: VecDeque<Block>,
}

impl LineCutter {
    /// Takes what has arrived.
    pub fn push(&mut self, mut arrived: &[u8]) {
        while !arrived.is_empty() {
            // The slice's own reader finds the line's end word by word.
            let mut rest = arrived;
            let length = rest.skip_until(b'\n').unwrap_or(arrived.len());
            let part = &arrived[..length];
            arrived = rest;
            match part.strip_suffix(b"\n") {
                Some(part) => {
                    self.extend(part);
                    self.end_line();
                }
                None => self.extend(part),
            }
        }
    }

    /// Says that the stream has ended: what has no line end is the last line.
    pub fn end(&mut self) {
        if !self.is_dropping {
            self.end_line();
        }
        self.close_block();
    }

    /// A block that is full.
    pub fn next_full(&mut self) -> Option<Block> {
        self.ready.pop_front()
    }

    /// Whether whole lines wait in a block that is not full yet.
    pub fn has_lines(&self) -> bool {
        !self.ends.is_empty()
    }

    /// Closes the block as it stands.
    pub fn close_block(&mut self) {
        if self.has_lines() {
            self.close_with(None);
        }
    }

    fn extend(&mut self, part: &[u8]) {
        if self.is_dropping {
            return;
        }
        if self.buffer.len() - self.line_start + part.len() <= LINE_BYTES_MAX {
            self.buffer.extend_from_slice(part);
            return;
        }
        let mut head = self.buffer.split_off(self.line_start);
        head.extend_from_slice(&part[..part.len().min(HEAD_BYTES)]);
        head.truncate(HEAD_BYTES);
        // A copy: the head must not hold the line's megabyte.
        self.close_with(Some(Bytes::copy_from_slice(&head)));
        self.is_dropping = true;
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.is_dropping) {
            return;
        }
        if self.buffer[self.line_start..].trim_ascii().is_empty() {
            self.buffer.truncate(self.line_start);
            return;
        }
        self.line_start = self.buffer.len();
        // Below 2^32: a block holds two megabytes at most.
        self.ends.push(self.line_start as u32);
        if self.ends.len() == BLOCK_LINES_MAX || self.line_start >= BLOCK_BYTES_MAX {
            self.close_with(None);
        }
    }

    fn close_with(&mut self, too_long: Option<Bytes>) {
        let bytes = self.buffer.split_to(self.line_start).freeze();
        self.line_start = 0;
        self.ready.push_back(Block { bytes, ends: std::mem::take(&mut self.ends), too_long });
    }
}
