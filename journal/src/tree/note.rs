//! C2SP signed notes: the log's checkpoint under its Ed25519 key, and the cosignatures of witnesses.
//!
//! `c2sp.org/signed-note`, `c2sp.org/tlog-checkpoint`, `c2sp.org/tlog-cosignature`.

use base64::prelude::{BASE64_STANDARD, Engine};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::merkle::Hash;

/// Type of a log's key and signature.
const ED25519: u8 = 0x01;
/// Type of a witness' key and signature.
const COSIGNATURE: u8 = 0x04;
const PRIVATE: &str = "PRIVATE+KEY+";

/// Why a text is no note, key or signature that is worth anything here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The key is not of the signed-note form, or of another type.
    #[error("this is no key of a known type")]
    Key,
    /// The note is not of the form of a checkpoint.
    #[error("this is no checkpoint")]
    Form,
    /// The checkpoint is another log's.
    #[error("the checkpoint is of another log: {0}")]
    Origin(String),
    /// The log's own signature is missing or does not fit.
    #[error("the signature of {0} is missing or does not fit the checkpoint")]
    Signature(String),
}

/// What a checkpoint says: a log had this root when it had so many records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many records.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        let Self { origin, size, root } = self;
        format!("{origin}\n{size}\n{}\n", BASE64_STANDARD.encode(root))
    }

    /// Reads the text of a note, and gives the lines of signatures behind it. Nothing is verified.
    ///
    /// # Errors
    /// [`NoteError::Form`].
    pub fn read(note: &str) -> Result<(Self, &str), NoteError> {
        let (text, signatures) = note.split_once("\n\n").ok_or(NoteError::Form)?;
        let mut lines = text.split('\n');
        let mut line = || lines.next().ok_or(NoteError::Form);
        let (origin, size, root) = (line()?.to_owned(), line()?, line()?);
        let size: u64 = size.parse().map_err(|_| NoteError::Form)?;
        let root = BASE64_STANDARD.decode(root).ok().and_then(|root| root.try_into().ok());
        let read = Self { origin, size, root: root.ok_or(NoteError::Form)? };
        // One text for one checkpoint: no second way of writing it, no further line.
        if read.origin.is_empty() || format!("{text}\n") != read.text() {
            return Err(NoteError::Form);
        }
        Ok((read, signatures))
    }
}

/// A log's private key.
pub struct Signer {
    key: SigningKey,
    verifier: Verifier,
}

impl Signer {
    /// The key of a seed under a name without blanks and `+`.
    ///
    /// # Errors
    /// [`NoteError::Key`] for another name.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let key = SigningKey::from_bytes(seed);
        let verifier = Verifier::new(name, ED25519, key.verifying_key())?;
        Ok(Self { key, verifier })
    }

    /// Reads `PRIVATE+KEY+<name>+<key id>+<base64>`, the form of other programs too.
    ///
    /// # Errors
    /// [`NoteError::Key`].
    pub fn read(text: &str) -> Result<Self, NoteError> {
        let parts = text.trim().strip_prefix(PRIVATE).ok_or(NoteError::Key)?;
        let (name, id, bytes) = key_parts(parts)?;
        let [ED25519, seed @ ..] = bytes.as_slice() else { return Err(NoteError::Key) };
        let signer = Self::new(name, seed.try_into().map_err(|_| NoteError::Key)?)?;
        if signer.verifier.id == id { Ok(signer) } else { Err(NoteError::Key) }
    }

    /// The form that [`Signer::read`] reads. A secret.
    pub fn secret_text(&self) -> String {
        let bytes = [&[ED25519][..], &self.key.to_bytes()].concat();
        let Verifier { name, id, .. } = &self.verifier;
        format!("{PRIVATE}{name}+{:08x}+{}", u32::from_be_bytes(*id), BASE64_STANDARD.encode(bytes))
    }

    /// The public half.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The signed note of a root over so many records.
    pub fn sign(&self, size: u64, root: Hash) -> String {
        let text = Checkpoint { origin: self.verifier.name.clone(), size, root }.text();
        let signature = self.key.sign(text.as_bytes());
        let line = self.verifier.line(&signature.to_bytes());
        format!("{text}\n{line}")
    }
}

/// The public key of a log or of a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    id: [u8; 4],
    kind: u8,
    key: VerifyingKey,
}

impl Verifier {
    fn new(name: &str, kind: u8, key: VerifyingKey) -> Result<Self, NoteError> {
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+') {
            return Err(NoteError::Key);
        }
        let digest = Sha256::new_with_prefix(name).chain_update([b'\n', kind]);
        let digest = digest.chain_update(key.as_bytes()).finalize();
        let id = [digest[0], digest[1], digest[2], digest[3]];
        Ok(Self { name: name.to_owned(), id, kind, key })
    }

    /// Reads `<name>+<key id>+<base64>`.
    ///
    /// # Errors
    /// [`NoteError::Key`].
    pub fn read(text: &str) -> Result<Self, NoteError> {
        let (name, id, bytes) = key_parts(text.trim())?;
        let [kind @ (ED25519 | COSIGNATURE), key @ ..] = bytes.as_slice() else {
            return Err(NoteError::Key);
        };
        let key = key.try_into().map_err(|_| NoteError::Key)?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| NoteError::Key)?;
        let verifier = Self::new(name, *kind, key)?;
        if verifier.id == id { Ok(verifier) } else { Err(NoteError::Key) }
    }

    /// The form that [`Verifier::read`] reads, to be given to whoever asks.
    pub fn text(&self) -> String {
        let bytes = [&[self.kind][..], self.key.as_bytes()].concat();
        let id = u32::from_be_bytes(self.id);
        format!("{}+{id:08x}+{}", self.name, BASE64_STANDARD.encode(bytes))
    }

    /// Whose key it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a witness' key.
    pub fn is_witness(&self) -> bool {
        self.kind == COSIGNATURE
    }

    /// The checkpoint of a note that this log signed.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn open(&self, note: &str) -> Result<Checkpoint, NoteError> {
        let (checkpoint, signatures) = Checkpoint::read(note)?;
        if checkpoint.origin != self.name {
            return Err(NoteError::Origin(checkpoint.origin));
        }
        if signatures.lines().any(|line| self.signed(&checkpoint, line)) {
            return Ok(checkpoint);
        }
        Err(NoteError::Signature(self.name.clone()))
    }

    /// Whether a line of signature is of this key, whatever it signs.
    pub fn is_named_in(&self, line: &str) -> bool {
        self.signature(line).is_some()
    }

    /// When a witness signed a line of its, in seconds since 1970-01-01.
    pub fn cosigned_at(&self, line: &str) -> Option<u64> {
        let bytes = self.signature(line).filter(|_| self.is_witness())?;
        Some(u64::from_be_bytes(*bytes.first_chunk()?))
    }

    /// Whether a line of signature is this key's over the checkpoint.
    pub fn signed(&self, checkpoint: &Checkpoint, line: &str) -> bool {
        let Some(bytes) = self.signature(line) else { return false };
        let text = checkpoint.text();
        let (text, signature) = match (self.kind, bytes.as_slice()) {
            (ED25519, signature) => (text, signature),
            (_, bytes) => {
                let Some((time, signature)) = bytes.split_first_chunk() else { return false };
                let time = u64::from_be_bytes(*time);
                (format!("cosignature/v1\ntime {time}\n{text}"), signature)
            }
        };
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|one| self.key.verify_strict(text.as_bytes(), &one).is_ok())
    }

    /// The bytes of a line `— <name> <base64 of key id and signature>` of this key.
    fn signature(&self, line: &str) -> Option<Vec<u8>> {
        let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = BASE64_STANDARD.decode(encoded).ok()?;
        (name == self.name).then(|| bytes.strip_prefix(&self.id).map(<[u8]>::to_vec))?
    }

    fn line(&self, signature: &[u8]) -> String {
        let bytes = [&self.id[..], signature].concat();
        format!("— {} {}\n", self.name, BASE64_STANDARD.encode(bytes))
    }
}

/// The hashes of a proof as C2SP files have them: base64, one a line.
pub fn hash_lines(hashes: &[Hash]) -> String {
    hashes.iter().map(|hash| format!("{}\n", BASE64_STANDARD.encode(hash))).collect()
}

fn key_parts(text: &str) -> Result<(&str, [u8; 4], Vec<u8>), NoteError> {
    let mut parts = text.splitn(3, '+');
    let mut part = || parts.next().ok_or(NoteError::Key);
    let (name, id, key) = (part()?, part()?, part()?);
    let id = u32::from_str_radix(id, 16).ok().filter(|_| id.len() == 8).ok_or(NoteError::Key)?;
    let key = BASE64_STANDARD.decode(key).map_err(|_| NoteError::Key)?;
    Ok((name, id.to_be_bytes(), key))
}
