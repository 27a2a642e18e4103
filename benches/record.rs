//! What recording costs: `cargo bench -p sluice --features synthetic --bench record`.
//!
//! CPU time of the whole process per request, all in: both lines of the journal, the channel, the row and its sums. Of about
//! 300 series, as fast as possible and at steady rates. The time is the kernel's own count of this process.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use sluice::model::{Outcome, TokenCounts, TokenSource};
use sluice::storage::{Database, DatabaseSettings, UsageRecords};
use sluice::synthetic::Traffic;
use sluice::usage::{Journal, UsageMetrics, UsageRecord, UsageSink, UsageWriter};

/// Ticks of the kernel's count in a second, on every Linux.
const TICKS: f64 = 100.0;

/// CPU time that this process took so far.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The second field is the name, which may hold anything; user and system time are the 14th and the 15th.
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
    fields.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS
}

fn pass(sink: &UsageSink, record: UsageRecord) {
    sink.begun(|| UsageRecord {
        outcome: Outcome::Interrupted,
        status: 0,
        tokens: TokenCounts { input: record.tokens.input, ..TokenCounts::default() },
        token_source: TokenSource::Estimated,
        cost: None,
        first_byte_ms: None,
        ..record.clone()
    });
    sink.record(record);
}

async fn measure(name: &str, count: u64, a_second: Option<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::connect(&DatabaseSettings::in_data_dir(folder.path().to_owned())).await.unwrap();
    database.migrate().await.unwrap();
    let records = UsageRecords::new(database, 1000);
    let journal = Journal::open(&folder.path().join("journal"), u64::MAX);
    let (sink, writer) =
        UsageWriter::start(records, 1_000_000, Arc::default(), Some(journal), UsageMetrics::none(), async {});
    assert!(writer.replayed(Duration::from_secs(5)).await);
    let mut traffic = Traffic::new(4);
    let start_ms = 1_795_219_200_000;
    // Made before, and not counted; the apps are registered and the series known, as after the first minutes.
    let mut made: Vec<UsageRecord> = (0..count + 5000).map(|index| traffic.record(start_ms + index / 2)).collect();
    let first = made.split_off(usize::try_from(count).unwrap());
    for record in first {
        pass(&sink, record);
    }
    while sink.status().waiting > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (began, before) = (Instant::now(), cpu_seconds());
    match a_second {
        None => made.into_iter().for_each(|record| pass(&sink, record)),
        Some(a_second) => {
            let mut tick = tokio::time::interval(Duration::from_millis(10));
            let mut made = made.into_iter().peekable();
            while made.peek().is_some() {
                tick.tick().await;
                made.by_ref().take(usize::try_from(a_second / 100).unwrap()).for_each(|record| pass(&sink, record));
            }
        }
    }
    let (handed_over, path) = (began.elapsed(), cpu_seconds() - before);
    assert!(writer.flush_and_stop(Duration::from_mins(1)).await);
    let cpu = cpu_seconds() - before;
    assert_eq!(sink.status().lost, 0);
    let micros = |seconds: f64| seconds * 1e6 / f64::from(u32::try_from(count).unwrap());
    println!(
        "{name:24} {:6.2} µs of CPU per request (until all were handed over {:.2}), {count} requests in {handed_over:.1?}, \
         all written after {:.1?}",
        micros(cpu),
        micros(path),
        began.elapsed()
    );
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    measure("as fast as possible", 300_000, None).await;
    measure("5000 a second", 50_000, Some(5000)).await;
    measure("1000 a second", 10_000, Some(1000)).await;
    measure("100 a second", 1000, Some(100)).await;
}
