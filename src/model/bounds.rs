//! How long and how many: the bounds of what an administrator can enter.
//!
//! Services refuse what is beyond them, forms announce them, and database columns are at least this wide.

/// Longest name of a server, an app, a key or an administrator, in characters.
pub const NAME_MAX: u32 = 64;
/// Longest base URL, in bytes.
pub const URL_MAX: u32 = 512;
/// Longest upstream API key, in bytes.
pub const SECRET_MAX: u32 = 4096;
/// Longest model name, public or upstream, in bytes.
pub const MODEL_NAME_MAX: u32 = 200;
/// Most models on one server.
pub const MODELS_PER_SERVER_MAX: u32 = 2000;
/// Most models that one key can be limited to.
pub const MODELS_PER_KEY_MAX: u32 = 200;
/// Shortest timeout, in milliseconds.
pub const TIMEOUT_MIN_MS: u32 = 10;
/// Longest timeout, in milliseconds: one day.
pub const TIMEOUT_MAX_MS: u32 = 86_400_000;
/// Shortest password of an administrator, in characters.
pub const PASSWORD_MIN: u32 = 10;
/// Longest password, in bytes: hashing costs time that a stranger must not be able to multiply.
pub const PASSWORD_MAX: u32 = 256;
/// Most rows on one page of a list.
pub const PAGE_MAX: u16 = 200;
/// Rows on one page where the caller names no number.
pub const PAGE_DEFAULT: u16 = 50;
/// Most entries in the list of a filter.
pub const SELECTION_MAX: usize = 100;
/// Highest RPM.
pub const REQUESTS_PER_MINUTE_MAX: u32 = 10_000_000;
/// Highest TPM.
pub const TOKENS_PER_MINUTE_MAX: u32 = 1_000_000_000;
/// Highest concurrency.
pub const CONCURRENCY_MAX: u32 = 1_000_000;
/// Longest queue.
pub const QUEUE_LENGTH_MAX: u32 = 10_000;
/// Shortest deadline of a queue, in milliseconds.
pub const QUEUE_DEADLINE_MIN_MS: u32 = 100;
/// Longest deadline of a queue, in milliseconds: one hour.
pub const QUEUE_DEADLINE_MAX_MS: u32 = 3_600_000;
