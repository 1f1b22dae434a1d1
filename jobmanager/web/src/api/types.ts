/** What the REST API answers, as far as it is shown. Names are Flink's. */

export interface Config {
  'refresh-interval': number
  'flink-version': string
  'flink-revision': string
  features: { 'web-submit': boolean; 'web-cancel': boolean }
}

export interface ClusterOverview {
  taskmanagers: number
  'slots-total': number
  'slots-available': number
  'jobs-running': number
  'jobs-finished': number
  'jobs-cancelled': number
  'jobs-failed': number
}

export interface JobOverview {
  jid: string
  name: string
  state: string
  'start-time': number
  'end-time': number
  duration: number
  'last-modification': number
  tasks: Record<string, number>
  'slot-shortage'?: SlotShortage | null
}

/** What a job waits for that lacks slots. */
export interface SlotShortage {
  missing: number
  since: number
}

export interface IoMetrics {
  'read-bytes': number
  'write-bytes': number
  'read-records': number
  'write-records': number
  'accumulated-backpressured-time': number
  'accumulated-idle-time': number
  'accumulated-busy-time': number | 'NaN'
}

export interface JobVertex {
  id: string
  name: string
  parallelism: number
  maxParallelism: number
  status: string
  'start-time': number
  'end-time': number
  duration: number
  tasks: Record<string, number>
  metrics: IoMetrics
}

export interface PlanNode {
  id: string
  parallelism: number
  description: string
  inputs?: { id: string; num: number; ship_strategy: string; exchange: string }[]
}

export interface Plan {
  jid: string
  name: string
  type: string
  nodes: PlanNode[]
}

export interface JobDetails {
  jid: string
  name: string
  state: string
  'job-type': string
  schedulerType: string
  'start-time': number
  'end-time': number
  duration: number
  maxParallelism: number
  now: number
  timestamps: Record<string, number>
  vertices: JobVertex[]
  plan: Plan
  'slot-shortage'?: SlotShortage | null
}

export interface Subtask {
  subtask: number
  status: string
  attempt: number
  endpoint: string
  'start-time': number
  'end-time': number
  duration: number
  'taskmanager-id': string
  metrics: IoMetrics
}

export interface VertexDetails {
  id: string
  name: string
  parallelism: number
  maxParallelism: number
  now: number
  subtasks: Subtask[]
}

export interface SubtaskTimes {
  now: number
  subtasks: {
    subtask: number
    endpoint: string
    duration: number
    timestamps: Record<string, number>
  }[]
}

export interface BackPressure {
  status: string
  subtasks?: {
    subtask: number
    ratio: number
    idleRatio: number
    busyRatio: number
    backpressureLevel: string
  }[]
}

export interface MetricValue {
  id: string
  value?: string
}

export interface AggregatedMetric {
  id: string
  min?: number
  max?: number
  avg?: number
  sum?: number
}

export interface ExceptionEntry {
  exceptionName: string
  stacktrace: string
  timestamp: number
  failureLabels: Record<string, string>
  taskName: string | null
  endpoint: string | null
  taskManagerId: string | null
  concurrentExceptions?: ExceptionEntry[]
}

export interface Exceptions {
  exceptionHistory: { entries: ExceptionEntry[]; truncated: boolean }
}

export interface Checkpoint {
  id: number
  status: string
  is_savepoint: boolean
  checkpoint_type: string
  trigger_timestamp: number
  latest_ack_timestamp: number
  checkpointed_size: number
  state_size: number
  end_to_end_duration: number
  processed_data: number
  persisted_data: number
  num_subtasks: number
  num_acknowledged_subtasks: number
  tasks: Record<string, CheckpointTask>
  external_path?: string | null
  discarded?: boolean
  failure_message?: string
  failure_timestamp?: number
}

export interface CheckpointTask {
  status: string
  latest_ack_timestamp: number
  checkpointed_size: number
  state_size: number
  end_to_end_duration: number
  num_subtasks: number
  num_acknowledged_subtasks: number
}

export type Statistics = Record<'min' | 'max' | 'avg' | 'p50' | 'p90' | 'p95' | 'p99' | 'p999', number | 'NaN'>

export interface Checkpoints {
  counts: { restored: number; total: number; in_progress: number; completed: number; failed: number }
  summary: Record<string, Statistics>
  latest: {
    completed: Checkpoint | null
    savepoint: Checkpoint | null
    failed: Checkpoint | null
    restored: {
      id: number
      restore_timestamp: number
      is_savepoint: boolean
      external_path?: string
    } | null
  }
  history: Checkpoint[]
}

export interface CheckpointSubtasks {
  subtasks: {
    index: number
    status: string
    ack_timestamp?: number
    end_to_end_duration?: number
    checkpointed_size?: number
    state_size?: number
    checkpoint?: { sync: number; async: number }
    alignment?: { duration: number; processed: number }
    start_delay?: number
  }[]
}

export interface TaskManager {
  id: string
  path: string
  timeSinceLastHeartbeat: number
  slotsNumber: number
  freeSlots: number
  assignedTasks?: number
  hardware: { cpuCores: number; physicalMemory: number; freeMemory: number; managedMemory: number }
  memoryConfiguration: Record<string, number>
  allocatedSlots?: { jobId: string; assignedTasks?: number; resource: Record<string, number> }[]
  metrics?: Record<string, unknown>
}

export interface LogFile {
  name: string
  size: number
  mtime: number
}

export interface Jar {
  id: string
  name: string
  uploaded: number
  entry: { name: string; description: string | null }[]
}

export interface OperationStatus {
  status: { id: string }
  operation?: {
    location?: string
    'failure-cause'?: { class: string; 'stack-trace': string }
  } | null
}

export interface Rescale {
  rescaleUuid: string
  startTimestampInMillis: number
  endTimestampInMillis: number
  terminalState: string | null
  triggerCause: string
  terminatedReason: string | null
}
