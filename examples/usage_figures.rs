//! How fast questions about usage are answered: fills a database with made-up traffic and asks.
//!
//! ```text
//! cargo run --release -p sluice --features synthetic --example usage_figures -- FOLDER [REQUESTS [ROWS]]
//! ```
//!
//! Without numbers it is 50 million requests over 90 days, 5 million of them rows. A folder that has a database is asked as
//! it is.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "prints what it measures")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use sluice::catalog::Catalog;
use sluice::crypto::MasterKeySource;
use sluice::limit::LocalLimiter;
use sluice::model::{Granularity, UsageQuery};
use sluice::services::{Actor, Services, ServicesSettings, open_key_ring};
use sluice::storage::{Database, DatabaseSettings, UsageRecords};
use sluice::synthetic::{Plan, fill};
use sluice::usage::budget::Ledger;

/// Midnight of 2026-11-21 UTC.
const END_MS: u64 = 1_795_219_200_000;
const RUNS: usize = 7;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap());
    let mut number = |default| arguments.next().map_or(default, |text| text.parse().unwrap());
    let (requests, rows) = (number(50_000_000), number(5_000_000));
    let is_new = !folder.join("sluice.db").exists();
    let database = Database::connect(&DatabaseSettings::in_data_dir(folder.clone())).await.unwrap();
    sluice::outbound::install_tls_provider();
    let source = MasterKeySource::Generated { data_dir: folder.clone() };
    let (key_ring, _) = open_key_ring(&database, source).await.unwrap();
    if is_new {
        let began = Instant::now();
        let plan = Plan { seed: 4, end_ms: END_MS, days: 90, requests, rows };
        fill(&UsageRecords::new(database.clone(), 1000), plan).await.unwrap();
        let size = std::fs::metadata(folder.join("sluice.db")).unwrap().len() / 1_000_000;
        println!("{requests} requests, {rows} of them rows: made in {:.0?}, {size} MB", began.elapsed());
    }
    let catalog = Catalog::load(database.clone(), Arc::clone(&key_ring)).await.unwrap();
    let limiter = Arc::new(LocalLimiter::new(Duration::from_mins(1), 100));
    let ledger = Ledger::new(TimeZone::UTC);
    let services = Services::new(database, key_ring, catalog, limiter, ledger, ServicesSettings::default()).unwrap();
    println!("90 days grouped by app; milliseconds, median and slowest of {RUNS}");
    for granularity in [Granularity::Total, Granularity::Month, Granularity::Day, Granularity::Hour] {
        for tz in ["UTC", "Asia/Shanghai", "Asia/Kolkata", "America/New_York"] {
            for percentiles in [false, true] {
                let query = UsageQuery {
                    from: Some("2026-08-23".to_owned()),
                    to: Some("2026-11-20".to_owned()),
                    tz: Some(tz.to_owned()),
                    granularity: Some(granularity),
                    group_by: Some(if granularity == Granularity::Hour { "" } else { "app" }.to_owned()),
                    percentiles: Some(percentiles),
                    ..UsageQuery::default()
                };
                let mut times = Vec::new();
                let mut answer = (0, 0);
                for _ in 0..RUNS {
                    let began = Instant::now();
                    let report = services.stats.usage(&Actor::Console, query.clone()).await.unwrap();
                    times.push(began.elapsed().as_secs_f64() * 1000.0);
                    answer = (report.rows.len(), report.total.requests);
                }
                times.sort_by(f64::total_cmp);
                let (median, slowest) = (times.get(RUNS / 2).unwrap(), times.last().unwrap());
                println!(
                    "{:6} {tz:17} percentiles {percentiles:5}  {median:7.1} {slowest:7.1}  {} rows, {} requests",
                    granularity.as_str(),
                    answer.0,
                    answer.1
                );
            }
        }
    }
}
