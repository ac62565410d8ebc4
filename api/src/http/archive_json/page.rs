//! An answer as it is being written: JSON put straight into bytes.
//!
//! An archive has some forty values, each with a dozen members that say who told it. Through the
//! general way of serialising, every name of a member was looked through for what must be escaped,
//! and every day and instant formatted: a third of what an answer cost. Here names are put as they
//! are, texts are copied whole where nothing in them is to be escaped, and only what is not plain is
//! left to the libraries.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::Serialize;

/// `"YYYY-MM-DD"`, in quotes.
const DAY: [u8; 12] = *b"\"0000-00-00\"";
/// To the second, in quotes; a fraction and `Z` follow.
const SECOND: [u8; 20] = *b"\"0000-00-00T00:00:00";

/// JSON that grows.
pub(in crate::http) struct Page(Vec<u8>);

impl Page {
    /// An empty one, with room for so many bytes.
    pub fn with_room(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// All that was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// JSON as it stands, such as names of members with the marks around them.
    pub fn raw(&mut self, json: &str) {
        self.0.extend_from_slice(json.as_bytes());
    }

    /// A text, escaped where it must be.
    pub fn text(&mut self, text: &str) {
        let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
        // Without an early end, so that many bytes are looked at in one step.
        if !text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
            return self.value(text);
        }
        self.0.push(b'"');
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'"');
    }

    /// A short code, such as that of a channel.
    pub fn code(&mut self, code: &[u8]) {
        if !code.iter().all(u8::is_ascii_alphanumeric) {
            return self.text(&String::from_utf8_lossy(code));
        }
        self.0.push(b'"');
        self.0.extend_from_slice(code);
        self.0.push(b'"');
    }

    /// A text, or that there is none.
    pub fn text_if_any(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.raw("null"),
        }
    }

    /// Whatever has a form of its own.
    pub fn value(&mut self, value: &(impl Serialize + ?Sized)) {
        serde_json::to_writer(&mut self.0, value).expect("all names are texts");
    }

    /// A day.
    pub fn day(&mut self, day: Date) {
        let mut text = DAY;
        match put_day(&mut text, day) {
            true => self.0.extend_from_slice(&text),
            false => self.value(&day),
        }
    }

    /// A day, or that there is none.
    pub fn day_if_any(&mut self, day: Option<Date>) {
        match day {
            Some(day) => self.day(day),
            None => self.raw("null"),
        }
    }

    /// An instant, with as many digits of the second's fraction as it has.
    pub fn instant(&mut self, instant: Timestamp) {
        let at = Offset::UTC.to_datetime(instant);
        let mut text = SECOND;
        if at.subsec_nanosecond() % 1_000 != 0 || !put_day(&mut text, at.date()) {
            return self.value(&instant);
        }
        for (place, part) in [(12, at.hour()), (15, at.minute()), (18, at.second())] {
            put(&mut text[place..place + 2], part.unsigned_abs().into());
        }
        self.0.extend_from_slice(&text);
        let micros = at.subsec_nanosecond().unsigned_abs() / 1_000;
        if micros > 0 {
            let mut fraction = *b".000000";
            put(&mut fraction[1..], micros);
            let zeros = fraction.iter().rev().take_while(|digit| **digit == b'0').count();
            self.0.extend_from_slice(&fraction[..fraction.len() - zeros]);
        }
        self.raw("Z\"");
    }

    /// A list, each of its members by `write`.
    pub fn list<T>(&mut self, members: impl IntoIterator<Item = T>, write: impl Fn(&mut Self, T)) {
        self.enclosed("[", members, write, "]");
    }

    /// An object of members by name.
    pub fn object<'n, T>(
        &mut self,
        members: impl IntoIterator<Item = (&'n str, T)>,
        write: impl Fn(&mut Self, T),
    ) {
        let named = |page: &mut Self, (name, member): (&str, T)| {
            page.text(name);
            page.raw(":");
            write(page, member);
        };
        self.enclosed("{", members, named, "}");
    }

    fn enclosed<T>(
        &mut self,
        begin: &str,
        members: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Self, T),
        end: &str,
    ) {
        self.raw(begin);
        for (at, member) in members.into_iter().enumerate() {
            if at > 0 {
                self.raw(",");
            }
            write(self, member);
        }
        self.raw(end);
    }
}

/// Puts the digits of a day after a quote and between the dashes; not those of a year before the
/// first.
fn put_day(text: &mut [u8], day: Date) -> bool {
    let Ok(year) = u32::try_from(day.year()) else { return false };
    put(&mut text[1..5], year);
    put(&mut text[6..8], day.month().unsigned_abs().into());
    put(&mut text[9..11], day.day().unsigned_abs().into());
    true
}

/// The last digits of a number, as many as there is room for.
fn put(digits: &mut [u8], mut number: u32) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
