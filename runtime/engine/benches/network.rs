//! What rows cost between two workers, over loopback: prints rows a second and nanoseconds of
//! processor time a row, for both ends and the kernel together.
//!
//! `cargo bench -p sciurus-engine --bench network`, behind it `-- between` for those whose names hold
//! that

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sciurus_core::element::StreamElement;
use sciurus_core::ids::{AttemptNumber, JobEdgeId, JobId, SubtaskIndex, WorkerId};
use sciurus_core::record::F0;
use sciurus_core::{Batch, Columns};
use sciurus_engine::collector::Emitter;
use sciurus_engine::exchange::network::{
    ChannelEnd, ChannelId, Compression, Network, NetworkOptions, Peer,
};
use sciurus_engine::exchange::{ChannelSender, ColumnKeys, InputGate, KeyExtractor};
use sciurus_engine::metrics::TaskMetrics;
use sciurus_engine::notify::Notifier;
use sciurus_engine::operator::BatchLimits;
use sciurus_engine::task::TaskControl;
use sciurus_engine::{TaskError, TaskResult};

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
    let rows = 60_000_000;
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        println!("batches that are there already, {compression}");
        let rows = if compression == Compression::None { rows } else { rows / 6 };
        let way = Way::Between(compression);
        measure("4096 rows, all of them", &sent(4096, 1)?, rows, way, Work::None)?;
        measure("2048 rows out of 4096", &sent(4096, 2)?, rows / 2, way, Work::None)?;
        measure("512 rows out of 4096", &sent(4096, 8)?, rows / 4, way, Work::None)?;
        measure("256 rows, all of them", &sent(256, 1)?, rows / 8, way, Work::None)?;
    }
    println!("each batch made from its rows, and counted word by word");
    for rows_each in [4096, 2048, 512] {
        let sent = sent(rows_each, 1)?;
        for (name, way) in [("within", Way::Within), ("between", Way::Between(Compression::None))] {
            measure(&format!("{rows_each} rows, {name}"), &sent, rows, way, Work::Count)?;
        }
    }
    Ok(())
}

/// Where the channel leads.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// To a task of the same process.
    Within,
    /// To another worker.
    Between(Compression),
}

/// What the tasks at both ends do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    None,
    Count,
}

/// Makes a batch anew of its rows.
fn make_anew(batch: &Batch, emitter: &mut Emitter<Word>) -> TaskResult<Batch> {
    let columns = batch.columns::<Word>()?;
    batch.for_each(|row| {
        emitter.append(columns.get(row), None);
    });
    emitter.take()
}

/// Counts words about as a keyed operator does: hashes, looks up, adds.
fn count(batch: &Batch, keys: &mut dyn KeyExtractor, table: &mut [i64]) -> TaskResult {
    let hashes = keys.keys(batch)?.hashes;
    let columns = batch.columns::<Word>()?;
    batch.for_each(|row| {
        let place = hashes[row] as usize % table.len();
        table[place] += columns.get(row).1;
    });
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
    way: Way,
    work: Work,
) -> Result<(), Box<dyn Error>> {
    // Cargo adds arguments of its own.
    let mut wanted = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    if wanted.next().is_some_and(|wanted| !name.contains(&wanted)) {
        return Ok(());
    }
    let worker = |number: u8| {
        let id = WorkerId::from_bytes([number; 16]);
        let options = NetworkOptions::new(JobId::from_bytes([7; 16]), id, "127.0.0.1");
        let compression = match way {
            Way::Within => Compression::None,
            Way::Between(compression) => compression,
        };
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
    let control = Arc::new(TaskControl::new(Notifier::default()));
    let producer = control.notifier().clone();
    let sender: Box<dyn ChannelSender> = match way {
        Way::Within => Box::new(gate.add_local(producer)),
        Way::Between(_) => {
            two.receive(channel, &peer(1, &one), &mut gate);
            Box::new(one.send(channel, &peer(2, &two), producer, LIMIT))
        }
    };
    let (started, before) = (Instant::now(), processor_nanos()?);
    let received = thread::scope(|scope| {
        let sending = scope.spawn(move || produce(sender, &control, batches, rows, work));
        let received = consume(gate, &notifier, work);
        sending.join().map_err(|_| TaskError::Defect("the sender panicked"))??;
        received
    })?;
    let (user, system) = processor_nanos()?;
    let per_row = |nanos: u64| nanos as f64 / received as f64;
    let (user, system) = (per_row(user - before.0), per_row(system - before.1));
    let rate = received as f64 / started.elapsed().as_secs_f64() / 1e6;
    let bytes = one.metrics().bytes_sent as f64 / received as f64;
    println!(
        "  {name:<28} {rate:6.1} M rows/s  {:5.1} ns a row: {user:4.1} user, {system:4.1} kernel; \
         {bytes:4.1} bytes",
        user + system
    );
    Ok(())
}

fn produce(
    mut sender: Box<dyn ChannelSender>,
    control: &TaskControl,
    batches: &[Batch],
    rows: usize,
    work: Work,
) -> TaskResult {
    control.notifier().attach();
    let metrics = TaskMetrics::default();
    let mut emitter = Emitter::new(BatchLimits { max_rows: 4096, max_bytes: usize::MAX });
    let mut left = rows;
    for batch in batches.iter().cycle() {
        let batch = match work {
            Work::None => batch.clone(),
            Work::Count => make_anew(batch, &mut emitter)?,
        };
        control.wait_for_room(&metrics, || sender.has_credit())?;
        let bytes = batch.bytes().max(1);
        left = left.saturating_sub(batch.len());
        sender.send(StreamElement::Batch(batch), bytes)?;
        if left == 0 {
            break;
        }
    }
    sender.send(StreamElement::EndOfInput, 0)?;
    sender.send(StreamElement::EndOfPartition, 0)
}

fn consume(mut gate: InputGate, notifier: &Notifier, work: Work) -> TaskResult<usize> {
    notifier.attach();
    let mut keys = ColumnKeys::<Word, F0>::default();
    let mut table = vec![0; 1 << 17];
    let mut received = 0;
    while !gate.is_finished() {
        let Some(element) = gate.poll()? else {
            notifier.wait(Duration::from_secs(1));
            continue;
        };
        if let StreamElement::Batch(batch) = element.element {
            received += batch.len();
            if work == Work::Count {
                count(&batch, &mut keys, &mut table)?;
            }
        }
    }
    Ok(received)
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
