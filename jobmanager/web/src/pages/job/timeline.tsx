/** When the subtasks of a job were in which state. */
import { useState } from 'preact/hooks'
import { usePoll } from '../../api/queries'
import type { JobDetails, JobVertex, SubtaskTimes } from '../../api/types'
import { Card, Loaded } from '../../components/parts'
import { clock, duration, timestamp } from '../../lib/format'
import { hasEnded, TASK_STATES } from '../../lib/states'
import { place, type Span, spans } from '../../lib/timeline'

export function TimelineTab({ job }: { job: JobDetails }) {
  const [open, setOpen] = useState<string | undefined>(job.vertices[0]?.id)
  const from = job['start-time']
  const to = hasEnded(job.state) ? Math.max(job['end-time'], from + 1) : job.now
  return (
    <Card
      title="Timeline"
      right={<span class="note small">{`${clock(from)} to ${clock(to)}, ${duration(to - from)}`}</span>}
    >
      <div class="page">
        <div class="legend">
          {TASK_STATES.filter((state) => state !== 'RECONCILING').map((state) => (
            <span key={state} class={`span ${state.toLowerCase()}`}>{state.toLowerCase()}</span>
          ))}
        </div>
        <ol class="timeline">
          {job.vertices.map((vertex) => (
            <Vertex
              key={vertex.id}
              job={job}
              vertex={vertex}
              from={from}
              to={to}
              isOpen={open === vertex.id}
              toggle={() => setOpen(open === vertex.id ? undefined : vertex.id)}
            />
          ))}
        </ol>
      </div>
    </Card>
  )
}

function Vertex({ job, vertex, from, to, isOpen, toggle }: {
  job: JobDetails
  vertex: JobVertex
  from: number
  to: number
  isOpen: boolean
  toggle: () => void
}) {
  const end = vertex['end-time'] > 0 ? vertex['end-time'] : to
  const whole: Span[] = vertex['start-time'] > 0
    ? [{ state: vertex.status, from: vertex['start-time'], to: end }]
    : []
  return (
    <li>
      <button type="button" class="button plain" aria-expanded={isOpen} onClick={toggle}>
        <span aria-hidden="true">{isOpen ? '▾' : '▸'}</span> {vertex.name}
      </button>
      <Line label={vertex.name} spans={whole} from={from} to={to} />
      {isOpen && <Subtasks job={job} vertex={vertex} from={from} to={to} />}
    </li>
  )
}

function Subtasks({ job, vertex, from, to }: { job: JobDetails; vertex: JobVertex; from: number; to: number }) {
  const query = usePoll<SubtaskTimes>(`jobs/${job.jid}/vertices/${vertex.id}/subtasktimes`, {
    once: hasEnded(job.state),
  })
  return (
    <Loaded query={query}>
      {({ subtasks }) => (
        <ol class="timeline inner">
          {subtasks.map((subtask) => (
            <li key={subtask.subtask}>
              <span class="note small">
                Subtask {subtask.subtask} on {subtask.endpoint}
              </span>
              <Line
                label={`Subtask ${subtask.subtask}`}
                spans={spans(subtask.timestamps, to)}
                from={from}
                to={to}
              />
            </li>
          ))}
        </ol>
      )}
    </Loaded>
  )
}

function Line({ label, spans, from, to }: { label: string; spans: Span[]; from: number; to: number }) {
  const text = (span: Span) =>
    `${span.state.toLowerCase()} from ${timestamp(span.from)} for ${duration(span.to - span.from)}`
  return (
    <div class="spans" role="img" aria-label={`${label}: ${spans.map(text).join(', ') || 'not started'}`}>
      {spans.map((span) => {
        const [left, right] = [place(span.from, from, to), place(span.to, from, to)]
        return (
          <span
            key={span.state}
            class={span.state.toLowerCase()}
            title={text(span)}
            style={{ left: `${left * 100}%`, width: `${(right - left) * 100}%` }}
          />
        )
      })}
    </div>
  )
}
