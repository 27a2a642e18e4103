//! Servers: the list in the order in which they are asked, and the form of one.

mod edit;
mod form;
mod list;
mod probe;

pub(crate) use edit::{ServerEditPage, ServerNewPage};
pub(crate) use list::ServersPage;
