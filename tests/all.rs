//! Every test that goes through a boundary, in one binary.

mod citizen_numbers;
mod ground;
mod journal_contract;
mod keys;
mod payloads;
mod records;
mod seals;
mod segments_store;
mod tidy;
