//! Servers: the list in the order in which they are asked, the page of one with its limits and its queue, and its form.

mod edit;
mod form;
mod list;
mod models;
mod page;
mod probe;
mod queue;

pub(crate) use edit::{ServerEditPage, ServerNewPage};
pub(crate) use list::ServersPage;
pub(crate) use page::ServerPage;
