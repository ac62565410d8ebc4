//! Payloads made small before they are sealed: sealed bytes do not compress.
//!
//! The first byte names the codec, so that a later dictionary can stand beside this one for ever.
//! One payload alone hardly compresses; a dictionary trained on such payloads knows their field
//! names and turns of phrase. Dictionaries are a part of the frozen format: never change one, add
//! the next (`examples/train_dictionary`).

use std::cell::RefCell;
use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

/// The payload as it is.
const PLAIN: u8 = 0;
/// Zstandard with dictionary 1.
const ZSTD_1: u8 = 1;
/// Unpacking gives at most so many bytes.
pub const UNPACKED_BYTES_MAX: usize = 1 << 20;
/// Level 3 gains 3 % and takes a fifth more time.
const LEVEL: i32 = 1;

static DICTIONARY_1: &[u8] = include_bytes!("../dictionaries/1.dict");
static ENCODER_1: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY_1, LEVEL));
static DECODER_1: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(DICTIONARY_1));

thread_local! {
    // A context costs more than a payload, so every thread keeps its own.
    static COMPRESSOR: RefCell<Compressor<'static>> = RefCell::new(compressor());
    static DECOMPRESSOR: RefCell<Decompressor<'static>> = RefCell::new(
        Decompressor::with_prepared_dictionary(&DECODER_1).expect("memory for a context"),
    );
}

fn compressor() -> Compressor<'static> {
    let mut compressor =
        Compressor::with_prepared_dictionary(&ENCODER_1).expect("memory for a context");
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
    let mut packed = vec![ZSTD_1; 1 + plain.len()];
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
    packed
}

/// What was packed, of any codec that was ever written.
///
/// # Errors
/// [`UnpackError`].
pub fn unpack(packed: &[u8]) -> Result<Vec<u8>, UnpackError> {
    let (codec, bytes) = packed.split_first().ok_or(UnpackError::Malformed)?;
    match *codec {
        PLAIN if bytes.len() > UNPACKED_BYTES_MAX => Err(UnpackError::TooLong),
        PLAIN => Ok(bytes.to_vec()),
        ZSTD_1 => decompress(bytes),
        other => Err(UnpackError::Codec(other)),
    }
}

fn decompress(bytes: &[u8]) -> Result<Vec<u8>, UnpackError> {
    // Packing always states the length.
    let length = zstd::zstd_safe::get_frame_content_size(bytes);
    let length = length.ok().flatten().ok_or(UnpackError::Malformed)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > UNPACKED_BYTES_MAX {
        return Err(UnpackError::TooLong);
    }
    let mut plain = Vec::with_capacity(length);
    let unpacking = DECOMPRESSOR
        .with_borrow_mut(|decompressor| decompressor.decompress_to_buffer(bytes, &mut plain));
    match unpacking {
        Ok(found) if found == length => Ok(plain),
        _ => Err(UnpackError::Malformed),
    }
}
