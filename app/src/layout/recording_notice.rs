//! What is wrong with the recording of requests, above every page.
//!
//! It is asked for with each page and not in between: a page that asks by itself would keep its session alive for ever.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use sluice::model::RecordingView;

use crate::components::Notice;
use crate::format::{bytes_text, count_text};
use crate::preferences::use_locale;
use crate::server_fns::storage::get_recording;
use crate::translations::{Locale, td_string};

/// The pages for those who are not signed in.
const STRANGERS_PAGES: [&str; 2] = ["/login", "/setup"];

/// What is wrong with the recording of requests; nothing while nothing is.
#[component]
pub(crate) fn RecordingNotice() -> impl IntoView {
    let locale = use_locale();
    let path = use_location().pathname;
    // Whoever signs out goes to a page outside of this frame, which is there for a moment longer.
    let recording = Resource::new(
        move || path.get(),
        |path| async move { if STRANGERS_PAGES.contains(&path.as_str()) { None } else { get_recording().await.ok() } },
    );
    view! {
        <div role="status">
            <Transition>
                // Who may not know it is sent to sign in, and who cannot be told learns it from the page itself.
                {move || Suspend::new(async move { recording.await.map(|recording| notices(locale, &recording)) })}
            </Transition>
        </div>
    }
    .into_any()
}

fn notices(locale: Locale, recording: &RecordingView) -> impl IntoView + use<> {
    let waiting = recording.waiting.saturating_add(recording.journal.waiting);
    let database = (!recording.database_takes).then(|| {
        let text = td_string!(locale, storage.notice_database_text, count = count_text(waiting));
        view! { <Notice title=td_string!(locale, storage.notice_database) text /> }
    });
    let journal = (!recording.journal.works).then(|| {
        let text = td_string!(locale, storage.notice_journal_text);
        view! { <Notice title=td_string!(locale, storage.notice_journal) text /> }
    });
    let full = recording.journal.is_full.then(|| {
        let text = td_string!(locale, storage.notice_full_text, size = bytes_text(recording.journal.bytes));
        view! { <Notice title=td_string!(locale, storage.notice_full) text /> }
    });
    let lost = (recording.lost > 0).then(|| {
        let text = td_string!(locale, storage.notice_lost_text, count = count_text(recording.lost));
        view! { <Notice title=td_string!(locale, storage.notice_lost) text /> }
    });
    view! {
        {database}
        {journal}
        {full}
        {lost}
    }
}
