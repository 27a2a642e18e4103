//! The form of a server.

use leptos::prelude::*;
use sluice::model::{Overflow, ProviderKind, QueueOrder, QueuePolicy, ServerState, ServerView, Timeouts, print_models};

use super::probe::{ProbeButtons, probe_problems};
use crate::components::{
    AreaField, CheckField, FormProblems, LimitFields, ProblemSummary, SelectField, TextField, limit_labels,
};
use crate::format::seconds_text;
use crate::preferences::use_locale;
use crate::query::Destination;
use crate::server_fns::servers::{ProbeServer, SaveServer};
use crate::text;
use crate::translations::{Locale, td_string};

/// What the form knows about each field: what saving found, else what asking the upstream found.
#[derive(Clone, Copy)]
struct Problems {
    saved: FormProblems,
    probed: FormProblems,
}

impl Problems {
    fn of(self, field: &'static str) -> Signal<Option<String>> {
        let (saved, probed) = (self.saved.of(field), self.probed.of(field));
        Signal::derive(move || saved.get().or_else(|| probed.get()))
    }
}

/// The form of a server. What was typed stays in the fields whatever the answer is.
#[component]
pub(super) fn ServerEditor(
    /// The server as it is; none for a new one.
    server: Option<ServerView>,
) -> impl IntoView {
    let locale = use_locale();
    let save = ServerAction::<SaveServer>::new();
    let probe = ServerAction::<ProbeServer>::new();
    let problems = Problems { saved: FormProblems::follow(move || save.value().get()), probed: probe_problems(probe) };
    let back = server.as_ref().map_or(Destination::Servers, |server| Destination::Server(server.id)).path();
    let id = server.as_ref().map(|server| server.id.to_string()).unwrap_or_default();
    let timeouts = server.as_ref().map(|server| server.timeouts).unwrap_or_default();
    let limits = server.as_ref().map(|server| server.limits).unwrap_or_default();
    let queue = server.as_ref().map(|server| server.queue).unwrap_or_default();
    let models = server.as_ref().map(|server| print_models(&server.models)).unwrap_or_default();
    view! {
        <ProblemSummary problems=problems.saved fields=field_labels(locale) />
        <ActionForm action=save attr:class="grid max-w-3xl gap-6" attr:novalidate="">
            <input type="hidden" name="form[id]" value=id.clone() />
            <Connection server=server.clone() problems />
            <Section title=td_string!(locale, servers.section_models)>
                <AreaField
                    field="models"
                    name="form[models]"
                    label=td_string!(locale, servers.models)
                    hint=td_string!(locale, servers.models_hint)
                    value=models
                    placeholder="gpt-4o\nfast = gpt-4o-mini"
                    problem=problems.of("models")
                    rows="8"
                    required=true
                />
                <ProbeButtons server_id=id probe />
            </Section>
            <Behaviour server />
            <Section title=td_string!(locale, limits.section)>
                <p class="quiet -mt-3">{td_string!(locale, limits.section_hint)}</p>
                <LimitFields prefix="form[limits]" limits problems=problems.saved />
            </Section>
            <QueueFields queue problems />
            <TimeoutFields timeouts problems />
            <div class="flex flex-wrap gap-2">
                <button type="submit" class="btn btn-primary" disabled=move || save.pending().get()>
                    {move || {
                        if save.pending().get() {
                            td_string!(locale, common.saving)
                        } else {
                            td_string!(locale, common.save)
                        }
                    }}
                </button>
                <a href=back class="btn btn-ghost">
                    {td_string!(locale, common.cancel)}
                </a>
            </div>
        </ActionForm>
    }
    .into_any()
}

/// A group of fields with a heading.
#[component]
fn Section(
    /// The heading.
    title: &'static str,
    /// The fields.
    children: Children,
) -> impl IntoView {
    view! {
        <fieldset class="panel grid gap-5 p-5 sm:p-6">
            <legend class="sr-only">{title}</legend>
            <h2 class="text-lg font-semibold" aria-hidden="true">
                {title}
            </h2>
            {children()}
        </fieldset>
    }
    .into_any()
}

/// Name, provider, address and key.
#[component]
fn Connection(
    /// The server as it is.
    server: Option<ServerView>,
    /// What is wrong with the fields.
    problems: Problems,
) -> impl IntoView {
    let locale = use_locale();
    let chosen = server.as_ref().map(|server| server.provider).unwrap_or_default();
    let providers = ProviderKind::ALL
        .into_iter()
        .map(|kind| {
            view! {
                <option value=kind.as_str() selected={kind == chosen}>
                    {text::provider(locale, kind)}
                </option>
            }
        })
        .collect_view();
    let (name, base_url) =
        server.as_ref().map(|server| (server.name.clone(), server.base_url.clone())).unwrap_or_default();
    view! {
        <Section title=td_string!(locale, servers.section_connection)>
            <div class="grid gap-5 sm:grid-cols-2">
                <TextField
                    field="name"
                    name="form[name]"
                    label=td_string!(locale, servers.name)
                    hint=td_string!(locale, servers.name_hint)
                    value=name
                    placeholder="openai"
                    problem=problems.of("name")
                    required=true
                />
                <div class="min-w-0">
                    <label for="field-provider" class="mb-1 block font-medium">
                        {td_string!(locale, servers.provider)}
                    </label>
                    <select id="field-provider" name="form[provider]" class="select w-full" autocomplete="off">
                        {providers}
                    </select>
                </div>
            </div>
            <TextField
                field="base_url"
                name="form[base_url]"
                label=td_string!(locale, servers.base_url)
                hint=td_string!(locale, servers.base_url_hint)
                value=base_url
                placeholder="https://api.openai.com/v1"
                inputmode="url"
                problem=problems.of("base_url")
                required=true
                code=true
            />
            <ApiKey server problems />
        </Section>
    }
    .into_any()
}

/// The API key: it goes in and never comes out.
#[component]
fn ApiKey(
    /// The server as it is.
    server: Option<ServerView>,
    /// What is wrong with the fields.
    problems: Problems,
) -> impl IntoView {
    let locale = use_locale();
    let stored = server.as_ref().and_then(|server| server.api_key_hint.clone());
    let unreadable = server.is_some_and(|server| server.state == ServerState::KeyUnreadable);
    let can_remove = stored.is_some() || unreadable;
    let hint = match stored {
        Some(hint) if hint.is_empty() => td_string!(locale, servers.api_key_hint_stored_short).to_owned(),
        Some(hint) => td_string!(locale, servers.api_key_hint_stored, hint = hint),
        None if unreadable => td_string!(locale, servers.key_unreadable_text).to_owned(),
        None => td_string!(locale, servers.api_key_hint_new).to_owned(),
    };
    view! {
        <TextField
            field="api_key"
            name="form[api_key]"
            kind="password"
            label=td_string!(locale, servers.api_key)
            hint=hint
            autocomplete="new-password"
            problem=problems.of("api_key")
            optional=true
            code=true
        />
        {can_remove
            .then(|| {
                view! {
                    <CheckField
                        field="remove_api_key"
                        name="form[remove_api_key]"
                        label=td_string!(locale, servers.remove_api_key)
                        checked=false
                    />
                }
            })}
    }
    .into_any()
}

/// The switches.
#[component]
fn Behaviour(
    /// The server as it is.
    server: Option<ServerView>,
) -> impl IntoView {
    let locale = use_locale();
    let enabled = server.as_ref().is_none_or(|server| server.state != ServerState::Disabled);
    let stream_usage = server.as_ref().is_none_or(|server| server.request_stream_usage);
    view! {
        <Section title=td_string!(locale, servers.section_behaviour)>
            <CheckField
                field="enabled"
                name="form[enabled]"
                label=td_string!(locale, servers.enabled)
                hint=td_string!(locale, servers.enabled_hint)
                checked=enabled
            />
            <CheckField
                field="request_stream_usage"
                name="form[request_stream_usage]"
                label=td_string!(locale, servers.stream_usage)
                hint=td_string!(locale, servers.stream_usage_hint)
                checked=stream_usage
            />
        </Section>
    }
    .into_any()
}

/// How requests wait.
#[component]
fn QueueFields(
    /// The policy as it is.
    queue: QueuePolicy,
    /// What is wrong with the fields.
    problems: Problems,
) -> impl IntoView {
    let locale = use_locale();
    let overflows = Overflow::ALL.iter().map(|value| (value.as_str(), text::overflow(locale, *value))).collect();
    let orders = QueueOrder::ALL.iter().map(|value| (value.as_str(), text::queue_order(locale, *value))).collect();
    view! {
        <Section title=td_string!(locale, queue.section)>
            <p class="quiet -mt-3">{td_string!(locale, queue.section_hint)}</p>
            <div class="grid gap-5 sm:grid-cols-2">
                <TextField
                    field="length"
                    name="form[queue][length]"
                    label=td_string!(locale, queue.length)
                    hint=td_string!(locale, queue.length_hint)
                    value=queue.length.to_string()
                    inputmode="numeric"
                    problem=problems.of("length")
                    required=true
                />
                <TextField
                    field="deadline_ms"
                    name="form[queue][deadline]"
                    label=td_string!(locale, queue.deadline)
                    hint=td_string!(locale, queue.deadline_hint)
                    value=seconds_text(queue.deadline_ms)
                    inputmode="decimal"
                    problem=problems.of("deadline_ms")
                    required=true
                />
                <SelectField
                    field="overflow"
                    name="form[queue][overflow]"
                    label=td_string!(locale, queue.overflow)
                    hint=td_string!(locale, queue.overflow_hint)
                    options=overflows
                    chosen=queue.overflow.as_str()
                    problem=problems.of("overflow")
                />
                <SelectField
                    field="order"
                    name="form[queue][order]"
                    label=td_string!(locale, queue.order)
                    hint=td_string!(locale, queue.order_hint)
                    options=orders
                    chosen=queue.order.as_str()
                    problem=problems.of("order")
                />
            </div>
        </Section>
    }
    .into_any()
}

/// The timeouts, folded away because the defaults fit nearly everybody.
#[component]
fn TimeoutFields(
    /// The timeouts as they are.
    timeouts: Timeouts,
    /// What is wrong with the fields.
    problems: Problems,
) -> impl IntoView {
    let locale = use_locale();
    view! {
        <details class="panel group">
            <summary class="flex cursor-pointer list-none items-center gap-2 rounded-box px-5 py-4 font-semibold sm:px-6">
                <span class="transition-transform group-open:rotate-90" aria-hidden="true">
                    "›"
                </span>
                {td_string!(locale, servers.advanced)}
            </summary>
            <div class="px-5 pb-5 sm:px-6 sm:pb-6">
                <p class="quiet mb-4">{td_string!(locale, servers.advanced_hint)}</p>
                <div class="grid gap-5 sm:grid-cols-2">
                    <TextField
                        field="connect_ms"
                        name="form[connect]"
                        label=td_string!(locale, servers.connect)
                        hint=td_string!(locale, servers.connect_hint)
                        value=seconds_text(timeouts.connect_ms)
                        inputmode="decimal"
                        problem=problems.of("connect_ms")
                        required=true
                    />
                    <TextField
                        field="first_byte_ms"
                        name="form[first_byte]"
                        label=td_string!(locale, servers.first_byte)
                        hint=td_string!(locale, servers.first_byte_hint)
                        value=seconds_text(timeouts.first_byte_ms)
                        inputmode="decimal"
                        problem=problems.of("first_byte_ms")
                        required=true
                    />
                    <TextField
                        field="idle_ms"
                        name="form[idle]"
                        label=td_string!(locale, servers.idle)
                        hint=td_string!(locale, servers.idle_hint)
                        value=seconds_text(timeouts.idle_ms)
                        inputmode="decimal"
                        problem=problems.of("idle_ms")
                        required=true
                    />
                    <TextField
                        field="total_ms"
                        name="form[total]"
                        label=td_string!(locale, servers.total)
                        hint=td_string!(locale, servers.total_hint)
                        value=seconds_text(timeouts.total_ms)
                        inputmode="decimal"
                        problem=problems.of("total_ms")
                        required=true
                    />
                </div>
            </div>
        </details>
    }
    .into_any()
}

/// What the summary calls each field.
fn field_labels(locale: Locale) -> Vec<(&'static str, &'static str)> {
    let mut labels = vec![
        ("name", td_string!(locale, servers.name)),
        ("provider", td_string!(locale, servers.provider)),
        ("base_url", td_string!(locale, servers.base_url)),
        ("api_key", td_string!(locale, servers.api_key)),
        ("models", td_string!(locale, servers.models)),
        ("connect_ms", td_string!(locale, servers.connect)),
        ("first_byte_ms", td_string!(locale, servers.first_byte)),
        ("idle_ms", td_string!(locale, servers.idle)),
        ("total_ms", td_string!(locale, servers.total)),
        ("length", td_string!(locale, queue.length)),
        ("deadline_ms", td_string!(locale, queue.deadline)),
        ("overflow", td_string!(locale, queue.overflow)),
        ("order", td_string!(locale, queue.order)),
    ];
    labels.extend(limit_labels(locale));
    labels
}
