//! What the upstream received and what became of it.
//!
//! Only POST requests are in it (outside `/_fake`). Invariants: the newest [`MAX_REQUESTS`] requests are kept, with at
//! most [`MAX_BODY_BYTES`] of bodies and [`MAX_HEAD_BYTES`] of paths and headers, the oldest go first; every call ends
//! exactly once; a call from before a `clear` changes nothing after it.

mod call;
mod record;
mod store;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::HeaderMap;
use parking_lot::Mutex;
use tokio::sync::watch;

pub(crate) use call::Call;
pub use record::{Counts, Outcome, ReceivedRequest, Tokens};
use store::Store;

/// How many requests are kept.
const MAX_REQUESTS: usize = 10_000;
/// How many bytes of bodies are kept.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;
/// How many bytes of paths and headers are kept.
const MAX_HEAD_BYTES: usize = 64 * 1024 * 1024;

#[derive(Debug)]
struct Shared {
    keep_bodies: bool,
    store: Mutex<Store>,
    /// A copy of the store's counts for those who wait; written under the store's lock, so that it never goes back.
    counts: watch::Sender<Counts>,
}

/// What the upstream received. Clones are the same ledger.
#[derive(Debug, Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
}

impl Ledger {
    pub(crate) fn new(keep_bodies: bool) -> Self {
        let store = Mutex::new(Store::new(MAX_REQUESTS, MAX_BODY_BYTES, MAX_HEAD_BYTES));
        Self { shared: Arc::new(Shared { keep_bodies, store, counts: watch::Sender::default() }) }
    }

    /// All counts at one moment.
    pub fn counts(&self) -> Counts {
        self.shared.store.lock().counts()
    }

    /// POST requests that were seen, whatever became of them.
    pub fn calls(&self) -> u64 {
        self.counts().calls
    }

    /// Calls whose answer was sent completely, errors included.
    pub fn completed(&self) -> u64 {
        self.counts().completed
    }

    /// Calls whose caller went away before the answer was complete.
    pub fn cancelled(&self) -> u64 {
        self.counts().cancelled
    }

    /// Calls that a script broke off.
    pub fn faulted(&self) -> u64 {
        self.counts().faulted
    }

    /// Calls that the upstream's own limits refused with 429.
    pub fn limited(&self) -> u64 {
        self.counts().limited
    }

    /// Calls that are being read or answered now.
    pub fn active(&self) -> u64 {
        self.counts().active
    }

    /// The newest 10 000 requests, oldest first.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.store.lock().requests()
    }

    /// The newest request.
    pub fn last_request(&self) -> Option<ReceivedRequest> {
        self.shared.store.lock().last_request()
    }

    /// The sum of the tokens that were reported in usage, once per call.
    pub fn totals(&self) -> Tokens {
        self.shared.store.lock().totals()
    }

    /// Forgets everything. Calls that still run are forgotten too and are not counted when they end.
    pub fn clear(&self) {
        self.change(Store::clear);
    }

    /// Waits until `condition` holds, at most `within`; false if it did not come to hold.
    ///
    /// It is woken by every change and does not poll. `condition` may use the ledger.
    pub async fn wait_until(&self, condition: impl Fn(&Counts) -> bool, within: Duration) -> bool {
        let mut changes = self.shared.counts.subscribe();
        let holds = async {
            loop {
                // Copied out: the guard must not be held while foreign code runs.
                let counts = *changes.borrow_and_update();
                if condition(&counts) {
                    return true;
                }
                if changes.changed().await.is_err() {
                    return false;
                }
            }
        };
        tokio::time::timeout(within, holds).await.unwrap_or(false)
    }

    /// Notes the head of a request.
    pub(crate) fn begin(&self, path: &str, headers: &HeaderMap) -> Call {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let (start, received_at) = self.change(|store| {
            // Taken under the lock, so that moments are in the order of ids.
            let received_at = Instant::now();
            (store.begin(path.to_owned(), headers, received_at), received_at)
        });
        Call::new(self.clone(), start, received_at)
    }

    /// Whether bodies are kept.
    fn keeps_bodies(&self) -> bool {
        self.shared.keep_bodies
    }

    /// Changes the store and tells those who wait.
    fn change<Answer>(&self, change: impl FnOnce(&mut Store) -> Answer) -> Answer {
        let mut store = self.shared.store.lock();
        let before = store.counts();
        let answer = change(&mut store);
        if store.counts() != before {
            self.shared.counts.send_replace(store.counts());
        }
        answer
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use bytes::Bytes;

    const LONG: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn counts_follow_a_call_to_its_end() {
        let ledger = Ledger::new(true);
        let mut call = ledger.begin("/v1/chat/completions", &HeaderMap::new());
        assert_eq!((ledger.calls(), ledger.active()), (1, 1));
        call.receive(&Bytes::from_static(b"{}"));
        call.report(Tokens { prompt_tokens: 1, completion_tokens: 1, ..Tokens::default() });
        call.report(Tokens { prompt_tokens: 3, completion_tokens: 4, ..Tokens::default() });
        call.complete();
        call.fault();
        drop(call);
        assert_eq!(ledger.counts(), Counts { calls: 1, completed: 1, ..Counts::default() });
        assert_eq!(ledger.totals(), Tokens { prompt_tokens: 3, completion_tokens: 4, ..Tokens::default() });
        let request = ledger.last_request().unwrap();
        assert_eq!(request.body.as_deref(), Some(&b"{}"[..]));
        assert_eq!(request.outcome, Outcome::Completed);
        assert_eq!(request.body_sha256, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    }

    #[tokio::test]
    async fn a_dropped_call_is_cancelled_and_wakes_who_waits() {
        let ledger = Ledger::new(false);
        let call = ledger.begin("/v1/embeddings", &HeaderMap::new());
        let other = ledger.clone();
        // The condition uses the ledger itself, which must not lock up.
        let waiting = ledger.wait_until(|counts| counts.cancelled == 1 && other.cancelled() == 1, LONG);
        let ((), reached) = tokio::join!(async { drop(call) }, waiting);
        assert!(reached);
        assert_eq!(ledger.active(), 0);
    }

    #[tokio::test]
    async fn waiting_ends_at_its_limit() {
        let ledger = Ledger::new(false);
        assert!(!ledger.wait_until(|counts| counts.calls > 0, Duration::from_millis(1)).await);
    }

    #[tokio::test]
    async fn clear_forgets_running_calls() {
        let ledger = Ledger::new(true);
        let mut call = ledger.begin("/v1/embeddings", &HeaderMap::new());
        ledger.clear();
        call.receive(&Bytes::from_static(b"late"));
        call.report(Tokens { prompt_tokens: 3, completion_tokens: 4, ..Tokens::default() });
        call.complete();
        assert_eq!(ledger.counts(), Counts::default());
        assert_eq!(ledger.totals(), Tokens::default());
        assert!(ledger.requests().is_empty());
    }

    #[test]
    fn bodies_are_hashed_but_not_kept_when_told_so() {
        let ledger = Ledger::new(false);
        let mut call = ledger.begin("/v1/embeddings", &HeaderMap::new());
        call.receive(&Bytes::from_static(b"abc"));
        let request = ledger.last_request().unwrap();
        assert_eq!((request.body, request.body_bytes), (None, 3));
        assert!(request.body_sha256.starts_with("ba7816bf"));
    }
}
