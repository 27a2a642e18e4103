//! What the deletion of a million old rows does to the latency of requests. Takes minutes, so it is not part of every run:
//! `cargo test --release -p sluice-server --test load -- --ignored retention --nocapture`.

use std::time::{Duration, Instant};

use futures::future::join_all;
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use sluice_fake_upstream::FakeUpstream;
use tokio_util::sync::CancellationToken;

use crate::ALONE;
use crate::binary::Binary;
use crate::harness::{PATIENCE, TestGateway, send};

/// Rows that are too old.
const ROWS: u64 = 1_000_000;
/// Clients that send one request after the other.
const CLIENTS: usize = 4;
/// The pause between two requests of a client.
const PAUSE: Duration = Duration::from_millis(10);
/// How much longer one request of a hundred may take while rows are deleted.
const ALLOWED: Duration = Duration::from_millis(2);

/// Rows of one request per second, long ago.
async fn fill(file: &std::path::Path) {
    let options = sea_orm::ConnectOptions::new(format!("sqlite:{}", file.display())).max_connections(1).to_owned();
    let database = sea_orm::Database::connect(options).await.unwrap();
    let sql = format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {ROWS} - 1) \
         INSERT INTO usage_records (id, started_at_ms, app_id, key_id, server_id, model, endpoint, streamed, outcome, status, \
         attempts, queue_ms, sent_at_ms, input_tokens, output_tokens, token_source, first_byte_ms, duration_ms) \
         SELECT unhex(printf('%012x70008000%012x', 1600000000000 + n * 1000, n)), 1600000000000 + n * 1000, 1, 1, 1, 'plain', 1, \
         0, 1, 200, 1, 0, 1600000000000 + n * 1000, 100, 200, 1, 300, 400 FROM numbers"
    );
    database.execute_unprepared(&sql).await.unwrap();
    database.close().await.unwrap();
}

/// How long requests took while the load went on, shortest first.
async fn latencies(binary: &Binary, key: &str, stop: CancellationToken) -> Vec<Duration> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = json!({ "model": "plain", "messages": [{ "role": "user", "content": "hello" }] });
    let clients = (0..CLIENTS).map(|_| {
        let (client, url, body, stop) =
            (client.clone(), binary.url("/v1/chat/completions"), body.clone(), stop.clone());
        let key = key.to_owned();
        tokio::spawn(async move {
            let mut took = Vec::new();
            while !stop.is_cancelled() {
                let began = Instant::now();
                let answer = send(client.post(&url).bearer_auth(&key).header("app-name", "load").json(&body)).await;
                took.push(began.elapsed());
                assert_eq!(answer.status, 200, "{}", answer.text());
                tokio::time::sleep(PAUSE).await;
            }
            took
        })
    });
    let mut took: Vec<Duration> = join_all(clients).await.into_iter().flat_map(Result::unwrap).collect();
    took.sort_unstable();
    took
}

fn percentile(took: &[Duration], percent: usize) -> Duration {
    took[took.len() * percent / 100]
}

async fn expired(binary: &Binary) -> u64 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let text = send(client.get(binary.url("/metrics"))).await.text();
    let line = text.lines().find(|line| line.starts_with("sluice_usage_rows_expired_total ")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn retention_of_a_million_rows_is_not_felt() {
    let _alone = ALONE.lock().await;
    let upstream = FakeUpstream::builder().keep_bodies(false).start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), &["plain=fake-small?latency_ms=5"]).await;
    let key = gateway.issue_key("test", None).await;
    let body = json!({ "model": "plain", "messages": [{ "role": "user", "content": "hello" }] });
    assert_eq!(gateway.chat(&key, &body).await.status, 200);
    let folder = gateway.stop().await;
    fill(&folder.path().join("sluice.db")).await;

    let binary = Binary::start_in(folder, &[("SLUICE_USAGE__RETENTION_DAYS", "0")]).await;
    let stop = CancellationToken::new();
    let (idle, ()) = tokio::join!(latencies(&binary, &key, stop.clone()), async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        stop.cancel();
    });
    let folder = binary.stop().await;

    let environment = [("SLUICE_USAGE__RETENTION_DAYS", "1"), ("SLUICE_METRICS__PUBLIC", "true")];
    let binary = Binary::start_in(folder, &environment).await;
    let (stop, began) = (CancellationToken::new(), Instant::now());
    let (busy, ()) = tokio::join!(latencies(&binary, &key, stop.clone()), async {
        while expired(&binary).await < ROWS {
            assert!(began.elapsed() < PATIENCE * 15, "{} rows are deleted", expired(&binary).await);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        stop.cancel();
    });
    let seconds = began.elapsed().as_secs();
    println!("{ROWS} rows were deleted in {seconds} s beside {} requests", busy.len());
    for percent in [50, 90, 99] {
        println!("p{percent}: {:?} without, {:?} with", percentile(&idle, percent), percentile(&busy, percent));
    }
    binary.stop().await;
    assert!(percentile(&busy, 99) <= percentile(&idle, 99) + ALLOWED);
}
