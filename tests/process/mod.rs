//! The service as a process: started, used, killed, damaged and looked into from outside.

pub mod backup;
mod backup_faults;
pub mod caller;
mod check_beside;
mod clients;
mod crash;
mod damage;
mod demo;
mod door;
mod erasing;
pub mod events;
pub mod faults;
mod full_disk;
mod lives;
mod opening;
mod random_requests;
mod rotation;
mod secrecy;
pub mod server;
mod small_disk;
mod start_and_stop;
mod tampering;
mod tls;
mod truth;
mod views_lost;
