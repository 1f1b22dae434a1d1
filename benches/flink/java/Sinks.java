import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.UUID;

import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** Where counts go: nowhere, or into a sum that doesn't depend on their order. */
final class Sinks {
    private Sinks() {}

    /** The hash of a key. */
    interface Hash<K> extends Serializable {
        long of(K key);
    }

    /** Drops the counts where there is no folder, else leaves their digest there. */
    static <K> void digestOrDiscard(DataStream<Tuple2<K, Long>> counts, String folder, Hash<K> hash) {
        if (folder == null) {
            counts.sinkTo(new DiscardingSink<>()).name("nowhere");
        } else {
            counts.sinkTo(new Digest<>(folder, hash)).name("digest");
        }
    }

    /** A new file's path in a folder, which is made. */
    static Path newFile(String folder, String extension) throws IOException {
        Path directory = Paths.get(folder);
        Files.createDirectories(directory);
        return directory.resolve(UUID.randomUUID() + "." + extension);
    }

    /** Adds up what it gets; at the end each subtask writes a line into a file of its own. */
    static final class Digest<K> implements Sink<Tuple2<K, Long>> {
        private final String folder;
        private final Hash<K> hash;

        Digest(String folder, Hash<K> hash) {
            this.folder = folder;
            this.hash = hash;
        }

        @Override
        public SinkWriter<Tuple2<K, Long>> createWriter(WriterInitContext context) {
            return new SinkWriter<>() {
                private long records;
                private long counts;
                private long checksum;

                @Override
                public void write(Tuple2<K, Long> pair, Context context) {
                    records++;
                    counts += pair.f1;
                    checksum += hash.of(pair.f0) * pair.f1;
                }

                @Override
                public void flush(boolean endOfInput) throws IOException {
                    if (endOfInput) {
                        String line = records + " " + counts + " " + Long.toUnsignedString(checksum) + "\n";
                        Files.writeString(newFile(folder, "digest"), line);
                    }
                }

                @Override
                public void close() {}
            };
        }
    }
}
