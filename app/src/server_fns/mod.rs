//! The server functions, all under `/api/ui`: each resolves who asks and calls one service, which decides.
//!
//! Every one of these is a public endpoint. Those that read are `GET` and never write; those that write are forms.

#![expect(missing_docs, reason = "`#[server]` makes structs of the arguments, which have no place for documentation")]

pub mod apps;
pub mod keys;
pub mod limits;
pub mod overview;
pub mod preferences;
pub mod prices;
pub mod requests;
pub mod servers;
pub mod session;
pub mod setup;
