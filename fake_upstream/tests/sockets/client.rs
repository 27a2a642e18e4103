//! What the tests send requests with: reqwest, and a bare socket for what reqwest hides.

use std::io;
use std::sync::Once;
use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::{Value, json};
use sluice_fake_upstream::{Counts, FakeUpstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than anything takes that does not hang.
pub(crate) const LONG: Duration = Duration::from_secs(20);
/// Long enough to believe that nothing comes any more.
pub(crate) const SILENCE: Duration = Duration::from_millis(100);

pub(crate) fn client() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().ok();
    });
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

pub(crate) async fn start() -> FakeUpstream {
    FakeUpstream::builder().start().await.unwrap()
}

/// A chat request for `fake-small` with a script, with `more` fields merged in.
pub(crate) fn chat(script: &str, more: Value) -> Value {
    let mut body = json!({
        "model": format!("fake-small?{script}"),
        "messages": [{"role": "user", "content": "Hello river"}],
    });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}

pub(crate) async fn post(upstream: &FakeUpstream, path: &str, body: &Value) -> reqwest::Result<Response> {
    client().post(format!("{}{path}", upstream.base_url())).json(body).send().await
}

/// A plain chat answer to a script.
pub(crate) async fn plain(upstream: &FakeUpstream, script: &str) -> reqwest::Result<Response> {
    post(upstream, "/chat/completions", &chat(script, json!({}))).await
}

/// A streamed chat answer to a script.
pub(crate) async fn streamed(upstream: &FakeUpstream, script: &str) -> reqwest::Result<Response> {
    post(upstream, "/chat/completions", &chat(script, json!({"stream": true}))).await
}

/// Everything that arrives of a body, and whether it ended well.
pub(crate) async fn read_all(mut response: Response) -> (String, bool) {
    let mut received = Vec::new();
    loop {
        match tokio::time::timeout(LONG, response.chunk()).await.unwrap() {
            Ok(Some(bytes)) => received.extend_from_slice(&bytes),
            end => return (String::from_utf8(received).unwrap(), end.is_ok()),
        }
    }
}

/// The data of all events.
pub(crate) fn events(body: &str) -> Vec<String> {
    body.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).map(String::from).collect()
}

/// The events that are JSON.
pub(crate) fn chunks(body: &str) -> Vec<Value> {
    events(body).iter().filter(|event| *event != "[DONE]").map(|event| serde_json::from_str(event).unwrap()).collect()
}

/// The text of a chat stream.
pub(crate) fn text(chunks: &[Value]) -> String {
    chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
}

pub(crate) async fn reaches(upstream: &FakeUpstream, condition: impl Fn(&Counts) -> bool) {
    let ledger = upstream.ledger();
    assert!(ledger.wait_until(condition, LONG).await, "{:?}", ledger.counts());
}

/// Sends a chat request over a bare socket.
pub(crate) async fn send_raw(upstream: &FakeUpstream, body: &Value, more_headers: &str) -> TcpStream {
    let mut socket = TcpStream::connect(upstream.address()).await.unwrap();
    let body = body.to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: fake\r\ncontent-length: {}\r\n{more_headers}\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}

/// What the upstream sends until it closes, and how reading ended.
pub(crate) async fn read_raw(mut socket: TcpStream) -> (String, io::Result<()>) {
    let mut received = Vec::new();
    let end = tokio::time::timeout(LONG, socket.read_to_end(&mut received)).await.unwrap().map(|_| ());
    (String::from_utf8_lossy(&received).into_owned(), end)
}

/// A whole answer as it is on the wire.
pub(crate) async fn raw(upstream: &FakeUpstream, body: &Value) -> (String, io::Result<()>) {
    read_raw(send_raw(upstream, body, "connection: close\r\n").await).await
}
