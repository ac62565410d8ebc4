//! See `fuzz::structured`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::structured(bytes));
