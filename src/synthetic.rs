//! Traffic that never was, for measurements: a seeded generator that fills a database as months of use would.
//!
//! Only in builds with the feature `synthetic`. Rows go the way of real ones; what is older than the rows is only summed up, by
//! the same code.

use uuid::{Builder, Uuid};

use crate::model::{Amount, Currency, Endpoint, KeyId, Money, Outcome, ServerId, TokenCounts, TokenSource};
use crate::storage::{StorageError, UsageRecords};
use crate::usage::{AppReference, UsageRecord};

const DAY_MS: u64 = 86_400_000;
const SERVERS: u64 = 5;
const APPS: u64 = 30;
const MODELS: u64 = 6;
/// Rows of one transaction.
const BATCH: usize = 1000;
/// Requests of one transaction that are only summed up.
const SUMMED_UP: usize = 50_000;
/// How busy the hours of a day are, in parts of 100.
const HOURS: [u64; 24] = [1, 1, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 6, 7, 8, 8, 7, 6, 5, 4, 4, 3, 2, 1];

/// What to make.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The same seed makes the same traffic.
    pub seed: u64,
    /// When it ends, in milliseconds since 1970 UTC: a midnight.
    pub end_ms: u64,
    /// Over how many days.
    pub days: u64,
    /// Requests in all.
    pub requests: u64,
    /// How many of them, the newest ones, are rows too.
    pub rows: u64,
}

/// Fills a database.
///
/// # Errors
///
/// The database refuses.
pub async fn fill(records: &UsageRecords, plan: Plan) -> Result<(), StorageError> {
    let mut traffic = Traffic::new(plan.seed);
    let a_day = plan.requests / plan.days.max(1);
    let days_of_rows = plan.rows / a_day.max(1);
    for day in 0..plan.days {
        let begins = plan.end_ms.saturating_sub((plan.days - day) * DAY_MS);
        let is_rows = day + days_of_rows >= plan.days;
        let mut times: Vec<u64> = (0..a_day).map(|_| begins + traffic.time_of_day()).collect();
        times.sort_unstable();
        for part in times.chunks(if is_rows { BATCH } else { SUMMED_UP }) {
            let batch: Vec<UsageRecord> = part.iter().map(|at_ms| traffic.record(*at_ms)).collect();
            if is_rows {
                records.insert_batch(&batch).await?;
            } else {
                records.add_sums(&batch).await?;
            }
        }
    }
    Ok(())
}

/// An endless stream of requests, always the same for a seed (splitmix64).
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    state: u64,
}

impl Traffic {
    /// The traffic of a seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    const fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (mixed ^ (mixed >> 32)) % bound
    }

    /// Small ones are frequent, as with the apps of a company.
    const fn skewed(&mut self, bound: u64) -> u64 {
        let (one, other) = (self.below(bound), self.below(bound));
        one * other / bound
    }

    /// A moment of a day, in milliseconds: more in the day than in the night.
    fn time_of_day(&mut self) -> u64 {
        let mut left = self.below(HOURS.iter().sum());
        let mut hour = 0;
        for busy in HOURS {
            if left < busy {
                break;
            }
            left -= busy;
            hour += 1;
        }
        hour * 3_600_000 + self.below(3_600_000)
    }

    /// A request at this time, in milliseconds since 1970 UTC: of about 300 series, some of them busy and most not.
    pub fn record(&mut self, at_ms: u64) -> UsageRecord {
        let app = self.skewed(APPS);
        // An app uses a few models, each at one of two servers.
        let model = (app + self.skewed(3)) % MODELS;
        let server = (model + self.below(2)) % SERVERS;
        let outcome = match self.below(200) {
            0..2 => Outcome::UpstreamError,
            2 => Outcome::ClientClosed,
            _ => Outcome::Completed,
        };
        let is_completed = outcome == Outcome::Completed;
        let first_byte = 80 + self.skewed(900) + self.skewed(400);
        let output = 1 + self.skewed(2000);
        let input = 20 + self.skewed(6000);
        let random = (u128::from(self.next()) << 64) | u128::from(self.next());
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let short = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        UsageRecord {
            id: id(at_ms, random),
            client_request_id: None,
            started_at_ms: signed(at_ms),
            app: AppReference::Named(format!("app-{app:02}")),
            key_id: Some(KeyId(signed(app + 1))),
            server_id: Some(ServerId(signed(server + 1))),
            model: format!("model-{model}"),
            model_exists: true,
            endpoint: Endpoint::ChatCompletions,
            streamed: self.below(3) > 0,
            outcome,
            status: if is_completed { 200 } else { 502 },
            error_code: None,
            attempts: 1,
            queue_ms: if self.below(20) == 0 { short(self.skewed(5000)) } else { 0 },
            limited_by: None,
            sent_at_ms: Some(signed(at_ms + 2)),
            charged_tokens: Some(signed(input + output)),
            tokens: TokenCounts {
                input: Some(signed(input)),
                cached: Some(signed(self.below(input))),
                output: is_completed.then_some(signed(output)),
                reasoning: None,
            },
            token_source: if self.below(50) == 0 { TokenSource::Estimated } else { TokenSource::Reported },
            cost: Some(Money {
                amount: Amount::from_nanos(signed(input * 150 + output * 600)),
                currency: Currency::USD,
            }),
            first_byte_ms: is_completed.then_some(short(first_byte)),
            duration_ms: short(first_byte + output * 9),
        }
    }
}

fn id(at_ms: u64, random: u128) -> Uuid {
    let bytes = random.to_be_bytes();
    Builder::from_unix_timestamp_millis(at_ms, bytes.last_chunk().unwrap_or(&[0; 10])).into_uuid()
}
