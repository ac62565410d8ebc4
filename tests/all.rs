//! Every test that goes through a boundary, in one binary.

mod citizen_numbers;
mod generate;
mod generated_lives;
mod ground;
mod keys;
mod records;
mod seals;
mod segments;
mod tidy;
