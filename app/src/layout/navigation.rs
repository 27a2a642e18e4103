//! The links to the main pages.

use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::{Glyph, Icon};
use crate::preferences::use_locale;
use crate::translations::td_string;

const LINK: &str = "flex items-center gap-3 rounded-field px-3 py-2 font-medium hover:bg-base-200 aria-[current=page]:bg-primary/12 aria-[current=page]:text-primary";

/// The links to the main pages.
#[component]
pub(crate) fn Navigation() -> impl IntoView {
    let locale = use_locale();
    let links = [
        ("/", Glyph::Overview, td_string!(locale, nav.overview)),
        ("/servers", Glyph::Servers, td_string!(locale, nav.servers)),
        ("/apps", Glyph::Apps, td_string!(locale, nav.apps)),
        ("/keys", Glyph::Keys, td_string!(locale, nav.keys)),
        ("/prices", Glyph::Prices, td_string!(locale, nav.prices)),
        ("/requests", Glyph::Requests, td_string!(locale, nav.requests)),
    ];
    let items = links
        .into_iter()
        .map(|(href, glyph, label)| {
            view! {
                <li>
                    <A href=href exact={href == "/"} attr:class=LINK>
                        <Icon glyph />
                        {label}
                    </A>
                </li>
            }
        })
        .collect_view();
    view! {
        <nav aria-label=td_string!(locale, nav.main)>
            <ul class="grid gap-0.5">{items}</ul>
        </nav>
    }
    .into_any()
}
