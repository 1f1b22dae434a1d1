//! The link to one peer: everything that outlives a connection with it.
//!
//! A link lasts until its peer is lost. Two threads at a time serve it: one makes connections
//! (`dial`) and writes (`writer`) what tasks can't write without waiting, the other reads
//! (`reader`). Locks are taken in the order `inbound`, `outputs`, `outbound`.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use arrow_buffer::Buffer;
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::channel::{ChannelId, Peer};
use super::chunk::{Chunk, Patience};
use super::context::Context;
use super::frame::{FrameError, Header, Kind, OutgoingFrame};
use super::inbound::{Inbound, InputState, Refused};
use super::outbox::Outbox;
use crate::error::TaskError;
use crate::exchange::credit::Credit;
use crate::exchange::gate::RemoteSink;

/// How often a task writes what others have added meanwhile, until the writing thread has to.
const MAX_CHUNKS_AT_ONCE: usize = 4;

/// A link to a peer.
pub(super) struct Link {
    pub(super) context: Arc<Context>,
    pub(super) peer: Peer,
    pub(super) outbound: Mutex<Outbound>,
    /// Something of `outbound` has changed that the writer waits for.
    pub(super) changed: Condvar,
    inbound: Mutex<Receiving>,
    outputs: Mutex<Outputs>,
    /// The number of the last frame received; written under the lock of `inbound`.
    received: AtomicU64,
    /// The number of the last frame whose receipt was written.
    pub(super) acknowledged: AtomicU64,
    /// Whether anything has been read of the present connection.
    pub(super) is_heard: AtomicBool,
    /// Whether the other side, where this one dials, knows the session.
    pub(super) is_known: AtomicBool,
}

/// What goes out.
pub(super) struct Outbound {
    pub(super) outbox: Outbox,
    /// Chosen by who dials; `None` where the other side does and hasn't yet.
    pub(super) session: Option<u64>,
    /// Which connection of the session is the present or was the last one.
    pub(super) connection: u64,
    pub(super) stream: Option<Arc<TcpStream>>,
    /// Whether somebody writes just now; whoever does looks afterwards what has come meanwhile.
    pub(super) is_writing: bool,
    /// What the kernel didn't take of what a task has written on the present connection: goes first.
    pub(super) rest: Option<Chunk>,
    /// Whether the other side is to be told what was received, though nothing else is to be sent.
    pub(super) is_ack_due: bool,
    /// Why the last connection ended.
    pub(super) broken: Option<String>,
    /// Why the peer is lost, once that is so.
    pub(super) lost: Option<TaskError>,
}

struct Receiving {
    /// The connection whose frames count.
    connection: u64,
    channels: Inbound,
}

#[derive(Default)]
struct Outputs {
    last: u32,
    open: HashMap<u32, Output>,
    lost: Option<TaskError>,
}

/// What becomes of the channel of a producer.
struct Output {
    credit: Arc<Credit>,
    fate: Arc<OnceLock<TaskError>>,
}

/// Why frames of a connection aren't taken any more.
#[derive(Debug)]
pub(super) enum Stop {
    /// Another connection has taken its place.
    Superseded,
    /// They can't be understood.
    Wrong(FrameError),
}

impl From<FrameError> for Stop {
    fn from(error: FrameError) -> Self {
        Self::Wrong(error)
    }
}

impl Link {
    /// Makes the link to a peer, for a session where this side dials or it has begun.
    pub(super) fn new(context: Arc<Context>, peer: Peer, session: Option<u64>) -> Self {
        let outbound = Outbound {
            outbox: Outbox::default(),
            session,
            connection: 0,
            stream: None,
            is_writing: false,
            rest: None,
            is_ack_due: false,
            broken: None,
            lost: None,
        };
        let inbound = Receiving { connection: 0, channels: Inbound::default() };
        Self {
            context,
            peer,
            outbound: Mutex::new(outbound),
            changed: Condvar::new(),
            inbound: Mutex::new(inbound),
            outputs: Mutex::default(),
            received: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            is_heard: AtomicBool::new(false),
            is_known: AtomicBool::new(false),
        }
    }

    /// Returns whether this side dials the other.
    pub(super) fn is_dialler(&self) -> bool {
        self.context.options.worker < self.peer.worker
    }

    pub(super) fn is_connected(&self) -> bool {
        self.outbound.lock().stream.is_some()
    }

    /// Sends a frame, as soon as there is a connection.
    pub(super) fn push(&self, frame: OutgoingFrame) {
        let mut outbound = self.outbound.lock();
        if outbound.lost.is_none() {
            outbound.outbox.push(frame);
            self.write_at_once(outbound);
        }
    }

    /// Writes what is to be sent, as far as that is possible without waiting: it saves waking the
    /// writing thread, which does the rest.
    fn write_at_once<'a>(&'a self, mut outbound: MutexGuard<'a, Outbound>) {
        for _ in 0..MAX_CHUNKS_AT_ONCE {
            if outbound.is_writing || outbound.rest.is_some() || !outbound.has_to_write() {
                return;
            }
            let Some((stream, mut chunk)) = self.begin_writing(&mut outbound) else { return };
            let connection = outbound.connection;
            drop(outbound);
            let written = chunk.write(&stream, Patience::None);
            outbound = self.end_writing(connection, chunk, &written);
        }
        drop(outbound);
        self.changed.notify_all();
    }

    /// Takes what is to be written next and the right to do so; `None` without a connection.
    pub(super) fn begin_writing(&self, outbound: &mut Outbound) -> Option<(Arc<TcpStream>, Chunk)> {
        let stream = outbound.stream.clone()?;
        outbound.is_writing = true;
        outbound.is_ack_due = false;
        let chunk = outbound.rest.take().unwrap_or_else(|| {
            let received = self.received();
            self.acknowledged.store(received, Ordering::Release);
            Chunk::take(&mut outbound.outbox, received)
        });
        Some((stream, chunk))
    }

    /// Gives the right to write back; `written` says whether all of the chunk was.
    pub(super) fn end_writing(
        &self,
        connection: u64,
        chunk: Chunk,
        written: &io::Result<bool>,
    ) -> MutexGuard<'_, Outbound> {
        if let Err(error) = written {
            self.break_off(connection, format!("writing to it failed: {error}"));
        }
        let mut outbound = self.outbound.lock();
        outbound.is_writing = false;
        let is_present = outbound.connection == connection && outbound.stream.is_some();
        match written {
            Ok(true) => {
                let counters = &self.context.counters;
                counters.bytes_sent.fetch_add(chunk.bytes() as u64, Ordering::Relaxed);
                counters.frames_sent.fetch_add(chunk.frames() as u64, Ordering::Relaxed);
                if !is_present {
                    self.changed.notify_all();
                }
            }
            Ok(false) if is_present => {
                outbound.rest = Some(chunk);
                self.changed.notify_all();
            }
            _ => {
                self.changed.notify_all();
            }
        }
        outbound
    }

    /// Opens a channel to a consumer and returns its number; `fate` is told how it ends.
    pub(super) fn open_output(
        &self,
        id: ChannelId,
        credit: Arc<Credit>,
        fate: Arc<OnceLock<TaskError>>,
    ) -> u32 {
        let mut outputs = self.outputs.lock();
        if let Some(error) = &outputs.lost {
            let _ = fate.set(error.clone());
        }
        outputs.last = outputs.last.wrapping_add(1);
        let number = outputs.last;
        outputs.open.insert(number, Output { credit, fate });
        self.push(OutgoingFrame::open(number, id));
        number
    }

    /// Forgets a channel whose producer has ended or is gone.
    pub(super) fn close_output(&self, number: u32) {
        self.outputs.lock().open.remove(&number);
    }

    /// Adds the consumer of a channel.
    pub(super) fn open_input(&self, id: ChannelId, sink: RemoteSink, state: Arc<InputState>) {
        let refused = self.inbound.lock().channels.register(id, sink, state);
        self.refuse(refused);
    }

    /// Takes the consumer of a channel away that hasn't read all.
    pub(super) fn close_input(&self, id: ChannelId, state: &InputState) {
        let refused = self.inbound.lock().channels.unregister(id, state);
        self.refuse(refused);
    }

    /// Refuses what has waited too long for its consumer.
    pub(super) fn expire(&self) {
        let timeout = self.context.options.connect_timeout;
        let refused = self.inbound.lock().channels.expire(Instant::now(), timeout);
        self.refuse(refused);
    }

    fn refuse(&self, refused: Refused) {
        for number in refused {
            self.push(OutgoingFrame::gone(number));
        }
    }

    /// Returns the number of the last frame received.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Acquire)
    }

    /// Lets the frames of a new connection count instead of those of the last, and returns the
    /// number of the last frame received before it: exact, since no other will be.
    pub(super) fn begin_receiving(&self, connection: u64) -> u64 {
        let mut inbound = self.inbound.lock();
        inbound.connection = connection.max(inbound.connection);
        self.received()
    }

    /// Takes a frame in.
    ///
    /// # Errors
    /// Where nothing more may be read of this connection.
    pub(super) fn receive(
        &self,
        connection: u64,
        header: &Header,
        body: Buffer,
    ) -> Result<(), Stop> {
        header.check(&body)?;
        let mut inbound = self.inbound.lock();
        if inbound.connection != connection {
            return Err(Stop::Superseded);
        }
        if header.kind == Kind::Ack {
            return Ok(());
        }
        let expected = self.received() + 1;
        if header.seq != expected {
            return Err(FrameError::Sequence { found: header.seq, expected }.into());
        }
        let mut refused = Refused::new();
        match header.kind {
            Kind::Open => {
                let id = ChannelId::from_bytes(&body);
                let id = id.ok_or(FrameError::Body("a channel without a name"))?;
                refused = inbound.channels.open(header.channel, id, Instant::now())?;
            }
            Kind::Close => inbound.channels.close(header.channel),
            Kind::Credit => self.on_credit(header.channel, header.value as usize),
            Kind::Gone => self.on_gone(header.channel),
            _ => inbound.channels.deliver(header, body)?,
        }
        self.received.store(header.seq, Ordering::Release);
        drop(inbound);
        self.refuse(refused);
        Ok(())
    }

    fn on_credit(&self, number: u32, bytes: usize) {
        if let Some(output) = self.outputs.lock().open.get(&number) {
            output.credit.give_back_at_most(bytes);
        }
    }

    fn on_gone(&self, number: u32) {
        if let Some(output) = self.outputs.lock().open.remove(&number) {
            output.end(TaskError::PeerGone { peer: "consumer of the exchange" });
        }
    }

    /// Notes what the other side says it has received.
    ///
    /// # Errors
    /// Where it can't have.
    pub(super) fn on_acknowledged(&self, seq: u64) -> Result<(), FrameError> {
        let done = self.outbound.lock().outbox.acknowledge(seq)?;
        drop(done);
        Ok(())
    }

    /// Has the other side told what was received.
    pub(super) fn request_ack(&self) {
        let mut outbound = self.outbound.lock();
        outbound.is_ack_due = true;
        self.write_at_once(outbound);
    }

    /// Notes that a connection is broken, unless another has taken its place already.
    pub(super) fn break_off(&self, connection: u64, reason: String) {
        let mut outbound = self.outbound.lock();
        if outbound.connection == connection
            && let Some(stream) = outbound.stream.take()
        {
            let peer = &self.peer.address;
            tracing::info!("the connection with the worker at {peer} is broken: {reason}");
            let _ = stream.shutdown(Shutdown::Both);
            outbound.rest = None;
            outbound.broken = Some(reason);
            drop(outbound);
            self.changed.notify_all();
        }
    }

    /// Gives the peer up: all channels from and to it fail.
    pub(super) fn lose(self: &Arc<Self>, reason: &str) {
        let address = self.peer.address.clone();
        let error = TaskError::WorkerGone { address, reason: reason.into() };
        let mut outbound = self.outbound.lock();
        if outbound.lost.is_some() {
            return;
        }
        outbound.lost = Some(error.clone());
        if let Some(stream) = outbound.stream.take() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let frames = (outbound.outbox.clear(), outbound.rest.take());
        drop(outbound);
        drop(frames);
        self.changed.notify_all();
        let mut links = self.context.links.lock();
        if links.get(&self.peer.worker).is_some_and(|link| Arc::ptr_eq(link, self)) {
            links.remove(&self.peer.worker);
        }
        drop(links);
        if !self.context.is_closing() {
            tracing::warn!("{error}");
        }
        self.inbound.lock().channels.lose(&error);
        let mut outputs = self.outputs.lock();
        outputs.lost = Some(error.clone());
        for (_, output) in outputs.open.drain() {
            output.end(error.clone());
        }
    }
}

impl Outbound {
    /// Returns whether anything waits to be written.
    pub(super) fn has_to_write(&self) -> bool {
        self.rest.is_some() || self.outbox.has_unwritten() || self.is_ack_due
    }
}

impl Output {
    fn end(self, error: TaskError) {
        let _ = self.fate.set(error);
        self.credit.wake_producer();
    }
}
