//! The fields of limits, the same for servers, apps and keys.

use leptos::prelude::*;
use sluice::model::Limits;

use super::{FormProblems, TextField};
use crate::preferences::use_locale;
use crate::translations::{Locale, td_string};

/// The fields of limits; empty ones mean no limit.
#[component]
pub(crate) fn LimitFields(
    /// What stands in front of the names in the form: `limits` or `form[limits]`.
    prefix: &'static str,
    /// The limits as they are.
    limits: Limits,
    /// What is wrong with the fields.
    problems: FormProblems,
) -> impl IntoView {
    let locale = use_locale();
    let text = |limit: Option<u32>| limit.map(|limit| limit.to_string()).unwrap_or_default();
    view! {
        <div class="grid gap-5 sm:grid-cols-2 lg:grid-cols-3">
            <TextField
                field="requests_per_minute"
                name=format!("{prefix}[requests_per_minute]")
                label=td_string!(locale, limits.requests)
                hint=td_string!(locale, limits.requests_hint)
                value=text(limits.requests_per_minute)
                inputmode="numeric"
                problem=problems.of("requests_per_minute")
            />
            <TextField
                field="tokens_per_minute"
                name=format!("{prefix}[tokens_per_minute]")
                label=td_string!(locale, limits.tokens)
                hint=td_string!(locale, limits.tokens_hint)
                value=text(limits.tokens_per_minute)
                inputmode="numeric"
                problem=problems.of("tokens_per_minute")
            />
            <TextField
                field="concurrency"
                name=format!("{prefix}[concurrency]")
                label=td_string!(locale, limits.concurrency)
                hint=td_string!(locale, limits.concurrency_hint)
                value=text(limits.concurrency)
                inputmode="numeric"
                problem=problems.of("concurrency")
            />
        </div>
    }
    .into_any()
}

/// What the summary calls each field.
pub(crate) fn limit_labels(locale: Locale) -> [(&'static str, &'static str); 3] {
    [
        ("requests_per_minute", td_string!(locale, limits.requests)),
        ("tokens_per_minute", td_string!(locale, limits.tokens)),
        ("concurrency", td_string!(locale, limits.concurrency)),
    ]
}
