//! One call while it runs: the guard that makes sure that it ends in the ledger.
//!
//! Invariant: the first end counts; a call that is dropped without one was cancelled.

use std::time::Instant;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{Ledger, Outcome, Tokens};

/// A running call.
#[derive(Debug)]
pub(crate) struct Call {
    ledger: Ledger,
    id: u64,
    generation: u64,
    received_at: Instant,
    reported: Tokens,
    ended: bool,
}

impl Call {
    pub(super) fn new(ledger: Ledger, (id, generation): (u64, u64), received_at: Instant) -> Self {
        Self { ledger, id, generation, received_at, reported: Tokens::default(), ended: false }
    }

    /// When its head had been read.
    pub(crate) fn received_at(&self) -> Instant {
        self.received_at
    }

    /// Notes the body.
    pub(crate) fn receive(&mut self, body: &Bytes) {
        // Hashed before the lock is taken.
        let hash = hex::encode(Sha256::digest(body));
        let kept = self.ledger.keeps_bodies().then(|| body.clone());
        let length = body.len();
        self.ledger.change(|store| store.receive(self.id, self.generation, kept, length, hash));
    }

    /// Notes the status of the answer.
    pub(crate) fn answer(&mut self, status: u16) {
        self.ledger.change(|store| store.answer(self.id, self.generation, status));
    }

    /// The upstream's own limits refuse it.
    pub(crate) fn limit(&mut self) {
        self.ledger.change(|store| store.limit(self.generation));
    }

    /// Notes the usage that is reported; a later report replaces an earlier one.
    pub(crate) fn report(&mut self, tokens: Tokens) {
        // Remembered here, since the ledger may have dropped the request by the time of a second report.
        let before = std::mem::replace(&mut self.reported, tokens);
        self.ledger.change(|store| store.report(self.id, self.generation, before, tokens));
    }

    /// The answer is sent completely.
    pub(crate) fn complete(&mut self) {
        self.end(Outcome::Completed);
    }

    /// The script broke the answer off.
    pub(crate) fn fault(&mut self) {
        self.end(Outcome::Faulted);
    }

    fn end(&mut self, outcome: Outcome) {
        if !self.ended {
            self.ended = true;
            self.ledger.change(|store| store.end(self.id, self.generation, outcome));
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Outcome::Cancelled);
    }
}
