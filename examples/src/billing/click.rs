//! Clicks that are made up.

use sciurus::prelude::*;

/// Time from one click to the next, milliseconds.
const PACE_MS: Timestamp = 10;

/// How many campaigns there are.
const CAMPAIGNS: u64 = 50;

/// The most that a click costs, cents.
const MAX_CENTS: u64 = 100;

/// Someone has clicked on an advertisement.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Click {
    /// Who.
    pub user: i64,
    /// Whose advertisement.
    pub campaign: i32,
    /// What that costs.
    pub cents: i64,
    /// When, milliseconds since the Unix epoch.
    pub time: Timestamp,
}

impl Click {
    /// Makes the click with this number, always the same.
    pub fn of_number(number: u64, users: u64) -> Self {
        let random = mixed(number);
        Self {
            user: (random % users) as i64,
            campaign: ((random >> 32) % CAMPAIGNS) as i32,
            cents: ((random >> 48) % MAX_CENTS) as i64 + 1,
            time: number as Timestamp * PACE_MS,
        }
    }
}

/// Turns numbers in a row into such as look random: the finaliser of `SplitMix64`.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clicks_are_spread_and_the_same_each_time() {
        let clicks: Vec<_> = (0..10_000).map(|number| Click::of_number(number, 100)).collect();
        assert_eq!(clicks[77], Click::of_number(77, 100));
        for user in 0..100 {
            let of_user = clicks.iter().filter(|click| click.user == user).count();
            assert!((50..200).contains(&of_user), "user {user} clicks {of_user} times");
        }
        assert!(clicks.iter().all(|click| (1..=100).contains(&click.cents)));
        assert!(clicks.is_sorted_by_key(|click| click.time));
    }
}
