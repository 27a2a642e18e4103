//! A gateway for a test: real sockets on a free port of loopback, a database file in a folder of its own.
//!
//! ```text
//! let upstream = FakeUpstream::builder().start().await?;
//! let gateway = TestGateway::builder().setting("SLUICE_ACCESS__POLICY", "open").start().await;
//! gateway.add_server("fake", &upstream.base_url(), &["small"]).await;
//! let key = gateway.issue_key("test", None).await;
//! let answer = gateway.chat(&key, json!({ "model": "small", "messages": [] })).await;
//! gateway.stop().await;
//! ```
//!
//! Clients go through the public APIs; only the first admin token is made through the service, as `sluice token
//! create` does.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use sluice::config::Settings;
use sluice::services::Actor;
use sluice_server::run::{Running, start};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// Name of the administrator of a [`TestGateway`].
pub(crate) const USERNAME: &str = "admin";
/// Password of the administrator of a [`TestGateway`].
pub(crate) const PASSWORD: &str = "correct horse battery";
/// How long a test waits for what should happen at once.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Sets a [`TestGateway`] up.
pub(crate) struct TestGatewayBuilder {
    settings: Vec<(String, String)>,
    has_administrator: bool,
}

impl TestGatewayBuilder {
    /// A setting, by the name of its environment variable.
    pub(crate) fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves the gateway without an administrator, as at a first start.
    pub(crate) fn without_administrator(mut self) -> Self {
        self.has_administrator = false;
        self
    }

    /// Starts it in a folder of its own.
    pub(crate) async fn start(self) -> TestGateway {
        self.start_in(TempDir::new().unwrap()).await
    }

    /// Starts it in a folder, for instance that of one that was stopped.
    pub(crate) async fn start_in(mut self, folder: TempDir) -> TestGateway {
        if self.has_administrator {
            self.settings.push(("SLUICE_ADMIN_USERNAME".to_owned(), USERNAME.to_owned()));
            self.settings.push(("SLUICE_ADMIN_PASSWORD".to_owned(), PASSWORD.to_owned()));
        }
        let data_dir = folder.path().display().to_string();
        // Given first, so that a test may set it too.
        let settings = [("SLUICE_DATA_DIR".to_owned(), data_dir)].into_iter().chain(self.settings);
        let settings = Settings::load(None, settings).expect("the settings of a test are right");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = Box::pin(start(settings, listener)).await.expect("the gateway starts");
        let created = running.services().admin_tokens.create(&Actor::Console, "test").await.unwrap();
        TestGateway { client: client(), token: created.token, running, folder }
    }
}

/// A running gateway.
pub(crate) struct TestGateway {
    client: reqwest::Client,
    token: String,
    running: Running,
    folder: TempDir,
}

impl TestGateway {
    pub(crate) fn builder() -> TestGatewayBuilder {
        TestGatewayBuilder { settings: Vec::new(), has_administrator: true }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    pub(crate) fn running(&self) -> &Running {
        &self.running
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    /// The token of the administration API.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// A request without any credentials: keeps no cookies, follows no redirects.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// A request to the administration API with the token, and its answer.
    pub(crate) async fn api(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.request(method, path).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        send(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.api(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.api(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.api(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.api(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.api(Method::DELETE, path, None).await
    }

    /// Adds a server; a model is `name` or `name=upstream-name`, where the rest of the text is the upstream's name.
    pub(crate) async fn add_server(&self, name: &str, base_url: &str, models: &[&str]) -> Value {
        let models: Vec<Value> = models
            .iter()
            .map(|model| {
                let (name, upstream_name) = model.split_once('=').unwrap_or((model, model));
                json!({ "name": name, "upstream_name": upstream_name })
            })
            .collect();
        let answer = self.post("/api/servers", json!({ "name": name, "base_url": base_url, "models": models })).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    /// Issues a key, bound to an app that is registered first if a name is given.
    pub(crate) async fn issue_key(&self, name: &str, app: Option<&str>) -> String {
        let mut app_id = Value::Null;
        if let Some(app) = app {
            let answer = self.post("/api/apps", json!({ "name": app })).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
            app_id = answer.json()["id"].clone();
        }
        let answer = self.post("/api/keys", json!({ "name": name, "app_id": app_id })).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["key"].as_str().unwrap().to_owned()
    }

    /// A chat completion as an app sends it; a key that is not bound to an app calls as `test-app`.
    pub(crate) fn chat_request(&self, key: &str, body: &Value) -> reqwest::RequestBuilder {
        self.request(Method::POST, "/v1/chat/completions").bearer_auth(key).header("app-name", "test-app").json(body)
    }

    /// A chat completion and its whole answer.
    pub(crate) async fn chat(&self, key: &str, body: &Value) -> Answer {
        send(self.chat_request(key, body)).await
    }

    /// Signs the administrator in and returns the value for a `Cookie` header.
    pub(crate) async fn sign_in(&self) -> String {
        let answer = self.try_to_sign_in(USERNAME, PASSWORD).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.cookie().expect("signing in sets a cookie")
    }

    pub(crate) async fn try_to_sign_in(&self, username: &str, password: &str) -> Answer {
        let body = json!({ "username": username, "password": password });
        send(self.request(Method::POST, "/api/session").json(&body)).await
    }

    /// Stops gracefully and waits for the end; the folder stays for another start.
    pub(crate) async fn stop(self) -> TempDir {
        self.running.shutdown();
        tokio::time::timeout(PATIENCE, self.running.wait()).await.expect("the gateway stops in time").unwrap();
        self.folder
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// `name=value` of the first cookie that was set.
    pub(crate) fn cookie(&self) -> Option<String> {
        Some(self.header("set-cookie").split(';').next()?.to_owned()).filter(|pair| !pair.is_empty())
    }

    /// Asserts that this is a problem, and returns its type without the prefix.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{} {}", self.status, self.text());
        let body = self.json();
        assert_eq!(body["status"], self.status);
        assert_eq!(body["request_id"], self.header("x-request-id"));
        assert!(!body["title"].as_str().unwrap().is_empty() && !body["detail"].as_str().unwrap().is_empty());
        body["type"].as_str().unwrap().strip_prefix("urn:sluice:problem:").unwrap().to_owned()
    }
}

/// Sends a request and reads the whole answer.
pub(crate) async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = tokio::time::timeout(PATIENCE, request.send()).await.expect("an answer in time").unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.bytes().await.unwrap() }
}

/// Waits until a condition holds that another task or process brings about.
pub(crate) async fn eventually<Outcome: Future<Output = bool>>(
    within: Duration,
    mut condition: impl FnMut() -> Outcome,
) -> bool {
    let deadline = tokio::time::Instant::now() + within;
    while !condition().await {
        if tokio::time::Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    true
}

fn client() -> reqwest::Client {
    sluice::outbound::install_tls_provider();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}
