//! Every test that goes through a boundary, in one binary.

mod citizen_numbers;
mod deadlines;
mod ground;
mod keys;
mod records;
mod seals;
mod segments;
mod tidy;
mod timeliness;
mod timeliness_recount;
