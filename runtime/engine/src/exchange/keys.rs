//! How keys are got from records: as columns that are there already, or by a function.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow_array::{ArrayRef, StructArray};
use sciurus_core::key::Keys;
use sciurus_core::record::KeyColumns;
use sciurus_core::{Batch, Builder, Columns, Record};

use super::partitioner::{KeyExtractor, KeyExtractorFactory};
use crate::error::{TaskError, TaskResult};

/// Returns the keys of a batch: those that travel with it, else computed by `extractor`.
///
/// # Errors
/// What the extractor reports.
pub fn keys_of(batch: &Batch, extractor: &mut dyn KeyExtractor) -> TaskResult<Keys> {
    match batch.keys() {
        Some(keys) => Ok(keys.clone()),
        None => extractor.keys(batch),
    }
}

/// Returns the key's columns of a batch as one column of keys.
pub(super) fn key_column<T: Record, C: KeyColumns<T>>(batch: &Batch) -> TaskResult<ArrayRef> {
    const DEFECT: TaskError = TaskError::Defect("the key's columns are not in the batch");
    let columns = batch.records().columns();
    match C::indices().as_slice() {
        [index] => columns.get(*index).cloned().ok_or(DEFECT),
        indices => {
            let selected: Option<Vec<_>> =
                indices.iter().map(|index| columns.get(*index).cloned()).collect();
            let array = StructArray::try_new(C::Key::fields(), selected.ok_or(DEFECT)?, None);
            Ok(Arc::new(array.map_err(|_| DEFECT)?))
        }
    }
}

/// Takes keys from columns of the record: nothing is copied and no function runs.
pub struct ColumnKeys<T: Record, C: KeyColumns<T>> {
    types: PhantomData<fn(T) -> C>,
}

impl<T: Record, C: KeyColumns<T>> Default for ColumnKeys<T, C> {
    fn default() -> Self {
        Self { types: PhantomData }
    }
}

impl<T: Record, C: KeyColumns<T>> KeyExtractor for ColumnKeys<T, C> {
    fn keys(&mut self, batch: &Batch) -> TaskResult<Keys> {
        to_keys::<C::Key>(key_column::<T, C>(batch)?)
    }
}

impl<T: Record, C: KeyColumns<T>> KeyExtractorFactory for ColumnKeys<T, C> {
    fn create(&self) -> Box<dyn KeyExtractor> {
        Box::new(Self::default())
    }
}

/// Computes keys by a function.
pub struct FunctionKeys<T: Record, K: Record, F> {
    function: F,
    builder: K::Builder,
    types: PhantomData<fn(T)>,
}

impl<T, K, F> FunctionKeys<T, K, F>
where
    T: Record,
    K: Record,
    F: for<'a> FnMut(&'a T::View<'a>) -> K::View<'a> + Send,
{
    /// Makes the extractor of one subtask.
    pub fn new(function: F) -> Self {
        Self { function, builder: K::Builder::with_capacity(0), types: PhantomData }
    }
}

impl<T, K, F> KeyExtractor for FunctionKeys<T, K, F>
where
    T: Record,
    K: Record,
    F: for<'a> FnMut(&'a T::View<'a>) -> K::View<'a> + Send,
{
    fn keys(&mut self, batch: &Batch) -> TaskResult<Keys> {
        let columns = batch.columns::<T>()?;
        let mut next = 0;
        batch.for_each(|row| {
            // Rows that don't count need a key too, any key: one stands for each physical row.
            while next < row {
                self.builder.append_hidden();
                next += 1;
            }
            let record = columns.get(row);
            self.builder.append((self.function)(&record));
            next += 1;
        });
        while next < batch.physical_len() {
            self.builder.append_hidden();
            next += 1;
        }
        to_keys::<K>(self.builder.finish())
    }
}

/// Makes extractors that clone a key function.
pub struct FunctionKeysFactory<T: Record, K: Record, F> {
    function: F,
    types: PhantomData<fn(T) -> K>,
}

impl<T: Record, K: Record, F> FunctionKeysFactory<T, K, F> {
    /// Makes a factory.
    pub fn new(function: F) -> Self {
        Self { function, types: PhantomData }
    }
}

impl<T, K, F> KeyExtractorFactory for FunctionKeysFactory<T, K, F>
where
    T: Record,
    K: Record,
    F: for<'a> FnMut(&'a T::View<'a>) -> K::View<'a> + Clone + Send + Sync + 'static,
{
    fn create(&self) -> Box<dyn KeyExtractor> {
        Box::new(FunctionKeys::<T, K, F>::new(self.function.clone()))
    }
}

fn to_keys<K: Record>(column: ArrayRef) -> TaskResult<Keys> {
    let bytes = K::key_bytes(&K::Columns::from_array(&column)?);
    let hashes = bytes.hashes();
    Ok(Keys { column, bytes, hashes })
}
