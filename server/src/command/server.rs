//! `sluice server`: upstream servers from the command line.
//!
//! An API key comes from standard input or the environment, never as an argument: arguments are visible to every
//! user of the machine and stay in the shell's history.

use std::io::Read as _;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use sluice::model::{
    Limits, ProviderKind, QueuePolicy, ServerInput, ServerModel, ServerState, ServerView, Timeouts, parse_models,
    print_models,
};
use sluice::services::Actor;

use crate::administration::{Administration, answer};
use crate::command::limits::{LimitArguments, QueueArguments, print_limits, print_queue};
use crate::command::show;
use crate::console;

/// Environment variable that may hold the API key.
const API_KEY_VARIABLE: &str = "SLUICE_SERVER_API_KEY";

/// What to do with servers.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List all servers in the order in which they are asked
    #[command(after_help = "Example: sluice server list --json")]
    List(Output),
    /// Show one server
    #[command(after_help = "Example: sluice server show groq")]
    Show(Named),
    /// Add a server
    #[command(after_help = "Examples:
  sluice server add ollama --url http://localhost:11434/v1 --model llama3.2
  sluice server add groq --url https://api.groq.com/openai/v1 --model llama-3.3-70b-versatile --rpm 30 --tpm 12000
  sluice server add openai --url https://api.openai.com/v1 --model gpt-4o --model fast=gpt-4o-mini --api-key-stdin < key.txt
  SLUICE_SERVER_API_KEY=... sluice server add groq --url https://api.groq.com/openai/v1 --model llama-3.3-70b-versatile")]
    Add(Add),
    /// Change a server; what is not named stays as it is
    #[command(after_help = "Examples:
  sluice server edit groq --model llama-3.3-70b-versatile --model small=llama-3.1-8b-instant
  sluice server edit groq --rename groq-eu
  sluice server edit groq --tpm none --concurrency 8 --queue-deadline 20
  sluice server edit groq --api-key-stdin < key.txt")]
    Edit(Edit),
    /// Remove a server
    #[command(after_help = "Example: sluice server remove groq")]
    Remove(Named),
    /// Let a server take requests
    #[command(after_help = "Example: sluice server enable groq")]
    Enable(Named),
    /// Keep requests away from a server
    #[command(after_help = "Example: sluice server disable groq")]
    Disable(Named),
    /// Ask a server for its models
    #[command(after_help = "Example: sluice server test groq")]
    Test(Named),
}

/// How to print.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One server.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// Its name
    name: String,
    #[command(flatten)]
    output: Output,
}

/// The API key, which never is an argument.
#[derive(Debug, Args)]
struct ApiKey {
    /// Read the API key from standard input (else from the environment variable SLUICE_SERVER_API_KEY, if it is set)
    #[arg(long)]
    api_key_stdin: bool,
}

impl ApiKey {
    fn read(&self) -> anyhow::Result<Option<String>> {
        if self.api_key_stdin {
            let mut text = String::new();
            // One byte more than any key has: a wrong file must not fill the memory.
            std::io::stdin()
                .take(8192)
                .read_to_string(&mut text)
                .context("cannot read the API key from standard input")?;
            let key = text.trim();
            if key.is_empty() {
                bail!("there is no API key on standard input");
            }
            return Ok(Some(key.to_owned()));
        }
        Ok(std::env::var(API_KEY_VARIABLE).ok().filter(|key| !key.trim().is_empty()))
    }
}

/// Timeouts, each in milliseconds.
#[derive(Debug, Args)]
struct TimeoutArguments {
    /// Until the connection stands, in milliseconds
    #[arg(long = "connect-timeout-ms", value_name = "MS")]
    connect: Option<u32>,
    /// From the request to the first byte of the answer, in milliseconds
    #[arg(long = "first-byte-timeout-ms", value_name = "MS")]
    first_byte: Option<u32>,
    /// Between two pieces of the answer, in milliseconds
    #[arg(long = "idle-timeout-ms", value_name = "MS")]
    idle: Option<u32>,
    /// For the whole request, in milliseconds
    #[arg(long = "total-timeout-ms", value_name = "MS")]
    total: Option<u32>,
}

impl TimeoutArguments {
    fn apply(&self, known: Timeouts) -> Timeouts {
        Timeouts {
            connect_ms: self.connect.unwrap_or(known.connect_ms),
            first_byte_ms: self.first_byte.unwrap_or(known.first_byte_ms),
            idle_ms: self.idle.unwrap_or(known.idle_ms),
            total_ms: self.total.unwrap_or(known.total_ms),
        }
    }
}

/// A new server.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// Its name, also the prefix in `name/model`
    name: String,
    /// Its base URL, e.g. `https://api.openai.com/v1`
    #[arg(long)]
    url: String,
    /// A model: `name`, or `name=upstream-name` to rename it; repeat it for more
    #[arg(long = "model", required = true, value_name = "MODEL")]
    models: Vec<String>,
    /// Do not let it take requests yet
    #[arg(long)]
    disabled: bool,
    /// Do not ask for token counts in streams: for an upstream that refuses `stream_options`
    #[arg(long)]
    no_stream_usage: bool,
    #[command(flatten)]
    api_key: ApiKey,
    #[command(flatten)]
    timeouts: TimeoutArguments,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    queue: QueueArguments,
    #[command(flatten)]
    output: Output,
}

/// Changes to a server.
#[derive(Debug, Args)]
pub(super) struct Edit {
    /// Its name
    name: String,
    /// Its new name
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    /// Its new base URL; a new host needs its API key again
    #[arg(long)]
    url: Option<String>,
    /// A model: `name`, or `name=upstream-name`; all models are replaced by those named here
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
    /// Forget the stored API key
    #[arg(long, conflicts_with = "api_key_stdin")]
    remove_api_key: bool,
    /// Whether to ask for token counts in streams
    #[arg(long, value_name = "true|false")]
    stream_usage: Option<bool>,
    #[command(flatten)]
    api_key: ApiKey,
    #[command(flatten)]
    timeouts: TimeoutArguments,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    queue: QueueArguments,
    #[command(flatten)]
    output: Output,
}

pub(super) async fn run(action: Action, administration: &Administration) -> anyhow::Result<()> {
    let servers = &administration.services.servers;
    let actor = &Actor::Console;
    match action {
        Action::List(output) => {
            let all = answer(servers.list(actor).await)?;
            show(&all, output.json, |all| print_list(all))
        }
        Action::Show(named) => {
            let server = answer(servers.find(actor, &named.name).await)?;
            show(&server, named.output.json, print_server)
        }
        Action::Add(add) => {
            let as_json = add.output.json;
            let server = answer(servers.create(actor, add.into_input()?).await)?;
            show(&server, as_json, |server| console::line(format!("added `{}`", server.name)))
        }
        Action::Edit(edit) => {
            let known = answer(servers.find(actor, &edit.name).await)?;
            let as_json = edit.output.json;
            let id = known.id;
            let server = answer(servers.update(actor, id, edit.into_input(known)?).await)?;
            show(&server, as_json, |server| console::line(format!("changed `{}`", server.name)))
        }
        Action::Remove(named) => {
            let server = answer(servers.find(actor, &named.name).await)?;
            answer(servers.delete(actor, server.id).await)?;
            show(&server, named.output.json, |server| console::line(format!("removed `{}`", server.name)))
        }
        Action::Enable(named) => set_enabled(named, administration, true).await,
        Action::Disable(named) => set_enabled(named, administration, false).await,
        Action::Test(named) => test(named, administration).await,
    }
}

impl Add {
    fn into_input(self) -> anyhow::Result<ServerInput> {
        Ok(ServerInput {
            api_key: self.api_key.read()?,
            models: models(&self.models)?,
            timeouts: self.timeouts.apply(Timeouts::default()),
            limits: self.limits.apply(Limits::default()),
            queue: self.queue.apply(QueuePolicy::default()),
            name: self.name,
            provider: ProviderKind::default(),
            base_url: self.url,
            remove_api_key: false,
            enabled: !self.disabled,
            request_stream_usage: !self.no_stream_usage,
        })
    }
}

impl Edit {
    fn into_input(self, known: ServerView) -> anyhow::Result<ServerInput> {
        Ok(ServerInput {
            api_key: if self.remove_api_key { None } else { self.api_key.read()? },
            models: if self.models.is_empty() { known.models } else { models(&self.models)? },
            timeouts: self.timeouts.apply(known.timeouts),
            limits: self.limits.apply(known.limits),
            queue: self.queue.apply(known.queue),
            name: self.rename.unwrap_or(known.name),
            provider: known.provider,
            base_url: self.url.unwrap_or(known.base_url),
            remove_api_key: self.remove_api_key,
            enabled: known.state != ServerState::Disabled,
            request_stream_usage: self.stream_usage.unwrap_or(known.request_stream_usage),
        })
    }
}

fn models(arguments: &[String]) -> anyhow::Result<Vec<ServerModel>> {
    parse_models(&arguments.join("\n")).map_err(|problem| anyhow::anyhow!("--model {problem}"))
}

async fn set_enabled(named: Named, administration: &Administration, enabled: bool) -> anyhow::Result<()> {
    let servers = &administration.services.servers;
    let server = answer(servers.find(&Actor::Console, &named.name).await)?;
    let server = answer(servers.set_enabled(&Actor::Console, server.id, enabled).await)?;
    let word = if enabled { "enabled" } else { "disabled" };
    show(&server, named.output.json, |server| console::line(format!("{word} `{}`", server.name)))
}

async fn test(named: Named, administration: &Administration) -> anyhow::Result<()> {
    let servers = &administration.services.servers;
    let server = answer(servers.find(&Actor::Console, &named.name).await)?;
    let report = answer(servers.probe_saved(&Actor::Console, server.id).await)?;
    if named.output.json {
        console::line(serde_json::to_string_pretty(&report)?);
    }
    match report.outcome {
        Ok(offered) if !named.output.json => {
            console::line(format!(
                "`{}` answered in {} ms and offers {} models",
                server.name,
                report.latency_ms,
                offered.len()
            ));
            for model in offered {
                console::line(format!("  {model}"));
            }
            Ok(())
        }
        Ok(_) => Ok(()),
        Err(failure) => bail!("`{}` cannot be used: {failure}", server.name),
    }
}

fn print_list(servers: &[ServerView]) {
    if servers.is_empty() {
        console::line("There are no servers yet; `sluice server add --help` shows how to add one.");
        return;
    }
    let rows: Vec<Vec<String>> = servers
        .iter()
        .map(|server| {
            vec![
                server.position.to_string(),
                server.name.clone(),
                state(server.state).to_owned(),
                print_limits(&server.limits),
                server.base_url.clone(),
                server.models.iter().map(|model| model.name.as_str()).collect::<Vec<_>>().join(", "),
            ]
        })
        .collect();
    console::table(&["#", "name", "state", "limits", "base URL", "models"], &rows);
}

fn print_server(server: &ServerView) {
    console::line(format!("name        {}", server.name));
    console::line(format!("id          {}", server.id));
    console::line(format!("state       {}", state(server.state)));
    console::line(format!("base URL    {}", server.base_url));
    let key = server.api_key_hint.as_ref().map_or_else(|| "none".to_owned(), |hint| format!("...{hint}"));
    console::line(format!("API key     {key}"));
    let Timeouts { connect_ms, first_byte_ms, idle_ms, total_ms } = server.timeouts;
    console::line(format!(
        "timeouts    connect {connect_ms} ms, first byte {first_byte_ms} ms, idle {idle_ms} ms, total {total_ms} ms"
    ));
    console::line(format!("limits      {}", print_limits(&server.limits)));
    console::line(format!("queue       {}", print_queue(&server.queue)));
    console::line("models");
    for line in print_models(&server.models).lines() {
        console::line(format!("  {line}"));
    }
}

const fn state(state: ServerState) -> &'static str {
    match state {
        ServerState::Enabled => "enabled",
        ServerState::Disabled => "disabled",
        ServerState::KeyUnreadable => "key unreadable",
    }
}
