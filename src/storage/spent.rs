//! What apps and keys used in a span of time, by the sums in `usage_rollups`.

use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::StorageError;
use crate::usage::slots::{QUARTER, ceil, cut, floor};

/// Tokens and costs of one app, key and currency; 0 and the empty text stand for none.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub(crate) struct Spent {
    pub(crate) app_id: i64,
    pub(crate) key_id: i64,
    pub(crate) currency: String,
    pub(crate) tokens: i64,
    pub(crate) cost_nanos: i64,
}

/// What was used from `start_ms` until before `end_ms`, in milliseconds since 1970 UTC, widened to quarters of an hour, which
/// is where days begin in every time zone.
pub(crate) async fn within(
    connection: &impl ConnectionTrait,
    start_ms: i64,
    end_ms: i64,
) -> Result<Vec<Spent>, StorageError> {
    let start = floor(start_ms.div_euclid(1000), QUARTER);
    let end = ceil(end_ms.div_euclid(1000), QUARTER);
    let rollup = |column| (Alias::new("usage_rollups"), Alias::new(column));
    let series = |column| (Alias::new("usage_series"), Alias::new(column));
    let mut slots = Condition::any();
    for run in cut(start, end) {
        let of_run = Condition::all()
            .add(Expr::col(rollup("slot_seconds")).eq(run.slot_seconds))
            .add(Expr::col(rollup("slot_start")).gte(run.start))
            .add(Expr::col(rollup("slot_start")).lt(run.end));
        slots = slots.add(of_run);
    }
    let tokens = Expr::col(rollup("input_tokens")).add(Expr::col(rollup("output_tokens"))).sum();
    let query = Query::select()
        .column(series("app_id"))
        .column(series("key_id"))
        .column(series("currency"))
        .expr_as(tokens.cast_as("BIGINT"), Alias::new("tokens"))
        .expr_as(Expr::col(rollup("cost_nanos")).sum().cast_as("BIGINT"), Alias::new("cost_nanos"))
        .from(Alias::new("usage_rollups"))
        .inner_join(Alias::new("usage_series"), Expr::col(series("id")).equals(rollup("series_id")))
        .cond_where(slots)
        .add_group_by([Expr::col(series("app_id")), Expr::col(series("key_id")), Expr::col(series("currency"))])
        .to_owned();
    let statement = connection.get_database_backend().build(&query);
    Ok(Spent::find_by_statement(statement).all(connection).await?)
}
