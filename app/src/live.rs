//! The live feed, which keeps pages up to date.
//!
//! Followed from effects only, never while rendering; on the server nothing here runs.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use sluice::model::{ServerId, ServerLimitState};
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
        event: "requests",
        state,
        on_resume: Box::new(on_change),
        on_event: Box::new(move |_| on_change()),
    });
}

/// Hands over the limits of one server or, without the requests that wait, of all of them whenever they changed, while
/// the tab is visible and the owner lives. What was missed meanwhile is for `on_resume` to fetch.
pub(crate) fn follow_limits(
    server: Option<ServerId>,
    state: WriteSignal<LiveState>,
    on_resume: impl Fn() + 'static,
    on_states: impl Fn(Vec<ServerLimitState>) + 'static,
) {
    let scope = server.map_or_else(|| "all".to_owned(), |id| id.to_string());
    follow(Plan {
        address: format!("/api/live?limits={scope}"),
        event: "limits",
        state,
        on_resume: Box::new(on_resume),
        on_event: Box::new(move |event| {
            // What cannot be read comes from another version of the gateway; the next call says so.
            if let Some(states) = event.data().as_string().and_then(|data| serde_json::from_str(&data).ok()) {
                on_states(states);
            }
        }),
    });
}

/// Which feed to follow, and what to do with it.
struct Plan {
    address: String,
    event: &'static str,
    state: WriteSignal<LiveState>,
    /// The feed is open again after a break, or the tab is visible again.
    on_resume: Box<dyn Fn()>,
    on_event: Box<dyn Fn(&MessageEvent)>,
}

/// An open feed; dropping it closes the connection.
struct Feed {
    source: EventSource,
    _on_open: Closure<dyn FnMut()>,
    _on_error: Closure<dyn FnMut()>,
    _on_event: Closure<dyn FnMut(MessageEvent)>,
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
    let on_event = {
        let plan = Rc::clone(plan);
        Closure::new(move |event: MessageEvent| (plan.on_event)(&event))
    };
    source.set_onopen(Some(as_function(&on_open)));
    source.set_onerror(Some(as_function(&on_error)));
    source.add_event_listener_with_callback(plan.event, on_event.as_ref().unchecked_ref()).ok()?;
    Some(Feed { source, _on_open: on_open, _on_error: on_error, _on_event: on_event })
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
