//! A thousand slow streams at once, through the real binary.

use serde_json::json;
use sluice_fake_upstream::FakeUpstream;
use tokio::task::JoinSet;

use crate::binary::Binary;
use crate::harness::{PATIENCE, send};
use crate::process::resident;

const STREAMS: u64 = 1000;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_slow_streams_complete() {
    let _alone = crate::ALONE.lock().await;
    rlimit::increase_nofile_limit(10_000).unwrap();
    let upstream = FakeUpstream::builder().keep_bodies(false).start().await.unwrap();
    let credentials = json!({"username": "admin", "password": "correct horse battery"});
    let binary =
        Binary::start(&[("SLUICE_ADMIN_USERNAME", "admin"), ("SLUICE_ADMIN_PASSWORD", "correct horse battery")]).await;
    sluice::outbound::install_tls_provider();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let cookie = send(client.post(binary.url("/api/session")).json(&credentials)).await.cookie().unwrap();
    let post =
        |path: &str, body: serde_json::Value| send(client.post(binary.url(path)).header("cookie", &cookie).json(&body));
    let server = json!({"name": "fake", "base_url": upstream.base_url(),
        "models": [{"name": "slow", "upstream_name": "fake-small?chunks=20&chunk_delay_ms=250"}, {"name": "small", "upstream_name": "fake-small"}]});
    assert_eq!(post("/api/servers", server).await.status, 201);
    let key = post("/api/keys", json!({"name": "k"})).await.json()["key"].as_str().unwrap().to_owned();
    let ask = |model: &str| {
        let body = json!({"model": model, "stream": true, "messages": [{"role": "user", "content": "hi"}]});
        client.post(binary.url("/v1/chat/completions")).bearer_auth(&key).header("app-name", "many").json(&body)
    };
    assert_eq!(send(ask("small")).await.status, 200);
    let before = resident(&binary.process_id().to_string()) / 1024;
    let mut calls = JoinSet::new();
    for _ in 0..STREAMS {
        let request = ask("slow");
        calls.spawn(async move { request.send().await.unwrap().text().await.unwrap() });
    }
    assert!(
        upstream.ledger().wait_until(|counts| counts.active == STREAMS, PATIENCE * 3).await,
        "{:?}",
        upstream.ledger().counts()
    );
    let during = resident(&binary.process_id().to_string()) / 1024;
    while let Some(text) = calls.join_next().await {
        let text = text.unwrap();
        assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    }
    let per_stream = during.saturating_sub(before) / STREAMS;
    println!("{STREAMS} streams at once: {before} KiB before, {during} KiB during, {per_stream} KiB for each stream");
    assert!(per_stream < 512, "{per_stream} KiB for each stream");
    binary.stop().await;
}
