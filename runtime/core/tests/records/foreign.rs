//! Arrow columns that other programs made: read where they mean a record, refused where not.

use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Int64Array, StringArray, StructArray};
use arrow_array::{Time64MicrosecondArray, TimestampMicrosecondArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sciurus_core::record::{Columns, Record};

fn read<T: Record>(array: impl Into<ArrayRef>) -> Result<Vec<T>, String> {
    let columns = T::Columns::from_columns(&[array.into()]).map_err(|error| error.to_string())?;
    Ok((0..columns.len()).map(|row| T::from_view(columns.get(row))).collect())
}

fn array(values: impl arrow_array::Array + 'static) -> ArrayRef {
    Arc::new(values)
}

#[test]
fn nulls_are_options_and_nothing_else() {
    let numbers = array(Int64Array::from(vec![Some(1), None]));
    assert_eq!(read::<Option<i64>>(numbers.clone()), Ok(vec![Some(1), None]));
    assert_eq!(
        read::<i64>(numbers).unwrap_err(),
        "columns of Int64 with 1 nulls cannot be read as records of type Int64"
    );
    let words = array(StringArray::from(vec![None, Some("a")]));
    assert_eq!(read::<Option<String>>(words.clone()), Ok(vec![None, Some("a".to_owned())]));
    assert!(read::<String>(words).is_err());
}

#[test]
fn nulls_in_a_field_are_refused_too() {
    let field = Arc::new(Field::new("f0", DataType::Int64, true));
    let values = array(Int64Array::from(vec![Some(1), None]));
    let tuples = array(StructArray::from(vec![(field, values)]));
    let columns = <Option<(Option<i64>,)> as Record>::Columns::from_array(&tuples).unwrap();
    assert_eq!((columns.get(0), columns.get(1)), (Some((Some(1),)), Some((None,))));
    assert!(<(i64,) as Record>::Columns::from_array(&tuples).is_err());
}

#[test]
fn values_that_no_date_or_time_has_are_refused_unless_they_are_null() {
    let error = read::<NaiveDate>(array(Date32Array::from(vec![0, i32::MAX]))).unwrap_err();
    assert!(error.contains("the value 2147483647 in row 1"), "{error}");
    assert!(read::<NaiveTime>(array(Time64MicrosecondArray::from(vec![-1]))).is_err());
    assert!(read::<NaiveDateTime>(array(TimestampMicrosecondArray::from(vec![i64::MIN]))).is_err());

    let nulls = NullBuffer::from(vec![true, false]);
    let dates = array(Date32Array::new(vec![0, i32::MAX].into(), Some(nulls)));
    assert_eq!(read::<Option<NaiveDate>>(dates), Ok(vec![Some(NaiveDate::default()), None]));
}

#[test]
fn instants_and_local_times_are_not_taken_for_each_other() {
    let local = TimestampMicrosecondArray::from(vec![0]);
    let instants = array(local.clone().with_timezone("UTC"));
    assert!(read::<DateTime<Utc>>(array(local)).is_err());
    assert!(read::<NaiveDateTime>(instants.clone()).is_err());
    assert_eq!(read(instants), Ok(vec![DateTime::<Utc>::UNIX_EPOCH]));
}

#[test]
fn other_types_are_refused_by_name() {
    let numbers = array(Int64Array::from(vec![1]));
    let error = read::<String>(numbers.clone()).unwrap_err();
    assert_eq!(error, "columns of Int64 cannot be read as records of type Utf8View");
    assert!(read::<bool>(numbers.clone()).is_err());
    assert!(read::<i32>(numbers.clone()).is_err());
    assert!(read::<Vec<i64>>(numbers.clone()).is_err());
    assert!(read::<()>(numbers.clone()).is_err());
    assert!(<(i64,) as Record>::Columns::from_array(&numbers).is_err());
    let error = <(i64, i64) as Record>::Columns::from_columns(&[numbers]).err().unwrap();
    assert!(error.to_string().contains("1 columns"), "{error}");
}
