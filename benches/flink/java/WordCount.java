import java.time.Duration;
import java.util.Locale;

import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.eventtime.TimestampAssigner;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.reader.TextLineInputFormat;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.util.Collector;

/** Counts words as Flink's example does: each update, final counts, or those of each second. */
final class WordCount {
    /** How many lines a second each source reads, going by the timestamps. */
    private static final long LINES_PER_SECOND = 10_000;

    private WordCount() {}

    static void run(Arguments arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        String mode = arguments.get("mode", "streaming");
        if (mode.equals("batch")) {
            env.setRuntimeMode(RuntimeExecutionMode.BATCH);
        }
        boolean windows = mode.equals("windows");
        FileSource<String> source = FileSource
                .forRecordStreamFormat(new TextLineInputFormat(), new Path(arguments.need("input")))
                .build();
        WatermarkStrategy<String> watermarks = windows
                ? WatermarkStrategy.<String>forMonotonousTimestamps()
                        .withTimestampAssigner(context -> new LineClock())
                : WatermarkStrategy.noWatermarks();
        FlatMapFunction<String, Tuple2<String, Long>> tokenizer =
                arguments.get("tokenizer", "split").equals("scan") ? new Scanner() : new Splitter();
        KeyedStream<Tuple2<String, Long>, String> words = env
                .fromSource(source, watermarks, "input")
                .flatMap(tokenizer)
                .name("tokenizer")
                .keyBy(pair -> pair.f0);
        DataStream<Tuple2<String, Long>> counts = windows
                ? words.window(TumblingEventTimeWindows.of(Duration.ofSeconds(1))).sum(1)
                : words.sum(1);
        Sinks.digestOrDiscard(counts, arguments.get("out"), Hashes::ofText);
        env.execute("WordCount");
    }

    /** Splits as Flink's own example does. */
    static final class Splitter implements FlatMapFunction<String, Tuple2<String, Long>> {
        @Override
        public void flatMap(String line, Collector<Tuple2<String, Long>> out) {
            for (String word : line.toLowerCase(Locale.ROOT).split("\\W+")) {
                if (!word.isEmpty()) {
                    out.collect(new Tuple2<>(word, 1L));
                }
            }
        }
    }

    /** Finds the same words without a regular expression. */
    static final class Scanner implements FlatMapFunction<String, Tuple2<String, Long>> {
        @Override
        public void flatMap(String text, Collector<Tuple2<String, Long>> out) {
            String line = text.toLowerCase(Locale.ROOT);
            int length = line.length();
            int start = -1;
            for (int i = 0; i < length; i++) {
                char c = line.charAt(i);
                boolean inWord = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                if (inWord && start < 0) {
                    start = i;
                } else if (!inWord && start >= 0) {
                    out.collect(new Tuple2<>(line.substring(start, i), 1L));
                    start = -1;
                }
            }
            if (start >= 0) {
                out.collect(new Tuple2<>(line.substring(start), 1L));
            }
        }
    }

    /** Tells the time of a source by the lines it has read. */
    static final class LineClock implements TimestampAssigner<String> {
        private long lines;

        @Override
        public long extractTimestamp(String line, long recordTimestamp) {
            return lines++ * 1000 / LINES_PER_SECOND;
        }
    }
}
