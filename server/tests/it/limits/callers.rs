//! Limits of apps and keys, turns and priorities.

use http::Method;
use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;

use super::{add_server, body, code, limited, rows, timed, until_waiting};
use crate::harness::{Answer, PATIENCE, TestGateway, eventually, send};

async fn app(gateway: &TestGateway, name: &str, limits: Value) -> Value {
    let answer = gateway.post("/api/apps", json!({"name": name, "limits": limits})).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].clone()
}

async fn key(gateway: &TestGateway, more: Value) -> Value {
    let mut input = json!({"name": "k"});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = gateway.post("/api/keys", input).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn as_app(gateway: &TestGateway, key: &str, app: &str) -> reqwest::RequestBuilder {
    gateway.request(Method::POST, "/v1/chat/completions").bearer_auth(key).header("app-name", app).json(&body("m"))
}

fn status_of(answer: &Answer) -> (u16, String) {
    (answer.status, code(answer))
}

#[tokio::test]
async fn an_app_that_waits_for_itself_stands_in_nobodys_way() {
    let (upstream, gateway, key) = limited("60", &["m=fake-small"], json!({"queue": {"deadline_ms": 1500}})).await;
    let limited_app = app(&gateway, "limited", json!({"requests_per_minute": 1})).await;
    app(&gateway, "free", json!({})).await;
    assert_eq!(send(as_app(&gateway, &key, "limited")).await.status, 200);
    let waits = tokio::spawn(send(as_app(&gateway, &key, "limited")));
    let queued = eventually(PATIENCE, || async {
        gateway.get(&format!("/api/apps/{limited_app}/limits")).await.json()["queue"]["waiting"] == 1
    })
    .await;
    assert!(queued, "{}", gateway.get(&format!("/api/apps/{limited_app}/limits")).await.text());
    for _ in 0..5 {
        let answer = send(as_app(&gateway, &key, "free")).await;
        assert_eq!((answer.status, answer.header("x-sluice-queue-ms")), (200, "0"));
    }
    let answer = tokio::time::timeout(PATIENCE, waits).await.unwrap().unwrap();
    assert_eq!(status_of(&answer), (504, "queue_timeout".to_owned()));
    let rows = rows(&gateway, 7).await;
    assert_eq!(rows.iter().filter(|row| row["limited_by"] == "app_requests").count(), 1);
    assert_eq!(upstream.ledger().calls(), 6);
    // A limit that goes away is gone for the next request.
    let lifted = gateway.patch(&format!("/api/apps/{limited_app}"), json!({"limits": {}})).await;
    assert_eq!(lifted.status, 200, "{}", lifted.text());
    assert_eq!(send(as_app(&gateway, &key, "limited")).await.status, 200);
    gateway.stop().await;
}

#[tokio::test]
async fn the_slot_of_a_key_is_given_back_on_every_way_out() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    let models = [
        "m=fake-small",
        "error=fake-small?status=500",
        "cut=fake-small?cut_after=1",
        "reset=fake-small?reset=1",
        "slow=fake-small?latency_ms=60000",
        "stall=fake-small?stall_after=1",
    ];
    add_server(&gateway, "fake", &upstream, &models, json!({"queue": {"deadline_ms": 1000}})).await;
    let bound = app(&gateway, "app", json!({})).await;
    let created = key(&gateway, json!({"app_id": bound, "limits": {"concurrency": 1}})).await;
    let secret = created["key"].as_str().unwrap();
    let call = |model: &str, stream: bool| {
        let mut body = body(model);
        body["stream"] = json!(stream);
        gateway.request(Method::POST, "/v1/chat/completions").bearer_auth(secret).json(&body)
    };
    for stream in [false, true] {
        for model in ["error", "cut", "reset", "unknown"] {
            if let Ok(response) = call(model, stream).send().await {
                let _ = response.bytes().await;
            }
            let answer = send(call("m", stream)).await;
            assert_eq!(
                (answer.status, answer.header("x-sluice-queue-ms")),
                (200, "0"),
                "after {model}: {}",
                answer.text()
            );
        }
        for model in ["slow", "stall"] {
            let active = upstream.ledger().active();
            let leaver = tokio::spawn(send(call(model, stream)));
            assert!(upstream.ledger().wait_until(|counts| counts.active == active + 1, PATIENCE).await);
            let waits = send(call("m", stream)).await;
            assert_eq!(status_of(&waits), (504, "queue_timeout".to_owned()), "the slot is taken");
            leaver.abort();
            assert_eq!(send(call("m", stream)).await.status, 200, "after a client that left {model}");
        }
    }
    let state = gateway.get(&format!("/api/keys/{}/limits", created["id"])).await.json();
    assert_eq!(state["concurrency"], json!({"used": 0, "limit": 1, "frees_in_ms": 0}));
    gateway.stop().await;
}

/// The order in which the upstream saw the calls, by the header that Sluice passes on.
fn order(upstream: &FakeUpstream) -> Vec<String> {
    let requests = upstream.ledger().requests();
    requests.iter().map(|request| request.header("x-client-request-id").unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn turns_are_taken_where_the_order_is_fair_and_the_urgent_go_first() {
    for (order_name, expected) in [
        ("fifo", ["first", "urgent", "a1", "a2", "a3", "b1", "low"]),
        ("fair", ["first", "urgent", "a1", "b1", "a2", "a3", "low"]),
    ] {
        let server = json!({"limits": {"concurrency": 1}, "queue": {"order": order_name}});
        let (upstream, gateway, _) = limited("60", &["m=fake-small?latency_ms=100"], server).await;
        let keys = |priority: &str| key(&gateway, json!({"priority": priority}));
        let (low, normal, high) = (keys("low").await, keys("normal").await, keys("high").await);
        let call = |key: &Value, app: &str, id: &str| {
            tokio::spawn(send(as_app(&gateway, key["key"].as_str().unwrap(), app).header("x-client-request-id", id)))
        };
        let mut calls = vec![call(&normal, "a", "first")];
        assert!(upstream.ledger().wait_until(|counts| counts.calls == 1, PATIENCE).await);
        // A slow first one, so that all others are there before it ends.
        let waiters = [
            (&low, "c", "low"),
            (&normal, "a", "a1"),
            (&normal, "a", "a2"),
            (&normal, "a", "a3"),
            (&normal, "b", "b1"),
            (&high, "d", "urgent"),
        ];
        let held = gateway.get("/api/servers").await.json()["rows"][0].clone();
        super::change_server(&gateway, &held, json!({"limits": {"concurrency": 1, "requests_per_minute": 1}})).await;
        for (count, (key, app, id)) in (1..).zip(waiters) {
            calls.push(call(key, app, id));
            until_waiting(&gateway, count).await;
        }
        super::change_server(&gateway, &held, json!({"limits": {"concurrency": 1}})).await;
        for call in calls {
            assert_eq!(tokio::time::timeout(PATIENCE, call).await.unwrap().unwrap().status, 200);
        }
        assert_eq!(order(&upstream), expected, "{order_name}");
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_revoked_key_does_not_go_on_waiting() {
    let (upstream, gateway, _) = limited("60", &["m=fake-small"], json!({})).await;
    let created = key(&gateway, json!({"limits": {"requests_per_minute": 1}})).await;
    let secret = created["key"].as_str().unwrap();
    assert_eq!(send(as_app(&gateway, secret, "a")).await.status, 200);
    let waits = tokio::spawn(send(as_app(&gateway, secret, "a")));
    let path = format!("/api/keys/{}/limits", created["id"]);
    let queued = eventually(PATIENCE, || async { gateway.get(&path).await.json()["queue"]["waiting"] == 1 }).await;
    assert!(queued);
    assert_eq!(gateway.delete(&format!("/api/keys/{}", created["id"])).await.status, 200);
    let answer = tokio::time::timeout(PATIENCE, waits).await.unwrap().unwrap();
    assert_eq!(status_of(&answer), (401, "invalid_api_key".to_owned()));
    assert_eq!(upstream.ledger().calls(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_refused_changes_no_counter() {
    let (upstream, gateway, _) =
        limited("60", &["m=fake-small"], json!({"limits": {"requests_per_minute": 1}, "queue": {"deadline_ms": 300}}))
            .await;
    let bound = app(&gateway, "app", json!({"requests_per_minute": 5})).await;
    let created = key(&gateway, json!({"app_id": bound, "limits": {"requests_per_minute": 5}})).await;
    let secret = created["key"].as_str().unwrap();
    assert_eq!(timed(&gateway, secret, &body("nothing")).await.0.status, 403, "the app's name does not match");
    for expected in [200, 504, 504] {
        assert_eq!(
            send(gateway.request(Method::POST, "/v1/chat/completions").bearer_auth(secret).json(&body("m")))
                .await
                .status,
            expected
        );
    }
    for path in [format!("/api/apps/{bound}/limits"), format!("/api/keys/{}/limits", created["id"])] {
        assert_eq!(gateway.get(&path).await.json()["requests"]["used"], 1, "{path}");
    }
    assert_eq!(upstream.ledger().calls(), 1);
    gateway.stop().await;
}
