//! Every test that goes through a boundary, in one binary.
#![allow(clippy::too_many_lines, reason = "tables of cases are long")]

mod access;
mod archive_axes;
mod archive_http;
mod archive_lives;
mod archive_naive;
mod archive_naive_needs;
mod archive_naive_ties;
mod catalogue;
mod citizen_numbers;
mod collect_http;
mod collect_stream;
mod collecting;
mod deadlines;
mod generate;
mod generated_lives;
mod golden_events;
mod ground;
mod journal_contract;
mod keys;
mod openapi;
mod openapi_served;
mod payloads;
mod person_lives;
mod person_refusals;
mod person_rules;
mod person_told;
mod persons_http;
mod process;
mod records;
mod registry;
mod seals;
mod segments_store;
mod tidy;
mod timeliness;
mod timeliness_recount;
