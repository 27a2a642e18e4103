//! Budgets: refusals, bursts, periods, and what survives the process.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;

use super::{body, rows};
use crate::harness::{Answer, PATIENCE, TestGateway, eventually, send};

/// An app with these budgets, and a key that is bound to it.
async fn app(gateway: &TestGateway, budgets: Value) -> (Value, String) {
    let app = gateway.post("/api/apps", json!({"name": "test-app", "budgets": budgets})).await;
    assert_eq!(app.status, 201, "{}", app.text());
    let id = app.json()["id"].clone();
    let key = gateway.post("/api/keys", json!({"name": "k", "app_id": id})).await;
    (id, key.json()["key"].as_str().unwrap().to_owned())
}

async fn budget(gateway: &TestGateway, app: &Value) -> Value {
    gateway.get(&format!("/api/apps/{app}")).await.json()["budgets"][0].clone()
}

fn assert_refused(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.header("x-should-retry")), (403, "false"), "{}", answer.text());
    let error = answer.json()["error"].clone();
    assert_eq!((&error["code"], &error["type"]), (&json!("budget_exceeded"), &json!("permission_error")));
    error["message"].as_str().unwrap().to_owned()
}

async fn gateway(models: &[&str]) -> (FakeUpstream, TestGateway) {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), models).await;
    (upstream, gateway)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_cannot_overrun_a_budget() {
    let (upstream, gateway) = gateway(&["m=fake-small?latency_ms=60000"]).await;
    let (id, key) = app(&gateway, json!([{"period": "day", "unit": "tokens", "tokens": 1_000_000}])).await;
    // What one of them reserves.
    let probe = tokio::spawn(send(gateway.chat_request(&key, &body("m", 100))));
    assert!(eventually(PATIENCE, || async { upstream.ledger().calls() == 1 }).await);
    let one = budget(&gateway, &id).await["reserved"].as_u64().unwrap();
    assert!((101..200).contains(&one), "{one}");
    probe.abort();
    assert!(eventually(PATIENCE, || async { budget(&gateway, &id).await["reserved"] == 0 }).await);

    let used = budget(&gateway, &id).await["used"].as_u64().unwrap();
    let budgets = json!({"budgets": [{"period": "day", "unit": "tokens", "tokens": used + 10 * one + one / 2}]});
    assert_eq!(gateway.patch(&format!("/api/apps/{id}"), budgets).await.status, 200);
    let calls: Vec<_> = (0..50).map(|_| tokio::spawn(send(gateway.chat_request(&key, &body("m", 100))))).collect();
    let refused = || calls.iter().filter(|call| call.is_finished()).count();
    assert!(eventually(PATIENCE, || async { refused() == 40 && upstream.ledger().calls() == 11 }).await);
    let state = budget(&gateway, &id).await;
    assert_eq!((&state["reserved"], &state["level"]), (&json!(10 * one), &json!("ok")), "{state}");
    for call in calls {
        if call.is_finished() {
            assert_refused(&call.await.unwrap());
        } else {
            call.abort();
        }
    }
    // Clients that leave give back what they had reserved, and only that.
    let is_free = || async { budget(&gateway, &id).await["reserved"] == 0 };
    assert!(eventually(PATIENCE, is_free).await, "{}", budget(&gateway, &id).await);
    let rows = rows(&gateway, 51).await;
    let rejected: Vec<&Value> = rows.iter().filter(|row| row["outcome"] == "rejected").collect();
    assert_eq!(rejected.len(), 40);
    assert!(rejected.iter().all(|row| row["error_code"] == "budget_exceeded" && row["status"] == 403));
    assert_eq!(upstream.ledger().calls(), 11);
    gateway.stop().await;
}

#[tokio::test]
async fn refusals_say_which_budget_and_until_when() {
    let (_upstream, gateway) = gateway(&["m=fake-small", "free=fake-small"]).await;
    let price = json!({"currency": "USD", "input": "1000", "output": "1000"});
    assert_eq!(gateway.post("/api/prices", json!({"model": "m", "price": price})).await.status, 201);
    let budgets =
        json!([{"period": "month", "unit": "money", "amount": "0.05", "currency": "USD", "warn_percent": 50}]);
    let (id, key) = app(&gateway, budgets).await;
    let never = assert_refused(&gateway.chat(&key, &body("m", 100)).await);
    assert!(
        never.starts_with(
            "The monthly budget of the app `test-app` has no room for this request: of 0.05 USD, 0 are used"
        ),
        "{never}"
    );

    let mut refused = None;
    for _ in 0..20 {
        let answer = gateway.chat(&key, &body("m", 5)).await;
        if answer.status != 200 {
            refused = Some(assert_refused(&answer));
            break;
        }
    }
    let refused = refused.expect("the budget has an end");
    let state = budget(&gateway, &id).await;
    let end = jiff::Timestamp::from_millisecond(state["period_end_ms"].as_i64().unwrap()).unwrap();
    assert!(refused.contains(&format!("begins anew at {}", end.to_string().replace('Z', "+00:00"))), "{refused}");
    assert!(["warning", "exceeded"].contains(&state["level"].as_str().unwrap()), "{state}");
    assert_eq!(state["reserved"], 0);
    // The caller sees it without an administrator.
    let own = send(gateway.request(http::Method::GET, "/v1/usage").bearer_auth(&key)).await;
    let own = own.json()["budgets"].clone();
    assert_eq!((own.as_array().unwrap().len(), &own[0]["owner"], &own[0]["used"]), (1, &json!("app"), &state["used"]));
    // What has no price does not count, and a budget that is lifted is gone for the next request.
    assert_eq!(gateway.chat(&key, &body("free", 5)).await.status, 200);
    assert_eq!(gateway.patch(&format!("/api/apps/{id}"), json!({"budgets": []})).await.json()["budgets"], json!([]));
    assert_eq!(gateway.chat(&key, &body("m", 5)).await.status, 200);
    gateway.stop().await;
}

#[tokio::test]
async fn every_way_out_gives_back_what_was_reserved() {
    let models = [
        "m=fake-small",
        "error=fake-small?status=500",
        "cut=fake-small?cut_after=1",
        "reset=fake-small?reset=1",
        "stall=fake-small?stall_after=1",
    ];
    let (_upstream, gateway) = gateway(&models).await;
    let key = json!({"name": "k", "budgets": [{"period": "day", "unit": "tokens", "tokens": 1_000_000}]});
    let key = gateway.post("/api/keys", key).await.json();
    let path = format!("/api/keys/{}", key["id"]);
    let key = key["key"].as_str().unwrap();
    for stream in [false, true] {
        for model in ["m", "error", "cut", "reset", "nonsense"] {
            let mut body = body(model, 100);
            body["stream"] = json!(stream);
            let request = gateway.chat_request(key, &body);
            if let Ok(response) = request.send().await {
                let _ = response.bytes().await;
            }
        }
    }
    let mut stalled = body("stall", 100);
    stalled["stream"] = json!(true);
    let mut response = gateway.chat_request(key, &stalled).send().await.unwrap();
    response.chunk().await.unwrap();
    let state = async || gateway.get(&path).await.json()["budgets"][0].clone();
    assert!(state().await["reserved"].as_u64().unwrap() > 100);
    drop(response);
    assert!(eventually(PATIENCE, || async { state().await["reserved"] == 0 }).await, "{}", state().await);
    // What is counted is what is recorded.
    let recorded: u64 = rows(&gateway, 11)
        .await
        .iter()
        .map(|row| row["input_tokens"].as_u64().unwrap_or(0) + row["output_tokens"].as_u64().unwrap_or(0))
        .sum();
    assert_eq!(state().await["used"], recorded);
    gateway.stop().await;
}

#[tokio::test]
async fn what_was_used_survives_a_restart() {
    let (upstream, gateway) = gateway(&["m=fake-small"]).await;
    let (id, key) = app(&gateway, json!([{"period": "month", "unit": "tokens", "tokens": 1_000_000}])).await;
    let ask = body("m", 10);
    join_all((0..5).map(|_| gateway.chat(&key, &ask))).await;
    let used = budget(&gateway, &id).await["used"].clone();
    assert!(used.as_u64().unwrap() > 0);
    let gateway = TestGateway::builder().start_in(gateway.stop().await).await;
    assert_eq!(budget(&gateway, &id).await["used"], used);
    assert_eq!(gateway.chat(&key, &body("m", 10)).await.status, 200);
    assert!(budget(&gateway, &id).await["used"].as_u64() > used.as_u64());
    gateway.stop().await;
    drop(upstream);
}

#[tokio::test]
async fn what_was_used_survives_kill_9() {
    const ENVIRONMENT: [(&str, &str); 2] =
        [("SLUICE_ADMIN_USERNAME", "admin"), ("SLUICE_ADMIN_PASSWORD", "correct horse battery")];
    let upstream = FakeUpstream::builder().start().await.unwrap();
    sluice::outbound::install_tls_provider();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let sign_in = async |binary: &crate::binary::Binary| {
        let body = json!({"username": "admin", "password": "correct horse battery"});
        send(client.post(binary.url("/api/session")).json(&body)).await.cookie().unwrap()
    };
    let used = async |binary: &crate::binary::Binary, cookie: &str| {
        let keys = send(client.get(binary.url("/api/keys")).header("cookie", cookie)).await.json();
        keys["rows"][0]["budgets"][0]["used"].as_u64().unwrap()
    };
    let binary = crate::binary::Binary::start(&ENVIRONMENT).await;
    let cookie = sign_in(&binary).await;
    let models = json!([{"name": "m", "upstream_name": "fake-small"}, {"name": "slow", "upstream_name": "fake-small?latency_ms=60000"}]);
    let server = json!({"name": "fake", "base_url": upstream.base_url(), "models": models});
    send(client.post(binary.url("/api/servers")).header("cookie", &cookie).json(&server)).await;
    let input = json!({"name": "k", "budgets": [{"period": "month", "unit": "tokens", "tokens": 1_000_000}]});
    let key = send(client.post(binary.url("/api/keys")).header("cookie", &cookie).json(&input)).await.json();
    let key = key["key"].as_str().unwrap().to_owned();
    let call = |model: &str| {
        let request = client.post(binary.url("/v1/chat/completions")).bearer_auth(&key).header("app-name", "a");
        request.json(&body(model, 10))
    };
    for _ in 0..3 {
        assert_eq!(send(call("m")).await.status, 200);
    }
    let before = used(&binary, &cookie).await;
    let slow = tokio::spawn(call("slow").send());
    assert!(eventually(PATIENCE, || async { upstream.ledger().calls() == 4 }).await);
    assert!(before > 0);
    let folder = binary.kill();
    slow.abort();
    let binary = crate::binary::Binary::start_in(folder, &ENVIRONMENT).await;
    let cookie = sign_in(&binary).await;
    // What was in flight counts with its input.
    let after = used(&binary, &cookie).await;
    assert!(after > before && after < before + 100, "{before} {after}");
    tokio::time::timeout(Duration::from_secs(60), binary.stop()).await.unwrap();
}
