//! The command line.
//!
//! `sluice` alone serves. The other commands work on the same database through the same services as the dashboard,
//! also while a gateway runs: it takes the change over within seconds. Exit status: 0 done, 1 failed (one line on
//! standard error says why), 2 wrong arguments or settings.

mod app;
mod budgets;
mod demo;
mod demo_traffic;
mod key;
mod limits;
mod price;
mod serve;
mod server;
mod token;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::Serialize;
use sluice::config::Settings;

use crate::administration::{self, Administration};
use crate::console;

/// Exit status for wrong arguments (which clap gives as well) and wrong settings.
const EXIT_USAGE: u8 = 2;

/// An LLM API gateway: one OpenAI-compatible endpoint in front of many servers.
#[derive(Debug, Parser)]
#[command(name = "sluice", version, max_term_width = 100, after_help = EXAMPLES, propagate_version = true)]
pub struct CommandLine {
    /// Settings file (`.toml`, `.yaml` or `.json`); environment variables `SLUICE_...` override it.
    #[arg(long, global = true, value_name = "FILE", env = "SLUICE_CONFIG")]
    config: Option<PathBuf>,
    /// Where to listen, e.g. `127.0.0.1:8080`; for `sluice` without a command.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "Examples:
  sluice                                serve on http://127.0.0.1:8080 with data in ./data
  sluice demo                           look around without an account anywhere
  sluice server add groq --url https://api.groq.com/openai/v1 --model llama-3.3-70b-versatile
  sluice key create laptop --app chat   issue a key for `/v1`
  sluice token create ci                make a token for the REST API under /api

Exit status: 0 done, 1 failed, 2 wrong arguments or settings.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the gateway and its dashboard (this is what `sluice` alone does)
    Serve(serve::Arguments),
    /// Manage upstream servers
    #[command(subcommand)]
    Server(server::Action),
    /// Manage calling applications
    #[command(subcommand)]
    App(app::Action),
    /// Manage the keys that apps call `/v1` with
    #[command(subcommand)]
    Key(key::Action),
    /// Manage what models cost
    #[command(subcommand)]
    Price(price::Action),
    /// Manage the tokens for the administration API under `/api`
    #[command(subcommand)]
    Token(token::Action),
    /// Serve with a built-in fake upstream and sample traffic, to look around
    Demo(demo::Arguments),
}

/// Reads the arguments of this process and does what they ask for.
pub fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            console::problem(format!("cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run(command_line));
    // A second signal must not wait for blocking work.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Settings(text)) => {
            console::problem(text);
            ExitCode::from(EXIT_USAGE)
        }
        Err(Failure::Other(error)) => {
            console::problem(one_line(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

/// Why a command did not do what it was asked for.
enum Failure {
    /// The settings are wrong: every problem.
    Settings(String),
    /// Anything else.
    Other(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

async fn run(command_line: CommandLine) -> Result<(), Failure> {
    let config = command_line.config.as_deref();
    match command_line.command {
        None => serve::run(serve::Arguments { listen: command_line.listen }, settings(config)?).await?,
        Some(Command::Serve(arguments)) => serve::run(arguments, settings(config)?).await?,
        Some(Command::Server(action)) => server::run(action, &open(config).await?).await?,
        Some(Command::App(action)) => app::run(action, &open(config).await?).await?,
        Some(Command::Key(action)) => key::run(action, &open(config).await?).await?,
        Some(Command::Price(action)) => price::run(action, &open(config).await?).await?,
        Some(Command::Token(action)) => token::run(action, &open(config).await?).await?,
        Some(Command::Demo(arguments)) => Box::pin(demo::run(arguments)).await?,
    }
    Ok(())
}

fn settings(config: Option<&Path>) -> Result<Settings, Failure> {
    // A variable that is not Unicode cannot be a setting; `vars` would panic on it.
    let environment = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        Some((name, value.into_string().ok()?))
    });
    Settings::load(config, environment).map_err(|error| Failure::Settings(error.to_string()))
}

async fn open(config: Option<&Path>) -> Result<Administration, Failure> {
    Ok(Box::pin(administration::open(&settings(config)?)).await?)
}

/// Prints as JSON, or in the words that the closure prints.
fn show<T: Serialize>(value: &T, as_json: bool, print: impl FnOnce(&T)) -> anyhow::Result<()> {
    if as_json {
        console::line(serde_json::to_string_pretty(value)?);
    } else {
        print(value);
    }
    Ok(())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn arguments_are_sound() {
        CommandLine::command().debug_assert();
    }
}
