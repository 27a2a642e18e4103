//! What a chart tells apart: the largest groups of a report, and the rest together.

use std::collections::HashMap;

use sluice::model::{Outcome, UsageGroup, UsageReport, UsageRow};

use super::periods::Periods;
use crate::text;
use crate::translations::{Locale, td_string};

/// So many colours can be told apart.
const COLOURS: usize = 8;

/// A colour of the chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// One of the eight, from 1.
    Numbered(u8),
    /// That of the rest.
    Other,
}

impl Slot {
    /// The colour of the group with this rank, from 0.
    pub(super) fn ranked(rank: usize) -> Self {
        u8::try_from(rank.saturating_add(1)).ok().filter(|_| rank < COLOURS).map_or(Self::Other, Self::Numbered)
    }

    /// Its variable in the style sheet.
    pub(super) fn variable(self) -> String {
        match self {
            Self::Numbered(number) => format!("--chart-{number}"),
            Self::Other => "--chart-other".to_owned(),
        }
    }

    /// Its number; 0 for the rest.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Numbered(number) => number,
            Self::Other => 0,
        }
    }

    /// An outcome has the same colour on every chart.
    const fn of_outcome(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Completed => Self::Numbered(4),
            Outcome::UpstreamError => Self::Numbered(5),
            Outcome::UpstreamCut => Self::Numbered(2),
            Outcome::Rejected => Self::Numbered(3),
            Outcome::QueueTimeout => Self::Numbered(7),
            Outcome::QueueEvicted => Self::Numbered(8),
            Outcome::Interrupted => Self::Numbered(6),
            Outcome::ClientClosed => Self::Other,
        }
    }
}

/// One group over all periods.
pub(super) struct Group<'a> {
    /// Its name.
    pub(super) name: String,
    /// Its colour.
    pub(super) slot: Slot,
    /// Its row in each period, if there is one; for the rest there may be several.
    pub(super) rows: Vec<Vec<&'a UsageRow>>,
}

/// The groups of a report, the largest first, and how many groups are together in the last one.
pub(super) struct Groups<'a> {
    /// The groups.
    pub(super) shown: Vec<Group<'a>>,
    /// Groups that the rest is made of; 0 without a rest.
    pub(super) rest: usize,
}

impl<'a> Groups<'a> {
    /// Sorts the rows of a report into groups and periods; `weight` says how large a row is.
    pub(super) fn of(
        locale: Locale,
        report: &'a UsageReport,
        periods: &Periods,
        weight: impl Fn(&UsageRow) -> i64,
    ) -> Self {
        let mut weights: HashMap<&UsageGroup, i64> = HashMap::new();
        for row in &report.rows {
            let sum = weights.entry(&row.group).or_default();
            *sum = sum.saturating_add(weight(row));
        }
        let mut ranked: Vec<(&UsageGroup, i64, String)> =
            weights.into_iter().map(|(group, weight)| (group, weight, group_name(locale, group))).collect();
        // A group that has none of it, such as a cost, has no colour either; unless none of them has any.
        if ranked.iter().any(|(_, weight, _)| *weight != 0) {
            ranked.retain(|(_, weight, _)| *weight != 0);
        }
        // By name where they are equal, so that a chart does not change by itself.
        ranked.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.2.cmp(&other.2)));
        let apart = if ranked.len() > COLOURS { COLOURS - 1 } else { ranked.len() };
        let rest = ranked.len() - apart;
        let places: HashMap<&UsageGroup, usize> =
            ranked.iter().enumerate().map(|(rank, (group, ..))| (*group, rank.min(apart))).collect();
        let empty = || vec![Vec::new(); periods.names.len()];
        let mut shown: Vec<Group<'a>> = ranked
            .into_iter()
            .take(apart)
            .enumerate()
            .map(|(rank, (group, _, name))| {
                let slot = group.outcome.map_or_else(|| Slot::ranked(rank), Slot::of_outcome);
                Group { name, slot, rows: empty() }
            })
            .collect();
        if rest > 0 {
            let name = td_string!(locale, usage_page.other).to_owned();
            shown.push(Group { name, slot: Slot::Other, rows: empty() });
        }
        for row in &report.rows {
            let cell = places
                .get(&row.group)
                .and_then(|place| shown.get_mut(*place))
                .and_then(|group| group.rows.get_mut(periods.index_of(row.start_ms)));
            if let Some(cell) = cell {
                cell.push(row);
            }
        }
        Self { shown, rest }
    }
}

/// What a group is called; empty for a report that is not split.
pub(crate) fn group_name(locale: Locale, group: &UsageGroup) -> String {
    let named = |id: Option<String>, name: Option<&String>, none: &str| {
        name.cloned().or_else(|| id.map(|id| format!("#{id}"))).unwrap_or_else(|| none.to_owned())
    };
    let mut parts = Vec::new();
    if let Some(server) = &group.server {
        let id = server.id.map(|id| id.to_string());
        parts.push(named(id, server.name.as_ref(), td_string!(locale, usage_page.no_server)));
    }
    if let Some(app) = &group.app {
        parts.push(named(app.id.map(|id| id.to_string()), app.name.as_ref(), td_string!(locale, usage_page.no_app)));
    }
    if let Some(key) = &group.key {
        parts.push(named(key.id.map(|id| id.to_string()), key.name.as_ref(), td_string!(locale, usage_page.no_key)));
    }
    if let Some(model) = &group.model {
        let name = (!model.is_empty()).then_some(model);
        parts.push(named(None, name, td_string!(locale, usage_page.no_model)));
    }
    if let Some(outcome) = group.outcome {
        parts.push(text::outcome(locale, outcome).to_owned());
    }
    parts.join(" · ")
}
