//! Every test that goes through a boundary, in one binary.
#![allow(clippy::too_many_lines, reason = "tables of cases are long")]

mod access;
mod citizen_numbers;
mod collect_http;
mod collect_stream;
mod collecting;
mod deadlines;
mod generate;
mod generated_lives;
mod ground;
mod journal_contract;
mod keys;
mod openapi;
mod openapi_served;
mod payloads;
mod person_lives;
mod person_rules;
mod person_told;
mod process;
mod records;
mod seals;
mod segments_store;
mod tidy;
mod timeliness;
mod timeliness_recount;
