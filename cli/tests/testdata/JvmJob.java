import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job for the JVM, which Sciurus has to refuse: jvm-job.jar.
 *
 * <p>javac --release 11 -cp 'flink-dist-2.3.0.jar' JvmJob.java && jar -c -f jvm-job.jar -e JvmJob JvmJob.class
 */
public class JvmJob {
    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSequence(1, 10).sinkTo(new DiscardingSink<>());
        env.execute("jvm job");
    }
}
