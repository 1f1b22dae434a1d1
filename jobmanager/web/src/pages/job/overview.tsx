/** A job's graph, its vertices, and one of them in detail. */
import { Link, useParams } from 'wouter-preact'
import type { JobDetails, JobVertex } from '../../api/types'
import { type LiveVertex, PlanView } from '../../components/plan'
import { Card, StateBadge, TaskCounts } from '../../components/parts'
import { type Column, Table } from '../../components/table'
import { bytes, count, duration, percent, short } from '../../lib/format'
import { useLiveVertices } from '../../lib/live'
import { hasEnded } from '../../lib/states'
import { VertexPanel } from './vertex'

export function OverviewTab({ job, base }: { job: JobDetails; base: string }) {
  const { vertex: chosen } = useParams<{ vertex?: string }>()
  const live = useLiveVertices(job)
  const vertex = job.vertices.find((one) => one.id === chosen)
  const path = (id: string) => `${base}/overview/${id}`
  return (
    <>
      <Card title="Graph" right={<Legend />} body={false}>
        <PlanView
          plan={job.plan}
          live={live}
          chosen={chosen}
          href={(id) => `#${path(id)}`}
        />
      </Card>
      {vertex && <VertexPanel key={vertex.id} job={job} vertex={vertex} base={base} live={live.get(vertex.id)} />}
      <Card title="Vertices" body={false}>
        <Table
          label="Vertices"
          columns={hasEnded(job.state) ? ended(path) : [...names(path), ...rates(live)]}
          rows={job.vertices}
          id={(one) => one.id}
          empty="The job has no vertices yet."
        />
      </Card>
    </>
  )
}

export function Legend() {
  return (
    <div class="legend">
      <span class="busy">Busy</span>
      <span class="pressed">Back-pressured</span>
      <span class="idle">Idle</span>
    </div>
  )
}

export function Shares({ busy, pressed, idle }: { busy: number; pressed: number; idle: number }) {
  const label = `${percent(busy)} busy, ${percent(pressed)} back-pressured, ${percent(idle)} idle`
  const parts = [['busy', busy], ['pressed', pressed], ['idle', idle]] as const
  return (
    <div class="bar" role="img" aria-label={label} title={label}>
      {parts.map(([kind, share]) => <span key={kind} class={kind} style={{ width: `${share * 100}%` }} />)}
    </div>
  )
}

function names(path: (id: string) => string): Column<JobVertex>[] {
  return [
    {
      title: 'Vertex',
      kind: 'wrap',
      by: (vertex) => vertex.name,
      cell: (vertex) => <Link href={path(vertex.id)}>{vertex.name}</Link>,
    },
    { title: 'State', by: (vertex) => vertex.status, cell: (vertex) => <StateBadge state={vertex.status} /> },
    {
      title: 'Parallelism',
      kind: 'number',
      by: (vertex) => vertex.parallelism,
      cell: (vertex) => vertex.parallelism,
    },
  ]
}

function rates(live: ReadonlyMap<string, LiveVertex>): Column<JobVertex>[] {
  const of = (vertex: JobVertex) => live.get(vertex.id)?.rates
  return [
    {
      title: 'Records in',
      kind: 'number',
      by: (vertex) => of(vertex)?.recordsIn ?? -1,
      cell: (vertex) => perSecond(short(of(vertex)?.recordsIn)),
    },
    {
      title: 'Records out',
      kind: 'number',
      by: (vertex) => of(vertex)?.recordsOut ?? -1,
      cell: (vertex) => perSecond(short(of(vertex)?.recordsOut)),
    },
    {
      title: 'Bytes in',
      kind: 'number',
      by: (vertex) => of(vertex)?.bytesIn ?? -1,
      cell: (vertex) => perSecond(bytes(of(vertex)?.bytesIn)),
    },
    {
      title: 'Bytes out',
      kind: 'number',
      by: (vertex) => of(vertex)?.bytesOut ?? -1,
      cell: (vertex) => perSecond(bytes(of(vertex)?.bytesOut)),
    },
    {
      title: 'Load',
      by: (vertex) => of(vertex)?.busy ?? -1,
      cell: (vertex) => {
        const now = of(vertex)
        return now ? <Shares {...now} /> : '–'
      },
    },
    { title: 'Watermark', cell: (vertex) => live.get(vertex.id)?.watermark ?? 'none yet' },
    { title: 'Tasks', cell: (vertex) => <TaskCounts tasks={vertex.tasks} /> },
  ]
}

function perSecond(text: string): string {
  return text === '–' ? text : `${text}/s`
}

/** Of a job that has ended: what was counted in all. */
function ended(path: (id: string) => string): Column<JobVertex>[] {
  const total = (title: string, name: 'read-records' | 'write-records' | 'read-bytes' | 'write-bytes') => ({
    title,
    kind: 'number' as const,
    by: (vertex: JobVertex) => vertex.metrics[name],
    cell: (vertex: JobVertex) =>
      (name.endsWith('bytes') ? bytes : count)(vertex.metrics[name]),
  })
  return [
    ...names(path),
    total('Records in', 'read-records'),
    total('Records out', 'write-records'),
    total('Bytes in', 'read-bytes'),
    total('Bytes out', 'write-bytes'),
    {
      title: 'Duration',
      kind: 'number',
      by: (vertex) => vertex.duration,
      cell: (vertex) => duration(vertex.duration),
    },
    { title: 'Tasks', cell: (vertex) => <TaskCounts tasks={vertex.tasks} /> },
  ]
}
