//! `sluice price`: what models cost, from the command line.

use anyhow::bail;
use clap::{Args, Subcommand};
use sluice::model::{Amount, Currency, ModelPrice, Price, PriceId, PriceInput, PriceList, PriceSource};
use sluice::services::Actor;

use crate::administration::{Administration, answer};
use crate::command::show;
use crate::console;

/// What to do with prices.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List every configured model with its price, and the prices that were entered
    #[command(after_help = "Example: sluice price list --json")]
    List(Output),
    /// Enter a price for a model; it is valid from now on, or from a time that is named
    #[command(after_help = "Examples:
  sluice price set gpt-4o --input 2.5 --cached-input 1.25 --output 10
  sluice price set llama3.2 --server ollama --input 0 --output 0
  sluice price set qwen-max --input 11.5 --output 46 --currency CNY --from 2026-12-01T00:00:00+08:00")]
    Set(Set),
    /// Remove a price that was entered, by the id that `price list` shows
    #[command(after_help = "Example: sluice price remove 3")]
    Remove(Remove),
}

/// How to print.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A new price.
#[derive(Debug, Args)]
pub(super) struct Set {
    /// The public name of the model
    model: String,
    /// Only at this server; without it, at every server that has no price of its own
    #[arg(long, value_name = "SERVER")]
    server: Option<String>,
    /// What a million input tokens cost, 0 to 1000000
    #[arg(long, value_name = "AMOUNT", value_parser = amount)]
    input: Amount,
    /// What a million cached input tokens cost; without it, what others cost
    #[arg(long, value_name = "AMOUNT", value_parser = amount)]
    cached_input: Option<Amount>,
    /// What a million output tokens cost, 0 to 1000000
    #[arg(long, value_name = "AMOUNT", value_parser = amount)]
    output: Amount,
    /// The currency, by its code of three letters
    #[arg(long, value_name = "CODE", default_value = "USD", value_parser = currency)]
    currency: Currency,
    /// From when on, with an offset or `Z`; without it, from now on
    #[arg(long, value_name = "TIME")]
    from: Option<jiff::Timestamp>,
    #[command(flatten)]
    print: Output,
}

/// The price to remove.
#[derive(Debug, Args)]
pub(super) struct Remove {
    /// Its id
    id: PriceId,
    #[command(flatten)]
    output: Output,
}

/// An amount of money as an argument.
pub(super) fn amount(text: &str) -> Result<Amount, String> {
    text.parse().map_err(|problem| format!("this {problem}"))
}

/// A currency as an argument.
pub(super) fn currency(text: &str) -> Result<Currency, String> {
    text.parse().map_err(|problem| format!("this {problem}"))
}

pub(super) async fn run(action: Action, administration: &Administration) -> anyhow::Result<()> {
    let prices = &administration.services.prices;
    let actor = &Actor::Console;
    match action {
        Action::List(output) => {
            let list = answer(prices.list(actor).await)?;
            show(&list, output.json, print_list)
        }
        Action::Set(set) => {
            let server_id = match &set.server {
                Some(name) => Some(find_server(administration, name).await?),
                None => None,
            };
            let Set { model, input, cached_input, output, currency, from, print, .. } = set;
            let price = Price { currency, input, cached_input, output };
            let valid_from_ms = from.map(jiff::Timestamp::as_millisecond);
            let input = PriceInput { model, server_id, price, valid_from_ms };
            let view = answer(prices.create(actor, input).await)?;
            show(&view, print.json, |view| {
                console::line(format!("price {} of `{}`: {}", view.id, view.model, print_price(&view.price)));
            })
        }
        Action::Remove(remove) => {
            let view = answer(prices.get(actor, remove.id).await)?;
            answer(prices.delete(actor, remove.id).await)?;
            show(&view, remove.output.json, |view| {
                console::line(format!("removed price {} of `{}`", view.id, view.model));
            })
        }
    }
}

async fn find_server(administration: &Administration, name: &str) -> anyhow::Result<sluice::model::ServerId> {
    let servers = answer(administration.services.servers.list(&Actor::Console).await)?;
    match servers.into_iter().find(|server| server.name.eq_ignore_ascii_case(name)) {
        Some(server) => Ok(server.id),
        None => bail!("there is no server `{name}`; `sluice server list` shows all"),
    }
}

fn print_price(price: &Price) -> String {
    let Price { currency, input, cached_input, output } = price;
    let cached = cached_input.map(|cached| format!(", {cached} cached")).unwrap_or_default();
    format!("{input} input{cached}, {output} output {currency}")
}

fn print_list(list: &PriceList) {
    if list.models.is_empty() && list.entered.is_empty() {
        console::line("There are no models yet; `sluice server add --help` shows how to add a server with models.");
        return;
    }
    console::line("Per million tokens:");
    let rows: Vec<Vec<String>> = list.models.iter().map(model_row).collect();
    console::table(&["model", "server", "price", "from"], &rows);
    if list.entered.is_empty() {
        return;
    }
    console::line("Entered:");
    let rows: Vec<Vec<String>> = list
        .entered
        .iter()
        .map(|view| {
            let from = jiff::Timestamp::from_millisecond(view.valid_from_ms)
                .map_or_else(|_| "?".to_owned(), |time| time.to_string());
            let server = view.server_name.clone().unwrap_or_else(|| "any".to_owned());
            vec![view.id.to_string(), view.model.clone(), server, print_price(&view.price), from]
        })
        .collect();
    console::table(&["id", "model", "server", "price", "valid from"], &rows);
}

fn model_row(model: &ModelPrice) -> Vec<String> {
    let source = match model.source {
        Some(PriceSource::Server) => "entered for this server",
        Some(PriceSource::Model) => "entered",
        Some(PriceSource::Shipped) => "shipped",
        None => "",
    };
    let price = model.price.as_ref().map_or_else(|| "unknown".to_owned(), print_price);
    vec![model.model.clone(), model.server_name.clone(), price, source.to_owned()]
}
