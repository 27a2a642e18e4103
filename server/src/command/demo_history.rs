//! The past of the demo: 30 days of usage as a small company has it, so that there is something to see from the first minute.
//!
//! The same numbers every time, only their time goes with the clock. They take the way of every other record into the database,
//! and only into one in which there is none yet, in the demo's own folder.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use sluice::model::{
    Amount, AppId, Currency, Endpoint, KeyId, KeyState, LimitName, Money, Outcome, ServerId, TokenCounts, TokenSource,
};
use sluice::services::{Actor, Services};
use sluice::storage::UsageRecords;
use sluice::usage::{AppReference, UsageRecord};
use uuid::Builder;

use super::demo_traffic::BATCH;
use crate::administration::answer;

/// How long the past is.
const DAYS: i64 = 30;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Records of one write.
const CHUNK: usize = 1000;
/// How many requests come in each hour of a working day (UTC), out of a thousand.
const DAY_SHAPE: [u32; 24] = [8, 6, 5, 5, 6, 9, 18, 38, 66, 82, 88, 80, 62, 74, 86, 84, 76, 60, 44, 32, 25, 20, 15, 11];
/// Requests of a working day at the end; a month before it was about half of it.
const BUSY_DAY: u32 = 520;
/// So many days ago the third server was out of order for some hours.
const OUTAGE_DAYS_AGO: i64 = 9;
/// The hours of that.
const OUTAGE_HOURS: std::ops::Range<usize> = 13..17;

/// A model of the demo, and how it answers.
#[derive(Clone, Copy, Debug)]
struct Kind {
    server: &'static str,
    model: &'static str,
    endpoint: Endpoint,
    /// Smallest and largest number of tokens.
    input: (i64, i64),
    output: (i64, i64),
    /// To the first byte, in milliseconds.
    first_byte_ms: (u32, u32),
    /// For each token of the answer, in milliseconds.
    token_ms: u32,
    /// Billionths of a US dollar for each token, in and out; none is known for one of the models.
    price_nanos: Option<(i64, i64)>,
}

const SMALL: Kind = Kind {
    server: "riverside",
    model: "small",
    endpoint: Endpoint::ChatCompletions,
    input: (60, 2_400),
    output: (20, 700),
    first_byte_ms: (120, 420),
    token_ms: 6,
    price_nanos: Some((150, 600)),
};
const LARGE: Kind = Kind {
    server: "riverside",
    model: "large",
    endpoint: Endpoint::ChatCompletions,
    input: (300, 6_000),
    output: (120, 1_600),
    first_byte_ms: (350, 1_400),
    token_ms: 9,
    price_nanos: Some((2_500, 10_000)),
};
const EMBEDDING: Kind = Kind {
    server: "hilltop",
    model: "embedding",
    endpoint: Endpoint::Embeddings,
    input: (80, 900),
    output: (0, 0),
    first_byte_ms: (25, 110),
    token_ms: 0,
    price_nanos: Some((20, 0)),
};
const THINKER: Kind = Kind {
    server: "hilltop",
    model: "thinker",
    endpoint: Endpoint::ChatCompletions,
    input: (200, 3_000),
    output: (500, 4_000),
    first_byte_ms: (1_500, 6_000),
    token_ms: 7,
    price_nanos: None,
};
const FLAKY: Kind = Kind { server: "old-mill", model: "flaky", ..SMALL };

/// Who calls what: out of a hundred requests of an hour, up to which number the line counts.
const CALLS: [(u32, &str, Kind); 8] = [
    (30, "chat-assistant", SMALL),
    (46, "chat-assistant", LARGE),
    (50, "chat-assistant", THINKER),
    (64, "code-review", LARGE),
    (70, "code-review", THINKER),
    (74, "code-review", FLAKY),
    (94, "search-index", EMBEDDING),
    (100, "search-index", SMALL),
];

/// Who is who in the database.
struct Names {
    servers: Vec<(String, ServerId)>,
    apps: Vec<(String, AppId)>,
    keys: Vec<(AppId, KeyId)>,
}

/// Writes the past, which ends where the hour of `now` begins.
pub(super) async fn write(services: &Services, records: &UsageRecords, now: SystemTime) -> anyhow::Result<()> {
    let actor = &Actor::Console;
    let servers = answer(services.servers.list(actor).await)?;
    let apps = answer(services.apps.list(actor).await)?;
    let keys = answer(services.keys.list(actor).await)?;
    let names = Names {
        servers: servers.into_iter().map(|server| (server.name, server.id)).collect(),
        apps: apps.into_iter().map(|app| (app.name, app.id)).collect(),
        keys: keys
            .into_iter()
            .filter(|key| key.state == KeyState::Active)
            .filter_map(|key| Some((key.app_id?, key.id)))
            .collect(),
    };
    let past = past(&names, milliseconds(now));
    for chunk in past.chunks(CHUNK) {
        records.insert_batch(chunk).await.context("cannot write the past of the demo")?;
    }
    Ok(())
}

/// Milliseconds since 1970 UTC.
fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// All records, from the oldest to the newest.
fn past(names: &Names, now_ms: i64) -> Vec<UsageRecord> {
    let mut random = StdRng::seed_from_u64(4);
    let end_ms = now_ms - now_ms.rem_euclid(HOUR_MS);
    let first_day_ms = end_ms - end_ms.rem_euclid(DAY_MS) - DAYS * DAY_MS;
    let mut records = Vec::new();
    for day in 0..=DAYS {
        let day_ms = first_day_ms + day * DAY_MS;
        let per_day = requests_of_day(day_ms, day);
        for (hour, share) in (0_i64..).zip(DAY_SHAPE) {
            let hour_ms = day_ms + hour * HOUR_MS;
            if hour_ms >= end_ms {
                break;
            }
            let is_outage =
                DAYS - day == OUTAGE_DAYS_AGO && usize::try_from(hour).is_ok_and(|hour| OUTAGE_HOURS.contains(&hour));
            let count = (per_day * share / 1000).saturating_add(random.random_range(0..4));
            let mut calls: Vec<(&str, Kind)> = (0..count).filter_map(|_| call(random.random_range(0..100))).collect();
            if hour == 2 {
                // The batch of the night.
                calls.extend(std::iter::repeat_n((BATCH, LARGE), random.random_range(25..45)));
            }
            if is_outage {
                calls.extend(std::iter::repeat_n(("code-review", FLAKY), 14));
            }
            let mut hour_records: Vec<UsageRecord> = calls
                .into_iter()
                .map(|(app, kind)| {
                    let started_at_ms = hour_ms + random.random_range(0..HOUR_MS);
                    record(&mut random, names, app, kind, started_at_ms, is_outage)
                })
                .collect();
            hour_records.sort_by_key(|record| record.started_at_ms);
            records.append(&mut hour_records);
        }
    }
    records
}

/// More every week, and little on Saturdays and Sundays.
fn requests_of_day(day_ms: i64, day: i64) -> u32 {
    // 1970 began with a Thursday.
    let is_weekend = matches!((day_ms / DAY_MS).rem_euclid(7), 2 | 3);
    let grown = BUSY_DAY / 2 + BUSY_DAY / 2 * u32::try_from(day).unwrap_or(0) / u32::try_from(DAYS).unwrap_or(1);
    if is_weekend { grown * 3 / 10 } else { grown }
}

fn call(pick: u32) -> Option<(&'static str, Kind)> {
    CALLS.iter().find(|(up_to, ..)| pick < *up_to).map(|(_, app, kind)| (*app, *kind))
}

fn record(
    random: &mut StdRng,
    names: &Names,
    app: &str,
    kind: Kind,
    started_at_ms: i64,
    is_outage: bool,
) -> UsageRecord {
    let fate = random.random_range(0..1000);
    let outcome = match fate {
        _ if kind.model == FLAKY.model && (is_outage || fate < 250) => Outcome::UpstreamError,
        0..6 => Outcome::UpstreamError,
        6..10 => Outcome::UpstreamCut,
        10..22 => Outcome::ClientClosed,
        22..26 if app == BATCH => Outcome::QueueTimeout,
        _ => Outcome::Completed,
    };
    let (status, error_code) = match outcome {
        Outcome::UpstreamError => (503, None),
        Outcome::QueueTimeout => (503, Some("queue_timeout")),
        _ => (200, None),
    };
    let answered = !matches!(outcome, Outcome::UpstreamError | Outcome::QueueTimeout);
    let is_whole = outcome == Outcome::Completed;
    let input = random.random_range(kind.input.0..=kind.input.1);
    let output = random.random_range(kind.output.0..=kind.output.1) / if is_whole { 1 } else { 3 };
    let cached = if random.random_range(0..100) < 35 { input * random.random_range(30..80) / 100 } else { 0 };
    let reasoning = if kind.model == THINKER.model { output * 6 / 10 } else { 0 };
    // The batch has to wait, and now and then somebody else.
    let queue_ms = if app == BATCH || (kind.server == LARGE.server && random.random_range(0..100) < 4) {
        random.random_range(200..9_000)
    } else {
        0
    };
    let first_byte_ms = queue_ms + random.random_range(kind.first_byte_ms.0..=kind.first_byte_ms.1);
    let answer_ms = u32::try_from(output).unwrap_or(0) * kind.token_ms;
    let is_estimated = answered && (!is_whole || random.random_range(0..100) < 2);
    let tokens =
        TokenCounts { input: Some(input), cached: Some(cached), output: Some(output), reasoning: Some(reasoning) };
    let cost = kind.price_nanos.filter(|_| answered).map(|(per_input, per_output)| Money {
        amount: Amount::from_nanos((input - cached / 2) * per_input + output * per_output),
        currency: Currency::USD,
    });
    let app_id = names.apps.iter().find(|(name, _)| name == app).map(|(_, id)| *id);
    let mut rest = [0; 10];
    random.fill_bytes(&mut rest);
    UsageRecord {
        id: Builder::from_unix_timestamp_millis(u64::try_from(started_at_ms).unwrap_or(0), &rest).into_uuid(),
        client_request_id: None,
        started_at_ms,
        app: app_id.map_or_else(|| AppReference::Named(app.to_owned()), AppReference::Registered),
        key_id: names.keys.iter().find(|(owner, _)| Some(*owner) == app_id).map(|(_, id)| *id),
        server_id: names.servers.iter().find(|(name, _)| name == kind.server).map(|(_, id)| *id),
        model: kind.model.to_owned(),
        model_exists: true,
        endpoint: kind.endpoint,
        streamed: kind.endpoint == Endpoint::ChatCompletions && fate % 3 > 0,
        outcome,
        status,
        error_code: error_code.map(Cow::Borrowed),
        attempts: u16::from(outcome != Outcome::QueueTimeout),
        queue_ms,
        limited_by: (queue_ms > 0).then_some(LimitName::ServerConcurrency),
        sent_at_ms: Some(started_at_ms + i64::from(queue_ms)),
        charged_tokens: None,
        tokens: if answered { tokens } else { TokenCounts::default() },
        token_source: match (answered, is_estimated) {
            (false, _) => TokenSource::None,
            (true, true) => TokenSource::Estimated,
            (true, false) => TokenSource::Reported,
        },
        cost,
        first_byte_ms: answered.then_some(first_byte_ms),
        duration_ms: first_byte_ms + if answered { answer_ms } else { 0 },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names() -> Names {
        Names {
            servers: Vec::new(),
            apps: vec![("code-review".to_owned(), AppId(2))],
            keys: vec![(AppId(2), KeyId(5))],
        }
    }

    #[test]
    fn the_past_ends_before_now_and_every_record_is_one_of_its_own() {
        let now_ms = 1_795_218_576_123;
        let records = past(&names(), now_ms);
        assert!((5_000..50_000).contains(&records.len()), "{}", records.len());
        let ids: BTreeSet<_> = records.iter().map(|record| record.id).collect();
        assert_eq!(ids.len(), records.len());
        for record in &records {
            assert!(record.started_at_ms < now_ms - now_ms % HOUR_MS && record.started_at_ms >= now_ms - 31 * DAY_MS);
            let (seconds, nanos) = record.id.get_timestamp().map(|time| time.to_unix()).unwrap_or_default();
            let id_ms = seconds * 1000 + u64::from(nanos / 1_000_000);
            assert_eq!(Ok(record.started_at_ms), i64::try_from(id_ms), "the id sorts as the time does");
        }
        let outcomes: BTreeSet<i16> = records.iter().map(|record| record.outcome.code()).collect();
        assert!(outcomes.len() >= 4, "{outcomes:?}");
        assert!(records.iter().any(|record| record.key_id == Some(KeyId(5))));
    }

    #[test]
    fn the_past_is_the_same_every_time() {
        assert_eq!(past(&names(), 1_795_218_576_123), past(&names(), 1_795_218_600_000));
    }

    #[test]
    fn every_number_below_a_hundred_is_somebodys_call() {
        assert!((0..100).all(|pick| call(pick).is_some()) && call(100).is_none());
    }
}
