//! Servers.

use leptos::server;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};
use sluice::model::{ProbeReport, ServerId, ServerView};

use crate::UiError;
use crate::forms::{ProbeForm, ServerForm};

/// Which way a server moves in the order in which servers are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Asked earlier.
    Up,
    /// Asked later.
    Down,
}

impl Direction {
    /// The name in forms.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// Every server, in the order in which they are asked.
#[server(prefix = "/api/ui", endpoint = "servers/list", input = GetUrl)]
pub async fn list_servers() -> Result<Vec<ServerView>, UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.servers.list(&context.actor).await)
}

/// One server.
#[server(prefix = "/api/ui", endpoint = "servers/get", input = GetUrl)]
pub async fn get_server(id: ServerId) -> Result<ServerView, UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.servers.get(&context.actor, id).await)
}

/// Creates or changes a server and goes to the list.
#[server(prefix = "/api/ui", endpoint = "servers/save")]
pub async fn save_server(form: ServerForm) -> Result<(), UiError> {
    let context = crate::ssr::signed_in_context()?;
    let (id, input) = form.parse().map_err(crate::ssr::refuse_fields)?;
    let servers = &context.services.servers;
    context.answer(match id {
        Some(id) => servers.update(&context.actor, id, input).await,
        None => servers.create(&context.actor, input).await,
    })?;
    crate::ssr::redirect(&crate::query::Destination::Servers);
    Ok(())
}

/// Switches a server on or off.
#[server(prefix = "/api/ui", endpoint = "servers/set_enabled")]
pub async fn set_server_enabled(id: ServerId, #[server(default)] enabled: bool) -> Result<(), UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.servers.set_enabled(&context.actor, id, enabled).await).map(drop)
}

/// Moves a server one place in the order.
#[server(prefix = "/api/ui", endpoint = "servers/move")]
pub async fn move_server(id: ServerId, direction: Direction) -> Result<(), UiError> {
    let context = crate::ssr::request_context()?;
    let servers = &context.services.servers;
    let order = context.answer(servers.list(&context.actor).await)?.iter().map(|server| server.id).collect();
    context.answer(servers.reorder(&context.actor, &moved(order, id, direction)).await).map(drop)
}

/// Deletes a server.
#[server(prefix = "/api/ui", endpoint = "servers/delete")]
pub async fn delete_server(id: ServerId) -> Result<(), UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.servers.delete(&context.actor, id).await)
}

/// Asks an upstream for its models with what is typed and not yet saved.
#[server(prefix = "/api/ui", endpoint = "servers/probe")]
pub async fn probe_server(form: ProbeForm) -> Result<ProbeReport, UiError> {
    let context = crate::ssr::signed_in_context()?;
    let input = form.parse().map_err(crate::ssr::refuse_fields)?;
    context.answer(context.services.servers.probe(&context.actor, input).await)
}

/// The order with one id moved one place; unchanged where it cannot move.
#[cfg(any(test, feature = "ssr"))]
fn moved(mut order: Vec<ServerId>, id: ServerId, direction: Direction) -> Vec<ServerId> {
    let Some(from) = order.iter().position(|other| *other == id) else { return order };
    let to = match direction {
        Direction::Up => from.checked_sub(1),
        Direction::Down => from.checked_add(1).filter(|to| *to < order.len()),
    };
    if let Some(to) = to {
        order.swap(from, to);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: &[i64]) -> Vec<ServerId> {
        numbers.iter().copied().map(ServerId).collect()
    }

    #[test]
    fn moves_one_place() {
        assert_eq!(moved(ids(&[1, 2, 3]), ServerId(2), Direction::Up), ids(&[2, 1, 3]));
        assert_eq!(moved(ids(&[1, 2, 3]), ServerId(2), Direction::Down), ids(&[1, 3, 2]));
    }

    #[test]
    fn stays_at_the_ends() {
        assert_eq!(moved(ids(&[1, 2]), ServerId(1), Direction::Up), ids(&[1, 2]));
        assert_eq!(moved(ids(&[1, 2]), ServerId(2), Direction::Down), ids(&[1, 2]));
        assert_eq!(moved(ids(&[1, 2]), ServerId(9), Direction::Up), ids(&[1, 2]));
    }
}
