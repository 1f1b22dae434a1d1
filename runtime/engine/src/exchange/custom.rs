//! Partitioners that users write.

use sciurus_core::record::KeyColumns;
use sciurus_core::{Batch, Columns, Record};

use super::keys::key_column;
use super::partitioner::ChooseChannels;
use crate::error::{TaskError, TaskResult};

/// Makes a partitioner that hands a record's key and the number of channels to `choose`, which
/// returns the channel.
pub fn choose_by_key<T, C, F>(mut choose: F) -> ChooseChannels
where
    T: Record,
    C: KeyColumns<T>,
    F: for<'a> FnMut(<C::Key as Record>::View<'a>, usize) -> usize + Send + 'static,
{
    Box::new(move |batch: &Batch, channels: usize, of_row: &mut Vec<u32>| {
        let keys = <C::Key as Record>::Columns::from_array(&key_column::<T, C>(batch)?)?;
        batch.try_for_each(|row| {
            of_row.push(checked(choose(keys.get(row), channels), channels)?);
            Ok(())
        })
    })
}

/// Makes a partitioner that hands a record and the number of channels to `choose`, which returns
/// the channel.
pub fn choose_by_record<T, F>(mut choose: F) -> ChooseChannels
where
    T: Record,
    F: for<'a> FnMut(T::View<'a>, usize) -> usize + Send + 'static,
{
    Box::new(move |batch: &Batch, channels: usize, of_row: &mut Vec<u32>| {
        let columns = batch.columns::<T>()?;
        batch.try_for_each(|row| {
            of_row.push(checked(choose(columns.get(row), channels), channels)?);
            Ok(())
        })
    })
}

fn checked(partition: usize, partitions: usize) -> TaskResult<u32> {
    if partition < partitions {
        Ok(partition as u32)
    } else {
        Err(TaskError::PartitionOutOfRange { partition, partitions })
    }
}
