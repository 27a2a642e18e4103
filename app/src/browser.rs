//! What only the browser can do: focus, clipboard, dialogs, local time, the live feed.
//!
//! Called from effects and event handlers only, never while rendering; on the server nothing here runs.

use std::cell::Cell;
use std::rc::Rc;

use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{EventSource, HtmlDialogElement, HtmlElement, HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement};

/// How long to wait before a live feed that the browser gave up is opened again.
const REOPEN_AFTER: std::time::Duration = std::time::Duration::from_secs(5);

/// `lang` and `data-theme` of the page as the server wrote them.
#[cfg(not(feature = "ssr"))]
pub(crate) fn root_attributes() -> (Option<String>, Option<String>) {
    let root = document().document_element();
    let attribute = |name: &str| root.as_ref().and_then(|root| root.get_attribute(name));
    (attribute("lang"), attribute("data-theme"))
}

/// Tells tests and style sheets that the page answers to events.
pub(crate) fn mark_hydrated() {
    if let Some(body) = document().body() {
        _ = body.set_attribute("data-hydrated", "");
    }
}

/// Puts a theme on the page; none follows the operating system.
pub(crate) fn set_theme(value: Option<&str>) {
    if let Some(root) = document().document_element() {
        _ = match value {
            Some(value) => root.set_attribute("data-theme", value),
            None => root.remove_attribute("data-theme"),
        };
    }
}

fn element<T: JsCast>(id: &str) -> Option<T> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

/// Moves the focus to an element, and opens the `<details>` that hides it.
pub(crate) fn focus(id: &str) {
    let Some(target) = element::<HtmlElement>(id) else { return };
    if let Ok(Some(details)) = target.closest("details") {
        _ = details.set_attribute("open", "");
    }
    _ = target.focus();
}

/// Whether buttons open and close dialogs by themselves (`command` and `commandfor`).
fn has_invoker_commands() -> bool {
    document()
        .create_element("button")
        .is_ok_and(|button| js_sys::Reflect::has(&button, &JsValue::from_str("commandForElement")).unwrap_or(false))
}

/// Opens a `<dialog>` for a button of a browser that has no invoker commands.
pub(crate) fn show_dialog(id: &str) {
    if has_invoker_commands() {
        return;
    }
    if let Some(dialog) = element::<HtmlDialogElement>(id).filter(|dialog| !dialog.open()) {
        _ = dialog.show_modal();
    }
}

/// Closes a `<dialog>`, unless it is closed already.
pub(crate) fn close_dialog(id: &str) {
    if let Some(dialog) = element::<HtmlDialogElement>(id).filter(HtmlDialogElement::open) {
        dialog.close();
    }
}

/// What is entered in an input, a select or a text area; empty if there is no such element.
pub(crate) fn value(id: &str) -> String {
    element::<HtmlInputElement>(id)
        .map(|field| field.value())
        .or_else(|| element::<HtmlSelectElement>(id).map(|field| field.value()))
        .or_else(|| element::<HtmlTextAreaElement>(id).map(|field| field.value()))
        .unwrap_or_default()
}

/// Replaces the text of a text area.
pub(crate) fn set_area_value(id: &str, text: &str) {
    if let Some(field) = element::<HtmlTextAreaElement>(id) {
        field.set_value(text);
    }
}

/// Copies a text. Where the clipboard is closed to pages (plain http to another machine), the element with this id is
/// selected instead, and the answer is `false`.
pub(crate) fn copy(text: &str, id: &str) -> bool {
    let navigator = window().navigator();
    let clipboard = js_sys::Reflect::get(&navigator, &JsValue::from_str("clipboard"));
    if clipboard.is_ok_and(|clipboard| !clipboard.is_undefined()) {
        _ = navigator.clipboard().write_text(text);
        return true;
    }
    if let Some(field) = element::<HtmlInputElement>(id) {
        field.select();
    } else if let (Some(target), Ok(Some(selection))) = (element::<HtmlElement>(id), window().get_selection()) {
        _ = selection.select_all_children(&target);
    }
    false
}

/// A time in the person's own zone, as `2026-11-20 23:49:36`.
pub(crate) fn local_time_text(milliseconds: i64) -> String {
    // The day-month order of a locale would differ between two people who look at the same row.
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "exact for the next 285,000 years")]
    let date = js_sys::Date::new(&JsValue::from_f64(milliseconds as f64));
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        date.get_full_year(),
        date.get_month().saturating_add(1),
        date.get_date(),
        date.get_hours(),
        date.get_minutes(),
        date.get_seconds()
    )
}

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

/// An open feed; dropping it closes the connection.
struct Feed {
    source: EventSource,
    _on_open: Closure<dyn FnMut()>,
    _on_error: Closure<dyn FnMut()>,
    _on_requests: Closure<dyn FnMut()>,
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.source.set_onopen(None);
        self.source.set_onerror(None);
        self.source.close();
    }
}

/// Calls back whenever requests were recorded, while the tab is visible and the owner lives.
pub(crate) fn follow_requests(state: WriteSignal<LiveState>, on_change: impl Fn() + Copy + Send + Sync + 'static) {
    let feed = StoredValue::new_local(None::<Feed>);
    let follow = move || {
        if document().hidden() {
            feed.set_value(None);
            state.set(LiveState::Paused);
        } else {
            state.set(LiveState::Connecting);
            feed.set_value(open_feed(feed, state, on_change));
        }
    };
    follow();
    let listener = window_event_listener_untyped("visibilitychange", move |_| {
        follow();
        if !document().hidden() {
            on_change();
        }
    });
    on_cleanup(move || {
        listener.remove();
        _ = feed.try_set_value(None);
    });
}

fn open_feed(
    feed: StoredValue<Option<Feed>, LocalStorage>,
    state: WriteSignal<LiveState>,
    on_change: impl Fn() + Copy + Send + Sync + 'static,
) -> Option<Feed> {
    let source = EventSource::new("/api/live").ok()?;
    // What happened while the feed was broken is caught up with once it is open again.
    let was_interrupted = Rc::new(Cell::new(false));
    let interruption = Rc::clone(&was_interrupted);
    let on_open = Closure::new(move || {
        _ = state.try_set(LiveState::Live);
        if was_interrupted.take() {
            on_change();
        }
    });
    let broken = source.clone();
    let on_error = Closure::new(move || {
        _ = state.try_set(LiveState::Reconnecting);
        interruption.set(true);
        // The browser opens a broken feed again by itself; one that it gave up is opened anew here.
        if broken.ready_state() == EventSource::CLOSED {
            set_timeout(
                move || {
                    if feed.try_with_value(Option::is_some) == Some(true) {
                        let reopened = open_feed(feed, state, on_change);
                        _ = feed.try_set_value(reopened);
                    }
                },
                REOPEN_AFTER,
            );
        }
    });
    let on_requests = Closure::new(on_change);
    source.set_onopen(Some(as_function(&on_open)));
    source.set_onerror(Some(as_function(&on_error)));
    source.add_event_listener_with_callback("requests", as_function(&on_requests)).ok()?;
    Some(Feed { source, _on_open: on_open, _on_error: on_error, _on_requests: on_requests })
}

fn as_function(closure: &Closure<dyn FnMut()>) -> &js_sys::Function {
    closure.as_ref().unchecked_ref()
}
