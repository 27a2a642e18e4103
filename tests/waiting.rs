//! Ten thousand requests that wait: what each costs in memory, and all of them in processor time. A binary of its own,
//! because what is measured is the process.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::print_stdout, reason = "what was measured is printed")]

#[path = "../server/tests/load/process.rs"]
mod process;

use std::sync::Arc;
use std::time::Duration;

use sluice::catalog::{ServerEntry, Snapshot, SnapshotParts};
use sluice::limit::{Admission, Ask, Limiter, LocalLimiter, Owner, Patience};
use sluice::model::{Limits, Priority, ProviderKind, QueuePolicy, ServerId, Timeouts};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::process::{processor_time, resident};

const WAITERS: u32 = 10_000;
/// How long the processor time of waiting is measured.
const REST: Duration = Duration::from_secs(10);

fn limiter() -> LocalLimiter {
    let server = ServerEntry {
        id: ServerId(1),
        name: "one".to_owned(),
        provider: ProviderKind::OpenAi,
        base_url: "http://127.0.0.1/v1".parse().unwrap(),
        api_key: None,
        models: Vec::new(),
        usable: true,
        request_stream_usage: true,
        timeouts: Timeouts::default(),
        limits: Limits { requests_per_minute: Some(1), ..Limits::default() },
        queue: QueuePolicy { length: WAITERS, deadline_ms: 3_600_000, ..QueuePolicy::default() },
    };
    let limiter = LocalLimiter::new(Duration::from_mins(1), 100);
    limiter.apply(&Snapshot::new(SnapshotParts { revision: 1, servers: vec![server], ..SnapshotParts::default() }));
    limiter
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_who_wait_cost_little_memory_and_no_time() {
    let limiter = limiter();
    let ask = Ask {
        id: Uuid::now_v7(),
        app_name: Arc::from("app"),
        model: Arc::from("model"),
        input_tokens: 100,
        output_tokens: 100,
        output_is_bound: false,
        priority: Priority::Normal,
    };
    let server = Owner::Server(ServerId(1));
    let Admission::Admitted(mut first) = limiter.admit(server, &ask, Patience::None) else { panic!("no room") };
    first.sent();
    let before = resident("self");
    let mut waiters = JoinSet::new();
    for _ in 0..WAITERS {
        // Each with names of its own, as requests have them.
        let ask = Ask { id: Uuid::now_v7(), app_name: Arc::from("an-app"), model: Arc::from("a-model"), ..ask.clone() };
        let patience = Patience::Since { began: Instant::now(), deadline: None, returns: None };
        let Admission::Waiting { permit, .. } = limiter.admit(server, &ask, patience) else { panic!("room") };
        waiters.spawn(permit);
    }
    assert_eq!(limiter.servers().await[0].state.queue.waiting, WAITERS);
    let each = resident("self").saturating_sub(before) / u64::from(WAITERS);
    let used = processor_time("self");
    tokio::time::sleep(REST).await;
    let used = processor_time("self").saturating_sub(used);
    println!("{WAITERS} who wait: {each} bytes for each, its task included; {used:?} of processor time in {REST:?}");
    assert!(each < 2048, "{each} bytes for each");
    assert!(used < REST / 100, "{used:?} in {REST:?}");
    let began = Instant::now();
    waiters.shutdown().await;
    assert_eq!(limiter.servers().await[0].state.queue.waiting, 0);
    println!("all of them left within {:?}", began.elapsed());
}
