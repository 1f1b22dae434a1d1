//! What a job's client is told.

use sciurus::prelude::*;

#[test]
fn sources_tell_how_much_they_read_and_how_much_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["a", "b"].map(|name| folder.path().join(name));
    std::fs::write(&files[0], "one\ntwo\n").unwrap();
    std::fs::write(&files[1], "three\n").unwrap();
    let env = StreamExecutionEnvironment::new();
    let source = FileSource::text(files);
    env.from_source(source, WatermarkStrategy::no_watermarks(), "files").discard();
    let client = env.execute_async("read").unwrap();
    client.wait().unwrap();
    let metrics = client.metrics();
    assert_eq!(metrics.operators().map(|operator| operator.num_bytes_in).sum::<u64>(), 14);
    assert_eq!(metrics.input_bytes, Some(14));
}

#[test]
fn sources_without_bytes_tell_no_total() {
    let env = StreamExecutionEnvironment::new();
    env.from_sequence(1, 3).discard();
    let client = env.execute_async("count").unwrap();
    client.wait().unwrap();
    assert_eq!(client.metrics().input_bytes, None);
}
