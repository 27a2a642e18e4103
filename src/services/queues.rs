//! How full limits are, and who waits.

use uuid::Uuid;

use super::shared::Shared;
use super::{Actor, ServiceError};
use crate::limit::Owner;
use crate::model::{AppId, KeyId, LimitState, Resource, ServerId, ServerLimitState};

/// How full limits are, and who waits.
#[derive(Clone, Debug)]
pub struct Queues(pub(super) Shared);

impl Queues {
    /// The limits and queues of all servers, in the order in which they are asked.
    pub async fn servers(&self, actor: &Actor) -> Result<Vec<ServerLimitState>, ServiceError> {
        actor.authorize()?;
        Ok(self.0.limiter.servers().await)
    }

    /// The limits and the queue of one server.
    pub async fn server(&self, actor: &Actor, id: ServerId) -> Result<ServerLimitState, ServiceError> {
        actor.authorize()?;
        self.0.limiter.server(id).await.ok_or(ServiceError::NotFound(Resource::Server))
    }

    /// The limits of one app and the line in front of them.
    pub async fn app(&self, actor: &Actor, id: AppId) -> Result<LimitState, ServiceError> {
        actor.authorize()?;
        self.0.limiter.state(Owner::App(id)).await.ok_or(ServiceError::NotFound(Resource::App))
    }

    /// The limits of one key and the line in front of them.
    pub async fn key(&self, actor: &Actor, id: KeyId) -> Result<LimitState, ServiceError> {
        actor.authorize()?;
        self.0.limiter.state(Owner::Key(id)).await.ok_or(ServiceError::NotFound(Resource::Key))
    }

    /// Takes a waiting request out of a server's queue; its client gets `queue_evicted`.
    pub async fn cancel(&self, actor: &Actor, id: ServerId, request: Uuid) -> Result<(), ServiceError> {
        actor.authorize()?;
        if self.0.limiter.cancel(id, request).await { Ok(()) } else { Err(ServiceError::NotFound(Resource::Waiter)) }
    }
}
