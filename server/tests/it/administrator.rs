//! An administrator of the real binary, known by a session.

use http::Method;
use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;

use crate::binary::Binary;
use crate::harness::{PASSWORD, USERNAME, send};

/// Makes the administrator at the first start.
pub(crate) const ENVIRONMENT: [(&str, &str); 2] =
    [("SLUICE_ADMIN_USERNAME", USERNAME), ("SLUICE_ADMIN_PASSWORD", PASSWORD)];

/// An administrator of the real binary.
pub(crate) struct Administrator<'a> {
    pub(crate) client: &'a reqwest::Client,
    pub(crate) binary: &'a Binary,
    pub(crate) cookie: String,
}

impl<'a> Administrator<'a> {
    pub(crate) async fn sign_in(client: &'a reqwest::Client, binary: &'a Binary) -> Self {
        let body = json!({ "username": USERNAME, "password": PASSWORD });
        let answer = send(client.post(binary.url("/api/session")).json(&body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        Self { client, binary, cookie: answer.cookie().unwrap() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.binary.url(path)).header("cookie", &self.cookie)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = send(self.request(Method::POST, path).json(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    /// Adds a server with two models that take their time, and issues a key.
    pub(crate) async fn set_up(&self, upstream: &FakeUpstream) -> String {
        let models = json!([
            { "name": "plain", "upstream_name": "fake-small?latency_ms=15" },
            { "name": "streamed", "upstream_name": "fake-small?chunks=8&chunk_delay_ms=4" },
        ]);
        let server = json!({ "name": "fake", "base_url": upstream.base_url(), "models": models });
        self.post("/api/servers", &server).await;
        self.post("/api/keys", &json!({ "name": "test" })).await["key"].as_str().unwrap().to_owned()
    }

    /// All rows, newest first.
    pub(crate) async fn rows(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = send(self.request(Method::GET, &format!("/api/requests?limit=200{cursor}"))).await.json();
            rows.extend(page["rows"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
    }
}
