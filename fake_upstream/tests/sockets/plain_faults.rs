//! Plain answers that break, and errors.

use serde_json::{Value, json};

use crate::client::{SILENCE, chat, plain, raw, reaches, read_all, start};

#[tokio::test]
async fn every_status_is_an_openai_error() {
    let upstream = start().await;
    for status in [400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529] {
        let response = plain(&upstream, &format!("status={status}")).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert!(response.headers().get("retry-after").is_none());
        let answer: Value = response.json().await.unwrap();
        assert!(answer["error"]["message"].is_string() && answer["error"]["type"].is_string(), "{answer}");
    }
    assert_eq!(upstream.ledger().completed(), 14);
    assert_eq!(upstream.ledger().last_request().unwrap().status, Some(529));
}

#[tokio::test]
async fn headers_that_a_script_adds() {
    let upstream = start().await;
    let script = "status=429&retry_after=7&set_cookie=1&ratelimit=1";
    let response = plain(&upstream, script).await.unwrap();
    let headers = response.headers();
    assert_eq!(headers["retry-after"], "7");
    assert!(headers["set-cookie"].to_str().unwrap().contains("HttpOnly"));
    assert_eq!(headers.keys().filter(|name| name.as_str().starts_with("x-ratelimit-")).count(), 6);
    assert!(plain(&upstream, "").await.unwrap().headers().get("set-cookie").is_none());
}

#[tokio::test]
async fn an_error_may_be_html() {
    let upstream = start().await;
    for (script, status) in [("error_html=1", 502), ("error_html=1&status=503", 503)] {
        let response = plain(&upstream, script).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()),
            (status, "text/html")
        );
        assert!(response.text().await.unwrap().starts_with("<html>"));
    }
}

#[tokio::test]
async fn a_redirect() {
    let upstream = start().await;
    let response = plain(&upstream, "redirect=1").await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers()["location"].to_str().unwrap()),
        (302, "http://127.0.0.1:1/")
    );
}

#[tokio::test]
async fn bodies_that_are_no_json() {
    let upstream = start().await;
    for script in ["malformed=1", "truncated_json=1", "empty=1"] {
        let response = plain(&upstream, script).await.unwrap();
        assert_eq!(response.status(), 200);
        let (body, whole) = read_all(response).await;
        assert!(whole, "{script}");
        assert!(serde_json::from_str::<Value>(&body).is_err(), "{script}");
        assert_eq!(body.is_empty(), script == "empty=1");
    }
    assert_eq!(upstream.ledger().completed(), 3);
}

#[tokio::test]
async fn cut_after_announces_the_whole_length() {
    let upstream = start().await;
    let response = plain(&upstream, "cut_after=20").await.unwrap();
    assert!(response.content_length().unwrap() > 100);
    let (body, whole) = read_all(response).await;
    assert_eq!((body.len(), whole), (20, false));
    let (body, whole) = read_all(plain(&upstream, "cut_after=100000").await.unwrap()).await;
    assert!(whole && serde_json::from_str::<Value>(&body).is_ok());
}

#[tokio::test]
async fn clean_cut_after_looks_whole_to_http() {
    let upstream = start().await;
    let response = plain(&upstream, "clean_cut_after=20").await.unwrap();
    assert_eq!(response.content_length(), None);
    let (body, whole) = read_all(response).await;
    assert_eq!((body.len(), whole), (20, true));
}

#[tokio::test]
async fn stall_after_leaves_the_rest_out() {
    let upstream = start().await;
    let mut response = plain(&upstream, "stall_after=20").await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap().len(), 20);
    assert!(tokio::time::timeout(SILENCE, response.chunk()).await.is_err());
    drop(response);
    reaches(&upstream, |counts| counts.cancelled == 1).await;
}

#[tokio::test]
async fn reset_after_in_a_plain_body() {
    let upstream = start().await;
    let (answer, end) = raw(&upstream, &chat("reset_after=20", json!({}))).await;
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(answer.split_once("\r\n\r\n").unwrap().1.len(), 20);
}

#[tokio::test]
async fn blank_lines_come_first() {
    let upstream = start().await;
    let response = plain(&upstream, "blank_lines=3&chunk_delay_ms=1").await.unwrap();
    let (body, whole) = read_all(response).await;
    assert!(whole && body.starts_with("\n\n\n{"));
    assert!(serde_json::from_str::<Value>(&body).is_ok());
    assert_eq!(upstream.ledger().completed(), 1);
}

#[tokio::test]
async fn pieces_and_a_split_change_nothing() {
    let upstream = start().await;
    for script in ["piece=3", "split_at=10", "piece=3&split_at=10"] {
        let response = plain(&upstream, script).await.unwrap();
        assert!(response.content_length().is_some());
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["object"], "chat.completion");
    }
    assert_eq!(upstream.ledger().completed(), 3);
}
