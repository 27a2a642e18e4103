//! The sample traffic of the demo: about one request a second from a few apps, some streamed, an error now and then.

use std::time::Duration;

use futures::StreamExt as _;
use rand::RngExt as _;
use serde_json::{Value, json};
use sluice::model::PrivateAddresses;
use sluice::outbound::{AddressPolicy, build_client};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Requests that may be on their way at once.
const MAX_IN_FLIGHT: usize = 8;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whoever sends sample requests.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) app: &'static str,
    pub(super) key: String,
}

/// Sends requests until `ends` is cancelled.
pub(super) async fn flow(origin: String, visitors: Vec<Visitor>, ends: CancellationToken) -> anyhow::Result<()> {
    let client = build_client(AddressPolicy::new(PrivateAddresses::Allow), Duration::from_secs(2))?;
    let tasks = TaskTracker::new();
    loop {
        let (pause, pick, kind) = {
            let mut random = rand::rng();
            (random.random_range(500..1500), random.random_range(0..visitors.len().max(1)), random.random_range(0..100))
        };
        tokio::select! {
            () = ends.cancelled() => break,
            () = tokio::time::sleep(Duration::from_millis(pause)) => {}
        }
        let Some(visitor) = visitors.get(pick) else { break };
        if tasks.len() < MAX_IN_FLIGHT {
            let (path, body) = request(kind);
            let call = call(client.clone(), format!("{origin}{path}"), visitor.clone(), body);
            let ends = ends.clone();
            tasks.spawn(async move {
                tokio::select! {
                    () = ends.cancelled() => {}
                    _ = tokio::time::timeout(PATIENCE, call) => {}
                }
            });
        }
    }
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// A request by a number below 100: mostly chats, plain and streamed; now and then one that fails.
fn request(kind: u32) -> (&'static str, Value) {
    let chat = |model: &str, question: &str, stream: bool| {
        let messages = json!([{ "role": "user", "content": question }]);
        ("/v1/chat/completions", json!({ "model": model, "messages": messages, "stream": stream }))
    };
    match kind {
        0..35 => chat("small", "Explain in one sentence what a sluice is.", true),
        35..60 => chat("small", "Name three rivers.", false),
        60..75 => chat("large", "Write a short story about a lock keeper.", true),
        75..80 => chat("thinker", "How much water does a lock need?", true),
        80..92 => ("/v1/embeddings", json!({ "model": "embedding", "input": "water level", "dimensions": 64 })),
        92..95 => chat("flaky", "Are you there?", false),
        95..97 => chat("cut-short", "Tell me everything.", true),
        _ => chat("no-such-model", "Hello?", false),
    }
}

/// One request, its answer read to the end. What becomes of it is seen on the dashboard.
async fn call(client: reqwest::Client, url: String, visitor: Visitor, body: Value) {
    let request = client.post(url).bearer_auth(&visitor.key).header("app-name", visitor.app).json(&body);
    if let Ok(response) = request.send().await {
        let mut pieces = response.bytes_stream();
        while let Some(Ok(_)) = pieces.next().await {}
    }
}
