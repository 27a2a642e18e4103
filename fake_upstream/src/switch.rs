//! The parameters of a script that are on or off.
//!
//! Invariant: every switch has a key of its own and is listed in [`Switch::ALL`].

/// A parameter that is written `key=1` (or `key=0`, which is the default of all).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Switch {
    /// The error body is HTML; the status is 502 unless `status` says otherwise.
    ErrorHtml,
    /// TCP RST before any byte of the answer.
    Reset,
    /// Closes the connection before any byte of the answer.
    Close,
    /// Never answers.
    Hang,
    /// 200 with broken JSON; in a stream the first event is broken and the others follow.
    Malformed,
    /// The JSON ends in its middle; in a stream the first event with text does, and the body ends with it.
    TruncatedJson,
    /// 200 with an empty body.
    Empty,
    /// 302 to `http://127.0.0.1:1/`.
    Redirect,
    /// A stream without `[DONE]`.
    NoDone,
    /// A stream with CRLF line ends.
    Crlf,
    /// A stream with `: keep-alive` comments between its events.
    Comments,
    /// A stream with `data:{...}` without the space.
    NoSpace,
    /// Adds a `Set-Cookie` header.
    SetCookie,
    /// Answers with a tool call if the request has `tools`.
    Tool,
    /// Adds `x-ratelimit-*` headers.
    RateLimit,
    /// Usage numbers are strings, negative or far too big.
    BigUsage,
    /// Closes the connection right after the answer, without having announced it.
    KeepAliveClose,
}

impl Switch {
    /// All switches with their keys.
    pub(crate) const ALL: [(&'static str, Self); 17] = [
        ("error_html", Self::ErrorHtml),
        ("reset", Self::Reset),
        ("close", Self::Close),
        ("hang", Self::Hang),
        ("malformed", Self::Malformed),
        ("truncated_json", Self::TruncatedJson),
        ("empty", Self::Empty),
        ("redirect", Self::Redirect),
        ("no_done", Self::NoDone),
        ("crlf", Self::Crlf),
        ("comments", Self::Comments),
        ("no_space", Self::NoSpace),
        ("set_cookie", Self::SetCookie),
        ("tool", Self::Tool),
        ("ratelimit", Self::RateLimit),
        ("big_usage", Self::BigUsage),
        ("keep_alive_close", Self::KeepAliveClose),
    ];

    /// The switch of that key.
    pub(crate) fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(name, _)| *name == key).map(|(_, switch)| switch)
    }
}
