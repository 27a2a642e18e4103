//! What is wrong with a form: beside each field, in a summary above it, and where the focus goes.

use leptos::prelude::*;
use sluice::model::FieldProblem;

use super::{ErrorNote, Glyph, Icon};
use crate::UiError;
use crate::browser;
use crate::forms::field_name;
use crate::preferences::use_locale;
use crate::text;

/// What the last attempt to send a form came to.
#[derive(Clone, Copy)]
pub(crate) struct FormProblems {
    error: Signal<Option<UiError>>,
}

impl FormProblems {
    /// Follows an action; after every refusal the focus moves to the first field that needs another look.
    pub(crate) fn follow<T>(answer: impl Fn() -> Option<Result<T, UiError>> + Send + Sync + 'static) -> Self {
        let error = Signal::derive(move || answer().and_then(Result::err));
        Effect::new(move || {
            error.with(|error| {
                if let Some(first) = error.as_ref().and_then(|error| error.fields().first()) {
                    browser::focus(&field_id(field_name(&first.field)));
                }
            });
        });
        Self { error }
    }

    /// What is wrong with one field, in plain words.
    pub(crate) fn of(self, field: &'static str) -> Signal<Option<String>> {
        let locale = use_locale();
        Signal::derive(move || {
            self.error.with(|error| {
                let found = error.as_ref()?.fields().iter().find(|found| field_name(&found.field) == field)?;
                Some(text::problem(locale, &found.field, &found.problem))
            })
        })
    }
}

/// Id of the input that a field is entered in.
pub(crate) fn field_id(field: &str) -> String {
    format!("field-{field}")
}

/// Everything that is wrong, above the form, with links to the fields.
#[component]
pub(crate) fn ProblemSummary(
    /// What the form came to.
    problems: FormProblems,
    /// The form's fields: their names and labels.
    fields: Vec<(&'static str, &'static str)>,
) -> impl IntoView {
    let locale = use_locale();
    move || {
        let error = problems.error.get()?;
        let found = error.fields().to_vec();
        Some(if found.is_empty() {
            view! { <ErrorNote error /> }.into_any()
        } else {
            let items = found.iter().map(|problem| summary_item(locale, problem, &fields)).collect_view();
            view! {
                <div role="alert" class="mb-4 max-w-3xl rounded-box border border-error/40 bg-error/8 px-4 py-3">
                    <h2 class="flex items-center gap-3 font-semibold">
                        <span class="text-error">
                            <Icon glyph=Glyph::Warning />
                        </span>
                        {text::problem_count(locale, found.len())}
                    </h2>
                    <ul class="mt-2 ml-8 list-disc space-y-1">{items}</ul>
                </div>
            }
            .into_any()
        })
    }
}

fn summary_item(
    locale: crate::translations::Locale,
    problem: &FieldProblem,
    fields: &[(&'static str, &'static str)],
) -> impl IntoView + use<> {
    let name = field_name(&problem.field).to_owned();
    let label = fields.iter().find(|(field, _)| *field == name).map_or("", |(_, label)| *label);
    let what = text::problem(locale, &problem.field, &problem.problem);
    let id = field_id(&name);
    let href = format!("#{id}");
    view! {
        <li>
            // The browser's own jump works without JavaScript; with it, a closed section is opened first.
            <a class="link" rel="external" href=href on:click=move |_| browser::focus(&id)>
                {label}
            </a>
            " — "
            {what}
        </li>
    }
}
