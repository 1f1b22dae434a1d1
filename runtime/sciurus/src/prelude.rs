//! What a job usually needs: `use sciurus::prelude::*;`.

pub use sciurus_connectors::{
    CollectionSource, CsvSource, DataGeneratorSource, DiscardingSink, FileSink, FileSource,
    IteratorSource, JsonLinesSource, NumberSequenceSource, PrintSink, Sink, SocketSource,
};
pub use sciurus_core::config::Configuration;
pub use sciurus_core::config::options::execution::RuntimeMode;
pub use sciurus_core::record::{F0, F1, F2, F3, F4, F5, F6, F7, F8, F9, F10, F11, ListView};
pub use sciurus_core::time::Timestamp;
pub use sciurus_core::{BoxError, Record};
pub use sciurus_derive::Record;
pub use sciurus_engine::accumulator::LongCounter;
pub use sciurus_engine::function::{
    BroadcastContext, BroadcastProcessFunction, CoProcessFunction, Context,
    FunctionInitializationContext, FunctionSnapshotContext, KeyedBroadcastProcessFunction,
    KeyedCoProcessFunction, KeyedContext, KeyedProcessFunction, KeyedReadOnlyContext,
    KeyedRuntimeContext, OnTimerContext, ProcessFunction, ReadOnlyContext, ReadOnlyOnTimerContext,
    RuntimeContext, TimeDomain,
};
pub use sciurus_engine::metrics::user::{UserCounter, UserGauge, UserHistogram, UserMeter};
pub use sciurus_engine::watermark::{WatermarkGenerator, WatermarkOutput, WatermarkStrategy};
pub use sciurus_engine::windowing::assigner::{
    EventTimeSessionWindows, GlobalWindows, ProcessingTimeSessionWindows, SlidingEventTimeWindows,
    SlidingProcessingTimeWindows, TumblingEventTimeWindows, TumblingProcessingTimeWindows,
    WindowAssigner,
};
pub use sciurus_engine::windowing::output::{ProcessWindowFunction, WindowContext, WindowElements};
pub use sciurus_engine::windowing::trigger::{
    ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger, CountTrigger, EventTimeTrigger,
    ProcessingTimeTrigger, PurgingTrigger, Trigger, TriggerContext, TriggerResult,
};
pub use sciurus_engine::windowing::window::{GlobalWindow, TimeWindow, Window};
pub use sciurus_engine::{Collector, OutputTag};
pub use sciurus_state::operator::{BroadcastState, OperatorListState};
pub use sciurus_state::{
    AggregateFunction, AggregatingState, ListState, MapState, ReducingState, StateAccess,
    StateTtlConfig, ValueState,
};

pub use crate::stream::{
    AllWindowedStream, BroadcastConnectedStream, BroadcastStream, CollectedStream,
    ConnectedStreams, DataStream, DataStreamSink, KeyedBroadcastConnectedStream,
    KeyedConnectedStreams, KeyedStream, SingleOutputStreamOperator, WindowedStream,
};
pub use crate::{JobClient, JobError, JobExecutionResult, JobStatus, StreamExecutionEnvironment};
