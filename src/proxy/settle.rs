//! Stage 7: one guard that accounts for a request on whatever way it ends.
//!
//! A [`Settlement`] is made when a request arrives and travels with it, at the end inside the answer's body. Dropping it
//! writes the usage record and the access line, exactly once: after the last byte, after an error, and when the client
//! leaves and the server drops everything that belongs to the request.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::error::GatewayError;
use super::pipeline::Caller;
use crate::catalog::ServerEntry;
use crate::model::{Endpoint, Outcome, TokenCounts, TokenSource};
use crate::usage::{UsageRecord, UsageSink};

/// Status in the books of a request whose client left before it got one; the client never sees it. The number is nginx's.
const CLIENT_CLOSED_STATUS: u16 = 499;
/// Most bytes of a model's name that are kept.
const MODEL_BYTES: usize = 200;

/// Accounts for one request when it is dropped.
#[derive(Debug)]
pub struct Settlement {
    sink: UsageSink,
    id: Uuid,
    request_id: Arc<str>,
    client_chose_id: bool,
    endpoint: Endpoint,
    started: Instant,
    started_at_ms: i64,
    caller: Option<Caller>,
    model: String,
    streamed: bool,
    server: Option<Arc<ServerEntry>>,
    attempts: u16,
    first_byte: Option<Duration>,
    tokens: Option<TokenCounts>,
    ending: Ending,
}

#[derive(Clone, Copy, Debug)]
struct Ending {
    outcome: Outcome,
    status: u16,
    error_code: Option<&'static str>,
}

impl Settlement {
    /// Opens the books for a request that arrived just now. `request_id` is what the client sees.
    pub fn begin(sink: UsageSink, id: Uuid, request_id: Arc<str>, client_chose_id: bool, endpoint: Endpoint) -> Self {
        Self {
            sink,
            id,
            request_id,
            client_chose_id,
            endpoint,
            started: Instant::now(),
            started_at_ms: jiff::Timestamp::now().as_millisecond(),
            caller: None,
            model: String::new(),
            streamed: false,
            server: None,
            attempts: 0,
            first_byte: None,
            tokens: None,
            // Until somebody says otherwise, the reason for a drop is that the client left.
            ending: Ending { outcome: Outcome::ClientClosed, status: CLIENT_CLOSED_STATUS, error_code: None },
        }
    }

    /// What the client sees as its request's id.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// When the request arrived.
    pub const fn started(&self) -> Instant {
        self.started
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

    /// A try at a server begins.
    pub fn attempt(&mut self, server: &Arc<ServerEntry>) {
        self.server = Some(Arc::clone(server));
        self.attempts = self.attempts.saturating_add(1);
    }

    /// The server of the last try.
    pub fn server_name(&self) -> Option<&str> {
        self.server.as_ref().map(|server| server.name.as_str())
    }

    /// Tries so far.
    pub const fn attempts(&self) -> u16 {
        self.attempts
    }

    /// The first byte of the answer is there.
    pub fn first_byte(&mut self) {
        self.first_byte = Some(self.started.elapsed());
    }

    /// The status of the answer that goes to the client.
    pub const fn answering(&mut self, status: u16) {
        self.ending.status = status;
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
        let outcome = match error {
            // That is what the books say until somebody knows better.
            GatewayError::ClientGone => return,
            GatewayError::Upstream { .. } => Outcome::UpstreamError,
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
        let Ending { outcome, status, error_code } = self.ending;
        tracing::info!(
            target: "sluice::access",
            request_id = %self.request_id,
            endpoint = self.endpoint.as_str(),
            app = self.caller.as_ref().map(|caller| caller.app_name.as_ref()),
            key = self.caller.as_ref().and_then(|caller| caller.key_id).map(|id| id.0),
            model = (!self.model.is_empty()).then_some(self.model.as_str()),
            server = self.server_name(),
            status,
            outcome = outcome.as_str(),
            error_code,
            attempts = self.attempts,
            streamed = self.streamed,
            input_tokens = self.tokens.and_then(|tokens| tokens.input),
            output_tokens = self.tokens.and_then(|tokens| tokens.output),
            first_byte_ms = self.first_byte.map(milliseconds),
            duration_ms = milliseconds(duration),
            "request"
        );
        let Some(caller) = self.caller.take() else {
            self.sink.count_unidentified();
            return;
        };
        self.sink.record(UsageRecord {
            id: self.id,
            client_request_id: self.client_chose_id.then(|| self.request_id.as_ref().to_owned()),
            started_at_ms: self.started_at_ms,
            app: caller.app,
            key_id: caller.key_id,
            server_id: self.server.as_ref().map(|server| server.id),
            model: std::mem::take(&mut self.model),
            endpoint: self.endpoint,
            streamed: self.streamed,
            outcome,
            status,
            error_code,
            attempts: self.attempts,
            tokens: self.tokens.unwrap_or_default(),
            token_source: if self.tokens.is_some() { TokenSource::Reported } else { TokenSource::None },
            first_byte_ms: self.first_byte.map(milliseconds),
            duration_ms: milliseconds(duration),
        });
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
        let settlement =
            Settlement::begin(sink.clone(), Uuid::now_v7(), Arc::from("id-1"), true, Endpoint::ChatCompletions);
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
            (record.outcome, record.status, record.error_code),
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
