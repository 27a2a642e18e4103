//! Signing in and out.

use std::collections::BTreeSet;

use http::Method;
use serde_json::json;

use crate::harness::{PASSWORD, TestGateway, USERNAME, send};

#[tokio::test]
async fn the_session_cookie_is_kept_from_scripts_and_other_sites() {
    let gateway = TestGateway::builder().start().await;
    let answer = gateway.try_to_sign_in(USERNAME, PASSWORD).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.json(), json!({ "kind": "user", "username": "admin" }));
    let attributes: BTreeSet<&str> = answer.header("set-cookie").split("; ").skip(1).collect();
    for wanted in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(attributes.contains(wanted), "{attributes:?}");
    }
    assert!(attributes.iter().any(|attribute| attribute.starts_with("Max-Age=")));
    assert!(!attributes.contains("Secure"), "without TLS a secure cookie would never come back");
    let token = answer.cookie().unwrap().split_once('=').unwrap().1.to_owned();
    assert!(!answer.text().contains(&token), "the token stands in the body");
    gateway.stop().await;
}

#[tokio::test]
async fn wrong_names_and_wrong_passwords_look_the_same() {
    let gateway = TestGateway::builder().start().await;
    let wrong_password = gateway.try_to_sign_in(USERNAME, "wrong password").await;
    let wrong_name = gateway.try_to_sign_in("nobody", PASSWORD).await;
    for answer in [&wrong_password, &wrong_name] {
        assert_eq!((answer.status, answer.problem().as_str()), (401, "wrong_credentials"));
        assert_eq!(answer.header("set-cookie"), "");
    }
    assert_eq!(wrong_password.json()["detail"], wrong_name.json()["detail"]);
    gateway.stop().await;
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let gateway = TestGateway::builder().start().await;
    let mut last = gateway.try_to_sign_in(USERNAME, "guess").await;
    for _ in 0..30 {
        if last.status == 429 {
            break;
        }
        last = gateway.try_to_sign_in(USERNAME, "guess").await;
    }
    assert_eq!((last.status, last.problem().as_str()), (429, "too_many_attempts"));
    assert!(last.header("retry-after").parse::<u32>().unwrap() >= 1);
    gateway.stop().await;
}

#[tokio::test]
async fn the_form_of_the_dashboard_works_without_javascript() {
    let gateway = TestGateway::builder().start().await;
    let request = gateway
        .request(Method::POST, "/api/ui/session/sign_in")
        .header("accept", "text/html")
        .header("referer", gateway.url("/login"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("form[username]={USERNAME}&form[password]={}", PASSWORD.replace(' ', "+")));
    let answer = send(request).await;
    assert_eq!(answer.status, 302, "{}", answer.text());
    let cookie = answer.cookie().expect("a session");
    let home = send(gateway.request(Method::GET, "/").header("accept", "text/html").header("cookie", cookie)).await;
    assert_eq!(home.status, 200, "{}", home.text());
    gateway.stop().await;
}
