//! The frame of every page for administrators: navigation at the side, or behind a menu on a narrow screen.

use leptos::html::Details;
use leptos::prelude::*;
use leptos_router::components::Outlet;
use leptos_router::hooks::use_location;

use super::navigation::Navigation;
use super::preferences::PreferenceSwitches;
use super::recording_notice::RecordingNotice;
use crate::UiError;
use crate::components::{Glyph, Icon, Logo};
use crate::preferences::use_locale;
use crate::server_fns::session::{SignOut, Visitor};
use crate::translations::{Locale, td_string};

/// The frame, and the page in it.
#[component]
pub(crate) fn Frame(
    /// Who is signed in.
    visitor: Resource<Result<Visitor, UiError>>,
) -> impl IntoView {
    let locale = use_locale();
    view! {
        <a
            href="#main"
            rel="external"
            class="btn btn-primary fixed top-2 left-2 z-50 -translate-y-20 focus:translate-y-0"
        >
            {td_string!(locale, nav.skip)}
        </a>
        <div class="lg:grid lg:grid-cols-[15.5rem_minmax(0,1fr)]">
            <NarrowHeader visitor />
            <aside class="sticky top-0 hidden h-dvh flex-col gap-6 overflow-y-auto border-r border-base-300 bg-base-100 p-4 lg:flex">
                <HomeLink />
                <Navigation />
                <div class="mt-auto grid gap-4 border-t border-base-300 pt-4">
                    <PreferenceSwitches />
                    <UserMenu visitor />
                </div>
            </aside>
            <main id="main" tabindex="-1" class="mx-auto w-full max-w-7xl min-w-0 px-4 py-6 outline-none sm:px-6 lg:px-10 lg:py-9">
                <RecordingNotice />
                <Outlet />
            </main>
        </div>
    }
    .into_any()
}

/// The bar at the top of a narrow screen.
#[component]
fn NarrowHeader(
    /// Who is signed in.
    visitor: Resource<Result<Visitor, UiError>>,
) -> impl IntoView {
    let locale = use_locale();
    let menu = NodeRef::<Details>::new();
    let path = use_location().pathname;
    // The menu stays in the page while the page changes below it, so it is closed by hand.
    Effect::new(move |before: Option<String>| {
        let now = path.get();
        if before.is_some_and(|before| before != now)
            && let Some(menu) = menu.get_untracked()
        {
            menu.set_open(false);
        }
        now
    });
    view! {
        <header class="sticky top-0 z-20 border-b border-base-300 bg-base-100 lg:hidden">
            <details node_ref=menu class="group">
                <summary class="flex cursor-pointer list-none items-center justify-between px-4 py-3">
                    <span class="flex items-center gap-3 font-semibold tracking-tight">
                        <Logo />
                        "Sluice"
                    </span>
                    <span class="btn btn-sm">
                        <Icon glyph=Glyph::Menu />
                        {td_string!(locale, nav.menu)}
                    </span>
                </summary>
                <div class="grid max-h-[calc(100dvh-4rem)] gap-4 overflow-y-auto border-t border-base-300 p-4">
                    <Navigation />
                    <div class="grid gap-4 border-t border-base-300 pt-4">
                        <PreferenceSwitches />
                        <UserMenu visitor />
                    </div>
                </div>
            </details>
        </header>
    }
    .into_any()
}

/// The mark and the name; leads to the first page.
#[component]
fn HomeLink() -> impl IntoView {
    let locale = use_locale();
    view! {
        <a href="/" class="flex items-center gap-3 rounded-field px-1 py-1" aria-label=td_string!(locale, nav.home)>
            <Logo />
            <span class="text-lg font-semibold tracking-tight">"Sluice"</span>
        </a>
    }
    .into_any()
}

/// Who is signed in, and the way out.
#[component]
fn UserMenu(
    /// Who is signed in.
    visitor: Resource<Result<Visitor, UiError>>,
) -> impl IntoView {
    let locale = use_locale();
    let sign_out = ServerAction::<SignOut>::new();
    view! {
        <section class="flex items-center justify-between gap-2" aria-label=td_string!(locale, nav.user_menu)>
            <p class="flex min-w-0 items-center gap-2">
                <span class="quiet">
                    <Icon glyph=Glyph::Person />
                </span>
                <Suspense>
                    {move || Suspend::new(async move { visitor.await.ok().map(|visitor| name_of(locale, visitor)) })}
                </Suspense>
            </p>
            <ActionForm action=sign_out>
                <button type="submit" class="btn btn-ghost btn-sm whitespace-nowrap">
                    {td_string!(locale, nav.sign_out)}
                </button>
            </ActionForm>
        </section>
    }
    .into_any()
}

fn name_of(locale: Locale, visitor: Visitor) -> Option<impl IntoView> {
    match visitor {
        Visitor::SignedIn { username } => Some(view! {
            <span class="sr-only">{td_string!(locale, nav.signed_in_as, name = username.clone())}</span>
            <span class="truncate" aria-hidden="true">
                {username}
            </span>
        }),
        Visitor::Anonymous | Visitor::BeforeSetup => None,
    }
}
