/** One checkpoint: what each vertex and each of its subtasks contributed. */
import { useState } from 'preact/hooks'
import { usePoll } from '../../api/queries'
import type { Checkpoint, CheckpointSubtasks, CheckpointTask, JobDetails } from '../../api/types'
import { Card, Facts, Loaded, StateBadge } from '../../components/parts'
import { type Column, Table } from '../../components/table'
import { bytes, duration, timestamp } from '../../lib/format'

interface Props {
  job: JobDetails
  id: number
  /** Whether nothing about it will change any more. */
  isDone: boolean
  onClose: () => void
}

interface Row extends CheckpointTask {
  vertex: string
  name: string
}

export function CheckpointDetails({ job, id, isDone, onClose }: Props) {
  const query = usePoll<Checkpoint>(`jobs/${job.jid}/checkpoints/details/${id}`, {
    once: isDone,
  })
  const [vertex, setVertex] = useState<string>()
  return (
    <Card
      title={`Checkpoint ${id}`}
      right={<button type="button" class="button tiny plain" onClick={onClose}>Close</button>}
      body={false}
    >
      <Loaded query={query}>
        {(checkpoint) => (
          <>
            <div class="body">
              <Facts facts={facts(checkpoint)} />
            </div>
            <Table
              label={`Vertices in checkpoint ${id}`}
              rows={rowsOf(job, checkpoint)}
              id={(row) => row.vertex}
              columns={columns(vertex, setVertex)}
            />
            {vertex && <Subtasks job={job} id={id} vertex={vertex} isDone={isDone} />}
          </>
        )}
      </Loaded>
    </Card>
  )
}

function facts(one: Checkpoint): [string, preact.ComponentChild][] {
  const facts: [string, preact.ComponentChild][] = [
    ['State', <StateBadge state={one.status} />],
    ['Path', one.external_path ? <code>{one.external_path}</code> : '–'],
    ['Triggered', timestamp(one.trigger_timestamp)],
    ['Last acknowledged', timestamp(one.latest_ack_timestamp)],
    ['Still there', one.discarded ? 'No' : 'Yes'],
  ]
  if (one.failure_message) facts.push(['Failed because', one.failure_message])
  return facts
}

function rowsOf(job: JobDetails, checkpoint: Checkpoint): Row[] {
  return Object.entries(checkpoint.tasks).map(([vertex, task]) => ({
    ...task,
    vertex,
    name: job.vertices.find((one) => one.id === vertex)?.name ?? vertex,
  }))
}

function columns(open: string | undefined, setOpen: (vertex: string | undefined) => void): Column<Row>[] {
  return [
    {
      title: 'Vertex',
      kind: 'wrap',
      by: (row) => row.name,
      cell: (row) => (
        <button
          type="button"
          class="button tiny"
          aria-expanded={open === row.vertex}
          onClick={() => setOpen(open === row.vertex ? undefined : row.vertex)}
        >
          {row.name}
        </button>
      ),
    },
    { title: 'Acknowledged', cell: (row) => `${row.num_acknowledged_subtasks} of ${row.num_subtasks}` },
    { title: 'Last one', cell: (row) => timestamp(row.latest_ack_timestamp) },
    {
      title: 'Duration',
      kind: 'number',
      by: (row) => row.end_to_end_duration,
      cell: (row) => duration(row.end_to_end_duration),
    },
    { title: 'Written', kind: 'number', by: (row) => row.checkpointed_size, cell: (row) => bytes(row.checkpointed_size) },
    { title: 'Full size', kind: 'number', by: (row) => row.state_size, cell: (row) => bytes(row.state_size) },
  ]
}

type SubtaskRow = CheckpointSubtasks['subtasks'][number]

const SUBTASK_COLUMNS: Column<SubtaskRow>[] = [
  { title: 'Subtask', by: (row) => row.index, cell: (row) => row.index },
  { title: 'State', cell: (row) => <StateBadge state={row.status.toUpperCase()} /> },
  { title: 'Acknowledged', cell: (row) => timestamp(row.ack_timestamp) },
  {
    title: 'Duration',
    kind: 'number',
    by: (row) => row.end_to_end_duration ?? -1,
    cell: (row) => duration(row.end_to_end_duration),
  },
  { title: 'Start delay', kind: 'number', cell: (row) => duration(row.start_delay) },
  { title: 'Alignment', kind: 'number', cell: (row) => duration(row.alignment?.duration) },
  { title: 'Sync', kind: 'number', cell: (row) => duration(row.checkpoint?.sync) },
  { title: 'Async', kind: 'number', cell: (row) => duration(row.checkpoint?.async) },
  { title: 'Written', kind: 'number', cell: (row) => bytes(row.checkpointed_size) },
  { title: 'Full size', kind: 'number', by: (row) => row.state_size ?? -1, cell: (row) => bytes(row.state_size) },
]

function Subtasks({ job, id, vertex, isDone }: {
  job: JobDetails
  id: number
  vertex: string
  isDone: boolean
}) {
  const query = usePoll<CheckpointSubtasks>(
    `jobs/${job.jid}/checkpoints/details/${id}/subtasks/${vertex}`,
    { once: isDone },
  )
  return (
    <Loaded query={query}>
      {({ subtasks }) => (
        <Table
          label={`Subtasks in checkpoint ${id}`}
          rows={subtasks}
          id={(row) => row.index}
          columns={SUBTASK_COLUMNS}
        />
      )}
    </Loaded>
  )
}
