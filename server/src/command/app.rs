//! `sluice app`: calling applications from the command line.

use anyhow::bail;
use clap::{ArgGroup, Args, Subcommand};
use sluice::model::{AppInput, AppView, Limits};
use sluice::services::{Actor, AppChange};

use crate::administration::{Administration, answer};
use crate::command::budgets::{BudgetArguments, print_budgets};
use crate::command::limits::{LimitArguments, print_limits};
use crate::command::show;
use crate::console;

/// What to do with apps.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List all apps
    #[command(after_help = "Example: sluice app list --json")]
    List(Output),
    /// Register an app
    #[command(after_help = "Examples:
  sluice app add chat
  sluice app add batch --rpm 60 --tpm 100000 --concurrency 4
  sluice app add shop --monthly-cost 50 --warn-at 90")]
    Add(Add),
    /// Change what an app may send and use; a limit or a budget that is not named stays as it is
    #[command(after_help = "Examples:
  sluice app limit chat --rpm 60
  sluice app limit chat --rpm none --tpm 100000
  sluice app limit chat --daily-tokens 1000000 --monthly-cost none")]
    Limit(Limit),
    /// Serve an app's requests
    #[command(after_help = "Example: sluice app enable chat")]
    Enable(Named),
    /// Refuse an app's requests
    #[command(after_help = "Example: sluice app disable chat")]
    Disable(Named),
    /// Remove an app and revoke its keys
    #[command(after_help = "Example: sluice app remove chat")]
    Remove(Named),
}

/// How to print.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One app.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// Its name, as sent in the `App-Name` header
    name: String,
    #[command(flatten)]
    output: Output,
}

/// A new app.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// Its name, as sent in the `App-Name` header
    name: String,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    budgets: BudgetArguments,
    #[command(flatten)]
    output: Output,
}

/// What an app may send and use.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("limit").args(CHANGES).required(true).multiple(true))]
pub(super) struct Limit {
    /// Its name
    name: String,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    budgets: BudgetArguments,
    #[command(flatten)]
    output: Output,
}

/// What `app limit` can change; at least one of them is named.
const CHANGES: [&str; 8] =
    ["rpm", "tpm", "concurrency", "daily_tokens", "monthly_tokens", "daily_cost", "monthly_cost", "warn_at"];

pub(super) async fn run(action: Action, administration: &Administration) -> anyhow::Result<()> {
    let apps = &administration.services.apps;
    let actor = &Actor::Console;
    match action {
        Action::List(output) => {
            let all = answer(apps.list(actor).await)?;
            show(&all, output.json, |all| print_list(all))
        }
        Action::Add(add) => {
            let (limits, budgets) = (add.limits.apply(Limits::default()), add.budgets.apply(&[]));
            let input = AppInput { name: add.name, limits, budgets };
            let app = answer(apps.create(actor, input).await)?;
            show(&app, add.output.json, |app| console::line(format!("added `{}`", app.name)))
        }
        Action::Limit(limit) => {
            let known = find(administration, &limit.name).await?;
            let (limits, budgets) = (limit.limits.apply(known.limits), limit.budgets.apply(&known.budgets));
            let change = AppChange { limits: Some(limits), budgets: Some(budgets), ..AppChange::default() };
            let app = answer(apps.change(actor, known.id, change).await)?;
            show(&app, limit.output.json, |app| {
                console::line(format!("limits of `{}`: {}", app.name, print_limits(&app.limits)));
                console::line(format!("budgets of `{}`: {}", app.name, print_budgets(&app.budgets)));
            })
        }
        Action::Enable(named) => set_enabled(named, administration, true).await,
        Action::Disable(named) => set_enabled(named, administration, false).await,
        Action::Remove(named) => {
            let app = find(administration, &named.name).await?;
            answer(apps.delete(actor, app.id).await)?;
            show(&app, named.output.json, |app| console::line(format!("removed `{}` and revoked its keys", app.name)))
        }
    }
}

/// The app with this name.
pub(super) async fn find(administration: &Administration, name: &str) -> anyhow::Result<AppView> {
    let apps = answer(administration.services.apps.list(&Actor::Console).await)?;
    match apps.into_iter().find(|app| app.name == name) {
        Some(app) => Ok(app),
        None => bail!("there is no app `{name}`; `sluice app list` shows all"),
    }
}

async fn set_enabled(named: Named, administration: &Administration, enabled: bool) -> anyhow::Result<()> {
    let app = find(administration, &named.name).await?;
    let app = answer(administration.services.apps.set_enabled(&Actor::Console, app.id, enabled).await)?;
    let word = if enabled { "enabled" } else { "disabled" };
    show(&app, named.output.json, |app| console::line(format!("{word} `{}`", app.name)))
}

fn print_list(apps: &[AppView]) {
    if apps.is_empty() {
        console::line(
            "There are no apps yet; they register themselves by their first request, or with `sluice app add`.",
        );
        return;
    }
    let rows: Vec<Vec<String>> = apps
        .iter()
        .map(|app| {
            let state = if app.enabled { "enabled" } else { "disabled" };
            vec![
                app.id.to_string(),
                app.name.clone(),
                state.to_owned(),
                print_limits(&app.limits),
                print_budgets(&app.budgets),
                app.active_keys.to_string(),
            ]
        })
        .collect();
    console::table(&["id", "name", "state", "limits", "budgets", "active keys"], &rows);
}
