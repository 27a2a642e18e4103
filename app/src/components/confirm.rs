//! Asking before something that cannot be undone.

use leptos::prelude::*;

use super::{Glyph, Icon};
use crate::browser;
use crate::preferences::use_locale;
use crate::translations::td_string;

/// A button that opens a dialog, and the dialog with the form that does it.
///
/// Browsers with invoker commands open and close the dialog without JavaScript.
#[component]
pub(crate) fn Confirm(
    /// Id of the dialog, one of its kind on the page.
    id: String,
    /// What the button says to a screen reader: the deed and what it is done to.
    #[prop(into)]
    label: String,
    /// What the button shows; an icon if it is empty.
    #[prop(into, optional)]
    caption: String,
    /// The question.
    #[prop(into)]
    title: String,
    /// What will happen.
    #[prop(into)]
    text: String,
    /// What the button says that leaves everything as it is; "Cancel" if it is empty.
    #[prop(into, optional)]
    keep: String,
    /// The form with the button that does it.
    children: Children,
) -> impl IntoView {
    let locale = use_locale();
    let title_id = format!("{id}-title");
    let text_id = format!("{id}-text");
    let open = {
        let id = id.clone();
        move |_| browser::show_dialog(&id)
    };
    let close = {
        let id = id.clone();
        move |_| browser::close_dialog(&id)
    };
    // What came of it is said on the page, which the dialog would hide.
    let close_after_sending = {
        let id = id.clone();
        move |_| browser::close_dialog(&id)
    };
    let keep = if keep.is_empty() { td_string!(locale, common.cancel).to_owned() } else { keep };
    let face = if caption.is_empty() { view! { <Icon glyph=Glyph::Delete /> }.into_any() } else { caption.into_any() };
    view! {
        <button
            type="button"
            class="btn btn-ghost btn-sm text-error"
            command="show-modal"
            commandfor=id.clone()
            aria-label=label.clone()
            title=label
            on:click=open
        >
            {face}
        </button>
        <dialog
            id=id
            class="modal modal-bottom sm:modal-middle"
            aria-labelledby=title_id
            aria-describedby=text_id
            on:submit=close_after_sending
        >
            <div class="modal-box border border-base-300 text-left whitespace-normal">
                <h2 id=title_id.clone() class="text-lg font-semibold break-words">
                    {title}
                </h2>
                <p id=text_id.clone() class="quiet mt-2">
                    {text}
                </p>
                <div class="modal-action">
                    <button type="button" class="btn" command="close" commandfor=id.clone() on:click=close autofocus>
                        {keep}
                    </button>
                    {children()}
                </div>
            </div>
        </dialog>
    }
    .into_any()
}
