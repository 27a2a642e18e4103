//! The list of servers.

use leptos::prelude::*;
use sluice::model::{ServerState, ServerView};

use super::models::ModelNames;
use crate::components::{Badge, Confirm, Empty, FormProblems, Glyph, Icon, PageHeader, ProblemSummary, server_tone};
use crate::layout::loaded;
use crate::preferences::use_locale;
use crate::query::Destination;
use crate::server_fns::servers::{DeleteServer, Direction, MoveServer, SetServerEnabled, list_servers};
use crate::text;
use crate::translations::{Locale, td_string};

/// Models that a row names before it only counts them.
const MODELS_SHOWN: usize = 8;

/// The actions of a row.
#[derive(Clone, Copy)]
struct Actions {
    set_enabled: ServerAction<SetServerEnabled>,
    shift: ServerAction<MoveServer>,
    delete: ServerAction<DeleteServer>,
}

/// The list of servers.
#[component]
pub(crate) fn ServersPage() -> impl IntoView {
    let locale = use_locale();
    let actions = Actions { set_enabled: ServerAction::new(), shift: ServerAction::new(), delete: ServerAction::new() };
    let versions =
        move || (actions.set_enabled.version().get(), actions.shift.version().get(), actions.delete.version().get());
    let servers = Resource::new(versions, |_| list_servers());
    let toggled = FormProblems::follow(move || actions.set_enabled.value().get());
    let moved = FormProblems::follow(move || actions.shift.value().get());
    let deleted = FormProblems::follow(move || actions.delete.value().get());
    view! {
        <PageHeader title=td_string!(locale, servers.title) subtitle=td_string!(locale, servers.subtitle)>
            <AddServer />
        </PageHeader>
        <ProblemSummary problems=toggled fields=Vec::new() />
        <ProblemSummary problems=moved fields=Vec::new() />
        <ProblemSummary problems=deleted fields=Vec::new() />
        {loaded(servers, move |servers| show(locale, servers, actions))}
    }
    .into_any()
}

/// The way to a new server.
#[component]
fn AddServer() -> impl IntoView {
    view! {
        <a href="/servers/new" class="btn btn-primary">
            <Icon glyph=Glyph::Add />
            {td_string!(use_locale(), servers.add)}
        </a>
    }
    .into_any()
}

fn show(locale: Locale, servers: Vec<ServerView>, actions: Actions) -> impl IntoView {
    if servers.is_empty() {
        return view! {
            <Empty glyph=Glyph::Servers title=td_string!(locale, servers.empty_title) text=td_string!(locale, servers.empty_text) />
        }
        .into_any();
    }
    let last = servers.len().saturating_sub(1);
    let rows = servers
        .into_iter()
        .enumerate()
        .map(|(index, server)| row(locale, server, (index == 0, index == last), actions))
        .collect_view();
    view! {
        <ol class="grid gap-3" aria-label=td_string!(locale, servers.list)>
            {rows}
        </ol>
    }
    .into_any()
}

fn row(locale: Locale, server: ServerView, ends: (bool, bool), actions: Actions) -> impl IntoView {
    let name = server.name.clone();
    let heading = format!("server-{}", server.id);
    let path = Destination::Server(server.id).path();
    let edit_path = Destination::EditServer(server.id).path();
    let limits =
        text::limits(locale, server.limits).unwrap_or_else(|| td_string!(locale, servers.no_limits).to_owned());
    let unreadable = (server.state == ServerState::KeyUnreadable)
        .then(|| view! { <p class="mt-2 text-sm font-medium text-error">{td_string!(locale, servers.key_unreadable_text)}</p> });
    view! {
        <li class="panel flex flex-wrap items-start gap-x-5 gap-y-3 p-4 sm:px-5" aria-labelledby=heading>
            <span
                class="quiet mt-0.5 hidden w-5 text-right text-sm tabular-nums sm:block"
                title=td_string!(locale, servers.position, position = server.position)
            >
                {server.position}
            </span>
            <div class="min-w-0 flex-1 basis-60">
                <div class="flex flex-wrap items-center gap-x-3 gap-y-1">
                    <h2 id=heading.clone() class="font-semibold break-all">
                        <a href=path.clone() class="hover:underline">
                            {name.clone()}
                        </a>
                    </h2>
                    <Badge tone=server_tone(server.state) text=text::server_state(locale, server.state) />
                    <span class="quiet text-sm">{text::provider(locale, server.provider)}</span>
                </div>
                <p class="quiet mt-0.5 font-mono text-[0.8125rem] break-all">{server.base_url.clone()}</p>
                <ModelNames models=server.models.clone() shown=MODELS_SHOWN />
                <p class="mt-2 text-sm">
                    <a
                        href=path
                        class="inline-flex items-center gap-1.5 hover:underline"
                        aria-label=format!("{}: {limits}", td_string!(locale, servers.limits_of, name = name.clone()))
                    >
                        <span class="quiet">
                            <Icon glyph=Glyph::Queue />
                        </span>
                        {limits.clone()}
                    </a>
                </p>
                {unreadable}
            </div>
            <RowActions server ends actions edit_path />
        </li>
    }
    .into_any()
}

/// What can be done with a server.
#[component]
fn RowActions(
    /// The server.
    server: ServerView,
    /// Whether it is the first and whether it is the last.
    ends: (bool, bool),
    /// What does it.
    actions: Actions,
    /// The page of its form.
    edit_path: String,
) -> impl IntoView {
    let locale = use_locale();
    let name = server.name.clone();
    let id = server.id.to_string();
    let delete_id = format!("delete-{id}");
    let toggle_id = id.clone();
    let enabled = server.state != ServerState::Disabled;
    let (caption, toggle_label) = if enabled {
        (td_string!(locale, common.disable), td_string!(locale, servers.disable_one, name = name.clone()))
    } else {
        (td_string!(locale, common.enable), td_string!(locale, servers.enable_one, name = name.clone()))
    };
    view! {
        <div class="flex flex-wrap items-center gap-1">
            <MoveButton
                id=id.clone()
                direction=Direction::Up
                label=td_string!(locale, servers.move_up, name = name.clone())
                disabled=ends.0
                shift=actions.shift
            />
            <MoveButton
                id=id.clone()
                direction=Direction::Down
                label=td_string!(locale, servers.move_down, name = name.clone())
                disabled=ends.1
                shift=actions.shift
            />
            <ActionForm action=actions.set_enabled>
                <input type="hidden" name="id" value=toggle_id />
                {(!enabled).then(|| view! { <input type="hidden" name="enabled" value="true" /> })}
                <button type="submit" class="btn btn-ghost btn-sm" aria-label=toggle_label>
                    {caption}
                </button>
            </ActionForm>
            <a
                href=edit_path
                class="btn btn-ghost btn-sm"
                aria-label=td_string!(locale, servers.edit_one, name = name.clone())
            >
                {td_string!(locale, common.edit)}
            </a>
            <Confirm
                id=delete_id
                label=td_string!(locale, servers.delete_one, name = name.clone())
                title=td_string!(locale, servers.delete_title, name = name)
                text=td_string!(locale, servers.delete_text)
            >
                <ActionForm action=actions.delete>
                    <input type="hidden" name="id" value=server.id.to_string() />
                    <button type="submit" class="btn btn-error">
                        {td_string!(locale, common.delete)}
                    </button>
                </ActionForm>
            </Confirm>
        </div>
    }
    .into_any()
}

/// Moves a server one place.
#[component]
fn MoveButton(
    /// Id of the server.
    id: String,
    /// Which way.
    direction: Direction,
    /// What the button says.
    label: String,
    /// Whether it stands at that end already.
    disabled: bool,
    /// What moves it.
    shift: ServerAction<MoveServer>,
) -> impl IntoView {
    let glyph = match direction {
        Direction::Up => Glyph::Up,
        Direction::Down => Glyph::Down,
    };
    view! {
        <ActionForm action=shift>
            <input type="hidden" name="id" value=id />
            <input type="hidden" name="direction" value=direction.as_str() />
            <button
                type="submit"
                class="btn btn-ghost btn-sm btn-square"
                aria-label=label.clone()
                title=label
                disabled=disabled
            >
                <Icon glyph />
            </button>
        </ActionForm>
    }
    .into_any()
}
