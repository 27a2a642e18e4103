//! Planted secrets are searched for in everything that was written.

use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;

use crate::binary::Binary;
use crate::harness::send;

const UPSTREAM_KEY: &str = "sk-planted-upstream-key-7f3a91c2";
const WRONG_UPSTREAM_KEY: &str = "sk-planted-wrong-key-55d0aa17";
const PASSWORD: &str = "planted password 3141592653";
const PROMPT: &str = "planted-prompt-zebra-crossing";

#[tokio::test]
async fn planted_secrets_are_found_nowhere_in_clear() {
    let upstream = FakeUpstream::builder().api_key(UPSTREAM_KEY).start().await.unwrap();
    let binary = Binary::start(&[
        ("SLUICE_ADMIN_USERNAME", "admin"),
        ("SLUICE_ADMIN_PASSWORD", PASSWORD),
        ("SLUICE_LOG__LEVEL", "trace"),
    ])
    .await;
    sluice::outbound::install_tls_provider();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = |path: &str| binary.url(path);
    let mut answers = Vec::new();

    let signed_in =
        send(client.post(url("/api/session")).json(&json!({"username": "admin", "password": PASSWORD}))).await;
    assert_eq!(signed_in.status, 201, "{}", signed_in.text());
    let cookie = signed_in.cookie().unwrap();
    let session = cookie.split_once('=').unwrap().1.to_owned();
    answers.push(
        send(
            client
                .post(url("/api/session"))
                .json(&json!({"username": "admin", "password": "planted wrong password 271"})),
        )
        .await,
    );
    let api = |method: http::Method, path: &str, body: Value| {
        client.request(method, url(path)).header("cookie", &cookie).json(&body)
    };
    for (name, key) in [("right", UPSTREAM_KEY), ("wrong", WRONG_UPSTREAM_KEY)] {
        let server = json!({"name": name, "base_url": upstream.base_url(), "api_key": key,
            "models": [{"name": name, "upstream_name": "fake-small"}]});
        let answer = send(api(http::Method::POST, "/api/servers", server)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let id = answer.json()["id"].clone();
        answers.push(answer);
        answers.push(send(api(http::Method::POST, &format!("/api/servers/{id}/test"), json!({}))).await);
    }
    let created = send(api(http::Method::POST, "/api/keys", json!({"name": "k"}))).await;
    let issued = created.json()["key"].as_str().unwrap().to_owned();

    for (model, stream) in [("right", false), ("right", true), ("wrong", false), ("nonsense", false)] {
        let body = json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": PROMPT}]});
        let request = client.post(url("/v1/chat/completions")).bearer_auth(&issued).header("app-name", "a").json(&body);
        answers.push(send(request).await);
    }
    let broken = format!("{{\"model\":\"right\",\"messages\":\"{PROMPT}\",}}");
    answers.push(
        send(client.post(url("/v1/chat/completions")).bearer_auth(&issued).header("app-name", "a").body(broken)).await,
    );
    for path in [
        "/api/servers",
        "/api/keys",
        "/api/apps",
        "/api/requests",
        "/api/session",
        "/health",
        "/servers",
        "/keys",
        "/requests",
    ] {
        answers.push(send(client.get(url(path)).header("cookie", &cookie)).await);
    }

    // A graceful end removes the journal.
    let mut journal = Vec::new();
    for file in std::fs::read_dir(binary.folder().join("journal")).unwrap() {
        journal.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    // A graceful end writes everything that waits.
    let folder = binary.stop().await;

    let secrets = [UPSTREAM_KEY, WRONG_UPSTREAM_KEY, PASSWORD, &issued, &session, PROMPT, "planted wrong password 271"];
    for answer in &answers {
        for secret in secrets {
            let found = answer.text().contains(secret) || format!("{:?}", answer.headers).contains(secret);
            assert!(!found, "an answer holds a secret: {}", answer.text());
        }
    }
    let assert_clean = |what: &std::path::Path, bytes: &[u8]| {
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds a secret", what.display());
        }
    };
    assert!(String::from_utf8_lossy(&journal).contains("\"outcome\":\"completed\""), "the journal was searched");
    assert_clean("journal".as_ref(), &journal);
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            assert_clean(&path, &std::fs::read(&path).unwrap());
            files += 1;
        }
    }
    assert!(files >= 3, "database, master key and log were searched");
    // The search finds what is there.
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("\"outcome\":\"completed\"") && log.contains("model_not_found"), "{log}");
}
