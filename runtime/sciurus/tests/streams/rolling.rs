use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use sciurus::prelude::*;

use crate::{environment, sorted};

type Sale = (String, i64, f64);

/// Shop, number, price.
fn sales(env: &StreamExecutionEnvironment) -> KeyedStream<Sale, String> {
    let sales =
        [("oak", 1, 2.5), ("elm", 2, 1.0), ("oak", 3, 0.5), ("oak", 4, 0.5), ("elm", 5, 9.0)];
    env.from_elements(sales.map(|(shop, number, price)| (shop.to_owned(), number, price)))
        .set_parallelism(1)
        .key_by(F0)
}

fn sold(sales: &[(&str, i64, f64)]) -> Vec<(String, i64, String)> {
    let mut sold: Vec<_> = sales
        .iter()
        .map(|(shop, number, price)| ((*shop).to_owned(), *number, price.to_string()))
        .collect();
    sold.sort();
    sold
}

/// Floats have no order: their text has.
fn results(stream: &DataStream<Sale>) -> Result<Vec<(String, i64, String)>, JobError> {
    sorted(&stream.map(|(shop, number, price)| (shop.to_owned(), number, price.to_string())))
}

#[test]
fn reduce_gives_every_result_on_the_way() -> Result<(), JobError> {
    for parallelism in [1, 3] {
        let env = environment(parallelism);
        let reduced = sales(&env).reduce(|total, (_, _, price)| total.2 += price);
        let expected = sold(&[
            ("oak", 1, 2.5),
            ("oak", 1, 3.0),
            ("oak", 1, 3.5),
            ("elm", 2, 1.0),
            ("elm", 2, 10.0),
        ]);
        assert_eq!(results(&reduced)?, expected);
    }
    Ok(())
}

#[test]
fn sum_keeps_the_first_record_where_it_has_further_fields() -> Result<(), JobError> {
    let env = environment(2);
    let expected = sold(&[
        ("oak", 1, 2.5),
        ("oak", 1, 3.0),
        ("oak", 1, 3.5),
        ("elm", 2, 1.0),
        ("elm", 2, 10.0),
    ]);
    assert_eq!(results(&sales(&env).sum(F2))?, expected);
    Ok(())
}

#[test]
fn min_and_max_keep_the_first_record() -> Result<(), JobError> {
    let env = environment(2);
    let least =
        [("oak", 1, 2.5), ("oak", 1, 0.5), ("oak", 1, 0.5), ("elm", 2, 1.0), ("elm", 2, 1.0)];
    assert_eq!(results(&sales(&env).min(F2))?, sold(&least));
    let env = environment(2);
    let most =
        [("oak", 1, 2.5), ("oak", 1, 2.5), ("oak", 1, 2.5), ("elm", 2, 1.0), ("elm", 2, 9.0)];
    assert_eq!(results(&sales(&env).max(F2))?, sold(&most));
    Ok(())
}

#[test]
fn min_by_and_max_by_give_whole_records_of_several_the_first() -> Result<(), JobError> {
    let env = environment(2);
    let least =
        [("oak", 1, 2.5), ("oak", 3, 0.5), ("oak", 3, 0.5), ("elm", 2, 1.0), ("elm", 2, 1.0)];
    assert_eq!(results(&sales(&env).min_by(F2))?, sold(&least));
    let env = environment(2);
    let most =
        [("oak", 1, 2.5), ("oak", 1, 2.5), ("oak", 1, 2.5), ("elm", 2, 1.0), ("elm", 5, 9.0)];
    assert_eq!(results(&sales(&env).max_by(F2))?, sold(&most));
    Ok(())
}

#[test]
fn what_is_not_a_number_is_the_largest() -> Result<(), JobError> {
    let numbers = [(0, f64::NAN), (0, 2.0), (0, f64::NAN), (0, 1.0)];
    let env = environment(1);
    let least = env.from_elements(numbers).key_by(F0).min(F1).map(|(_, n)| n.to_string());
    let least: Result<Vec<_>, _> = least.execute_and_collect("min")?.collect();
    assert_eq!(least?, ["NaN", "2", "2", "1"]);
    let env = environment(1);
    let most = env.from_elements(numbers).key_by(F0).max(F1).map(|(_, n)| n.to_string());
    let most: Result<Vec<_>, _> = most.execute_and_collect("max")?.collect();
    assert_eq!(most?, ["NaN", "NaN", "NaN", "NaN"]);
    Ok(())
}

#[test]
fn text_has_an_order_too() -> Result<(), JobError> {
    let env = environment(1);
    let words = [("b", 1), ("a", 2), ("c", 3)].map(|(word, n)| (0, word.to_owned(), n));
    let last =
        env.from_elements(words).key_by(F0).max_by(F1).map(|(_, word, n)| (word.to_owned(), n));
    let expected = [("b", 1), ("b", 1), ("c", 3)].map(|(word, n)| (word.to_owned(), n));
    assert_eq!(sorted(&last)?, expected);
    Ok(())
}

#[test]
fn batch_execution_gives_final_results_only() -> Result<(), JobError> {
    for parallelism in [1, 3] {
        let env = environment(parallelism);
        env.set_runtime_mode(RuntimeMode::Batch);
        let expected = sold(&[("oak", 1, 3.5), ("elm", 2, 10.0)]);
        assert_eq!(results(&sales(&env).sum(F2))?, expected);
        let env = environment(parallelism);
        env.set_runtime_mode(RuntimeMode::Batch);
        let expected = sold(&[("oak", 3, 0.5), ("elm", 2, 1.0)]);
        assert_eq!(results(&sales(&env).min_by(F2))?, expected);
    }
    Ok(())
}

/// Every sum on the way, in the order of the records.
fn running_sums(records: &[(String, i64)]) -> Vec<(String, i64)> {
    let mut sums = BTreeMap::<&str, i64>::new();
    let mut running = Vec::new();
    for (key, n) in records {
        let sum = sums.entry(key).or_default();
        *sum = sum.wrapping_add(*n);
        running.push((key.clone(), *sum));
    }
    running
}

fn check_sums(
    records: &[(String, i64)],
    parallelism: u32,
    mode: RuntimeMode,
) -> Result<(), JobError> {
    let mut expected = running_sums(records);
    if mode == RuntimeMode::Batch {
        let last: BTreeMap<_, _> = expected.into_iter().collect();
        expected = last.into_iter().collect();
    }
    expected.sort();
    for by_field in [true, false] {
        let env = environment(parallelism);
        env.set_runtime_mode(mode);
        let keyed = env.from_elements(records.to_vec()).set_parallelism(1).key_by(F0);
        let sums = if by_field {
            keyed.sum(F1)
        } else {
            keyed.reduce(|sum, (_, n)| sum.1 = sum.1.wrapping_add(n))
        };
        assert_eq!(sorted(&sums)?, expected, "by field: {by_field}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn sums_are_those_of_a_map(records in vec(("[a-e]{0,14}", any::<i64>()), 1..200)) {
        for parallelism in [1, 3] {
            check_sums(&records, parallelism, RuntimeMode::Streaming)?;
            check_sums(&records, parallelism, RuntimeMode::Batch)?;
        }
    }
}
