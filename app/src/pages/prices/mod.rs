//! Prices: what every model costs, and entering a price.

mod form;
mod list;

pub(crate) use form::{PriceEditPage, PriceNewPage};
pub(crate) use list::PricesPage;
