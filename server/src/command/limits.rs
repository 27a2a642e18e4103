//! Limits, queues and priorities as arguments, and how they are printed.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use sluice::model::{Limits, Overflow, Priority, Problem, QueueOrder, QueuePolicy};

/// A limit that was named: a number, or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit(Option<u32>);

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        text.parse().map(|limit| Self(Some(limit))).map_err(|_| "a limit is a whole number, or `none`".to_owned())
    }
}

/// Limits; one that is not named stays as it is.
#[derive(Debug, Args)]
pub(super) struct LimitArguments {
    /// Most requests per minute, 1 to 10000000, or `none`
    #[arg(long, value_name = "NUMBER|none")]
    rpm: Option<Limit>,
    /// Most tokens per minute, input and output together, 1 to 1000000000, or `none`
    #[arg(long, value_name = "NUMBER|none")]
    tpm: Option<Limit>,
    /// Most requests at the same time, 1 to 1000000, or `none`
    #[arg(long, value_name = "NUMBER|none")]
    concurrency: Option<Limit>,
}

impl LimitArguments {
    /// The known limits with what was named.
    pub(super) fn apply(&self, known: Limits) -> Limits {
        let choose = |named: Option<Limit>, known| named.map_or(known, |Limit(limit)| limit);
        Limits {
            requests_per_minute: choose(self.rpm, known.requests_per_minute),
            tokens_per_minute: choose(self.tpm, known.tokens_per_minute),
            concurrency: choose(self.concurrency, known.concurrency),
        }
    }
}

/// The queue in front of a server; what is not named stays as it is.
#[derive(Debug, Args)]
pub(super) struct QueueArguments {
    /// Most requests that wait for this server at a time, 0 to 10000 (100 for a new server); with 0 nothing waits, and
    /// what is over a limit is refused
    #[arg(long = "queue-length", value_name = "NUMBER")]
    length: Option<u32>,
    /// How long a request may wait, in seconds, 0.1 to 3600, fractions allowed (60 for a new server)
    #[arg(long = "queue-deadline", value_name = "SECONDS", value_parser = milliseconds)]
    deadline_ms: Option<u32>,
    /// Who goes when the queue is full: `evict_oldest`, the request that waited longest, or `reject_newest`, the new one
    /// (`evict_oldest` for a new server)
    #[arg(long = "queue-overflow", value_name = "POLICY", hide_possible_values = true,
        value_parser = word(Overflow::ALL, Overflow::as_str))]
    overflow: Option<Overflow>,
    /// Who is next: `fifo`, the request that came first, or `fair`, apps in turn (`fifo` for a new server)
    #[arg(long = "queue-order", value_name = "ORDER", hide_possible_values = true,
        value_parser = word(QueueOrder::ALL, QueueOrder::as_str))]
    order: Option<QueueOrder>,
}

impl QueueArguments {
    /// The known queue with what was named.
    pub(super) fn apply(&self, known: QueuePolicy) -> QueuePolicy {
        QueuePolicy {
            length: self.length.unwrap_or(known.length),
            deadline_ms: self.deadline_ms.unwrap_or(known.deadline_ms),
            overflow: self.overflow.unwrap_or(known.overflow),
            order: self.order.unwrap_or(known.order),
        }
    }
}

/// The priority of a key.
#[derive(Debug, Args)]
pub(super) struct PriorityArgument {
    /// How urgent its requests are: `low`, `normal` or `high`; while more urgent ones wait, others do not go
    /// [default: normal]
    #[arg(long, value_name = "PRIORITY", hide_possible_values = true,
        value_parser = word(Priority::ALL, Priority::as_str))]
    pub(super) priority: Option<Priority>,
}

/// Seconds with fractions, to whole milliseconds. Whether it is in range is the service's question.
fn milliseconds(text: &str) -> Result<u32, String> {
    let wrong = || "this is not a number of seconds".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    u32::try_from(duration.as_millis()).map_err(|_| wrong())
}

/// One of a few words, by their names in the API.
fn word<T: FromStr<Err = Problem> + Copy + Send + Sync + 'static>(
    all: &[T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.iter().map(|value| name(*value))).try_map(|word| word.parse::<T>())
}

/// Limits in a few words, for a table.
pub(super) fn print_limits(limits: &Limits) -> String {
    let parts: Vec<String> =
        [(limits.requests_per_minute, "rpm"), (limits.tokens_per_minute, "tpm"), (limits.concurrency, "at once")]
            .into_iter()
            .filter_map(|(limit, unit)| limit.map(|limit| format!("{limit} {unit}")))
            .collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

/// A queue in a few words.
pub(super) fn print_queue(queue: &QueuePolicy) -> String {
    let QueuePolicy { length, deadline_ms, overflow, order } = queue;
    format!("{length} requests, {deadline_ms} ms, {overflow}, {order}")
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use clap::error::ErrorKind;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        limits: LimitArguments,
        #[command(flatten)]
        queue: QueueArguments,
        #[command(flatten)]
        priority: PriorityArgument,
    }

    fn parse(arguments: &[&str]) -> Result<Line, ErrorKind> {
        Line::try_parse_from(std::iter::once(&"x").chain(arguments)).map_err(|error| error.kind())
    }

    #[test]
    fn what_is_named_changes_and_the_rest_stays() {
        let known = Limits { requests_per_minute: Some(1), tokens_per_minute: Some(2), concurrency: Some(3) };
        let line = parse(&["--rpm", "none", "--tpm", "7", "--queue-deadline", "0.25", "--queue-order", "fair"]);
        let Ok(line) = line else { unreachable!("{line:?}") };
        let wanted = Limits { requests_per_minute: None, tokens_per_minute: Some(7), concurrency: Some(3) };
        assert_eq!(line.limits.apply(known), wanted);
        let wanted = QueuePolicy { deadline_ms: 250, order: QueueOrder::Fair, ..QueuePolicy::default() };
        assert_eq!(line.queue.apply(QueuePolicy::default()), wanted);
        assert_eq!(line.priority.priority, None);
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        for arguments in [
            ["--rpm", "many"],
            ["--tpm", "1.5"],
            ["--concurrency", "4294967296"],
            ["--queue-deadline", "-1"],
            ["--queue-deadline", "NaN"],
            ["--queue-deadline", "4294968"],
        ] {
            let kind = parse(&arguments).map(|_| ());
            assert!(
                matches!(kind, Err(ErrorKind::ValueValidation | ErrorKind::UnknownArgument)),
                "{arguments:?} {kind:?}"
            );
        }
        for arguments in [["--queue-overflow", "explode"], ["--queue-order", "Fifo"], ["--priority", "urgent"]] {
            assert!(matches!(parse(&arguments), Err(ErrorKind::InvalidValue)), "{arguments:?}");
        }
    }

    #[test]
    fn prints_in_a_few_words() {
        let limits = Limits { requests_per_minute: Some(60), tokens_per_minute: None, concurrency: Some(4) };
        assert_eq!(print_limits(&limits), "60 rpm, 4 at once");
        assert_eq!(print_limits(&Limits::default()), "none");
        assert_eq!(print_queue(&QueuePolicy::default()), "100 requests, 60000 ms, evict_oldest, fifo");
    }
}
