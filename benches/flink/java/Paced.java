import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Instant;
import java.util.concurrent.locks.LockSupport;

import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.source.legacy.RichParallelSourceFunction;

/**
 * Records that carry the time at which they were made, at a rate; the last one of each key is kept, and
 * the sink sees how old they are.
 */
final class Paced {
    private Paced() {}

    static void run(Arguments arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        Source source = new Source(
                arguments.number("rate"), arguments.number("count"), arguments.number("keys"));
        env.addSource(source, "paced")
                .keyBy(pair -> pair.f0)
                .reduce((seen, pair) -> {
                    seen.f1 = pair.f1;
                    return seen;
                })
                .name("last")
                .sinkTo(new Ages(arguments.need("out"), arguments.number("skip-ms"),
                        arguments.get("stamps", "no").equals("yes")))
                .name("ages");
        env.execute("Paced");
    }

    /** Microseconds since the Unix epoch. */
    static long micros() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000 + now.getNano() / 1000;
    }

    /** A legacy source: the leanest way to make records in Flink. */
    static final class Source extends RichParallelSourceFunction<Tuple2<Long, Long>> {
        /** The shortest wait, as in the source of the Rust job. */
        private static final long WAIT_NANOS = 1_000_000;

        private final long rate;
        private final long count;
        private final long keys;
        private volatile boolean runs = true;

        Source(long rate, long count, long keys) {
            this.rate = rate;
            this.count = count;
            this.keys = keys;
        }

        @Override
        public void run(SourceContext<Tuple2<Long, Long>> out) {
            int subtasks = getRuntimeContext().getTaskInfo().getNumberOfParallelSubtasks();
            int subtask = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask();
            double perNano = rate / 1e9 / subtasks;
            long start = System.nanoTime();
            long made = 0;
            for (long number = subtask; runs && number < count; number += subtasks) {
                while (rate > 0 && runs && made > (System.nanoTime() - start) * perNano) {
                    LockSupport.parkNanos(WAIT_NANOS);
                }
                synchronized (out.getCheckpointLock()) {
                    out.collect(new Tuple2<>(Hashes.uniformKey(number, keys), micros()));
                }
                made++;
            }
        }

        @Override
        public void cancel() {
            runs = false;
        }
    }

    /** Counts ages; at the end each subtask writes them. It can write down, too, when records came. */
    static final class Ages implements Sink<Tuple2<Long, Long>> {
        private static final long STAMP_MICROS = 5_000;

        private final String folder;
        private final long skipMicros;
        private final boolean stamps;

        Ages(String folder, long skipMillis, boolean stamps) {
            this.folder = folder;
            this.skipMicros = skipMillis * 1_000;
            this.stamps = stamps;
        }

        @Override
        public SinkWriter<Tuple2<Long, Long>> createWriter(WriterInitContext context) throws IOException {
            OutputStream stamped = stamps ? Files.newOutputStream(Sinks.newFile(folder, "stamps")) : null;
            return new SinkWriter<>() {
                private final Histogram ages = new Histogram();
                private long first;
                private long lastStamp;

                @Override
                public void write(Tuple2<Long, Long> pair, Context context) throws IOException {
                    long now = micros();
                    if (first == 0) {
                        first = now;
                    }
                    if (now - first >= skipMicros) {
                        ages.add(now - pair.f1);
                    }
                    if (stamped != null && now - lastStamp >= STAMP_MICROS) {
                        stamped.write((now + "\n").getBytes(StandardCharsets.US_ASCII));
                        lastStamp = now;
                    }
                }

                @Override
                public void flush(boolean endOfInput) throws IOException {
                    if (endOfInput) {
                        Files.writeString(Sinks.newFile(folder, "ages"), ages.lines());
                    }
                }

                @Override
                public void close() throws IOException {
                    if (stamped != null) {
                        stamped.close();
                    }
                }
            };
        }
    }
}
