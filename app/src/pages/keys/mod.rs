//! Keys: the list, creating one, and changing one.

mod created;
mod edit;
mod form;
mod list;
mod new;

pub(crate) use edit::KeyEditPage;
pub(crate) use list::KeysPage;
pub(crate) use new::KeyNewPage;
