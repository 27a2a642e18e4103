//! The three questions of health.

use axum::body::Body;
use http::{Method, Request};
use serde_json::json;
use sluice::config::Settings;
use sluice::usage::UsageSink;
use sluice_server::administration;
use sluice_server::health::Health;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::harness::{TestGateway, send};

#[tokio::test]
async fn health_needs_no_credentials_and_names_the_parts() {
    let gateway = TestGateway::builder().start().await;
    for path in ["/health/live", "/health/ready"] {
        let answer = send(gateway.request(Method::GET, path)).await;
        assert_eq!((answer.status, answer.json()), (200, json!({ "status": "ok" })), "{path}");
    }
    let answer = send(gateway.request(Method::GET, "/health")).await;
    let report = answer.json();
    assert_eq!((answer.status, &report["status"]), (200, &json!("ok")), "{report}");
    for part in ["database", "usage_writer", "journal", "catalog"] {
        assert_eq!(report["components"][part]["status"], "ok", "{report}");
    }
    gateway.stop().await;
}

/// Asked without a socket, because sockets are closed by then.
#[tokio::test]
async fn while_it_stops_it_lives_but_is_not_ready() {
    let folder = TempDir::new().unwrap();
    let settings = [("SLUICE_DATA_DIR".to_owned(), folder.path().display().to_string())];
    let settings = Settings::load(None, settings.into_iter()).unwrap();
    let opened = Box::pin(administration::open(&settings)).await.unwrap();
    let draining = CancellationToken::new();
    let health = Health::new(opened.database.clone(), opened.catalog, UsageSink::new(1).0, draining.clone());
    let router = health.router();
    let ask = |path: &'static str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let router = router.clone();
        async move { router.oneshot(request).await.unwrap().status().as_u16() }
    };
    assert_eq!((ask("/health/ready").await, ask("/health").await), (200, 200));

    // A lost database stops no request, so it is no reason to take the gateway out of service.
    opened.database.close().await.unwrap();
    assert_eq!((ask("/health/live").await, ask("/health/ready").await, ask("/health").await), (200, 200, 200));

    draining.cancel();
    assert_eq!((ask("/health/live").await, ask("/health/ready").await, ask("/health").await), (200, 503, 503));
}
