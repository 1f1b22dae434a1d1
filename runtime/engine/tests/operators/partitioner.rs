use sciurus_core::key::{hash_key, key_group, subtask_of};
use sciurus_core::record::F0;
use sciurus_core::{Batch, Columns, Record};
use sciurus_engine::collector::Emitter;
use sciurus_engine::exchange::{
    ColumnKeys, FunctionKeysFactory, KeyExtractorFactory, Partitioner, choose_by_key,
    choose_by_record,
};
use sciurus_engine::operator::BatchLimits;
use sciurus_engine::{TaskError, TaskResult};

type Numbered = (String, i64);

/// Rows "a0", "b1", "c2", "a3", …, of which only those with an even number count if `narrowed`.
fn batch(rows: i64, narrowed: bool) -> TaskResult<Batch> {
    let mut emitter = Emitter::<Numbered>::new(BatchLimits::default());
    for n in 0..rows {
        let key = ["a", "b", "c"][n as usize % 3];
        emitter.append((key, n), Some(n * 10));
    }
    let batch = emitter.take()?;
    Ok(if narrowed { batch.filter(|row| row % 2 == 0) } else { batch })
}

fn key_of<'a>((key, _): &'a (&'a str, i64)) -> &'a str {
    key
}

/// Returns the numbers that reached each channel.
fn partition(
    partitioner: &mut Partitioner,
    batch: Batch,
    channels: usize,
) -> TaskResult<Vec<Vec<i64>>> {
    let mut reached = vec![Vec::new(); channels];
    partitioner.partition(batch, channels, |channel, batch| {
        let columns = batch.columns::<Numbered>()?;
        batch.for_each(|row| reached[channel].push(columns.get(row).1));
        Ok(())
    })?;
    Ok(reached)
}

fn all(reached: &[Vec<i64>]) -> Vec<i64> {
    let mut all = reached.concat();
    all.sort_unstable();
    all
}

#[test]
fn round_robin_gives_all_channels_even_shares_over_several_batches() -> TaskResult {
    let mut partitioner = Partitioner::RoundRobin { next: 2 };
    let mut totals = [0; 3];
    for rows in [1, 2, 5, 7, 100, 1] {
        let reached = partition(&mut partitioner, batch(rows, false)?, 3)?;
        let counts: Vec<_> = reached.iter().map(Vec::len).collect();
        assert!(counts.iter().max().zip(counts.iter().min()).is_some_and(|(a, b)| a - b <= 1));
        totals.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
        assert_eq!(all(&reached), (0..rows).collect::<Vec<_>>());
    }
    assert!(totals.iter().all(|total| (38..=39).contains(total)), "{totals:?}");
    Ok(())
}

#[test]
fn rows_that_do_not_count_reach_nobody() -> TaskResult {
    let keys = ColumnKeys::<Numbered, F0>::default();
    let by_record = choose_by_record::<Numbered, _>(|(_, n), channels| n as usize % channels);
    let partitioners = [
        Partitioner::RoundRobin { next: 0 },
        Partitioner::Shuffle { random: fastrand::Rng::with_seed(7) },
        Partitioner::hash(keys.create(), 4, 128),
        Partitioner::Custom(by_record),
    ];
    for mut partitioner in partitioners {
        let reached = partition(&mut partitioner, batch(31, true)?, 4)?;
        assert_eq!(all(&reached), (0..31).step_by(2).collect::<Vec<_>>());
    }
    Ok(())
}

#[test]
fn shuffling_spreads_rows_over_all_channels() -> TaskResult {
    let mut partitioner = Partitioner::Shuffle { random: fastrand::Rng::with_seed(7) };
    let reached = partition(&mut partitioner, batch(400, false)?, 4)?;
    assert!(reached.iter().all(|rows| rows.len() > 50), "about a quarter each");
    assert_eq!(all(&reached), (0..400).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn broadcast_reaches_everyone_and_global_the_first() -> TaskResult {
    let everything: Vec<i64> = (0..5).collect();
    let reached = partition(&mut Partitioner::Broadcast, batch(5, false)?, 3)?;
    assert_eq!(reached, vec![everything.clone(); 3]);
    let reached = partition(&mut Partitioner::Global, batch(5, false)?, 3)?;
    assert_eq!(reached, vec![everything, vec![], vec![]]);
    Ok(())
}

#[test]
fn hashing_sends_a_key_to_the_subtask_that_owns_its_group_and_hands_its_keys_on() -> TaskResult {
    let by_column = ColumnKeys::<Numbered, F0>::default();
    let by_function = FunctionKeysFactory::<Numbered, String, _>::new(key_of);
    let extractors: [&dyn KeyExtractorFactory; 2] = [&by_column, &by_function];
    for (extractor, narrowed) in extractors.into_iter().zip([false, true]) {
        for channels in [1_u32, 2, 5] {
            let mut partitioner = Partitioner::hash(extractor.create(), channels, 128);
            let rows = batch(30, narrowed)?;
            partitioner.partition(rows, channels as usize, |channel, batch| {
                let columns = batch.columns::<Numbered>()?;
                let keys = batch.keys().ok_or(TaskError::Defect("no keys"))?;
                let key_columns = <String as Record>::Columns::from_array(&keys.column)?;
                batch.for_each(|row| {
                    let (key, n) = columns.get(row);
                    assert_eq!(key_columns.get(row), key);
                    assert_eq!(keys.hashes[row], hash_key(key.as_bytes()));
                    let group = key_group(keys.hashes[row], 128);
                    assert_eq!(subtask_of(group, channels, 128) as usize, channel);
                    assert_eq!(batch.timestamps().map(|times| times[row]), Some(n * 10));
                });
                Ok(())
            })?;
        }
    }
    Ok(())
}

#[test]
fn a_custom_partitioner_sees_keys_and_may_not_name_a_channel_that_is_not_there() -> TaskResult {
    let choose = choose_by_key::<Numbered, F0, _>(|key, channels| match key {
        "a" => 0,
        "b" => channels - 1,
        _ => 2,
    });
    let mut partitioner = Partitioner::Custom(choose);
    let reached = partition(&mut partitioner, batch(7, false)?, 3)?;
    assert_eq!(reached, [vec![0, 3, 6], vec![], vec![1, 2, 4, 5]]);
    let error = partition(&mut partitioner, batch(7, false)?, 2).unwrap_err();
    assert!(matches!(
        error.innermost(),
        TaskError::PartitionOutOfRange { partition: 2, partitions: 2 }
    ));
    Ok(())
}
