//! Rows as plain bytes, written into memory that is used again. A row is some hundred numbers of one
//! or two bytes: a list that looks each time whether it must grow takes longer than the bytes do.

use std::cell::Cell;
use std::sync::Arc;

use postcard::ser_flavors::Flavor;

use super::Row;

/// Room that there is at first; most rows have less than a thousand bytes.
const ROOM_BYTES: usize = 8 << 10;

thread_local! {
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Bytes that are written one behind the other, until there is no room.
struct Filled<'a> {
    room: &'a mut [u8],
    bytes: usize,
}

impl Flavor for Filled<'_> {
    type Output = usize;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        let place = self.room.get_mut(self.bytes).ok_or(postcard::Error::SerializeBufferFull)?;
        *place = byte;
        self.bytes += 1;
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        // Most numbers are this short, and a copy of any length is a call.
        match *bytes {
            [one] => self.try_push(one),
            [one, two] => {
                self.try_push(one)?;
                self.try_push(two)
            }
            _ => {
                let place = self.room.get_mut(self.bytes..self.bytes + bytes.len());
                place.ok_or(postcard::Error::SerializeBufferFull)?.copy_from_slice(bytes);
                self.bytes += bytes.len();
                Ok(())
            }
        }
    }

    fn finalize(self) -> postcard::Result<usize> {
        Ok(self.bytes)
    }
}

/// The bytes of a row, as they are sealed.
pub(super) fn bytes_of(row: &Row) -> Arc<[u8]> {
    let mut room = ROOM.take();
    if room.is_empty() {
        room.resize(ROOM_BYTES, 0);
    }
    let bytes = loop {
        match postcard::serialize_with_flavor(row, Filled { room: &mut room, bytes: 0 }) {
            Ok(bytes) => break bytes,
            Err(postcard::Error::SerializeBufferFull) => room.resize(room.len() * 2, 0),
            Err(_) => unreachable!("a row is plain values"),
        }
    };
    let plain = room[..bytes].into();
    ROOM.set(room);
    plain
}
