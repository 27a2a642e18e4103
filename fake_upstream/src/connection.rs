//! The TCP stream under hyper, and the handle through which an answer decides its fate.
//!
//! Knows no HTTP. Invariants: a reset stream sends RST and never FIN; [`Connection::poll_flushed`] is ready only once
//! hyper has handed every byte before it to the kernel.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Fate {
    #[default]
    Open,
    /// Close as soon as the answer that is being written has left.
    CloseWhenFlushed,
    /// Hyper is told that the caller closed, so that it closes too, between two requests.
    Close,
    /// Send RST when the stream is dropped.
    Reset,
}

#[derive(Debug, Default)]
struct State {
    fate: Fate,
    flushes: u64,
    waiting_for_flush: Option<Waker>,
}

/// An answer's handle on the connection that it is written to.
#[derive(Debug, Default, Clone)]
pub(crate) struct Connection {
    state: Arc<Mutex<State>>,
}

impl Connection {
    /// Makes the stream send RST when hyper drops it.
    pub(crate) fn reset(&self) {
        self.state.lock().fate = Fate::Reset;
    }

    /// Closes the connection once all that hyper holds has been written, without having announced it.
    pub(crate) fn close_when_flushed(&self) {
        self.state.lock().fate = Fate::CloseWhenFlushed;
    }

    /// How often the stream has been flushed so far.
    pub(crate) fn flushes(&self) -> u64 {
        self.state.lock().flushes
    }

    /// Waits for a flush that is later than `seen`. Hyper flushes whenever a body is pending.
    pub(crate) fn poll_flushed(&self, seen: u64, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.flushes > seen {
            return Poll::Ready(());
        }
        state.waiting_for_flush = Some(context.waker().clone());
        Poll::Pending
    }

    fn fate(&self) -> Fate {
        self.state.lock().fate
    }

    /// Notes a flush; true if the stream is to close now.
    fn flushed(&self) -> bool {
        let mut state = self.state.lock();
        state.flushes = state.flushes.wrapping_add(1);
        let closes = state.fate == Fate::CloseWhenFlushed;
        if closes {
            state.fate = Fate::Close;
        }
        let waiting = state.waiting_for_flush.take();
        drop(state);
        if let Some(waker) = waiting {
            waker.wake();
        }
        closes
    }
}

/// A TCP stream that can be told how to end.
#[derive(Debug)]
pub(crate) struct ScriptedStream {
    stream: TcpStream,
    connection: Connection,
}

impl ScriptedStream {
    pub(crate) fn new(stream: TcpStream, connection: Connection) -> Self {
        Self { stream, connection }
    }
}

impl Drop for ScriptedStream {
    fn drop(&mut self) {
        if self.connection.fate() == Fate::Reset {
            // If it fails, the peer sees FIN where a test expects RST, and the test says so.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for ScriptedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.connection.fate() == Fate::Close {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ScriptedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) && self.connection.flushed() {
            // Hyper waits for the next request; it has to read again to be told that there is none.
            context.waker().wake_by_ref();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.fate() == Fate::Reset {
            // A shutdown would send FIN ahead of the RST.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
