//! Apps, keys, tokens, requests and the first page.

use sea_orm::ConnectionTrait;

use super::*;
use crate::crypto::hash_token;
use crate::model::bounds::{CONCURRENCY_MAX, REQUESTS_PER_MINUTE_MAX};
use crate::model::{
    AccessPolicy, AppId, AppInput, Endpoint, KeyInput, KeyState, Outcome, Overview, Priority, RequestQuery, Resource,
    TokenCounts, TokenSource,
};
use crate::services::AppChange;
use crate::storage::UsageRecords;
use crate::usage::{AppReference, UsageRecord};

const CONSOLE: &Actor = &Actor::Console;

fn app(name: &str) -> AppInput {
    AppInput { name: name.to_owned(), ..AppInput::default() }
}

fn key(name: &str) -> KeyInput {
    KeyInput { name: name.to_owned(), ..KeyInput::default() }
}

#[tokio::test]
async fn a_key_is_seen_once_and_found_by_its_hash() {
    let Fixture { services, catalog, folder: _folder, .. } = fixture().await;
    let app = services.apps.create(CONSOLE, app("shop")).await.unwrap();
    let input = KeyInput { app_id: Some(app.id), models: vec!["m".to_owned()], ..key(" first ") };
    let created = services.keys.create(CONSOLE, input).await.unwrap();
    assert!(created.key.ends_with(&created.view.hint));
    assert_eq!((created.view.name.as_str(), created.view.app_name.as_deref()), ("first", Some("shop")));
    let snapshot = catalog.snapshot();
    let entry = snapshot.key(&hash_token(&created.key)).unwrap();
    assert_eq!((entry.app_id, entry.allows("m"), entry.allows("n")), (Some(app.id), true, false));
    assert_eq!(services.apps.list(CONSOLE).await.unwrap().first().unwrap().active_keys, 1);

    let view = services.keys.revoke(CONSOLE, created.view.id).await.unwrap();
    assert_eq!(view.state, KeyState::Revoked);
    assert_eq!(services.keys.revoke(CONSOLE, created.view.id).await.unwrap(), view);
    assert!(catalog.snapshot().key(&hash_token(&created.key)).is_none());
    let edited = services.keys.update(CONSOLE, created.view.id, key("again")).await.unwrap_err();
    assert!(matches!(edited, ServiceError::NotFound(Resource::Key)));
}

#[tokio::test]
async fn every_problem_of_a_key_is_found_at_once() {
    let Fixture { services, folder: _folder, .. } = fixture().await;
    let input = KeyInput {
        name: " ".to_owned(),
        app_id: Some(AppId(9)),
        models: vec!["m".to_owned(), "m".to_owned()],
        expires_at_ms: Some(1),
        limits: Limits { concurrency: Some(0), ..Limits::default() },
        budgets: Vec::new(),
        priority: Priority::default(),
    };
    let expected = [
        ("name", Problem::Required),
        ("models", Problem::ListDuplicate { value: "m".to_owned() }),
        ("limits.concurrency", Problem::OutOfRange { min: 1, max: CONCURRENCY_MAX }),
        ("expires_at_ms", Problem::InThePast),
        ("app_id", Problem::Unknown),
    ]
    .map(|(field, problem)| FieldProblem::new(field, problem));
    assert_eq!(problems(services.keys.create(CONSOLE, input).await), expected);
}

#[tokio::test]
async fn a_key_can_be_changed_and_stays_the_same_key() {
    let Fixture { services, catalog, folder: _folder, .. } = fixture().await;
    let created = services.keys.create(CONSOLE, key("a")).await.unwrap();
    let end = i64::MAX / 2;
    let limits = Limits { tokens_per_minute: Some(5), ..Limits::default() };
    let input = KeyInput {
        models: vec!["x".to_owned()],
        expires_at_ms: Some(end),
        limits,
        priority: Priority::High,
        ..key("b")
    };
    let view = services.keys.update(CONSOLE, created.view.id, input).await.unwrap();
    assert_eq!((view.name.as_str(), view.expires_at_ms, view.state), ("b", Some(end), KeyState::Active));
    assert_eq!((view.limits, view.priority), (limits, Priority::High));
    let snapshot = catalog.snapshot();
    let entry = snapshot.key(&hash_token(&created.key)).unwrap();
    assert_eq!((entry.limits, entry.priority), (limits, Priority::High));
    assert_eq!((entry.models.as_slice(), entry.expires_at_ms), (&["x".to_owned()][..], Some(end)));
}

#[tokio::test]
async fn limits_of_an_app_are_set_and_lifted_without_touching_the_rest() {
    let Fixture { services, catalog, folder: _folder, .. } = fixture().await;
    let first = Limits { requests_per_minute: Some(10), ..Limits::default() };
    let shop = services.apps.create(CONSOLE, AppInput { limits: first, ..app("shop") }).await.unwrap();
    assert_eq!((shop.limits, catalog.snapshot().app(shop.id).unwrap().limits), (first, first));
    services.apps.set_enabled(CONSOLE, shop.id, false).await.unwrap();
    let other = Limits { tokens_per_minute: Some(7), concurrency: Some(3), requests_per_minute: None };
    let view = services.apps.set_limits(CONSOLE, shop.id, other).await.unwrap();
    assert_eq!((view.limits, view.enabled), (other, false));
    assert_eq!(catalog.snapshot().app(shop.id).unwrap().limits, other);
    let view = services
        .apps
        .change(CONSOLE, shop.id, AppChange { enabled: Some(true), limits: Some(Limits::default()), budgets: None })
        .await
        .unwrap();
    assert_eq!((view.limits, view.enabled), (Limits::default(), true));

    // All of it or nothing, and every problem at once.
    let wrong = Limits { requests_per_minute: Some(0), concurrency: Some(CONCURRENCY_MAX + 1), ..first };
    let expected = [
        ("limits.requests_per_minute", Problem::OutOfRange { min: 1, max: REQUESTS_PER_MINUTE_MAX }),
        ("limits.concurrency", Problem::OutOfRange { min: 1, max: CONCURRENCY_MAX }),
    ]
    .map(|(field, problem)| FieldProblem::new(field, problem));
    assert_eq!(
        problems(
            services
                .apps
                .change(CONSOLE, shop.id, AppChange { enabled: Some(false), limits: Some(wrong), budgets: None })
                .await
        ),
        expected
    );
    assert_eq!(services.apps.list(CONSOLE).await.unwrap(), [view]);
    let both = services.apps.create(CONSOLE, AppInput { limits: wrong, ..app("shop") }).await;
    assert_eq!(problems(both).len(), 3);
    let gone = services.apps.set_limits(CONSOLE, AppId(99), first).await.unwrap_err();
    assert!(matches!(gone, ServiceError::NotFound(Resource::App)));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_until_it_is_saved_again() {
    let Fixture { services, database, catalog, folder: _folder } = fixture().await;
    let shop = services.apps.create(CONSOLE, app("shop")).await.unwrap();
    let created = services.keys.create(CONSOLE, KeyInput { app_id: Some(shop.id), ..key("k") }).await.unwrap();
    let transaction = database.begin_write().await.unwrap();
    for sql in ["UPDATE apps SET concurrency = -1", "UPDATE api_keys SET concurrency = -1"] {
        transaction.execute_unprepared(sql).await.unwrap();
    }
    transaction.commit().await.unwrap();
    let view = services.apps.set_enabled(CONSOLE, shop.id, true).await.unwrap();
    assert_eq!((view.enabled, view.limits.concurrency, view.active_keys), (false, Some(1), 0));
    assert!(!catalog.snapshot().app(shop.id).unwrap().enabled);
    assert!(catalog.snapshot().key(&hash_token(&created.key)).is_none());
    assert_eq!(services.keys.list(CONSOLE).await.unwrap().first().unwrap().state, KeyState::Expired);

    let view = services.apps.set_limits(CONSOLE, shop.id, Limits::default()).await.unwrap();
    assert!(view.enabled);
    let again = KeyInput { app_id: Some(shop.id), ..key("k") };
    assert_eq!(services.keys.update(CONSOLE, created.view.id, again).await.unwrap().state, KeyState::Active);
    assert!(catalog.snapshot().key(&hash_token(&created.key)).is_some());
}

#[tokio::test]
async fn deleting_an_app_revokes_its_keys_and_frees_its_name() {
    let Fixture { services, catalog, folder: _folder, .. } = fixture().await;
    let shop = services.apps.create(CONSOLE, app("shop")).await.unwrap();
    services.apps.create(CONSOLE, app("Shop")).await.unwrap();
    assert_eq!(problems(services.apps.create(CONSOLE, app("shop")).await), problem("name", Problem::Taken));
    let bound = KeyInput { app_id: Some(shop.id), ..key("bound") };
    let bound = services.keys.create(CONSOLE, bound).await.unwrap();
    let free = services.keys.create(CONSOLE, key("free")).await.unwrap();

    services.apps.set_enabled(CONSOLE, shop.id, false).await.unwrap();
    assert!(!catalog.snapshot().app(shop.id).unwrap().enabled);
    services.apps.delete(CONSOLE, shop.id).await.unwrap();
    assert!(catalog.snapshot().app_by_name("shop").is_none());
    assert!(catalog.snapshot().app_by_name("Shop").is_some());
    assert!(catalog.snapshot().key(&hash_token(&bound.key)).is_none());
    assert!(catalog.snapshot().key(&hash_token(&free.key)).is_some());
    let views = services.keys.list(CONSOLE).await.unwrap();
    let states: Vec<(&str, KeyState)> = views.iter().map(|view| (view.name.as_str(), view.state)).collect();
    assert_eq!(states, [("free", KeyState::Active), ("bound", KeyState::Revoked)]);
    assert!(services.apps.create(CONSOLE, app("shop")).await.unwrap().id > shop.id);
    assert!(matches!(services.apps.delete(CONSOLE, shop.id).await.unwrap_err(), ServiceError::NotFound(Resource::App)));
}

#[tokio::test]
async fn admin_tokens_open_until_they_are_revoked() {
    let Fixture { services, folder: _folder, .. } = fixture().await;
    let created = services.admin_tokens.create(CONSOLE, "ci").await.unwrap();
    let actor = services.admin_tokens.authenticate(&created.token).await.unwrap();
    assert_eq!(actor, Some(Actor::Token { id: created.view.id, name: "ci".to_owned() }));
    for wrong in ["", "sluice-admin-", "' OR 1=1 --", &"x".repeat(100_000)] {
        assert_eq!(services.admin_tokens.authenticate(wrong).await.unwrap(), None);
    }
    services.admin_tokens.revoke(CONSOLE, created.view.id).await.unwrap();
    assert_eq!(services.admin_tokens.authenticate(&created.token).await.unwrap(), None);
    assert!(services.admin_tokens.list(CONSOLE).await.unwrap().first().unwrap().revoked_at_ms.is_some());
}

#[tokio::test]
async fn requests_are_paged_and_the_overview_counts() {
    let Fixture { services, database, catalog, folder: _folder } = fixture().await;
    let empty = Overview {
        servers: 0,
        servers_enabled: 0,
        models: 0,
        apps: 0,
        active_keys: 0,
        has_requests: false,
        access_policy: AccessPolicy::Keys,
    };
    assert_eq!(services.overview.get(CONSOLE).await.unwrap(), empty);

    services.servers.create(CONSOLE, server_input("a")).await.unwrap();
    services.servers.create(CONSOLE, ServerInput { enabled: false, ..server_input("b") }).await.unwrap();
    let created = services.keys.create(CONSOLE, key("k")).await.unwrap();
    let records: Vec<UsageRecord> = (0..5)
        .map(|_| UsageRecord {
            id: uuid::Uuid::now_v7(),
            client_request_id: None,
            started_at_ms: 1,
            app: AppReference::Named("shop".to_owned()),
            key_id: Some(created.view.id),
            server_id: None,
            model: "m".to_owned(),
            model_exists: true,
            endpoint: Endpoint::Embeddings,
            streamed: false,
            outcome: Outcome::Completed,
            status: 200,
            error_code: None,
            attempts: 1,
            queue_ms: 0,
            limited_by: None,
            sent_at_ms: None,
            charged_tokens: None,
            tokens: TokenCounts::default(),
            token_source: TokenSource::None,
            cost: None,
            first_byte_ms: None,
            duration_ms: 1,
        })
        .collect();
    UsageRecords::new(database, 100).insert_batch(&records).await.unwrap();
    catalog.reload().await.unwrap();
    assert!(catalog.snapshot().app_by_name("shop").is_some());

    let query = |cursor: Option<String>, limit| RequestQuery { cursor, limit, ..RequestQuery::default() };
    let first = services.requests.list(CONSOLE, query(None, Some(3))).await.unwrap();
    let second = services.requests.list(CONSOLE, query(first.next.clone(), Some(3))).await.unwrap();
    assert_eq!((first.rows.len(), second.rows.len(), second.next), (3, 2, None));
    assert_eq!(first.rows.first().unwrap().key_name.as_deref(), Some("k"));
    let exact = services.requests.list(CONSOLE, query(None, Some(5))).await.unwrap();
    assert_eq!((exact.rows.len(), exact.next), (5, None));
    let wrong = services.requests.list(CONSOLE, query(Some("x".to_owned()), Some(201))).await;
    assert_eq!(problems(wrong).len(), 2);

    let expected =
        Overview { servers: 2, servers_enabled: 1, models: 1, apps: 1, active_keys: 1, has_requests: true, ..empty };
    assert_eq!(services.overview.get(CONSOLE).await.unwrap(), expected);
}
