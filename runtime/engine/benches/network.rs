//! What rows cost between two workers, over loopback: prints rows a second and nanoseconds of
//! processor time a row, for both ends and the kernel together.
//!
//! `cargo bench -p sciurus-engine --bench network`

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sciurus_core::Batch;
use sciurus_core::element::StreamElement;
use sciurus_core::ids::{AttemptNumber, JobEdgeId, JobId, SubtaskIndex, WorkerId};
use sciurus_engine::collector::Emitter;
use sciurus_engine::exchange::network::{
    ChannelEnd, ChannelId, Compression, Network, NetworkOptions, Peer,
};
use sciurus_engine::exchange::{ChannelSender, InputGate};
use sciurus_engine::metrics::TaskMetrics;
use sciurus_engine::notify::Notifier;
use sciurus_engine::operator::BatchLimits;
use sciurus_engine::task::TaskControl;

type Word = (String, i64);

/// What may be under way on a channel by default.
const LIMIT: usize = 320 << 10;
/// So many different batches are sent in turn, more than caches hold.
const BATCHES: usize = 64;
/// The kernel's unit of processor time.
const NANOS_PER_TICK: u64 = 10_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let sent = |rows: usize, keep: usize| -> Result<Vec<Batch>, Box<dyn Error>> {
        let batches = (0..BATCHES).map(|n| batch(rows, n)).collect::<Result<Vec<_>, _>>()?;
        let part =
            |batch: Batch| if keep > 1 { batch.filter(|row| row % keep == 1) } else { batch };
        Ok(batches.into_iter().map(part).collect())
    };
    let rows = 100_000_000;
    measure("4096 rows, all of them", &sent(4096, 1)?, rows, Compression::None)?;
    measure("2048 rows out of 4096", &sent(4096, 2)?, rows, Compression::None)?;
    measure("512 rows out of 4096", &sent(4096, 8)?, rows / 2, Compression::None)?;
    measure("256 rows, all of them", &sent(256, 1)?, rows / 4, Compression::None)?;
    measure("4096 rows, LZ4", &sent(4096, 1)?, rows / 10, Compression::Lz4)?;
    measure("4096 rows, Zstandard", &sent(4096, 1)?, rows / 10, Compression::Zstd)?;
    Ok(())
}

fn batch(rows: usize, seed: usize) -> Result<Batch, Box<dyn Error>> {
    let mut emitter = Emitter::<Word>::new(BatchLimits { max_rows: rows, max_bytes: usize::MAX });
    let mut random = fastrand::Rng::with_seed(seed as u64);
    for _ in 0..rows {
        let word = random.u32(0..100_000).pow(1 + random.u32(0..2) % 2);
        emitter.append((&format!("{word:x}"), 1), None);
    }
    Ok(emitter.take()?)
}

fn measure(
    name: &str,
    batches: &[Batch],
    rows: usize,
    compression: Compression,
) -> Result<(), Box<dyn Error>> {
    let worker = |number: u8| {
        let id = WorkerId::from_bytes([number; 16]);
        let options = NetworkOptions::new(JobId::from_bytes([7; 16]), id, "127.0.0.1");
        Network::bind(NetworkOptions { compression, ..options })
    };
    let (one, two) = (worker(1)?, worker(2)?);
    let peer = |number: u8, network: &Network| Peer {
        worker: WorkerId::from_bytes([number; 16]),
        address: network.address().clone(),
    };
    let end = ChannelEnd { subtask: SubtaskIndex(0), attempt: AttemptNumber(0) };
    let channel = ChannelId { edge: JobEdgeId(0), producer: end, consumer: end };
    let notifier = Notifier::default();
    let mut gate = InputGate::with_capacity(notifier.clone(), 1, LIMIT);
    two.receive(channel, &peer(1, &one), &mut gate);
    let control = Arc::new(TaskControl::new(Notifier::default()));
    let mut sender = one.send(channel, &peer(2, &two), control.notifier().clone(), LIMIT);
    let (started, before) = (Instant::now(), processor_nanos()?);
    let received = thread::scope(|scope| {
        let sending = scope.spawn(move || {
            control.notifier().attach();
            let metrics = TaskMetrics::default();
            let mut left = rows;
            for batch in batches.iter().cycle() {
                control.wait_for_room(&metrics, || sender.has_credit())?;
                let bytes = batch.bytes().max(1);
                sender.send(StreamElement::Batch(batch.clone()), bytes)?;
                left = left.saturating_sub(batch.len());
                if left == 0 {
                    break;
                }
            }
            sender.send(StreamElement::EndOfInput, 0)
        });
        notifier.attach();
        let mut received = 0;
        while !gate.is_finished() {
            match gate.poll() {
                Ok(Some(element)) => {
                    if let StreamElement::Batch(batch) = element.element {
                        received += batch.len();
                    }
                }
                Ok(None) => notifier.wait(Duration::from_secs(1)),
                Err(error) => return Err(error),
            }
        }
        sending.join().map_err(|_| sciurus_engine::TaskError::Defect("the sender panicked"))??;
        Ok(received)
    })?;
    let (user, system) = processor_nanos()?;
    let per_row = |nanos: u64| nanos as f64 / received as f64;
    let (user, system) = (per_row(user - before.0), per_row(system - before.1));
    let rate = received as f64 / started.elapsed().as_secs_f64() / 1e6;
    let bytes = one.metrics().bytes_sent as f64 / received as f64;
    println!(
        "{name:<28} {rate:6.1} M rows/s  {:5.1} ns a row: {user:4.1} user, {system:4.1} kernel; \
         {bytes:4.1} bytes",
        user + system
    );
    Ok(())
}

/// The processor time of this process so far: user and kernel.
fn processor_nanos() -> Result<(u64, u64), Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').ok_or("an odd stat")?.1;
    let ticks = |at: usize| -> Result<u64, Box<dyn Error>> {
        Ok(fields.split_whitespace().nth(at).ok_or("a short stat")?.parse()?)
    };
    Ok((ticks(11)? * NANOS_PER_TICK, ticks(12)? * NANOS_PER_TICK))
}
