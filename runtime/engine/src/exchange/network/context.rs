//! What all connections of a worker share.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use sciurus_core::ids::WorkerId;

use super::NetworkMetrics;
use super::link::Link;
use super::options::NetworkOptions;

/// The most connections whose other side hasn't said yet who it is.
const MAX_STRANGERS: usize = 64;

pub(super) struct Context {
    pub(super) options: NetworkOptions,
    /// Where others find this worker.
    pub(super) address: Arc<str>,
    pub(super) links: Mutex<HashMap<WorkerId, Arc<Link>>>,
    pub(super) counters: Counters,
    pub(super) threads: Arc<Threads>,
    pub(super) is_closing: AtomicBool,
    strangers: Mutex<Strangers>,
}

#[derive(Default)]
struct Strangers {
    next: u64,
    streams: HashMap<u64, Arc<TcpStream>>,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) bytes_sent: AtomicU64,
    pub(super) bytes_received: AtomicU64,
    pub(super) frames_sent: AtomicU64,
    pub(super) frames_received: AtomicU64,
    pub(super) reconnects: AtomicU64,
}

impl Context {
    pub(super) fn new(options: NetworkOptions, address: Arc<str>) -> Self {
        Self {
            options,
            address,
            links: Mutex::default(),
            counters: Counters::default(),
            threads: Arc::default(),
            is_closing: AtomicBool::new(false),
            strangers: Mutex::default(),
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }

    /// Takes a connection in whose other side is still to say who it is; `None` where there are too
    /// many of them or the network is closing.
    pub(super) fn add_stranger(&self, stream: Arc<TcpStream>) -> Option<u64> {
        let mut strangers = self.strangers.lock();
        if strangers.streams.len() >= MAX_STRANGERS || self.is_closing() {
            return None;
        }
        strangers.next += 1;
        let number = strangers.next;
        strangers.streams.insert(number, stream);
        Some(number)
    }

    pub(super) fn remove_stranger(&self, number: u64) {
        self.strangers.lock().streams.remove(&number);
    }

    /// Closes all connections.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
        for (_, stream) in self.strangers.lock().streams.drain() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let links: Vec<_> = self.links.lock().values().cloned().collect();
        for link in links {
            link.lose("this worker ends");
        }
    }

    pub(super) fn metrics(&self) -> NetworkMetrics {
        let links: Vec<_> = self.links.lock().values().cloned().collect();
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        NetworkMetrics {
            bytes_sent: get(&self.counters.bytes_sent),
            bytes_received: get(&self.counters.bytes_received),
            frames_sent: get(&self.counters.frames_sent),
            frames_received: get(&self.counters.frames_received),
            reconnects: get(&self.counters.reconnects),
            connections: links.iter().filter(|link| link.is_connected()).count() as u64,
        }
    }
}

/// Counts the threads that run, so that their end can be waited for.
#[derive(Debug, Default)]
pub(super) struct Threads {
    running: Mutex<usize>,
    changed: Condvar,
}

impl Threads {
    /// Runs `body` on a thread of its own.
    pub(super) fn spawn(
        self: &Arc<Self>,
        name: &str,
        body: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        *self.running.lock() += 1;
        let running = Running(self.clone());
        // Where the thread doesn't start, what it would have owned is dropped: it counts no more.
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _running = running;
            body();
        })?;
        Ok(())
    }

    /// Waits until no thread runs or the time is over; returns how many still do.
    pub(super) fn wait(&self, timeout: Duration) -> usize {
        let deadline = Instant::now() + timeout;
        let mut running = self.running.lock();
        while *running > 0 && !self.changed.wait_until(&mut running, deadline).timed_out() {}
        *running
    }
}

struct Running(Arc<Threads>);

impl Drop for Running {
    fn drop(&mut self) {
        *self.0.running.lock() -= 1;
        self.0.changed.notify_all();
    }
}
