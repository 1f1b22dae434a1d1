//! The threads that write snapshots behind the backs of tasks.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};

/// How many snapshots may wait for a thread; no more are taken on.
const MAX_WAITING: usize = 4096;

type Job = Box<dyn FnOnce() + Send>;

/// A few threads, shared by all tasks of a process. They end when the pool is dropped, after what
/// they do at that moment; what waits is dropped.
pub(super) struct WriterPool {
    shared: Arc<Shared>,
}

impl fmt::Debug for WriterPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WriterPool({} waiting)", self.shared.queue.lock().jobs.len())
    }
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

impl WriterPool {
    /// Starts so many threads.
    pub(super) fn start(threads: usize) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        for number in 0..threads {
            let shared = shared.clone();
            let name = format!("checkpoint-writer-{number}");
            thread::Builder::new().name(name).spawn(move || run(&shared))?;
        }
        Ok(Self { shared })
    }

    /// Has `job` done by one of the threads; `false` where too many wait already.
    pub(super) fn submit(&self, job: impl FnOnce() + Send + 'static) -> bool {
        let mut queue = self.shared.queue.lock();
        if queue.jobs.len() >= MAX_WAITING {
            return false;
        }
        queue.jobs.push_back(Box::new(job));
        drop(queue);
        self.shared.changed.notify_one();
        true
    }
}

impl Drop for WriterPool {
    fn drop(&mut self) {
        let mut queue = self.shared.queue.lock();
        queue.is_closed = true;
        let waiting = std::mem::take(&mut queue.jobs);
        drop(queue);
        self.shared.changed.notify_all();
        drop(waiting);
    }
}

fn run(shared: &Shared) {
    loop {
        let mut queue = shared.queue.lock();
        let job = loop {
            if queue.is_closed {
                return;
            }
            match queue.jobs.pop_front() {
                Some(job) => break job,
                None => shared.changed.wait(&mut queue),
            }
        };
        drop(queue);
        job();
    }
}
