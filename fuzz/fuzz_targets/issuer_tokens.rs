//! See `fuzz::issuer_tokens`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::issuer_tokens(bytes));
