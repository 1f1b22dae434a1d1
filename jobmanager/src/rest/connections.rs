//! How many connections there are, and who makes room when there are too many.
//!
//! Clients that connect and ask nothing must not keep others out, probes of Kubernetes above all.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a connection may ask nothing before it has to make room for another.
const GRACE: Duration = Duration::from_secs(1);

/// All connections.
#[derive(Debug)]
pub struct Connections {
    places: Arc<Semaphore>,
    idle: Mutex<Idle>,
}

/// Those that ask nothing at present, in the order in which they began to.
#[derive(Debug, Default)]
struct Idle {
    next: u64,
    waiting: BTreeMap<u64, (Instant, CancellationToken)>,
}

impl Connections {
    /// Has so many places.
    pub fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { places: Arc::new(Semaphore::new(places)), idle: Mutex::default() })
    }

    /// Waits for a place. If there is none the connection that has asked nothing for longest has to
    /// make room.
    pub async fn place(self: &Arc<Self>) -> Arc<Place> {
        let mut pause = Duration::ZERO;
        loop {
            if let Ok(Ok(permit)) = timeout(pause, self.places.clone().acquire_owned()).await {
                let connections = self.clone();
                return Arc::new(Place {
                    connections,
                    given_up: CancellationToken::new(),
                    idle: Mutex::new(None),
                    _permit: permit,
                });
            }
            pause = self.make_room();
        }
    }

    /// Gives the idlest connection up; returns how long to wait for what comes of it.
    fn make_room(&self) -> Duration {
        let mut idle = self.idle.lock();
        let Some(first) = idle.waiting.first_entry() else { return GRACE };
        let (since, given_up) = first.get();
        let left = GRACE.saturating_sub(since.elapsed());
        if !left.is_zero() {
            return left;
        }
        given_up.cancel();
        first.remove();
        GRACE
    }
}

/// The place of one connection.
#[derive(Debug)]
pub struct Place {
    connections: Arc<Connections>,
    given_up: CancellationToken,
    /// Its number among the idle ones.
    idle: Mutex<Option<u64>>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// Takes note that the client asks nothing.
    pub fn set_idle(&self) {
        let mut idle = self.connections.idle.lock();
        let number = idle.next;
        idle.next += 1;
        idle.waiting.insert(number, (Instant::now(), self.given_up.clone()));
        *self.idle.lock() = Some(number);
    }

    /// Takes note that the client has asked something, until what is returned is dropped.
    pub fn busy(self: &Arc<Self>) -> Busy {
        self.leave_idle();
        Busy(self.clone())
    }

    /// Waits until the connection has to make room; returns whether it does so in the middle of an
    /// answer, which is to be sent first.
    pub async fn given_up(&self) -> bool {
        self.given_up.cancelled().await;
        self.idle.lock().is_none()
    }

    fn leave_idle(&self) {
        let mut idle = self.connections.idle.lock();
        if let Some(number) = self.idle.lock().take() {
            idle.waiting.remove(&number);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave_idle();
    }
}

/// A client is being answered.
#[derive(Debug)]
pub struct Busy(Arc<Place>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set_idle();
    }
}

impl Busy {
    /// Goes on until the body has been sent.
    pub fn until_sent(self, body: Body) -> Body {
        Body::new(BusyBody { body, _busy: self })
    }
}

struct BusyBody {
    body: Body,
    _busy: Busy,
}

impl HttpBody for BusyBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
