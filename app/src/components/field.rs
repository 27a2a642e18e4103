//! Fields that are typed in or ticked: label, hint, input and what is wrong with it, tied together for screen readers.

use leptos::prelude::*;

use super::problems::field_id;
use crate::preferences::use_locale;
use crate::translations::td_string;

/// What describes an input: its hint and, if there is one, its problem.
pub(super) fn described_by(id: &str, has_hint: bool, has_problem: bool) -> Option<String> {
    match (has_hint, has_problem) {
        (true, true) => Some(format!("{id}-problem {id}-hint")),
        (false, true) => Some(format!("{id}-problem")),
        (true, false) => Some(format!("{id}-hint")),
        (false, false) => None,
    }
}

/// A problem until the field is edited: what was said about the old value says nothing about the new one. Also gives the
/// signal to set on every input.
pub(super) fn until_edited(problem: Signal<Option<String>>) -> (Signal<Option<String>>, RwSignal<bool>) {
    let edited = RwSignal::new(false);
    Effect::new(move || {
        problem.track();
        edited.set(false);
    });
    (Signal::derive(move || problem.get().filter(|_| !edited.get())), edited)
}

/// Label, hint and problem around an input.
#[component]
pub(super) fn FieldFrame(
    /// Id of the input.
    id: String,
    /// The label.
    label: String,
    /// Whether the field may stay empty and says so.
    optional: bool,
    /// A line of help.
    hint: String,
    /// What is wrong with it.
    problem: Signal<Option<String>>,
    /// The input.
    children: Children,
) -> impl IntoView {
    let locale = use_locale();
    let hint_id = format!("{id}-hint");
    let problem_id = format!("{id}-problem");
    view! {
        <div class="min-w-0">
            <label for=id class="mb-1 flex items-baseline gap-2 font-medium">
                {label}
                {optional.then(|| view! { <span class="quiet text-sm font-normal">{td_string!(locale, common.optional)}</span> })}
            </label>
            {children()}
            {move || {
                problem.get().map(|text| view! { <p id=problem_id.clone() class="mt-1 text-sm font-medium text-error">{text}</p> })
            }}
            {(!hint.is_empty()).then(|| view! { <p id=hint_id class="quiet mt-1 text-sm">{hint}</p> })}
        </div>
    }
    .into_any()
}

/// A line of text.
#[component]
pub(crate) fn TextField(
    /// The field as problems name it; also makes its id.
    field: &'static str,
    /// The name in the form.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// A line of help.
    #[prop(into, optional)]
    hint: String,
    /// What it holds at first.
    #[prop(into, optional)]
    value: String,
    /// What is wrong with it.
    #[prop(optional, into)]
    problem: Signal<Option<String>>,
    /// The type of the input.
    #[prop(default = "text")]
    kind: &'static str,
    /// What it could look like.
    #[prop(optional)]
    placeholder: &'static str,
    /// What the browser may fill in.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// Which keyboard a phone shows.
    #[prop(optional, into)]
    inputmode: Option<&'static str>,
    /// Whether it must be filled in.
    #[prop(optional)]
    required: bool,
    /// Whether it may stay empty and says so.
    #[prop(optional)]
    optional: bool,
    /// Whether it holds code: names, addresses, keys.
    #[prop(optional)]
    code: bool,
) -> impl IntoView {
    let id = field_id(field);
    let (problem, edited) = until_edited(problem);
    let has_hint = !hint.is_empty();
    let described = {
        let id = id.clone();
        move || described_by(&id, has_hint, problem.with(Option::is_some))
    };
    let class = if code { "input w-full font-mono text-sm" } else { "input w-full" };
    view! {
        <FieldFrame id=id.clone() label optional hint problem>
            <input
                id=id
                name=name
                type=kind
                class=class
                class:input-error=move || problem.with(Option::is_some)
                value=value
                placeholder=placeholder
                autocomplete=autocomplete
                autocapitalize="none"
                spellcheck="false"
                inputmode=inputmode
                aria-required=required.then_some("true")
                aria-invalid=move || problem.with(Option::is_some).then_some("true")
                aria-describedby=described
                on:input=move |_| edited.set(true)
            />
        </FieldFrame>
    }
    .into_any()
}

/// Several lines of text.
#[component]
pub(crate) fn AreaField(
    /// The field as problems name it; also makes its id.
    field: &'static str,
    /// The name in the form.
    name: &'static str,
    /// The label.
    #[prop(into)]
    label: String,
    /// A line of help.
    #[prop(into, optional)]
    hint: String,
    /// What it holds at first.
    #[prop(into, optional)]
    value: String,
    /// What is wrong with it.
    #[prop(optional, into)]
    problem: Signal<Option<String>>,
    /// What it could look like.
    #[prop(optional)]
    placeholder: &'static str,
    /// How many lines are seen at once.
    #[prop(default = "6")]
    rows: &'static str,
    /// Whether it must be filled in.
    #[prop(optional)]
    required: bool,
    /// Whether it may stay empty and says so.
    #[prop(optional)]
    optional: bool,
) -> impl IntoView {
    let id = field_id(field);
    let (problem, edited) = until_edited(problem);
    let has_hint = !hint.is_empty();
    let described = {
        let id = id.clone();
        move || described_by(&id, has_hint, problem.with(Option::is_some))
    };
    view! {
        <FieldFrame id=id.clone() label optional hint problem>
            <textarea
                id=id
                name=name
                rows=rows
                class="textarea w-full font-mono text-sm leading-relaxed"
                class:textarea-error=move || problem.with(Option::is_some)
                placeholder=placeholder
                autocapitalize="none"
                spellcheck="false"
                aria-required=required.then_some("true")
                aria-invalid=move || problem.with(Option::is_some).then_some("true")
                aria-describedby=described
                on:input=move |_| edited.set(true)
                // A text child would need markers for hydration, which a text area shows as text.
                inner_html=area_text(&value)
            ></textarea>
        </FieldFrame>
    }
    .into_any()
}

/// A text as the content of a `<textarea>`.
fn area_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// A box to tick.
#[component]
pub(crate) fn CheckField(
    /// The field; makes its id.
    field: &'static str,
    /// The name in the form.
    name: &'static str,
    /// The label.
    #[prop(into)]
    label: String,
    /// A line of help.
    #[prop(into, optional)]
    hint: String,
    /// Whether it is ticked at first.
    checked: bool,
) -> impl IntoView {
    let id = field_id(field);
    let has_hint = !hint.is_empty();
    let hint_id = format!("{id}-hint");
    view! {
        <div class="flex items-start gap-3">
            <input
                id=id.clone()
                name=name
                type="checkbox"
                value="true"
                class="checkbox checkbox-primary checkbox-sm mt-0.5"
                checked=checked
                autocomplete="off"
                aria-describedby=has_hint.then(|| hint_id.clone())
            />
            <div class="min-w-0">
                <label for=id class="font-medium">
                    {label}
                </label>
                {has_hint.then(|| view! { <p id=hint_id class="quiet text-sm">{hint}</p> })}
            </div>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_inside_its_area() {
        assert_eq!(area_text("a</textarea><b> & c"), "a&lt;/textarea>&lt;b> &amp; c");
    }

    #[test]
    fn the_problem_is_read_before_the_hint() {
        assert_eq!(described_by("f", true, true).as_deref(), Some("f-problem f-hint"));
        assert_eq!(described_by("f", false, false), None);
    }
}
