/** Counts values by their logarithm, 64 steps to a power of two. */
final class Histogram {
    private static final int STEP_BITS = 6;
    private static final int STEPS = 1 << STEP_BITS;

    private final long[] counts = new long[64 * STEPS];

    void add(long value) {
        counts[bucket(Math.max(value, 0))]++;
    }

    private static int bucket(long value) {
        if (value < STEPS) {
            return (int) value;
        }
        int shift = 63 - Long.numberOfLeadingZeros(value) - STEP_BITS;
        return ((shift + 1) << STEP_BITS) + (int) ((value >>> shift) - STEPS);
    }

    /** The highest value of a bucket. */
    private static long highest(int bucket) {
        if (bucket < STEPS) {
            return bucket;
        }
        int shift = (bucket >>> STEP_BITS) - 1;
        return (((long) (bucket & (STEPS - 1)) + STEPS + 1) << shift) - 1;
    }

    /** A line for each bucket that has values: the highest that belongs to it, and how many there are. */
    String lines() {
        StringBuilder lines = new StringBuilder();
        for (int bucket = 0; bucket < counts.length; bucket++) {
            if (counts[bucket] > 0) {
                lines.append(highest(bucket)).append(' ').append(counts[bucket]).append('\n');
            }
        }
        return lines.toString();
    }
}
