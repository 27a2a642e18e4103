//! The texts of the dashboard in every language, generated from `locales/*.json` at build time.
//!
//! The language is fixed for the life of a page: switching it loads the page anew, so texts need no reactivity.

#[expect(
    unreachable_pub,
    unused_imports,
    dead_code,
    clippy::pedantic,
    clippy::expect_used,
    reason = "generated from `locales/*.json`"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/i18n/mod.rs"));
}

pub(crate) use generated::i18n::{Locale, td_string};
