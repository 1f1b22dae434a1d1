//! A TCP proxy that does to connections what real networks do.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What is done to the bytes of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mischief {
    /// Bytes go on in pieces of random lengths up to this one.
    pub(crate) pieces: Option<usize>,
    /// Each piece waits for up to so long.
    pub(crate) delay: Duration,
}

/// Takes connections at an address of its own and passes on what comes to another.
pub(crate) struct Proxy {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    target: Mutex<String>,
    mischief: Mutex<Mischief>,
    streams: Mutex<Vec<TcpStream>>,
    /// New connections are taken and closed at once.
    is_cut: AtomicBool,
    seed: AtomicU64,
    accepted: AtomicU64,
    is_closing: AtomicBool,
}

impl Proxy {
    pub(crate) fn new(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            target: Mutex::default(),
            mischief: Mutex::default(),
            streams: Mutex::default(),
            is_cut: AtomicBool::new(false),
            seed: AtomicU64::new(seed),
            accepted: AtomicU64::new(0),
            is_closing: AtomicBool::new(false),
        });
        let serving = shared.clone();
        thread::spawn(move || serving.serve(&listener));
        Self { address, shared }
    }

    pub(crate) fn lead_to(&self, target: &str) {
        target.clone_into(&mut self.shared.target.lock().unwrap());
    }

    pub(crate) fn make(&self, mischief: Mischief) {
        *self.shared.mischief.lock().unwrap() = mischief;
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Acquire)
    }

    /// Breaks all connections; new ones are broken as well until `mend` is called.
    pub(crate) fn cut(&self) {
        self.shared.is_cut.store(true, Ordering::Release);
        self.break_all();
    }

    pub(crate) fn mend(&self) {
        self.shared.is_cut.store(false, Ordering::Release);
    }

    /// Breaks all connections there are.
    pub(crate) fn break_all(&self) {
        for stream in self.shared.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Closes one direction of all connections there are.
    pub(crate) fn half_close(&self) {
        for stream in self.shared.streams.lock().unwrap().iter() {
            let _ = stream.shutdown(Shutdown::Write);
        }
    }

    /// Breaks all connections with a reset.
    pub(crate) fn reset(&self) {
        for stream in self.shared.streams.lock().unwrap().drain(..) {
            let _ = rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_closing.store(true, Ordering::Release);
        self.cut();
        let _ = TcpStream::connect(&self.address);
    }
}

impl Shared {
    fn serve(self: &Arc<Self>, listener: &TcpListener) {
        while let Ok((client, _)) = listener.accept() {
            if self.is_closing.load(Ordering::Acquire) {
                return;
            }
            self.accepted.fetch_add(1, Ordering::AcqRel);
            if self.is_cut.load(Ordering::Acquire) {
                continue;
            }
            let Ok(server) = TcpStream::connect(self.target.lock().unwrap().as_str()) else {
                continue;
            };
            for (from, to) in [(&client, &server), (&server, &client)] {
                let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                self.streams.lock().unwrap().push(from.try_clone().unwrap());
                let shared = self.clone();
                thread::spawn(move || {
                    let _ = shared.pass(&from, &to);
                    let _ = from.shutdown(Shutdown::Both);
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    }

    fn pass(&self, mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
        let mut random = fastrand::Rng::with_seed(self.seed.fetch_add(1, Ordering::AcqRel));
        let mut bytes = vec![0; 1 << 16];
        let _ = to.set_nodelay(true);
        loop {
            let mischief = *self.mischief.lock().unwrap();
            let most = mischief.pieces.map_or(bytes.len(), |most| random.usize(1..=most));
            let read = from.read(&mut bytes[..most])?;
            if read == 0 {
                return Ok(());
            }
            if !mischief.delay.is_zero() {
                thread::sleep(mischief.delay.mul_f64(random.f64()));
            }
            to.write_all(&bytes[..read])?;
        }
    }
}
