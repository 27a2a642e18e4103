//! Setting the log up.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::config::{LogFormat, LogSettings};

/// The log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is not a level and not a filter.
    #[error("`log.level` is not a log level or filter")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody set a log up already in this process.
    #[error("the log is set up already")]
    AlreadySet(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Sends the log of this process to standard error. Once per process.
///
/// # Errors
/// A filter that does not parse, or a second call.
pub fn init_logging(settings: &LogSettings) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(&settings.level)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(false);
    match settings.format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        LogFormat::Pretty => builder.compact().try_init(),
    }
    .map_err(LogError::AlreadySet)
}
