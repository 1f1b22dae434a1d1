//! Which packages go when there are too many. Pure.

/// A package in the cache.
pub(super) struct Kept<K> {
    pub(super) key: K,
    pub(super) size_bytes: u64,
    /// The greatest was used last.
    pub(super) last_used: u64,
    pub(super) in_use: bool,
}

/// Returns which packages have to go so that the rest fits: the least recently used, but none that
/// is in use.
pub(super) fn superfluous<K>(mut kept: Vec<Kept<K>>, limit_bytes: u64) -> Vec<K> {
    let mut sum = kept.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size_bytes));
    kept.sort_by_key(|entry| entry.last_used);
    let mut gone = Vec::new();
    for entry in kept {
        if sum <= limit_bytes {
            break;
        }
        if !entry.in_use {
            sum -= entry.size_bytes;
            gone.push(entry.key);
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(entries: &[(char, u64, u64, bool)]) -> Vec<Kept<char>> {
        let entry =
            |&(key, size_bytes, last_used, in_use)| Kept { key, size_bytes, last_used, in_use };
        entries.iter().map(entry).collect()
    }

    #[test]
    fn the_least_recently_used_goes_first_and_no_more_than_necessary() {
        let entries = [('a', 10, 3, false), ('b', 10, 1, false), ('c', 10, 2, false)];
        assert!(superfluous(kept(&entries), 30).is_empty());
        assert_eq!(superfluous(kept(&entries), 29), ['b']);
        assert_eq!(superfluous(kept(&entries), 10), ['b', 'c']);
        assert_eq!(superfluous(kept(&entries), 0), ['b', 'c', 'a']);
    }

    #[test]
    fn what_is_in_use_stays() {
        let entries = [('a', 10, 1, true), ('b', 10, 2, false)];
        assert_eq!(superfluous(kept(&entries), 5), ['b']);
    }
}
