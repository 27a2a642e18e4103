//! Clients that wait: what they cost the process, and that they get their answers.

use std::time::Duration;

use serde_json::json;
use sluice_fake_upstream::FakeUpstream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::binary::Binary;
use crate::harness::{PATIENCE, eventually, send};
use crate::process::{processor_time, resident};

/// Clients that wait; each needs two file descriptors of this process and one of the other.
const CLIENTS: u64 = 2000;
/// How long the processor time of waiting is measured.
const REST: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn clients_who_wait_cost_the_process_no_time_and_get_their_answers() {
    let _alone = crate::ALONE.lock().await;
    rlimit::increase_nofile_limit(10_000).unwrap();
    let upstream = FakeUpstream::builder().keep_bodies(false).start().await.unwrap();
    let credentials = json!({"username": "admin", "password": "correct horse battery"});
    let binary =
        Binary::start(&[("SLUICE_ADMIN_USERNAME", "admin"), ("SLUICE_ADMIN_PASSWORD", "correct horse battery")]).await;
    sluice::outbound::install_tls_provider();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let cookie = send(client.post(binary.url("/api/session")).json(&credentials)).await.cookie().unwrap();
    let with_cookie = |request: reqwest::RequestBuilder| send(request.header("cookie", &cookie));
    let mut server = json!({"name": "fake", "base_url": upstream.base_url(),
        "models": [{"name": "m", "upstream_name": "fake-small"}],
        "limits": {"requests_per_minute": 1}, "queue": {"length": CLIENTS, "deadline_ms": 600_000}});
    assert_eq!(with_cookie(client.post(binary.url("/api/servers")).json(&server)).await.status, 201);
    let created = with_cookie(client.post(binary.url("/api/keys")).json(&json!({"name": "k"}))).await;
    let key = created.json()["key"].as_str().unwrap().to_owned();
    let ask = || {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        client.post(binary.url("/v1/chat/completions")).bearer_auth(&key).header("app-name", "many").json(&body)
    };
    assert_eq!(send(ask()).await.status, 200);
    let process = binary.process_id().to_string();
    let before = resident(&process);
    let mut calls = JoinSet::new();
    for _ in 0..CLIENTS {
        let request = ask().timeout(PATIENCE * 3);
        calls.spawn(async move { request.send().await.unwrap().status().as_u16() });
    }
    let waiting = || async {
        with_cookie(client.get(binary.url("/api/servers/1/limits"))).await.json()["state"]["queue"]["waiting"].clone()
    };
    assert!(eventually(PATIENCE * 3, || async { waiting().await == CLIENTS }).await, "{}", waiting().await);
    let each = resident(&process).saturating_sub(before) / CLIENTS / 1024;
    let used = processor_time(&process);
    tokio::time::sleep(REST).await;
    let used = processor_time(&process).saturating_sub(used);
    println!(
        "{CLIENTS} clients who wait: {each} KiB for each with its connection; {used:?} of processor time in {REST:?}"
    );
    assert!(used < REST / 100, "{used:?} in {REST:?}");
    server["limits"] = json!({});
    let lifted = Instant::now();
    assert_eq!(with_cookie(client.put(binary.url("/api/servers/1")).json(&server)).await.status, 200);
    while let Some(status) = calls.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    println!("the limit was lifted and all were answered within {:?}", lifted.elapsed());
    assert_eq!(upstream.ledger().calls(), CLIENTS + 1);
    binary.stop().await;
}
