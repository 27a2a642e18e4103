//! The live feed, which keeps pages up to date.
//!
//! Followed from effects only, never while rendering; on the server nothing here runs.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use serde::de::DeserializeOwned;
use sluice::model::{RequestRate, ServerId, ServerLimitState};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent};

/// How long to wait before a live feed that the browser gave up is opened again.
const REOPEN_AFTER: Duration = Duration::from_secs(5);
/// How long a break may last before the page says that it is out of date; streams end by themselves now and then.
const STALE_AFTER: Duration = Duration::from_secs(4);

/// How the live feed is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LiveState {
    /// Not open yet.
    Connecting,
    /// Open.
    Live,
    /// Broken; it is being opened again.
    Reconnecting,
    /// The tab is hidden, so nothing is asked for.
    Paused,
}

/// Calls back whenever requests were recorded, while the tab is visible and the owner lives.
pub(crate) fn follow_requests(state: WriteSignal<LiveState>, on_change: impl Fn() + Copy + 'static) {
    follow(Plan {
        address: "/api/live".to_owned(),
        state,
        on_resume: Box::new(on_change),
        events: vec![("requests", Box::new(move |_| on_change()))],
    });
}

/// Hands over the limits of one server whenever they changed, while the tab is visible and the owner lives. What was missed
/// meanwhile is for `on_resume` to fetch.
pub(crate) fn follow_limits(
    server: ServerId,
    state: WriteSignal<LiveState>,
    on_resume: impl Fn() + 'static,
    on_states: impl Fn(Vec<ServerLimitState>) + 'static,
) {
    follow(Plan {
        address: format!("/api/live?limits={server}"),
        state,
        on_resume: Box::new(on_resume),
        events: vec![("limits", Box::new(move |event| hand_over(event, &on_states)))],
    });
}

/// The same for all servers, without the requests that wait, and how many requests end at the moment.
pub(crate) fn follow_gateway(
    state: WriteSignal<LiveState>,
    on_resume: impl Fn() + 'static,
    on_states: impl Fn(Vec<ServerLimitState>) + 'static,
    on_rate: impl Fn(RequestRate) + 'static,
) {
    follow(Plan {
        address: "/api/live?limits=all".to_owned(),
        state,
        on_resume: Box::new(on_resume),
        events: vec![
            ("limits", Box::new(move |event| hand_over(event, &on_states))),
            ("rate", Box::new(move |event| hand_over(event, &on_rate))),
        ],
    });
}

/// Reads what an event carries. What cannot be read comes from another version of the gateway; the next call says so.
fn hand_over<T: DeserializeOwned>(event: &MessageEvent, on_news: impl Fn(T)) {
    if let Some(news) = event.data().as_string().and_then(|data| serde_json::from_str(&data).ok()) {
        on_news(news);
    }
}

/// What to do with an event.
type OnEvent = Box<dyn Fn(&MessageEvent)>;

/// Which feed to follow, and what to do with it.
struct Plan {
    address: String,
    state: WriteSignal<LiveState>,
    /// The feed is open again after a break, or the tab is visible again.
    on_resume: Box<dyn Fn()>,
    /// What to do with the events of each kind.
    events: Vec<(&'static str, OnEvent)>,
}

/// An open feed; dropping it closes the connection.
struct Feed {
    source: EventSource,
    _on_open: Closure<dyn FnMut()>,
    _on_error: Closure<dyn FnMut()>,
    _on_events: Vec<Closure<dyn FnMut(MessageEvent)>>,
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.source.set_onopen(None);
        self.source.set_onerror(None);
        self.source.close();
    }
}

type Open = StoredValue<Option<Feed>, LocalStorage>;

fn follow(plan: Plan) {
    let plan = Rc::new(plan);
    let feed: Open = StoredValue::new_local(None);
    let follow = move |plan: &Rc<Plan>| {
        if document().hidden() {
            feed.set_value(None);
            plan.state.set(LiveState::Paused);
        } else {
            plan.state.set(LiveState::Connecting);
            feed.set_value(open(feed, plan, false));
        }
    };
    follow(&plan);
    let listener = window_event_listener_untyped("visibilitychange", move |_| {
        follow(&plan);
        if !document().hidden() {
            (plan.on_resume)();
        }
    });
    on_cleanup(move || {
        listener.remove();
        _ = feed.try_set_value(None);
    });
}

fn open(feed: Open, plan: &Rc<Plan>, interrupted: bool) -> Option<Feed> {
    let source = EventSource::new(&plan.address).ok()?;
    // What happened while the feed was broken is caught up with once it is open again.
    let was_interrupted = Rc::new(Cell::new(interrupted));
    let on_open = {
        let (plan, was_interrupted) = (Rc::clone(plan), Rc::clone(&was_interrupted));
        Closure::new(move || {
            _ = plan.state.try_set(LiveState::Live);
            if was_interrupted.take() {
                (plan.on_resume)();
            }
        })
    };
    let on_error = {
        let (plan, source) = (Rc::clone(plan), source.clone());
        Closure::new(move || {
            _ = plan.state.try_set(LiveState::Reconnecting);
            was_interrupted.set(true);
            // The browser opens a broken feed again by itself; one that it gave up is opened anew here.
            if source.ready_state() == EventSource::CLOSED {
                reopen_later(feed, Rc::clone(&plan));
            }
        })
    };
    source.set_onopen(Some(as_function(&on_open)));
    source.set_onerror(Some(as_function(&on_error)));
    let mut on_events = Vec::with_capacity(plan.events.len());
    for (index, (kind, _)) in plan.events.iter().enumerate() {
        let plan = Rc::clone(plan);
        let on_event = Closure::new(move |event: MessageEvent| {
            if let Some((_, on_event)) = plan.events.get(index) {
                on_event(&event);
            }
        });
        source.add_event_listener_with_callback(kind, on_event.as_ref().unchecked_ref()).ok()?;
        on_events.push(on_event);
    }
    Some(Feed { source, _on_open: on_open, _on_error: on_error, _on_events: on_events })
}

/// Opens a feed anew that the browser gave up.
fn reopen_later(feed: Open, plan: Rc<Plan>) {
    set_timeout(
        move || {
            if feed.try_with_value(Option::is_some) == Some(true) {
                _ = feed.try_set_value(open(feed, &plan, true));
            }
        },
        REOPEN_AFTER,
    );
}

fn as_function(closure: &Closure<dyn FnMut()>) -> &js_sys::Function {
    closure.as_ref().unchecked_ref()
}

/// Whether the feed has been broken for so long that the page has to say so.
pub(crate) fn staleness(feed: ReadSignal<LiveState>) -> ReadSignal<bool> {
    let (stale, set_stale) = signal(false);
    let broken = Memo::new(move |_| feed.get() == LiveState::Reconnecting);
    Effect::new(move || {
        if !broken.get() {
            set_stale.set(false);
        } else if let Ok(timeout) = set_timeout_with_handle(move || _ = set_stale.try_set(true), STALE_AFTER) {
            on_cleanup(move || timeout.clear());
        }
    });
    stale
}
