//! Looking for requests: filters, one request with everything, and CSV.

mod export;
mod search;

use http::Method;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;

use crate::harness::{PATIENCE, TestGateway, eventually, send};

/// A gateway with two apps that called two models and one that does not exist: six requests.
struct Explored {
    gateway: TestGateway,
    _upstream: FakeUpstream,
}

impl Explored {
    async fn start() -> Self {
        let upstream = FakeUpstream::builder().start().await.unwrap();
        let gateway = TestGateway::builder().start().await;
        gateway.add_server("main", &upstream.base_url(), &["small=fake-small", "large=fake-large"]).await;
        let shop = gateway.issue_key("shop key", Some("shop")).await;
        let desk = gateway.issue_key("desk key", Some("desk")).await;
        for (key, model, id) in [
            (&shop, "small", "first"),
            (&shop, "large", "second"),
            (&desk, "small", "=cmd|'/c calc'!A1"),
            (&desk, "no-such-model", "fourth"),
            (&shop, "@evil", "fifth"),
            (&desk, "large", "second"),
        ] {
            let body = json!({ "model": model, "messages": [{ "role": "user", "content": "hello" }] });
            let request = gateway.request(Method::POST, "/v1/chat/completions").bearer_auth(key).json(&body);
            send(request.header("x-request-id", id)).await;
        }
        let this = Self { gateway, _upstream: upstream };
        assert!(eventually(PATIENCE, || async { this.rows("").await.len() == 6 }).await);
        this
    }

    /// The rows of a query, such as `app=shop&model=small`, newest first.
    async fn rows(&self, query: &str) -> Vec<Value> {
        let answer = self.gateway.get(&format!("/api/requests?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        answer.json()["rows"].as_array().unwrap().clone()
    }

    /// What clients called the requests of a query, newest first.
    async fn models(&self, query: &str) -> Vec<String> {
        let rows = self.rows(query).await;
        rows.iter().map(|row| row["model"].as_str().unwrap().to_owned()).collect()
    }
}

/// The gateway's database, for rows that no request could leave.
async fn database(gateway: &TestGateway) -> DatabaseConnection {
    let file = gateway.data_dir().join("sluice.db");
    Database::connect(format!("sqlite:{}", file.display())).await.unwrap()
}

/// Adds this many rows, each a second after the one before, the first of them one second after the beginning of 2026; the same
/// ones each time.
async fn add_rows(database: &DatabaseConnection, count: u32) {
    let sql = format!(
        "INSERT INTO usage_records (id, client_request_id, started_at_ms, app_id, key_id, server_id, model, endpoint,
            streamed, outcome, status, attempts, queue_ms, sent_at_ms, charged_tokens, input_tokens, cached_tokens,
            output_tokens, reasoning_tokens, token_source, cost_nanos, currency, first_byte_ms, duration_ms)
         WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}),
              rows(n, ms) AS (SELECT n, 1767225600000 + n * 1000 FROM numbers)
         SELECT unhex(printf('%012x70008000%012x', ms, n)), 'client-' || n, ms, 1 + n % 7, 1 + n % 5, 1 + n % 3,
            'vendor/model-' || (n % 11), 1, n % 2, CASE n % 13 WHEN 0 THEN 2 ELSE 1 END, 200, 1, 0, ms + 1, 900, 700, 100,
            200, 50, 1, 123456 * (n % 99), 'USD', 300 + n % 1000, 2000 + n % 5000
         FROM rows"
    );
    database.execute_unprepared(&sql).await.unwrap();
}
