//! Dates, times and durations of `chrono` and the standard library.
//!
//! Points in time are held to the microsecond: Arrow's nanoseconds would end in the year 2262.
//! What is finer is cut off, toward the past, as soon as an owned value is read as a record, so
//! that a value is the same in a view, in a column, in a key and in a snapshot.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, DurationNanosecondType, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_buffer::ScalarBuffer;
use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};

use super::codec::{DecodeError, take_array};
use super::{Builder, Columns, Record, SchemaMismatch};
use crate::key::KeyBytes;

/// Days from the first of January of year 1 to that of 1970.
const EPOCH_DAY: i32 = 719_163;

const SECOND_MICROS: i64 = 1_000_000;
const DAY_MICROS: i64 = 86_400 * SECOND_MICROS;

/// The number that a temporal value is stored as.
type Stored<T> = <<T as Temporal>::Arrow as ArrowPrimitiveType>::Native;

/// A record that is stored as one number and isn't every number.
pub trait Temporal: Record + Copy + Default {
    /// The Arrow type.
    type Arrow: ArrowPrimitiveType<Native: Ord>;

    /// Returns the least and the greatest number that stand for a value.
    fn bounds() -> (Stored<Self>, Stored<Self>);

    /// Returns the number for this value, rounded down where it lies between two.
    fn to_stored(self) -> Stored<Self>;

    /// Returns the value a number stands for, if it is within the [`bounds`](Self::bounds).
    fn from_stored(stored: Stored<Self>) -> Option<Self>;
}

/// A column of dates, times or durations.
#[derive(Debug, Clone)]
pub struct TemporalColumns<T: Temporal> {
    values: ScalarBuffer<Stored<T>>,
}

impl<T: Temporal + for<'a> Record<View<'a> = T>> Columns for TemporalColumns<T> {
    type Record = T;

    fn from_array(array: &ArrayRef) -> Result<Self, SchemaMismatch> {
        let (least, greatest) = T::bounds();
        let found = array.data_type();
        let values = match array.as_primitive_opt::<T::Arrow>() {
            Some(array) if found == &T::data_type() => array.values(),
            _ => return Err(SchemaMismatch::of::<T>(&found.to_string())),
        };
        // What no value stands for may only lie under a null, where nobody reads it.
        let outside = |stored: Stored<T>| stored < least || stored > greatest;
        if values.iter().any(|stored| outside(*stored)) {
            let row = (0..array.len()).find(|row| array.is_valid(*row) && outside(values[*row]));
            if let Some(row) = row {
                let found = format!("{found} with the value {:?} in row {row}", values[row]);
                return Err(SchemaMismatch::of::<T>(&found));
            }
        }
        Ok(Self { values: values.clone() })
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    fn get(&self, row: usize) -> T {
        T::from_stored(self.values[row]).unwrap_or_default()
    }
}

/// Collects dates, times or durations.
#[derive(Debug)]
pub struct TemporalBuilder<T: Temporal> {
    values: Vec<Stored<T>>,
    capacity: usize,
}

impl<T: Temporal + for<'a> Record<View<'a> = T>> Builder for TemporalBuilder<T> {
    type Record = T;

    fn with_capacity(rows: usize) -> Self {
        Self { values: Vec::with_capacity(rows), capacity: rows }
    }

    #[inline]
    fn append(&mut self, view: T) {
        self.values.push(view.to_stored());
    }

    fn append_hidden(&mut self) {
        self.values.push(T::default().to_stored());
    }

    #[inline]
    fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    fn bytes(&self) -> usize {
        size_of_val(self.values.as_slice())
    }

    fn finish(&mut self) -> ArrayRef {
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(self.capacity));
        let array = PrimitiveArray::<T::Arrow>::new(values.into(), None);
        Arc::new(array.with_data_type(T::data_type()))
    }
}

macro_rules! temporal_record {
    ($type:ty, $name:literal, $arrow:ty, $native:ty, $data_type:expr) => {
        impl Record for $type {
            type View<'a> = $type;
            type Columns = TemporalColumns<$type>;
            type Builder = TemporalBuilder<$type>;

            fn data_type() -> DataType {
                $data_type
            }

            #[inline]
            fn view(&self) -> $type {
                Self::from_stored(self.to_stored()).unwrap_or(*self)
            }

            #[inline]
            fn from_view(view: $type) -> Self {
                view
            }

            fn encode(view: $type, out: &mut Vec<u8>) {
                out.extend_from_slice(&view.to_stored().to_le_bytes());
            }

            fn decode(input: &mut &[u8]) -> Result<Self, DecodeError> {
                let stored = <$native>::from_le_bytes(take_array(input, $name)?);
                Self::from_stored(stored).ok_or_else(|| DecodeError::Invalid {
                    what: $name,
                    reason: format!("{stored} is out of range"),
                })
            }

            #[cfg(target_endian = "little")]
            fn key_bytes(columns: &Self::Columns) -> KeyBytes {
                KeyBytes::fixed(size_of::<$native>(), columns.values.clone().into_inner())
            }

            fn format(view: $type, out: &mut String) {
                // Writing to a string cannot fail.
                let _ = write!(out, "{view:?}");
            }
        }
    };
}

temporal_record!(NaiveDate, "NaiveDate", Date32Type, i32, DataType::Date32);

impl Temporal for NaiveDate {
    type Arrow = Date32Type;

    fn bounds() -> (i32, i32) {
        (Self::MIN.to_stored(), Self::MAX.to_stored())
    }

    #[inline]
    fn to_stored(self) -> i32 {
        self.num_days_from_ce() - EPOCH_DAY
    }

    #[inline]
    fn from_stored(days: i32) -> Option<Self> {
        Self::from_num_days_from_ce_opt(days.checked_add(EPOCH_DAY)?)
    }
}

temporal_record!(
    NaiveDateTime,
    "NaiveDateTime",
    TimestampMicrosecondType,
    i64,
    DataType::Timestamp(TimeUnit::Microsecond, None)
);

impl Temporal for NaiveDateTime {
    type Arrow = TimestampMicrosecondType;

    fn bounds() -> (i64, i64) {
        (Self::MIN.to_stored(), Self::MAX.to_stored())
    }

    #[inline]
    fn to_stored(self) -> i64 {
        self.and_utc().to_stored()
    }

    #[inline]
    fn from_stored(micros: i64) -> Option<Self> {
        DateTime::from_stored(micros).map(|instant| instant.naive_utc())
    }
}

temporal_record!(
    DateTime<Utc>,
    "DateTime<Utc>",
    TimestampMicrosecondType,
    i64,
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
);

impl Temporal for DateTime<Utc> {
    type Arrow = TimestampMicrosecondType;

    fn bounds() -> (i64, i64) {
        (Self::MIN_UTC.to_stored(), Self::MAX_UTC.to_stored())
    }

    #[inline]
    fn to_stored(self) -> i64 {
        self.timestamp_micros()
    }

    #[inline]
    fn from_stored(micros: i64) -> Option<Self> {
        Self::from_timestamp_micros(micros)
    }
}

temporal_record!(
    NaiveTime,
    "NaiveTime",
    Time64MicrosecondType,
    i64,
    DataType::Time64(TimeUnit::Microsecond)
);

impl Temporal for NaiveTime {
    type Arrow = Time64MicrosecondType;

    fn bounds() -> (i64, i64) {
        (0, DAY_MICROS - 1)
    }

    /// A leap second at midnight is cut to the last microsecond of the day.
    #[inline]
    fn to_stored(self) -> i64 {
        let seconds = i64::from(self.num_seconds_from_midnight()) * SECOND_MICROS;
        (seconds + i64::from(self.nanosecond() / 1_000)).min(DAY_MICROS - 1)
    }

    #[inline]
    fn from_stored(micros: i64) -> Option<Self> {
        let seconds = u32::try_from(micros.div_euclid(SECOND_MICROS)).ok()?;
        let nanos = micros.rem_euclid(SECOND_MICROS) as u32 * 1_000;
        Self::from_num_seconds_from_midnight_opt(seconds, nanos)
    }
}

temporal_record!(
    Duration,
    "Duration",
    DurationNanosecondType,
    i64,
    DataType::Duration(TimeUnit::Nanosecond)
);

/// Nanoseconds; what is longer than 292 years is cut to that.
impl Temporal for Duration {
    type Arrow = DurationNanosecondType;

    fn bounds() -> (i64, i64) {
        (0, i64::MAX)
    }

    #[inline]
    fn to_stored(self) -> i64 {
        i64::try_from(self.as_nanos()).unwrap_or(i64::MAX)
    }

    #[inline]
    fn from_stored(nanos: i64) -> Option<Self> {
        u64::try_from(nanos).ok().map(Self::from_nanos)
    }
}
