//! A task that counts records, or reads or commits them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use sciurus_checkpoint::{StateFile, SubtaskRestore};
use sciurus_core::checkpoint::{CheckpointBarrier, CheckpointId};
use sciurus_core::ids::{ExecutionAttemptId, TaskManagerId};
use sciurus_job_master::ExecutionState;

/// What flows between tasks.
#[derive(Clone, Debug)]
pub enum Element {
    /// The number of a record, and how many of its key there were.
    Record(u32, u32),
    Barrier(CheckpointBarrier),
    End,
    Close,
}

/// What a task is told.
#[derive(Clone, Debug)]
pub enum Mail {
    Checkpoint(CheckpointBarrier),
    Complete(CheckpointId),
    Aborted(CheckpointId),
    Split(Option<u32>),
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Source,
    Counter,
    Sink,
}

/// What a sink commits as a whole.
#[derive(Clone, Debug)]
pub struct Transaction {
    pub id: u32,
    pub records: Vec<(u32, u32)>,
}

/// A snapshot that is being written.
#[derive(Clone, Debug)]
pub struct Write {
    pub barrier: CheckpointBarrier,
    pub bytes: Vec<u8>,
    pub shared: BTreeMap<String, StateFile>,
    pub is_empty: bool,
}

pub struct Input {
    pub from: ExecutionAttemptId,
    pub has_ended: bool,
    pub is_closed: bool,
}

#[allow(clippy::struct_excessive_bools, reason = "a simulated task is what it is")]
pub struct Task {
    pub role: Role,
    pub state: ExecutionState,
    pub task_manager: TaskManagerId,
    pub restore: Option<std::sync::Arc<SubtaskRestore>>,
    /// Nobody hears of it, or nobody listens; it will end before long.
    pub is_zombie: bool,
    pub is_told_to_stop: bool,
    pub mail: VecDeque<Mail>,
    pub inputs: Vec<Input>,
    pub outputs: Vec<ExecutionAttemptId>,
    pub splits: Vec<(u32, u32)>,
    pub has_asked: bool,
    pub no_more_splits: bool,
    pub counts: BTreeMap<u32, u32>,
    pub staged: Vec<(u32, u32)>,
    pub prepared: Vec<(CheckpointId, Transaction)>,
    pub has_ended: bool,
    /// Checkpoints that it has taken part in since its end.
    pub after_end: BTreeSet<CheckpointId>,
    pub last_barrier: CheckpointId,
    pub aligning: Option<(CheckpointBarrier, BTreeSet<usize>)>,
    /// A checkpoint that begins here, once all inputs are closed.
    pub triggered: Option<CheckpointBarrier>,
    pub frozen: Option<CheckpointBarrier>,
    pub writes: VecDeque<Write>,
    /// Files by name: of the latest complete checkpoint that it has heard of, and of those since.
    pub base: BTreeMap<String, StateFile>,
    pub uploaded: BTreeMap<CheckpointId, BTreeMap<String, StateFile>>,
    pub live_files: BTreeSet<String>,
}

impl Task {
    pub fn new(
        role: Role,
        task_manager: TaskManagerId,
        restore: Option<std::sync::Arc<SubtaskRestore>>,
    ) -> Self {
        Self {
            role,
            state: ExecutionState::Deploying,
            task_manager,
            restore,
            is_zombie: false,
            is_told_to_stop: false,
            mail: VecDeque::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            splits: Vec::new(),
            has_asked: false,
            no_more_splits: false,
            counts: BTreeMap::new(),
            staged: Vec::new(),
            prepared: Vec::new(),
            has_ended: false,
            after_end: BTreeSet::new(),
            last_barrier: CheckpointId(0),
            aligning: None,
            triggered: None,
            frozen: None,
            writes: VecDeque::new(),
            base: BTreeMap::new(),
            uploaded: BTreeMap::new(),
            live_files: BTreeSet::new(),
        }
    }

    /// Returns the state as numbers.
    pub fn encode(&self) -> Vec<u8> {
        let mut numbers: Vec<u32> = Vec::new();
        match self.role {
            Role::Source => self.splits.iter().for_each(|(s, p)| numbers.extend([*s, *p])),
            Role::Counter => self.counts.iter().for_each(|(k, n)| numbers.extend([*k, *n])),
            Role::Sink => {
                for (_, transaction) in &self.prepared {
                    numbers.extend([transaction.id, transaction.records.len() as u32]);
                    transaction.records.iter().for_each(|(id, n)| numbers.extend([*id, *n]));
                }
            }
        }
        numbers.into_iter().flat_map(u32::to_le_bytes).collect()
    }

    pub fn decode(bytes: &[u8]) -> Vec<u32> {
        let chunks = bytes.chunks_exact(4);
        chunks.map(|chunk| u32::from_le_bytes(chunk.try_into().unwrap())).collect()
    }
}

/// Returns the transactions in a sink's state.
pub fn transactions(numbers: &[u32]) -> Vec<Transaction> {
    let mut rest = numbers;
    let mut transactions = Vec::new();
    while let [id, count, records @ ..] = rest {
        let (own, next) = records.split_at(*count as usize * 2);
        let records = own.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        transactions.push(Transaction { id: *id, records });
        rest = next;
    }
    transactions
}
