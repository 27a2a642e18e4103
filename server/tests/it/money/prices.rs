//! Prices: what comes with Sluice, what is entered, and what a request cost.

use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;

use super::{body, rows};
use crate::harness::TestGateway;

/// What a million tokens cost in nanos, times tokens.
fn nanos(row: &Value, input: u64, output: u64) -> u64 {
    let tokens = |name: &str| row[name].as_u64().unwrap();
    (tokens("input_tokens") * input + tokens("output_tokens") * output + 500_000) / 1_000_000
}

fn cost(row: &Value) -> Option<(u64, String)> {
    let amount: sluice::model::Amount = row["cost"]["amount"].as_str()?.parse().unwrap();
    Some((u64::try_from(amount.nanos).unwrap(), row["cost"]["currency"].as_str().unwrap().to_owned()))
}

#[tokio::test]
async fn a_cost_is_fixed_when_it_is_recorded() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    let models = ["known=gpt-4o-mini", "unknown=fake-small", "missing=gpt-4o?status=404"];
    let server = gateway.add_server("fake", &upstream.base_url(), &models).await;
    let key = gateway.issue_key("test", None).await;

    let list = gateway.get("/api/prices").await.json();
    assert_eq!(list["models"][0]["source"], "shipped", "{list}");
    assert_eq!(
        list["models"][0]["price"],
        json!({"currency": "USD", "input": "0.15", "cached_input": "0.075", "output": "0.6"})
    );
    assert_eq!((&list["models"][1]["source"], &list["models"][1]["price"]), (&Value::Null, &Value::Null));
    assert!(list["shipped"].as_array().unwrap().len() > 50 && list["shipped_date"].as_str().unwrap().len() == 10);

    // Shipped, unknown, and nothing at all: an error answer has no tokens.
    for model in ["known", "unknown", "missing"] {
        gateway.chat(&key, &body(model, 10)).await;
    }
    let before = rows(&gateway, 3).await;
    assert_eq!(
        cost(&before[2]),
        Some((nanos(&before[2], 150_000_000, 600_000_000), "USD".to_owned())),
        "{}",
        before[2]
    );
    assert!(before[1]["input_tokens"].is_u64() && before[1]["cost"].is_null(), "{}", before[1]);
    assert!(before[0]["input_tokens"].is_null() && before[0]["cost"].is_null(), "{}", before[0]);

    // Entered prices go first, are in force at once, and change nothing that was recorded.
    let price = json!({"currency": "cny", "input": "1.5", "output": 3});
    let general = gateway.post("/api/prices", json!({"model": "known", "price": price})).await;
    assert_eq!(general.status, 201, "{}", general.text());
    gateway.chat(&key, &body("known", 10)).await;
    let own =
        json!({"model": "known", "server_id": server["id"], "price": {"currency": "EUR", "input": "2", "output": "4"}});
    let own = gateway.post("/api/prices", own).await;
    assert_eq!(own.status, 201, "{}", own.text());
    assert_eq!(own.header("location"), format!("/api/prices/{}", own.json()["id"]));
    gateway.chat(&key, &body("known", 10)).await;
    let streamed = json!({"model": "known", "stream": true, "messages": [{"role": "user", "content": "hello"}]});
    gateway.chat(&key, &streamed).await;
    let after = rows(&gateway, 6).await;
    let expected = |row: &Value, input, output, currency: &str| Some((nanos(row, input, output), currency.to_owned()));
    assert_eq!(cost(&after[2]), expected(&after[2], 1_500_000_000, 3_000_000_000, "CNY"), "{}", after[2]);
    assert_eq!(cost(&after[1]), expected(&after[1], 2_000_000_000, 4_000_000_000, "EUR"), "{}", after[1]);
    assert_eq!(cost(&after[0]), expected(&after[0], 2_000_000_000, 4_000_000_000, "EUR"), "{}", after[0]);
    assert_eq!(after[3..], before[..]);

    // One request shows the price that it was counted with, as long as that is known.
    let id = own.json()["id"].clone();
    let shown = async |row: &Value| {
        let detail = gateway.get(&format!("/api/requests/{}", row["id"].as_str().unwrap())).await.json();
        assert_eq!(detail["cost"], row["cost"], "{detail}");
        (detail["price"]["currency"].clone(), detail["price"]["input"].clone())
    };
    for (row, currency, input) in [(&after[1], "EUR", "2"), (&after[2], "CNY", "1.5"), (&after[5], "USD", "0.15")] {
        assert_eq!(shown(row).await, (json!(currency), json!(input)), "{row}");
    }
    assert_eq!(shown(&after[4]).await, (Value::Null, Value::Null));
    // Nothing said of when it begins: it begins when it did. What was counted before keeps its cost, and its price is gone.
    let dearer =
        json!({"model": "known", "server_id": server["id"], "price": {"currency": "EUR", "input": "3", "output": "4"}});
    let dearer = gateway.put(&format!("/api/prices/{id}"), dearer).await.json();
    assert_eq!(dearer["valid_from_ms"], own.json()["valid_from_ms"], "{dearer}");
    assert_eq!(shown(&after[1]).await, (Value::Null, Value::Null));

    // One that begins later is not in force yet.
    let later = json!({"model": "known", "server_id": server["id"], "valid_from_ms": 4_000_000_000_000_i64,
        "price": {"currency": "EUR", "input": "9", "output": "9"}});
    let later = gateway.put(&format!("/api/prices/{id}"), later).await;
    assert_eq!((later.status, &later.json()["price"]["input"]), (200, &json!("9")), "{}", later.text());
    assert_eq!(gateway.get("/api/prices").await.json()["models"][0]["source"], "model");
    assert_eq!(gateway.delete(&format!("/api/prices/{id}")).await.status, 204);
    assert_eq!(gateway.get(&format!("/api/prices/{id}")).await.status, 404);
    assert_eq!(gateway.get(&format!("/api/prices/{}", general.json()["id"])).await.json()["model"], "known");
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_price_is_said_at_once() {
    let gateway = TestGateway::builder().start().await;
    let wrong = json!({"model": "", "server_id": 77, "price": {"currency": "USD", "input": "-1", "output": "1000001"}});
    let answer = gateway.post("/api/prices", wrong).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    let text = answer.text();
    for field in ["model", "server_id", "price.input", "price.output"] {
        assert!(text.contains(&format!("\"{field}\"")), "{field}: {text}");
    }
    for price in [
        json!({"currency": "DOLLAR", "input": "1", "output": "1"}),
        json!({"currency": "USD", "input": "1.0000000001", "output": "1"}),
        json!({"currency": "USD", "input": "1"}),
        json!({"currency": "USD", "input": "1", "output": "1", "more": 1}),
    ] {
        let answer = gateway.post("/api/prices", json!({"model": "m", "price": price})).await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid_body"), "{price}");
    }
    gateway.stop().await;
}
