//! `GET /v1/models` and `GET /v1/models/{id}`.

use bytes::Bytes;

use super::LONG_AGO;
use crate::failure::Failure;
use crate::wire::{List, Model, json};

/// The list of models.
pub(crate) fn list(models: &[String]) -> Bytes {
    let data = models.iter().map(|model| described(model)).collect();
    json(&List { object: "list", data, model: None, usage: None }).into()
}

/// One model.
pub(crate) fn one(models: &[String], id: &str) -> Result<Bytes, Failure> {
    let model = models.iter().find(|model| *model == id).ok_or_else(|| Failure::unknown_model(id))?;
    Ok(json(&described(model)).into())
}

fn described(id: &str) -> Model<'_> {
    Model { id, object: "model", created: LONG_AGO, owned_by: "fake-upstream" }
}
