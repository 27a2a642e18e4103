//! Headers, requests from other sites, and pages.

use http::Method;
use serde_json::json;

use crate::harness::{Answer, TestGateway, send};

async fn page(gateway: &TestGateway, path: &str) -> Answer {
    send(gateway.request(Method::GET, path).header("accept", "text/html")).await
}

#[tokio::test]
async fn every_answer_tells_browsers_what_not_to_do() {
    let gateway = TestGateway::builder().start().await;
    let answers = [
        page(&gateway, "/login").await,
        page(&gateway, "/no-such-page").await,
        gateway.get("/api/servers").await,
        gateway.get("/api/nothing").await,
        gateway.get("/health").await,
        gateway.get("/pkg/0000000000000000/sluice.js").await,
    ];
    for answer in answers {
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
        assert!(answer.header("permissions-policy").contains("camera=()"));
        assert!(answer.header("content-security-policy").contains("default-src 'none'"));
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert!(!answer.header("content-security-policy").contains("unsafe-inline"));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("strict-transport-security"), "");
        assert_eq!(answer.header("x-request-id").len(), 32);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_page_s_policy_carries_the_nonce_of_its_scripts() {
    let gateway = TestGateway::builder().start().await;
    let login = page(&gateway, "/login").await;
    assert_eq!(login.status, 200, "{}", login.text());
    assert!(login.header("content-type").starts_with("text/html"));
    let policy = login.header("content-security-policy").to_owned();
    let nonce = policy.split("'nonce-").nth(1).expect("a nonce").split('\'').next().unwrap();
    assert!(login.text().contains(&format!("nonce=\"{nonce}\"")), "the scripts have another nonce");
    let nameless = login
        .text()
        .split("<script")
        .skip(1)
        .filter(|script| {
            let tag = script.split('>').next().unwrap();
            !tag.contains("nonce=") && !tag.contains("src=") && !tag.contains("application/json")
        })
        .count();
    assert_eq!(nameless, 0, "an inline script would not run: {}", login.text());
    assert!(!login.text().contains(" style=\"") && !login.text().contains(" onclick="), "inline styles or handlers");
    let again = page(&gateway, "/login").await;
    assert!(!again.text().contains(nonce), "a nonce is used twice");
    gateway.stop().await;
}

#[tokio::test]
async fn a_page_that_does_not_exist_is_a_page_with_404() {
    let gateway = TestGateway::builder().start().await;
    let answer = page(&gateway, "/no-such-page").await;
    assert_eq!(answer.status, 404);
    assert!(answer.header("content-type").starts_with("text/html"));
    let for_programs = send(gateway.request(Method::GET, "/no-such-page")).await;
    assert_eq!((for_programs.status, for_programs.problem().as_str()), (404, "path_not_found"));
    gateway.stop().await;
}

#[tokio::test]
async fn pages_are_compressed_and_answers_of_the_api_are_not() {
    let gateway = TestGateway::builder().start().await;
    let request =
        gateway.request(Method::GET, "/login").header("accept", "text/html").header("accept-encoding", "gzip");
    let answer = send(request).await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&answer.body[..]), &mut text).unwrap();
    assert!(text.contains("<html"), "{text}");
    let request = gateway.request(Method::GET, "/api/servers").bearer_auth(gateway.token());
    let answer = send(request.header("accept-encoding", "gzip, br")).await;
    assert_eq!(answer.header("content-encoding"), "");
    gateway.stop().await;
}

#[tokio::test]
async fn changes_from_other_sites_are_refused() {
    let gateway = TestGateway::builder().start().await;
    let cookie = gateway.sign_in().await;
    let own = gateway.url("");
    let create = |headers: &[(&str, &str)], name: &str| {
        let mut request =
            gateway.request(Method::POST, "/api/apps").header("cookie", &cookie).json(&json!({ "name": name }));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request)
    };
    for headers in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", &own)],
        &[("origin", "http://127.0.0.1:1")],
    ] {
        let answer = create(headers, "evil").await;
        assert_eq!((answer.status, answer.problem().as_str()), (403, "foreign_origin"), "{headers:?}");
    }
    assert_eq!(create(&[], "program").await.status, 201);
    assert_eq!(create(&[("origin", &own)], "old-browser").await.status, 201);
    assert_eq!(create(&[("sec-fetch-site", "same-origin"), ("origin", &own)], "browser").await.status, 201);

    // A server function, and signing in itself.
    let request = gateway
        .request(Method::POST, "/api/ui/apps/create")
        .header("cookie", &cookie)
        .header("origin", "https://evil.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("name=evil");
    assert_eq!(send(request).await.status, 403);
    let request = gateway.request(Method::POST, "/api/session").header("origin", "https://evil.example");
    assert_eq!(send(request.json(&json!({ "username": "a", "password": "b" }))).await.status, 403);

    // A token is never sent by a browser of itself.
    let request = gateway.request(Method::POST, "/api/apps").bearer_auth(gateway.token());
    let answer = send(request.header("origin", "https://tool.example").json(&json!({ "name": "tool" }))).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    gateway.stop().await;
}

#[tokio::test]
async fn behind_tls_cookies_are_secure_and_browsers_stay_with_https() {
    let gateway = TestGateway::builder().setting("SLUICE_PUBLIC_URL", "https://llm.example").start().await;
    let answer = gateway.try_to_sign_in(crate::harness::USERNAME, crate::harness::PASSWORD).await;
    assert!(answer.header("set-cookie").contains("; Secure"), "{}", answer.header("set-cookie"));
    assert!(answer.header("strict-transport-security").starts_with("max-age="));
    let cookie = answer.cookie().unwrap();
    let request = gateway.request(Method::POST, "/api/apps").header("cookie", cookie);
    let answer = send(request.header("origin", "https://llm.example").json(&json!({ "name": "chat" }))).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    gateway.stop().await;
}
