//! Usage in sums: that everything adds up, whatever it is split by and whatever the clocks do.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use super::{fixture, problem, problems};
use crate::model::{
    Amount, Endpoint, Granularity, KeyId, Money, Outcome, Problem, ServerId, TokenCounts, TokenSource, UsageQuery,
    UsageReport, UsageTotals,
};
use crate::services::stats::CALLERS_MAX;
use crate::services::{Actor, OwnUsage, Owner, ServiceError};
use crate::storage::UsageRecords;
use crate::usage::export::report_csv;
use crate::usage::{AppReference, UsageRecord};

const ZONES: [&str; 4] = ["UTC", "Asia/Shanghai", "Asia/Kolkata", "America/New_York"];

fn record(at_ms: i64, app: u8, outcome: Outcome) -> UsageRecord {
    UsageRecord {
        id: Uuid::now_v7(),
        client_request_id: None,
        started_at_ms: at_ms,
        app: AppReference::Named(format!("app-{app}")),
        key_id: None,
        server_id: None,
        model: "model".to_owned(),
        model_exists: true,
        endpoint: Endpoint::ChatCompletions,
        streamed: false,
        outcome,
        status: 200,
        error_code: None,
        attempts: 1,
        queue_ms: 0,
        limited_by: None,
        sent_at_ms: Some(at_ms),
        charged_tokens: None,
        tokens: TokenCounts { input: Some(3), cached: None, output: Some(5), reasoning: None },
        token_source: TokenSource::Reported,
        cost: None,
        first_byte_ms: Some(20),
        duration_ms: 300,
    }
}

/// A request at some time of a fortnight that begins at `start_ms`, with whatever else.
fn any_record(start_ms: i64) -> impl Strategy<Value = UsageRecord> {
    let tokens = (prop::option::of(0_i64..5000), 0_i64..100, 0_i64..100, 0_i64..100);
    let money = prop::option::of((0_i64..10_000_000_000, prop::sample::select(vec!["USD", "CNY"])));
    (0_i64..14 * 86_400_000, 0_u8..3, 1_i16..=8, tokens, money, 0_u32..3, prop::option::of(0_u32..100_000)).prop_map(
        move |(after, app, outcome, (input, cached, output, reasoning), money, queue_ms, first_byte_ms)| {
            let some = |count| input.map(|_| count);
            let tokens = TokenCounts { input, cached: some(cached), output: some(output), reasoning: some(reasoning) };
            let cost = money.filter(|_| input.is_some()).map(|(nanos, currency)| Money {
                amount: Amount::from_nanos(nanos),
                currency: currency.parse().unwrap(),
            });
            UsageRecord {
                server_id: (app > 0).then_some(ServerId(i64::from(app))),
                key_id: (queue_ms > 1).then_some(KeyId(1)),
                model: format!("model-{}", after % 3),
                model_exists: after % 5 > 0,
                tokens,
                cost,
                token_source: if input.is_some_and(|count| count % 2 == 0) {
                    TokenSource::Estimated
                } else {
                    TokenSource::Reported
                },
                queue_ms,
                first_byte_ms,
                ..record(start_ms + after, app, Outcome::from_code(outcome).unwrap())
            }
        },
    )
}

/// The counts of all rows together, without percentiles: those do not add up.
fn added(report: &UsageReport) -> UsageTotals {
    let mut sum = UsageTotals::default();
    for row in &report.rows {
        let totals = &row.totals;
        sum.requests += totals.requests;
        sum.completed += totals.completed;
        sum.errors += totals.errors;
        sum.estimated += totals.estimated;
        sum.unpriced += totals.unpriced;
        sum.input_tokens += totals.input_tokens;
        sum.cached_tokens += totals.cached_tokens;
        sum.output_tokens += totals.output_tokens;
        sum.reasoning_tokens += totals.reasoning_tokens;
        sum.total_tokens += totals.total_tokens;
        sum.queued += totals.queued;
        sum.queue_ms += totals.queue_ms;
        for cost in &totals.costs {
            match sum.costs.iter_mut().find(|found| found.currency == cost.currency) {
                Some(found) => found.amount.nanos += cost.amount.nanos,
                None => sum.costs.push(*cost),
            }
        }
    }
    sum.costs.sort_unstable_by_key(|cost| cost.currency);
    sum
}

fn counts(totals: &UsageTotals) -> UsageTotals {
    UsageTotals { first_byte_ms: None, duration_ms: None, ..totals.clone() }
}

/// What the rows themselves add up to.
fn expected(records: &[UsageRecord], from_ms: i64, to_ms: i64) -> UsageTotals {
    let mut sum = UsageTotals::default();
    for record in records.iter().filter(|record| (from_ms..to_ms).contains(&record.started_at_ms)) {
        let count = |count: Option<i64>| u64::try_from(count.unwrap_or(0)).unwrap();
        sum.requests += 1;
        sum.completed += u64::from(record.outcome == Outcome::Completed);
        sum.errors += u64::from(!matches!(record.outcome, Outcome::Completed | Outcome::ClientClosed));
        sum.estimated += u64::from(record.token_source == TokenSource::Estimated);
        sum.unpriced += u64::from(record.tokens.input.is_some() && record.cost.is_none());
        sum.input_tokens += count(record.tokens.input);
        sum.cached_tokens += count(record.tokens.cached);
        sum.output_tokens += count(record.tokens.output);
        sum.reasoning_tokens += count(record.tokens.reasoning);
        sum.queued += u64::from(record.queue_ms > 0);
        sum.queue_ms += u64::from(record.queue_ms);
        if let Some(cost) = record.cost {
            match sum.costs.iter_mut().find(|found| found.currency == cost.currency) {
                Some(found) => found.amount.nanos += cost.amount.nanos,
                None => sum.costs.push(cost),
            }
        }
    }
    sum.total_tokens = sum.input_tokens + sum.output_tokens;
    sum.costs.sort_unstable_by_key(|cost| cost.currency);
    sum
}

/// The sums of some columns of a CSV file.
fn csv_sums(report: &UsageReport) -> [u64; 3] {
    let text = report_csv(report, false).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_slice());
    let columns = reader.headers().unwrap().clone();
    let places =
        ["requests", "total_tokens", "queue_ms"].map(|name| columns.iter().position(|column| column == name).unwrap());
    let mut sums = [0; 3];
    for row in reader.records() {
        let row = row.unwrap();
        for (sum, place) in sums.iter_mut().zip(places) {
            *sum += row.get(place).unwrap().parse::<u64>().unwrap();
        }
    }
    sums
}

/// Hours, days, months and the total of a range are the same sums, equal to those of the rows and of the CSV, whatever it is
/// split by, in every zone, also across the days on which New York's clocks change.
#[test]
fn hours_and_days_and_the_total_and_the_csv_are_the_same_sums() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let starts = ["2026-03-01T00:00:00Z", "2026-10-25T00:00:00Z"].map(|text| text.parse::<Timestamp>().unwrap());
    let case = prop::sample::select(starts.to_vec()).prop_flat_map(|start| {
        let start_ms = start.as_millisecond();
        (
            prop::collection::vec(any_record(start_ms), 1..60),
            prop::sample::select(ZONES.to_vec()),
            // In quarters of an hour: a range is widened to those.
            (0_i64..1000, 1_i64..1300)
                .prop_map(move |(from, length)| (start_ms + from * 900_000, start_ms + (from + length) * 900_000)),
            prop::sample::subsequence(vec!["server", "app", "key", "model", "outcome"], 0..=5),
        )
    });
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&case, |(records, zone, (from_ms, to_ms), group_by)| {
            runtime.block_on(async {
                let fixture = fixture().await;
                let writer = UsageRecords::new(fixture.database.clone(), 100);
                // In two batches, and some of them again.
                let (first, second) = records.split_at(records.len() / 2);
                writer.insert_batch(first).await.unwrap();
                writer.insert_batch(second).await.unwrap();
                writer.insert_batch(&records).await.unwrap();
                let expected = expected(&records, from_ms, to_ms);
                let zoned = |at_ms| Timestamp::from_millisecond(at_ms).unwrap().to_string();
                for granularity in Granularity::ALL {
                    let query = UsageQuery {
                        from: Some(zoned(from_ms)),
                        to: Some(zoned(to_ms)),
                        tz: Some(zone.to_owned()),
                        granularity: Some(*granularity),
                        group_by: Some(group_by.join(",")),
                        ..UsageQuery::default()
                    };
                    let report = fixture.services.stats.usage(&Actor::Console, query).await.unwrap();
                    assert_eq!(counts(&report.total), expected, "{granularity} {zone}");
                    assert_eq!(added(&report), expected, "{granularity} {zone}");
                    let sums = [expected.requests, expected.total_tokens, expected.queue_ms];
                    assert_eq!(csv_sums(&report), sums, "{granularity} {zone}");
                    let zone = TimeZone::get(zone).unwrap();
                    for row in &report.rows {
                        let start = Timestamp::from_millisecond(row.start_ms).unwrap().to_zoned(zone.clone());
                        let begins = match granularity {
                            Granularity::Hour => start.minute() == 0,
                            Granularity::Day => start.start_of_day().unwrap() == start,
                            Granularity::Month => start.first_of_month().unwrap().start_of_day().unwrap() == start,
                            Granularity::Total => false,
                        };
                        assert!(begins || row.start_ms == from_ms, "{granularity} {start}");
                    }
                }
            });
            Ok(())
        })
        .unwrap();
}

async fn usage(fixture: &super::Fixture, query: UsageQuery) -> UsageReport {
    fixture.services.stats.usage(&Actor::Console, query).await.unwrap()
}

fn total(group_by: &str) -> UsageQuery {
    UsageQuery {
        from: Some("2026-11-01".to_owned()),
        to: Some("2026-11-30".to_owned()),
        granularity: Some(Granularity::Total),
        group_by: Some(group_by.to_owned()),
        ..UsageQuery::default()
    }
}

#[tokio::test]
async fn splits_filters_and_names_what_was_deleted() {
    let fixture = fixture().await;
    let at_ms = "2026-11-05T10:00:00Z".parse::<Timestamp>().unwrap().as_millisecond();
    let writer = UsageRecords::new(fixture.database.clone(), 2);
    let unknown =
        UsageRecord { model: "made-up".to_owned(), model_exists: false, ..record(at_ms, 1, Outcome::Rejected) };
    let priced = UsageRecord {
        cost: Some(Money { amount: Amount::from_nanos(7), currency: "USD".parse().unwrap() }),
        ..record(at_ms, 0, Outcome::Completed)
    };
    let batch = [
        record(at_ms, 0, Outcome::Completed),
        priced,
        record(at_ms, 0, Outcome::ClientClosed),
        record(at_ms, 1, Outcome::QueueTimeout),
        unknown,
        // One app more than may be registered.
        record(at_ms, 2, Outcome::Completed),
    ];
    writer.insert_batch(&batch).await.unwrap();
    let services = &fixture.services;
    let app = services.apps.list(&Actor::Console).await.unwrap().iter().find(|app| app.name == "app-0").unwrap().id;
    services.apps.delete(&Actor::Console, app).await.unwrap();

    let report = usage(&fixture, total("app,app")).await;
    let rows: Vec<_> = report
        .rows
        .iter()
        .map(|row| (row.group.app.as_ref().unwrap().name.as_deref(), row.totals.requests, row.totals.errors))
        .collect();
    assert_eq!(rows, [(Some("app-0"), 3, 0), (Some("app-1"), 2, 2), (None, 1, 0)]);
    assert_eq!((report.total.requests, report.total.unpriced), (6, 5));
    assert_eq!(report.total.costs.len(), 1);
    assert_eq!(report.rows.first().unwrap().start, "2026-11-01T00:00:00+00:00");

    let report = usage(&fixture, total("model,outcome")).await;
    let made_up = report.rows.iter().find(|row| row.group.outcome == Some(Outcome::Rejected)).unwrap();
    assert_eq!(made_up.group.model.as_deref(), Some(""));

    for (filter, requests) in [
        (UsageQuery { app: Some("app-0".to_owned()), ..total("") }, 3),
        (UsageQuery { app: Some("none".to_owned()), ..total("") }, 1),
        (UsageQuery { app: Some(format!("none,{app}")), ..total("") }, 4),
        (UsageQuery { outcome: Some("completed,queue_timeout".to_owned()), ..total("") }, 4),
        (UsageQuery { model: Some("none".to_owned()), ..total("") }, 1),
        (UsageQuery { server: Some("none".to_owned()), key: Some("none".to_owned()), ..total("") }, 6),
        (UsageQuery { to: Some("2026-11-04".to_owned()), ..total("") }, 0),
    ] {
        assert_eq!(usage(&fixture, filter.clone()).await.total.requests, requests, "{filter:?}");
    }
    let plain = usage(&fixture, UsageQuery { percentiles: Some(false), ..total("") }).await;
    assert_eq!((plain.total.requests, plain.total.duration_ms), (6, None));
    let percentiles = usage(&fixture, total("")).await.total.duration_ms.unwrap();
    assert!(percentiles.p50.abs_diff(300) <= 9, "{percentiles:?}");
}

#[tokio::test]
async fn refuses_what_it_cannot_answer() {
    let fixture = fixture().await;
    let ask = async |query| problems(fixture.services.stats.usage(&Actor::Console, query).await);
    let query = UsageQuery {
        from: Some("x".to_owned()),
        tz: Some("x".to_owned()),
        group_by: Some("app,x".to_owned()),
        server: Some("x".to_owned()),
        ..UsageQuery::default()
    };
    let found: Vec<String> = ask(query).await.into_iter().map(|problem| problem.field).collect();
    assert_eq!(found, ["tz", "from", "group_by", "server"]);
    let hours = UsageQuery {
        from: Some("2000-01-01".to_owned()),
        granularity: Some(Granularity::Hour),
        ..UsageQuery::default()
    };
    assert_eq!(ask(hours).await, problem("granularity", Problem::TooManyRows { max: 50_000 }));
}

#[tokio::test]
async fn sums_of_an_earlier_version_are_made_once() {
    use sea_orm::ConnectionTrait as _;
    let fixture = fixture().await;
    let at_ms = "2026-11-05T10:07:00Z".parse::<Timestamp>().unwrap().as_millisecond();
    let batch: Vec<UsageRecord> = (0..6000_i64)
        .map(|index| record(at_ms + index * 60_000, u8::try_from(index % 2).unwrap(), Outcome::Completed))
        .collect();
    UsageRecords::new(fixture.database.clone(), 10).insert_batch(&batch).await.unwrap();
    let before = usage(&fixture, total("app,outcome")).await;
    assert_eq!(before.total.requests, 6000);
    let writer = UsageRecords::new(fixture.database.clone(), 10);
    assert_eq!(writer.rebuild_sums().await.unwrap(), 0);
    let transaction = fixture.database.begin_write().await.unwrap();
    for table in ["usage_rollups", "usage_series"] {
        transaction.execute_unprepared(&format!("DELETE FROM {table}")).await.unwrap();
    }
    transaction.commit().await.unwrap();
    assert_eq!(usage(&fixture, total("app,outcome")).await.total.requests, 0);
    assert_eq!(writer.rebuild_sums().await.unwrap(), 6000);
    assert_eq!(usage(&fixture, total("app,outcome")).await, before);
    assert_eq!(writer.rebuild_sums().await.unwrap(), 0);
    writer.insert_batch(&batch).await.unwrap();
    assert_eq!(usage(&fixture, total("app,outcome")).await, before);
}

#[tokio::test]
async fn callers_see_what_is_theirs() {
    let fixture = fixture().await;
    let services = &fixture.services;
    let at_ms = "2026-11-05T10:00:00Z".parse::<Timestamp>().unwrap().as_millisecond();
    let console = Actor::Console;
    let app = |name: &str| crate::model::AppInput { name: name.to_owned(), ..Default::default() };
    let mine = services.apps.create(&console, app("mine")).await.unwrap().id;
    let other = services.apps.create(&console, app("other")).await.unwrap().id;
    let mut keys = Vec::new();
    for owner in [Some(mine), Some(mine), Some(other), None] {
        let input = crate::model::KeyInput { name: "k".to_owned(), app_id: owner, ..Default::default() };
        keys.push(services.keys.create(&console, input).await.unwrap().view.id);
    }
    let [first, second, foreign, unbound] = keys.try_into().unwrap();
    let row = |owner, key| UsageRecord {
        app: AppReference::Registered(owner),
        key_id: Some(key),
        ..record(at_ms, 0, Outcome::Completed)
    };
    let batch = [row(mine, first), row(mine, second), row(other, foreign), row(other, unbound), row(mine, unbound)];
    UsageRecords::new(fixture.database.clone(), 10).insert_batch(&batch).await.unwrap();
    let own = OwnUsage::new(fixture.database.clone(), TimeZone::UTC);
    let requests = async |owner, query| own.usage(owner, query).await.map(|report| report.total.requests);
    let with_key = |key: KeyId| UsageQuery { key: Some(key.to_string()), ..total("key") };
    assert_eq!(requests(Owner::App(mine), total("key,model,outcome")).await.unwrap(), 3);
    assert_eq!(requests(Owner::App(mine), with_key(second)).await.unwrap(), 1);
    assert_eq!(requests(Owner::Key(unbound), total("")).await.unwrap(), 2);
    assert_eq!(requests(Owner::Key(unbound), with_key(unbound)).await.unwrap(), 2);
    for (owner, query, field) in [
        (Owner::App(mine), with_key(foreign), "key"),
        (Owner::App(mine), with_key(unbound), "key"),
        (Owner::Key(unbound), with_key(first), "key"),
        (Owner::App(mine), UsageQuery { app: Some("other".to_owned()), ..total("") }, "app"),
        (Owner::Key(unbound), UsageQuery { server: Some("none".to_owned()), ..total("") }, "server"),
        (Owner::App(mine), total("server"), "group_by"),
    ] {
        assert_eq!(problems(own.usage(owner, query).await), problem(field, Problem::Unknown), "{field}");
    }
    // A key that is bound to nothing has named this app: what it is called is not the app's affair.
    let report = own.usage(Owner::App(mine), total("key")).await.unwrap();
    let rows: Vec<_> = report.rows.iter().map(|row| (row.group.key.clone().unwrap().id, row.totals.requests)).collect();
    assert_eq!(rows.len(), 3, "{report:?}");
    assert!(rows.contains(&(None, 1)) && rows.contains(&(Some(first), 1)) && rows.contains(&(Some(second), 1)));
    assert!(
        report
            .rows
            .iter()
            .all(|row| row.group.key.as_ref().unwrap().id.is_some() || row.group.key.as_ref().unwrap().name.is_none())
    );
    let nothing = UsageQuery { key: Some("none".to_owned()), ..total("") };
    assert_eq!(requests(Owner::App(mine), nothing.clone()).await.unwrap(), 0);
    assert_eq!(requests(Owner::Key(unbound), nothing).await.unwrap(), 0);
}

#[tokio::test]
async fn callers_leave_connections_to_others() {
    let fixture = fixture().await;
    let own = OwnUsage::new(fixture.database.clone(), TimeZone::UTC);
    let ask = async |query| own.usage(Owner::Key(KeyId(1)), query).await;
    let others = own.turns.acquire_many(u32::try_from(CALLERS_MAX).unwrap()).await.unwrap();
    let busy = ask(total("")).await.unwrap_err();
    assert!(matches!(busy, ServiceError::Busy) && !busy.is_failure(), "{busy:?}");
    drop(others);
    assert_eq!(ask(total("")).await.unwrap().total.requests, 0);
    let hours = UsageQuery {
        from: Some("2026-01-01".to_owned()),
        to: Some("2026-10-31".to_owned()),
        granularity: Some(Granularity::Hour),
        ..UsageQuery::default()
    };
    assert_eq!(problems(ask(hours.clone()).await), problem("granularity", Problem::TooManyRows { max: 5000 }));
    fixture.services.stats.usage(&Actor::Console, hours).await.unwrap();
}
