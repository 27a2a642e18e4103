//! A choice between a few things.

use leptos::prelude::*;

use super::field::{FieldFrame, described_by, until_edited};
use super::problems::field_id;

/// A choice between a few things.
#[component]
pub(crate) fn SelectField(
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
    /// What can be chosen: the value in the form, and what it is called.
    options: Vec<(&'static str, &'static str)>,
    /// The value that is chosen at first.
    chosen: &'static str,
    /// What is wrong with it.
    #[prop(optional, into)]
    problem: Signal<Option<String>>,
) -> impl IntoView {
    let id = field_id(field);
    let (problem, edited) = until_edited(problem);
    let has_hint = !hint.is_empty();
    let described = {
        let id = id.clone();
        move || described_by(&id, has_hint, problem.with(Option::is_some))
    };
    let options = options
        .into_iter()
        .map(|(value, label)| {
            view! {
                <option value=value selected={value == chosen}>
                    {label}
                </option>
            }
        })
        .collect_view();
    view! {
        <FieldFrame id=id.clone() label optional=false hint problem>
            <select
                id=id
                name=name
                class="select w-full"
                class:select-error=move || problem.with(Option::is_some)
                autocomplete="off"
                aria-invalid=move || problem.with(Option::is_some).then_some("true")
                aria-describedby=described
                on:change=move |_| edited.set(true)
            >
                {options}
            </select>
        </FieldFrame>
    }
    .into_any()
}
