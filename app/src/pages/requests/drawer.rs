//! One request beside the list.
//!
//! Which one is in the address: the browser's way back closes the drawer, and a link opens it. A modal `<dialog>` keeps the
//! focus inside and closes with Escape; then the focus goes back to the row.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use sluice::model::{RequestDetail, RequestQuery};

use super::detail::Detail;
use crate::browser;
use crate::components::row_link_id;
use crate::filter;
use crate::layout::loaded;
use crate::preferences::use_locale;
use crate::server_fns::requests::get_request;
use crate::translations::td_string;

/// Id of the dialog.
const DIALOG: &str = "request-drawer";

/// One request beside the list.
#[component]
pub(super) fn Drawer(
    /// Id of the request, if one is open.
    open: Memo<Option<String>>,
    /// The list behind it.
    query: Memo<RequestQuery>,
) -> impl IntoView {
    let locale = use_locale();
    let detail = Resource::new(
        move || open.get(),
        |id| async move {
            match id {
                Some(id) => get_request(id).await.map(Some),
                None => Ok(None),
            }
        },
    );
    // The request whose row gets the focus when the drawer closes.
    let last = StoredValue::new(None::<String>);
    Effect::new(move || match open.get() {
        Some(id) => {
            last.set_value(Some(id));
            browser::open_dialog(DIALOG);
        }
        None => browser::close_dialog(DIALOG),
    });
    let navigate = use_navigate();
    let closed = move |_| {
        if open.with_untracked(Option::is_some) {
            let path = query.with_untracked(|query| filter::page_path(query, None));
            navigate(&path, NavigateOptions { scroll: false, replace: true, ..NavigateOptions::default() });
        }
        if let Some(id) = last.get_value() {
            browser::focus(&row_link_id(&id));
        }
    };
    view! {
        <dialog
            id=DIALOG
            class="modal modal-end"
            aria-label=td_string!(locale, requests.details)
            on:close=closed
        >
            <div class="modal-box w-full max-w-2xl border-l border-base-300 p-4 sm:p-6">
                <div class="mb-4 flex items-center justify-between gap-3">
                    <h2 class="text-lg font-semibold">{td_string!(locale, requests.details)}</h2>
                    <div class="flex items-center gap-2">
                        <a
                            href=move || open.get().map_or_else(|| "/requests".to_owned(), |id| filter::detail_path(&id))
                            class="btn btn-ghost btn-sm"
                        >
                            {td_string!(locale, requests.own_page)}
                        </a>
                        <button type="button" class="btn btn-sm" autofocus on:click=move |_| browser::close_dialog(DIALOG)>
                            {td_string!(locale, requests.close)}
                        </button>
                    </div>
                </div>
                {loaded(detail, |detail: Option<RequestDetail>| detail.map(|detail| view! { <Detail detail /> }))}
            </div>
            <button
                type="button"
                class="modal-backdrop"
                tabindex="-1"
                aria-hidden="true"
                on:click=move |_| browser::close_dialog(DIALOG)
            ></button>
        </dialog>
    }
    .into_any()
}
