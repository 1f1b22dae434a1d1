//! Workers find each other over a network that is slow, or cut for a while.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use sciurus_harness::{Cluster, free_port};

use crate::executables;
use crate::word_count::{embedded, lines_of, write_text};

/// Stands between a worker and those who dial it: delays what it carries, and can cut it.
struct Proxy {
    cut: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    fn start(listen: u16, target: u16, delay: Duration) -> Self {
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
    fn cut(&self, time: Duration) {
        self.cut.store(true, Ordering::SeqCst);
        for connection in self.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        thread::sleep(time);
        self.cut.store(false, Ordering::SeqCst);
    }

    fn was_used(&self) -> bool {
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

/// Runs a word count on three TaskManagers whose workers find each other through proxies, and
/// meanwhile does something to these.
fn word_count_through(delay: Duration, meanwhile: impl FnOnce(&Cluster, &str, &[Proxy])) {
    let mut cluster = Cluster::start(executables(), 0, 2, &[]);
    let proxies: Vec<Proxy> = (0..3)
        .map(|_| {
            let (port, bind_port) = (free_port(), free_port());
            let told = format!("taskmanager.data.port={port}");
            let bound = format!("taskmanager.data.bind-port={bind_port}");
            cluster.add_task_manager_with(&[&told, &bound]);
            Proxy::start(port, bind_port, delay)
        })
        .collect();
    cluster.wait_for_task_managers(3);
    let (input, output) = (cluster.folder().join("text"), cluster.folder().join("output"));
    write_text(&input, 8 << 20);
    let expected = embedded(&input, &cluster.folder().join("expected"));
    let (from, to) = (input.to_str().unwrap(), output.to_str().unwrap());
    let job = cluster.submit(&["-p6"], &["word_count", "--input", from, "--output", to]);
    meanwhile(&cluster, &job, &proxies);
    cluster.wait_for_state(&job, "FINISHED");
    assert!(lines_of(&output) == expected, "the results differ");
    let restarts = cluster.get(&format!("/jobs/{job}/metrics?get=numRestarts"));
    assert_eq!(restarts[0]["value"], "0", "the job was not to notice");
    cluster.wait_until_idle();
}

#[test]
fn delay_on_the_network_changes_nothing() {
    word_count_through(Duration::from_millis(20), |cluster, job, proxies| {
        cluster.wait_for_records(job);
        assert!(proxies.iter().any(Proxy::was_used), "the workers went another way");
    });
}

#[test]
fn a_connection_that_is_cut_for_a_second_goes_on_where_it_was() {
    word_count_through(Duration::ZERO, |cluster, job, proxies| {
        cluster.wait_for_records(job);
        let used = proxies.iter().find(|proxy| proxy.was_used()).expect("a proxy in use");
        used.cut(Duration::from_secs(1));
    });
}
