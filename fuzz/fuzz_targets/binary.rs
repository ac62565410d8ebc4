//! See `fuzz::binary`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::binary(bytes));
