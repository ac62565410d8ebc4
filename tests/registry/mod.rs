//! The registry through its front door without HTTP: submissions in, receipts and archives out.
//! Every scenario ends with the log walked and the views compared with views built anew.

mod across;
mod across_alone;
mod across_looks;
mod acts;
mod archive_cases;
mod audit;
mod batches;
mod chained;
mod changes;
mod desk;
mod documents;
mod erasure;
mod erasure_again;
mod erasure_in_vain;
mod families;
mod generated;
mod households;
mod households_then;
mod idempotency;
mod keys_unreadable;
mod life_events;
mod long_lives;
mod merge_chains;
mod merges;
mod merges_in_batches;
mod month_ends;
mod quality;
mod sealing;
mod time;
mod versions;
mod visits;
