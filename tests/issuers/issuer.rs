//! An issuer of tokens on the loopback: key pairs made here, a server of what they verify with.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use api::access::oidc::Issuers;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use rsa::pkcs8::EncodePrivateKey;
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A key pair.
pub enum Pair {
    /// Ed25519.
    Ed25519(Ed25519KeyPair),
    /// P-256.
    P256(EcdsaKeyPair),
    /// RSA, and its public parts.
    Rsa(RsaKeyPair, [Vec<u8>; 2]),
}

impl Pair {
    /// A new Ed25519 pair.
    pub fn ed25519() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    /// A new P-256 pair.
    pub fn p256() -> Self {
        let (way, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(way, &random).unwrap();
        Self::P256(EcdsaKeyPair::from_pkcs8(way, pkcs8.as_ref(), &random).unwrap())
    }

    /// A new RSA pair of 2048 bits.
    pub fn rsa() -> Self {
        let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
        let pair = RsaKeyPair::from_pkcs8(key.to_pkcs8_der().unwrap().as_bytes()).unwrap();
        Self::Rsa(pair, [key.n().to_bytes_be(), key.e().to_bytes_be()])
    }

    /// `alg` of its signatures.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
            Self::Rsa(..) => "RS256",
        }
    }

    /// The public key as a JWK.
    pub fn jwk(&self, id: &str) -> Value {
        match self {
            Self::Ed25519(pair) => {
                let x = encoded(pair.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": id, "use": "sig"})
            }
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (encoded(&point[1..33]), encoded(&point[33..]));
                json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": id, "alg": "ES256"})
            }
            Self::Rsa(_, [n, e]) => {
                json!({"kty": "RSA", "n": encoded(n), "e": encoded(e), "kid": id, "alg": "RS256"})
            }
        }
    }

    /// A signature of a message.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::P256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Rsa(pair, _) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }

    /// A token of texts that need not be JSON.
    pub fn token_of(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encoded(header.as_bytes()), encoded(claims.as_bytes()));
        let signature = encoded(&self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// A token as this pair's holder makes it.
    pub fn token(&self, id: &str, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm(), "kid": id, "typ": "JWT"});
        self.token_of(&header.to_string(), &claims.to_string())
    }
}

/// base64url.
pub fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The pairs of the issuer, made once: ids `ed`, `ec` and `rsa`.
pub static PAIRS: LazyLock<[(&str, Pair); 3]> =
    LazyLock::new(|| [("ed", Pair::ed25519()), ("ec", Pair::p256()), ("rsa", Pair::rsa())]);

/// The pair of an id.
pub fn pair(id: &str) -> &'static Pair {
    &PAIRS.iter().find(|(named, _)| *named == id).unwrap().1
}

/// The key set of [`PAIRS`].
pub fn key_set() -> Value {
    json!({"keys": PAIRS.iter().map(|(id, pair)| pair.jwk(id)).collect::<Vec<_>>()})
}

/// A server of documents and the settings that name it.
pub struct Issuer {
    /// `iss`.
    pub url: String,
    documents: Arc<Documents>,
    folder: TempDir,
    settings: String,
}

#[derive(Default)]
struct Documents {
    /// Path, then the whole answer.
    answers: Mutex<HashMap<String, String>>,
    asked: Mutex<Vec<String>>,
}

impl Issuer {
    /// An issuer that serves the keys of [`PAIRS`], over plain HTTP.
    pub async fn start() -> Self {
        Self::start_over(None).await
    }

    /// The same over TLS, where a server has one.
    pub async fn start_over(tls: Option<(TlsAcceptor, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let documents = Arc::new(Documents::default());
        let served = Arc::clone(&documents);
        let (acceptor, ca) = tls.unzip();
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let (served, acceptor) = (Arc::clone(&served), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => served.answer(stream).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                served.answer(stream).await;
                            }
                        }
                    }
                });
            }
        });
        let url = format!("{scheme}://localhost:{port}/realm");
        let folder = tempfile::tempdir().unwrap();
        let mut settings = format!(
            "[[issuer]]\nname = \"province\"\nurl = \"{url}\"\naudience = \"renkou\"\n\
             refetch_seconds = 1\n"
        );
        if let Some(ca) = ca {
            std::fs::write(folder.path().join("ca.pem"), ca).unwrap();
            settings += "ca_file = \"ca.pem\"\n";
        }
        let issuer = Self { url, documents, folder, settings };
        issuer.publish(&key_set());
        issuer
    }

    /// The file of settings, with this ceiling.
    pub fn settings(&self, ceiling: &str) -> PathBuf {
        let path = self.folder.path().join("issuers.toml");
        let text = format!("{}[issuer.ceiling]\n{ceiling}\n", self.settings);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The issuers of a registry that takes tokens of this one.
    pub fn issuers(&self) -> Issuers {
        Issuers::open(&self.settings(CEILING)).unwrap()
    }

    /// Serves a key set from now on.
    pub fn publish(&self, keys: &Value) {
        let discovery = json!({"issuer": self.url, "jwks_uri": format!("{}/keys", self.url)});
        self.answer_with(
            "/realm/.well-known/openid-configuration",
            "200 OK",
            &discovery.to_string(),
        );
        self.answer_with("/realm/keys", "200 OK", &keys.to_string());
    }

    /// Answers a path with this from now on.
    pub fn answer_with(&self, path: &str, status: &str, body: &str) {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nlocation: {}/keys\r\n\
             connection: close\r\n\r\n{body}",
            self.url
        );
        self.documents.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.documents.asked.lock().unwrap().iter().filter(|asked| *asked == path).count()
    }

    /// Claims of a good token of a verifier.
    pub fn claims(&self) -> Value {
        let now = Timestamp::now().as_second();
        json!({
            "iss": self.url, "aud": "renkou", "sub": "desk-7", "iat": now, "nbf": now,
            "exp": now + 600, "renkou_role": "verifier", "renkou_place": "990106",
            "renkou_department": "civ", "renkou_purposes": ["verification", "audit"],
        })
    }

    /// The same with some claims changed; null takes one away.
    pub fn claims_with(&self, changed: &Value) -> Value {
        let mut claims = self.claims();
        for (name, value) in changed.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }
}

/// What the tests' issuer may grant at most.
pub const CEILING: &str = "roles = [\"verifier\", \"upstream\", \"citizen\"]\n\
    department = \"any\"\nplace = \"9901\"\npurposes = [\"verification\", \"own_record\"]";

impl Documents {
    async fn answer(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut request = Vec::new();
        let mut buffer = [0; 1024];
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => request.extend(&buffer[..count]),
            }
        }
        let text = String::from_utf8_lossy(&request).into_owned();
        let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
        self.asked.lock().unwrap().push(path.clone());
        let answer = self.answers.lock().unwrap().get(&path).cloned();
        match answer.as_deref() {
            // A server that never answers.
            Some(answer) if answer.contains("silence") => {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            answer => {
                let none = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
                let _ = stream.write_all(answer.unwrap_or(none).as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        }
    }
}
