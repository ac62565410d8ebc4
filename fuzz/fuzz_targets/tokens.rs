//! See `fuzz::tokens`.
#![no_main]

use std::sync::LazyLock;

use api::access::TokenStore;

static STORE: LazyLock<TokenStore> = LazyLock::new(|| {
    let path = std::env::temp_dir().join(format!("fuzz-access-{}.json", std::process::id()));
    TokenStore::open(path).expect("an empty store")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::tokens(&STORE, bytes));
