//! Hashes and keys by arithmetic that the Java jobs do as well.

/// Mixes bits: `SplitMix64`'s finaliser.
pub fn mix(n: u64) -> u64 {
    let z = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// FNV-1a of a text, mixed.
pub fn hash_of_text(text: &str) -> u64 {
    mix(text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    }))
}

/// Each of `keys` keys as likely as the others.
pub fn uniform_key(number: u64, keys: u64) -> u64 {
    mix(number) % keys
}

/// Keys whose likelihood falls as Zipf's law (exponent 1) has it, in steps of powers of two: first
/// the power, each equally likely, then one of the keys from it to the next.
pub fn zipf_key(number: u64, keys: u64) -> u64 {
    let hash = mix(number);
    let powers = u64::from(u64::BITS - keys.leading_zeros());
    let power = ((hash >> 32) * powers) >> 32;
    let first = 1_u64 << power;
    let width = first.min(keys + 1 - first);
    first - 1 + (hash & 0xFFFF_FFFF) % width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_what_java_computes() {
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(hash_of_text(""), mix(0xCBF2_9CE4_8422_2325));
        assert_eq!(hash_of_text("a"), mix(0xAF63_DC4C_8601_EC8C));
    }

    #[test]
    fn every_key_occurs_and_no_other() {
        for keys in [1, 2, 3, 7, 8, 1000] {
            for key_of in [uniform_key, zipf_key] {
                let mut occurs = vec![false; keys as usize];
                (0..200 * keys).for_each(|number| occurs[key_of(number, keys) as usize] = true);
                assert!(occurs.iter().all(|occurs| *occurs), "of {keys} keys some are missing");
            }
        }
    }

    #[test]
    fn zipf_keys_are_the_less_frequent_the_greater_they_are() {
        let mut counts = [0_u32; 15];
        (0..150_000).for_each(|number| counts[zipf_key(number, 15) as usize] += 1);
        // Four powers with a quarter of the records each.
        let quarters: Vec<u32> = [0..1, 1..3, 3..7, 7..15].map(|of| counts[of].iter().sum()).into();
        assert!(quarters.iter().all(|sum| sum.abs_diff(37_500) < 1000), "{quarters:?}");
    }
}
