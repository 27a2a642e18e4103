//! Many requests of mixed endings: the sums of what is recorded are the upstream's own, exactly, wherever it reported usage.
//!
//! 3 000 requests, or `SLUICE_TEST_REQUESTS`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use http::Method;
use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::json;
use sluice_fake_upstream::FakeUpstream;
use tokio::time::Instant;

use crate::harness::{PATIENCE, TestGateway, eventually};

/// Clients that send one request after the other.
const CLIENTS: u64 = 32;

/// How a request ends, and what becomes of it.
struct Kind {
    model: &'static str,
    script: &'static str,
    path: &'static str,
    streamed: bool,
    ending: Ending,
    outcome: &'static str,
    source: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The client reads to the end, whatever that is.
    Read,
    /// The client leaves when the first piece has come.
    Leave,
}

const CHAT: &str = "/v1/chat/completions";
const EMBEDDINGS: &str = "/v1/embeddings";

#[rustfmt::skip]
const KINDS: [Kind; 14] = [
    Kind { model: "plain", script: "fake-small", path: CHAT, streamed: false, ending: Ending::Read, outcome: "completed", source: "reported" },
    Kind { model: "details", script: "fake-small?cached_tokens=3&reasoning_tokens=5", path: CHAT, streamed: false, ending: Ending::Read, outcome: "completed", source: "reported" },
    Kind { model: "streamed", script: "fake-small?chunks=5&cached_tokens=2&reasoning_tokens=1", path: CHAT, streamed: true, ending: Ending::Read, outcome: "completed", source: "reported" },
    Kind { model: "every", script: "fake-small?usage=every&chunks=4&cached_tokens=1", path: CHAT, streamed: true, ending: Ending::Read, outcome: "completed", source: "reported" },
    Kind { model: "twice", script: "fake-small?usage=twice&chunks=3&reasoning_tokens=2", path: CHAT, streamed: true, ending: Ending::Read, outcome: "completed", source: "reported" },
    Kind { model: "finish", script: "fake-small?usage=finish&chunks=6", path: CHAT, streamed: true, ending: Ending::Read, outcome: "completed", source: "reported" },
    Kind { model: "absent", script: "fake-small?usage=none", path: CHAT, streamed: false, ending: Ending::Read, outcome: "completed", source: "estimated" },
    Kind { model: "absent-streamed", script: "fake-small?usage=none", path: CHAT, streamed: true, ending: Ending::Read, outcome: "completed", source: "estimated" },
    Kind { model: "nonsense", script: "fake-small?big_usage=1", path: CHAT, streamed: false, ending: Ending::Read, outcome: "completed", source: "estimated" },
    Kind { model: "error", script: "fake-small?status=500", path: CHAT, streamed: false, ending: Ending::Read, outcome: "upstream_error", source: "none" },
    Kind { model: "refused", script: "fake-small?status=400", path: CHAT, streamed: true, ending: Ending::Read, outcome: "upstream_error", source: "none" },
    Kind { model: "cut", script: "fake-small?cut_after=2", path: CHAT, streamed: true, ending: Ending::Read, outcome: "upstream_cut", source: "estimated" },
    Kind { model: "left", script: "fake-small?stall_after=2", path: CHAT, streamed: true, ending: Ending::Leave, outcome: "client_closed", source: "estimated" },
    Kind { model: "embedded", script: "fake-embedding", path: EMBEDDINGS, streamed: false, ending: Ending::Read, outcome: "completed", source: "reported" },
];

/// One request to its end.
async fn call(request: reqwest::RequestBuilder, ending: Ending) {
    let mut response = request.send().await.unwrap();
    if ending == Ending::Leave {
        assert!(response.chunk().await.unwrap().is_some());
        return;
    }
    // A cut answer ends in an error, and that is how it has to end.
    while let Ok(Some(_)) = response.chunk().await {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sums_of_mixed_endings_are_the_upstreams_own() {
    let requests: u64 = std::env::var("SLUICE_TEST_REQUESTS").map_or(3_000, |requests| requests.parse().unwrap());
    let upstream = FakeUpstream::builder().keep_bodies(false).start().await.unwrap();
    let gateway = Arc::new(TestGateway::builder().start().await);
    let models: Vec<String> = KINDS.iter().map(|kind| format!("{}={}", kind.model, kind.script)).collect();
    let models: Vec<&str> = models.iter().map(String::as_str).collect();
    gateway.add_server("fake", &upstream.base_url(), &models).await;
    let key: Arc<str> = gateway.issue_key("test", None).await.into();
    let (next, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let clients = (0..CLIENTS).map(|_| {
        let (gateway, key, next) = (Arc::clone(&gateway), Arc::clone(&key), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= requests {
                    return;
                }
                let kind = &KINDS[usize::try_from(number % 14).unwrap()];
                // Texts of many lengths.
                let text = "word ".repeat(usize::try_from(number % 97).unwrap() + 4);
                let body = if kind.path == EMBEDDINGS {
                    json!({ "model": kind.model, "input": text })
                } else {
                    let messages = json!([{ "role": "user", "content": text }]);
                    json!({ "model": kind.model, "stream": kind.streamed, "messages": messages })
                };
                let request = gateway.request(Method::POST, kind.path).bearer_auth(&key).header("app-name", "totals");
                call(request.json(&body), kind.ending).await;
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    println!("{requests} requests in {:?}", began.elapsed());
    assert!(upstream.ledger().wait_until(|counts| counts.active == 0, PATIENCE).await);
    assert_eq!(upstream.ledger().calls(), requests);

    // Read from the file, as anybody else would.
    let file = gateway.data_dir().join("sluice.db");
    let options =
        sea_orm::ConnectOptions::new(format!("sqlite:{}?mode=ro", file.display())).max_connections(1).to_owned();
    let database = sea_orm::Database::connect(options).await.unwrap();
    let numbers = async |sql: &str| -> Vec<i64> {
        let statement = Statement::from_string(database.get_database_backend(), sql);
        let row = database.query_one_raw(statement).await.unwrap().unwrap();
        (0..5)
            .map_while(|index| row.try_get_by_index::<Option<i64>>(index).ok())
            .map(Option::unwrap_or_default)
            .collect()
    };
    let expected = i64::try_from(requests).unwrap();
    let all_there = || async { numbers("SELECT count(*) FROM usage_records").await[0] == expected };
    assert!(eventually(Duration::from_secs(5), all_there).await, "rows are missing, or are there twice");

    let totals = upstream.ledger().totals();
    let sums = "SELECT sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(reasoning_tokens), count(*) \
                FROM usage_records WHERE token_source = 1";
    let reported = [totals.prompt_tokens, totals.completion_tokens, totals.cached_tokens, totals.reasoning_tokens];
    let reported: Vec<i64> = reported.into_iter().map(|count| i64::try_from(count).unwrap()).collect();
    assert_eq!(numbers(sums).await[..4], reported, "input, output, cached, reasoning");
    assert!(reported.iter().all(|count| *count > 0));

    for (index, kind) in (0_u64..).zip(&KINDS) {
        let due = requests / 14 + u64::from(index < requests % 14);
        let outcome = match kind.outcome {
            "completed" => 1,
            "upstream_error" => 2,
            "upstream_cut" => 3,
            _ => 4,
        };
        let source = match kind.source {
            "none" => 0,
            "reported" => 1,
            _ => 2,
        };
        let sql = format!(
            "SELECT count(*), sum(outcome = {outcome}), sum(token_source = {source}) FROM usage_records WHERE model = '{}'",
            kind.model
        );
        let due = i64::try_from(due).unwrap();
        assert_eq!(numbers(&sql).await, [due, due, due], "{}: rows, outcome, source", kind.model);
    }
    database.close().await.unwrap();
    Arc::into_inner(gateway).unwrap().stop().await;
}
