//! The ledger's memory: a window of the newest requests, and sums over all of them.
//!
//! Does no locking. Invariants: ids in the window have no gaps, so that an id is found by its distance to the first;
//! the sums never shrink except by `clear`.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::{Counts, Outcome, ReceivedRequest, Tokens};

#[derive(Debug)]
pub(super) struct Store {
    max_requests: usize,
    max_body_bytes: usize,
    max_head_bytes: usize,
    /// Goes up with each `clear`, so that calls from before it are told apart.
    generation: u64,
    next_id: u64,
    requests: VecDeque<ReceivedRequest>,
    body_bytes: usize,
    /// Bodies of requests with smaller ids were pushed out already.
    body_floor: u64,
    head_bytes: usize,
    counts: Counts,
    totals: Tokens,
}

impl Store {
    pub(super) fn new(max_requests: usize, max_body_bytes: usize, max_head_bytes: usize) -> Self {
        Self {
            max_requests,
            max_body_bytes,
            max_head_bytes,
            generation: 0,
            next_id: 1,
            requests: VecDeque::new(),
            body_bytes: 0,
            body_floor: 0,
            head_bytes: 0,
            counts: Counts::default(),
            totals: Tokens::default(),
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn totals(&self) -> Tokens {
        self.totals
    }

    pub(super) fn requests(&self) -> Vec<ReceivedRequest> {
        self.requests.iter().cloned().collect()
    }

    pub(super) fn last_request(&self) -> Option<ReceivedRequest> {
        self.requests.back().cloned()
    }

    pub(super) fn clear(&mut self) {
        self.generation += 1;
        self.requests.clear();
        self.body_bytes = 0;
        self.head_bytes = 0;
        self.counts = Counts::default();
        self.totals = Tokens::default();
    }

    pub(super) fn begin(&mut self, path: String, headers: Vec<(String, String)>, received_at: Instant) -> (u64, u64) {
        let id = self.next_id;
        self.next_id += 1;
        self.counts.calls += 1;
        self.counts.active += 1;
        let request = ReceivedRequest {
            id,
            received_at,
            path,
            headers,
            body: None,
            body_bytes: 0,
            body_sha256: String::new(),
            status: None,
            reported: None,
            outcome: Outcome::Active,
        };
        self.head_bytes += head_bytes(&request);
        self.requests.push_back(request);
        while self.requests.len() > self.max_requests || self.head_bytes > self.max_head_bytes {
            let Some(oldest) = self.requests.pop_front() else { break };
            self.head_bytes = self.head_bytes.saturating_sub(head_bytes(&oldest));
            self.body_bytes = self.body_bytes.saturating_sub(oldest.body.map_or(0, |body| body.len()));
        }
        (id, self.generation)
    }

    pub(super) fn receive(&mut self, id: u64, generation: u64, body: Option<Bytes>, length: usize, hash: String) {
        let floor = self.body_floor;
        let Some(request) = self.find(id, generation) else { return };
        request.body_bytes = length;
        request.body_sha256 = hash;
        if id < floor {
            return;
        }
        request.body = body;
        self.body_bytes += self.find(id, generation).and_then(|request| request.body.as_ref()).map_or(0, Bytes::len);
        while self.body_bytes > self.max_body_bytes && self.body_floor < self.next_id {
            let oldest = self.body_floor;
            let freed = self.find(oldest, generation).and_then(|request| request.body.take());
            self.body_bytes = self.body_bytes.saturating_sub(freed.map_or(0, |body| body.len()));
            let first = self.requests.front().map_or(self.next_id, |request| request.id);
            self.body_floor = (oldest + 1).max(first);
        }
    }

    pub(super) fn answer(&mut self, id: u64, generation: u64, status: u16) {
        if let Some(request) = self.find(id, generation) {
            request.status = Some(status);
        }
    }

    pub(super) fn limit(&mut self, generation: u64) {
        if generation == self.generation {
            self.counts.limited += 1;
        }
    }

    /// Replaces what this call reported `before`.
    pub(super) fn report(&mut self, id: u64, generation: u64, before: Tokens, tokens: Tokens) {
        if generation != self.generation {
            return;
        }
        let totals = &mut self.totals;
        totals.prompt_tokens = totals.prompt_tokens.saturating_sub(before.prompt_tokens) + tokens.prompt_tokens;
        totals.completion_tokens =
            totals.completion_tokens.saturating_sub(before.completion_tokens) + tokens.completion_tokens;
        totals.cached_tokens = totals.cached_tokens.saturating_sub(before.cached_tokens) + tokens.cached_tokens;
        totals.reasoning_tokens =
            totals.reasoning_tokens.saturating_sub(before.reasoning_tokens) + tokens.reasoning_tokens;
        if let Some(request) = self.find(id, generation) {
            request.reported = Some(tokens);
        }
    }

    pub(super) fn end(&mut self, id: u64, generation: u64, outcome: Outcome) {
        if generation != self.generation {
            return;
        }
        self.counts.active = self.counts.active.saturating_sub(1);
        match outcome {
            Outcome::Active => {}
            Outcome::Completed => self.counts.completed += 1,
            Outcome::Cancelled => self.counts.cancelled += 1,
            Outcome::Faulted => self.counts.faulted += 1,
        }
        if let Some(request) = self.find(id, generation) {
            request.outcome = outcome;
        }
    }

    fn find(&mut self, id: u64, generation: u64) -> Option<&mut ReceivedRequest> {
        if generation != self.generation {
            return None;
        }
        let first = self.requests.front()?.id;
        let index = usize::try_from(id.checked_sub(first)?).ok()?;
        self.requests.get_mut(index)
    }
}

fn head_bytes(request: &ReceivedRequest) -> usize {
    request.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() + request.path.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(store: &mut Store, id: u64, length: usize) {
        store.receive(id, 0, Some(Bytes::from(vec![b'x'; length])), length, "hash".to_owned());
    }

    fn kept(store: &Store) -> Vec<(u64, bool)> {
        store.requests.iter().map(|request| (request.id, request.body.is_some())).collect()
    }

    #[test]
    fn the_oldest_requests_and_bodies_go_first() {
        let mut store = Store::new(3, 10, 1000);
        for id in 1..=3 {
            assert_eq!(store.begin("/p".to_owned(), Vec::new(), Instant::now()), (id, 0));
            body(&mut store, id, 4);
        }
        assert_eq!(kept(&store), [(1, false), (2, true), (3, true)]);
        store.begin("/p".to_owned(), Vec::new(), Instant::now());
        store.begin("/p".to_owned(), Vec::new(), Instant::now());
        assert_eq!(kept(&store), [(3, true), (4, false), (5, false)]);
        body(&mut store, 5, 10);
        body(&mut store, 4, 1);
        // Request 4 came before one whose body filled the budget: it is below the floor or pushes that one out.
        assert!(store.body_bytes <= 10);
        assert_eq!(store.counts.calls, 5);
    }

    #[test]
    fn heads_are_bounded_in_bytes() {
        let mut store = Store::new(100, 10, 30);
        for _ in 0..5 {
            store.begin("/ten-bytes".to_owned(), Vec::new(), Instant::now());
        }
        assert_eq!(kept(&store), [(3, false), (4, false), (5, false)]);
        assert_eq!(store.head_bytes, 30);
    }

    #[test]
    fn a_call_that_left_the_window_still_counts() {
        let mut store = Store::new(1, 10, 1000);
        store.begin("/p".to_owned(), Vec::new(), Instant::now());
        store.begin("/p".to_owned(), Vec::new(), Instant::now());
        store.report(1, 0, Tokens::default(), Tokens { prompt_tokens: 2, completion_tokens: 3, ..Tokens::default() });
        store.end(1, 0, Outcome::Completed);
        assert_eq!(store.counts, Counts { calls: 2, active: 1, completed: 1, ..Counts::default() });
        assert_eq!(store.totals, Tokens { prompt_tokens: 2, completion_tokens: 3, ..Tokens::default() });
    }
}
