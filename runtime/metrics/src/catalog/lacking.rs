//! Families of Flink's that aren't exposed.

/// Families of Flink's that aren't exposed.
#[derive(Debug)]
pub struct Lacking {
    /// The name; `*` at its end stands for anything.
    pub name: &'static str,
    /// Why it isn't there.
    pub reason: &'static str,
}

impl Lacking {
    /// Tells whether a family is among them.
    pub fn is(&self, family: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(prefix) => family.starts_with(prefix),
            None => family == self.name,
        }
    }
}

const fn of(name: &'static str, reason: &'static str) -> Lacking {
    Lacking { name, reason }
}

const NO_JVM: &str = "there is no JVM";
const BYTES: &str = "exchanges have no buffers of fixed size; bytes are counted: `numBytesIn`, \
                     `numBytesOut`, `inputQueueSize`";
const NO_MAILS: &str = "not measured; a task's mailbox is emptied between two batches";

/// All of them.
pub const LACKING: &[Lacking] = &[
    of("flink_jobmanager_Status_JVM_ClassLoader_*", NO_JVM),
    of("flink_jobmanager_Status_JVM_GarbageCollector_*", NO_JVM),
    of("flink_jobmanager_Status_JVM_Memory_Direct_*", NO_JVM),
    of("flink_jobmanager_Status_JVM_Memory_Mapped_*", NO_JVM),
    of("flink_jobmanager_Status_JVM_Memory_Metaspace_*", NO_JVM),
    of("flink_jobmanager_Status_JVM_Memory_NonHeap_*", NO_JVM),
    of(
        "flink_jobmanager_job_operator_coordinator_*",
        "enumerators don't tell how many splits are left",
    ),
    of("flink_taskmanager_Status_JVM_ClassLoader_*", NO_JVM),
    of("flink_taskmanager_Status_JVM_GarbageCollector_*", NO_JVM),
    of("flink_taskmanager_Status_JVM_Memory_Direct_*", NO_JVM),
    of("flink_taskmanager_Status_JVM_Memory_Mapped_*", NO_JVM),
    of("flink_taskmanager_job_task_Shuffle_Netty_Input_Buffers_inputExclusiveBuffersUsage", BYTES),
    of("flink_taskmanager_job_task_Shuffle_Netty_Input_Buffers_inputFloatingBuffersUsage", BYTES),
    of("flink_taskmanager_job_task_Shuffle_Netty_Input_Buffers_inputQueueLength", BYTES),
    of("flink_taskmanager_job_task_Shuffle_Netty_Output_Buffers_outputQueueLength", BYTES),
    of("flink_taskmanager_job_task_Shuffle_Netty_Input_num*", BYTES),
    of("flink_taskmanager_job_task_numBuffers*", BYTES),
    of(
        "flink_taskmanager_job_task_numBytesInLocal*",
        "`numBytesIn` is all; the workers' own count is `Status_Sciurus_Network_BytesReceived`",
    ),
    of(
        "flink_taskmanager_job_task_numBytesInRemote*",
        "`numBytesIn` is all; the workers' own count is `Status_Sciurus_Network_BytesReceived`",
    ),
    of("flink_taskmanager_job_task_changelogBusyTimeMsPerSecond", "there is no changelog backend"),
    of(
        "flink_taskmanager_job_task_checkpointAlignmentTime",
        "see the REST API's checkpoint details, which have it for each checkpoint",
    ),
    of(
        "flink_taskmanager_job_task_checkpointStartDelayNanos",
        "see the REST API's checkpoint details, which have it for each checkpoint",
    ),
    of("flink_taskmanager_job_task_initializationTime", "see the job's timeline in the REST API"),
    of("flink_taskmanager_job_task_mailbox*", NO_MAILS),
    of(
        "flink_taskmanager_job_task_maxHardBackPressureTimeMs",
        "not measured; see `hardBackPressuredTimeMsPerSecond`",
    ),
    of(
        "flink_taskmanager_job_task_maxSoftBackPressureTimeMs",
        "not measured; see `softBackPressuredTimeMsPerSecond`",
    ),
    of("flink_taskmanager_job_task_numFiredTimers*", "not counted"),
    of(
        "flink_taskmanager_job_task_operator_currentEmitEventTimeLag",
        "not measured; see `currentOutputWatermark`",
    ),
    of(
        "flink_taskmanager_job_task_operator_numRecordsOutErrors",
        "a sink that can't write fails its task",
    ),
    of(
        "flink_taskmanager_job_task_operator_numRecordsSendErrors",
        "a sink that can't write fails its task",
    ),
    of(
        "flink_taskmanager_job_task_operator_sourceIdleTime",
        "see the task's `idleTimeMsPerSecond`",
    ),
    of(
        "flink_taskmanager_job_task_operator_split_watermark_*",
        "there are no watermarks of single splits to see",
    ),
    of("flink_taskmanager_job_task_operator_watermarkLag", "see `currentOutputWatermark`"),
];
