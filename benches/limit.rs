//! What the limiter costs: `cargo bench -p sluice --bench limit`.
//!
//! `admit_and_settle` is one request's way through one owner's limits without anybody else; `contended` the same with 16
//! tasks on one owner, per request. Both have requests and tokens limited, far enough up that nobody waits.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use sluice::catalog::{ServerEntry, Snapshot, SnapshotParts};
use sluice::limit::{Admission, Ask, Limiter, LocalLimiter, Owner, Patience, Settled};
use sluice::model::{Limits, Priority, ProviderKind, QueuePolicy, ServerId, Timeouts};
use uuid::Uuid;

const TASKS: u64 = 16;

fn limiter() -> Arc<dyn Limiter> {
    let limits = Limits {
        requests_per_minute: Some(4_000_000_000),
        tokens_per_minute: Some(4_000_000_000),
        concurrency: Some(1_000_000),
    };
    let server = ServerEntry {
        id: ServerId(1),
        name: "one".to_owned(),
        provider: ProviderKind::OpenAi,
        base_url: url::Url::parse("http://127.0.0.1/v1").unwrap(),
        api_key: None,
        models: Vec::new(),
        usable: true,
        request_stream_usage: true,
        timeouts: Timeouts::default(),
        limits,
        queue: QueuePolicy::default(),
    };
    let limiter = LocalLimiter::new(Duration::from_mins(1), 100);
    limiter.apply(&Snapshot::new(SnapshotParts { revision: 1, servers: vec![server], ..SnapshotParts::default() }));
    Arc::new(limiter)
}

fn ask() -> Ask {
    Ask {
        id: Uuid::now_v7(),
        app_name: Arc::from("app"),
        model: Arc::from("model"),
        input_tokens: 1,
        output_tokens: 1,
        output_is_bound: true,
        priority: Priority::Normal,
    }
}

fn pass(limiter: &dyn Limiter, ask: &Ask) {
    match limiter.admit(Owner::Server(ServerId(1)), ask, Patience::None) {
        Admission::Admitted(mut permit) => {
            permit.sent();
            black_box(permit.settle(Settled::Known(1)));
        }
        other => panic!("{other:?}"),
    }
}

fn alone(criterion: &mut Criterion) {
    let (limiter, ask) = (limiter(), ask());
    criterion.bench_function("admit_and_settle", |bencher| bencher.iter(|| pass(limiter.as_ref(), &ask)));
}

fn contended(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let limiter = limiter();
    criterion.bench_function("contended", |bencher| {
        bencher.iter_custom(|iterations| {
            let began = Instant::now();
            runtime.block_on(async {
                let tasks: Vec<_> = (0..TASKS)
                    .map(|_| {
                        let limiter = Arc::clone(&limiter);
                        tokio::spawn(async move {
                            let ask = ask();
                            for _ in 0..=iterations / TASKS {
                                pass(limiter.as_ref(), &ask);
                            }
                        })
                    })
                    .collect();
                for task in tasks {
                    task.await.unwrap();
                }
            });
            began.elapsed()
        });
    });
}

criterion_group!(limit, alone, contended);
criterion_main!(limit);
