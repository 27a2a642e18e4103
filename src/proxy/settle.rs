//! Stage 7: one guard that accounts for a request on whatever way it ends.
//!
//! A [`Settlement`] is made when a request arrives and travels with it, at the end inside the answer's body. Dropping it
//! writes the usage record and the access line, exactly once: after the last byte, after an error, and when the client
//! leaves and the server drops everything that belongs to the request.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::error::GatewayError;
use super::headers::Way;
use super::pipeline::Caller;
use crate::catalog::{ServerEntry, Target};
use crate::limit::{Headroom, Limiter, Permit, Room, Settled, Turn};
use crate::model::{Endpoint, LimitName, Money, Outcome, Price, TokenCounts, TokenSource};
use crate::outbound::Written;
use crate::usage::budget::{Ledger, Reservation};
use crate::usage::pricing::cost;
use crate::usage::{UsageRecord, UsageSink};

/// Status in the books of a request whose client left before it got one; the client never sees it. The number is nginx's.
const CLIENT_CLOSED_STATUS: u16 = 499;
/// Most bytes of a model's name that are kept.
const MODEL_BYTES: usize = 200;

/// Accounts for one request when it is dropped.
#[derive(Debug)]
pub struct Settlement {
    sink: UsageSink,
    limiter: Arc<dyn Limiter>,
    ledger: Arc<Ledger>,
    id: Uuid,
    request_id: Arc<str>,
    client_chose_id: bool,
    endpoint: Endpoint,
    started: Instant,
    started_at_ms: i64,
    caller: Option<Caller>,
    model: String,
    model_exists: bool,
    streamed: bool,
    server: Option<Arc<ServerEntry>>,
    /// The public name of the model that was sent.
    public_model: Option<Arc<str>>,
    /// Places in the limits of the key and of the app.
    caller_permits: Vec<Permit>,
    /// The place in the limits of the server.
    server_permit: Option<Permit>,
    /// What is reserved of the budgets of the key and of the app.
    reservation: Option<Reservation>,
    /// The price of the target of the last try, valid when the request arrived.
    price: Option<Price>,
    /// What is left of the limits that refused the request last.
    refused_at: Option<Headroom>,
    written: Arc<Written>,
    /// When the last try was written, from the arrival.
    sent: Option<Duration>,
    queue: QueueTime,
    attempts: u16,
    first_byte: Option<Duration>,
    tokens: Option<TokenCounts>,
    /// The estimate of the input, once the request is about to be sent.
    input: u64,
    /// About how many tokens of the answer came, where its text can be read.
    seen: Option<u64>,
    work: Work,
    ending: Ending,
}

/// Whether an upstream worked, or may have worked, for the last try: if not, its tokens are not charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    None,
    Some,
}

#[derive(Clone, Copy, Debug)]
struct Ending {
    outcome: Outcome,
    status: u16,
    error_code: Option<&'static str>,
}

impl Settlement {
    /// Opens the books for a request that arrived just now. `request_id` is what the client sees.
    pub fn begin(
        sink: UsageSink,
        limiter: Arc<dyn Limiter>,
        ledger: Arc<Ledger>,
        id: Uuid,
        request_id: Arc<str>,
        client_chose_id: bool,
        endpoint: Endpoint,
    ) -> Self {
        Self {
            sink,
            limiter,
            ledger,
            id,
            request_id,
            client_chose_id,
            endpoint,
            started: Instant::now(),
            started_at_ms: jiff::Timestamp::now().as_millisecond(),
            caller: None,
            model: String::new(),
            model_exists: false,
            streamed: false,
            server: None,
            public_model: None,
            caller_permits: Vec::new(),
            server_permit: None,
            reservation: None,
            price: None,
            refused_at: None,
            written: Arc::default(),
            sent: None,
            queue: QueueTime::default(),
            attempts: 0,
            first_byte: None,
            tokens: None,
            input: 0,
            seen: None,
            work: Work::Some,
            // Until somebody says otherwise, the reason for a drop is that the client left.
            ending: Ending { outcome: Outcome::ClientClosed, status: CLIENT_CLOSED_STATUS, error_code: None },
        }
    }

    /// What the client sees as its request's id.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Sluice's own id of the request.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// It is known who calls. From here on the request leaves a row.
    pub fn identified(&mut self, caller: Caller) {
        self.caller = Some(caller);
    }

    /// It is known what is wanted.
    pub fn asked(&mut self, model: &str, streamed: bool) {
        model.get(..model.floor_char_boundary(MODEL_BYTES)).unwrap_or_default().clone_into(&mut self.model);
        self.streamed = streamed;
    }

    /// The model exists, under this public name.
    pub fn found(&mut self, model: &str) {
        model.clone_into(&mut self.model);
        self.model_exists = true;
    }

    /// The request waits from now on, for this limit.
    pub fn begins_to_wait(&mut self, limit: LimitName) {
        self.queue.now = Some((limit, Instant::now()));
    }

    /// The wait is over, well or not.
    pub fn ends_waiting(&mut self) {
        self.queue.end();
    }

    /// The request has a place in the limits of its key or its app.
    pub fn hold(&mut self, permit: Permit) {
        self.caller_permits.push(permit);
    }

    /// The request has its part of the budgets of its key and its app.
    pub(super) fn reserve(&mut self, reservation: Reservation) {
        self.reservation = Some(reservation);
    }

    /// When the request arrived, in milliseconds since 1970 UTC: it belongs to the periods and prices of that time.
    pub(super) const fn started_at_ms(&self) -> i64 {
        self.started_at_ms
    }

    /// Limits that have this much left did not let the request in.
    pub(super) const fn refused_by_limits(&mut self, headroom: Headroom) {
        self.refused_at = Some(headroom);
    }

    /// A try at a server that let the request in begins. From here on the request leaves a row also if the process is
    /// killed.
    pub(super) fn tries(&mut self, target: &Target, permit: Permit, input_tokens: u64) {
        self.input = input_tokens;
        self.server_permit = Some(permit);
        self.refused_at = None;
        self.written = Arc::default();
        self.sent = None;
        self.work = Work::Some;
        self.public_model = Some(Arc::clone(&target.model));
        self.server = Some(Arc::clone(&target.server));
        self.price = target.prices.at(self.started_at_ms).map(|(price, _)| price);
        self.attempts = self.attempts.saturating_add(1);
        let Some(caller) = &self.caller else { return };
        let now = self.started.elapsed();
        let tokens = TokenCounts { input: i64::try_from(input_tokens).ok(), ..TokenCounts::default() };
        self.sink.begun(|| UsageRecord {
            // Nearly: it is about to be sent. Limits count it from here if the process is killed.
            sent_at_ms: Some(self.after(now)),
            duration_ms: milliseconds(now),
            // What the answer would have been, nobody knows.
            charged_tokens: i64::try_from(input_tokens).ok(),
            tokens,
            token_source: TokenSource::Estimated,
            cost: self.cost_of(&tokens),
            ..self.row(caller, Ending { outcome: Outcome::Interrupted, status: 0, error_code: None })
        });
    }

    /// What tokens of the last try cost; none if nobody knows.
    fn cost_of(&self, tokens: &TokenCounts) -> Option<Money> {
        self.price.and_then(|price| cost(&price, tokens))
    }

    /// The row of the request as it is now; what is only known at its end is missing.
    fn row(&self, caller: &Caller, ending: Ending) -> UsageRecord {
        UsageRecord {
            id: self.id,
            client_request_id: self.client_chose_id.then(|| self.request_id.as_ref().to_owned()),
            started_at_ms: self.started_at_ms,
            app: caller.app.clone(),
            key_id: caller.key_id,
            server_id: self.server.as_ref().map(|server| server.id),
            model: self.model.clone(),
            model_exists: self.model_exists,
            endpoint: self.endpoint,
            streamed: self.streamed,
            outcome: ending.outcome,
            status: ending.status,
            error_code: ending.error_code.map(Cow::Borrowed),
            attempts: self.attempts,
            queue_ms: milliseconds(self.queue.total()),
            limited_by: self.queue.longest(),
            sent_at_ms: self.sent.map(|sent| self.after(sent)),
            charged_tokens: None,
            tokens: TokenCounts::default(),
            token_source: TokenSource::None,
            cost: None,
            first_byte_ms: None,
            duration_ms: 0,
        }
    }

    /// A time after the arrival, in milliseconds since 1970 UTC.
    fn after(&self, arrival: Duration) -> i64 {
        self.started_at_ms.saturating_add(i64::from(milliseconds(arrival)))
    }

    /// Where is noted that the request of this try is on its way.
    pub(super) fn written(&self) -> Arc<Written> {
        Arc::clone(&self.written)
    }

    /// The request is on its way: from here on the windows count it.
    pub(super) fn sent(&mut self) {
        if self.sent.is_none() {
            self.sent = Some(self.started.elapsed());
        }
        for permit in self.caller_permits.iter_mut().chain(&mut self.server_permit) {
            permit.sent();
        }
    }

    /// The connection was dead before anything came back, and the request was sent once more. The upstream counts once,
    /// and so do its limits here.
    pub(super) fn repeated(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
        self.sent = Some(self.started.elapsed());
        for permit in self.caller_permits.iter_mut().chain(&mut self.server_permit) {
            permit.sent_again();
        }
    }

    /// The upstream refused the request and did no work for it: its tokens are given back, and its place too. Returns
    /// the turn that it had.
    pub(super) fn refused_by_upstream(&mut self) -> Option<Turn> {
        self.work = Work::None;
        let permit = self.server_permit.take()?;
        let turn = permit.turn();
        permit.settle(Settled::Nothing);
        Some(turn)
    }

    /// What an answer says about its way.
    pub fn way(&self) -> Way {
        let permits = self.caller_permits.iter().chain(&self.server_permit);
        let rooms: Vec<Headroom> = permits.map(Permit::headroom).chain(self.refused_at).collect();
        let tightest =
            |room: fn(&Headroom) -> Option<Room>| rooms.iter().filter_map(room).min_by_key(|room| room.remaining);
        Way {
            server: self.server.clone(),
            attempts: self.attempts,
            queued: self.queue.total(),
            headroom: Headroom { requests: tightest(|room| room.requests), tokens: tightest(|room| room.tokens) },
        }
    }

    /// Gives back the places in the limits. Returns what token limits were charged with, if anything was sent.
    fn leave_limits(&mut self) -> Option<u64> {
        if self.written.is_done() {
            // The client may have left before anybody could say so.
            self.sent();
        }
        let counted = self.tokens.and_then(|tokens| {
            let input = tokens.input?;
            u64::try_from(input.saturating_add(tokens.output.unwrap_or(0))).ok()
        });
        let settled = match (counted, self.work) {
            (Some(tokens), _) => Settled::Known(tokens),
            (None, Work::None) => Settled::Nothing,
            (None, Work::Some) => Settled::Unknown,
        };
        let charged = self.server_permit.take().map(|permit| permit.settle(settled));
        for permit in self.caller_permits.drain(..) {
            permit.settle(settled);
        }
        charged
    }

    /// The first byte of the answer is there.
    pub fn first_byte(&mut self) {
        self.first_byte = Some(self.started.elapsed());
    }

    /// The status of the answer that goes to the client.
    pub const fn answering(&mut self, status: u16) {
        self.ending.status = status;
        self.work = if status >= 400 { Work::None } else { Work::Some };
    }

    /// About so many tokens of the answer came so far.
    pub(super) const fn seen(&mut self, tokens: u64) {
        self.seen = Some(tokens);
    }

    /// Token counts, and where they come from. What an upstream refused, and what was never sent, has none.
    fn counts(&self) -> (TokenCounts, TokenSource) {
        if let Some(tokens) = self.tokens {
            return (tokens, TokenSource::Reported);
        }
        let is_answered = matches!(
            self.ending.outcome,
            Outcome::Completed | Outcome::UpstreamCut | Outcome::ClientClosed | Outcome::UpstreamError
        );
        if self.sent.is_none() || self.work == Work::None || !is_answered {
            return (TokenCounts::default(), TokenSource::None);
        }
        let known = |tokens: u64| i64::try_from(tokens).ok();
        let output = if self.endpoint == Endpoint::Embeddings { None } else { self.seen.and_then(known) };
        (TokenCounts { input: known(self.input), output, ..TokenCounts::default() }, TokenSource::Estimated)
    }

    /// The upstream reported token counts. The last report counts.
    pub const fn reported(&mut self, tokens: TokenCounts) {
        self.tokens = Some(tokens);
    }

    /// How the request ended, as far as is known now: a later call overrides it.
    pub const fn ended(&mut self, outcome: Outcome, error_code: Option<&'static str>) {
        self.ending.outcome = outcome;
        self.ending.error_code = error_code;
    }

    /// The request ends with an error that Sluice makes.
    pub const fn failed(&mut self, error: &GatewayError) {
        if let GatewayError::Upstream { failure, .. } = error {
            self.work = if failure.may_have_worked() { Work::Some } else { Work::None };
        }
        let outcome = match error {
            // That is what the books say until somebody knows better.
            GatewayError::ClientGone => return,
            GatewayError::Upstream { .. } => Outcome::UpstreamError,
            GatewayError::QueueTimeout { .. } => Outcome::QueueTimeout,
            GatewayError::QueueEvicted { .. } => Outcome::QueueEvicted,
            _ => Outcome::Rejected,
        };
        self.ending = Ending { outcome, status: error.status(), error_code: Some(error.code()) };
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        let duration = self.started.elapsed();
        if std::thread::panicking() {
            self.failed(&GatewayError::Internal);
        }
        self.queue.end();
        let charged = self.leave_limits();
        let Ending { outcome, status, error_code } = self.ending;
        let (tokens, token_source) = self.counts();
        let cost = self.cost_of(&tokens);
        if let (Outcome::Completed, Some(model), Some(output)) =
            (outcome, &self.public_model, self.tokens.and_then(|tokens| tokens.output))
        {
            self.limiter.learn_output(model, u64::try_from(output).unwrap_or(0));
        }
        tracing::info!(
            target: "sluice::access",
            request_id = %self.request_id,
            endpoint = self.endpoint.as_str(),
            app = self.caller.as_ref().map(|caller| caller.app_name.as_ref()),
            key = self.caller.as_ref().and_then(|caller| caller.key_id).map(|id| id.0),
            model = (!self.model.is_empty()).then_some(self.model.as_str()),
            server = self.server.as_ref().map(|server| server.name.as_str()),
            status,
            outcome = outcome.as_str(),
            error_code,
            attempts = self.attempts,
            queue_ms = milliseconds(self.queue.total()),
            limited_by = self.queue.longest().map(LimitName::as_str),
            streamed = self.streamed,
            input_tokens = tokens.input,
            output_tokens = tokens.output,
            token_source = token_source.as_str(),
            cost = cost.map(tracing::field::display),
            first_byte_ms = self.first_byte.map(milliseconds),
            duration_ms = milliseconds(duration),
            "request"
        );
        let Some(caller) = self.caller.take() else {
            self.sink.count_unidentified();
            return;
        };
        let record = UsageRecord {
            charged_tokens: charged.and_then(|tokens| i64::try_from(tokens).ok()),
            tokens,
            token_source,
            cost,
            first_byte_ms: self.first_byte.map(milliseconds),
            duration_ms: milliseconds(duration),
            ..self.row(&caller, self.ending)
        };
        self.ledger.settle(self.reservation.take(), &record);
        self.sink.record(record);
    }
}

/// The time in queues.
#[derive(Debug, Default)]
struct QueueTime {
    /// What is being waited for, and since when.
    now: Option<(LimitName, Instant)>,
    past: Vec<(LimitName, Duration)>,
}

impl QueueTime {
    fn end(&mut self) {
        if let Some((limit, since)) = self.now.take() {
            self.past.push((limit, since.elapsed()));
        }
    }

    fn total(&self) -> Duration {
        self.past.iter().map(|(_, waited)| *waited).sum::<Duration>()
            + self.now.map_or(Duration::ZERO, |(_, since)| since.elapsed())
    }

    /// What was waited for longest.
    fn longest(&self) -> Option<LimitName> {
        self.past.iter().max_by_key(|(_, waited)| *waited).map(|(limit, _)| *limit)
    }
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::usage::AppReference;

    fn begin() -> (Settlement, tokio::sync::mpsc::Receiver<UsageRecord>, UsageSink) {
        let (sink, receiver) = UsageSink::new(8);
        let limiter = Arc::new(crate::limit::LocalLimiter::new(Duration::from_mins(1), 100));
        let (id, endpoint) = (Uuid::now_v7(), Endpoint::ChatCompletions);
        let ledger = Ledger::new(jiff::tz::TimeZone::UTC);
        let settlement = Settlement::begin(sink.clone(), limiter, ledger, id, Arc::from("id-1"), true, endpoint);
        (settlement, receiver, sink)
    }

    fn caller() -> Caller {
        Caller { app: AppReference::Named("app".to_owned()), app_name: Arc::from("app"), key_id: None, key: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_drop_without_a_word_means_that_the_client_left() {
        let (mut settlement, mut receiver, _) = begin();
        settlement.identified(caller());
        settlement.asked("model", true);
        tokio::time::advance(Duration::from_millis(1500)).await;
        drop(settlement);
        let record = receiver.try_recv().unwrap();
        assert_eq!((record.outcome, record.status), (Outcome::ClientClosed, 499));
        assert_eq!(record.duration_ms, 1500);
        assert_eq!(record.client_request_id.as_deref(), Some("id-1"));
        assert_eq!((record.tokens, record.token_source), (TokenCounts::default(), TokenSource::None));
        assert!(receiver.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_stranger_leaves_a_count_and_no_row() {
        let (mut settlement, mut receiver, sink) = begin();
        settlement.failed(&GatewayError::InvalidApiKey { sent: true });
        drop(settlement);
        assert!(receiver.try_recv().is_err());
        assert_eq!(sink.unidentified(), 1);
    }

    #[tokio::test]
    async fn an_error_of_our_own_keeps_its_code() {
        let (mut settlement, mut receiver, _) = begin();
        settlement.identified(caller());
        settlement.failed(&GatewayError::ModelNotFound { model: "m".to_owned() });
        drop(settlement);
        let record = receiver.try_recv().unwrap();
        assert_eq!(
            (record.outcome, record.status, record.error_code.as_deref()),
            (Outcome::Rejected, 404, Some("model_not_found"))
        );
    }

    #[tokio::test]
    async fn long_model_names_are_cut_between_characters() {
        let (mut settlement, mut receiver, _) = begin();
        settlement.identified(caller());
        settlement.asked(&"水".repeat(100), false);
        drop(settlement);
        assert_eq!(receiver.try_recv().unwrap().model, "水".repeat(66));
    }
}
