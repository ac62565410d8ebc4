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

/// What is packed: each has a dictionary of its own. The numbers are those of the codecs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Packed {
    /// Payloads of events, with dictionary 4; dictionary 1 knew the first nineteen kinds, and no
    /// flags.
    Payload = 4,
    /// Rows of views, with dictionary 5; 2 and 3 were made for rows of older forms.
    Row = 5,
}

impl Packed {
    const ALL: [Packed; 2] = [Packed::Payload, Packed::Row];

    fn codec(self) -> u8 {
        self as u8
    }

    /// Payloads stay for ever: level 1 (3 gains 3 % and takes a fifth more time). A row is read and
    /// written anew with each event of a person, so it is packed without the coding of single bytes,
    /// which is two thirds of unpacking.
    fn level(self) -> i32 {
        match self {
            Packed::Payload => 1,
            Packed::Row => -1,
        }
    }

    fn place(self) -> usize {
        match self {
            Packed::Payload => 0,
            Packed::Row => 1,
        }
    }
}

static DICTIONARIES: [&[u8]; 5] = [
    include_bytes!("../dictionaries/1.dict"),
    include_bytes!("../dictionaries/2.dict"),
    include_bytes!("../dictionaries/3.dict"),
    include_bytes!("../dictionaries/4.dict"),
    include_bytes!("../dictionaries/5.dict"),
];
static ENCODERS: LazyLock<[EncoderDictionary<'static>; 2]> = LazyLock::new(|| {
    let dictionary = |what: Packed| DICTIONARIES[usize::from(what.codec()) - 1];
    Packed::ALL.map(|what| EncoderDictionary::copy(dictionary(what), what.level()))
});
static DECODERS: LazyLock<[DecoderDictionary<'static>; 5]> =
    LazyLock::new(|| DICTIONARIES.map(DecoderDictionary::copy));

thread_local! {
    // A context costs more than a payload, so every thread keeps its own.
    static COMPRESSORS: RefCell<[Compressor<'static>; 2]> =
        RefCell::new(ENCODERS.each_ref().map(compressor));
    static DECOMPRESSORS: RefCell<[Option<Decompressor<'static>>; 5]> =
        const { RefCell::new([const { None }; 5]) };
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
    pack_as(Packed::Payload, plain)
}

/// The packed bytes, at most one byte longer than `plain`.
pub fn pack_as(what: Packed, plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    pack_into(what, plain, &mut packed);
    packed
}

/// As [`pack_as`], into `packed`, whose room is used again.
pub fn pack_into(what: Packed, plain: &[u8], packed: &mut Vec<u8>) {
    packed.clear();
    packed.resize(1 + plain.len(), 0);
    packed[0] = what.codec();
    let packing = COMPRESSORS.with_borrow_mut(|compressors| {
        compressors[what.place()].compress_to_buffer(plain, &mut packed[1..])
    });
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
        codec @ 1..=5 => decompress(usize::from(codec) - 1, bytes, plain)?,
        other => return Err(UnpackError::Codec(other)),
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
