//! `sluice key`: keys for `/v1` from the command line.

use clap::{Args, Subcommand};
use sluice::model::{CreatedKey, KeyId, KeyInput, KeyState, KeyView, Limits};
use sluice::services::Actor;

use super::app;
use crate::administration::{Administration, answer};
use crate::command::budgets::{BudgetArguments, print_budgets};
use crate::command::limits::{LimitArguments, PriorityArgument, print_limits};
use crate::command::show;
use crate::console;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Issue a key; it is shown once
    #[command(after_help = "Examples:
  sluice key create laptop
  sluice key create chat-production --app chat --model gpt-4o
  sluice key create nightly --app batch --rpm 30 --priority low
  sluice key create intern --daily-cost 2
  sluice key create ci --json | jq -r .key")]
    Create(Create),
    /// List all keys, revoked ones included
    #[command(after_help = "Example: sluice key list")]
    List(Output),
    /// Revoke a key by the id that `key list` shows
    #[command(after_help = "Example: sluice key revoke 3")]
    Revoke(Revoke),
}

/// How to print.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A new key.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// What to call it
    name: String,
    /// Bind it to this app; without it, callers name their app in the `App-Name` header
    #[arg(long, value_name = "APP")]
    app: Option<String>,
    /// Limit it to this model; repeat it for more
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    budgets: BudgetArguments,
    #[command(flatten)]
    priority: PriorityArgument,
    #[command(flatten)]
    output: Output,
}

/// The key to revoke.
#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// Its id
    id: KeyId,
    #[command(flatten)]
    output: Output,
}

pub(super) async fn run(action: Action, administration: &Administration) -> anyhow::Result<()> {
    let keys = &administration.services.keys;
    let actor = &Actor::Console;
    match action {
        Action::Create(create) => {
            let app_id = match &create.app {
                Some(name) => Some(app::find(administration, name).await?.id),
                None => None,
            };
            let input = KeyInput {
                name: create.name,
                app_id,
                models: create.models,
                limits: create.limits.apply(Limits::default()),
                budgets: create.budgets.apply(&[]),
                priority: create.priority.priority.unwrap_or_default(),
                expires_at_ms: None,
            };
            let created = answer(keys.create(actor, input).await)?;
            show(&created, create.output.json, print_created)
        }
        Action::List(output) => {
            let all = answer(keys.list(actor).await)?;
            show(&all, output.json, |all| print_list(all))
        }
        Action::Revoke(revoke) => {
            let key = answer(keys.revoke(actor, revoke.id).await)?;
            show(&key, revoke.output.json, |key| console::line(format!("revoked `{}`", key.name)))
        }
    }
}

fn print_created(created: &CreatedKey) {
    console::line(&created.key);
    console::line("Keep it now: it is shown only once.");
}

fn print_list(keys: &[KeyView]) {
    if keys.is_empty() {
        console::line("There are no keys yet; `sluice key create --help` shows how to issue one.");
        return;
    }
    let rows: Vec<Vec<String>> = keys
        .iter()
        .map(|key| {
            let state = match key.state {
                KeyState::Active => "active",
                KeyState::Expired => "expired",
                KeyState::Revoked => "revoked",
            };
            vec![
                key.id.to_string(),
                key.name.clone(),
                format!("...{}", key.hint),
                key.app_name.clone().unwrap_or_else(|| "any".to_owned()),
                if key.models.is_empty() { "all".to_owned() } else { key.models.join(", ") },
                print_limits(&key.limits),
                print_budgets(&key.budgets),
                key.priority.to_string(),
                state.to_owned(),
            ]
        })
        .collect();
    console::table(&["id", "name", "ends in", "app", "models", "limits", "budgets", "priority", "state"], &rows);
}
