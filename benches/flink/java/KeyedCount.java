import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Counts how often each of many keys occurs. */
final class KeyedCount {
    private KeyedCount() {}

    static void run(Arguments arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        NumberSequenceSource numbers = new NumberSequenceSource(0, arguments.number("count") - 1);
        boolean zipf = arguments.get("keys-are", "uniform").equals("zipf");
        DataStream<Tuple2<Long, Long>> counts = env
                .fromSource(numbers, WatermarkStrategy.noWatermarks(), "numbers")
                .map(new Key(arguments.number("keys"), zipf))
                .name("keys")
                .keyBy(pair -> pair.f0)
                .sum(1);
        Sinks.digestOrDiscard(counts, arguments.get("out"), Hashes::mix);
        env.execute("Keyed count");
    }

    static final class Key implements MapFunction<Long, Tuple2<Long, Long>> {
        private final long keys;
        private final boolean zipf;

        Key(long keys, boolean zipf) {
            this.keys = keys;
            this.zipf = zipf;
        }

        @Override
        public Tuple2<Long, Long> map(Long number) {
            long key = zipf ? Hashes.zipfKey(number, keys) : Hashes.uniformKey(number, keys);
            return new Tuple2<>(key, 1L);
        }
    }
}
