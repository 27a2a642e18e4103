//! Stage 4: the limits of key, app and server let the request in, now or later.
//!
//! What it will use of the budgets of its key and its app is reserved before it waits anywhere.
//!
//! A request passes its key's limits, then its app's, then a server's; in each line it waits apart from the others, so that
//! one that waits for its app stands in nobody's way at a server. What it was given on the way is held for it and
//! begins to count in earnest when it is sent. Among the servers that have the model, the first with room takes it; if
//! none has room, it waits at the first that has a queue.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::error::{GatewayError, LeftQueue};
use super::gateway::Gateway;
use super::peek::RequestFacts;
use super::pipeline::Call;
use super::settle::Settlement;
use crate::catalog::{AppEntry, Target};
use crate::limit::{Admission, Ask, Owner, Patience, Permit, Refusal, Turn};
use crate::model::{Endpoint, Priority, ServerId};
use crate::provider::openai;
use crate::usage::AppReference;
use crate::usage::budget::{Claim, Need, Spender, Whose};

/// What `Retry-After` says to somebody whose request an administrator took out of the queue.
const AFTER_CANCELLATION: Duration = Duration::from_mins(1);

/// A request on its way through the limits.
pub(super) struct Entry<'a> {
    gateway: &'a Gateway,
    call: &'a Call,
    facts: &'a RequestFacts,
    ask: Ask,
    is_estimated: bool,
    /// When it began to ask; every deadline counts from here.
    began: Instant,
}

impl<'a> Entry<'a> {
    /// Begins to ask for a request that one of these targets can take.
    pub(super) fn new(
        gateway: &'a Gateway,
        call: &'a Call,
        facts: &'a RequestFacts,
        targets: &[Target],
        settlement: &Settlement,
    ) -> Self {
        let key = call.caller.key.as_deref();
        let ask = Ask {
            id: settlement.id(),
            app_name: Arc::clone(&call.caller.app_name),
            model: Arc::from(facts.model.as_str()),
            input_tokens: 0,
            output_tokens: 0,
            output_is_bound: false,
            priority: key.map_or(Priority::default(), |key| key.priority),
        };
        let mut entry = Self { gateway, call, facts, ask, is_estimated: false, began: Instant::now() };
        let limits_tokens = key.is_some_and(|key| key.limits.tokens_per_minute.is_some())
            || entry.app().is_some_and(|app| app.limits.tokens_per_minute.is_some())
            || targets.iter().any(|target| target.server.limits.tokens_per_minute.is_some());
        if limits_tokens {
            entry.estimate(targets);
        }
        entry
    }

    /// The estimate of its input.
    pub(super) fn input_tokens(&mut self, targets: &[Target]) -> u64 {
        self.estimate(targets);
        self.ask.input_tokens
    }

    /// How long it has been on its way.
    pub(super) fn waited(&self) -> Duration {
        self.began.elapsed()
    }

    /// Reserves what the request will use of the budgets of its key and its app, if they have any.
    ///
    /// # Errors
    /// One of them has no room for it.
    pub(super) fn claim_budgets(
        &mut self,
        targets: &[Target],
        settlement: &mut Settlement,
    ) -> Result<(), GatewayError> {
        let mut claims = Vec::new();
        if let Some(key) = self.call.caller.key.as_ref().filter(|key| !key.budgets.is_empty()) {
            claims.push(Claim { spender: Spender::Key(key.id), whose: Whose::Key, budgets: key.budgets.clone() });
        }
        if let Some(app) = self.app().filter(|app| !app.budgets.is_empty()) {
            let whose = Whose::App(Arc::from(app.name.as_str()));
            claims.push(Claim { spender: Spender::App(app.id), whose, budgets: app.budgets.clone() });
        }
        if claims.is_empty() {
            return Ok(());
        }
        self.estimate(targets);
        let Ask { input_tokens, output_tokens, output_is_bound, .. } = self.ask;
        let prices = targets.iter().filter_map(|target| target.prices.at(settlement.started_at_ms()));
        let need = Need::new(input_tokens, output_tokens, output_is_bound, prices.map(|(price, _)| price));
        settlement.reserve(self.gateway.ledger().reserve(claims, need).map_err(GatewayError::BudgetExceeded)?);
        Ok(())
    }

    /// Passes the limits of the key and of the app, which count a request once.
    ///
    /// Cancel safe: dropping it leaves the line and gives back what was held.
    ///
    /// # Errors
    /// It may not go.
    pub(super) async fn pass_caller(
        &mut self,
        targets: &[Target],
        settlement: &mut Settlement,
    ) -> Result<(), GatewayError> {
        let deadline = targets.first().map(|target| Duration::from_millis(u64::from(target.server.queue.deadline_ms)));
        if let Some(key) = self.call.caller.key_id {
            let permit = self.pass(Owner::Key(key), deadline, targets, settlement).await;
            settlement.hold(permit.map_err(|refusal| error(refusal, GatewayError::InvalidApiKey { sent: true }))?);
        }
        if let AppReference::Registered(app) = self.call.caller.app {
            let permit = self.pass(Owner::App(app), deadline, targets, settlement).await;
            settlement.hold(permit.map_err(|refusal| error(refusal, GatewayError::AppDisabled))?);
        }
        Ok(())
    }

    /// Passes the limits of one of the targets. Those that do not exist any more are taken off the list. `returned` names
    /// the server that let the request in before and refused it upstream, and the turn that it had there.
    ///
    /// Cancel safe: dropping it leaves the line.
    ///
    /// # Errors
    /// It may not go.
    pub(super) async fn pass_server(
        &mut self,
        targets: &mut Vec<Target>,
        returned: Option<(ServerId, Turn)>,
        settlement: &mut Settlement,
    ) -> Result<(Target, Permit), GatewayError> {
        let mut gone = Vec::new();
        for target in targets.iter() {
            match self.gateway.limiter().admit(Owner::Server(target.server.id), &self.ask, Patience::None) {
                Admission::Admitted(permit) => return Ok((target.clone(), permit)),
                Admission::Refused(Refusal::Gone) => gone.push(target.server.id),
                Admission::Refused(_) | Admission::Waiting { .. } => {}
            }
        }
        targets.retain(|target| !gone.contains(&target.server.id));
        self.estimate(targets);
        // Where it has a turn already, it waits first.
        let mut order = targets.clone();
        order.sort_by_key(|target| returned.is_none_or(|(server, _)| target.server.id != server));
        // What the one says that came closest to taking it.
        let mut refused = None;
        for target in order {
            let turn = returned.filter(|(server, _)| *server == target.server.id).map(|(_, turn)| turn);
            let patience = Patience::Since { began: self.began, deadline: None, returns: turn };
            match self.wait(Owner::Server(target.server.id), patience, settlement).await {
                Ok(permit) => return Ok((target, permit)),
                // The next target may take it. Later is better news than never.
                Err(refusal @ (Refusal::NoRoom { .. } | Refusal::QueueFull { .. })) => {
                    refused = refused.filter(|before| !matches!(before, Refusal::NeverFits { .. })).or(Some(refusal));
                }
                Err(refusal @ Refusal::NeverFits { .. }) => refused = refused.or(Some(refusal)),
                Err(Refusal::Gone) => targets.retain(|other| other.server.id != target.server.id),
                Err(refusal) => return Err(error(refusal, GatewayError::Internal)),
            }
        }
        let nobody = GatewayError::NoServerAvailable { model: self.facts.model.clone() };
        Err(error(refused.unwrap_or(Refusal::Gone), nobody))
    }

    async fn pass(
        &mut self,
        owner: Owner,
        deadline: Option<Duration>,
        targets: &[Target],
        settlement: &mut Settlement,
    ) -> Result<Permit, Refusal> {
        match self.gateway.limiter().admit(owner, &self.ask, Patience::None) {
            Admission::Admitted(permit) => return Ok(permit),
            Admission::Refused(refusal @ (Refusal::Gone | Refusal::NeverFits { .. })) => return Err(refusal),
            Admission::Refused(_) | Admission::Waiting { .. } => {}
        }
        self.estimate(targets);
        let patience = Patience::Since { began: self.began, deadline, returns: None };
        self.wait(owner, patience, settlement).await
    }

    async fn wait(&self, owner: Owner, patience: Patience, settlement: &mut Settlement) -> Result<Permit, Refusal> {
        let result = match self.gateway.limiter().admit(owner, &self.ask, patience) {
            Admission::Admitted(permit) => Ok(permit),
            Admission::Refused(refusal) => Err(refusal),
            Admission::Waiting { limit, permit } => {
                settlement.begins_to_wait(limit);
                let result = permit.await;
                settlement.ends_waiting();
                result
            }
        };
        if result.is_err() {
            settlement.refused_by_limits(self.gateway.limiter().headroom(owner));
        }
        result
    }

    /// Finds out how many tokens it will take: at first where somebody limits tokens, or before it waits, because that may
    /// change meanwhile; at the latest when it is sent, for the books.
    fn estimate(&mut self, targets: &[Target]) {
        if std::mem::replace(&mut self.is_estimated, true) {
            return;
        }
        self.ask.input_tokens = openai::input_tokens(&self.call.body);
        if self.call.endpoint == Endpoint::Embeddings {
            return;
        }
        self.ask.output_is_bound = self.facts.output_bound.is_some();
        let model = targets.first().map_or(self.facts.model.as_str(), |target| target.model.as_ref());
        self.ask.output_tokens = self
            .facts
            .output_bound
            .unwrap_or_else(|| self.gateway.limiter().expected_output(model).saturating_mul(self.facts.choices));
    }

    fn app(&self) -> Option<&Arc<AppEntry>> {
        match self.call.caller.app {
            AppReference::Registered(id) => self.call.snapshot.app(id),
            AppReference::Named(_) => None,
        }
    }
}

/// What a client is told. `gone` stands for an owner that was switched off or deleted.
fn error(refusal: Refusal, gone: GatewayError) -> GatewayError {
    match refusal {
        Refusal::NeverFits { tokens, limit } => GatewayError::TokensExceedLimit { tokens, limit },
        Refusal::NoRoom { limit, retry_after } => GatewayError::RateLimitExceeded { limit, retry_after },
        Refusal::TimedOut { waited } => GatewayError::QueueTimeout { waited },
        Refusal::Evicted { retry_after } => GatewayError::QueueEvicted { how: LeftQueue::Evicted, retry_after },
        Refusal::QueueFull { retry_after } => GatewayError::QueueEvicted { how: LeftQueue::Full, retry_after },
        Refusal::Cancelled => GatewayError::QueueEvicted { how: LeftQueue::Cancelled, retry_after: AFTER_CANCELLATION },
        Refusal::Gone => gone,
        Refusal::ShuttingDown => GatewayError::ShuttingDown,
    }
}
