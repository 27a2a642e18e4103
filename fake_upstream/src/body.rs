//! The body of an answer: plays the steps of a script into hyper.
//!
//! Does not decide the steps. Invariants: one step is prepared ahead at most, so that a slow stream costs little
//! memory and the last byte is known to be the last; a body that is dropped before its end counts as cancelled.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;

use crate::connection::Connection;
use crate::ledger::{Call, Tokens};

/// One thing that a body does.
#[derive(Debug)]
pub(crate) enum Step {
    /// Sends bytes.
    Data(Bytes),
    /// Waits; what was sent before leaves meanwhile.
    Wait(Duration),
    /// Waits until the kernel has all that was sent before.
    Flush,
    /// The next data carry this usage.
    Report(Tokens),
    /// Ends before the answer is complete.
    Break(Break),
}

/// How a body ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Break {
    /// Drops the connection in the middle of the framing.
    Abort,
    /// Sends RST.
    Reset,
    /// Sends nothing more and stays open.
    Stall,
    /// Ends the HTTP body as if all were well.
    Clean,
}

/// The script broke the connection off. Hyper drops the connection when it sees this.
#[derive(Debug)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the script broke the connection off")
    }
}

impl std::error::Error for Broken {}

/// What produces the steps.
pub(crate) type Steps = Box<dyn Iterator<Item = Step> + Send>;

enum Waiting {
    Nothing,
    Timer(Pin<Box<Sleep>>),
    Flush(u64),
    Forever,
}

/// A body that follows a script.
pub(crate) struct ScriptedBody {
    steps: Steps,
    upcoming: Option<Step>,
    waiting: Waiting,
    length: Option<u64>,
    call: Option<Call>,
    connection: Connection,
    close_after: bool,
}

impl ScriptedBody {
    /// A body that announces `length`, or is chunked without one. `close_after` drops the connection behind it.
    pub(crate) fn new(
        mut steps: Steps,
        length: Option<u64>,
        call: Option<Call>,
        connection: Connection,
        close_after: bool,
    ) -> Self {
        let upcoming = steps.next();
        let mut body = Self { steps, upcoming, waiting: Waiting::Nothing, length, call, connection, close_after };
        if body.upcoming.is_none() {
            // Hyper does not poll a body that is empty from the start.
            body.complete();
        }
        body
    }

    /// A body of some bytes that belongs to no call.
    pub(crate) fn plain(bytes: Bytes, connection: Connection) -> Self {
        let length = u64::try_from(bytes.len()).ok();
        Self::new(Box::new(VecDeque::from([Step::Data(bytes)]).into_iter()), length, None, connection, false)
    }

    fn complete(&mut self) {
        if let Some(call) = &mut self.call {
            call.complete();
        }
        if self.close_after {
            self.connection.close_when_flushed();
        }
    }

    fn break_off(&mut self, kind: Break) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if kind == Break::Stall {
            // The call stays active until the caller leaves.
            self.waiting = Waiting::Forever;
            return Poll::Pending;
        }
        self.upcoming = None;
        if let Some(call) = &mut self.call {
            call.fault();
        }
        if kind == Break::Clean {
            return Poll::Ready(None);
        }
        if kind == Break::Reset {
            self.connection.reset();
        }
        Poll::Ready(Some(Err(Broken)))
    }
}

impl http_body::Body for ScriptedBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let body = &mut *self;
        loop {
            match &mut body.waiting {
                Waiting::Nothing => {}
                Waiting::Timer(timer) => ready!(timer.as_mut().poll(context)),
                Waiting::Flush(seen) => ready!(body.connection.poll_flushed(*seen, context)),
                Waiting::Forever => return Poll::Pending,
            }
            body.waiting = Waiting::Nothing;
            let Some(step) = body.upcoming.take() else {
                body.complete();
                return Poll::Ready(None);
            };
            body.upcoming = body.steps.next();
            match step {
                Step::Data(bytes) => {
                    if body.upcoming.is_none() {
                        // Hyper asks no more after the last byte, so that this is the only moment to count it.
                        body.complete();
                    }
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Step::Wait(time) if time.is_zero() => {}
                Step::Wait(time) => body.waiting = Waiting::Timer(Box::pin(tokio::time::sleep(time))),
                Step::Flush => body.waiting = Waiting::Flush(body.connection.flushes()),
                Step::Report(tokens) => {
                    if let Some(call) = &mut body.call {
                        call.report(tokens);
                    }
                }
                Step::Break(kind) => return body.break_off(kind),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.upcoming.is_none() && matches!(self.waiting, Waiting::Nothing)
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
