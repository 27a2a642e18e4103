//! The live events of the dashboard.

use std::time::Duration;

use futures::StreamExt as _;
use http::Method;
use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;

use crate::harness::{PATIENCE, TestGateway};

async fn follow(gateway: &TestGateway) -> reqwest::Response {
    gateway.request(Method::GET, "/api/live").bearer_auth(gateway.token()).send().await.unwrap()
}

#[tokio::test]
async fn a_new_request_is_announced() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), &["small=fake-small"]).await;
    let key = gateway.issue_key("test", None).await;
    let response = follow(&gateway).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.bytes_stream();
    let body = json!({ "model": "small", "messages": [{ "role": "user", "content": "hello" }] });
    assert_eq!(gateway.chat(&key, &body).await.status, 200);

    let mut text = String::new();
    while !text.contains("\n\n") {
        let piece = tokio::time::timeout(PATIENCE, stream.next()).await.expect("an event in time").unwrap().unwrap();
        text.push_str(std::str::from_utf8(&piece).unwrap());
    }
    assert!(text.contains("event: requests"), "{text}");
    let data: Value = serde_json::from_str(text.split("data: ").nth(1).unwrap().lines().next().unwrap()).unwrap();
    let newest = gateway.get("/api/requests?limit=1").await.json()["rows"][0]["id"].clone();
    assert_eq!(data, json!({ "newest": newest }));
    gateway.stop().await;
}

#[tokio::test]
async fn tells_how_many_requests_end_at_the_moment() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), &["small=fake-small"]).await;
    let key = gateway.issue_key("test", None).await;
    let request = gateway.request(Method::GET, "/api/live?limits=all").bearer_auth(gateway.token());
    let mut stream = request.send().await.unwrap().bytes_stream();
    let body = json!({ "model": "small", "messages": [{ "role": "user", "content": "hello" }] });
    for _ in 0..3 {
        assert_eq!(gateway.chat(&key, &body).await.status, 200);
    }
    let mut text = String::new();
    let counted = async {
        // At first there were none, and a second that runs is not counted yet.
        while !text.contains("event: rate\ndata: {\"requests\":3,\"seconds\":10}\n\n") {
            let piece = stream.next().await.expect("the stream goes on").unwrap();
            text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, counted).await.expect("an event in time");
    gateway.stop().await;
}

#[tokio::test]
async fn the_number_of_followers_is_bounded_and_a_place_is_given_back() {
    let gateway = TestGateway::builder().start().await;
    let mut followers = Vec::new();
    for _ in 0..sluice_server::host::MAX_LIVE_SUBSCRIBERS {
        let response = follow(&gateway).await;
        assert_eq!(response.status(), 200);
        followers.push(response);
    }
    let refused = gateway.get("/api/live").await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "too_many_followers"));
    assert_eq!(refused.header("retry-after"), "30");
    followers.clear();
    let freed = crate::harness::eventually(PATIENCE, || async { follow(&gateway).await.status() == 200 }).await;
    assert!(freed, "places are not given back");
    gateway.stop().await;
}

#[tokio::test]
async fn a_follower_does_not_hold_up_the_end() {
    let gateway = TestGateway::builder().setting("SLUICE_LIMITS__DRAIN_SECONDS", "3600").start().await;
    let response = follow(&gateway).await;
    let end = tokio::spawn(async move { response.bytes().await });
    gateway.stop().await;
    let ended = tokio::time::timeout(Duration::from_secs(5), end).await.expect("the stream ends").unwrap();
    assert!(ended.is_ok(), "the stream ends cleanly");
}
