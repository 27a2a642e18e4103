//! `sluice token`: tokens for the administration API from the command line.

use clap::{Args, Subcommand};
use sluice::model::{AdminTokenId, AdminTokenView, CreatedAdminToken};
use sluice::services::Actor;

use crate::administration::{Administration, answer};
use crate::command::show;
use crate::console;

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Make a token; it is shown once
    #[command(after_help = "Examples:
  sluice token create ci
  curl -H \"Authorization: Bearer $(sluice token create ci --json | jq -r .token)\" http://127.0.0.1:8080/api/servers")]
    Create(Create),
    /// List all tokens
    #[command(after_help = "Example: sluice token list")]
    List(Output),
    /// Revoke a token by the id that `token list` shows
    #[command(after_help = "Example: sluice token revoke 2")]
    Revoke(Revoke),
}

/// How to print.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A new token.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// What to call it
    name: String,
    #[command(flatten)]
    output: Output,
}

/// The token to revoke.
#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// Its id
    id: AdminTokenId,
    #[command(flatten)]
    output: Output,
}

pub(super) async fn run(action: Action, administration: &Administration) -> anyhow::Result<()> {
    let tokens = &administration.services.admin_tokens;
    let actor = &Actor::Console;
    match action {
        Action::Create(create) => {
            let created = answer(tokens.create(actor, &create.name).await)?;
            show(&created, create.output.json, print_created)
        }
        Action::List(output) => {
            let all = answer(tokens.list(actor).await)?;
            show(&all, output.json, |all| print_list(all))
        }
        Action::Revoke(revoke) => {
            let token = answer(tokens.revoke(actor, revoke.id).await)?;
            show(&token, revoke.output.json, |token| console::line(format!("revoked `{}`", token.name)))
        }
    }
}

fn print_created(created: &CreatedAdminToken) {
    console::line(&created.token);
    console::line("Keep it now: it is shown only once. Whoever has it can do everything under /api.");
}

fn print_list(tokens: &[AdminTokenView]) {
    if tokens.is_empty() {
        console::line("There are no tokens yet; `sluice token create --help` shows how to make one.");
        return;
    }
    let rows: Vec<Vec<String>> = tokens
        .iter()
        .map(|token| {
            let state = if token.revoked_at_ms.is_some() { "revoked" } else { "active" };
            vec![token.id.to_string(), token.name.clone(), format!("...{}", token.hint), state.to_owned()]
        })
        .collect();
    console::table(&["id", "name", "ends in", "state"], &rows);
}
