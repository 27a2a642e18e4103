//! How much room the records take, and whether they get into the database.

use leptos::prelude::*;
use sluice::model::{RecordingView, StorageView};

use crate::components::{Badge, PageHeader, Tone, UtcTime};
use crate::format::{bytes_text, count_text};
use crate::layout::loaded;
use crate::preferences::use_locale;
use crate::server_fns::storage::get_storage;
use crate::translations::{Locale, td_string};

/// How much room the records take, and whether they get into the database.
#[component]
pub(crate) fn StoragePage() -> impl IntoView {
    let locale = use_locale();
    let data = Resource::new(|| (), |()| get_storage());
    view! {
        <PageHeader title=td_string!(locale, storage.title) subtitle=td_string!(locale, storage.subtitle) />
        {loaded(data, move |storage| show(locale, &storage))}
    }
    .into_any()
}

fn show(locale: Locale, storage: &StorageView) -> impl IntoView + use<> {
    view! {
        <div class="grid items-start gap-4 lg:grid-cols-2">
            {room(locale, storage)}
            {recording(locale, &storage.recording)}
        </div>
    }
}

fn room(locale: Locale, storage: &StorageView) -> impl IntoView + use<> {
    let free = td_string!(locale, storage.size_free, size = bytes_text(storage.free_bytes));
    let requests = td_string!(locale, storage.requests_text, count = count_text(storage.requests));
    let oldest = storage.oldest_request_ms.map_or_else(
        || td_string!(locale, storage.none).into_any(),
        |milliseconds| view! { <UtcTime milliseconds /> }.into_any(),
    );
    let day = td_string!(
        locale,
        storage.day_text,
        size = bytes_text(storage.bytes_per_day),
        count = count_text(storage.requests_per_day)
    );
    let days = u64::from(storage.retention_days);
    let (retention, kept) = if days == 0 {
        (td_string!(locale, storage.retention_forever).to_owned(), None)
    } else {
        let size = bytes_text(storage.bytes_per_day.saturating_mul(days));
        let kept = td_string!(locale, storage.kept_text, size = size);
        (td_string!(locale, storage.retention_days, days = days), Some(kept))
    };
    let kept = kept.map(|kept| entry(td_string!(locale, storage.kept), kept, ""));
    view! {
        <section class="panel p-5" aria-labelledby="room">
            <h2 id="room" class="font-semibold">
                {td_string!(locale, storage.room)}
            </h2>
            <dl class="mt-3 divide-y divide-base-300">
                {entry(td_string!(locale, storage.size), bytes_text(storage.database_bytes), free)}
                {entry(td_string!(locale, storage.log), bytes_text(storage.log_bytes), "")}
                {entry(td_string!(locale, storage.requests), requests, "")}
                {entry(td_string!(locale, storage.oldest), oldest, "")}
                {entry(td_string!(locale, storage.day), day, td_string!(locale, storage.day_hint))}
                {entry(td_string!(locale, storage.retention), retention, td_string!(locale, storage.retention_hint))}
                {kept}
            </dl>
        </section>
    }
}

fn recording(locale: Locale, recording: &RecordingView) -> impl IntoView + use<> {
    let database = if recording.database_takes {
        (Tone::Good, td_string!(locale, storage.database_takes))
    } else {
        (Tone::Bad, td_string!(locale, storage.database_away))
    };
    let journal = recording.journal;
    let journal_state = match (journal.works, journal.is_full) {
        (false, _) => (Tone::Bad, td_string!(locale, storage.journal_broken)),
        (true, true) => (Tone::Warning, td_string!(locale, storage.journal_full)),
        (true, false) => (Tone::Good, td_string!(locale, storage.journal_works)),
    };
    let size =
        td_string!(locale, storage.journal_size, size = bytes_text(journal.bytes), max = bytes_text(journal.max_bytes));
    let waiting = td_string!(
        locale,
        storage.waiting_text,
        memory = count_text(recording.waiting),
        journal = count_text(journal.waiting)
    );
    let badge = |(tone, label): (Tone, &'static str)| view! { <Badge tone text=label /> };
    view! {
        <section class="panel p-5" aria-labelledby="recording">
            <h2 id="recording" class="font-semibold">
                {td_string!(locale, storage.recording)}
            </h2>
            <dl class="mt-3 divide-y divide-base-300">
                {entry(td_string!(locale, storage.database), badge(database), "")}
                {entry(td_string!(locale, storage.journal), badge(journal_state), size)}
                {entry(td_string!(locale, storage.waiting), waiting, "")}
                {entry(td_string!(locale, storage.lost), count_text(recording.lost), "")}
            </dl>
        </section>
    }
}

/// A name, its value, and a quiet word about it.
fn entry(name: &'static str, value: impl IntoView, hint: impl Into<String>) -> impl IntoView {
    let hint: String = hint.into();
    let hint = (!hint.is_empty()).then(|| view! { <span class="quiet block text-sm">{hint}</span> });
    view! {
        <div class="flex flex-wrap justify-between gap-x-6 gap-y-1 py-2.5">
            <dt>{name}</dt>
            <dd class="min-w-0 font-medium tabular-nums sm:text-right">{value.into_any()} {hint}</dd>
        </div>
    }
    .into_any()
}
