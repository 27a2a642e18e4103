//! What something cost.

use leptos::prelude::*;
use sluice::model::Money;

use crate::format::money_text;
use crate::preferences::use_locale;
use crate::translations::td_string;

/// Costs, one of each currency; the exact amount is told besides. What nobody knows is no zero.
#[component]
pub(crate) fn CostText(
    /// The sums.
    costs: Vec<Money>,
    /// Requests whose cost nobody knows.
    unpriced: u64,
) -> impl IntoView {
    let locale = use_locale();
    if costs.is_empty() {
        let text = if unpriced > 0 { td_string!(locale, usage_page.unknown) } else { "–" };
        return view! { <span class="quiet">{text}</span> }.into_any();
    }
    costs
        .into_iter()
        .map(|cost| {
            let exact = cost.amount.to_string();
            view! {
                <data class="block" value=exact.clone() title=format!("{exact} {}", cost.currency)>
                    {money_text(cost)}
                </data>
            }
        })
        .collect_view()
        .into_any()
}
