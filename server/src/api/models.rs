//! `/api/models`: the public models and who has them, in the order in which servers are asked.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sluice::catalog::Target;
use sluice::model::ServerId;

use crate::host::Host;

/// The models that can be called now.
#[derive(Debug, Serialize)]
pub(super) struct Models {
    rows: Vec<Model>,
}

#[derive(Debug, Serialize)]
struct Model {
    name: String,
    servers: Vec<ModelServer>,
}

#[derive(Debug, Serialize)]
struct ModelServer {
    id: ServerId,
    name: String,
    upstream_name: String,
    usable: bool,
}

impl From<&Target> for ModelServer {
    fn from(target: &Target) -> Self {
        Self {
            id: target.server.id,
            name: target.server.name.clone(),
            upstream_name: target.upstream_model.to_string(),
            usable: target.server.usable,
        }
    }
}

pub(super) async fn list(State(host): State<Host>) -> Json<Models> {
    let snapshot = host.catalog.snapshot();
    let rows = snapshot
        .callable_models()
        .map(|(name, _)| Model {
            name: name.to_owned(),
            servers: snapshot.targets(name).iter().map(ModelServer::from).collect(),
        })
        .collect();
    Json(Models { rows })
}
