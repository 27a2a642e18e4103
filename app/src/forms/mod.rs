//! What forms send: text as it was typed, and how it becomes what services take.
//!
//! Reading a form only finds what cannot even be written down as a service's input, such as letters in a number; all
//! rules about values are the services' own.

mod account;
mod budgets;
mod key;
mod limits;
mod price;
mod probe;
mod server;

pub use account::{SetupForm, SignInForm};
pub use budgets::{BudgetForm, BudgetsForm};
pub(crate) use budgets::{BudgetKind, WARN_PERCENT};
pub use key::KeyForm;
pub use limits::LimitsForm;
pub use price::PriceForm;
pub use probe::ProbeForm;
pub use server::ServerForm;
pub(crate) use server::add_missing_models;

/// Groups of fields: forms name `timeouts.connect_ms`, `queue.length` and `price.input` by what stands behind the dot.
const GROUPS: [&str; 4] = ["timeouts.", "limits.", "queue.", "price."];

/// Name of the field that a problem belongs to: services may name a part of it (`timeouts.connect_ms`, `models[3].name`).
pub(crate) fn field_name(path: &str) -> &str {
    let path = GROUPS.iter().find_map(|group| path.strip_prefix(group)).unwrap_or(path);
    path.split(['.', '[']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_field_of_a_part() {
        assert_eq!(field_name("base_url"), "base_url");
        assert_eq!(field_name("timeouts.connect_ms"), "connect_ms");
        assert_eq!(field_name("limits.tokens_per_minute"), "tokens_per_minute");
        assert_eq!(field_name("queue.length"), "length");
        assert_eq!(field_name("models[3].name"), "models");
    }
}
