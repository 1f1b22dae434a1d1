/** A job's checkpoints and savepoints. */
import { useState } from 'preact/hooks'
import { usePoll } from '../../api/queries'
import type { Checkpoint, Checkpoints, JobDetails, Statistics } from '../../api/types'
import { Chart } from '../../components/chart'
import { Card, Facts, Loaded, StateBadge, Tile } from '../../components/parts'
import { type Column, Table } from '../../components/table'
import { bytes, count, duration, timestamp } from '../../lib/format'
import { CheckpointDetails } from './checkpoint'

interface CheckpointConfig {
  mode: string
  interval: number
  timeout: number
  min_pause: number
  max_concurrent: number
  state_backend: string
  checkpoint_storage: string
  unaligned_checkpoints: boolean
  tolerable_failed_checkpoints: number
  externalization: { enabled: boolean; delete_on_cancellation: boolean }
}

/** Flink's word for "never". */
const NO_INTERVAL = 9_000_000_000_000

export function CheckpointsTab({ job }: { job: JobDetails; base: string }) {
  const query = usePoll<Checkpoints>(`jobs/${job.jid}/checkpoints`)
  const [open, setOpen] = useState<number>()
  return (
    <Loaded query={query}>
      {(checkpoints) => (
        <>
          <Overview checkpoints={checkpoints} />
          <Charts checkpoints={checkpoints} />
          <Card title="History" body={false}>
            <Table
              label="History of checkpoints"
              columns={columns(open, setOpen)}
              rows={checkpoints.history}
              id={(one) => one.id}
              empty="There is no checkpoint yet."
            />
          </Card>
          {open !== undefined && (
            <CheckpointDetails
              key={open}
              job={job}
              id={open}
              isDone={checkpoints.history.find((one) => one.id === open)?.status !== 'IN_PROGRESS'}
              onClose={() => setOpen(undefined)}
            />
          )}
          <Card title="Summary of completed checkpoints" body={false}>
            <Summary summary={checkpoints.summary} />
          </Card>
          <Configuration job={job} />
        </>
      )}
    </Loaded>
  )
}

function Overview({ checkpoints: { counts, latest } }: { checkpoints: Checkpoints }) {
  const last = latest.completed
  return (
    <>
      <div class="tiles">
        <Tile label="Completed" value={count(counts.completed)} more={`of ${count(counts.total)} triggered`} />
        <Tile label="Failed" value={count(counts.failed)} more={latest.failed ? timestamp(latest.failed.trigger_timestamp) : 'none'} />
        <Tile label="In progress" value={count(counts.in_progress)} more={`${count(counts.restored)} restored`} />
        <Tile
          label="Last duration"
          value={duration(last?.end_to_end_duration)}
          more={last ? timestamp(last.latest_ack_timestamp) : 'none yet'}
        />
        <Tile label="Last full size" value={bytes(last?.state_size)} more={`${bytes(last?.checkpointed_size)} written`} />
      </div>
      <Card title="Latest">
        <Facts
          wide
          facts={[
            ['Completed checkpoint', <Path of={last} />],
            ['Savepoint', <Path of={latest.savepoint} />],
            ['Restored from', latest.restored
              ? `${latest.restored.is_savepoint ? 'Savepoint' : 'Checkpoint'} ${latest.restored.id} at ${
                timestamp(latest.restored.restore_timestamp)
              }: ${latest.restored.external_path ?? ''}`
              : '–'],
            ['Failed', latest.failed
              ? `${latest.failed.id}: ${latest.failed.failure_message ?? 'no reason is known'}`
              : '–'],
          ]}
        />
      </Card>
    </>
  )
}

function Path({ of }: { of: Checkpoint | null }) {
  if (!of) return <>–</>
  return <>{of.id} <code>{of.external_path}</code></>
}

/** The history is at hand from the start, other than what is polled. */
function Charts({ checkpoints: { history } }: { checkpoints: Checkpoints }) {
  const done = history.filter((one) => one.status === 'COMPLETED').reverse()
  if (done.length < 2) return null
  const times = done.map((one) => one.trigger_timestamp)
  const line = (value: (one: Checkpoint) => number) => ({ times, values: done.map(value) })
  return (
    <div class="columns">
      <Card title="Duration">
        <Chart
          title="Duration of checkpoints"
          format={duration}
          series={[{ name: 'End to end', line: line((one) => one.end_to_end_duration) }]}
        />
      </Card>
      <Card title="Size">
        <Chart
          title="Size of checkpoints"
          format={bytes}
          series={[
            { name: 'Full', line: line((one) => one.state_size) },
            { name: 'Written', line: line((one) => one.checkpointed_size) },
          ]}
        />
      </Card>
    </div>
  )
}

function columns(open: number | undefined, setOpen: (id: number | undefined) => void): Column<Checkpoint>[] {
  return [
    {
      title: 'Id',
      by: (one) => one.id,
      cell: (one) => (
        <button
          type="button"
          class="button tiny"
          aria-expanded={open === one.id}
          onClick={() => setOpen(open === one.id ? undefined : one.id)}
        >
          {one.id}
        </button>
      ),
    },
    { title: 'State', by: (one) => one.status, cell: (one) => <StateBadge state={one.status} /> },
    {
      title: 'Kind',
      by: (one) => one.checkpoint_type,
      cell: (one) => (one.is_savepoint ? 'Savepoint' : 'Checkpoint'),
    },
    {
      title: 'Acknowledged',
      cell: (one) => `${one.num_acknowledged_subtasks} of ${one.num_subtasks}`,
    },
    { title: 'Triggered', by: (one) => one.trigger_timestamp, cell: (one) => timestamp(one.trigger_timestamp) },
    {
      title: 'Duration',
      kind: 'number',
      by: (one) => one.end_to_end_duration,
      cell: (one) => duration(one.end_to_end_duration),
    },
    { title: 'Written', kind: 'number', by: (one) => one.checkpointed_size, cell: (one) => bytes(one.checkpointed_size) },
    { title: 'Full size', kind: 'number', by: (one) => one.state_size, cell: (one) => bytes(one.state_size) },
    { title: 'Processed', kind: 'number', by: (one) => one.processed_data, cell: (one) => bytes(one.processed_data) },
  ]
}

const MEASURES: [name: string, title: string, format: (value: unknown) => string][] = [
  ['end_to_end_duration', 'Duration', duration],
  ['checkpointed_size', 'Written', bytes],
  ['state_size', 'Full size', bytes],
  ['processed_data', 'Processed in flight', bytes],
]
const STATISTICS = ['min', 'avg', 'p50', 'p90', 'p99', 'max'] as const

function Summary({ summary }: { summary: Record<string, Statistics> }) {
  return (
    <Table
      label="Summary of completed checkpoints"
      rows={MEASURES.filter(([name]) => summary[name])}
      id={([name]) => name}
      columns={[
        { title: 'Of', cell: ([, title]) => title },
        ...STATISTICS.map((statistic) => ({
          title: statistic,
          kind: 'number' as const,
          cell: ([name, , format]: (typeof MEASURES)[number]) => format(summary[name]?.[statistic]),
        })),
      ]}
    />
  )
}

function Configuration({ job }: { job: JobDetails }) {
  const query = usePoll<CheckpointConfig>(`jobs/${job.jid}/checkpoints/config`, { once: true })
  return (
    <Card title="Configuration">
      <Loaded query={query}>
        {(config) => (
          <Facts
            facts={[
              ['Guarantee', config.mode === 'exactly_once' ? 'Exactly once' : 'At least once'],
              ['Interval', config.interval > NO_INTERVAL || config.interval <= 0 ? 'Never' : duration(config.interval)],
              ['Timeout', duration(config.timeout)],
              ['Pause between', duration(config.min_pause)],
              ['At once', count(config.max_concurrent)],
              ['Failures tolerated', count(config.tolerable_failed_checkpoints)],
              ['State backend', config.state_backend],
              ['Storage', config.checkpoint_storage],
              ['Unaligned', config.unaligned_checkpoints ? 'Yes' : 'No'],
              ['Kept after the job', config.externalization.enabled
                ? config.externalization.delete_on_cancellation ? 'Unless it is cancelled' : 'Always'
                : 'No'],
            ]}
          />
        )}
      </Loaded>
    </Card>
  )
}
