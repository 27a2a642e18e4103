#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

const WINDOW: Duration = Duration::from_secs(1);

fn quota(requests: Option<u64>, tokens: Option<u64>) -> Quota {
    Quota { requests, tokens, window: WINDOW }
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A window with a beginning, and times counted from there.
struct Run {
    zero: Instant,
    window: Window,
    quota: Quota,
}

impl Run {
    fn new(requests: Option<u64>, tokens: Option<u64>) -> Self {
        Self { zero: Instant::now() + ms(60_000), window: Window::default(), quota: quota(requests, tokens) }
    }

    /// A request that is decided as soon as it arrives.
    fn take(&mut self, at: u64, tokens: u64) -> Result<(), Refusal> {
        self.take_late(at, tokens, at)
    }

    fn take_late(&mut self, at: u64, tokens: u64, now: u64) -> Result<(), Refusal> {
        self.window.take(Ask { at: self.zero + ms(at), tokens }, &self.quota, self.zero + ms(now))
    }

    fn standing(&self, now: u64) -> Standing {
        self.window.standing(&self.quota, self.zero + ms(now))
    }
}

#[test]
fn a_place_is_free_again_exactly_one_window_later() {
    let mut run = Run::new(Some(2), None);
    run.take(0, 5).unwrap();
    run.take(400, 5).unwrap();
    let refusal = run.take(600, 5).unwrap_err();
    let expected = Refusal { limit: Limit::Requests, granted: 2, used: 2, requested: 1, retry_after: Some(ms(400)) };
    assert_eq!(refusal, expected);
    assert_eq!(run.take(999, 5).unwrap_err().retry_after, Some(ms(1)));
    run.take(1000, 5).unwrap();
    assert_eq!(run.take(1001, 5).unwrap_err().retry_after, Some(ms(399)));
    run.take(1400, 5).unwrap();
}

#[test]
fn tokens_are_counted_and_a_smaller_request_fits_sooner() {
    let mut run = Run::new(None, Some(10));
    run.take(0, 4).unwrap();
    run.take(100, 6).unwrap();
    let refusal = run.take(200, 4).unwrap_err();
    assert_eq!((refusal.limit, refusal.used, refusal.requested), (Limit::Tokens, 10, 4));
    assert_eq!(refusal.retry_after, Some(ms(800)));
    assert_eq!(run.take(200, 5).unwrap_err().retry_after, Some(ms(900)));
    run.take(200, 0).unwrap();
    run.take(1000, 4).unwrap();
}

#[test]
fn a_request_that_is_larger_than_the_quota_is_never_taken() {
    let mut run = Run::new(Some(5), Some(10));
    assert_eq!(run.take(0, 11).unwrap_err().retry_after, None);
    assert_eq!(run.window.len(), 0);
}

#[test]
fn the_later_of_two_limits_decides_when_to_come_back() {
    let mut run = Run::new(Some(2), Some(10));
    run.take(0, 1).unwrap();
    run.take(300, 9).unwrap();
    let refusal = run.take(400, 5).unwrap_err();
    assert_eq!((refusal.limit, refusal.retry_after), (Limit::Requests, Some(ms(900))));
}

#[test]
fn what_is_decided_late_counts_from_its_arrival() {
    let mut run = Run::new(Some(2), None);
    run.take(500, 0).unwrap();
    run.take_late(100, 0, 600).unwrap();
    // Arrived first, decided last: the window from 100 to 1100 would have three.
    assert!(run.take_late(50, 0, 700).is_err());
    assert!(run.take(1099, 0).is_err());
    run.take(1100, 0).unwrap();
}

#[test]
fn a_body_that_takes_for_ever_counts_from_later() {
    let mut run = Run::new(Some(1), None);
    let decided = 5 * 60_000;
    run.take(decided - 10_500, 0).unwrap();
    // From its arrival it would have room, but what was there then is forgotten.
    assert!(run.take_late(0, 0, decided).is_err());
    run.take_late(0, 0, decided + 500).unwrap();
}

#[test]
fn standing_tells_what_is_left_and_when_all_of_it_is() {
    let mut run = Run::new(Some(3), Some(10));
    let whole = |limit| Some(Room { limit, remaining: limit, reset: Duration::ZERO });
    assert_eq!(run.standing(0), Standing { requests: whole(3), tokens: whole(10) });
    run.take(0, 4).unwrap();
    run.take(250, 1).unwrap();
    let standing = run.standing(500);
    assert_eq!(standing.requests, Some(Room { limit: 3, remaining: 1, reset: ms(750) }));
    assert_eq!(standing.tokens, Some(Room { limit: 10, remaining: 5, reset: ms(750) }));
    assert_eq!(run.standing(1000).requests, Some(Room { limit: 3, remaining: 2, reset: ms(250) }));
    assert_eq!(run.standing(1250), Standing { requests: whole(3), tokens: whole(10) });
    run.quota.tokens = None;
    assert_eq!(run.standing(500).tokens, None);
}

#[test]
fn what_no_window_needs_is_forgotten() {
    let mut run = Run::new(Some(1), None);
    for second in 0..100 {
        run.take(second * 1000, 0).unwrap();
    }
    assert_eq!(run.window.len(), 11);
}

/// A generator of numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn no_window_ever_holds_more_than_is_granted() {
    let mut numbers = Numbers(3);
    for _ in 0..50 {
        let (requests, tokens) = (1 + numbers.below(8), 10 + numbers.below(60));
        let mut run = Run::new(Some(requests), Some(tokens));
        let (mut now, mut taken, mut refused) = (0, Vec::new(), 0);
        for _ in 0..400 {
            now += numbers.below(200);
            // Some are decided up to 300 ms after they arrived, past others.
            let (at, cost) = (now.saturating_sub(numbers.below(300)), numbers.below(20));
            match run.take_late(at, cost, now) {
                Ok(()) => taken.push((at, cost)),
                Err(refusal) => {
                    refused += 1;
                    if let Some(wait) = refusal.retry_after {
                        // What is told is true, and not a moment too late.
                        now += u64::try_from(wait.as_millis()).unwrap();
                        assert!(wait <= ms(1) || run.take(now - 1, cost).is_err());
                        run.take(now, cost).unwrap();
                        taken.push((now, cost));
                    }
                }
            }
        }
        assert!(refused > 20 && taken.len() > 50, "{refused} refused, {} taken", taken.len());
        for (end, _) in &taken {
            let inside = || taken.iter().filter(|(at, _)| at <= end && at + 1000 > *end);
            assert!(u64::try_from(inside().count()).unwrap() <= requests);
            assert!(inside().map(|(_, cost)| cost).sum::<u64>() <= tokens);
        }
    }
}
