//! The service as a process: started, used, killed, damaged and looked into from outside.

pub mod caller;
mod clients;
mod crash;
mod damage;
mod demo;
mod erasing;
pub mod events;
mod faults;
mod lives;
mod secrecy;
pub mod server;
mod start_and_stop;
mod tampering;
mod truth;
mod views_lost;
