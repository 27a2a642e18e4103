//! The real binary.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;
use serde_json::{Value, json};
use sluice_fake_upstream::FakeUpstream;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::harness::{PATIENCE, TestGateway, eventually};

/// The binary in a folder of its own, without anything of this process's environment.
fn sluice(folder: &std::path::Path) -> Command {
    let mut command = Command::new(cargo_bin("sluice"));
    command.env_clear().current_dir(folder).env("SLUICE_DATA_DIR", folder);
    command
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn wrong_settings_are_reported_all_at_once() {
    let folder = TempDir::new().unwrap();
    let mut command = sluice(folder.path());
    command
        .env("SLUICE_LISTEN", "nowhere")
        .env("SLUICE_LOG__FORMAT", "xml")
        .env("SLUICE_LIMITS__MAX_CONNECTIONS", "-1")
        .env("SLUICE_ADMIN_PASSWORD", "short");
    let output = run(command).await;
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    for setting in ["listen", "log.format", "limits.max_connections", "admin.password"] {
        assert!(stderr.contains(setting), "{setting} is missing in: {stderr}");
    }
    assert!(output.stdout.is_empty());
}

#[tokio::test]
async fn a_port_in_use_is_said_in_one_line() {
    let folder = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = sluice(folder.path());
    command.args(["serve", "--listen", &address]);
    let output = run(command).await;
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    // Log lines may stand before it; they are JSON.
    assert_eq!(stderr.lines().filter(|line| !line.starts_with('{')).count(), 1, "{stderr}");
    assert!(stderr.contains(&address) && stderr.contains("another process uses this port"), "{stderr}");
    assert!(!folder.path().join("sluice.db").exists(), "the database was touched");
}

#[tokio::test]
async fn every_command_explains_itself() {
    let folder = TempDir::new().unwrap();
    for arguments in [
        &["--help"][..],
        &["serve", "--help"],
        &["server", "add", "--help"],
        &["server", "edit", "--help"],
        &["app", "add", "--help"],
        &["app", "limit", "--help"],
        &["key", "create", "--help"],
        &["token", "create", "--help"],
        &["demo", "--help"],
    ] {
        let mut command = sluice(folder.path());
        command.args(arguments);
        let output = run(command).await;
        assert!(output.status.success(), "{arguments:?}");
        assert!(text(&output.stdout).contains("Example"), "{arguments:?}: {}", text(&output.stdout));
    }
}

#[tokio::test]
async fn a_change_is_in_force_in_a_running_gateway_within_seconds() {
    let upstream = FakeUpstream::builder().api_key("sk-from-stdin").start().await.unwrap();
    let gateway = TestGateway::builder().start().await;
    let folder = gateway.data_dir().to_path_buf();

    let mut command = sluice(&folder);
    command
        .args(["server", "add", "fake", "--url", &upstream.base_url(), "--model", "small=fake-small", "--json"])
        .arg("--api-key-stdin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"sk-from-stdin\n").unwrap();
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let server: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&server["name"], &server["state"]), (&json!("fake"), &json!("enabled")));

    let mut command = sluice(&folder);
    command.args(["key", "create", "laptop", "--json"]);
    let output = run(command).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let key: Value = serde_json::from_slice(&output.stdout).unwrap();
    let key = key["key"].as_str().unwrap().to_owned();

    let body = json!({ "model": "small", "messages": [{ "role": "user", "content": "hello" }] });
    let within = Duration::from_secs(5);
    let is_served = eventually(within, || async { gateway.chat(&key, &body).await.status == 200 }).await;
    assert!(is_served, "{}", gateway.chat(&key, &body).await.text());

    let mut command = sluice(&folder);
    command.args(["server", "disable", "fake"]);
    assert!(run(command).await.status.success());
    let refused = eventually(within, || async { gateway.chat(&key, &body).await.status != 200 }).await;
    assert!(refused, "the disabled server is still used");

    let mut command = sluice(&folder);
    command.args(["server", "list"]);
    let output = run(command).await;
    assert!(text(&output.stdout).contains("disabled"), "{}", text(&output.stdout));
    assert!(!text(&output.stdout).contains("sk-from-stdin"));
    gateway.stop().await;
}

#[tokio::test]
async fn tokens_made_at_the_console_open_the_api() {
    let gateway = TestGateway::builder().start().await;
    let mut command = sluice(gateway.data_dir());
    command.args(["token", "create", "ci", "--json"]);
    let output = run(command).await;
    let token: Value = serde_json::from_slice(&output.stdout).unwrap();
    let request = gateway.request(http::Method::GET, "/api/session").bearer_auth(token["token"].as_str().unwrap());
    assert_eq!(crate::harness::send(request).await.json(), json!({ "kind": "token", "name": "ci" }));

    let mut command = sluice(gateway.data_dir());
    command.args(["token", "revoke", &token["id"].to_string()]);
    assert!(run(command).await.status.success());
    let request = gateway.request(http::Method::GET, "/api/session").bearer_auth(token["token"].as_str().unwrap());
    assert_eq!(crate::harness::send(request).await.status, 401);
    gateway.stop().await;
}

#[tokio::test]
async fn limits_are_set_changed_and_shown() {
    let folder = TempDir::new().unwrap();
    let done = async |arguments: &[&str]| {
        let mut command = sluice(folder.path());
        command.args(arguments);
        let output = run(command).await;
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let json_of = async |arguments: &[&str]| {
        serde_json::from_str::<Value>(&done(&[arguments, &["--json"]].concat()).await).unwrap()
    };
    let add =
        ["server", "add", "groq", "--url", "http://127.0.0.1:9/v1", "--model", "m", "--rpm", "30", "--tpm", "6000"];
    let queue = ["--queue-deadline", "1.5", "--queue-overflow", "reject_newest", "--queue-length", "7"];
    let server = json_of(&[&add[..], &queue].concat()).await;
    let limits = json!({ "requests_per_minute": 30, "tokens_per_minute": 6000, "concurrency": null });
    assert_eq!(server["limits"], limits);
    let wanted = json!({ "length": 7, "deadline_ms": 1500, "overflow": "reject_newest", "order": "fifo" });
    assert_eq!(server["queue"], wanted);
    let edit = ["server", "edit", "groq", "--rpm", "none", "--concurrency", "4", "--queue-order", "fair"];
    let server = json_of(&edit).await;
    let limits = json!({ "requests_per_minute": null, "tokens_per_minute": 6000, "concurrency": 4 });
    assert_eq!((&server["limits"], &server["queue"]["length"]), (&limits, &json!(7)));
    assert_eq!(server["queue"]["order"], "fair");
    assert!(done(&["server", "list"]).await.contains("6000 tpm, 4 at once"));
    assert!(done(&["server", "show", "groq"]).await.contains("7 requests, 1500 ms, reject_newest, fair"));

    assert_eq!(json_of(&["app", "add", "chat", "--rpm", "60"]).await["limits"]["requests_per_minute"], 60);
    let app = json_of(&["app", "limit", "chat", "--tpm", "900"]).await;
    let limits = json!({ "requests_per_minute": 60, "tokens_per_minute": 900, "concurrency": null });
    assert_eq!(app["limits"], limits);
    assert!(done(&["app", "limit", "chat", "--rpm", "none"]).await.contains("900 tpm"));
    assert!(done(&["app", "list"]).await.contains("900 tpm"));

    let key = json_of(&["key", "create", "nightly", "--priority", "low", "--concurrency", "2"]).await;
    assert_eq!((&key["priority"], &key["limits"]["concurrency"]), (&json!("low"), &json!(2)));
    let list = done(&["key", "list"]).await;
    assert!(list.contains("2 at once") && list.contains("low"), "{list}");

    for (arguments, status) in [
        (&["app", "limit", "chat"][..], 2),
        (&["app", "limit", "chat", "--rpm", "many"], 2),
        (&["key", "create", "x", "--priority", "urgent"], 2),
        (&["server", "edit", "groq", "--queue-deadline", "soon"], 2),
        (&["app", "limit", "chat", "--rpm", "0"], 1),
        (&["server", "edit", "groq", "--queue-deadline", "0.05"], 1),
    ] {
        let mut command = sluice(folder.path());
        command.args(arguments);
        let output = run(command).await;
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", text(&output.stderr));
        assert!(status == 2 || text(&output.stderr).contains("must be between"), "{}", text(&output.stderr));
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_said_in_one_line() {
    let folder = TempDir::new().unwrap();
    for arguments in [
        &["server", "show", "nobody"][..],
        &["server", "add", "bad name", "--url", "ftp://x", "--model", "m"],
        &["app", "remove", "nobody"],
        &["key", "revoke", "77"],
    ] {
        let mut command = sluice(folder.path());
        command.args(arguments);
        let output = run(command).await;
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stderr).lines().count(), 1, "{arguments:?}: {}", text(&output.stderr));
    }
    let mut command = sluice(folder.path());
    command.args(["server", "add"]);
    assert_eq!(run(command).await.status.code(), Some(2));
}

/// A process that is ended with the test, whatever becomes of the test.
struct Child(std::process::Child);

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_first_start_prints_the_set_up_link_and_a_signal_ends_it_cleanly() {
    let folder = TempDir::new().unwrap();
    let log_file = folder.path().join("log");
    let mut command = sluice(folder.path());
    command.env("SLUICE_LISTEN", "127.0.0.1:0").stdout(Stdio::piped());
    command.stderr(std::fs::File::create(&log_file).unwrap());
    let mut child = Child(command.spawn().unwrap());
    let output = BufReader::new(child.0.stdout.take().unwrap());
    // Ends with the output at the latest, so with the process.
    let found = tokio::task::spawn_blocking(move || {
        output.lines().map_while(Result::ok).find(|line| line.contains("/setup?token="))
    });
    let found = tokio::time::timeout(PATIENCE, found).await.expect("a link in time").unwrap();
    let link = found.expect("a link before the end").trim().to_owned();
    sluice::outbound::install_tls_provider();
    let page = reqwest::Client::builder().no_proxy().build().unwrap().get(&link).header("accept", "text/html");
    assert_eq!(page.send().await.unwrap().status(), 200);

    let killed = Command::new("kill").args(["-TERM", &child.0.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let ended = tokio::task::spawn_blocking(move || child.0.wait());
    let status = tokio::time::timeout(PATIENCE, ended).await.expect("it ends in time").unwrap().unwrap();
    let log = std::fs::read_to_string(&log_file).unwrap();
    assert_eq!(status.code(), Some(0), "{log}");
    let token = link.split_once("token=").unwrap().1;
    assert!(!log.contains(token), "the set-up token is in the log");
    for entry in log.lines() {
        assert!(serde_json::from_str::<Value>(entry).is_ok(), "not JSON: {entry}");
    }
}

#[tokio::test]
async fn the_demo_explains_itself_serves_and_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let mut command = sluice(folder.path());
    command.args(["demo", "--listen", "127.0.0.1:0", "--quiet"]).env("TMPDIR", folder.path());
    // Settings of a real installation are not for the demo.
    command.env("SLUICE_LISTEN", "nowhere").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Child(command.spawn().unwrap());
    let output = BufReader::new(child.0.stdout.take().unwrap());
    let read = tokio::task::spawn_blocking(move || {
        let mut lines: Vec<String> = Vec::new();
        for line in output.lines().map_while(Result::ok) {
            let is_last = line.starts_with("Data is removed");
            lines.push(line);
            if is_last {
                break;
            }
        }
        lines.join("\n")
    });
    let text = tokio::time::timeout(PATIENCE, read).await.expect("an explanation in time").unwrap();
    let after = |mark: &str| {
        let rest = text.split(mark).nth(1).unwrap_or_else(|| panic!("no {mark} in {text}"));
        rest.split(['\'', ' ', '\n']).next().unwrap().to_owned()
    };
    let (origin, key, password) = (after("Dashboard  "), after("Bearer "), after("demo / "));
    sluice::outbound::install_tls_provider();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = json!({ "model": "small", "messages": [{ "role": "user", "content": "Hello" }] });
    let answer =
        client.post(format!("{origin}/v1/chat/completions")).bearer_auth(key).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let body = json!({ "username": "demo", "password": password });
    let answer = client.post(format!("{origin}/api/session")).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    drop(client);

    assert!(Command::new("kill").args(["-INT", &child.0.id().to_string()]).status().unwrap().success());
    let ended = tokio::task::spawn_blocking(move || child.0.wait());
    let status = tokio::time::timeout(PATIENCE, ended).await.expect("it ends in time").unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something was left behind");
}

#[tokio::test]
async fn the_demo_refuses_the_folder_of_a_real_installation() {
    let gateway = TestGateway::builder().start().await;
    let key = gateway.issue_key("real", None).await;
    let folder = gateway.data_dir().to_path_buf();
    let names = |folder: &std::path::Path| {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        entries.collect::<std::collections::BTreeSet<_>>()
    };
    let before = names(&folder);
    let mut command = sluice(&folder);
    command.args(["demo", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&folder);
    let output = tokio::time::timeout(PATIENCE, run(command)).await.expect("it ends in time");
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("sluice.db") && stderr.lines().count() == 1, "{stderr}");
    assert_eq!(names(&folder), before, "it left something behind");
    let models = gateway.request(http::Method::GET, "/v1/models").bearer_auth(key);
    assert_eq!(crate::harness::send(models).await.status, 200, "the key was revoked");
    assert_eq!(gateway.get("/api/servers").await.json()["rows"], json!([]), "servers were added");
    gateway.stop().await;
}
