//! The vocabulary that the engine, the dashboard, the REST API and the command line share.
//!
//! Typed ids, closed sets and the structs that cross the border between engine and browser. Only `serde`, no I/O:
//! this is the one part of the engine that compiles for WebAssembly. What a field may hold is decided by the services;
//! the limits that both sides must know are in [`bounds`].

pub mod bounds;

mod app;
mod budget;
mod dashboard;
mod id;
mod key;
mod limit;
mod money;
mod policy;
mod price;
mod problem;
mod provider;
mod request;
mod server;
mod storage;
mod token;
mod usage;

pub use app::{AppInput, AppView};
pub use budget::{Budget, BudgetAmount, BudgetLevel, BudgetPeriod, BudgetState};
pub use dashboard::{Overview, RequestRate, SetupInput, UserView};
pub use id::{AdminTokenId, AppId, KeyId, PriceId, ServerId, UserId};
pub use key::{CreatedKey, KeyInput, KeyState, KeyView};
pub use limit::{
    Fill, LimitState, Limits, Overflow, Priority, QueueOrder, QueuePolicy, QueueState, ServerLimitState, UpstreamQuota,
    WaiterView,
};
pub use money::{Amount, Currency, Money};
pub use policy::{AccessPolicy, AppRegistration, PrivateAddresses};
pub use price::{ModelPrice, Price, PriceInput, PriceList, PriceSource, PriceView, ShippedPrice};
pub use problem::{FieldProblem, Problem, Refusal, Resource};
pub use provider::ProviderKind;
pub use request::{
    Endpoint, LimitName, Outcome, RequestDetail, RequestPage, RequestQuery, RequestView, TokenCounts, TokenSource,
};
pub use server::{
    ProbeFailure, ProbeInput, ProbeReport, ServerInput, ServerModel, ServerState, ServerView, Timeouts, check_models,
    is_model_name, parse_models, print_models,
};
pub use storage::{JournalView, RecordingView, StorageView};
pub use token::{AdminTokenView, CreatedAdminToken};
pub use usage::{
    Dimension, ExportFormat, Granularity, Percentiles, Reference, UsageGroup, UsageQuery, UsageReport, UsageRow,
    UsageTotals,
};
