/** One vertex of a job: its subtasks, and charts of its metrics. */
import { Link, useParams } from 'wouter-preact'
import { usePoll } from '../../api/queries'
import type { BackPressure, JobDetails, JobVertex, MetricValue, Subtask, VertexDetails } from '../../api/types'
import { MetricCharts } from '../../components/metrics'
import { Card, Facts, Loaded, StateBadge, Tabs } from '../../components/parts'
import type { LiveVertex } from '../../components/plan'
import { type Column, Table } from '../../components/table'
import { bytes, count, duration, timestamp, watermark } from '../../lib/format'
import { hasEnded } from '../../lib/states'
import { Shares } from './overview'

const DEFAULTS = [
  'numRecordsInPerSecond',
  'numRecordsOutPerSecond',
  'busyTimeMsPerSecond',
  'backPressuredTimeMsPerSecond',
]

export function VertexPanel({ job, vertex, base, live }: {
  job: JobDetails
  vertex: JobVertex
  base: string
  live: LiveVertex | undefined
}) {
  const { tab = 'subtasks' } = useParams<{ tab?: string }>()
  const path = `${base}/overview/${vertex.id}`
  return (
    <Card
      title={vertex.name}
      right={<Link class="button tiny plain" href={`${base}/overview`}>Close</Link>}
      body={false}
    >
      <div class="body">
        <Facts
          facts={[
            ['State', <StateBadge state={vertex.status} />],
            ['Parallelism', `${vertex.parallelism} of at most ${vertex.maxParallelism}`],
            ['Records in / out', `${count(vertex.metrics['read-records'])} / ${count(vertex.metrics['write-records'])}`],
            ['Bytes in / out', `${bytes(vertex.metrics['read-bytes'])} / ${bytes(vertex.metrics['write-bytes'])}`],
            ['Watermark', live?.watermark ?? 'none yet'],
            ['Started', timestamp(vertex['start-time'])],
            ['Duration', duration(vertex.duration)],
            ['Id', <code>{vertex.id}</code>],
          ]}
        />
      </div>
      <Tabs label="Parts of the vertex" base={path} tabs={[['subtasks', 'Subtasks'], ['metrics', 'Metrics']]} />
      {tab === 'metrics'
        ? (
          <div class="body page">
            <MetricCharts
              path={`jobs/${job.jid}/vertices/${vertex.id}/subtasks/metrics`}
              scope="vertex"
              defaults={DEFAULTS}
              isAggregated
            />
          </div>
        )
        : <Subtasks job={job} vertex={vertex} />}
    </Card>
  )
}

interface Row extends Subtask {
  load: { busy: number; pressed: number; idle: number } | undefined
  watermark: string | undefined
}

function Subtasks({ job, vertex }: { job: JobDetails; vertex: JobVertex }) {
  const path = `jobs/${job.jid}/vertices/${vertex.id}`
  const isRunning = !hasEnded(job.state)
  const details = usePoll<VertexDetails>(path)
  const pressure = usePoll<BackPressure>(`${path}/backpressure`, { enabled: isRunning }).data
  const watermarks = usePoll<MetricValue[]>(`${path}/watermarks`, { enabled: isRunning }).data
  return (
    <Loaded query={details}>
      {({ subtasks }) => {
        const rows: Row[] = subtasks.map((subtask) => {
          const load = pressure?.subtasks?.find((one) => one.subtask === subtask.subtask)
          const low = watermarks?.find((one) => one.id.startsWith(`${subtask.subtask}.`))?.value
          return {
            ...subtask,
            load: load && { busy: load.busyRatio, pressed: load.ratio, idle: load.idleRatio },
            watermark: low === undefined ? undefined : watermark(Number(low)),
          }
        })
        return (
          <Table
            label={`Subtasks of ${vertex.name}`}
            columns={isRunning ? COLUMNS : COLUMNS.filter((column) => !LIVE.has(column.title))}
            rows={rows}
            id={(row) => row.subtask}
            empty="There are no subtasks yet."
          />
        )
      }}
    </Loaded>
  )
}

const LIVE = new Set(['Load', 'Watermark'])

const number = (
  title: string,
  by: (row: Row) => number,
  format: (value: unknown) => string,
): Column<Row> => ({ title, kind: 'number', by, cell: (row) => format(by(row)) })

const COLUMNS: Column<Row>[] = [
  { title: 'Subtask', by: (row) => row.subtask, cell: (row) => row.subtask },
  { title: 'State', by: (row) => row.status, cell: (row) => <StateBadge state={row.status} /> },
  { title: 'Load', by: (row) => row.load?.busy ?? -1, cell: (row) => (row.load ? <Shares {...row.load} /> : '–') },
  number('Records in', (row) => row.metrics['read-records'], count),
  number('Records out', (row) => row.metrics['write-records'], count),
  number('Bytes in', (row) => row.metrics['read-bytes'], bytes),
  number('Bytes out', (row) => row.metrics['write-bytes'], bytes),
  { title: 'Watermark', cell: (row) => row.watermark ?? '–' },
  {
    title: 'TaskManager',
    by: (row) => row['taskmanager-id'],
    cell: (row) => {
      const id = row['taskmanager-id']
      return id && !id.startsWith('(')
        ? <Link href={`/task-manager/${encodeURIComponent(id)}`}>{id}</Link>
        : '–'
    },
  },
  number('Attempt', (row) => row.attempt + 1, count),
  { title: 'Start', by: (row) => row['start-time'], cell: (row) => timestamp(row['start-time']) },
  number('Duration', (row) => row.duration, duration),
]
