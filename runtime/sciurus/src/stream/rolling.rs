//! Running aggregates per key.

use std::cmp::Ordering;

use sciurus_core::record::{Field, Numeric};
use sciurus_core::{Columns, Record};
use sciurus_engine::operator::{Operator, OperatorContext};
use sciurus_engine::operators::RollingReduce;

use super::{KeyedStream, SingleOutputStreamOperator};

impl<T: Record, K: Record> KeyedStream<T, K> {
    /// Combines the records of each key into one: `reduce(|sum, record| sum.1 += record.1)`.
    ///
    /// The first record of a key is its first result; the function then puts each further one in.
    /// The result goes out after every record, with the record's timestamp; in batch execution
    /// once per key, at the end.
    pub fn reduce(
        &self,
        function: impl for<'a, 'b> FnMut(&'b mut T, T::View<'a>) + Clone + Send + Sync + 'static,
    ) -> SingleOutputStreamOperator<T> {
        let mut function = function;
        self.rolling("Keyed Reduce", move |result: &mut T, columns: &T::Columns, row| {
            function(result, columns.get(row));
        })
    }

    /// Finds the smallest value of a field per key. What goes out has the first record's other
    /// fields; [`min_by`](Self::min_by) gives the record with the smallest value.
    pub fn min<F>(&self, field: F) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        for<'a> <F::Type as Record>::View<'a>: PartialOrd,
    {
        self.extreme(field, Ordering::Less)
    }

    /// Finds the largest value of a field per key. What goes out has the first record's other
    /// fields; [`max_by`](Self::max_by) gives the record with the largest value.
    pub fn max<F>(&self, field: F) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        for<'a> <F::Type as Record>::View<'a>: PartialOrd,
    {
        self.extreme(field, Ordering::Greater)
    }

    /// Finds the record with the smallest value of a field per key, of several the first.
    pub fn min_by<F>(&self, field: F) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        for<'a> <F::Type as Record>::View<'a>: PartialOrd,
    {
        self.extreme_by(field, Ordering::Less)
    }

    /// Finds the record with the largest value of a field per key, of several the first.
    pub fn max_by<F>(&self, field: F) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        for<'a> <F::Type as Record>::View<'a>: PartialOrd,
    {
        self.extreme_by(field, Ordering::Greater)
    }

    /// Sums a field of records that have other fields than the key's.
    pub(super) fn sum_of_records<F>(&self, field: F) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        F::Type: Numeric,
    {
        self.rolling("Keyed Aggregation", move |result: &mut T, columns: &T::Columns, row| {
            let sum = field.get_mut(result);
            *sum = sum.add(field.get(columns.get(row)));
        })
    }

    fn extreme<F>(&self, field: F, wanted: Ordering) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        for<'a> <F::Type as Record>::View<'a>: PartialOrd,
    {
        self.rolling("Keyed Aggregation", move |result: &mut T, columns: &T::Columns, row| {
            let result = field.get_mut(result);
            let value = field.get(columns.get(row));
            if compare::<F::Type>(value, result.view()) == wanted {
                *result = F::Type::from_view(value);
            }
        })
    }

    fn extreme_by<F>(&self, field: F, wanted: Ordering) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        for<'a> <F::Type as Record>::View<'a>: PartialOrd,
    {
        self.rolling("Keyed Aggregation", move |result: &mut T, columns: &T::Columns, row| {
            let record = columns.get(row);
            if compare::<F::Type>(field.get(record), field.get(result.view())) == wanted {
                *result = T::from_view(record);
            }
        })
    }

    fn rolling(
        &self,
        name: &str,
        function: impl FnMut(&mut T, &T::Columns, usize) + Clone + Send + Sync + 'static,
    ) -> SingleOutputStreamOperator<T> {
        let extractor = self.extractor.clone();
        self.transform(name, move |context: &OperatorContext| {
            let operator = RollingReduce::new(function.clone(), extractor.create(), context);
            Ok(Box::new(operator) as Box<dyn Operator>)
        })
    }
}

/// Compares two values; what isn't a number is the largest, as in Flink.
fn compare<'a, V: Record>(one: V::View<'a>, other: V::View<'a>) -> Ordering
where
    V::View<'a>: PartialOrd,
{
    let is_nan = |value: V::View<'a>| value.partial_cmp(&value).is_none();
    one.partial_cmp(&other).unwrap_or_else(|| is_nan(one).cmp(&is_nan(other)))
}
