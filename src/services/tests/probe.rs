//! Asking upstreams for their models, over real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use tokio::net::TcpListener;

use super::*;
use crate::model::{ProbeFailure, ProbeInput};

const CONSOLE: &Actor = &Actor::Console;

async fn upstream() -> SocketAddr {
    let models = async |headers: HeaderMap| match headers.get(header::AUTHORIZATION).and_then(|key| key.to_str().ok()) {
        Some("Bearer sk-right") => r#"{"object":"list","data":[{"id":"b"},{"id":"a"},{"id":"b"}]}"#.into_response(),
        key => (StatusCode::UNAUTHORIZED, format!("wrong key: {key:?}")).into_response(),
    };
    let router = Router::new()
        .route("/v1/models", get(models))
        .route("/elsewhere/models", get(async || Redirect::temporary("http://169.254.169.254/models")))
        .route("/html/models", get(async || "<html>sk-right</html>"))
        .route("/huge/models", get(async || vec![b' '; 5 << 20]))
        .route("/broken/models", get(async || StatusCode::BAD_GATEWAY))
        .route("/silent/models", get(std::future::pending::<()>));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn ask(services: &Services, base_url: String, api_key: Option<&str>) -> Result<Vec<String>, ProbeFailure> {
    let api_key = api_key.map(str::to_owned);
    let input = ProbeInput { server_id: None, provider: ProviderKind::OpenAi, base_url, api_key };
    services.servers.probe(CONSOLE, input).await.unwrap().outcome
}

#[tokio::test]
async fn says_what_an_upstream_offers_or_what_is_wrong_with_it() {
    let settings = ServicesSettings { probe_timeout: Duration::from_millis(1500), ..ServicesSettings::default() };
    let Fixture { services, folder: _folder, .. } = fixture_with(settings).await;
    let address = upstream().await;
    let at = |path: &str| format!("http://{address}/{path}");
    let names = vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(ask(&services, at("v1/"), Some("sk-right")).await, Ok(names));
    assert_eq!(ask(&services, at("v1"), Some("wrong")).await, Err(ProbeFailure::KeyRefused { status: 401 }));
    assert_eq!(ask(&services, at("v1"), None).await, Err(ProbeFailure::KeyRefused { status: 401 }));
    assert_eq!(ask(&services, at(""), None).await, Err(ProbeFailure::PathNotFound));
    assert_eq!(ask(&services, at("elsewhere"), None).await, Err(ProbeFailure::Redirected { status: 307 }));
    assert_eq!(ask(&services, at("html"), None).await, Err(ProbeFailure::NotAModelList));
    assert_eq!(ask(&services, at("huge"), None).await, Err(ProbeFailure::NotAModelList));
    assert_eq!(ask(&services, at("broken"), None).await, Err(ProbeFailure::UnexpectedStatus { status: 502 }));
    assert_eq!(ask(&services, at("silent"), None).await, Err(ProbeFailure::TimedOut { seconds: 2 }));
    let https = format!("https://{address}/v1");
    assert_eq!(ask(&services, https, None).await, Err(ProbeFailure::TlsFailed));
}

#[tokio::test]
async fn tells_a_closed_port_from_a_broken_connection_and_an_unknown_name() {
    let Fixture { services, folder: _folder, .. } = fixture().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(ask(&services, format!("http://{address}"), None).await, Err(ProbeFailure::ConnectionFailed));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            drop(connection);
        }
    });
    assert_eq!(ask(&services, format!("http://{address}"), None).await, Err(ProbeFailure::Interrupted));

    let unknown = ask(&services, "http://nobody.invalid/v1".to_owned(), None).await;
    assert_eq!(unknown, Err(ProbeFailure::NameNotFound));
}

#[tokio::test]
async fn uses_the_stored_key_for_the_same_host() {
    let Fixture { services, folder: _folder, .. } = fixture().await;
    let address = upstream().await;
    let input = ServerInput {
        base_url: format!("http://{address}/v1"),
        api_key: Some("sk-right".to_owned()),
        ..server_input("a")
    };
    let id = services.servers.create(CONSOLE, input).await.unwrap().id;
    let report = services.servers.probe_saved(CONSOLE, id).await.unwrap();
    assert_eq!(report.outcome.unwrap().len(), 2);
    let input = ProbeInput {
        server_id: Some(id),
        provider: ProviderKind::OpenAi,
        base_url: format!("http://{address}/v1"),
        api_key: None,
    };
    assert_eq!(services.servers.probe(CONSOLE, input).await.unwrap().outcome.unwrap().len(), 2);
}
