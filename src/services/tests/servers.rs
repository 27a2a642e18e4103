//! Servers.

use super::*;
use crate::model::bounds::{
    CONCURRENCY_MAX, QUEUE_DEADLINE_MAX_MS, QUEUE_DEADLINE_MIN_MS, QUEUE_LENGTH_MAX, REQUESTS_PER_MINUTE_MAX,
    TIMEOUT_MAX_MS, TIMEOUT_MIN_MS, TOKENS_PER_MINUTE_MAX,
};
use crate::model::{Overflow, PrivateAddresses, ProbeInput, QueueOrder, Resource, ServerId, ServerState};

const CONSOLE: &Actor = &Actor::Console;

#[tokio::test]
async fn the_next_request_uses_a_new_server() {
    let Fixture { services, catalog, folder: _folder, .. } = fixture().await;
    let view = services.servers.create(CONSOLE, server_input("Local")).await.unwrap();
    assert_eq!((view.position, view.state), (1, ServerState::Enabled));
    assert_eq!(view.api_key_hint.as_deref(), Some("cret"));
    let snapshot = catalog.snapshot();
    let server = &snapshot.targets("m").first().unwrap().server;
    assert_eq!(server.api_key.as_ref().unwrap().expose(), "sk-upstream-secret");
    assert_eq!(services.servers.find(CONSOLE, "LOCAL").await.unwrap(), view);

    services.servers.set_enabled(CONSOLE, view.id, false).await.unwrap();
    assert!(!catalog.snapshot().targets("m").first().unwrap().server.usable);
    services.servers.delete(CONSOLE, view.id).await.unwrap();
    assert!(catalog.snapshot().targets("m").is_empty());
    let gone = services.servers.get(CONSOLE, view.id).await.unwrap_err();
    assert!(matches!(gone, ServiceError::NotFound(Resource::Server)));
}

#[tokio::test]
async fn every_problem_is_found_at_once() {
    let Fixture { services, catalog, folder: _folder, .. } = fixture().await;
    services.servers.create(CONSOLE, server_input("taken")).await.unwrap();
    let revision = catalog.snapshot().revision();
    let mut input = server_input("TAKEN");
    input.base_url = "ftp://example.com".to_owned();
    input.api_key = Some("two words".to_owned());
    input.models.clear();
    input.timeouts = Timeouts { connect_ms: 9, idle_ms: TIMEOUT_MAX_MS + 1, ..Timeouts::default() };
    input.limits = Limits {
        requests_per_minute: Some(0),
        tokens_per_minute: Some(TOKENS_PER_MINUTE_MAX + 1),
        concurrency: Some(CONCURRENCY_MAX + 1),
    };
    input.queue = QueuePolicy { length: QUEUE_LENGTH_MAX + 1, deadline_ms: 99, ..QueuePolicy::default() };
    let range = Problem::OutOfRange { min: TIMEOUT_MIN_MS, max: TIMEOUT_MAX_MS };
    let expected = [
        ("name", Problem::Taken),
        ("base_url", Problem::UrlScheme),
        ("api_key", Problem::SecretInvalid),
        ("models", Problem::ListEmpty),
        ("timeouts.connect_ms", range.clone()),
        ("timeouts.idle_ms", range),
        ("limits.requests_per_minute", Problem::OutOfRange { min: 1, max: REQUESTS_PER_MINUTE_MAX }),
        ("limits.tokens_per_minute", Problem::OutOfRange { min: 1, max: TOKENS_PER_MINUTE_MAX }),
        ("limits.concurrency", Problem::OutOfRange { min: 1, max: CONCURRENCY_MAX }),
        ("queue.length", Problem::OutOfRange { min: 0, max: QUEUE_LENGTH_MAX }),
        ("queue.deadline_ms", Problem::OutOfRange { min: QUEUE_DEADLINE_MIN_MS, max: QUEUE_DEADLINE_MAX_MS }),
    ]
    .map(|(field, problem)| FieldProblem::new(field, problem));
    assert_eq!(problems(services.servers.create(CONSOLE, input).await), expected);
    catalog.reload().await.unwrap();
    assert_eq!(catalog.snapshot().revision(), revision);
}

#[tokio::test]
async fn limits_and_queue_are_stored_up_to_their_bounds_and_can_be_lifted() {
    let Fixture { services, catalog, folder: _folder, .. } = fixture().await;
    let most = Limits {
        requests_per_minute: Some(REQUESTS_PER_MINUTE_MAX),
        tokens_per_minute: Some(TOKENS_PER_MINUTE_MAX),
        concurrency: Some(CONCURRENCY_MAX),
    };
    let longest = QueuePolicy {
        length: QUEUE_LENGTH_MAX,
        deadline_ms: QUEUE_DEADLINE_MAX_MS,
        overflow: Overflow::RejectNewest,
        order: QueueOrder::Fair,
    };
    let input = ServerInput { limits: most, queue: longest, ..server_input("a") };
    let view = services.servers.create(CONSOLE, input).await.unwrap();
    assert_eq!((view.limits, view.queue), (most, longest));
    assert_eq!(services.servers.get(CONSOLE, view.id).await.unwrap(), view);

    let least = Limits { requests_per_minute: Some(1), tokens_per_minute: None, concurrency: Some(1) };
    let none = QueuePolicy { length: 0, deadline_ms: QUEUE_DEADLINE_MIN_MS, ..QueuePolicy::default() };
    let input = ServerInput { limits: least, queue: none, ..server_input("a") };
    let view = services.servers.update(CONSOLE, view.id, input).await.unwrap();
    assert_eq!((view.limits, view.queue), (least, none));
    let snapshot = catalog.snapshot();
    let entry = snapshot.servers().first().unwrap();
    assert_eq!((entry.limits, entry.queue), (least, none));
    // Switching it off and on touches neither.
    services.servers.set_enabled(CONSOLE, view.id, false).await.unwrap();
    let view = services.servers.set_enabled(CONSOLE, view.id, true).await.unwrap();
    assert_eq!((view.limits, view.queue), (least, none));
    let view = services.servers.update(CONSOLE, view.id, server_input("a")).await.unwrap();
    assert_eq!((view.limits, view.queue), (Limits::default(), QueuePolicy::default()));
}

#[tokio::test]
async fn a_stored_key_is_never_sent_to_a_new_host() {
    let Fixture { services, catalog, folder: _folder, .. } = fixture().await;
    let id = services.servers.create(CONSOLE, server_input("a")).await.unwrap().id;
    let keep = |base_url: &str| ServerInput { api_key: None, base_url: base_url.to_owned(), ..server_input("a") };
    let needed = problem("api_key", Problem::KeyNeededForNewHost);
    for elsewhere in ["http://127.0.0.2:9/v1", "http://127.0.0.1:10/v1", "https://127.0.0.1:9/v1"] {
        assert_eq!(problems(services.servers.update(CONSOLE, id, keep(elsewhere)).await), needed, "{elsewhere}");
        let probe = ProbeInput {
            server_id: Some(id),
            provider: ProviderKind::OpenAi,
            base_url: elsewhere.to_owned(),
            api_key: Some(" ".to_owned()),
        };
        assert_eq!(problems(services.servers.probe(CONSOLE, probe).await), needed, "{elsewhere}");
    }
    // Another path on the same host keeps it, and so does the host with a key entered again.
    services.servers.update(CONSOLE, id, keep("http://127.0.0.1:9/v2/")).await.unwrap();
    let snapshot = catalog.snapshot();
    assert!(snapshot.servers().first().unwrap().api_key.is_some());
    let entered = ServerInput { api_key: Some("sk-another".to_owned()), ..keep("http://127.0.0.2:9/v1") };
    let view = services.servers.update(CONSOLE, id, entered).await.unwrap();
    assert_eq!(view.base_url, "http://127.0.0.2:9/v1");
    // Without any key there is nothing to protect.
    let removed = ServerInput { remove_api_key: true, ..keep("http://127.0.0.3:9/v1") };
    assert_eq!(services.servers.update(CONSOLE, id, removed).await.unwrap().api_key_hint, None);
    services.servers.update(CONSOLE, id, keep("http://127.0.0.4:9/v1")).await.unwrap();
}

#[tokio::test]
async fn private_addresses_are_refused_by_setting() {
    let settings = ServicesSettings { private_addresses: PrivateAddresses::Deny, ..ServicesSettings::default() };
    let Fixture { services, folder: _folder, .. } = fixture_with(settings).await;
    let refused = services.servers.create(CONSOLE, server_input("a")).await;
    assert_eq!(problems(refused), problem("base_url", Problem::AddressPrivate));
}

#[tokio::test]
async fn the_order_names_every_server_once() {
    let Fixture { services, catalog, folder: _folder, .. } = fixture().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(services.servers.create(CONSOLE, server_input(name)).await.unwrap().id);
    }
    let [a, b, c] = ids.try_into().unwrap();
    let incomplete = problem("ids", Problem::OrderIncomplete);
    for order in [vec![a, b], vec![a, b, b], vec![a, b, ServerId(99)], vec![a, b, c, c]] {
        assert_eq!(problems(services.servers.reorder(CONSOLE, &order).await), incomplete);
    }
    let views = services.servers.reorder(CONSOLE, &[c, a, b]).await.unwrap();
    let order: Vec<(u32, &str)> = views.iter().map(|view| (view.position, view.name.as_str())).collect();
    assert_eq!(order, [(1, "c"), (2, "a"), (3, "b")]);
    assert_eq!(catalog.snapshot().servers().first().unwrap().name, "c");
    services.servers.delete(CONSOLE, c).await.unwrap();
    let last = services.servers.create(CONSOLE, server_input("c")).await.unwrap();
    assert_eq!(last.position, 3);
    assert!(last.id > c);
}

#[tokio::test]
async fn a_name_is_taken_by_one_of_two_at_once() {
    let Fixture { services, folder, .. } = fixture().await;
    let (_database, _catalog, other) = start(folder.path(), ServicesSettings::default()).await;
    let (left, right) = tokio::join!(
        services.servers.create(CONSOLE, server_input("same")),
        other.servers.create(CONSOLE, server_input("SAME"))
    );
    assert!(left.is_ok() != right.is_ok(), "{left:?} {right:?}");
    let refused = if left.is_err() { left } else { right };
    assert_eq!(problems(refused), problem("name", Problem::Taken));
    assert_eq!(services.servers.list(CONSOLE).await.unwrap().len(), 1);
}

#[tokio::test]
async fn many_models_are_stored_in_their_order() {
    let Fixture { services, folder: _folder, .. } = fixture().await;
    let models: Vec<ServerModel> = (0..2000)
        .map(|number| ServerModel { name: format!("m{}", 1999 - number), upstream_name: format!("u{number}") })
        .collect();
    let input = ServerInput { models: models.clone(), ..server_input("a") };
    let view = services.servers.create(CONSOLE, input).await.unwrap();
    assert_eq!(view.models, models);
    let fewer = ServerInput { models: models.into_iter().take(1).collect(), api_key: None, ..server_input("a") };
    assert_eq!(services.servers.update(CONSOLE, view.id, fewer).await.unwrap().models.len(), 1);
}
