//! Usage in sums: what is asked for, and what is answered.

use serde::{Deserialize, Serialize};

use super::limit::named_set;
use super::{AppId, KeyId, Money, Outcome, Problem, ServerId};

named_set!(
    /// How long the periods of a report are. Days and months are those of the report's time zone.
    Granularity {
        /// One period: the whole range.
        Total = "total";
        /// An hour each.
        Hour = "hour";
        /// A day each: 23 to 25 hours.
        #[default]
        Day = "day";
        /// A month each.
        Month = "month";
    }
);

named_set!(
    /// By what a report is split. The order is that of the columns.
    Dimension {
        /// By server.
        #[default]
        Server = "server";
        /// By app.
        App = "app";
        /// By key.
        Key = "key";
        /// By model.
        Model = "model";
        /// By the way in which requests ended.
        Outcome = "outcome";
    }
);

named_set!(
    /// In which form numbers go out.
    ExportFormat {
        /// JSON.
        #[default]
        Json = "json";
        /// Comma-separated values (RFC 4180) in UTF-8.
        Csv = "csv";
    }
);

/// What to sum up. Lists are separated by commas; in a list, the word `none` stands for requests that have no such thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UsageQuery {
    /// Where the range begins: a date (`2026-11-01`, midnight in `tz`) or a time (RFC 3339). Default: midnight six days ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Where it ends: a time, or a date, whose day is included. Default: now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How long the periods are. Default: days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granularity: Option<Granularity>,
    /// By what to split: any of `server`, `app`, `key`, `model`, `outcome`. Default: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_by: Option<String>,
    /// IANA name of the time zone, such as `Asia/Shanghai`. Default: the reporting time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tz: Option<String>,
    /// Only these servers, by id or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Only these apps, by id or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Only these keys, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Only these models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Only these outcomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Whether percentiles are wanted: the default. Without them large ranges are faster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentiles: Option<bool>,
    /// JSON (the default) or CSV.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<ExportFormat>,
    /// Whether CSV begins with a byte order mark, as spreadsheets want it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bom: Option<bool>,
}

/// Usage in sums.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageReport {
    /// Where the range begins, in milliseconds since 1970 UTC. Sums are kept in quarters of an hour, so a range begins and
    /// ends with one: this is the range that was summed up, and no smaller than what was asked for.
    pub from_ms: i64,
    /// Where it ends; not included.
    pub to_ms: i64,
    /// IANA name of the time zone.
    pub tz: String,
    /// How long the periods are.
    pub granularity: Granularity,
    /// By what it is split.
    pub group_by: Vec<Dimension>,
    /// A row for each period and group in which there was a request, by period and then by requests, most first.
    pub rows: Vec<UsageRow>,
    /// All rows together.
    pub total: UsageTotals,
}

/// One period and group of a report. What the report is not split by is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRow {
    /// Where the period begins, in milliseconds since 1970 UTC.
    pub start_ms: i64,
    /// The same in the report's time zone: RFC 3339 with its offset, such as `2026-11-01T00:00:00+08:00`.
    pub start: String,
    /// Where the period ends, in milliseconds since 1970 UTC; not included.
    pub end_ms: i64,
    /// What the row is about.
    #[serde(flatten)]
    pub group: UsageGroup,
    /// The sums.
    #[serde(flatten)]
    pub totals: UsageTotals,
}

/// What a row is about. The outer none means that the report is not split by it; a reference without an id stands for requests
/// that have no such thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct UsageGroup {
    /// The server; without an id, the requests that reached none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Reference<ServerId>>,
    /// The app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<Reference<AppId>>,
    /// The key; without an id, the requests without a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Reference<KeyId>>,
    /// The model's public name; empty for requests whose model does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How the requests ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// Something by its id and its name; deleted things keep theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference<Id> {
    /// Its id.
    pub id: Option<Id>,
    /// Its name.
    pub name: Option<String>,
}

/// Sums over requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageTotals {
    /// Requests.
    pub requests: u64,
    /// Those whose whole answer reached the client.
    pub completed: u64,
    /// Those that failed: every outcome but `completed` and `client_closed`.
    pub errors: u64,
    /// Those whose tokens are estimated.
    pub estimated: u64,
    /// Those that used tokens for which no price is known: their cost is in no sum.
    pub unpriced: u64,
    /// Input tokens; include the cached ones.
    pub input_tokens: u64,
    /// Input tokens that the upstream had cached.
    pub cached_tokens: u64,
    /// Output tokens; include the reasoning ones.
    pub output_tokens: u64,
    /// Output tokens spent on reasoning.
    pub reasoning_tokens: u64,
    /// Input and output together.
    pub total_tokens: u64,
    /// What they cost, a sum for each currency, by currency.
    pub costs: Vec<Money>,
    /// Requests that waited in a queue.
    pub queued: u64,
    /// How long they waited in all, in milliseconds.
    pub queue_ms: u64,
    /// From arrival to the first byte of the answer, of the requests that got one.
    pub first_byte_ms: Option<Percentiles>,
    /// From arrival to the end, of the same.
    pub duration_ms: Option<Percentiles>,
}

/// How long requests took, in milliseconds: half of them at most `p50`, and so on. They come from histograms whose steps
/// are 6 %, and are off by 3 % at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Percentiles {
    /// 50 % took at most this long.
    pub p50: u32,
    /// 90 %.
    pub p90: u32,
    /// 95 %.
    pub p95: u32,
    /// 99 %.
    pub p99: u32,
}
