//! Usage in sums: for administrators everything, for callers what is theirs.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::error::Problems;
use super::range::NamedRange;
use super::selection::WrittenFilter;
use super::shared::Shared;
use super::usage_report::{Request, report};
use super::{Actor, ServiceError};
use crate::model::{AppId, Dimension, KeyId, Problem, UsageQuery, UsageReport};
use crate::storage::{Database, RequestFilter, Selection, StorageError, keys};

/// Most rows of one answer.
const ROWS_MAX: usize = 50_000;
/// Most rows of an answer to a caller.
const CALLERS_ROWS_MAX: usize = 5000;
/// Reports for callers that are made at a time: they must not take all connections from the administrators.
pub(super) const CALLERS_MAX: usize = 2;
/// How long a caller waits for its turn.
const TURN_PATIENCE: Duration = Duration::from_secs(1);

/// Usage in sums.
#[derive(Clone, Debug)]
pub struct Stats(pub(super) Shared);

impl Stats {
    /// Usage in a range, by period and by what it is split by.
    pub async fn usage(&self, actor: &Actor, query: UsageQuery) -> Result<UsageReport, ServiceError> {
        actor.authorize()?;
        usage(&self.0.database, &self.0.settings.time_zone, query, None).await
    }
}

/// Whose usage a caller of `/v1` sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// That of an app: its keys are bound to it.
    App(AppId),
    /// That of one key, which is bound to no app.
    Key(KeyId),
}

/// What callers of `/v1` see of their own usage. No actor is asked for: whoever calls has shown a key, and sees no more than the
/// key's owner. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OwnUsage {
    database: Database,
    time_zone: TimeZone,
    pub(super) turns: Arc<Semaphore>,
}

impl OwnUsage {
    /// Usage in this database; days are those of `time_zone` where a caller names no other.
    pub fn new(database: Database, time_zone: TimeZone) -> Self {
        Self { database, time_zone, turns: Arc::new(Semaphore::new(CALLERS_MAX)) }
    }

    /// The owner's usage in a range. Servers and apps are not among what it can be split or filtered by, and keys are
    /// the owner's.
    ///
    /// # Errors
    ///
    /// Something of the query cannot be accepted, too many ask at the same time, or the database does not answer.
    pub async fn usage(&self, owner: Owner, query: UsageQuery) -> Result<UsageReport, ServiceError> {
        let Ok(Ok(_turn)) = timeout(TURN_PATIENCE, self.turns.acquire()).await else { return Err(ServiceError::Busy) };
        usage(&self.database, &self.time_zone, query, Some(owner)).await
    }
}

async fn usage(
    database: &Database,
    time_zone: &TimeZone,
    query: UsageQuery,
    owner: Option<Owner>,
) -> Result<UsageReport, ServiceError> {
    let mut problems = Problems::default();
    let (from, to, tz) = (query.from.as_deref(), query.to.as_deref(), query.tz.as_deref());
    let range = NamedRange::read(from, to, tz, time_zone, &mut problems);
    let range = range.with_defaults(Timestamp::now().as_millisecond(), &mut problems);
    let group_by = group_by(query.group_by.as_deref().unwrap_or_default(), owner.is_some(), &mut problems);
    // One transaction: what is asked for is resolved, summed up and named as of one moment.
    let transaction = database.begin_read().await?;
    let written = WrittenFilter {
        server: query.server.as_deref(),
        app: query.app.as_deref(),
        key: query.key.as_deref(),
        model: query.model.as_deref(),
        outcome: query.outcome.as_deref(),
    };
    let filter = match owner {
        None => written.resolve(&transaction, &mut problems).await?,
        Some(owner) => own_filter(&transaction, written, owner, &mut problems).await?,
    };
    problems.refuse()?;
    let own_keys: Option<HashSet<KeyId>> = match owner {
        // Keys that are bound to nothing can name any app; whose they are is not this app's affair.
        Some(Owner::App(app)) => Some(keys::ids_of_app(&transaction, app).await?.into_iter().collect()),
        Some(Owner::Key(_)) | None => None,
    };
    let request = Request {
        range: &range,
        granularity: query.granularity.unwrap_or_default(),
        group_by,
        filter: &filter,
        percentiles: query.percentiles.unwrap_or(true),
        rows_max: if owner.is_some() { CALLERS_ROWS_MAX } else { ROWS_MAX },
        own_keys,
    };
    let found = report(&transaction, request).await?;
    transaction.rollback().await.map_err(StorageError::from)?;
    Ok(found)
}

/// By what to split, each once, in the order of the columns.
fn group_by(text: &str, is_caller: bool, problems: &mut Problems) -> Vec<Dimension> {
    let mut dimensions = Vec::new();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word.parse() {
            Ok(Dimension::Server | Dimension::App) if is_caller => problems.add("group_by", Problem::Unknown),
            Ok(dimension) => dimensions.push(dimension),
            Err(problem) => problems.add("group_by", problem),
        }
    }
    dimensions.sort_unstable();
    dimensions.dedup();
    dimensions
}

/// The filter of a caller: never more than what is the owner's.
async fn own_filter(
    transaction: &sea_orm::DatabaseTransaction,
    written: WrittenFilter<'_>,
    owner: Owner,
    problems: &mut Problems,
) -> Result<RequestFilter, ServiceError> {
    for (field, text) in [("server", written.server), ("app", written.app)] {
        if text.is_some_and(|text| !text.trim().is_empty()) {
            problems.add(field, Problem::Unknown);
        }
    }
    let written = WrittenFilter { server: None, app: None, ..written };
    let mut filter = written.resolve(transaction, problems).await?;
    if let Some(selected) = &filter.keys {
        for key in &selected.any_of {
            // One that is somebody else's is answered like one that does not exist.
            let is_own = match owner {
                Owner::Key(own) => *key == own,
                Owner::App(app) => keys::get(transaction, *key).await.is_ok_and(|key| key.app_id == Some(app)),
            };
            if !is_own {
                problems.add("key", Problem::Unknown);
            }
        }
    }
    match owner {
        Owner::App(app) => filter.apps = Some(Selection { any_of: vec![app], or_none: false }),
        // Whatever was selected of keys, there is no more than this one.
        Owner::Key(key) => {
            let is_meant = filter.keys.as_ref().is_none_or(|selected| selected.any_of.contains(&key));
            let any_of = if is_meant { vec![key] } else { Vec::new() };
            filter.keys = Some(Selection { any_of, or_none: false });
        }
    }
    Ok(filter)
}
