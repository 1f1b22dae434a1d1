//! What is made of several measurements.

/// The middle value, or the mean of the two middle ones; not a number where there is none.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.get(values.len().saturating_sub(1) / 2..=values.len() / 2);
    middle.map_or(f64::NAN, |middle| middle.iter().sum::<f64>() / middle.len() as f64)
}

/// The least and the most.
pub fn range(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    (least, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

/// The median of the quotients of what was measured in the same round, so that what else the machine
/// did at the time falls on both sides.
pub fn ratio(dividends: &[f64], divisors: &[f64]) -> f64 {
    let quotients: Vec<f64> = dividends.iter().zip(divisors).map(|(a, b)| a / b).collect();
    median(&quotients)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]).to_bits(), 2.0_f64.to_bits());
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]).to_bits(), 2.5_f64.to_bits());
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn the_range_is_from_the_least_to_the_most() {
        assert_eq!(range(&[2.0, -1.0, 3.0]), (-1.0, 3.0));
    }

    #[test]
    fn a_ratio_is_that_of_a_round_in_the_middle() {
        // The second round was disturbed: both took ten times as long.
        let (slow, fast) = ([4.0, 40.0, 6.0], [1.0, 10.0, 2.0]);
        assert_eq!(ratio(&slow, &fast).to_bits(), 4.0_f64.to_bits());
    }
}
