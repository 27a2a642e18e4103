//! The first start: a link that works once.

use http::Method;
use serde_json::json;

use crate::harness::{TestGateway, send};

fn form(token: &str, password: &str) -> String {
    let password = password.replace(' ', "+");
    format!("form[token]={token}&form[username]=first&form[password]={password}&form[password_again]={password}")
}

async fn complete(gateway: &TestGateway, token: &str) -> crate::harness::Answer {
    let request = gateway
        .request(Method::POST, "/api/ui/setup/complete")
        .header("accept", "application/json")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form(token, "a long password"));
    send(request).await
}

#[tokio::test]
async fn the_set_up_link_works_once() {
    let gateway = TestGateway::builder().without_administrator().start().await;
    let link = gateway.running().setup_url().expect("a set-up link").to_owned();
    assert!(link.starts_with(&gateway.url("/setup?token=")), "{link}");
    let token = link.split_once("token=").unwrap().1.to_owned();
    let page = send(gateway.request(Method::GET, &format!("/setup?token={token}")).header("accept", "text/html")).await;
    assert_eq!(page.status, 200, "{}", page.text());

    let wrong = complete(&gateway, "wrong").await;
    assert!(wrong.status >= 400 && wrong.header("set-cookie").is_empty(), "{} {}", wrong.status, wrong.text());
    let done = complete(&gateway, &token).await;
    assert!(done.status < 400, "{} {}", done.status, done.text());
    let cookie = done.cookie().expect("the first administrator is signed in");
    let whoami = send(gateway.request(Method::GET, "/api/session").header("cookie", cookie)).await;
    assert_eq!(whoami.json(), json!({ "kind": "user", "username": "first" }));
    let again = complete(&gateway, &token).await;
    assert!(again.status >= 400 && again.header("set-cookie").is_empty(), "{} {}", again.status, again.text());
    assert_eq!(gateway.try_to_sign_in("first", "a long password").await.status, 201);

    let folder = gateway.stop().await;
    let gateway = TestGateway::builder().without_administrator().start_in(folder).await;
    assert_eq!(gateway.running().setup_url(), None);
    gateway.stop().await;
}

#[tokio::test]
async fn another_start_makes_another_link() {
    let gateway = TestGateway::builder().without_administrator().start().await;
    let first = gateway.running().setup_url().unwrap().split_once("token=").unwrap().1.to_owned();
    let folder = gateway.stop().await;
    let gateway = TestGateway::builder().without_administrator().start_in(folder).await;
    let second = gateway.running().setup_url().unwrap().split_once("token=").unwrap().1.to_owned();
    assert_ne!(first, second);
    assert!(complete(&gateway, &first).await.status >= 400);
    assert!(complete(&gateway, &second).await.status < 400);
    gateway.stop().await;
}

#[tokio::test]
async fn an_administrator_of_the_settings_needs_no_link() {
    let gateway = TestGateway::builder().start().await;
    assert_eq!(gateway.running().setup_url(), None);
    gateway.sign_in().await;
    gateway.stop().await;
}
