//! Searches over generated records, against the same search written as a loop.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions, reason = "tests")]

use proptest::prelude::*;
use sea_orm::{QueryTrait, Statement};

use super::*;
use crate::model::{AppId, Endpoint, KeyId, ServerId, TokenCounts, TokenSource};
use crate::storage::tests::database;
use crate::storage::{Database, UsageRecords};
use crate::usage::{AppReference, UsageRecord};

/// When the records begin, in milliseconds since 1970 UTC.
const START_MS: i64 = 1_790_000_000_000;
/// From one record to the next: minutes, so that the slack of ids has no say.
const PACE_MS: i64 = 180_000;
const COUNT: usize = 90;

const OUTCOMES: [Outcome; 3] = [Outcome::Completed, Outcome::UpstreamError, Outcome::Rejected];
const MODELS: [&str; 4] = ["", "gpt-4o", "typo", "人"];

fn started_ms(number: usize) -> i64 {
    START_MS + PACE_MS * i64::try_from(number).unwrap()
}

/// Records that differ in everything that can be looked for.
fn records() -> Vec<UsageRecord> {
    (0..COUNT)
        .map(|number| {
            let model = MODELS[number % 4];
            let none_or = |id: usize| (id > 0).then(|| i64::try_from(id).unwrap());
            UsageRecord {
                id: Uuid::from_u128(first_id(started_ms(number)).as_u128() | (0xabcd_u128 + number as u128)),
                client_request_id: (number % 5 != 0).then(|| format!("client-{}", number % 3)),
                started_at_ms: started_ms(number),
                app: AppReference::Registered(AppId(i64::try_from(number % 3 + 1).unwrap())),
                key_id: none_or(number % 4).map(KeyId),
                server_id: none_or(number % 7 % 3).map(ServerId),
                model: model.to_owned(),
                model_exists: model == "gpt-4o" || model == "人",
                endpoint: Endpoint::ChatCompletions,
                streamed: false,
                outcome: OUTCOMES[number % 11 % 3],
                status: 200,
                error_code: (model == "typo").then(|| MODEL_NOT_FOUND.into()),
                attempts: 1,
                queue_ms: 0,
                limited_by: None,
                sent_at_ms: Some(started_ms(number) + 3),
                charged_tokens: Some(8),
                tokens: TokenCounts::default(),
                token_source: TokenSource::None,
                cost: None,
                first_byte_ms: None,
                duration_ms: 1,
            }
        })
        .collect()
}

fn selection<T: Clone + std::fmt::Debug + 'static>(values: Vec<T>) -> impl Strategy<Value = Option<Selection<T>>> {
    let some = (prop::sample::subsequence(values, 0..=2), any::<bool>());
    prop::option::of(some.prop_map(|(any_of, or_none)| Selection { any_of, or_none }))
}

fn searches() -> impl Strategy<Value = Search> {
    let instant = || {
        prop::option::of((0..COUNT).prop_flat_map(|number| (-1..=1_i64).prop_map(move |by| started_ms(number) + by)))
    };
    let models = MODELS[1..].iter().map(|model| (*model).to_owned()).collect();
    let id = prop::option::weighted(
        0.2,
        prop_oneof![
            (0..3).prop_map(|number| SearchedId::Client(format!("client-{number}"))),
            (0..COUNT).prop_map(|number| SearchedId::Own(records()[number].id)),
        ],
    );
    (
        selection(vec![ServerId(1), ServerId(2), ServerId(9)]),
        selection(vec![AppId(1), AppId(2), AppId(3)]),
        selection(vec![KeyId(1), KeyId(2), KeyId(3)]),
        selection(models),
        prop::option::of(prop::sample::subsequence(OUTCOMES.to_vec(), 0..=3)),
        (instant(), instant()),
        id,
    )
        .prop_map(|(servers, apps, keys, models, outcomes, (from_ms, to_ms), id)| Search {
            filter: RequestFilter { servers, apps, keys, models, outcomes },
            from_ms,
            to_ms,
            id,
        })
}

fn matches<T: PartialEq>(selection: Option<&Selection<T>>, value: Option<T>) -> bool {
    selection.is_none_or(|wanted| value.map_or(wanted.or_none, |value| wanted.any_of.contains(&value)))
}

fn is_meant(search: &Search, record: &UsageRecord) -> bool {
    let AppReference::Registered(app) = record.app else { return false };
    let Search { filter, from_ms, to_ms, id } = search;
    let model_is_meant = filter
        .models
        .as_ref()
        .is_none_or(|wanted| wanted.any_of.contains(&record.model) || (wanted.or_none && !record.model_exists));
    matches(filter.servers.as_ref(), record.server_id)
        && matches(filter.apps.as_ref(), Some(app))
        && matches(filter.keys.as_ref(), record.key_id)
        && model_is_meant
        && filter.outcomes.as_ref().is_none_or(|wanted| wanted.contains(&record.outcome))
        && from_ms.is_none_or(|from_ms| record.started_at_ms >= from_ms)
        && to_ms.is_none_or(|to_ms| record.started_at_ms < to_ms)
        && id.as_ref().is_none_or(|id| match id {
            SearchedId::Own(id) => record.id == *id,
            SearchedId::Client(id) => record.client_request_id.as_ref() == Some(id),
        })
}

/// All pages of a search, each by a cursor of the one before, as a client would ask for them.
async fn all(database: &Database, search: &Search, limit: u64, step_rows: u64) -> (Vec<String>, usize) {
    let (mut ids, mut pages, mut cursor) = (Vec::new(), 0, None);
    loop {
        let mut explorer = Explorer { step_rows, ..Explorer::new(search.clone(), cursor) };
        let rows = explorer.step(database.reader(), limit).await.unwrap();
        assert!(rows.len() <= usize::try_from(limit).unwrap());
        ids.extend(rows.into_iter().map(|row| row.id));
        pages += 1;
        cursor = explorer.rest();
        if cursor.is_none() {
            return (ids, pages);
        }
    }
}

#[test]
fn finds_what_is_meant_once_and_in_order() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_folder, database) = runtime.block_on(database());
    let records = records();
    runtime.block_on(UsageRecords::new(database.clone(), 0).insert_batch(&records)).unwrap();
    proptest!(|(search in searches(), limit in 1..40_u64, step_rows in 1..60_u64)| {
        let (found, pages) = runtime.block_on(all(&database, &search, limit, step_rows));
        let expected: Vec<String> =
            records.iter().rev().filter(|record| is_meant(&search, record)).map(|record| record.id.to_string()).collect();
        prop_assert_eq!(&found, &expected, "{:?}", search);
        // Neither too short steps nor an endless row of empty ones.
        prop_assert!(pages as u64 <= COUNT as u64 / step_rows + expected.len() as u64 / limit + 2);
    });
}

#[tokio::test]
async fn says_how_far_it_went() {
    let (_folder, database) = database().await;
    UsageRecords::new(database.clone(), 0).insert_batch(&records()).await.unwrap();
    let nowhere = Selection { any_of: vec![ServerId(9)], or_none: false };
    let filter = RequestFilter { servers: Some(nowhere), ..RequestFilter::default() };
    let search = Search { filter, ..Search::default() };
    let mut explorer = Explorer { step_rows: 10, ..Explorer::new(search, None) };
    assert!(explorer.step(database.reader(), 5).await.unwrap().is_empty());
    assert_eq!(explorer.searched_to_ms(), Some(started_ms(COUNT - 10)));
    // A page that is full says nothing of the kind.
    let mut explorer = Explorer::new(Search::default(), None);
    assert_eq!(explorer.step(database.reader(), 5).await.unwrap().len(), 5);
    assert_eq!(explorer.searched_to_ms(), None);
    assert!(explorer.rest().is_some());
}

#[tokio::test]
async fn one_of_them_has_everything() {
    let (_folder, database) = database().await;
    let records = records();
    UsageRecords::new(database.clone(), 0).insert_batch(&records).await.unwrap();
    let detail = find(database.reader(), records[4].id).await.unwrap().unwrap();
    assert_eq!(detail.request.id, records[4].id.to_string());
    assert_eq!((detail.sent_at_ms, detail.charged_tokens), (Some(started_ms(4) + 3), Some(8)));
    assert!(find(database.reader(), Uuid::nil()).await.unwrap().is_none());
}

#[tokio::test]
async fn goes_by_the_index_of_ids_whatever_is_looked_for() {
    let (_folder, database) = database().await;
    let filter = RequestFilter {
        servers: Some(Selection { any_of: vec![ServerId(1), ServerId(2)], or_none: true }),
        apps: Some(Selection { any_of: vec![AppId(1)], or_none: false }),
        keys: Some(Selection { any_of: vec![KeyId(1)], or_none: false }),
        models: Some(Selection { any_of: vec!["gpt-4o".to_owned()], or_none: true }),
        outcomes: Some(vec![Outcome::Rejected]),
    };
    let id = Some(SearchedId::Client("x".to_owned()));
    let search = Search { filter, from_ms: Some(START_MS), to_ms: Some(START_MS + 1), id };
    let explorer = Explorer { floor: Floor::At(Uuid::nil()), ..Explorer::new(search, None) };
    for query in [explorer.floor_query(), explorer.rows_query(51)] {
        let sql = query.build(sea_orm::DbBackend::Sqlite).to_string();
        let plan = Statement::from_string(sea_orm::DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {sql}"));
        let rows = database.reader().query_all_raw(plan).await.unwrap();
        let text: Vec<String> = rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap()).collect();
        assert_eq!(text.len(), 1, "{sql}: {text:?}");
        assert!(text[0].contains("sqlite_autoindex_usage_records_1 (id>? AND id<?)"), "{sql}: {text:?}");
    }
}
