//! What only the browser can do: focus, clipboard, dialogs, local time.
//!
//! Called from effects and event handlers only, never while rendering; on the server nothing here runs.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlDialogElement, HtmlElement, HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement};

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

/// Opens a `<dialog>` above the page, unless it is open already.
pub(crate) fn open_dialog(id: &str) {
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

/// Loads what draws charts, unless it is there already. Only pages with charts do.
pub(crate) fn load_charts() {
    const ID: &str = "charts";
    let document = document();
    if document.get_element_by_id(ID).is_some() {
        return;
    }
    // It stands beside the style sheet, whose address has the hash of the whole bundle.
    let style_sheet = document.query_selector("link[rel=stylesheet][href$='/sluice.css']").ok().flatten();
    let Some(address) = style_sheet.and_then(|link| link.get_attribute("href")) else { return };
    if let (Ok(script), Some(head)) = (document.create_element("script"), document.head()) {
        _ = script.set_attribute("id", ID);
        _ = script.set_attribute("type", "module");
        _ = script.set_attribute("src", &address.replace("/sluice.css", "/charts.js"));
        _ = head.append_child(&script);
    }
}

/// The browser's time zone by its IANA name.
pub(crate) fn time_zone() -> Option<String> {
    let options = js_sys::Intl::DateTimeFormat::new(&js_sys::Array::new(), &js_sys::Object::new()).resolved_options();
    js_sys::Reflect::get(&options, &JsValue::from_str("timeZone")).ok()?.as_string()
}

/// Sends the form that a field belongs to, as its button does.
pub(crate) fn submit_form_of(event: &web_sys::Event) {
    let select = event.target().and_then(|target| target.dyn_into::<HtmlSelectElement>().ok());
    if let Some(form) = select.and_then(|select| select.form()) {
        _ = form.request_submit();
    }
}

/// The browser's clock, in milliseconds since 1970 UTC.
pub(crate) fn now_ms() -> i64 {
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "a whole number far below 2^53")]
    let now = js_sys::Date::now() as i64;
    now
}
