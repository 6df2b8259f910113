//! Bodies that come as one, in pieces, or not to their end.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::Reset;

/// Long enough for what was written before to have left.
const PAUSE: Duration = Duration::from_millis(20);

/// A body in pieces with a pause before each but the first.
pub(super) struct Paced {
    pieces: VecDeque<Bytes>,
    left: u64,
    cut: bool,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Paced {
    pub(super) fn whole(body: Bytes) -> Self {
        Self::of([body].into(), false)
    }

    /// In five pieces.
    pub(super) fn slow(body: Bytes) -> Self {
        let size = body.len().div_ceil(5).max(1);
        Self::of((0..body.len()).step_by(size).map(|at| body.slice(at..body.len().min(at + size))).collect(), false)
    }

    /// The first half only.
    pub(super) fn cut(body: Bytes) -> Self {
        let left = body.len() as u64;
        Self { left, ..Self::of([body.slice(..body.len() / 2)].into(), true) }
    }

    fn of(pieces: VecDeque<Bytes>, cut: bool) -> Self {
        let left = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self { pieces, left, cut, pause: None }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Reset;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Reset>>> {
        if let Some(pause) = &mut self.pause {
            if pause.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.pause = None;
        }
        match self.pieces.pop_front() {
            Some(piece) => {
                self.left -= piece.len() as u64;
                if self.cut || !self.pieces.is_empty() {
                    self.pause = Some(Box::pin(sleep(PAUSE)));
                }
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            None if self.cut => Poll::Ready(Some(Err(Reset))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && !self.cut
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
