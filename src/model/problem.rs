//! What can be wrong with what an administrator asked for.
//!
//! Closed sets without free text from inside the process: the dashboard translates them, the REST API and the command
//! line print their English `Display`. Nothing here can carry a secret, because values that were entered are repeated
//! only where they are names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is wrong with the value of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Problem {
    /// Nothing was entered.
    #[error("is required")]
    Required,
    /// More characters than the field takes.
    #[error("is too long: at most {max} characters")]
    TooLong {
        /// The most that the field takes.
        max: u32,
    },
    /// Fewer characters than the field needs.
    #[error("is too short: at least {min} characters")]
    TooShort {
        /// The fewest that the field needs.
        min: u32,
    },
    /// A number outside its range.
    #[error("must be between {min} and {max}")]
    OutOfRange {
        /// Smallest allowed value.
        min: u32,
        /// Largest allowed value.
        max: u32,
    },
    /// Nothing, or less, where there has to be something.
    #[error("must be more than 0")]
    NotPositive,
    /// A number larger than can be counted with.
    #[error("is too large")]
    TooLarge,
    /// An amount of money with more digits than are kept.
    #[error("has more than nine digits behind the point")]
    TooPrecise,
    /// Not a currency.
    #[error("is not a currency; it looks like `USD`: the three letters of ISO 4217")]
    CurrencyInvalid,
    /// Not a time zone.
    #[error("is not a time zone; it looks like `Asia/Shanghai`: a name of the IANA database")]
    TimeZoneInvalid,
    /// Not a time.
    #[error("is neither a date such as `2026-11-01` nor a time such as `2026-11-01T08:00:00Z`")]
    TimeInvalid,
    /// A range that ends before it begins.
    #[error("lies before the beginning of the range")]
    RangeReversed,
    /// Too much for one answer.
    #[error("asks for too much at once: at most {max} rows; take a shorter range, longer periods or fewer groups")]
    TooManyRows {
        /// The most that one answer holds.
        max: u32,
    },
    /// Not a number.
    #[error("is not a number")]
    NotANumber,
    /// Something other than visible ASCII characters, or a slash where it would be ambiguous.
    #[error("may hold letters, digits and the signs `.`, `_`, `-` only, and begins with a letter or a digit")]
    InvalidName,
    /// An app's name that could not be sent as a header.
    #[error("may hold visible ASCII characters only, without spaces")]
    InvalidAppName,
    /// Another object has this name.
    #[error("is already in use")]
    Taken,
    /// The URL does not parse.
    #[error("is not a URL; it looks like `https://api.example.com/v1`")]
    UrlInvalid,
    /// The URL's scheme is neither http nor https.
    #[error("must begin with `https://` or `http://`")]
    UrlScheme,
    /// The URL carries a user name or a password.
    #[error("must not carry a user name or a password; the API key has a field of its own")]
    UrlCredentials,
    /// The URL has a query or a fragment.
    #[error("must not have a query (`?`) or a fragment (`#`)")]
    UrlQuery,
    /// The URL leads to an address that is never allowed: link-local and cloud metadata.
    #[error("leads to a link-local or cloud metadata address, which is never allowed")]
    AddressForbidden,
    /// The URL leads to a private address and the settings forbid that.
    #[error("leads to a private address, which `access.private_addresses = \"deny\"` forbids")]
    AddressPrivate,
    /// The list has no entry.
    #[error("needs at least one entry")]
    ListEmpty,
    /// More entries than the list takes.
    #[error("has too many entries: at most {max}")]
    ListTooLong {
        /// The most that the list takes.
        max: u32,
    },
    /// The same public name stands twice in the list.
    #[error("has `{value}` twice")]
    ListDuplicate {
        /// The name that stands twice.
        value: String,
    },
    /// One line of a list cannot be read.
    #[error("line {line} is not `name` or `name = upstream-name`")]
    LineInvalid {
        /// Number of the line, from 1.
        line: u32,
    },
    /// A model's name is too long or has control characters or surrounding white space.
    #[error("`{value}` is not a model name: 1 to 200 visible characters")]
    ModelNameInvalid {
        /// The name as it was entered, shortened.
        value: String,
    },
    /// The host of the base URL changed, and the stored key is not sent to a new place.
    #[error(
        "must be entered again, because the host of the base URL changed and a stored key is never sent to a new place"
    )]
    KeyNeededForNewHost,
    /// A key with characters that cannot stand in an HTTP header.
    #[error("holds characters that cannot be sent in a header; was it copied whole?")]
    SecretInvalid,
    /// The object that is named does not exist.
    #[error("does not exist (any more)")]
    Unknown,
    /// The two entries of a new password differ.
    #[error("is not the same in both fields")]
    Mismatch,
    /// Not a date.
    #[error("is not a date; it looks like `2027-01-31`")]
    DateInvalid,
    /// A time that has passed already.
    #[error("lies in the past")]
    InThePast,
    /// The list of ids is not exactly the list of what exists.
    #[error("must name every server exactly once; reload, the list has changed")]
    OrderIncomplete,
}

/// A problem and the field that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// The field's name as the REST API spells it.
    pub field: String,
    /// What is wrong with it.
    #[serde(flatten)]
    pub problem: Problem,
}

impl FieldProblem {
    /// A problem of the field with this name.
    pub fn new(field: &str, problem: Problem) -> Self {
        Self { field: field.to_owned(), problem }
    }
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.field, self.problem)
    }
}

/// A kind of object that an administrator manages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// An upstream endpoint.
    Server,
    /// A calling application.
    App,
    /// A key issued to an app.
    Key,
    /// A token for the administration API.
    AdminToken,
    /// A price that was entered.
    Price,
    /// A request in the list of requests.
    Request,
    /// A request that waits in a queue.
    Waiter,
}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Server => "server",
            Self::App => "app",
            Self::Key => "key",
            Self::AdminToken => "admin token",
            Self::Price => "price",
            Self::Request => "request",
            Self::Waiter => "waiting request",
        })
    }
}

/// Why an administrator's request was refused, in a form that can travel to a browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// Something that was entered cannot be accepted.
    #[error("some fields cannot be accepted: {}", fields.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid {
        /// Every problem that was found.
        fields: Vec<FieldProblem>,
    },
    /// Nobody is signed in, or the session ended.
    #[error("sign in first")]
    SignInRequired,
    /// The name or the password is wrong; it is not said which.
    #[error("the user name or the password is wrong")]
    WrongCredentials,
    /// Too many failed attempts to sign in.
    #[error("too many attempts; try again in {retry_after_seconds} s")]
    TooManyAttempts {
        /// Seconds until the next attempt is looked at.
        retry_after_seconds: u32,
    },
    /// The set-up link is wrong or was used already.
    #[error(
        "this set-up link is not valid (any more); `sluice serve` prints a new one at each start until an administrator exists"
    )]
    SetupLinkInvalid,
    /// An administrator exists already.
    #[error("set-up is done already; sign in instead")]
    SetupDone,
    /// The object does not exist.
    #[error("this {resource} does not exist (any more)")]
    NotFound {
        /// What kind of object was looked for.
        resource: Resource,
    },
    /// The request came from another site.
    #[error("this request came from another site and was refused")]
    ForeignOrigin,
    /// The database cannot be reached or is too busy.
    #[error("the database does not answer; nothing was changed, try again in a moment")]
    Unavailable,
    /// A fault inside; the log has the details.
    #[error("something went wrong inside; the log has the details under request id {request_id}")]
    Internal {
        /// What to look for in the log.
        request_id: String,
    },
}
