//! The key of streams that aren't keyed: one for all records.

use std::sync::Arc;

use arrow_array::NullArray;
use sciurus_core::Batch;
use sciurus_core::key::{KeyBytes, Keys, hash_key};

use crate::error::TaskResult;
use crate::exchange::{KeyExtractor, KeyExtractorFactory};

/// Gives all records the same key, the only value of type `()`.
#[derive(Debug, Clone, Copy, Default)]
pub struct OneKey;

impl KeyExtractor for OneKey {
    fn keys(&mut self, batch: &Batch) -> TaskResult<Keys> {
        let rows = batch.physical_len();
        Ok(Keys {
            column: Arc::new(NullArray::new(rows)),
            bytes: KeyBytes::fixed(1, vec![0_u8; rows].into()),
            hashes: vec![hash_key(&[0]); rows].into(),
        })
    }
}

impl KeyExtractorFactory for OneKey {
    fn create(&self) -> Box<dyn KeyExtractor> {
        Box::new(*self)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::RecordBatch;
    use arrow_schema::Schema;
    use sciurus_core::{Builder, Columns, Record};

    use super::*;

    #[test]
    fn the_key_is_that_of_a_unit_record() {
        let mut builder = <i64 as Record>::Builder::with_capacity(3);
        (0..3).for_each(|number| builder.append(number));
        let schema = Arc::new(Schema::new(i64::fields()));
        let records = RecordBatch::try_new(schema, builder.finish_columns()).unwrap();
        let keys = OneKey.create().keys(&Batch::new(records)).unwrap();
        let expected = <()>::key_bytes(&Columns::from_array(&keys.column).unwrap());
        assert_eq!((keys.bytes.len(), keys.column.len()), (3, 3));
        assert_eq!(keys.bytes.get(2), expected.get(2));
        assert_eq!(keys.hashes, expected.hashes());
    }
}
