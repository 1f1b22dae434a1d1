use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder, StringViewBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BinaryViewArray, BooleanArray, Int64Array, NullArray, RecordBatch,
    StringArray, StringViewArray, StructArray,
};
use arrow_buffer::Buffer;
use arrow_schema::{DataType, Field, Schema};
use proptest::prelude::*;
use sciurus_core::Batch;
use sciurus_engine::TaskResult;
use sciurus_engine::exchange::network::Compression;
use sciurus_engine::exchange::network::codec::{BatchDecoder, BatchEncoder, EncodedBatch};

/// Copies a batch's messages together, as they arrive.
fn arrive(encoder: &mut BatchEncoder, batch: &Batch) -> EncodedBatch {
    let sent = encoder.encode(batch).unwrap();
    let body: Vec<u8> = sent.parts.iter().flat_map(|part| part.to_vec()).collect();
    EncodedBatch { is_first: sent.is_first, body: Buffer::from_vec(body) }
}

fn columns(rows: usize) -> Vec<ArrayRef> {
    let texts: Vec<Option<String>> = (0..rows)
        .map(|n| (n % 7 != 3).then(|| if n % 3 == 0 { "ä".repeat(n % 40) } else { n.to_string() }))
        .collect();
    let mut numbers = ListBuilder::new(Int32Builder::new());
    let mut words = ListBuilder::new(StringViewBuilder::new());
    for n in 0..rows {
        for i in 0..n % 4 {
            numbers.values().append_option((i % 2 == 0).then_some(n as i32));
            words.values().append_value(format!("a word that is long, of list {n}"));
        }
        numbers.append(n % 5 != 0);
        words.append(true);
    }
    let inner: ArrayRef = Arc::new(StringViewArray::from_iter(texts.clone()));
    let field = Arc::new(Field::new("inner", DataType::Utf8View, true));
    vec![
        Arc::new(Int64Array::from_iter_values(0..rows as i64)),
        Arc::new((0..rows).map(|n| (n % 3 != 0).then_some(n % 2 == 0)).collect::<BooleanArray>()),
        Arc::new(StringViewArray::from_iter_values((0..rows).map(|n| format!("word {n}")))),
        Arc::new(StringViewArray::from_iter(texts.clone())),
        Arc::new(StringArray::from_iter(texts.clone())),
        Arc::new(BinaryViewArray::from_iter_values((0..rows).map(|n| vec![0xff; n % 20]))),
        Arc::new(StructArray::new(vec![field].into(), vec![inner], None)),
        Arc::new(numbers.finish()),
        Arc::new(words.finish()),
        Arc::new(NullArray::new(rows)),
    ]
}

fn batch(rows: usize) -> Batch {
    let columns = columns(rows);
    let fields: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(n, column)| {
            let is_nullable = column.is_nullable();
            Field::new(format!("column {n}"), column.data_type().clone(), is_nullable)
        })
        .collect();
    Batch::new(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap())
}

fn assert_same_rows(sent: &Batch, received: &Batch) {
    assert!(received.selection().is_none());
    assert_eq!(received.len(), sent.len());
    let mut row = 0;
    sent.for_each(|physical| {
        for (sent, received) in sent.records().columns().iter().zip(received.records().columns()) {
            assert_eq!(&sent.slice(physical, 1), &received.slice(row, 1));
        }
        let times = |batch: &Batch, row: usize| batch.timestamps().map(|times| times[row]);
        assert_eq!(times(sent, physical), times(received, row));
        row += 1;
    });
    assert_eq!(sent.records().schema(), received.records().schema());
}

#[test]
fn every_type_of_column_arrives_whole_and_selected_and_compressed() {
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let mut encoder = BatchEncoder::new(compression);
        let mut decoder = BatchDecoder::default();
        for rows in [1, 100, 1000, 0] {
            let timestamps: Vec<i64> = (0..rows as i64).map(|n| n * 10).collect();
            let whole = batch(rows);
            let timed = whole.clone().with_timestamps(Some(timestamps.into()));
            let part = timed.clone().filter(|row| row % 3 == 1);
            let sliced = Batch::new(whole.records().slice(rows / 3, rows / 2));
            for sent in [whole, timed, part, sliced] {
                let received = decoder.decode(arrive(&mut encoder, &sent)).unwrap();
                assert_same_rows(&sent, &received);
            }
        }
    }
}

#[test]
fn the_schema_goes_once_and_again_where_it_changes() {
    let mut encoder = BatchEncoder::new(Compression::None);
    let mut decoder = BatchDecoder::default();
    let of = |column: ArrayRef| {
        let field = Field::new("text", column.data_type().clone(), false);
        Batch::new(RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column]).unwrap())
    };
    let views = || of(Arc::new(StringViewArray::from_iter_values(["one", "two"])));
    let spans = of(Arc::new(StringArray::from_iter_values(["one", "two"])));
    let timed = views().with_timestamps(Some(vec![1, 2].into()));
    let mut firsts = Vec::new();
    for sent in [views(), views(), spans.clone(), spans, timed.clone(), timed, views()] {
        let encoded = arrive(&mut encoder, &sent);
        firsts.push(encoded.is_first);
        assert_same_rows(&sent, &decoder.decode(encoded).unwrap());
    }
    assert_eq!(firsts, [true, false, true, false, true, false, true]);
}

#[test]
fn rows_that_do_not_count_do_not_travel() {
    let texts = (0..10_000).map(|n| format!("a text that is not short: {n}"));
    let column: ArrayRef = Arc::new(StringViewArray::from_iter_values(texts));
    let schema = Schema::new(vec![Field::new("text", DataType::Utf8View, false)]);
    let records = RecordBatch::try_new(Arc::new(schema), vec![column]).unwrap();
    let part = Batch::new(records.slice(17, 10));
    let selected = Batch::new(records).filter(|row| row < 10);
    for sent in [part, selected, batch(3000).filter(|row| row < 10)] {
        let mut encoder = BatchEncoder::new(Compression::None);
        arrive(&mut encoder, &sent);
        let second = arrive(&mut encoder, &sent);
        assert!(second.body.len() < 6_000, "{} bytes for ten rows", second.body.len());
    }
}

#[test]
fn what_arrives_is_not_copied() {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10_000));
    let words = (0..10_000).map(|n| format!("a text of some length: {n}"));
    let words: ArrayRef = Arc::new(StringViewArray::from_iter_values(words));
    let fields = vec![
        Field::new("number", DataType::Int64, false),
        Field::new("word", DataType::Utf8View, false),
    ];
    let records =
        RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![numbers, words]).unwrap();
    let sent = Batch::new(records);
    let mut encoder = BatchEncoder::new(Compression::None);
    let encoded = arrive(&mut encoder, &sent);
    let memory = encoded.body.as_ptr_range();
    let received = BatchDecoder::default().decode(encoded).unwrap();
    let columns = received.records().columns();
    let numbers = columns[0].as_primitive::<arrow_array::types::Int64Type>().values();
    let words = columns[1].as_string_view().data_buffers();
    assert!(memory.contains(&numbers.inner().as_ptr()));
    assert!(memory.contains(&words[0].as_ptr()));
    // Nor what is sent: large columns go out from where they lie.
    let sent_numbers = sent.records().column(0).to_data().buffers()[0].as_ptr();
    let parts = encoder.encode(&sent).unwrap().parts;
    assert!(parts.iter().any(|part| part.as_ptr() == sent_numbers));
}

/// Reads every value, so that one that isn't what its type says shows.
fn touch(batch: TaskResult<Batch>) {
    if let Ok(batch) = batch {
        for column in batch.records().columns() {
            for row in 0..column.len().min(300) {
                assert!(!format!("{:?}", column.slice(row, 1)).is_empty());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_messages_are_refused_or_read_but_never_a_panic(
        rows in 0usize..40,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut encoder = BatchEncoder::new(Compression::None);
        let sent = arrive(&mut encoder, &batch(rows));
        let mut bytes = sent.body.to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] ^= byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let body = Buffer::from_vec(bytes);
        let mut decoder = BatchDecoder::default();
        touch(decoder.decode(EncodedBatch { is_first: true, body }));
        // And it can be used again.
        let mut encoder = BatchEncoder::new(Compression::None);
        decoder.decode(arrive(&mut encoder, &batch(3))).unwrap();
    }
}
