//! The administration API: what it does, and how it says no.

use http::Method;
use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;

use crate::harness::{TestGateway, send};

fn server(name: &str) -> Value {
    json!({
        "name": name,
        "base_url": "http://127.0.0.1:9/v1",
        "api_key": "sk-upstream-1234567890",
        "models": [{ "name": "small", "upstream_name": "upstream-small" }],
    })
}

#[tokio::test]
async fn servers_are_created_read_changed_and_removed() {
    let gateway = TestGateway::builder().start().await;
    let created = gateway.post("/api/servers", server("first")).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let view = created.json();
    let path = format!("/api/servers/{}", view["id"]);
    assert_eq!(created.header("location"), path);
    assert_eq!(view["api_key_hint"], "7890");
    assert!(!created.text().contains("sk-upstream"), "a secret came out");

    assert_eq!(gateway.get(&path).await.json(), view);
    let listed = gateway.get("/api/servers").await.json();
    assert_eq!(listed, json!({ "rows": [view], "next": null }));

    let mut changed = server("renamed");
    changed.as_object_mut().unwrap().remove("api_key");
    let changed = gateway.put(&path, changed).await;
    assert_eq!((changed.status, &changed.json()["name"]), (200, &json!("renamed")));
    assert_eq!(changed.json()["api_key_hint"], "7890", "a key that is not named stays");

    let disabled = gateway.patch(&path, json!({ "enabled": false })).await;
    assert_eq!((disabled.status, &disabled.json()["state"]), (200, &json!("disabled")));
    assert_eq!(gateway.get("/api/models").await.json(), json!({ "rows": [] }));
    let enabled = gateway.patch(&path, json!({ "enabled": true })).await;
    assert_eq!(enabled.json()["state"], "enabled");
    let models = gateway.get("/api/models").await.json();
    assert_eq!(models["rows"][0]["name"], "small");
    assert_eq!(models["rows"][0]["servers"][0]["upstream_name"], "upstream-small");

    assert_eq!(gateway.delete(&path).await.status, 204);
    let gone = gateway.get(&path).await;
    assert_eq!((gone.status, gone.problem().as_str()), (404, "not_found"));
    assert_eq!(gateway.delete(&path).await.status, 404);
    gateway.stop().await;
}

#[tokio::test]
async fn servers_are_put_in_order() {
    let gateway = TestGateway::builder().start().await;
    let first = gateway.post("/api/servers", server("first")).await.json()["id"].clone();
    let second = gateway.post("/api/servers", server("second")).await.json()["id"].clone();
    let order = gateway.put("/api/servers/order", json!({ "ids": [second, first] })).await;
    assert_eq!(order.status, 200, "{}", order.text());
    let names: Vec<Value> = order.json().as_array().unwrap().iter().map(|server| server["name"].clone()).collect();
    assert_eq!(names, [json!("second"), json!("first")]);

    let incomplete = gateway.put("/api/servers/order", json!({ "ids": [first] })).await;
    assert_eq!((incomplete.status, incomplete.problem().as_str()), (422, "invalid"));
    gateway.stop().await;
}

#[tokio::test]
async fn servers_are_tested_saved_and_unsaved() {
    let upstream = FakeUpstream::builder().api_key("sk-right").models(["a", "b"]).start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    let input = json!({ "base_url": upstream.base_url(), "api_key": "sk-right" });
    let good = gateway.post("/api/servers/probe", input).await.json();
    assert_eq!((&good["ok"], &good["models"]), (&json!(true), &json!(["a", "b"])));
    let input = json!({ "base_url": upstream.base_url(), "api_key": "sk-wrong" });
    let bad = gateway.post("/api/servers/probe", input).await.json();
    assert_eq!((&bad["ok"], &bad["failure"]["code"]), (&json!(false), &json!("key_refused")));
    assert!(bad["failure"]["message"].as_str().unwrap().contains("refused the API key"));

    let mut input = server("fake");
    input["base_url"] = json!(upstream.base_url());
    input["api_key"] = json!("sk-right");
    let id = gateway.post("/api/servers", input.clone()).await.json()["id"].clone();
    let tested = gateway.api(Method::POST, &format!("/api/servers/{id}/test"), None).await.json();
    assert_eq!(tested["ok"], true, "{tested}");
    let models = gateway.get(&format!("/api/servers/{id}/models")).await;
    assert_eq!((models.status, models.json()), (200, json!({ "models": ["a", "b"] })));

    upstream.shutdown().await;
    let models = gateway.get(&format!("/api/servers/{id}/models")).await;
    assert_eq!((models.status, models.problem().as_str()), (502, "upstream_failed"));
    gateway.stop().await;
}

#[tokio::test]
async fn apps_and_keys_are_managed_and_a_key_is_shown_once() {
    let gateway = TestGateway::builder().start().await;
    let app = gateway.post("/api/apps", json!({ "name": "chat" })).await;
    assert_eq!(app.status, 201, "{}", app.text());
    let app_path = app.header("location").to_owned();
    let app_id = app.json()["id"].clone();
    let taken = gateway.post("/api/apps", json!({ "name": "chat" })).await;
    assert_eq!(taken.status, 422);
    assert_eq!(taken.json()["fields"][0]["field"], "name");
    assert_eq!(taken.json()["fields"][0]["code"], "taken");

    let created = gateway.post("/api/keys", json!({ "name": "laptop", "app_id": app_id, "models": ["small"] })).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let key = created.json()["key"].as_str().unwrap().to_owned();
    let key_path = created.header("location").to_owned();
    for path in [key_path.as_str(), "/api/keys"] {
        assert!(!gateway.get(path).await.text().contains(&key), "{path} shows the key again");
    }
    let view = gateway.get(&key_path).await.json();
    assert_eq!((&view["app_name"], &view["state"]), (&json!("chat"), &json!("active")));
    let renamed = gateway.put(&key_path, json!({ "name": "desktop", "app_id": app_id })).await;
    assert_eq!(renamed.json()["name"], "desktop", "{}", renamed.text());
    let revoked = gateway.delete(&key_path).await;
    assert_eq!((revoked.status, &revoked.json()["state"]), (200, &json!("revoked")));

    let disabled = gateway.patch(&app_path, json!({ "enabled": false })).await;
    assert_eq!(disabled.json()["enabled"], false, "{}", disabled.text());
    assert_eq!(gateway.get(&app_path).await.json()["active_keys"], 0);
    assert_eq!(gateway.delete(&app_path).await.status, 204);
    assert_eq!(gateway.get(&app_path).await.status, 404);
    gateway.stop().await;
}

#[tokio::test]
async fn limits_and_queues_of_servers_go_in_and_come_out() {
    let gateway = TestGateway::builder().start().await;
    let plain = gateway.post("/api/servers", server("plain")).await.json();
    let none = json!({ "requests_per_minute": null, "tokens_per_minute": null, "concurrency": null });
    assert_eq!(plain["limits"], none);
    let usual = json!({ "length": 100, "deadline_ms": 60_000, "overflow": "evict_oldest", "order": "fifo" });
    assert_eq!(plain["queue"], usual);

    let limits = json!({ "requests_per_minute": 10, "tokens_per_minute": 1_000_000_000, "concurrency": 3 });
    let queue = json!({ "length": 0, "deadline_ms": 3_600_000, "overflow": "reject_newest", "order": "fair" });
    let mut input = server("limited");
    input["limits"] = limits.clone();
    input["queue"] = queue.clone();
    let created = gateway.post("/api/servers", input).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let path = created.header("location").to_owned();
    let view = gateway.get(&path).await.json();
    assert_eq!((&view["limits"], &view["queue"]), (&limits, &queue));
    // Switching it off touches neither, and a part of either is enough: the rest is the default.
    let view = gateway.patch(&path, json!({ "enabled": false })).await.json();
    assert_eq!((&view["limits"], &view["queue"]), (&limits, &queue));
    let mut input = server("limited");
    input["limits"] = json!({ "concurrency": 1 });
    input["queue"] = json!({ "length": 7 });
    let view = gateway.put(&path, input).await.json();
    assert_eq!((&view["limits"]["concurrency"], &view["limits"]["requests_per_minute"]), (&json!(1), &Value::Null));
    assert_eq!((&view["queue"]["length"], &view["queue"]["deadline_ms"]), (&json!(7), &json!(60_000)));
    assert_eq!(gateway.put(&path, server("limited")).await.json()["limits"], none);
    gateway.stop().await;
}

#[tokio::test]
async fn limits_out_of_range_are_named_at_once_and_unknown_members_refused() {
    let gateway = TestGateway::builder().start().await;
    let limits = json!({ "requests_per_minute": 0, "tokens_per_minute": 1_000_000_001, "concurrency": 1_000_001 });
    let mut input = server("limited");
    input["limits"] = limits.clone();
    input["queue"] = json!({ "length": 10_001, "deadline_ms": 99 });
    let app = gateway.post("/api/apps", json!({ "name": "chat" })).await.header("location").to_owned();
    let of_limits = ["limits.requests_per_minute", "limits.tokens_per_minute", "limits.concurrency"];
    let of_all = [&of_limits[..], &["queue.length", "queue.deadline_ms"]].concat();
    for (answer, wanted) in [
        (gateway.post("/api/servers", input).await, of_all),
        (gateway.post("/api/apps", json!({ "name": "other", "limits": limits })).await, of_limits.to_vec()),
        (gateway.patch(&app, json!({ "enabled": false, "limits": limits })).await, of_limits.to_vec()),
        (gateway.post("/api/keys", json!({ "name": "laptop", "limits": limits })).await, of_limits.to_vec()),
    ] {
        assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid"));
        let body = answer.json();
        let problems = body["fields"].as_array().unwrap();
        let fields: Vec<&str> = problems.iter().map(|problem| problem["field"].as_str().unwrap()).collect();
        assert_eq!(fields, wanted);
        assert!(problems.iter().all(|problem| problem["code"] == "out_of_range"), "{body}");
    }
    assert_eq!(gateway.get(&app).await.json()["enabled"], true, "half of a refused change was made");

    for (part, value) in [
        ("limits", json!({ "requests_per_second": 1 })),
        ("limits", json!({ "concurrency": -1 })),
        ("limits", json!({ "concurrency": 4_294_967_296_u64 })),
        ("queue", json!({ "size": 1 })),
        ("queue", json!({ "overflow": "explode" })),
        ("queue", json!({ "deadline_ms": 0.5 })),
    ] {
        let mut input = server("limited");
        input[part] = value;
        let answer = gateway.post("/api/servers", input.clone()).await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid_body"), "{input}");
    }
    let answer = gateway.post("/api/keys", json!({ "name": "laptop", "priority": "urgent" })).await;
    assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid_body"));
    gateway.stop().await;
}

#[tokio::test]
async fn apps_and_keys_have_limits_and_keys_a_priority() {
    let gateway = TestGateway::builder().start().await;
    let app = gateway.post("/api/apps", json!({ "name": "chat", "limits": { "requests_per_minute": 5 } })).await;
    assert_eq!(app.json()["limits"]["requests_per_minute"], 5, "{}", app.text());
    let path = app.header("location").to_owned();
    let view = gateway.patch(&path, json!({ "limits": { "tokens_per_minute": 900 } })).await.json();
    let limits = json!({ "requests_per_minute": null, "tokens_per_minute": 900, "concurrency": null });
    assert_eq!((&view["limits"], &view["enabled"]), (&limits, &json!(true)));
    let view = gateway.patch(&path, json!({ "enabled": false })).await.json();
    assert_eq!((&view["limits"], &view["enabled"]), (&limits, &json!(false)));
    let view = gateway.patch(&path, json!({ "enabled": true, "limits": {} })).await.json();
    assert_eq!((&view["limits"]["tokens_per_minute"], &view["enabled"]), (&Value::Null, &json!(true)));
    for unclear in
        [json!({}), json!({ "limits": null }), json!({ "enabled": true, "limits": null }), json!({ "name": "x" })]
    {
        let answer = gateway.patch(&path, unclear.clone()).await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid_body"), "{unclear}");
    }
    assert_eq!(gateway.patch("/api/apps/99", json!({ "limits": {} })).await.status, 404);

    let plain = gateway.post("/api/keys", json!({ "name": "plain" })).await.json();
    assert_eq!((&plain["priority"], &plain["limits"]["concurrency"]), (&json!("normal"), &Value::Null));
    let input = json!({ "name": "nightly", "priority": "low", "limits": { "concurrency": 2 } });
    let created = gateway.post("/api/keys", input).await;
    assert_eq!(created.json()["priority"], "low", "{}", created.text());
    let path = created.header("location").to_owned();
    let view = gateway.get(&path).await.json();
    assert_eq!((&view["priority"], &view["limits"]["concurrency"]), (&json!("low"), &json!(2)));
    let changed = gateway.put(&path, json!({ "name": "nightly", "priority": "high" })).await.json();
    assert_eq!((&changed["priority"], &changed["limits"]["concurrency"]), (&json!("high"), &Value::Null));
    gateway.stop().await;
}

#[tokio::test]
async fn what_does_not_exist_has_no_limits_and_nobody_waits_there() {
    let gateway = TestGateway::builder().start().await;
    assert_eq!(gateway.get("/api/limits").await.json(), json!({ "rows": [], "next": null }));
    for path in ["/api/servers/99/limits", "/api/apps/99/limits", "/api/keys/99/limits"] {
        let answer = gateway.get(path).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "not_found"), "{path}");
    }
    let id = gateway.post("/api/servers", server("first")).await.json()["id"].clone();
    for (path, problem) in [
        (format!("/api/servers/{id}/queue/019a0000-0000-7000-8000-000000000000"), "not_found"),
        ("/api/servers/99/queue/019a0000-0000-7000-8000-000000000000".to_owned(), "not_found"),
        (format!("/api/servers/{id}/queue/1"), "path_not_found"),
    ] {
        let answer = gateway.delete(&path).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, problem), "{path}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn lists_are_paged() {
    let gateway = TestGateway::builder().start().await;
    for number in 0..5 {
        gateway.post("/api/apps", json!({ "name": format!("app-{number}") })).await;
    }
    let mut names = Vec::new();
    let mut path = "/api/apps?limit=2".to_owned();
    let mut pages = 0;
    loop {
        let page = gateway.get(&path).await.json();
        let rows = page["rows"].as_array().unwrap();
        assert!(rows.len() <= 2);
        names.extend(rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()));
        pages += 1;
        if page["next"].is_null() {
            break;
        }
        path = format!("/api/apps?limit=2&cursor={}", page["next"]);
    }
    names.sort();
    assert_eq!((pages, names.len()), (3, 5));
    names.dedup();
    assert_eq!(names.len(), 5);
    let too_many = gateway.get("/api/apps?limit=201").await;
    assert_eq!((too_many.status, too_many.problem().as_str()), (422, "invalid"));
    let unknown = gateway.get("/api/requests?page=2").await;
    assert_eq!((unknown.status, unknown.problem().as_str()), (400, "invalid_query"));
    gateway.stop().await;
}

#[tokio::test]
async fn every_problem_of_an_input_is_named_at_once() {
    let gateway = TestGateway::builder().start().await;
    let input = json!({ "name": "", "base_url": "ftp://example.com", "models": [] });
    let answer = gateway.post("/api/servers", input).await;
    assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid"));
    let body = answer.json();
    let mut problems: Vec<(String, String)> = body["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| {
            assert!(!field["message"].as_str().unwrap().is_empty());
            (field["field"].as_str().unwrap().to_owned(), field["code"].as_str().unwrap().to_owned())
        })
        .collect();
    problems.sort();
    let wanted = [("base_url", "url_scheme"), ("models", "list_empty"), ("name", "required")];
    let wanted: Vec<_> = wanted.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect();
    assert_eq!(problems, wanted);
    gateway.stop().await;
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_explained() {
    let gateway = TestGateway::builder().start().await;
    let post = |content_type: &str, body: &str| {
        let request = gateway.request(Method::POST, "/api/apps").bearer_auth(gateway.token());
        send(request.header("content-type", content_type).body(body.to_owned()))
    };
    let unknown = post("application/json", r#"{"name": "a", "colour": "red"}"#).await;
    assert_eq!((unknown.status, unknown.problem().as_str()), (422, "invalid_body"));
    assert!(unknown.text().contains("colour"), "{}", unknown.text());
    let broken = post("application/json", r#"{"name": "#).await;
    assert_eq!((broken.status, broken.problem().as_str()), (400, "invalid_json"));
    let form = post("application/x-www-form-urlencoded", "name=a").await;
    assert_eq!((form.status, form.problem().as_str()), (415, "unsupported_media_type"));
    let large = post("application/json", &format!(r#"{{"name": "{}"}}"#, "x".repeat(1024 * 1024))).await;
    assert_eq!((large.status, large.problem().as_str()), (413, "body_too_large"));
    gateway.stop().await;
}

#[tokio::test]
async fn a_body_of_unknown_length_is_bounded_too() {
    let gateway = TestGateway::builder().start().await;
    let pieces = futures::stream::iter((0..40).map(|_| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024])));
    let request = gateway
        .request(Method::POST, "/api/apps")
        .bearer_auth(gateway.token())
        .header("content-type", "application/json")
        .body(reqwest::Body::wrap_stream(pieces));
    let answer = send(request).await;
    assert_eq!((answer.status, answer.problem().as_str()), (413, "body_too_large"));
    gateway.stop().await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let gateway = TestGateway::builder().start().await;
    for path in ["/api", "/api/", "/api/nothing", "/api/servers/1/nothing", "/api/servers/abc", "/api/keys/../x"] {
        let answer = gateway.get(path).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "path_not_found"), "{path}");
    }
    let answer = gateway.api(Method::PATCH, "/api/servers", Some(json!({}))).await;
    assert_eq!((answer.status, answer.problem().as_str()), (405, "method_not_allowed"));
    assert!(answer.header("allow").contains("POST"), "{}", answer.header("allow"));
    gateway.stop().await;
}

#[tokio::test]
async fn requests_are_listed_with_a_cursor() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), &["small=fake-small"]).await;
    let key = gateway.issue_key("test", Some("chat")).await;
    let body = json!({ "model": "small", "messages": [{ "role": "user", "content": "hello" }] });
    for _ in 0..3 {
        let request = gateway.request(Method::POST, "/v1/chat/completions").bearer_auth(&key).json(&body);
        assert_eq!(send(request).await.status, 200);
    }
    let written = crate::harness::eventually(crate::harness::PATIENCE, || async {
        gateway.get("/api/requests").await.json()["rows"].as_array().unwrap().len() == 3
    });
    assert!(written.await, "{}", gateway.get("/api/requests").await.text());
    let first = gateway.get("/api/requests?limit=2").await.json();
    assert_eq!(first["rows"].as_array().unwrap().len(), 2);
    let row = &first["rows"][0];
    assert_eq!(
        (&row["app_name"], &row["server_name"], &row["outcome"]),
        (&json!("chat"), &json!("fake"), &json!("completed"))
    );
    assert_eq!((&row["queue_ms"], &row["limited_by"]), (&json!(0), &Value::Null));
    let rest = gateway.get(&format!("/api/requests?limit=2&cursor={}", first["next"].as_str().unwrap())).await.json();
    assert_eq!((rest["rows"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    assert_eq!(gateway.get("/api/overview").await.json()["has_requests"], true);
    gateway.stop().await;
}
