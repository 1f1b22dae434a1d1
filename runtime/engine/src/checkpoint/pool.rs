//! The threads that write snapshots behind the backs of tasks.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};

/// How many snapshots may wait for a thread; no more are taken on.
const MAX_WAITING: usize = 4096;

type Job = Box<dyn FnOnce() + Send>;

/// A few threads, shared by all tasks of a process and started when there is something to do. They
/// end when the pool is dropped, after what they do at that moment; what waits is dropped.
pub(super) struct WriterPool {
    shared: Arc<Shared>,
    max_threads: usize,
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
    /// How many threads there are, and how many of them wait for something to do.
    threads: usize,
    idle: usize,
    is_closed: bool,
}

impl WriterPool {
    /// Makes a pool of at most so many threads, without any yet.
    pub(super) fn new(max_threads: usize) -> Self {
        Self { shared: Arc::default(), max_threads }
    }

    /// Has `job` done by one of the threads; `false` where too many wait already or no thread can be
    /// started.
    pub(super) fn submit(&self, job: impl FnOnce() + Send + 'static) -> bool {
        let mut queue = self.shared.queue.lock();
        if queue.jobs.len() >= MAX_WAITING {
            return false;
        }
        if queue.idle <= queue.jobs.len() && queue.threads < self.max_threads {
            let shared = self.shared.clone();
            let name = format!("checkpoint-writer-{}", queue.threads);
            match thread::Builder::new().name(name).spawn(move || run(&shared)) {
                Ok(_) => queue.threads += 1,
                Err(_) if queue.threads > 0 => {}
                Err(error) => {
                    tracing::warn!("a thread that writes checkpoints can't be started: {error}");
                    return false;
                }
            }
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
            if let Some(job) = queue.jobs.pop_front() {
                break job;
            }
            queue.idle += 1;
            shared.changed.wait(&mut queue);
            queue.idle -= 1;
        };
        drop(queue);
        job();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    const FOREVER: Duration = Duration::from_secs(60);

    #[test]
    fn threads_start_when_there_is_something_to_do_and_are_no_more_than_allowed() {
        let pool = WriterPool::new(2);
        assert_eq!(pool.shared.queue.lock().threads, 0);
        let (started, starts) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        for _ in 0..5 {
            let (started, wait) = (started.clone(), wait.clone());
            assert!(pool.submit(move || {
                started.send(()).unwrap();
                wait.lock().recv_timeout(FOREVER).unwrap();
            }));
        }
        for _ in 0..2 {
            starts.recv_timeout(FOREVER).unwrap();
        }
        assert!(starts.try_recv().is_err(), "a third has begun");
        assert_eq!(pool.shared.queue.lock().threads, 2);
        for _ in 0..5 {
            go.send(()).unwrap();
        }
        for _ in 0..3 {
            starts.recv_timeout(FOREVER).unwrap();
        }
    }

    #[test]
    fn what_waits_for_too_long_a_queue_is_refused_and_what_waits_is_dropped_with_the_pool() {
        let pool = WriterPool::new(1);
        let (started, starts) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        assert!(pool.submit(move || {
            started.send(()).unwrap();
            let _ = wait.recv_timeout(FOREVER);
        }));
        starts.recv_timeout(FOREVER).unwrap();
        let held = Arc::new(());
        for _ in 0..MAX_WAITING {
            let held = held.clone();
            assert!(pool.submit(move || drop(held)));
        }
        assert!(!pool.submit(|| ()));
        assert_eq!(Arc::strong_count(&held), MAX_WAITING + 1);
        drop(pool);
        assert_eq!(Arc::strong_count(&held), 1);
        drop(go);
    }
}
