//! What the operators of the job do.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use sciurus_core::Batch;
use sciurus_core::Columns;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::key::KeyGroupRange;
use sciurus_core::record::F0;
use sciurus_engine::checkpoint::SnapshotContext;
use sciurus_engine::collector::Emitter;
use sciurus_engine::exchange::{ColumnKeys, keys_of};
use sciurus_engine::operator::{BatchLimits, Operator, OperatorContext};
use sciurus_engine::output::Output;
use sciurus_engine::{TaskError, TaskResult};
use sciurus_state::operator::OperatorListState;
use sciurus_state::{
    BackendConfig, KeyedBackend, KeyedStateBackend, Namespace, OperatorBackend, StateId,
};

/// What has come out of the job, whatever became of its tasks.
#[derive(Default)]
pub(crate) struct Results {
    /// Committed rows, by the transaction that they were part of.
    pub(crate) committed: Mutex<BTreeMap<i64, Vec<(i64, i64)>>>,
    /// How many rows each relay had passed on when it finished, restarts included.
    pub(crate) relayed: Mutex<BTreeMap<(Arc<str>, u32), i64>>,
    /// What each restored relay was told of all relays before it.
    pub(crate) told: Mutex<Vec<Vec<i64>>>,
}

/// Passes rows on, and counts them in operator state.
pub(crate) struct Relay {
    results: Arc<Results>,
    backend: OperatorBackend,
    passed: OperatorListState<i64>,
    /// The numbers of all relays: each is told of all.
    all: OperatorListState<i64>,
    count: i64,
    /// Which relay it is.
    place: Option<(Arc<str>, u32)>,
}

impl Relay {
    pub(crate) fn new(results: Arc<Results>) -> Self {
        let (passed, all) = (OperatorListState::split("passed"), OperatorListState::union("all"));
        Self { results, backend: OperatorBackend::new(), passed, all, count: 0, place: None }
    }
}

impl Operator for Relay {
    fn open(&mut self, context: &OperatorContext) -> TaskResult {
        self.backend = context.operator_backend()?;
        self.backend.register(&mut self.passed)?;
        self.backend.register(&mut self.all)?;
        if context.state.is_restored() {
            self.results.told.lock().push(self.all.get(&self.backend)?.to_vec());
        }
        self.all.update(&mut self.backend, vec![i64::from(context.subtask.index)])?;
        self.count = self.passed.get(&self.backend)?.iter().sum();
        self.place = Some((context.name.clone(), context.subtask.index));
        Ok(())
    }

    fn process_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> TaskResult {
        self.count += batch.len() as i64;
        out.emit(batch)
    }

    fn finish(&mut self, _: &mut Output) -> TaskResult {
        // One that had finished before the others did starts without state, and gets no rows.
        if let Some(place) = self.place.clone().filter(|_| self.count > 0) {
            self.results.relayed.lock().insert(place, self.count);
        }
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &mut SnapshotContext<'_>, _: &mut Output) -> TaskResult {
        self.passed.update(&mut self.backend, vec![self.count])?;
        snapshot.operator = Some(self.backend.snapshot());
        Ok(())
    }
}

/// Counts the rows of each key, of both inputs, and emits each count.
pub(crate) struct Count {
    state: Option<(KeyedBackend, StateId)>,
    /// How long each snapshot takes to be written is up to the size of what it holds.
    ballast: usize,
}

impl Count {
    pub(crate) fn new(ballast: usize) -> Self {
        Self { state: None, ballast }
    }
}

impl Operator for Count {
    fn open(&mut self, context: &OperatorContext) -> TaskResult {
        let subtask = context.subtask;
        let range =
            KeyGroupRange::of_subtask(subtask.index, subtask.parallelism, subtask.max_parallelism);
        let config = BackendConfig::new(subtask.max_parallelism, range);
        let mut backend = context.state.keyed_backend(config)?;
        let id = backend.register_value::<(i64, String)>(&"count".into(), None)?;
        self.state = Some((backend, id));
        Ok(())
    }

    fn process_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> TaskResult {
        let Some((backend, id)) = &mut self.state else {
            return Err(TaskError::Defect("not open"));
        };
        let keys = keys_of(&batch, &mut ColumnKeys::<(i64, i64), F0>::default())?;
        let columns = batch.columns::<(i64, i64)>()?;
        let mut emitter = Emitter::<(i64, i64)>::new(BatchLimits::default());
        backend.set_current_namespace(Namespace::VOID);
        batch.try_for_each(|row| {
            backend.set_current_key(keys.hashes[row], keys.bytes.get(row));
            let count = backend.update_value::<(i64, String), _>(*id, |value| {
                let (count, _) = value.get_or_insert_with(|| (0, "x".repeat(self.ballast)));
                *count += 1;
                *count
            })?;
            let _ = emitter.append((columns.get(row).0, count), None);
            Ok::<(), TaskError>(())
        })?;
        backend.clear_current_key();
        backend.finish_batch()?;
        out.emit(emitter.take()?)
    }

    fn snapshot(&mut self, snapshot: &mut SnapshotContext<'_>, _: &mut Output) -> TaskResult {
        snapshot.keyed = self.state.as_mut().map(|(backend, _)| backend.snapshot());
        Ok(())
    }
}

/// What waits for a checkpoint: which one, the transaction, its rows.
type Pending = (i64, i64, Vec<(i64, i64)>);

/// Commits rows when the checkpoint is complete that they lie before.
pub(crate) struct Sink {
    results: Arc<Results>,
    backend: OperatorBackend,
    pending: OperatorListState<Pending>,
    rows: Vec<(i64, i64)>,
}

impl Sink {
    pub(crate) fn new(results: Arc<Results>) -> Self {
        let pending = OperatorListState::split("pending");
        Self { results, backend: OperatorBackend::new(), pending, rows: Vec::new() }
    }

    fn commit(&mut self, is_due: impl Fn(i64) -> bool) -> TaskResult {
        let all = self.pending.get(&self.backend)?.to_vec();
        let (due, later): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(checkpoint, ..)| is_due(*checkpoint));
        self.pending.update(&mut self.backend, later)?;
        let mut committed = self.results.committed.lock();
        for (_, transaction, rows) in due {
            committed.insert(transaction, rows);
        }
        Ok(())
    }
}

impl Operator for Sink {
    fn open(&mut self, context: &OperatorContext) -> TaskResult {
        self.backend = context.operator_backend()?;
        self.backend.register(&mut self.pending)?;
        self.commit(|_| true)
    }

    fn process_batch(&mut self, _: usize, batch: Batch, _: &mut Output) -> TaskResult {
        let columns = batch.columns::<(i64, i64)>()?;
        batch.for_each(|row| self.rows.push(columns.get(row)));
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &mut SnapshotContext<'_>, _: &mut Output) -> TaskResult {
        let rows = std::mem::take(&mut self.rows);
        if !rows.is_empty() {
            let item = (snapshot.barrier.id.0 as i64, fastrand::i64(..), rows);
            self.pending.add(&mut self.backend, item)?;
        }
        snapshot.operator = Some(self.backend.snapshot());
        Ok(())
    }

    fn checkpoint_complete(&mut self, checkpoint: CheckpointId) -> TaskResult {
        self.commit(|pending| pending <= checkpoint.0 as i64)
    }
}
