//! Payloads made small before they are sealed: sealed bytes do not compress.
//!
//! The first byte names the codec, so that a later dictionary can stand beside this one for ever.
//! One payload alone hardly compresses; a dictionary trained on such payloads knows their field
//! names and turns of phrase. Dictionaries are a part of the frozen format: never change one, add
//! the next (`api/examples/train_dictionaries`).

use std::cell::RefCell;
use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

/// The bytes as they are.
const PLAIN: u8 = 0;
/// Unpacking gives at most so many bytes.
pub const UNPACKED_BYTES_MAX: usize = 1 << 20;

/// Dictionary 4 packs; 1 knew the first nineteen kinds, and no flags. 2, 3 and 5 were those of rows of
/// views, which are not packed any more; the next one is 6.
const NEWEST: usize = 1;
static DICTIONARIES: [(u8, &[u8]); 2] =
    [(1, include_bytes!("../dictionaries/1.dict")), (4, include_bytes!("../dictionaries/4.dict"))];
/// Payloads stay for ever, and a lower level gains nothing where they are so short; 3 would gain 3 %
/// and take a fifth more time.
const LEVEL: i32 = 1;

static ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARIES[NEWEST].1, LEVEL));
static DECODERS: LazyLock<[DecoderDictionary<'static>; 2]> =
    LazyLock::new(|| DICTIONARIES.map(|(_, dictionary)| DecoderDictionary::copy(dictionary)));

thread_local! {
    // A context costs more than a payload, so every thread keeps its own.
    static COMPRESSOR: RefCell<Compressor<'static>> = RefCell::new(compressor(&ENCODER));
    static DECOMPRESSORS: RefCell<[Option<Decompressor<'static>>; 2]> =
        const { RefCell::new([const { None }; 2]) };
}

fn decompressor(dictionary: &'static DecoderDictionary<'static>) -> Decompressor<'static> {
    Decompressor::with_prepared_dictionary(dictionary).expect("memory for a context")
}

fn compressor(dictionary: &'static EncoderDictionary<'static>) -> Compressor<'static> {
    let mut compressor =
        Compressor::with_prepared_dictionary(dictionary).expect("memory for a context");
    // The codec byte names the dictionary, and the seal checks the bytes.
    compressor.include_dictid(false).expect("a known parameter");
    compressor.include_checksum(false).expect("a known parameter");
    compressor
}

/// A packed payload that cannot be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// The codec is newer than this program.
    #[error("payload codec {0} is not known")]
    Codec(u8),
    /// There are no bytes, or they are not what the codec makes.
    #[error("the packed payload is malformed")]
    Malformed,
    /// It would become longer than [`UNPACKED_BYTES_MAX`].
    #[error("the payload is too long")]
    TooLong,
}

/// The packed payload, at most one byte longer than `plain`.
pub fn pack(plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    pack_into(plain, &mut packed);
    packed
}

/// As [`pack`], into `packed`, whose room is used again.
pub fn pack_into(plain: &[u8], packed: &mut Vec<u8>) {
    packed.clear();
    packed.resize(1 + plain.len(), 0);
    packed[0] = DICTIONARIES[NEWEST].0;
    let packing = COMPRESSOR
        .with_borrow_mut(|compressor| compressor.compress_to_buffer(plain, &mut packed[1..]));
    match packing {
        // A buffer that is too small is the refusal of what would become longer.
        Ok(length) if length < plain.len() => packed.truncate(1 + length),
        _ => {
            packed[0] = PLAIN;
            packed[1..].copy_from_slice(plain);
        }
    }
}

/// What was packed, of any codec that was ever written.
///
/// # Errors
/// [`UnpackError`].
pub fn unpack(packed: &[u8]) -> Result<Vec<u8>, UnpackError> {
    let mut plain = Vec::new();
    unpack_into(packed, &mut plain).map(|()| plain)
}

/// As [`unpack`], into `plain`, whose room is used again; it holds nothing of use after an error.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_into(packed: &[u8], plain: &mut Vec<u8>) -> Result<(), UnpackError> {
    plain.clear();
    let (codec, bytes) = packed.split_first().ok_or(UnpackError::Malformed)?;
    match *codec {
        PLAIN if bytes.len() > UNPACKED_BYTES_MAX => return Err(UnpackError::TooLong),
        PLAIN => plain.extend_from_slice(bytes),
        codec => {
            let known = DICTIONARIES.iter().position(|(number, _)| *number == codec);
            decompress(known.ok_or(UnpackError::Codec(codec))?, bytes, plain)?;
        }
    }
    Ok(())
}

fn decompress(dictionary: usize, bytes: &[u8], plain: &mut Vec<u8>) -> Result<(), UnpackError> {
    // Packing always states the length.
    let length = zstd::zstd_safe::get_frame_content_size(bytes);
    let length = length.ok().flatten().ok_or(UnpackError::Malformed)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > UNPACKED_BYTES_MAX {
        return Err(UnpackError::TooLong);
    }
    plain.reserve(length);
    let unpacking = DECOMPRESSORS.with_borrow_mut(|decompressors| {
        let of = &mut decompressors[dictionary];
        let of = of.get_or_insert_with(|| decompressor(&DECODERS[dictionary]));
        of.decompress_to_buffer(bytes, plain)
    });
    match unpacking {
        Ok(found) if found == length => Ok(()),
        _ => Err(UnpackError::Malformed),
    }
}
