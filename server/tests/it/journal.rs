//! What was recorded survives: `kill -9` under load, a database that is locked, a journal that cannot be written.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::{Value, json};
use sluice_fake_upstream::{FakeUpstream, Outcome};
use tempfile::TempDir;

use crate::administrator::{Administrator, ENVIRONMENT};
use crate::binary::Binary;
use crate::harness::{PATIENCE, TestGateway, eventually, send};

/// Times that the process is killed, unless `SLUICE_TEST_KILLS` says otherwise.
const KILLS: u64 = 10;
/// Clients that send one request after the other.
const CLIENTS: usize = 16;

/// Sends requests until the gateway is gone. Returns the ids of those that were answered whole.
async fn call_until_the_end(client: reqwest::Client, url: String, key: String, prefix: String) -> Vec<String> {
    let mut answered = Vec::new();
    for number in 0.. {
        let id = format!("{prefix}-{number}");
        let is_streamed = number % 2 == 1;
        let model = if is_streamed { "streamed" } else { "plain" };
        let body =
            json!({ "model": model, "stream": is_streamed, "messages": [{ "role": "user", "content": "hello" }] });
        let request =
            client.post(&url).bearer_auth(&key).header("app-name", "load").header("x-request-id", &id).json(&body);
        let Ok(response) = request.send().await else { break };
        assert_eq!(response.status(), 200);
        if response.bytes().await.is_err() {
            break;
        }
        answered.push(id);
    }
    answered
}

/// Compares what is recorded with what the upstream saw and what clients got. Returns how many were interrupted.
fn assert_nothing_is_missing(rows: &[Value], upstream: &FakeUpstream, answered: &[String]) -> usize {
    let mut by_id: HashMap<&str, Vec<&Value>> = HashMap::new();
    for row in rows {
        by_id.entry(row["client_request_id"].as_str().unwrap()).or_default().push(row);
    }
    for (id, rows) in &by_id {
        assert_eq!(rows.len(), 1, "{id}: {rows:?}");
    }
    let received = upstream.ledger().requests();
    for request in &received {
        let id = request.header("x-request-id").unwrap();
        let Some(rows) = by_id.get(id) else {
            panic!("the upstream got {id} ({:?}) and nothing is recorded", request.outcome)
        };
        let outcome = rows[0]["outcome"].as_str().unwrap();
        assert!(["completed", "interrupted"].contains(&outcome), "{}", rows[0]);
        if outcome == "interrupted" {
            assert_eq!((&rows[0]["status"], &rows[0]["token_source"]), (&json!(0), &json!("estimated")), "{}", rows[0]);
            assert!(rows[0]["input_tokens"].as_i64().unwrap() > 0 && rows[0]["output_tokens"].is_null(), "{}", rows[0]);
        } else {
            assert_eq!(request.outcome, Outcome::Completed, "{}", rows[0]);
            assert!(rows[0]["input_tokens"].is_i64(), "{}", rows[0]);
        }
    }
    for id in answered {
        assert!(by_id.contains_key(id.as_str()), "{id} was answered and nothing is recorded");
    }
    rows.iter().filter(|row| row["outcome"] == "interrupted").count()
}

fn client() -> reqwest::Client {
    sluice::outbound::install_tls_provider();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn journal_files(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder.join("journal")).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "journal")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_under_load_loses_nothing_and_counts_nothing_twice() {
    let kills = std::env::var("SLUICE_TEST_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let upstream = FakeUpstream::builder().keep_bodies(false).start().await.unwrap();
    let client = client();
    let mut folder = TempDir::new().unwrap();
    let mut key = None;
    let mut answered: Vec<String> = Vec::new();
    for round in 0..kills {
        let binary = Binary::start_in(folder, &ENVIRONMENT).await;
        let key = if let Some(key) = &key {
            String::clone(key)
        } else {
            let made = Administrator::sign_in(&client, &binary).await.set_up(&upstream).await;
            key.insert(made).clone()
        };
        let url = binary.url("/v1/chat/completions");
        let calls: Vec<_> = (0..CLIENTS)
            .map(|number| call_until_the_end(client.clone(), url.clone(), key.clone(), format!("r{round}-c{number}")))
            .map(tokio::spawn)
            .collect();
        // Another moment in every run and every round.
        let moment = some_number() % 350;
        tokio::time::sleep(Duration::from_millis(50 + moment)).await;
        folder = binary.kill();
        for calls in join_all(calls).await {
            answered.extend(calls.unwrap());
        }
    }
    assert!(upstream.ledger().wait_until(|counts| counts.active == 0, PATIENCE).await);
    let binary = Binary::start_in(folder, &ENVIRONMENT).await;
    let administrator = Administrator::sign_in(&client, &binary).await;
    let rows = administrator.rows().await;
    let interrupted = assert_nothing_is_missing(&rows, &upstream, &answered);
    let completed = upstream.ledger().completed();
    println!(
        "{kills} kills: {} rows, {interrupted} interrupted, upstream completed {completed}, clients got {}",
        rows.len(),
        answered.len()
    );
    assert!(interrupted > 0 && answered.len() > 50, "the load was no load");
    assert_sums_agree(binary.folder()).await;
    let folder = binary.stop().await;
    assert_eq!(journal_files(folder.path()), 0, "a clean stop leaves nothing for the next start");
}

/// The database has none of the rows when the process is killed: they can only come from the journal.
#[tokio::test]
async fn what_a_locked_database_did_not_take_is_there_after_kill_9() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let client = client();
    let binary = Binary::start(&ENVIRONMENT).await;
    let administrator = Administrator::sign_in(&client, &binary).await;
    let key = administrator.set_up(&upstream).await;
    let file = binary.folder().join("sluice.db");
    let options = sea_orm::ConnectOptions::new(format!("sqlite:{}", file.display())).max_connections(1).to_owned();
    let other = sea_orm::Database::connect(options).await.unwrap();
    other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let request = |number: u32, model: &str| {
        let body = json!({ "model": model, "messages": [{ "role": "user", "content": "hello" }] });
        let request = client.post(binary.url("/v1/chat/completions")).bearer_auth(&key).header("app-name", "load");
        send(request.header("x-request-id", format!("locked-{number}")).json(&body))
    };
    let answers = join_all((0..40).map(|number| request(number, "plain"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(request(40, "nonsense").await.status, 404);
    let health = send(client.get(binary.url("/health"))).await.json();
    assert_eq!(health["components"]["usage_writer"]["lost"], 0, "{health}");
    assert!(administrator.rows().await.is_empty(), "the database was not locked");
    drop(administrator);
    let folder = binary.kill();
    other.execute_unprepared("ROLLBACK").await.unwrap();
    other.close().await.unwrap();

    let binary = Binary::start_in(folder, &ENVIRONMENT).await;
    let rows = Administrator::sign_in(&client, &binary).await.rows().await;
    assert_eq!(assert_nothing_is_missing(&rows, &upstream, &[]), 0);
    let count = |outcome: &str| rows.iter().filter(|row| row["outcome"] == outcome).count();
    assert_eq!((rows.len(), count("completed"), count("rejected")), (41, 40, 1));
    binary.stop().await;
}

/// Some number, another one each time.
fn some_number() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0)
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_stops_no_request() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let folder = TempDir::new().unwrap();
    let journal = folder.path().join("journal");
    // A file in the place of the folder stops a superuser too.
    std::fs::write(&journal, "").unwrap();
    let gateway = TestGateway::builder().start_in(folder).await;
    gateway.add_server("fake", &upstream.base_url(), &["small=fake-small"]).await;
    let key = gateway.issue_key("test", None).await;
    let body = json!({ "model": "small", "messages": [{ "role": "user", "content": "hello" }] });
    assert_eq!(gateway.chat(&key, &body).await.status, 200);
    let health = gateway.get("/health").await;
    assert_eq!((health.status, &health.json()["components"]["journal"]["status"]), (200, &json!("degraded")));
    assert_eq!(health.json()["status"], "degraded");
    let count = async || gateway.get("/api/requests").await.json()["rows"].as_array().unwrap().len();
    assert!(eventually(PATIENCE, || async { count().await == 1 }).await, "it is not recorded");

    std::fs::remove_file(&journal).unwrap();
    let is_well = || async { gateway.get("/health").await.json()["components"]["journal"]["status"] == "ok" };
    assert!(eventually(PATIENCE, is_well).await, "it does not recover");
    assert_eq!(gateway.chat(&key, &body).await.status, 200);
    assert!(eventually(PATIENCE, || async { count().await == 2 }).await, "it is not recorded");

    // Somebody removes it while it is written.
    std::fs::remove_dir_all(&journal).unwrap();
    assert_eq!(gateway.chat(&key, &body).await.status, 200);
    assert!(eventually(PATIENCE, || async { journal.is_dir() }).await, "it was not made again");
    assert!(eventually(PATIENCE, || async { count().await == 3 }).await, "it is not recorded");
    gateway.stop().await;
}

/// In slots of every length, the sums are the sums of the rows.
async fn assert_sums_agree(folder: &Path) {
    let file = folder.join("sluice.db");
    let options =
        sea_orm::ConnectOptions::new(format!("sqlite:{}?mode=ro", file.display())).max_connections(1).to_owned();
    let database = sea_orm::Database::connect(options).await.unwrap();
    let rows = "SELECT outcome, count(*), sum(coalesce(input_tokens, 0)), sum(coalesce(output_tokens, 0)) \
                FROM usage_records GROUP BY outcome ORDER BY outcome";
    let of_slots = |seconds: u32| {
        format!(
            "SELECT outcome, sum(requests), sum(input_tokens), sum(output_tokens) FROM usage_rollups \
             JOIN usage_series ON id = series_id WHERE slot_seconds = {seconds} GROUP BY outcome ORDER BY outcome"
        )
    };
    let read = async |sql: &str| -> Vec<(i64, i64, i64, i64)> {
        let statement = Statement::from_string(database.get_database_backend(), sql);
        let rows = database.query_all_raw(statement).await.unwrap();
        rows.iter()
            .map(|row| {
                let number = |index| row.try_get_by_index::<i64>(index).unwrap();
                (number(0), number(1), number(2), number(3))
            })
            .collect()
    };
    let expected = read(rows).await;
    assert!(!expected.is_empty());
    for seconds in [900, 3600, 14_400, 86_400] {
        assert_eq!(read(&of_slots(seconds)).await, expected, "slots of {seconds} seconds");
    }
    database.close().await.unwrap();
}
