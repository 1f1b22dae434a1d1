//! A stretch of network that is slow, or cut for a while.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Stands between a worker and those who dial it: delays what it carries, and can cut it.
pub struct Proxy {
    cut: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// Carries what arrives at one port to the other, and back, each with a delay.
    pub fn start(listen: u16, target: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", listen)).unwrap();
        let proxy = Self { cut: Arc::default(), connections: Arc::default() };
        let (cut, connections) = (proxy.cut.clone(), proxy.connections.clone());
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                // While the line is cut nobody answers.
                while cut.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(5));
                }
                let Ok(far) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                let both = [near.try_clone().unwrap(), far.try_clone().unwrap()];
                connections.lock().unwrap().extend(both);
                carry(near.try_clone().unwrap(), far.try_clone().unwrap(), delay);
                carry(far, near, delay);
            }
        });
        proxy
    }

    /// Cuts all connections for a while, in which no new one comes about.
    pub fn cut(&self, time: Duration) {
        self.cut.store(true, Ordering::SeqCst);
        for connection in self.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        thread::sleep(time);
        self.cut.store(false, Ordering::SeqCst);
    }

    /// Whether anything is connected through it.
    pub fn was_used(&self) -> bool {
        !self.connections.lock().unwrap().is_empty()
    }
}

/// Carries what one end sends to the other, later.
fn carry(mut from: TcpStream, to: TcpStream, delay: Duration) {
    let (sender, receiver) = mpsc::sync_channel(1_000);
    thread::spawn(move || deliver(&receiver, to));
    thread::spawn(move || {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(read) = from.read(&mut buffer)
            && read > 0
            && sender.send((Instant::now() + delay, buffer[..read].to_vec())).is_ok()
        {}
    });
}

fn deliver(receiver: &Receiver<(Instant, Vec<u8>)>, mut to: TcpStream) {
    for (due, bytes) in receiver {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
