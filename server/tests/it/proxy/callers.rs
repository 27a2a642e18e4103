//! Who may call, and as which app.

use http::Method;
use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;

use crate::harness::{Answer, PATIENCE, TestGateway, eventually, send};

const BODY: &str = r#"{"model":"fake-small","messages":[{"role":"user","content":"hi"}]}"#;

async fn call(gateway: &TestGateway, headers: &[(&str, &str)]) -> Answer {
    let mut request = gateway.request(Method::POST, "/v1/chat/completions").body(BODY);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request).await
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn keys_and_app_names_follow_the_rules() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), &["fake-small"]).await;
    let bound = gateway.issue_key("bound", Some("shop")).await;
    let free = gateway.issue_key("free", None).await;
    let (bound, free) = (format!("Bearer {bound}"), format!("bearer {free}"));

    for (headers, expected) in [
        (vec![], refused(401, "invalid_api_key")),
        (vec![("authorization", "Bearer sk-sluice-wrong")], refused(401, "invalid_api_key")),
        (vec![("authorization", "Basic YTpi")], refused(401, "invalid_api_key")),
        (vec![("authorization", "Bearer ' OR 1=1 --")], refused(401, "invalid_api_key")),
        (vec![("authorization", &*free)], refused(400, "missing_app_name")),
        (vec![("authorization", &*free), ("app-name", "a b")], refused(400, "invalid_app_name")),
        (vec![("authorization", &*free), ("app-name", "a"), ("app-name", "b")], refused(400, "invalid_app_name")),
        (vec![("authorization", &*bound), ("app-name", "other")], refused(403, "app_mismatch")),
    ] {
        assert_eq!(code(&call(&gateway, &headers).await), expected, "{headers:?}");
    }
    for headers in [
        vec![("authorization", &*bound)],
        vec![("authorization", &*bound), ("app-name", "shop")],
        vec![("authorization", &*free), ("app-name", "new-app")],
        vec![("x-api-key", bound.strip_prefix("Bearer ").unwrap())],
        vec![("api-key", bound.strip_prefix("Bearer ").unwrap())],
    ] {
        assert_eq!(call(&gateway, &headers).await.status, 200, "{headers:?}");
    }
    let registered = eventually(PATIENCE, || async {
        let apps = gateway.get("/api/apps").await.text();
        apps.contains("new-app")
    })
    .await;
    assert!(registered, "an app that names itself is registered");
    gateway.stop().await;
}

#[tokio::test]
async fn unknown_apps_are_refused_where_only_known_ones_may_call() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().setting("SLUICE_ACCESS__APP_REGISTRATION", "known_only").start().await;
    gateway.add_server("fake", &upstream.base_url(), &["fake-small"]).await;
    let key = gateway.issue_key("free", None).await;
    let key = format!("Bearer {key}");
    let named = [("authorization", &*key), ("app-name", "shop")];
    assert_eq!(code(&call(&gateway, &named).await), refused(403, "app_not_registered"));
    let app = gateway.post("/api/apps", json!({"name": "shop"})).await.json();
    assert_eq!(call(&gateway, &named).await.status, 200);
    let path = format!("/api/apps/{}", app["id"]);
    assert_eq!(gateway.patch(&path, json!({"enabled": false})).await.status, 200);
    assert_eq!(code(&call(&gateway, &named).await), refused(403, "app_disabled"));
    let recorded = eventually(PATIENCE, || async {
        gateway.get("/api/requests").await.text().contains(r#""error_code":"app_disabled""#)
    });
    assert!(recorded.await, "an app that is known leaves a row, also when it is refused");
    gateway.stop().await;
}

#[tokio::test]
async fn apps_that_name_themselves_are_bounded() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().setting("SLUICE_ACCESS__MAX_APPS", "3").start().await;
    gateway.add_server("fake", &upstream.base_url(), &["fake-small"]).await;
    let key = format!("Bearer {}", gateway.issue_key("free", None).await);
    for (name, status) in [("a", 200), ("b", 200), ("c", 200), ("d", 403), ("a", 200)] {
        assert_eq!(call(&gateway, &[("authorization", &*key), ("app-name", name)]).await.status, status, "{name}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn an_open_gateway_needs_no_key_but_an_issued_one_must_be_valid() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().setting("SLUICE_ACCESS__POLICY", "open").start().await;
    gateway.add_server("fake", &upstream.base_url(), &["fake-small"]).await;
    assert_eq!(call(&gateway, &[("app-name", "a")]).await.status, 200);
    assert_eq!(code(&call(&gateway, &[]).await), refused(400, "missing_app_name"));
    assert_eq!(call(&gateway, &[("app-name", "a"), ("authorization", "Bearer none")]).await.status, 200);
    let answer = call(&gateway, &[("app-name", "a"), ("authorization", "Bearer sk-sluice-revoked")]).await;
    assert_eq!(code(&answer), refused(401, "invalid_api_key"));
    gateway.stop().await;
}

#[tokio::test]
async fn a_key_stops_at_once_when_it_is_revoked_and_keeps_to_its_models() {
    let upstream = FakeUpstream::builder().start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    gateway.add_server("fake", &upstream.base_url(), &["fake-small", "fake-large"]).await;
    let created = gateway.post("/api/keys", json!({"name": "k", "models": ["fake-large"]})).await.json();
    let key = created["key"].as_str().unwrap().to_owned();
    let ask = |model: &str| {
        gateway.chat_request(&key, &json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}))
    };
    assert_eq!(send(ask("fake-large")).await.status, 200);
    assert_eq!(send(ask("fake/fake-large")).await.status, 200);
    for model in ["fake-small", "fake/fake-small"] {
        assert_eq!(code(&send(ask(model)).await), refused(403, "model_not_allowed"));
    }
    let listed = send(gateway.request(Method::GET, "/v1/models").bearer_auth(&key)).await.json();
    let names: Vec<&Value> = listed["data"].as_array().unwrap().iter().map(|model| &model["id"]).collect();
    assert_eq!(names, ["fake-large"]);
    let hidden = send(gateway.request(Method::GET, "/v1/models/fake-small").bearer_auth(&key)).await;
    assert_eq!(code(&hidden), refused(404, "model_not_found"));
    assert_eq!(
        send(gateway.request(Method::GET, "/v1/models/fake-large").bearer_auth(&key)).await.json()["object"],
        "model"
    );

    assert!(gateway.delete(&format!("/api/keys/{}", created["id"])).await.status < 300);
    assert_eq!(code(&send(ask("fake-large")).await), refused(401, "invalid_api_key"));
    gateway.stop().await;
}

#[tokio::test]
async fn the_first_server_in_order_that_is_on_takes_the_request() {
    let (one, two) = (FakeUpstream::builder().start().await.unwrap(), FakeUpstream::builder().start().await.unwrap());
    let gateway = TestGateway::builder().start().await;
    let first = gateway.add_server("one", &one.base_url(), &["m=fake-small"]).await;
    let second = gateway.add_server("two", &two.base_url(), &["m=fake-large"]).await;
    let key = gateway.issue_key("free", None).await;
    let ask = |model: &str| {
        gateway.chat_request(&key, &json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}))
    };
    let took = |answer: &Answer| answer.header("x-sluice-server").to_owned();
    assert_eq!(took(&send(ask("m")).await), "one");
    assert_eq!(took(&send(ask("two/m")).await), "two");
    assert_eq!(gateway.put("/api/servers/order", json!({"ids": [second["id"], first["id"]]})).await.status, 200);
    assert_eq!(took(&send(ask("m")).await), "two");
    for (server, expected) in [(&second, "one"), (&first, "")] {
        let path = format!("/api/servers/{}", server["id"]);
        assert_eq!(gateway.patch(&path, json!({"enabled": false})).await.status, 200);
        assert_eq!(took(&send(ask("m")).await), expected);
    }
    let answer = send(ask("m")).await;
    assert_eq!(code(&answer), refused(503, "no_server_available"));
    assert!(!answer.header("retry-after").is_empty() && answer.header("x-should-retry") == "false");
    assert_eq!(code(&send(ask("nonsense")).await), refused(404, "model_not_found"));
    gateway.stop().await;
}
