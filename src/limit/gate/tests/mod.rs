//! Waiting as futures do it, in tokio's virtual time, through the limiter that the proxy uses.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod interleavings;

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::time::{advance, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::*;
use crate::catalog::{AppEntry, ServerEntry, Snapshot, SnapshotParts};
use crate::limit::{Limiter, LocalLimiter};
use crate::model::{AppId, LimitName, Limits, Priority, ProviderKind, QueuePolicy, ServerId, Timeouts, UpstreamQuota};
use crate::storage::RecentUse;

const SERVER: Owner = Owner::Server(ServerId(1));
const APP: Owner = Owner::App(AppId(1));

fn snapshot(revision: i64, limits: Limits, usable: bool) -> Snapshot {
    let server = ServerEntry {
        id: ServerId(1),
        name: "one".to_owned(),
        provider: ProviderKind::OpenAi,
        base_url: url::Url::parse("http://127.0.0.1/v1").unwrap(),
        api_key: None,
        models: vec![("model".to_owned(), "model".to_owned())],
        usable,
        request_stream_usage: true,
        timeouts: Timeouts::default(),
        limits,
        queue: QueuePolicy { deadline_ms: 90_000, ..QueuePolicy::default() },
    };
    let app = AppEntry {
        id: AppId(1),
        name: "app".to_owned(),
        enabled: true,
        limits: Limits::default(),
        budgets: Vec::new(),
    };
    Snapshot::new(SnapshotParts { revision, servers: vec![server], apps: vec![app], ..SnapshotParts::default() })
}

fn requests(limit: u32) -> Limits {
    Limits { requests_per_minute: Some(limit), ..Limits::default() }
}

fn limiter(limits: Limits) -> LocalLimiter {
    let limiter = LocalLimiter::new(Duration::from_mins(1), 100);
    limiter.apply(&snapshot(1, limits, true));
    limiter
}

fn ask() -> Ask {
    Ask {
        id: Uuid::now_v7(),
        app_name: Arc::from("app"),
        model: Arc::from("model"),
        input_tokens: 10,
        output_tokens: 10,
        output_is_bound: false,
        priority: Priority::Normal,
    }
}

fn since_now() -> Patience {
    Patience::Since { began: Instant::now(), deadline: None, returns: None }
}

fn sent(limiter: &LocalLimiter) -> Permit {
    let Admission::Admitted(mut permit) = limiter.admit(SERVER, &ask(), since_now()) else { panic!("no room") };
    permit.sent();
    permit
}

fn waiting(limiter: &LocalLimiter) -> BoxFuture<'static, Result<Permit, Refusal>> {
    let Admission::Waiting { permit, .. } = limiter.admit(SERVER, &ask(), since_now()) else {
        panic!("it need not wait")
    };
    permit
}

async fn waiters(limiter: &LocalLimiter) -> u32 {
    limiter.servers().await.first().map_or(0, |server| server.state.queue.waiting)
}

#[tokio::test(start_paused = true)]
async fn sleeps_until_the_window_frees_and_not_longer() {
    let limiter = limiter(requests(1));
    let began = Instant::now();
    let first = sent(&limiter);
    waiting(&limiter).await.unwrap().sent();
    let waited = began.elapsed();
    assert!((Duration::from_mins(1)..Duration::from_millis(60_500)).contains(&waited), "{waited:?}");
    drop(first);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_given_back_goes_to_the_first_at_once() {
    let limiter = limiter(Limits { concurrency: Some(1), ..Limits::default() });
    let first = sent(&limiter);
    let (mut second, mut third) = (waiting(&limiter), waiting(&limiter));
    assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
    first.settle(Settled::Known(20));
    assert!((&mut third).now_or_never().is_none());
    drop(second.await.unwrap());
    drop(third.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn who_leaves_frees_its_place_at_once_and_the_next_one_wakes_in_time() {
    let limiter = limiter(requests(1));
    let began = Instant::now();
    let _first = sent(&limiter);
    let mut leader = waiting(&limiter);
    assert!((&mut leader).now_or_never().is_none());
    let second = tokio::spawn(waiting(&limiter));
    tokio::task::yield_now().await;
    assert_eq!(waiters(&limiter).await, 2);
    advance(Duration::from_secs(10)).await;
    drop(leader);
    assert_eq!(waiters(&limiter).await, 1);
    second.await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(61), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_sent_counts_nowhere() {
    let limiter = limiter(requests(1));
    for _ in 0..3 {
        let Admission::Admitted(permit) = limiter.admit(SERVER, &ask(), since_now()) else { panic!("no room") };
        drop(permit);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_held_counts_until_it_is_sent_and_a_window_from_then_on() {
    let limiter = limiter(requests(1));
    let Admission::Admitted(mut held) = limiter.admit(SERVER, &ask(), since_now()) else { panic!("no room") };
    advance(Duration::from_mins(5)).await;
    assert!(timeout(Duration::from_secs(80), waiting(&limiter)).await.is_err());
    let sent_at = Instant::now();
    held.sent();
    drop(held);
    waiting(&limiter).await.unwrap();
    assert!(sent_at.elapsed() >= Duration::from_mins(1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_switched_off_lets_its_waiters_go_elsewhere() {
    let limiter = limiter(requests(1));
    let _first = sent(&limiter);
    let waiter = tokio::spawn(waiting(&limiter));
    tokio::task::yield_now().await;
    limiter.apply(&snapshot(2, requests(1), false));
    assert_eq!(waiter.await.unwrap().unwrap_err(), Refusal::Gone);
    // An older configuration does not come back.
    limiter.apply(&snapshot(1, requests(5), true));
    assert!(matches!(limiter.admit(SERVER, &ask(), Patience::None), Admission::Refused(Refusal::Gone)));
    limiter.apply(&snapshot(3, requests(1), true));
    assert!(matches!(limiter.admit(SERVER, &ask(), Patience::None), Admission::Refused(Refusal::NoRoom { .. })));
    limiter.apply(&Snapshot::new(SnapshotParts { revision: 4, ..SnapshotParts::default() }));
    assert!(matches!(limiter.admit(SERVER, &ask(), Patience::None), Admission::Refused(Refusal::Gone)));
}

#[tokio::test(start_paused = true)]
async fn strangers_make_no_state_and_idle_apps_keep_none() {
    let limiter = limiter(requests(1));
    for id in 2..100 {
        assert!(matches!(
            limiter.admit(Owner::App(AppId(id)), &ask(), Patience::None),
            Admission::Refused(Refusal::Gone)
        ));
    }
    assert!(limiter.state(Owner::App(AppId(50))).await.is_none());
    let Admission::Admitted(mut permit) = limiter.admit(APP, &ask(), Patience::None) else { panic!("no room") };
    permit.sent();
    drop(permit);
    let kept = limiter.state(APP).await.unwrap();
    assert_eq!((kept.requests.used, kept.tokens.used), (1, 20));
    let shutdown = CancellationToken::new();
    let keeps = limiter.keep_tidy(shutdown.clone());
    let looks = async {
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert_eq!(limiter.gate_count(), 1);
        tokio::time::sleep(Duration::from_secs(62)).await;
        assert_eq!(limiter.gate_count(), 0);
        shutdown.cancel();
    };
    tokio::join!(keeps, looks);
}

#[tokio::test(start_paused = true)]
async fn a_restart_does_not_reopen_a_window() {
    let limiter = limiter(requests(3));
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let recent = |age: i64, attempts| RecentUse {
        app_id: Some(AppId(1)),
        key_id: None,
        server_id: Some(ServerId(1)),
        attempts,
        sent_at_ms: now_ms - age * 1000,
        ended_at_ms: now_ms - age * 1000 + 500,
        charged_tokens: 10,
    };
    // One lies in the future: the clock was set back.
    limiter.remember(&[recent(-5, 1), recent(30, 1), recent(59, 1), recent(70, 7)]);
    let (server, app) = (limiter.servers().await, limiter.state(APP).await.unwrap());
    assert_eq!((server[0].state.requests.used, server[0].state.tokens.used), (3, 30));
    assert_eq!((app.requests.used, app.tokens.used), (3, 30));
    let began = Instant::now();
    waiting(&limiter).await.unwrap();
    assert!((Duration::from_millis(900)..Duration::from_secs(2)).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_views_say_who_waits_and_for_how_long() {
    let limiter = limiter(requests(1));
    let _first = sent(&limiter);
    let mut waiter = waiting(&limiter);
    assert!((&mut waiter).now_or_never().is_none());
    advance(Duration::from_secs(20)).await;
    limiter.pause(ServerId(1), Duration::from_secs(50));
    limiter.observe(ServerId(1), UpstreamQuota { limit_requests: Some(7), ..UpstreamQuota::default() });
    let servers = limiter.servers().await;
    let [server] = servers.as_slice() else { panic!("{servers:?}") };
    assert_eq!((server.state.requests.used, server.state.requests.limit), (1, Some(1)));
    let frees_in = server.state.requests.frees_in_ms.unwrap();
    assert!((40_000..40_300).contains(&frees_in), "{frees_in}");
    assert_eq!(server.paused_ms, Some(50_000));
    assert_eq!(server.upstream.unwrap().limit_requests, Some(7));
    assert_eq!((server.state.queue.waiting, server.state.queue.capacity), (1, 100));
    assert_eq!(server.state.queue.oldest_ms, Some(20_000));
    let [view] = server.state.queue.waiters.as_slice() else { panic!("{server:?}") };
    assert_eq!(
        (view.app_name.as_str(), view.model.as_str(), view.waited_ms, view.tokens),
        ("app", "model", 20_000, 20)
    );
    let id: Uuid = view.id.parse().unwrap();
    assert!(limiter.cancel(ServerId(1), id).await);
    assert!(!limiter.cancel(ServerId(1), id).await);
    assert_eq!(waiter.await.unwrap_err(), Refusal::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn headroom_is_what_is_left() {
    let limits = Limits { requests_per_minute: Some(5), tokens_per_minute: Some(100), concurrency: None };
    let limiter = limiter(limits);
    let permit = sent(&limiter);
    let headroom = permit.headroom();
    let (requests, tokens) = (headroom.requests.unwrap(), headroom.tokens.unwrap());
    assert_eq!((requests.limit, requests.remaining), (5, 4));
    assert_eq!((tokens.limit, tokens.remaining), (100, 80));
    assert!((60..61).contains(&requests.reset.as_secs()), "{:?}", requests.reset);
    assert_eq!(permit.settle(Settled::Known(7)), 7);
    assert_eq!(sent(&limiter).headroom().tokens.unwrap().remaining, 73);
}

#[tokio::test(start_paused = true)]
async fn somebody_who_waits_and_a_drain_end_together() {
    let limiter = limiter(requests(1));
    let _first = sent(&limiter);
    let began = Instant::now();
    limiter.drain(began + Duration::from_secs(15));
    assert_eq!(waiting(&limiter).await.unwrap_err(), Refusal::ShuttingDown);
    assert_eq!(began.elapsed().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn the_limit_that_is_named_is_the_one_in_the_way() {
    for (limits, expected) in [
        (requests(1), LimitName::ServerRequests),
        (Limits { tokens_per_minute: Some(30), ..Limits::default() }, LimitName::ServerTokens),
        (Limits { concurrency: Some(1), ..Limits::default() }, LimitName::ServerConcurrency),
    ] {
        let limiter = limiter(limits);
        let _first = sent(&limiter);
        let Admission::Waiting { limit, .. } = limiter.admit(SERVER, &ask(), since_now()) else { panic!("room") };
        assert_eq!(limit, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn who_leads_the_line_learns_when_what_was_held_is_sent() {
    let limiter = limiter(requests(1));
    let Admission::Admitted(mut first) = limiter.admit(SERVER, &ask(), since_now()) else { panic!("no room") };
    let second = tokio::spawn(waiting(&limiter));
    tokio::task::yield_now().await;
    advance(Duration::from_secs(1)).await;
    let sent_at = Instant::now();
    first.sent();
    // The first goes on for long; nothing else happens.
    let _second = second.await.unwrap().unwrap();
    let waited = sent_at.elapsed();
    assert!((Duration::from_mins(1)..Duration::from_millis(60_500)).contains(&waited), "{waited:?}");
    drop(first);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_again_counts_from_then_on_and_once() {
    let limiter = limiter(requests(2));
    let mut first = sent(&limiter);
    advance(Duration::from_secs(10)).await;
    first.sent_again();
    let sent_at = Instant::now();
    assert_eq!(limiter.servers().await[0].state.requests.used, 1);
    let _second = sent(&limiter);
    waiting(&limiter).await.unwrap();
    assert!(sent_at.elapsed() >= Duration::from_mins(1), "{:?}", sent_at.elapsed());
}

#[tokio::test(start_paused = true)]
async fn switching_a_server_off_and_on_ends_a_pause() {
    let limiter = limiter(requests(5));
    limiter.pause(ServerId(1), Duration::from_mins(5));
    assert!(matches!(limiter.admit(SERVER, &ask(), Patience::None), Admission::Refused(Refusal::NoRoom { .. })));
    limiter.apply(&snapshot(2, requests(5), false));
    limiter.apply(&snapshot(3, requests(5), true));
    assert!(matches!(limiter.admit(SERVER, &ask(), Patience::None), Admission::Admitted(_)));
}
