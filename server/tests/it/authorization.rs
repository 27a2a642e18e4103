//! Nobody gets in without credentials: every route and every server function is knocked at.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::json;

use crate::harness::{TestGateway, send};

/// What somebody who is not signed in may call.
const OPEN_SERVER_FUNCTIONS: [&str; 6] = [
    "/api/ui/session/visitor",
    "/api/ui/session/sign_in",
    "/api/ui/session/sign_out",
    "/api/ui/setup/complete",
    "/api/ui/preferences/language",
    "/api/ui/preferences/theme",
];

/// Every other one, with a form that it can read: what it cannot read is refused before anybody asks who sent it.
const GUARDED_SERVER_FUNCTIONS: [(&str, &str); 35] = [
    ("/api/ui/apps/create", "name=x"),
    ("/api/ui/apps/delete", "id=1"),
    ("/api/ui/apps/get", "id=1"),
    ("/api/ui/apps/list", ""),
    ("/api/ui/apps/set_enabled", "id=1&enabled=true"),
    ("/api/ui/apps/set_limits", "id=1&limits%5Bconcurrency%5D=2"),
    ("/api/ui/keys/choices", ""),
    ("/api/ui/keys/create", "form%5Bname%5D=x"),
    ("/api/ui/keys/get", "id=1"),
    ("/api/ui/keys/list", ""),
    ("/api/ui/keys/revoke", "id=1"),
    ("/api/ui/keys/update", "form%5Bid%5D=1&form%5Bname%5D=x"),
    ("/api/ui/limits/cancel", "server_id=1&request_id=x"),
    ("/api/ui/limits/list", ""),
    ("/api/ui/limits/server", "id=1"),
    ("/api/ui/overview/call_target", ""),
    ("/api/ui/overview/get", ""),
    ("/api/ui/prices/delete", "id=1"),
    ("/api/ui/prices/get", "id=1"),
    ("/api/ui/prices/list", ""),
    ("/api/ui/prices/save", "form%5Bmodel%5D=m"),
    ("/api/ui/requests/filters", ""),
    ("/api/ui/requests/get", "id=x"),
    ("/api/ui/requests/list", "query%5Bcursor%5D=x"),
    ("/api/ui/servers/delete", "id=1"),
    ("/api/ui/servers/get", "id=1"),
    ("/api/ui/servers/list", ""),
    ("/api/ui/servers/move", "id=1&direction=up"),
    ("/api/ui/servers/probe", "form%5Bbase_url%5D=http%3A%2F%2F127.0.0.1%2Fv1"),
    ("/api/ui/servers/save", "form%5Bname%5D=x&form%5Bmodels%5D=m"),
    ("/api/ui/servers/set_enabled", "id=1&enabled=true"),
    ("/api/ui/storage/get", ""),
    ("/api/ui/storage/recording", ""),
    ("/api/ui/usage/choices", ""),
    ("/api/ui/usage/get", "filters%5Brange%5D=7d"),
];

#[tokio::test]
async fn every_route_of_the_api_refuses_anonymous_callers() {
    let gateway = TestGateway::builder().start().await;
    let routes = sluice_server::api::paths();
    assert!(routes.len() > 20);
    for (method, path) in routes {
        if (method.as_str(), path) == ("POST", "/api/session") {
            continue;
        }
        let path = path.replace("{id}", "1").replace("{request_id}", "019a0000-0000-7000-8000-000000000000");
        for body in [None, Some(json!({}))] {
            let mut request = gateway.request(method.clone(), &path);
            if let Some(body) = body {
                request = request.json(&body);
            }
            let answer = send(request).await;
            assert_eq!((answer.status, answer.problem().as_str()), (401, "sign_in_required"), "{method} {path}");
        }
        let request = gateway.request(method.clone(), &path).bearer_auth("sluice-admin-wrong");
        let answer = send(request).await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "invalid_token"), "{method} {path}");
        let request = gateway.request(method.clone(), &path).header("cookie", "sluice_session=wrong");
        assert_eq!(send(request).await.status, 401, "{method} {path}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_key_of_an_app_opens_nothing_but_v1() {
    let gateway = TestGateway::builder().start().await;
    let key = gateway.issue_key("test", None).await;
    let answer = send(gateway.request(Method::GET, "/api/servers").bearer_auth(&key)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "invalid_token"));
    let answer = send(gateway.request(Method::GET, "/v1/models").bearer_auth(gateway.token())).await;
    assert_eq!(answer.status, 401);
    gateway.stop().await;
}

#[tokio::test]
async fn every_server_function_refuses_anonymous_callers() {
    let gateway = TestGateway::builder().start().await;
    let functions: BTreeSet<(&str, String)> =
        server_fn::axum::server_fn_paths().map(|(path, method)| (path, method.to_string())).collect();
    let forms = BTreeMap::from(GUARDED_SERVER_FUNCTIONS);
    for known in OPEN_SERVER_FUNCTIONS.iter().chain(forms.keys()) {
        assert!(functions.iter().any(|(path, _)| path == known), "{known} does not exist (any more)");
    }
    for (path, method) in functions {
        if OPEN_SERVER_FUNCTIONS.contains(&path) {
            continue;
        }
        let form = *forms.get(path).unwrap_or_else(|| panic!("{path} is new: add it with a form to the table"));
        let method: Method = method.parse().unwrap();
        let request = if method == Method::GET {
            gateway.request(method.clone(), &format!("{path}?{form}"))
        } else {
            gateway.request(method.clone(), path).header("content-type", "application/x-www-form-urlencoded").body(form)
        };
        let answer = send(request.header("accept", "application/json")).await;
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text());
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_revoked_token_and_a_closed_session_are_worth_nothing() {
    let gateway = TestGateway::builder().start().await;
    let cookie = gateway.sign_in().await;
    let whoami = |cookie: String| send(gateway.request(Method::GET, "/api/session").header("cookie", cookie));
    assert_eq!(whoami(cookie.clone()).await.json(), json!({ "kind": "user", "username": "admin" }));
    let out = send(gateway.request(Method::DELETE, "/api/session").header("cookie", &cookie)).await;
    assert_eq!(out.status, 204, "{}", out.text());
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(whoami(cookie).await.status, 401);
    assert_eq!(gateway.get("/api/session").await.json(), json!({ "kind": "token", "name": "test" }));

    let services = gateway.running().services();
    let console = sluice::services::Actor::Console;
    let token = services.admin_tokens.list(&console).await.unwrap()[0].id;
    services.admin_tokens.revoke(&console, token).await.unwrap();
    assert_eq!(gateway.get("/api/session").await.status, 401);
    gateway.stop().await;
}

#[tokio::test]
async fn pages_send_anonymous_visitors_to_sign_in() {
    let gateway = TestGateway::builder().start().await;
    for page in [
        "/",
        "/servers",
        "/servers/new",
        "/servers/1",
        "/servers/1/edit",
        "/apps",
        "/apps/1",
        "/keys",
        "/keys/new",
        "/prices",
        "/prices/new",
        "/prices/1",
        "/requests",
        "/requests?app=x&request=y",
        "/requests/019a0000-0000-7000-8000-000000000000",
        "/storage",
    ] {
        let answer = send(gateway.request(Method::GET, page).header("accept", "text/html")).await;
        assert_eq!(answer.status, 302, "{page}: {}", answer.text());
        assert!(answer.header("location").starts_with("/login"), "{page}: {}", answer.header("location"));
    }
    gateway.stop().await;
}
