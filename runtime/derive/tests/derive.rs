//! What `#[derive(Record)]` makes of structs.

#![allow(clippy::unwrap_used)]

use arrow_array::{Array, ArrayRef, RecordBatch};
use sciurus_core::record::{Builder, Columns, Field, KeyColumns, Record};
use sciurus_derive::Record;

/// A measured value.
#[derive(Debug, Clone, PartialEq, Record)]
#[record(crate = "sciurus_core")]
pub struct Reading {
    /// Who measured.
    pub sensor: String,
    /// What it measured.
    pub value: f64,
    r#type: i32,
}

#[derive(Debug, Clone, PartialEq, Record)]
#[record(crate = "sciurus_core")]
struct Celsius(f64);

#[derive(Debug, Clone, PartialEq, Record)]
#[record(crate = "::sciurus_core")]
struct Pair(i64, String);

#[derive(Debug, Clone, PartialEq, Record)]
#[record(crate = "sciurus_core")]
struct Station {
    id: u64,
    last: Reading,
    outside: (Celsius, bool),
}

/// Nothing but the view may be added to the module: these names stay free, also as field types.
mod hygiene {
    use sciurus_derive::Record;

    #[derive(Debug, Clone, PartialEq, Record)]
    #[record(crate = "sciurus_core")]
    pub(super) struct Columns {
        builder: Builder,
        view: i64,
        out: u8,
        row: u8,
        input: u8,
    }

    #[derive(Debug, Clone, PartialEq, Record)]
    #[record(crate = "sciurus_core")]
    pub(super) struct Builder {
        pub(in crate::hygiene) columns: bool,
    }

    #[test]
    fn records_may_be_named_like_the_traits() {
        let record =
            Columns { builder: Builder { columns: true }, view: 1, out: 2, row: 3, input: 4 };
        super::round_trips(&[record]);
    }
}

/// A field's type may be less visible than the struct.
pub mod visibility {
    use sciurus_derive::Record;

    #[derive(Debug, Clone, PartialEq, Record)]
    #[record(crate = "sciurus_core")]
    struct Inner(i64);

    /// Seen from outside.
    #[derive(Debug, Clone, PartialEq, Record)]
    #[record(crate = "sciurus_core")]
    pub struct Outer {
        /// Seen too.
        pub id: i64,
        inner: Inner,
        list: Vec<Inner>,
    }

    #[test]
    fn private_fields_are_carried_along() {
        let inner = Inner(2);
        super::round_trips(&[Outer { id: 1, list: vec![inner.clone()], inner }]);
        let _ = Outer::INNER;
    }
}

fn reading(sensor: &str, value: f64) -> Reading {
    Reading { sensor: sensor.to_owned(), value, r#type: 7 }
}

fn round_trips<T: Record + std::fmt::Debug + PartialEq>(records: &[T]) {
    let mut builder = T::Builder::with_capacity(1);
    for record in records {
        builder.append(record.view());
        let mut bytes = Vec::new();
        T::encode(record.view(), &mut bytes);
        assert_eq!(&T::decode(&mut bytes.as_slice()).unwrap(), record);
    }
    let array: ArrayRef = builder.finish();
    assert_eq!(array.data_type(), &T::data_type());
    let columns = T::Columns::from_array(&array).unwrap();
    assert_eq!(columns.len(), records.len());
    for (row, record) in records.iter().enumerate() {
        assert_eq!(columns.get(row), record.view());
        assert_eq!(&T::from_view(columns.get(row)), record);
    }
}

#[test]
fn a_struct_lies_as_one_column_a_field() {
    let fields = Reading::fields();
    let names: Vec<_> = fields.iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["sensor", "value", "type"]);

    let mut builder = <Reading as Record>::Builder::with_capacity(2);
    builder.append(ReadingView { sensor: "a", value: 1.0, r#type: 1 });
    builder.append(reading("b", 2.0).view());
    let schema = arrow_schema::Schema::new(fields);
    let batch = RecordBatch::try_new(schema.into(), builder.finish_columns()).unwrap();
    let columns = <Reading as Record>::Columns::from_columns(batch.columns()).unwrap();
    assert_eq!(columns.get(0), ReadingView { sensor: "a", value: 1.0, r#type: 1 });
    assert_eq!(columns.get(1).sensor, "b");
    assert!(builder.is_empty());
}

#[test]
fn structs_tuple_structs_and_structs_of_them_round_trip() {
    round_trips(&[reading("a", 1.0), reading("", -0.5)]);
    round_trips(&[Celsius(21.5)]);
    round_trips(&[Pair(1, "x".to_owned())]);
    round_trips(&[Station { id: 1, last: reading("ä", 2.0), outside: (Celsius(3.0), true) }]);
}

#[test]
fn a_struct_prints_its_name_and_fields() {
    let print = |station: &Station| {
        let mut out = String::new();
        Station::format(station.view(), &mut out);
        out
    };
    let station = Station { id: 1, last: reading("a", 2.0), outside: (Celsius(3.5), true) };
    assert_eq!(
        print(&station),
        "Station(id=1, last=Reading(sensor=a, value=2.0, type=7), outside=(Celsius(3.5),true))"
    );
    let mut out = String::new();
    Pair::format(PairView(1, "x"), &mut out);
    assert_eq!(out, "Pair(1, x)");
}

#[test]
fn selectors_name_the_fields() {
    fn key<T: Record, K: KeyColumns<T>>(_: K) -> (Vec<usize>, String) {
        (K::indices(), K::Key::data_type().to_string())
    }
    assert_eq!(key::<Reading, _>(Reading::VALUE), (vec![1], "Float64".to_owned()));
    assert_eq!(key::<Pair, _>(Pair::F1), (vec![1], "Utf8View".to_owned()));
    assert_eq!(key::<Reading, _>((Reading::TYPE, Reading::SENSOR)).0, [2, 0]);

    let mut record = reading("a", 1.0);
    *Reading::VALUE.get_mut(&mut record) += 1.0;
    assert_eq!(Reading::VALUE.get(record.view()).to_bits(), 2.0_f64.to_bits());
    assert_eq!(Reading::SENSOR.get(record.view()), "a");
}

#[test]
fn a_view_borrows_an_owned_record_and_becomes_one() {
    let record = reading("a", 1.0);
    let view = ReadingView::from(&record);
    let copy: Reading = ReadingView { value: 2.0, ..view }.into();
    assert_eq!(copy, reading("a", 2.0));
}

#[test]
fn columns_of_another_shape_are_refused() {
    let mut builder = <Pair as Record>::Builder::with_capacity(1);
    builder.append(PairView(1, "x"));
    let array = builder.finish();
    let error = <Reading as Record>::Columns::from_array(&array).err().unwrap();
    assert!(error.to_string().contains("2 columns"), "{error}");
    let array = array.slice(0, 0);
    assert_eq!(<Pair as Record>::Columns::from_array(&array).unwrap().len(), 0);
}
