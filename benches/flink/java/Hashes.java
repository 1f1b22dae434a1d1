/** Hashes and keys by arithmetic that the Rust jobs do as well. */
final class Hashes {
    private Hashes() {}

    /** SplitMix64's finaliser. */
    static long mix(long n) {
        long z = n + 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** FNV-1a of a text of ASCII characters, mixed. */
    static long ofText(String text) {
        long hash = 0xCBF29CE484222325L;
        for (int i = 0; i < text.length(); i++) {
            hash = (hash ^ text.charAt(i)) * 0x100000001B3L;
        }
        return mix(hash);
    }

    /** Each of `keys` keys as likely as the others. */
    static long uniformKey(long number, long keys) {
        return Long.remainderUnsigned(mix(number), keys);
    }

    /**
     * Keys whose likelihood falls as Zipf's law (exponent 1) has it, in steps of powers of two: first
     * the power, each equally likely, then one of the keys from it to the next.
     */
    static long zipfKey(long number, long keys) {
        long hash = mix(number);
        long powers = 64 - Long.numberOfLeadingZeros(keys);
        long power = ((hash >>> 32) * powers) >>> 32;
        long first = 1L << power;
        long width = Math.min(first, keys + 1 - first);
        return first - 1 + (hash & 0xFFFFFFFFL) % width;
    }
}
