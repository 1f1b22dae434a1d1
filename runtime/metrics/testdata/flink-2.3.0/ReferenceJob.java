package ref;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.*;
import org.apache.flink.api.common.functions.*;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.connector.datagen.source.*;
import org.apache.flink.metrics.*;
import org.apache.flink.runtime.metrics.DescriptiveStatisticsHistogram;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
public class ReferenceJob {
  static class Counting extends RichMapFunction<Tuple2<String, Long>, Tuple2<String, Long>> {
    transient Counter lines; transient Histogram sizes; transient Meter meter; transient Counter grouped; transient Counter keyed; long seen;
    @Override public void open(OpenContext c) {
      MetricGroup g = getRuntimeContext().getMetricGroup();
      lines = g.counter("lines");
      g.gauge("seen", (Gauge<Long>) () -> seen);
      sizes = g.histogram("sizes", new DescriptiveStatisticsHistogram(1000));
      meter = g.meter("lineRate", new MeterView(new SimpleCounter()));
      grouped = g.addGroup("words").counter("long");
      keyed = g.addGroup("language", "en").counter("said");
    }
    @Override public Tuple2<String, Long> map(Tuple2<String, Long> v) { lines.inc(); seen++; sizes.update(v.f0.length()); meter.markEvent(); grouped.inc(); keyed.inc(); return v; }
  }
  public static void main(String[] args) throws Exception {
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    env.enableCheckpointing(1000);
    DataGeneratorSource<Tuple2<String, Long>> source = new DataGeneratorSource<>(
      n -> Tuple2.of("word" + n % 100, n), Long.MAX_VALUE, RateLimiterStrategy.perSecond(1000), Types.TUPLE(Types.STRING, Types.LONG));
    env.fromSource(source, WatermarkStrategy.<Tuple2<String, Long>>forMonotonousTimestamps().withTimestampAssigner((e, t) -> System.currentTimeMillis()), "numbers")
      .map(new Counting()).returns(Types.TUPLE(Types.STRING, Types.LONG)).name("counting")
      .keyBy(t -> t.f0).window(TumblingEventTimeWindows.of(Duration.ofSeconds(1))).sum(1).name("sums")
      .sinkTo(new DiscardingSink<>()).name("nowhere");
    env.execute("reference job");
  }
}
