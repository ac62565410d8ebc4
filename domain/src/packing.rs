//! What is kept packed in memory, of very many: numbers of seven bits a byte, and days in three
//! bytes. No stored form is made of it, so it may change whenever something better is found.

use jiff::civil::Date;
use uuid::Uuid;

use crate::ids::PersonId;

/// Added to a year, so that none is below 0.
const YEARS_BEFORE: i32 = 9_999;

/// Writes what [`Unpacking`] reads, into memory that is used again.
pub struct Packing<'a>(pub &'a mut Vec<u8>);

impl Packing<'_> {
    /// A number: the smaller it is, the fewer bytes.
    pub fn number(&mut self, number: u64) {
        let mut rest = number;
        while rest >= 0x80 {
            self.0.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
    }

    /// A day.
    pub fn day(&mut self, day: Date) {
        let year = (i32::from(day.year()) + YEARS_BEFORE) as u32;
        let packed = year << 9 | (day.month() as u32) << 5 | day.day() as u32;
        self.0.extend_from_slice(&packed.to_le_bytes()[..3]);
    }

    /// A person's id.
    pub fn person(&mut self, person: PersonId) {
        self.0.extend_from_slice(person.as_uuid().as_bytes());
    }

    /// Bytes whose number the reader knows.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// Reads what [`Packing`] wrote, in the same order.
///
/// # Panics
/// Where something else was written: it was written by this very program.
pub struct Unpacking<'a>(pub &'a [u8]);

impl Unpacking<'_> {
    /// A number.
    pub fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let [byte] = self.bytes::<1>();
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return number;
            }
            shift += 7;
        }
    }

    /// A number of 32 bits.
    pub fn short(&mut self) -> u32 {
        self.number() as u32
    }

    /// A day.
    pub fn day(&mut self) -> Date {
        let [low, middle, high] = self.bytes();
        let packed = u32::from_le_bytes([low, middle, high, 0]);
        let year = (packed >> 9) as i32 - YEARS_BEFORE;
        Date::new(year as i16, (packed >> 5 & 15) as i8, (packed & 31) as i8).expect("a day")
    }

    /// A person's id.
    pub fn person(&mut self) -> PersonId {
        PersonId::from_uuid(Uuid::from_bytes(self.bytes()))
    }

    /// Some bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let (bytes, rest) = self.0.split_first_chunk().expect("as many as were packed");
        self.0 = rest;
        *bytes
    }
}
