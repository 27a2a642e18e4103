//! Looking for records: newest first, by place and not by number, in steps of a bounded length.
//!
//! There is no index for any filter. One that follows the ids of apps or keys would double what it costs to write a record,
//! and every record is written; few are ever looked for. Ids grow with time, so a search reads the table backwards in the
//! order of ids and stops after a bounded number of rows, whatever it found; the next step goes on from there. Going through
//! a row costs less than a microsecond.

use sea_orm::sea_query::{Expr, ExprTrait as _, Func, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use super::MODEL_NOT_FOUND;
use super::entity::{Column, Entity};
use super::view::views;
use crate::model::{Outcome, RequestDetail, RequestView};
use crate::storage::{RequestFilter, Selection, StorageError};

/// Rows that one step goes through at most.
const STEP_ROWS: u64 = 200_000;
/// How far the time in an id may be from the time of arrival, in milliseconds: both are taken on arrival, one after the other,
/// and the clock may be set in between.
const SLACK_MS: i64 = 60_000;

/// Which records to look for: those for which everything holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Search {
    /// Of what.
    pub(crate) filter: RequestFilter,
    /// Arrived at or after this, in milliseconds since 1970 UTC.
    pub(crate) from_ms: Option<i64>,
    /// Arrived before this, in milliseconds since 1970 UTC.
    pub(crate) to_ms: Option<i64>,
    /// With which id.
    pub(crate) id: Option<SearchedId>,
}

/// An id to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SearchedId {
    /// Sluice's own.
    Own(Uuid),
    /// One that a client sent; several requests may have it.
    Client(String),
}

/// A search under way.
#[derive(Clone, Debug)]
pub(crate) struct Explorer {
    search: Search,
    step_rows: u64,
    /// Rows from here on were looked at.
    before: Option<Uuid>,
    /// Down to where this step goes.
    floor: Floor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Floor {
    /// To be found out.
    Unknown,
    /// Down to this row and not further.
    At(Uuid),
    /// Down to the last row.
    Bottom,
    /// That is done.
    Reached,
}

impl Explorer {
    /// Looks for rows before `cursor`; without one, from the newest on.
    pub(crate) fn new(search: Search, cursor: Option<Uuid>) -> Self {
        let newest = search.to_ms.map(|to_ms| first_id(to_ms.saturating_add(SLACK_MS)));
        let before = match (cursor, newest) {
            (Some(cursor), Some(newest)) => Some(std::cmp::min(cursor, newest)),
            (cursor, newest) => cursor.or(newest),
        };
        Self { search, step_rows: STEP_ROWS, before, floor: Floor::Unknown }
    }

    /// The next rows, newest first, at most `limit`, which the caller bounds. There may be fewer and more to come: see
    /// [`Self::rest`].
    pub(crate) async fn step(
        &mut self,
        connection: &impl ConnectionTrait,
        limit: u64,
    ) -> Result<Vec<RequestView>, StorageError> {
        if self.is_done() {
            return Ok(Vec::new());
        }
        if self.floor == Floor::Unknown {
            self.floor = self.find_floor(connection).await?;
        }
        // One row more than asked for tells whether there are more.
        let mut rows = self.rows_query(limit.saturating_add(1)).all(connection).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        if rows.len() > wanted {
            rows.truncate(wanted);
            self.before = rows.last().map(|row| row.id).or(self.before);
        } else if let Floor::At(row) = self.floor {
            (self.before, self.floor) = (Some(row), Floor::Unknown);
        } else {
            self.floor = Floor::Reached;
        }
        views(connection, rows).await
    }

    /// Whether every row was looked at.
    pub(crate) fn is_done(&self) -> bool {
        self.floor == Floor::Reached
    }

    /// The cursor from which the search goes on; none if it is at its end.
    pub(crate) fn rest(&self) -> Option<Uuid> {
        self.before.filter(|_| !self.is_done())
    }

    /// Until when the last step went back, in milliseconds since 1970 UTC, if it ended because it was long enough.
    pub(crate) fn searched_to_ms(&self) -> Option<i64> {
        let reached = self.before.filter(|_| self.floor == Floor::Unknown)?;
        let (seconds, nanos) = reached.get_timestamp()?.to_unix();
        i64::try_from(seconds.saturating_mul(1000).saturating_add(u64::from(nanos / 1_000_000))).ok()
    }

    async fn find_floor(&self, connection: &impl ConnectionTrait) -> Result<Floor, StorageError> {
        if !self.is_selective() {
            return Ok(Floor::Bottom);
        }
        let row: Option<Uuid> = self.floor_query().into_tuple().one(connection).await?;
        Ok(row.map_or(Floor::Bottom, Floor::At))
    }

    /// Whether rows are looked at that are not wanted.
    fn is_selective(&self) -> bool {
        self.search.filter != RequestFilter::default() || matches!(self.search.id, Some(SearchedId::Client(_)))
    }

    /// The row at which a step that begins here ends; it is made in the index of ids alone.
    fn floor_query(&self) -> Select<Entity> {
        let offset = self.step_rows.saturating_sub(1);
        self.in_order().select_only().column(Column::Id).offset(offset).limit(1)
    }

    fn rows_query(&self, limit: u64) -> Select<Entity> {
        let floor = match self.floor {
            Floor::At(row) => Some(Column::Id.gte(row)),
            Floor::Unknown | Floor::Bottom | Floor::Reached => None,
        };
        // No index may be used but that of ids: another one would have to be sorted, all of it.
        let started = || without_index(Column::StartedAtMs, 0.into());
        let Search { filter, from_ms, to_ms, id } = &self.search;
        let conditions = Condition::all()
            .add_option(floor)
            .add_option(from_ms.map(|from_ms| started().gte(from_ms)))
            .add_option(to_ms.map(|to_ms| started().lt(to_ms)))
            .add_option(filter.servers.as_ref().map(|servers| one_of(Column::ServerId, servers, |id| id.0)))
            .add_option(filter.apps.as_ref().map(|apps| one_of(Column::AppId, apps, |id| id.0)))
            .add_option(filter.keys.as_ref().map(|keys| one_of(Column::KeyId, keys, |id| id.0)))
            .add_option(filter.models.as_ref().map(one_of_models))
            .add_option(filter.outcomes.as_ref().map(|outcomes| {
                without_index(Column::Outcome, 0.into()).is_in(outcomes.iter().copied().map(Outcome::code))
            }))
            .add_option(id.as_ref().map(|id| match id {
                SearchedId::Own(id) => Column::Id.eq(*id),
                SearchedId::Client(id) => without_index(Column::ClientRequestId, "".into()).eq(id),
            }));
        self.in_order().filter(conditions).limit(limit)
    }

    /// The rows before this place, as far back as the range goes, newest first.
    fn in_order(&self) -> Select<Entity> {
        let oldest = self.search.from_ms.map(|from_ms| first_id(from_ms.saturating_sub(SLACK_MS)));
        let range = Condition::all()
            .add_option(self.before.map(|before| Column::Id.lt(before)))
            .add_option(oldest.map(|oldest| Column::Id.gte(oldest)));
        Entity::find().filter(range).order_by_desc(Column::Id)
    }
}

/// One record with everything; none if there is none (any more).
pub(crate) async fn find(connection: &impl ConnectionTrait, id: Uuid) -> Result<Option<RequestDetail>, StorageError> {
    let Some(row) = Entity::find_by_id(id).one(connection).await? else { return Ok(None) };
    let (sent_at_ms, charged_tokens) = (row.sent_at_ms, row.charged_tokens);
    let request = views(connection, vec![row]).await?.pop();
    Ok(request.map(|request| RequestDetail { request, sent_at_ms, charged_tokens, price: None }))
}

/// The smallest id of this millisecond since 1970 UTC.
fn first_id(milliseconds: i64) -> Uuid {
    let milliseconds = u128::try_from(milliseconds).unwrap_or(0).min((1 << 48) - 1);
    Uuid::from_u128((milliseconds << 80) | (0x7 << 76) | (0b10 << 62))
}

/// The column in a way for which no index is used. What it is instead of nothing must not occur.
fn without_index(column: Column, instead_of_nothing: SimpleExpr) -> SimpleExpr {
    Func::coalesce([Expr::col(column), instead_of_nothing]).into()
}

fn one_of<Id: Copy>(column: Column, wanted: &Selection<Id>, number: impl Fn(Id) -> i64) -> SimpleExpr {
    // Ids begin at 1.
    let none = wanted.or_none.then_some(0);
    without_index(column, 0.into()).is_in(wanted.any_of.iter().map(|id| number(*id)).chain(none))
}

/// Models by their names; a request has none if it named none, or one that does not exist.
fn one_of_models(wanted: &Selection<String>) -> SimpleExpr {
    let named = without_index(Column::Model, "".into()).is_in(wanted.any_of.iter().map(String::as_str));
    if !wanted.or_none {
        return named;
    }
    named.or(Column::Model.eq("")).or(Column::ErrorCode.eq(MODEL_NOT_FOUND))
}

#[cfg(test)]
mod tests;
