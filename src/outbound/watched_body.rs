//! A request's body that tells when it is written.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

/// Whether a request was written to a connection, and waiting for that.
#[derive(Debug, Default)]
pub struct Written {
    is_done: AtomicBool,
    notify: Notify,
}

impl Written {
    /// Whether it was.
    pub fn is_done(&self) -> bool {
        self.is_done.load(Ordering::Acquire)
    }

    /// Waits until it is. For one task.
    ///
    /// Cancel safe.
    pub async fn done(&self) {
        self.notify.notified().await;
    }

    fn mark(&self) {
        self.is_done.store(true, Ordering::Release);
        self.notify.notify_one();
    }
}

/// A body in one piece. It is asked for its bytes when a connection stands and the head is written, so that is the
/// moment at which the request is on its way: before it, the time to connect passes, which is now short and now long.
#[derive(Debug)]
pub(super) struct WatchedBody {
    bytes: Option<Bytes>,
    written: Arc<Written>,
}

impl WatchedBody {
    /// `written` is marked when the body is asked for.
    pub(super) const fn new(bytes: Bytes, written: Arc<Written>) -> Self {
        Self { bytes: Some(bytes), written }
    }
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = self.bytes.take();
        if bytes.is_some() {
            self.written.mark();
        }
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
    }
}
