//! What models cost: what administrators entered, what comes with Sluice, and which of it is in force.

use sea_orm::DatabaseTransaction;

use super::error::Problems;
use super::shared::Shared;
use super::{Actor, ServiceError, validate};
use crate::model::{ModelPrice, PriceId, PriceInput, PriceList, PriceView, Problem, Resource, is_model_name};
use crate::storage::prices::PriceFields;
use crate::storage::{StorageError, catalog_state, prices, servers};
use crate::usage::pricing::SHIPPED;

/// What models cost.
#[derive(Clone, Debug)]
pub struct Prices(pub(super) Shared);

impl Prices {
    /// Every configured model with its price, everything that was entered, and what comes with Sluice.
    pub async fn list(&self, actor: &Actor) -> Result<PriceList, ServiceError> {
        actor.authorize()?;
        let entered = prices::list(self.0.database.reader()).await?;
        Ok(PriceList {
            models: self.models(),
            entered,
            shipped: SHIPPED.prices().to_vec(),
            shipped_date: SHIPPED.date().to_owned(),
        })
    }

    /// One price that was entered.
    pub async fn get(&self, actor: &Actor, id: PriceId) -> Result<PriceView, ServiceError> {
        actor.authorize()?;
        self.view(id).await
    }

    /// Enters a price. What was recorded before keeps its cost, also where the price begins earlier.
    pub async fn create(&self, actor: &Actor, input: PriceInput) -> Result<PriceView, ServiceError> {
        actor.authorize()?;
        let now_ms = Shared::now_ms();
        let transaction = self.0.database.begin_write().await?;
        let fields = validate_price(&transaction, input, None, now_ms).await?;
        let id = prices::insert(&transaction, &fields, now_ms).await?;
        self.commit(transaction).await?;
        self.view(id).await
    }

    /// Changes a price; where nothing is said of its beginning, that stays. What was recorded with it keeps its cost.
    pub async fn update(&self, actor: &Actor, id: PriceId, input: PriceInput) -> Result<PriceView, ServiceError> {
        actor.authorize()?;
        let now_ms = Shared::now_ms();
        let transaction = self.0.database.begin_write().await?;
        let known = prices::valid_from_ms(&transaction, id).await.map_err(not_found)?;
        let fields = validate_price(&transaction, input, Some(id), known).await?;
        prices::update(&transaction, id, &fields, now_ms).await.map_err(not_found)?;
        self.commit(transaction).await?;
        self.view(id).await
    }

    /// Deletes a price. What was recorded with it keeps its cost.
    pub async fn delete(&self, actor: &Actor, id: PriceId) -> Result<(), ServiceError> {
        actor.authorize()?;
        let transaction = self.0.database.begin_write().await?;
        prices::delete(&transaction, id).await.map_err(not_found)?;
        self.commit(transaction).await
    }

    async fn commit(&self, transaction: DatabaseTransaction) -> Result<(), ServiceError> {
        catalog_state::bump(&transaction).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        self.0.put_in_force().await;
        Ok(())
    }

    async fn view(&self, id: PriceId) -> Result<PriceView, ServiceError> {
        let entered = prices::list(self.0.database.reader()).await?;
        entered.into_iter().find(|view| view.id == id).ok_or(ServiceError::NotFound(Resource::Price))
    }

    /// What is in force now, by server in configured order.
    fn models(&self) -> Vec<ModelPrice> {
        let snapshot = self.0.catalog.snapshot();
        let now_ms = Shared::now_ms();
        let mut models = Vec::new();
        for server in snapshot.servers() {
            for (model, upstream_model) in &server.models {
                let target = snapshot.targets(model).iter().find(|target| target.server.id == server.id);
                let (price, source) = target.and_then(|target| target.prices.at(now_ms)).unzip();
                models.push(ModelPrice {
                    model: model.clone(),
                    server_id: server.id,
                    server_name: server.name.clone(),
                    upstream_model: upstream_model.clone(),
                    price,
                    source,
                });
            }
        }
        models
    }
}

async fn validate_price(
    transaction: &DatabaseTransaction,
    input: PriceInput,
    current: Option<PriceId>,
    default_from_ms: i64,
) -> Result<PriceFields, ServiceError> {
    let mut problems = Problems::default();
    if input.model.is_empty() {
        problems.add("model", Problem::Required);
    } else if !is_model_name(&input.model) {
        problems.add("model", Problem::ModelNameInvalid { value: input.model.chars().take(40).collect() });
    }
    validate::price(&input.price, &mut problems);
    if let Some(server_id) = input.server_id {
        match servers::get(transaction, server_id).await {
            Ok(_) => {}
            Err(StorageError::NotFound) => problems.add("server_id", Problem::Unknown),
            Err(error) => return Err(error.into()),
        }
    }
    problems.refuse()?;
    let PriceInput { model, server_id, price, valid_from_ms } = input;
    let fields = PriceFields { model, server_id, price, valid_from_ms: valid_from_ms.unwrap_or(default_from_ms) };
    // Of two that begin at the same time, nobody could say which one is meant.
    if prices::find_same(transaction, &fields).await?.is_some_and(|same| Some(same) != current) {
        return Err(ServiceError::invalid("valid_from_ms", Problem::Taken));
    }
    Ok(fields)
}

fn not_found(error: StorageError) -> ServiceError {
    match error {
        StorageError::NotFound => ServiceError::NotFound(Resource::Price),
        error => error.into(),
    }
}
