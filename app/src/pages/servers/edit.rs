//! The pages of one server: a new one and an existing one.

use leptos::prelude::*;
use leptos_router::hooks::use_params;
use sluice::model::ServerId;

use super::form::ServerEditor;
use crate::components::PageHeader;
use crate::layout::loaded;
use crate::preferences::use_locale;
use crate::query::IdParams;
use crate::server_fns::servers::get_server;
use crate::translations::td_string;

/// A new server.
#[component]
pub(crate) fn ServerNewPage() -> impl IntoView {
    view! {
        <PageHeader title=td_string!(use_locale(), servers.new_title) />
        <ServerEditor server=None />
    }
}

/// An existing server.
#[component]
pub(crate) fn ServerEditPage() -> impl IntoView {
    let params = use_params::<IdParams>();
    // An address without a number leads to no server; the service says so.
    let id = move || ServerId(params.get().ok().and_then(|params| params.id).unwrap_or_default());
    let server = Resource::new(id, get_server);
    view! {
        <PageHeader title=td_string!(use_locale(), servers.edit_title) />
        {loaded(server, |server| view! { <ServerEditor server=Some(server) /> })}
    }
}
