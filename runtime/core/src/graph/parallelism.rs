//! How many key groups a vertex has where the user doesn't say.

use crate::key::MAX_KEY_GROUPS;

/// The lowest maximum parallelism that is chosen where the user sets none.
pub const MIN_DEFAULT_MAX_PARALLELISM: u32 = 1 << 7;

/// Returns the maximum parallelism of a vertex whose user set none.
///
/// Half as much again as the parallelism, rounded up to a power of two, within the limits: the rule
/// of Flink's `KeyGroupRangeAssignment.computeDefaultMaxParallelism`.
pub fn default_max_parallelism(parallelism: u32) -> u32 {
    let roomy = parallelism.saturating_add(parallelism / 2).min(MAX_KEY_GROUPS);
    roomy.next_power_of_two().clamp(MIN_DEFAULT_MAX_PARALLELISM, MAX_KEY_GROUPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_leaves_room_to_grow() {
        let expected = [
            (1, 128),
            (85, 128),
            (86, 256),
            (128, 256),
            (171, 256),
            (172, 512),
            (21845, 32768),
            (32768, 32768),
            (u32::MAX, 32768),
        ];
        for (parallelism, maximum) in expected {
            assert_eq!(default_max_parallelism(parallelism), maximum, "of {parallelism}");
        }
    }
}
