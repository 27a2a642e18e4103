//! Sums over periods, split and filtered.

use std::fmt::Write as _;

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

use crate::model::{Dimension, Outcome};
use crate::storage::{RequestFilter, Selection, StorageError};
use crate::usage::{Period, SEPARATOR, cut, is_error};

/// Stretches of slots that one statement asks for.
const RUNS_MAX: usize = 1000;
/// The same where histograms are wanted: their texts are most of what an answer takes, and those of a part are all in memory.
const RUNS_WITH_HISTOGRAMS_MAX: usize = 24;

/// What to sum up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SumsQuery<'query> {
    /// In which stretches of time.
    pub(crate) periods: &'query [Period],
    /// By what to split.
    pub(crate) group_by: &'query [Dimension],
    /// Which requests.
    pub(crate) filter: &'query RequestFilter,
    /// Whether the histograms are wanted.
    pub(crate) histograms: bool,
    /// Most rows.
    pub(crate) max: usize,
}

/// The sums of one period, group and currency.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupSums {
    /// Which of the periods, from 0.
    pub(crate) period: usize,
    /// What is wanted of the group, in the order of the dimensions.
    pub(crate) group: Vec<GroupValue>,
    /// The currency of the cost; empty where nothing has a price.
    pub(crate) currency: String,
    pub(crate) requests: i64,
    pub(crate) completed: i64,
    pub(crate) errors: i64,
    pub(crate) estimated: i64,
    pub(crate) unpriced: i64,
    pub(crate) input_tokens: i64,
    pub(crate) cached_tokens: i64,
    pub(crate) output_tokens: i64,
    pub(crate) reasoning_tokens: i64,
    /// In billionths of the currency.
    pub(crate) cost_nanos: i64,
    pub(crate) queued: i64,
    pub(crate) queue_ms: i64,
    /// Histograms as texts that can be added.
    pub(crate) first_byte: String,
    /// Histograms as texts that can be added.
    pub(crate) duration: String,
}

/// One thing that a group has in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum GroupValue {
    /// An id, or 0 for none; or the number of an outcome.
    Number(i64),
    /// A model's name; empty for none.
    Text(String),
}

/// Reads sums part by part, so that whoever adds them up holds the histograms of one part at a time.
#[derive(Debug)]
pub(crate) struct SumsReader<'query> {
    query: SumsQuery<'query>,
    /// The first period of the next part.
    next: usize,
    found: usize,
}

impl<'query> SumsReader<'query> {
    /// Begins with the first period.
    pub(crate) const fn new(query: SumsQuery<'query>) -> Self {
        Self { query, next: 0, found: 0 }
    }

    /// Whether there were more rows than the most.
    pub(crate) const fn is_too_long(&self) -> bool {
        self.found > self.query.max
    }

    /// The sums of the next periods, by period, and by group within a period; none at the end. No period is in two parts.
    pub(crate) async fn next(
        &mut self,
        connection: &impl ConnectionTrait,
    ) -> Result<Option<Vec<GroupSums>>, StorageError> {
        let most = if self.query.histograms { RUNS_WITH_HISTOGRAMS_MAX } else { RUNS_MAX };
        let mut slots: Vec<Value> = Vec::new();
        let mut runs = 0_usize;
        for (index, period) in (0_i64..).zip(self.query.periods).skip(self.next) {
            for run in cut(period.start, period.end) {
                slots.extend([index, run.slot_seconds, run.start, run.end].map(Value::from));
                runs = runs.saturating_add(1);
            }
            self.next = self.next.saturating_add(1);
            if runs >= most {
                break;
            }
        }
        if runs == 0 {
            return Ok(None);
        }
        let (sql, values) = statement(&self.query, runs, self.query.max.saturating_sub(self.found));
        slots.extend(values);
        let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, slots);
        let rows = connection.query_all_raw(statement).await?;
        self.found = self.found.saturating_add(rows.len());
        rows.iter().map(|row| read(row, &self.query)).collect::<Result<_, _>>().map(Some)
    }
}

/// The statement's text, and the values after those of the slots. SQLite's words: `CROSS JOIN` keeps the order of the
/// tables, so that each stretch of slots is one walk along the primary key.
fn statement(query: &SumsQuery<'_>, runs: usize, left: usize) -> (String, Vec<Value>) {
    let mut sql = String::from("WITH slots(period, seconds, first, after) AS (VALUES ");
    for index in 0..runs {
        sql.push_str(if index == 0 { "(?,?,?,?)" } else { ",(?,?,?,?)" });
    }
    let mut groups = String::from("slots.period");
    for dimension in query.group_by {
        groups.push_str(", series.");
        groups.push_str(column(*dimension));
    }
    let errors: Vec<String> =
        Outcome::ALL.iter().filter(|outcome| is_error(**outcome)).map(|outcome| outcome.code().to_string()).collect();
    let histograms = if query.histograms {
        format!(
            "group_concat(r.first_byte_histogram, '{SEPARATOR}'), group_concat(r.duration_histogram, '{SEPARATOR}')"
        )
    } else {
        "'', ''".to_owned()
    };
    // Writing into a text cannot fail.
    let _ = write!(
        sql,
        ") SELECT {groups}, series.currency, SUM(r.requests), \
         SUM(CASE WHEN series.outcome = {completed} THEN r.requests ELSE 0 END), \
         SUM(CASE WHEN series.outcome IN ({errors}) THEN r.requests ELSE 0 END), \
         SUM(r.estimated), SUM(r.unpriced), SUM(r.input_tokens), SUM(r.cached_tokens), SUM(r.output_tokens), \
         SUM(r.reasoning_tokens), SUM(r.cost_nanos), SUM(r.queued), SUM(r.queue_ms), {histograms} \
         FROM slots CROSS JOIN usage_rollups r CROSS JOIN usage_series series \
         WHERE r.slot_seconds = slots.seconds AND r.slot_start >= slots.first AND r.slot_start < slots.after \
         AND series.id = r.series_id",
        completed = Outcome::Completed.code(),
        errors = errors.join(","),
    );
    let mut values = Vec::new();
    filter(query.filter, &mut sql, &mut values);
    let _ = write!(sql, " GROUP BY {groups}, series.currency ORDER BY {groups}, series.currency LIMIT ?");
    // A row for each currency: most groups have one, and some of theirs have none.
    let limit = left.saturating_add(1);
    values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    (sql, values)
}

fn filter(filter: &RequestFilter, sql: &mut String, values: &mut Vec<Value>) {
    let servers = filter.servers.as_ref().map(|list| ids(list, |id| id.0));
    let apps = filter.apps.as_ref().map(|list| ids(list, |id| id.0));
    let keys = filter.keys.as_ref().map(|list| ids(list, |id| id.0));
    let models = filter.models.as_ref().map(|list| {
        let none = list.or_none.then(String::new);
        list.any_of.iter().cloned().chain(none).map(Value::from).collect()
    });
    let outcomes =
        filter.outcomes.as_ref().map(|list| list.iter().map(|outcome| Value::from(outcome.code())).collect::<Vec<_>>());
    for (dimension, list) in [
        (Dimension::Server, servers),
        (Dimension::App, apps),
        (Dimension::Key, keys),
        (Dimension::Model, models),
        (Dimension::Outcome, outcomes),
    ] {
        let Some(list) = list else { continue };
        // A list of nothing is not everything; not every database knows an empty one.
        let marks = if list.is_empty() { "NULL".to_owned() } else { vec!["?"; list.len()].join(",") };
        let _ = write!(sql, " AND series.{} IN ({marks})", column(dimension));
        values.extend(list);
    }
}

fn ids<Id>(list: &Selection<Id>, number: impl Fn(&Id) -> i64) -> Vec<Value> {
    list.any_of.iter().map(number).chain(list.or_none.then_some(0)).map(Value::from).collect()
}

const fn column(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Server => "server_id",
        Dimension::App => "app_id",
        Dimension::Key => "key_id",
        Dimension::Model => "model",
        Dimension::Outcome => "outcome",
    }
}

fn read(row: &QueryResult, query: &SumsQuery<'_>) -> Result<GroupSums, StorageError> {
    let mut index = 0_usize;
    let mut next = || {
        let current = index;
        index = index.saturating_add(1);
        current
    };
    let period: i64 = row.try_get_by_index(next())?;
    let mut group = Vec::with_capacity(query.group_by.len());
    for dimension in query.group_by {
        group.push(match dimension {
            Dimension::Model => GroupValue::Text(row.try_get_by_index(next())?),
            _ => GroupValue::Number(row.try_get_by_index(next())?),
        });
    }
    Ok(GroupSums {
        period: usize::try_from(period).unwrap_or(0),
        group,
        currency: row.try_get_by_index(next())?,
        requests: row.try_get_by_index(next())?,
        completed: row.try_get_by_index(next())?,
        errors: row.try_get_by_index(next())?,
        estimated: row.try_get_by_index(next())?,
        unpriced: row.try_get_by_index(next())?,
        input_tokens: row.try_get_by_index(next())?,
        cached_tokens: row.try_get_by_index(next())?,
        output_tokens: row.try_get_by_index(next())?,
        reasoning_tokens: row.try_get_by_index(next())?,
        cost_nanos: row.try_get_by_index(next())?,
        queued: row.try_get_by_index(next())?,
        queue_ms: row.try_get_by_index(next())?,
        first_byte: row.try_get_by_index(next())?,
        duration: row.try_get_by_index(next())?,
    })
}
