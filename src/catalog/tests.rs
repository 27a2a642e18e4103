//! Tests of loading and watching, on real SQLite files.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use sea_orm::ConnectionTrait;
use tokio_util::sync::CancellationToken;

use super::{Catalog, api_key_record};
use crate::crypto::{KeyRing, Secret, hash_token};
use crate::model::{
    Limits, Overflow, Priority, ProviderKind, QueueOrder, QueuePolicy, ServerId, ServerModel, Timeouts,
};
use crate::storage::apps::NewApp;
use crate::storage::keys::KeyFields;
use crate::storage::servers::{SealedKey, ServerFields};
use crate::storage::tests::{database, open};
use crate::storage::{Database, apps, catalog_state, keys, servers};

fn ring(first: u8) -> Arc<KeyRing> {
    Arc::new(KeyRing::new(&[std::array::from_fn(|index| u8::try_from(index).unwrap().wrapping_add(first))]).unwrap())
}

const LIMITS: Limits =
    Limits { requests_per_minute: Some(10), tokens_per_minute: Some(1_000_000_000), concurrency: Some(1) };
const QUEUE: QueuePolicy =
    QueuePolicy { length: 0, deadline_ms: 100, overflow: Overflow::RejectNewest, order: QueueOrder::Fair };

async fn add_server(database: &Database, key_ring: &KeyRing, name: &str) -> ServerId {
    let fields = ServerFields {
        name: name.to_owned(),
        provider: ProviderKind::OpenAi,
        base_url: "http://127.0.0.1:9/v1".to_owned(),
        models: vec![ServerModel { name: "m".to_owned(), upstream_name: "up".to_owned() }],
        enabled: true,
        request_stream_usage: true,
        timeouts: Timeouts::default(),
        limits: LIMITS,
        queue: QUEUE,
    };
    let transaction = database.begin_write().await.unwrap();
    let id = servers::insert(&transaction, &fields, 1).await.unwrap();
    let sealed = key_ring.seal(&Secret::new("sk-upstream".to_owned()), &api_key_record(id)).unwrap();
    servers::set_key(&transaction, id, Some(SealedKey { sealed, hint: "ream".to_owned() })).await.unwrap();
    catalog_state::bump(&transaction).await.unwrap();
    transaction.commit().await.unwrap();
    id
}

#[tokio::test]
async fn loads_servers_with_opened_keys() {
    let (_folder, database) = database().await;
    add_server(&database, &ring(1), "a").await;
    let catalog = Catalog::load(database, ring(1)).await.unwrap();
    let snapshot = catalog.snapshot();
    let target = snapshot.targets("m").first().unwrap();
    assert_eq!(&*target.upstream_model, "up");
    assert_eq!(target.server.api_key, Some(Secret::new("sk-upstream".to_owned())));
    assert!(target.server.usable);
}

#[tokio::test]
async fn a_server_whose_key_cannot_be_opened_is_there_and_unusable() {
    let (_folder, database) = database().await;
    add_server(&database, &ring(1), "sealed-with-another-key").await;
    add_server(&database, &ring(2), "good").await;
    let catalog = Catalog::load(database, ring(2)).await.unwrap();
    let snapshot = catalog.snapshot();
    let usable: Vec<(&str, bool)> =
        snapshot.servers().iter().map(|server| (server.name.as_str(), server.usable)).collect();
    assert_eq!(usable, [("sealed-with-another-key", false), ("good", true)]);
    assert_eq!(snapshot.servers().first().unwrap().api_key, None);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_disables_itself_and_nothing_else() {
    let (_folder, database) = database().await;
    let changes = [
        ("provider", "provider = 'telepathy'"),
        ("url", "base_url = 'no url'"),
        ("timeout", "idle_ms = -1"),
        ("limit", "tokens_per_minute = -1"),
        ("zero", "requests_per_minute = 0"),
        ("queue", "queue_length = -1"),
        ("overflow", "queue_overflow = 'explode'"),
        ("order", "queue_order = 'alphabetical'"),
    ];
    for name in changes.map(|(name, _)| name).into_iter().chain(["good"]) {
        add_server(&database, &ring(1), name).await;
    }
    let catalog = Catalog::load(database.clone(), ring(1)).await.unwrap();
    let transaction = database.begin_write().await.unwrap();
    for (name, change) in changes {
        let sql = format!("UPDATE servers SET {change} WHERE name = '{name}'");
        transaction.execute_unprepared(&sql).await.unwrap();
    }
    catalog_state::bump(&transaction).await.unwrap();
    transaction.commit().await.unwrap();

    catalog.reload().await.unwrap();
    let snapshot = catalog.snapshot();
    let usable: Vec<&str> =
        snapshot.servers().iter().filter(|server| server.usable).map(|server| server.name.as_str()).collect();
    assert_eq!(usable, ["good"]);
    assert_eq!(snapshot.servers().len(), changes.len() + 1);
    // Where a limit cannot be read, there is none that would let more through.
    let limits = |name| snapshot.servers().iter().find(|server| server.name == name).unwrap().limits;
    assert_eq!(limits("limit").tokens_per_minute, Some(1));
    assert_eq!(limits("zero").requests_per_minute, Some(1));
    assert_eq!(snapshot.callable_models().next().unwrap().1.server.name, "good");
}

/// An app and a key of the same name.
async fn add_caller(database: &Database, name: &str) {
    let transaction = database.begin_write().await.unwrap();
    let app = NewApp { name, registered_by_request: false, limits: LIMITS, created_at_ms: 1 };
    let app_id = apps::insert(&transaction, app).await.unwrap();
    let fields = KeyFields {
        name: name.to_owned(),
        app_id: Some(app_id),
        models: Vec::new(),
        limits: LIMITS,
        priority: Priority::High,
        expires_at_ms: None,
    };
    keys::insert(&transaction, &fields, &hash_token(name), "hint".to_owned(), 1).await.unwrap();
    catalog_state::bump(&transaction).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn limits_queues_and_priorities_are_in_the_snapshot() {
    let (_folder, database) = database().await;
    add_server(&database, &ring(1), "a").await;
    add_caller(&database, "shop").await;
    let catalog = Catalog::load(database, ring(1)).await.unwrap();
    let snapshot = catalog.snapshot();
    let server = snapshot.servers().first().unwrap();
    assert_eq!((server.limits, server.queue), (LIMITS, QUEUE));
    assert_eq!(snapshot.app_by_name("shop").unwrap().limits, LIMITS);
    let key = snapshot.key(&hash_token("shop")).unwrap();
    assert_eq!((key.limits, key.priority), (LIMITS, Priority::High));
}

#[tokio::test]
async fn callers_whose_limits_cannot_be_read_are_refused_and_nobody_else() {
    let (_folder, database) = database().await;
    for name in ["app", "key", "priority", "good"] {
        add_caller(&database, name).await;
    }
    let catalog = Catalog::load(database.clone(), ring(1)).await.unwrap();
    let transaction = database.begin_write().await.unwrap();
    for sql in [
        "UPDATE apps SET requests_per_minute = -5 WHERE name = 'app'",
        "UPDATE api_keys SET concurrency = 0 WHERE name = 'key'",
        "UPDATE api_keys SET priority = 'urgent' WHERE name = 'priority'",
    ] {
        transaction.execute_unprepared(sql).await.unwrap();
    }
    catalog_state::bump(&transaction).await.unwrap();
    transaction.commit().await.unwrap();

    catalog.reload().await.unwrap();
    let snapshot = catalog.snapshot();
    let served = |name: &&str| snapshot.app_by_name(name).unwrap().enabled && snapshot.key(&hash_token(name)).is_some();
    assert_eq!(["app", "key", "priority", "good"].into_iter().filter(served).collect::<Vec<_>>(), ["good"]);
    assert_eq!(snapshot.app_by_name("app").unwrap().limits.requests_per_minute, Some(1));
}

#[tokio::test]
async fn looks_at_once_when_it_is_told() {
    let (_folder, database) = database().await;
    let catalog = Catalog::load(database.clone(), ring(1)).await.unwrap();
    let shutdown = CancellationToken::new();
    let watcher = {
        let (catalog, shutdown) = (Arc::clone(&catalog), shutdown.clone());
        tokio::spawn(async move { catalog.watch(shutdown, Duration::from_hours(1)).await })
    };
    add_server(&database, &ring(1), "a").await;
    catalog.look_now().notify_one();
    let seen = async {
        while catalog.snapshot().servers().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen).await.unwrap();
    shutdown.cancel();
    watcher.await.unwrap();
}

#[tokio::test]
async fn a_request_keeps_the_snapshot_that_it_started_with() {
    let (_folder, database) = database().await;
    let catalog = Catalog::load(database.clone(), ring(1)).await.unwrap();
    let before = catalog.snapshot();
    add_server(&database, &ring(1), "a").await;
    catalog.reload().await.unwrap();
    assert_eq!(before.servers().len(), 0);
    assert_eq!(catalog.snapshot().servers().len(), 1);
    assert_eq!(catalog.snapshot().revision(), before.revision() + 1);
}

#[tokio::test]
async fn sees_what_another_process_changes() {
    let (folder, database) = database().await;
    let catalog = Catalog::load(database, ring(1)).await.unwrap();
    let shutdown = CancellationToken::new();
    let watcher = {
        let (catalog, shutdown) = (Arc::clone(&catalog), shutdown.clone());
        tokio::spawn(async move { catalog.watch(shutdown, Duration::from_millis(5)).await })
    };
    let other_process = open(folder.path()).await;
    add_server(&other_process, &ring(1), "a").await;
    let seen = async {
        while catalog.snapshot().servers().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen).await.unwrap();
    shutdown.cancel();
    watcher.await.unwrap();
}

#[tokio::test]
async fn a_failed_reload_keeps_what_is_in_force() {
    let (_folder, database) = database().await;
    add_server(&database, &ring(1), "a").await;
    let catalog = Catalog::load(database.clone(), ring(1)).await.unwrap();
    let before = catalog.snapshot();
    database.close().await.unwrap();
    let error = catalog.reload().await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(Arc::ptr_eq(&before, &catalog.snapshot()));
}

#[tokio::test(flavor = "multi_thread")]
async fn never_goes_back_to_an_older_revision() {
    let (_folder, database) = database().await;
    let catalog = Catalog::load(database.clone(), ring(1)).await.unwrap();
    let reload = async {
        let mut last = 0;
        for _ in 0..30 {
            catalog.reload().await.unwrap();
            let revision = catalog.snapshot().revision();
            assert!(revision >= last);
            last = revision;
        }
    };
    let change = async {
        for number in 0..10 {
            add_server(&database, &ring(1), &format!("s{number}")).await;
            catalog.reload().await.unwrap();
            assert_eq!(catalog.snapshot().servers().len(), number + 1);
        }
    };
    tokio::join!(reload, change);
    assert_eq!(catalog.snapshot().servers().len(), 10);
}
