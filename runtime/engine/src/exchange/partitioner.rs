//! Which channel each row goes to.

use arrow_buffer::ScalarBuffer;
use sciurus_core::Batch;
use sciurus_core::key::{Keys, key_group, subtask_of};

use crate::error::{TaskError, TaskResult};
use crate::task::panics;

/// Computes the keys of a batch.
pub trait KeyExtractor: Send {
    /// Returns the keys of all physical rows of `batch`.
    ///
    /// # Errors
    /// Where the batch doesn't hold the expected columns or a key function fails.
    fn keys(&mut self, batch: &Batch) -> TaskResult<Keys>;
}

/// Makes the key extractor of each subtask.
pub trait KeyExtractorFactory: Send + Sync {
    /// Makes an extractor.
    fn create(&self) -> Box<dyn KeyExtractor>;
}

/// A user's choice of channel: writes the channel of every logical row.
pub type ChooseChannels = Box<dyn FnMut(&Batch, usize, &mut Vec<u32>) -> TaskResult + Send>;

/// Chooses the channels of a batch's rows.
pub enum Partitioner {
    /// All rows to the only channel.
    Forward,
    /// Even shares to all channels, in turn.
    RoundRobin {
        /// The channel the next share starts with.
        next: usize,
    },
    /// Each row to a random channel.
    Shuffle {
        /// The state of the generator.
        random: fastrand::Rng,
    },
    /// All rows to every channel.
    Broadcast,
    /// All rows to the first channel.
    Global,
    /// Each row to the subtask that owns its key's group.
    Hash {
        /// Computes the keys.
        extractor: Box<dyn KeyExtractor>,
        /// The channel of each key group.
        channel_of_group: Vec<u32>,
    },
    /// Each row to the channel that a user function names.
    Custom(ChooseChannels),
}

impl Partitioner {
    /// Makes a hash partitioner for `channels` consumers and `max_parallelism` key groups.
    pub fn hash(extractor: Box<dyn KeyExtractor>, channels: u32, max_parallelism: u32) -> Self {
        let channel_of_group = (0..max_parallelism)
            .map(|group| subtask_of(group as u16, channels, max_parallelism))
            .collect();
        Self::Hash { extractor, channel_of_group }
    }

    /// Hands `send` the rows of each channel, sharing the batch's columns.
    ///
    /// # Errors
    /// What a key function, a user's partitioner or `send` reports.
    pub fn partition(
        &mut self,
        batch: Batch,
        channels: usize,
        mut send: impl FnMut(usize, Batch) -> TaskResult,
    ) -> TaskResult {
        match self {
            Self::Forward | Self::Global => send(0, batch),
            Self::Broadcast => {
                (1..channels).try_for_each(|channel| send(channel, batch.clone()))?;
                send(0, batch)
            }
            Self::RoundRobin { next } => round_robin(&batch, channels, next, send),
            Self::Shuffle { random } => {
                let rows = batch.len();
                let of_row: Vec<u32> = (0..rows).map(|_| random.u32(0..channels as u32)).collect();
                scatter(&batch, channels, of_row.into_iter(), send)
            }
            Self::Hash { extractor, channel_of_group } => {
                let keys = panics::catch(|| extractor.keys(&batch)).map_err(in_function)?;
                let hashes = keys.hashes.clone();
                let batch = batch.with_keys(Some(keys));
                if channels == 1 {
                    return send(0, batch);
                }
                let groups = channel_of_group.len() as u32;
                let channel = |hash| channel_of_group[key_group(hash, groups) as usize];
                match batch.selection().cloned() {
                    None => {
                        let of_row = hashes.iter().map(|hash| channel(*hash));
                        scatter(&batch, channels, of_row, send)
                    }
                    Some(selection) => {
                        let of_row = selection.iter().map(|row| channel(hashes[*row as usize]));
                        scatter(&batch, channels, of_row, send)
                    }
                }
            }
            Self::Custom(choose) => {
                let mut of_row = Vec::with_capacity(batch.len());
                panics::catch(|| choose(&batch, channels, &mut of_row)).map_err(in_function)?;
                scatter(&batch, channels, of_row.into_iter(), send)
            }
        }
    }
}

fn in_function(error: TaskError) -> TaskError {
    TaskError::Partitioning { error: Box::new(error) }
}

fn round_robin(
    batch: &Batch,
    channels: usize,
    next: &mut usize,
    mut send: impl FnMut(usize, Batch) -> TaskResult,
) -> TaskResult {
    let rows = batch.len();
    let mut start = 0;
    for turn in 0..channels {
        // The first shares are one row larger where the rows don't divide evenly.
        let share = (rows - start).div_ceil(channels - turn);
        if share == 0 {
            break;
        }
        send((*next + turn) % channels, batch.slice(start, share))?;
        start += share;
    }
    *next = (*next + rows) % channels;
    Ok(())
}

/// Sends each logical row to the channel that `of_row` names for it.
fn scatter(
    batch: &Batch,
    channels: usize,
    of_row: impl Iterator<Item = u32>,
    mut send: impl FnMut(usize, Batch) -> TaskResult,
) -> TaskResult {
    let mut selections = vec![Vec::with_capacity(2 * batch.len() / channels + 1); channels];
    match batch.selection() {
        None => {
            for (row, channel) in of_row.enumerate() {
                selections[channel as usize].push(row as u32);
            }
        }
        Some(selection) => {
            for (row, channel) in selection.iter().zip(of_row) {
                selections[channel as usize].push(*row);
            }
        }
    }
    for (channel, selection) in selections.into_iter().enumerate() {
        if !selection.is_empty() {
            send(channel, batch.clone().with_selection(ScalarBuffer::from(selection)))?;
        }
    }
    Ok(())
}
