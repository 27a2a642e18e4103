//! Prices.

use leptos::server;
use leptos::server_fn::codec::GetUrl;
use sluice::model::{PriceId, PriceList, PriceView};

use crate::UiError;
use crate::forms::PriceForm;

/// Every configured model with its price, what was entered, and what comes with Sluice.
#[server(prefix = "/api/ui", endpoint = "prices/list", input = GetUrl)]
pub async fn list_prices() -> Result<PriceList, UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.prices.list(&context.actor).await)
}

/// One price that was entered.
#[server(prefix = "/api/ui", endpoint = "prices/get", input = GetUrl)]
pub async fn get_price(id: PriceId) -> Result<PriceView, UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.prices.get(&context.actor, id).await)
}

/// Enters a price or changes one, and goes to the list.
#[server(prefix = "/api/ui", endpoint = "prices/save")]
pub async fn save_price(form: PriceForm) -> Result<(), UiError> {
    let context = crate::ssr::signed_in_context()?;
    let (id, input) = form.parse().map_err(crate::ssr::refuse_fields)?;
    let prices = &context.services.prices;
    let saved = match id {
        Some(id) => prices.update(&context.actor, id, input).await,
        None => prices.create(&context.actor, input).await,
    };
    context.answer(saved)?;
    crate::ssr::redirect(&crate::query::Destination::Prices);
    Ok(())
}

/// Deletes a price.
#[server(prefix = "/api/ui", endpoint = "prices/delete")]
pub async fn delete_price(id: PriceId) -> Result<(), UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.prices.delete(&context.actor, id).await)
}
