//! Makes a report of the sums that the database finds.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sea_orm::ConnectionTrait;

use super::ServiceError;
use super::range::Range;
use crate::model::{
    Amount, AppId, Currency, Dimension, Granularity, KeyId, Money, Outcome, Problem, Reference, ServerId, UsageGroup,
    UsageReport, UsageRow, UsageTotals,
};
use crate::storage::names::{self, Named};
use crate::storage::rollups::{GroupSums, GroupValue, SumsQuery, SumsReader};
use crate::storage::{RequestFilter, StorageError};
use crate::usage::{HistogramSum, Period, periods};

/// Rows of the database that make a row of a report: one for each currency.
const CURRENCIES: usize = 4;

/// What is asked for, understood.
#[derive(Debug)]
pub(super) struct Request<'request> {
    pub(super) range: &'request Range,
    pub(super) granularity: Granularity,
    /// Each once, in the order of the columns.
    pub(super) group_by: Vec<Dimension>,
    pub(super) filter: &'request RequestFilter,
    pub(super) percentiles: bool,
    /// Most rows.
    pub(super) rows_max: usize,
    /// The keys that may be named; none if all may. What was used with another one counts as used without a key.
    pub(super) own_keys: Option<HashSet<KeyId>>,
}

/// Sums up and names what it is about.
pub(super) async fn report(
    connection: &impl ConnectionTrait,
    request: Request<'_>,
) -> Result<UsageReport, ServiceError> {
    let Request { range, granularity, group_by, filter, percentiles, rows_max, own_keys } = request;
    let too_many = || {
        let max = u32::try_from(rows_max).unwrap_or(u32::MAX);
        ServiceError::invalid("granularity", Problem::TooManyRows { max })
    };
    let periods = periods(range.from_ms, range.to_ms, granularity, &range.zone, rows_max).ok_or_else(too_many)?;
    let query = SumsQuery {
        periods: &periods,
        group_by: &group_by,
        filter,
        histograms: percentiles,
        max: rows_max.saturating_mul(CURRENCIES),
    };
    let mut reader = SumsReader::new(query);
    let mut total = Totals::default();
    let mut group = Totals::default();
    let mut found: Vec<(Period, Vec<GroupValue>, UsageTotals)> = Vec::new();
    while let Some(mut part) = reader.next(connection).await? {
        if let Some(own_keys) = &own_keys {
            fold_foreign_keys(&mut part, &group_by, own_keys);
        }
        let mut part = part.into_iter().peekable();
        while let Some(sums) = part.next() {
            group.add(&sums)?;
            // A group has a row for each currency, one after the other.
            if part.peek().is_some_and(|next| (next.period, &next.group) == (sums.period, &sums.group)) {
                continue;
            }
            let Some(period) = periods.get(sums.period) else { continue };
            found.push((*period, sums.group, group.take(Some(&mut total))));
        }
        if reader.is_too_long() || found.len() > rows_max {
            return Err(too_many());
        }
    }
    let names = Names::of(connection, &group_by, found.iter().map(|(_, group, _)| group.as_slice())).await?;
    let mut rows: Vec<UsageRow> = Vec::with_capacity(found.len());
    for (period, group, totals) in found {
        rows.push(row(period, &range.zone, names.group(&group_by, group)?, totals));
    }
    // The sort is stable: groups with as many requests keep their order.
    rows.sort_by_key(|row| (row.start_ms, std::cmp::Reverse(row.totals.requests)));
    let milliseconds = |second: i64| second.saturating_mul(1000);
    Ok(UsageReport {
        from_ms: periods.first().map_or(range.from_ms, |first| milliseconds(first.start)),
        to_ms: periods.last().map_or(range.to_ms, |last| milliseconds(last.end)),
        tz: range.zone.iana_name().unwrap_or("UTC").to_owned(),
        granularity,
        group_by,
        rows,
        total: total.take(None),
    })
}

/// Puts what was used with keys that may not be named to what was used without one, and makes groups stand together again.
fn fold_foreign_keys(part: &mut [GroupSums], group_by: &[Dimension], own_keys: &HashSet<KeyId>) {
    let Some(place) = group_by.iter().position(|dimension| *dimension == Dimension::Key) else { return };
    for sums in &mut *part {
        if let Some(GroupValue::Number(id)) = sums.group.get_mut(place)
            && !own_keys.contains(&KeyId(*id))
        {
            *id = 0;
        }
    }
    part.sort_by(|one, other| (one.period, &one.group).cmp(&(other.period, &other.group)));
}

fn row(period: Period, zone: &TimeZone, group: UsageGroup, totals: UsageTotals) -> UsageRow {
    let start = Timestamp::from_second(period.start).unwrap_or_default();
    UsageRow {
        start_ms: period.start.saturating_mul(1000),
        start: start.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        end_ms: period.end.saturating_mul(1000),
        group,
        totals,
    }
}

/// Sums that are being added up.
#[derive(Debug, Default)]
struct Totals {
    counts: UsageTotals,
    costs: BTreeMap<Currency, i64>,
    first_byte: HistogramSum,
    duration: HistogramSum,
}

impl Totals {
    fn add(&mut self, sums: &GroupSums) -> Result<(), StorageError> {
        let totals = &mut self.counts;
        for (total, sum) in [
            (&mut totals.requests, sums.requests),
            (&mut totals.completed, sums.completed),
            (&mut totals.errors, sums.errors),
            (&mut totals.estimated, sums.estimated),
            (&mut totals.unpriced, sums.unpriced),
            (&mut totals.input_tokens, sums.input_tokens),
            (&mut totals.cached_tokens, sums.cached_tokens),
            (&mut totals.output_tokens, sums.output_tokens),
            (&mut totals.reasoning_tokens, sums.reasoning_tokens),
            (&mut totals.queued, sums.queued),
            (&mut totals.queue_ms, sums.queue_ms),
        ] {
            *total = total.saturating_add(u64::try_from(sum).unwrap_or(0));
        }
        if !sums.currency.is_empty() {
            let currency = sums
                .currency
                .parse()
                .map_err(|_| StorageError::Unreadable { table: "usage_series", column: "currency" })?;
            let cost = self.costs.entry(currency).or_default();
            *cost = cost.saturating_add(sums.cost_nanos);
        }
        for (sum, text, column) in [
            (&mut self.first_byte, &sums.first_byte, "first_byte_histogram"),
            (&mut self.duration, &sums.duration, "duration_histogram"),
        ] {
            sum.add_text(text).map_err(|_| StorageError::Unreadable { table: "usage_rollups", column })?;
        }
        Ok(())
    }

    /// The sums, which begin anew; before, they are added to `all`.
    fn take(&mut self, all: Option<&mut Self>) -> UsageTotals {
        if let Some(all) = all {
            let (total, add) = (&mut all.counts, &self.counts);
            for (total, add) in [
                (&mut total.requests, add.requests),
                (&mut total.completed, add.completed),
                (&mut total.errors, add.errors),
                (&mut total.estimated, add.estimated),
                (&mut total.unpriced, add.unpriced),
                (&mut total.input_tokens, add.input_tokens),
                (&mut total.cached_tokens, add.cached_tokens),
                (&mut total.output_tokens, add.output_tokens),
                (&mut total.reasoning_tokens, add.reasoning_tokens),
                (&mut total.queued, add.queued),
                (&mut total.queue_ms, add.queue_ms),
            ] {
                *total = total.saturating_add(add);
            }
            for (currency, nanos) in &self.costs {
                let cost = all.costs.entry(*currency).or_default();
                *cost = cost.saturating_add(*nanos);
            }
            all.first_byte.merge(&self.first_byte);
            all.duration.merge(&self.duration);
        }
        let totals = std::mem::take(&mut self.counts);
        let costs = std::mem::take(&mut self.costs).into_iter();
        let found = UsageTotals {
            total_tokens: totals.input_tokens.saturating_add(totals.output_tokens),
            costs: costs.map(|(currency, nanos)| Money { amount: Amount::from_nanos(nanos), currency }).collect(),
            first_byte_ms: self.first_byte.percentiles(),
            duration_ms: self.duration.percentiles(),
            ..totals
        };
        self.first_byte.clear();
        self.duration.clear();
        found
    }
}

/// Names of what the groups are about, the deleted included.
#[derive(Debug, Default)]
struct Names(HashMap<Dimension, HashMap<i64, String>>);

impl Names {
    async fn of<'found>(
        connection: &impl ConnectionTrait,
        group_by: &[Dimension],
        found: impl Iterator<Item = &'found [GroupValue]> + Clone,
    ) -> Result<Self, StorageError> {
        let mut all = HashMap::new();
        for (place, dimension) in group_by.iter().enumerate() {
            let named = match dimension {
                Dimension::Server => Named::Server,
                Dimension::App => Named::App,
                Dimension::Key => Named::Key,
                Dimension::Model | Dimension::Outcome => continue,
            };
            let mut ids: Vec<i64> = found
                .clone()
                .filter_map(|group| match group.get(place) {
                    Some(GroupValue::Number(id)) if *id != 0 => Some(*id),
                    _ => None,
                })
                .collect();
            ids.sort_unstable();
            ids.dedup();
            all.insert(*dimension, names::by_ids(connection, named, &ids).await?);
        }
        Ok(Self(all))
    }

    fn group(&self, group_by: &[Dimension], values: Vec<GroupValue>) -> Result<UsageGroup, StorageError> {
        let mut group = UsageGroup::default();
        for (dimension, value) in group_by.iter().zip(values) {
            match (dimension, value) {
                (Dimension::Server, GroupValue::Number(id)) => {
                    group.server = Some(self.reference(*dimension, id, ServerId));
                }
                (Dimension::App, GroupValue::Number(id)) => group.app = Some(self.reference(*dimension, id, AppId)),
                (Dimension::Key, GroupValue::Number(id)) => group.key = Some(self.reference(*dimension, id, KeyId)),
                (Dimension::Model, GroupValue::Text(model)) => group.model = Some(model),
                (Dimension::Outcome, GroupValue::Number(code)) => {
                    let outcome = i16::try_from(code).ok().and_then(Outcome::from_code);
                    let unreadable = StorageError::Unreadable { table: "usage_series", column: "outcome" };
                    group.outcome = Some(outcome.ok_or(unreadable)?);
                }
                _ => {}
            }
        }
        Ok(group)
    }

    fn reference<Id>(&self, dimension: Dimension, id: i64, typed: impl Fn(i64) -> Id) -> Reference<Id> {
        let name = self.0.get(&dimension).and_then(|names| names.get(&id)).cloned();
        Reference { id: (id != 0).then(|| typed(id)), name }
    }
}
