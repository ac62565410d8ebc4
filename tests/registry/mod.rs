//! The registry through its front door without HTTP: submissions in, receipts and archives out.
//! Every scenario ends with the log walked and the views compared with views built anew.

mod across;
mod acts;
mod audit;
mod batches;
mod changes;
mod desk;
mod documents;
mod families;
mod generated;
mod idempotency;
mod life_events;
mod merges;
mod quality;
mod time;
mod versions;
mod visits;
