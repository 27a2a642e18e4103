//! The switches for language and theme. Both are forms, so that they work without JavaScript.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use crate::browser;
use crate::components::{Glyph, Icon};
use crate::preferences::{Language, Theme, use_locale, use_preferences};
use crate::server_fns::preferences::{ChooseLanguage, ChooseTheme};
use crate::text;
use crate::translations::td_string;

const SEGMENT: &str = "rounded-field px-2.5 py-1 text-sm cursor-pointer hover:bg-base-300 aria-pressed:bg-base-100 aria-pressed:font-medium aria-pressed:shadow-sm";
const SEGMENTS: &str = "flex w-fit items-center gap-0.5 rounded-field bg-base-300/60 p-0.5";

/// The switches for language and theme.
#[component]
pub(crate) fn PreferenceSwitches() -> impl IntoView {
    view! {
        <div class="flex flex-wrap items-center justify-between gap-3">
            <LanguageSwitch />
            <ThemeSwitch />
        </div>
    }
    .into_any()
}

/// Loads the page anew in another language, which needs no script at all.
#[component]
fn LanguageSwitch() -> impl IntoView {
    let preferences = use_preferences();
    let label = td_string!(preferences.language.locale(), nav.language);
    let buttons = Language::ALL
        .into_iter()
        .map(|language| {
            let pressed = if language == preferences.language { "true" } else { "false" };
            view! {
                <button
                    type="submit"
                    name="language"
                    value=language.as_str()
                    lang=language.tag()
                    class=SEGMENT
                    aria-pressed=pressed
                >
                    {language.native_name()}
                </button>
            }
        })
        .collect_view();
    view! {
        <form method="post" action=ChooseLanguage::url() class="flex items-center gap-2" aria-label=label>
            <span class="quiet" title=label>
                <Icon glyph=Glyph::Language />
            </span>
            <div class=SEGMENTS>{buttons}</div>
        </form>
    }
    .into_any()
}

/// Changes the theme at once, and remembers it.
#[component]
fn ThemeSwitch() -> impl IntoView {
    let locale = use_locale();
    let label = td_string!(locale, nav.theme);
    let choose = ServerAction::<ChooseTheme>::new();
    let chosen = use_context::<RwSignal<Theme>>().unwrap_or_default();
    let buttons = Theme::ALL
        .into_iter()
        .map(|theme| {
            let pressed = move || if chosen.get() == theme { "true" } else { "false" };
            let on_click = move |_| {
                chosen.set(theme);
                browser::set_theme(theme.attribute());
            };
            view! {
                <button
                    type="submit"
                    name="theme"
                    value=theme.as_str()
                    class=SEGMENT
                    aria-pressed=pressed
                    on:click=on_click
                >
                    {text::theme(locale, theme)}
                </button>
            }
        })
        .collect_view();
    view! {
        <ActionForm action=choose attr:class="flex items-center gap-2" attr:aria-label=label>
            <span class="quiet" title=label>
                <Icon glyph=Glyph::Theme />
            </span>
            <div class=SEGMENTS>{buttons}</div>
        </ActionForm>
    }
    .into_any()
}
