//! The sample traffic of the demo: about one request a second from a few apps, some streamed, an error now and then; and
//! now and then several at once, so that some have to wait for a limit.

use std::time::Duration;

use futures::StreamExt as _;
use rand::RngExt as _;
use serde_json::{Value, json};
use sluice::model::PrivateAddresses;
use sluice::outbound::{AddressPolicy, build_client};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The first of the batches comes after so many seconds, about, and each of the others 30 to 50 after the one before.
const FIRST_BATCH: u32 = 5;
/// The app that sends several requests at once.
pub(super) const BATCH: &str = "nightly-batch";
/// How many it sends.
const BATCH_SIZE: usize = 6;
/// Requests that may be on their way at once, those that wait included.
const MAX_IN_FLIGHT: usize = 24;
/// How long one may take; longer than any queue of the demo keeps it.
const PATIENCE: Duration = Duration::from_mins(1);
/// What the search index reads.
const PASSAGE: &str = "A lock lifts boats from one level of a canal to the next. The keeper closes the lower gates and \
    opens the sluices of the upper ones, so that water runs in until both levels are equal; then the upper gates open \
    almost by themselves. To go down, the same is done the other way round. Nothing is pumped: the river does the work.";

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
    let mut until_batch = FIRST_BATCH;
    loop {
        let (pause, pick, kind, next_batch) = {
            let mut random = rand::rng();
            let pick = random.random_range(0..visitors.len().max(1));
            (random.random_range(500..1500), pick, random.random_range(0..100), random.random_range(30..50))
        };
        tokio::select! {
            () = ends.cancelled() => break,
            () = tokio::time::sleep(Duration::from_millis(pause)) => {}
        }
        let Some(visitor) = visitors.get(pick) else { break };
        let mut calls = vec![(visitor, request(kind))];
        until_batch = until_batch.checked_sub(1).unwrap_or(next_batch);
        if until_batch == 0
            && let Some(batch) = visitors.iter().find(|visitor| visitor.app == BATCH)
        {
            calls.extend(std::iter::repeat_with(|| (batch, batch_request())).take(BATCH_SIZE));
        }
        for (visitor, (path, body)) in calls {
            if tasks.len() >= MAX_IN_FLIGHT {
                break;
            }
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
    match kind {
        0..35 => chat("small", "Explain in one sentence what a sluice is.", true),
        35..60 => chat("small", "Name three rivers.", false),
        60..75 => chat("large", "Write a short story about a lock keeper.", true),
        75..80 => chat("thinker", "How much water does a lock need?", true),
        80..92 => ("/v1/embeddings", json!({ "model": "embedding", "input": PASSAGE, "dimensions": 64 })),
        92..95 => chat("flaky", "Are you there?", false),
        95..97 => chat("cut-short", "Tell me everything.", true),
        _ => chat("no-such-model", "Hello?", false),
    }
}

/// One of several requests that come at once.
fn batch_request() -> (&'static str, Value) {
    chat("large", "Summarise what the river did today.", true)
}

fn chat(model: &str, question: &str, stream: bool) -> (&'static str, Value) {
    let messages = json!([{ "role": "user", "content": question }]);
    ("/v1/chat/completions", json!({ "model": model, "messages": messages, "stream": stream }))
}

/// One request, its answer read to the end. What becomes of it is seen on the dashboard.
async fn call(client: reqwest::Client, url: String, visitor: Visitor, body: Value) {
    let request = client.post(url).bearer_auth(&visitor.key).header("app-name", visitor.app).json(&body);
    if let Ok(response) = request.send().await {
        let mut pieces = response.bytes_stream();
        while let Some(Ok(_)) = pieces.next().await {}
    }
}
