//! Tokens of other issuers: what they grant, what no forger gets, and what an issuer is asked for.

mod attacks;
mod grants;
pub mod issuer;
mod keys;
mod settings;
