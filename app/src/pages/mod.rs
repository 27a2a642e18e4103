//! The pages: each owns its data and its actions.

mod apps;
mod keys;
mod not_found;
mod overview;
mod prices;
mod queues;
mod requests;
mod servers;
mod setup;
mod sign_in;

pub(crate) use apps::{AppEditPage, AppsPage};
pub(crate) use keys::{KeyEditPage, KeyNewPage, KeysPage};
pub(crate) use not_found::NotFoundPage;
pub(crate) use overview::OverviewPage;
pub(crate) use prices::{PriceEditPage, PriceNewPage, PricesPage};
pub(crate) use requests::{RequestDetailPage, RequestsPage};
pub(crate) use servers::{ServerEditPage, ServerNewPage, ServerPage, ServersPage};
pub(crate) use setup::SetupPage;
pub(crate) use sign_in::SignInPage;
