//! Budgets: the fields to enter them, the same for apps and keys, and how much of them is used.

use leptos::prelude::*;
use sluice::model::{Amount, BudgetAmount, BudgetLevel, BudgetState, Money};

use super::{Badge, FormProblems, TextField, Tone, UtcTime};
use crate::format::count_text;
use crate::forms::{BudgetForm, BudgetKind, BudgetsForm, WARN_PERCENT};
use crate::preferences::use_locale;
use crate::text;
use crate::translations::{Locale, td_string};

/// The fields of budgets; an empty amount means no budget.
#[component]
pub(crate) fn BudgetFields(
    /// What stands in front of the names in the form: `budgets` or `form[budgets]`.
    prefix: &'static str,
    /// The budgets as they are.
    budgets: Vec<BudgetState>,
    /// What is wrong with the fields.
    problems: FormProblems,
) -> impl IntoView {
    let locale = use_locale();
    let form = BudgetsForm::of(&budgets);
    let rows = BudgetKind::ALL.map(|kind| fields(locale, prefix, kind, form.get(kind).clone(), problems));
    view! { <div class="grid gap-5">{rows.into_iter().collect_view()}</div> }.into_any()
}

fn fields(
    locale: Locale,
    prefix: &'static str,
    kind: BudgetKind,
    form: BudgetForm,
    problems: FormProblems,
) -> impl IntoView {
    let title = text::budget_kind(locale, kind);
    let name = kind.name();
    let warn = if form.warn.is_empty() { WARN_PERCENT.to_string() } else { form.warn };
    let currency = kind.is_money().then(|| {
        let value = if form.currency.is_empty() { "USD".to_owned() } else { form.currency };
        view! {
            <TextField
                field=kind.currency_name()
                name=format!("{prefix}[{name}][currency]")
                label=td_string!(locale, budgets.currency)
                value=value
                problem=problems.of(kind.currency_name())
                code=true
            />
        }
    });
    view! {
        <fieldset class="grid items-start gap-x-4 gap-y-3 sm:grid-cols-[minmax(0,2fr)_minmax(0,1fr)_minmax(0,1fr)]">
            <legend class="sr-only">{title}</legend>
            <TextField
                field=name
                name=format!("{prefix}[{name}][amount]")
                label=title
                value=form.amount
                inputmode=if kind.is_money() { "decimal" } else { "numeric" }
                problem=problems.of(name)
                optional=true
            />
            <TextField
                field=kind.warn_name()
                name=format!("{prefix}[{name}][warn]")
                label=td_string!(locale, budgets.warn)
                value=warn
                inputmode="numeric"
                problem=problems.of(kind.warn_name())
            />
            {currency}
        </fieldset>
    }
    .into_any()
}

/// What the summary calls each field.
pub(crate) fn budget_labels(locale: Locale) -> Vec<(&'static str, &'static str)> {
    let mut labels = vec![("budgets", td_string!(locale, budgets.title))];
    for kind in BudgetKind::ALL {
        labels.push((kind.name(), text::budget_kind(locale, kind)));
        labels.push((kind.warn_name(), td_string!(locale, budgets.warn)));
        if kind.is_money() {
            labels.push((kind.currency_name(), td_string!(locale, budgets.currency)));
        }
    }
    labels
}

/// How much of each budget is used and reserved; nothing where there are none.
#[component]
pub(crate) fn BudgetBars(
    /// The budgets.
    budgets: Vec<BudgetState>,
) -> impl IntoView {
    let locale = use_locale();
    (!budgets.is_empty()).then(|| {
        let bars = budgets.into_iter().map(|state| bar(locale, state)).collect_view();
        view! {
            <ul class="mb-6 grid max-w-3xl gap-3 sm:grid-cols-2" aria-label=td_string!(locale, budgets.title)>
                {bars}
            </ul>
        }
        .into_any()
    })
}

fn bar(locale: Locale, state: BudgetState) -> impl IntoView {
    let kind = BudgetKind::of(&state.budget);
    let (granted, unit) = match state.budget.amount {
        BudgetAmount::Tokens { tokens } => (tokens, None),
        BudgetAmount::Money { amount, currency } => (u64::try_from(amount.nanos).unwrap_or(0), Some(currency)),
    };
    let number = |count: u64| match unit {
        None => count_text(count),
        Some(currency) => {
            let amount = Amount::from_nanos(i64::try_from(count).unwrap_or(i64::MAX));
            Money { amount, currency }.to_string()
        }
    };
    let used = td_string!(locale, budgets.used, used = number(state.used), granted = number(granted));
    let reserved =
        (state.reserved > 0).then(|| td_string!(locale, budgets.reserved, reserved = number(state.reserved)));
    let (used_width, reserved_width) = widths(state.used, state.reserved, granted);
    let (fill, tone) = match state.level {
        BudgetLevel::Ok => ("text-primary", Tone::Good),
        BudgetLevel::Warning => ("text-warning", Tone::Warning),
        BudgetLevel::Exceeded => ("text-error", Tone::Bad),
    };
    view! {
        <li class="panel min-w-0 p-4" data-budget=kind.name()>
            <div class="flex flex-wrap items-center justify-between gap-2">
                <h3 class="quiet text-sm">{text::budget_kind(locale, kind)}</h3>
                <Badge tone text=text::budget_level(locale, state.level) />
            </div>
            <p class="mt-1 font-semibold break-words tabular-nums">{used}</p>
            // Drawn with attributes: the page allows no inline styles. The words above say the same.
            <svg
                viewBox="0 0 1000 20"
                preserveAspectRatio="none"
                class=format!("mt-2 block h-2 w-full overflow-hidden rounded-full bg-base-300 {fill}")
                aria-hidden="true"
            >
                <rect x="0" y="0" height="20" width=used_width fill="currentColor" />
                <rect x=used_width y="0" height="20" width=reserved_width fill="currentColor" fill-opacity="0.4" />
            </svg>
            {reserved.map(|text| view! { <p class="quiet mt-1.5 text-sm">{text}</p> })}
            <p class="quiet mt-1.5 text-sm">
                {td_string!(locale, budgets.renews)} " " <UtcTime milliseconds=state.period_end_ms />
            </p>
        </li>
    }
    .into_any()
}

/// How wide the parts of a bar are, in thousandths.
fn widths(used: u64, reserved: u64, granted: u64) -> (u64, u64) {
    let share = |part: u64| {
        let share = u128::from(part).saturating_mul(1000) / u128::from(granted.max(1));
        u64::try_from(share.min(1000)).unwrap_or(1000)
    };
    let used = share(used);
    (used, share(reserved).min(1000 - used))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_never_leave_their_box() {
        assert_eq!(widths(0, 0, 100), (0, 0));
        assert_eq!(widths(25, 50, 100), (250, 500));
        assert_eq!(widths(90, 50, 100), (900, 100));
        assert_eq!(widths(u64::MAX, u64::MAX, 1), (1000, 0));
        assert_eq!(widths(1, 1, 0), (1000, 0));
    }
}
