//! Reading a file of rows from its beginning, a piece at a time: all of it at once would be the
//! largest memory of a flush.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use domain::PersonId;
use uuid::Uuid;

use super::RowLogError;

/// In front of each row: CRC32C of all that follows, length of the row, person.
pub(super) const HEADER_BYTES: usize = 24;
/// Bytes that are read at once, unless a row is longer.
const PIECE_BYTES: u64 = 256 << 10;

/// What is done with some rows: whose each is, its bytes with the header, and where that begins.
type See<'a> = dyn FnMut(&[(PersonId, &[u8], u64)]) -> Result<(), RowLogError> + 'a;

/// Shows every row of the first `length` bytes of a file, in order, those of a piece together.
///
/// # Errors
/// [`RowLogError`], also when the file is shorter; what `see` failed with.
pub(super) fn each_piece(
    path: &Path,
    file: &File,
    length: u64,
    see: &mut See<'_>,
) -> Result<(), RowLogError> {
    let (mut piece, mut offset, mut most) = (Vec::new(), 0, PIECE_BYTES);
    while offset < length {
        let left = length - offset;
        piece.resize(most.min(left) as usize, 0);
        file.read_exact_at(&mut piece, offset)
            .map_err(|source| RowLogError::Io { path: path.to_owned(), source })?;
        let (mut rest, mut rows) = (piece.as_slice(), Vec::new());
        while let Some((person, row)) = parse(rest) {
            let (whole, behind) = rest.split_at(HEADER_BYTES + row.len());
            rows.push((person, whole, offset));
            offset += whole.len() as u64;
            rest = behind;
        }
        see(&rows)?;
        most = match rest.len() < piece.len() {
            true => PIECE_BYTES,
            false if most < left => 2 * most,
            false => return Err(RowLogError::Damaged { path: path.to_owned(), offset }),
        };
    }
    Ok(())
}

/// The person and row that `bytes` begin with; none when they are damaged or cut.
pub(super) fn parse(bytes: &[u8]) -> Option<(PersonId, &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four"));
    let row = rest.get(..number(4) as usize)?;
    let checked = &bytes[4..HEADER_BYTES + row.len()];
    let person = Uuid::from_bytes(header[8..].try_into().expect("sixteen"));
    (crc32c::crc32c(checked) == number(0)).then(|| (PersonId::from_uuid(person), row))
}
