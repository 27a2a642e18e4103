//! The dashboard's pages and server functions, mounted on axum.
//!
//! Only wiring: what a page shows is in `sluice-app`, what an administrator may do in the engine's services.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Version};
use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::{provide_context, use_context};
use leptos_axum::{LeptosRoutes as _, ResponseOptions, generate_route_list, render_app_async_with_context};
use sluice_app::{App, shell};
use tower_http::compression::CompressionLayer;

use crate::assets::Assets;
use crate::caller::Caller;
use crate::problem::Problem;

/// Routes of all pages and server functions. They need the layer of [`crate::caller::identify`] around them.
pub fn router(assets: &Assets) -> Router {
    let options = LeptosOptions::builder().output_name("sluice").site_pkg_dir(assets.package_folder()).build();
    let page = {
        let options = options.clone();
        move || shell(options.clone())
    };
    let not_found = {
        let page = page.clone();
        move |request: Request| unknown_page(request, page.clone())
    };
    Router::new()
        .leptos_routes_with_context(&options, generate_route_list(App), provide_caller, page)
        .fallback(not_found)
        .layer(CompressionLayer::new().compress_when(is_page))
        .with_state(options)
}

/// Pages are compressed. Answers of server functions are not: one of them carries a new key beside text that somebody
/// entered, and the size of a compressed answer tells of what is in it.
fn is_page(_status: StatusCode, _version: Version, headers: &HeaderMap, _extensions: &Extensions) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"))
}

/// Hands the caller that the layer found to pages and server functions, and names the page's scripts to the browser.
fn provide_caller() {
    // Server functions have no nonce: what they answer is no page.
    if let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>())
        && let Ok(policy) = HeaderValue::try_from(page_policy(&nonce))
    {
        response.insert_header(CONTENT_SECURITY_POLICY, policy);
    }
    // While routes are listed at start-up there is no request, and no caller either.
    if let Some(caller) = use_context::<Parts>().and_then(|parts| parts.extensions.get::<Caller>().cloned()) {
        provide_context(caller.context);
    }
}

/// What a page may load and run: its own files, and the inline scripts that carry this nonce.
fn page_policy(nonce: &str) -> String {
    // `cargo leptos watch` tells the page over a socket of its own that something was built.
    let reload = if cfg!(debug_assertions) && std::env::var_os("LEPTOS_WATCH").is_some() {
        " ws://127.0.0.1:3001 ws://localhost:3001"
    } else {
        ""
    };
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'nonce-{nonce}'; style-src 'self'; \
         img-src 'self' data:; connect-src 'self'{reload}; font-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

/// The application's own page for paths that do not exist, or a problem for programs.
async fn unknown_page<Page, View>(request: Request<Body>, page: Page) -> Response
where
    Page: Fn() -> View + Clone + Send + Sync + 'static,
    View: leptos::prelude::IntoView + 'static,
{
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let wants_page = request
        .headers()
        .get(http::header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/html"));
    if !(is_read && wants_page) {
        return Problem::path_not_found().into_response();
    }
    let mut response = render_app_async_with_context(provide_caller, page)(request).await;
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}
