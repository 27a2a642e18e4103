//! Apps: the list, and the limits of one.

mod edit;
mod list;

pub(crate) use edit::AppEditPage;
pub(crate) use list::AppsPage;
