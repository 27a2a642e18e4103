//! The document, what every page shares, and which page is at which address.

use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::components::{ParentRoute, Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::browser;
use crate::components::ErrorNote;
use crate::layout::{BareFrame, SignedInArea};
use crate::pages::{
    AppEditPage, AppsPage, KeyEditPage, KeyNewPage, KeysPage, NotFoundPage, OverviewPage, PriceEditPage, PriceNewPage,
    PricesPage, RequestDetailPage, RequestsPage, ServerEditPage, ServerNewPage, ServerPage, ServersPage, SetupPage,
    SignInPage,
};
use crate::preferences::Preferences;

/// The document around the dashboard. The server writes language and theme on `<html>`, so that nothing flashes.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let preferences = Preferences::current();
    let style_sheet = format!("/{}/sluice.css", options.site_pkg_dir);
    view! {
        <!DOCTYPE html>
        <html lang=preferences.language.tag() data-theme=preferences.theme.attribute()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="robots" content="noindex" />
                <link rel="stylesheet" href=style_sheet />
                <link rel="icon" type="image/svg+xml" href="/favicon.svg" />
                <AutoReload options=options.clone() />
                <HydrationScripts options />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// The dashboard.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let preferences = Preferences::current();
    provide_context(preferences);
    // Shared by the switches of the wide and the narrow layout.
    provide_context(RwSignal::new(preferences.theme));
    Effect::new(browser::mark_hydrated);
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Sluice".to_owned() } else { format!("{title} · Sluice") } />
        <Router>
            <ErrorBoundary fallback=unexpected>
                // Async: the page goes out whole, so that redirects and statuses still can, and no script is needed.
                <Routes fallback=NotFoundPage>
                    <Route path=path!("/login") view=SignInPage ssr=SsrMode::Async />
                    <Route path=path!("/setup") view=SetupPage ssr=SsrMode::Async />
                    <ParentRoute path=path!("") view=SignedInArea ssr=SsrMode::Async>
                        <Route path=path!("/") view=OverviewPage />
                        <Route path=path!("/servers") view=ServersPage />
                        <Route path=path!("/servers/new") view=ServerNewPage />
                        <Route path=path!("/servers/:id") view=ServerPage />
                        <Route path=path!("/servers/:id/edit") view=ServerEditPage />
                        <Route path=path!("/apps") view=AppsPage />
                        <Route path=path!("/apps/:id") view=AppEditPage />
                        <Route path=path!("/keys") view=KeysPage />
                        <Route path=path!("/keys/new") view=KeyNewPage />
                        <Route path=path!("/keys/:id") view=KeyEditPage />
                        <Route path=path!("/prices") view=PricesPage />
                        <Route path=path!("/prices/new") view=PriceNewPage />
                        <Route path=path!("/prices/:id") view=PriceEditPage />
                        <Route path=path!("/requests") view=RequestsPage />
                        <Route path=path!("/requests/:id") view=RequestDetailPage />
                    </ParentRoute>
                </Routes>
            </ErrorBoundary>
        </Router>
    }
}

/// What is shown if a page breaks. Pages show the errors that they know themselves.
fn unexpected(_errors: ArcRwSignal<Errors>) -> impl IntoView {
    view! {
        <BareFrame>
            <ErrorNote error=crate::UiError::OutOfDate />
        </BareFrame>
    }
}
