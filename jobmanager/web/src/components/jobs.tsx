/** Tables of jobs. */
import { Link } from 'wouter-preact'
import type { JobOverview } from '../api/types'
import { duration, timestamp } from '../lib/format'
import { hasEnded } from '../lib/states'
import { StateBadge, TaskCounts } from './parts'
import { type Column, Table } from './table'

export function jobPath(job: { jid: string; state: string }): string {
  return `/job/${hasEnded(job.state) ? 'completed' : 'running'}/${job.jid}`
}

const COLUMNS: Column<JobOverview>[] = [
  {
    title: 'Job',
    kind: 'wrap',
    by: (job) => job.name,
    cell: (job) => <Link href={jobPath(job)}>{job.name}</Link>,
  },
  { title: 'State', by: (job) => job.state, cell: (job) => <StateBadge state={job.state} /> },
  {
    title: 'Start',
    by: (job) => job['start-time'],
    cell: (job) => timestamp(job['start-time']),
  },
  {
    title: 'Duration',
    kind: 'number',
    by: (job) => job.duration,
    cell: (job) => duration(job.duration),
  },
  {
    title: 'End',
    by: (job) => job['end-time'],
    cell: (job) => timestamp(job['end-time']),
  },
  { title: 'Tasks', cell: (job) => <TaskCounts tasks={job.tasks} /> },
]

export function JobTable({ label, jobs, empty }: {
  label: string
  jobs: JobOverview[]
  empty: string
}) {
  const isOfEnded = jobs.some((job) => hasEnded(job.state))
  const columns = isOfEnded ? COLUMNS : COLUMNS.filter((column) => column.title !== 'End')
  return (
    <Table
      label={label}
      columns={columns}
      rows={jobs}
      id={(job) => job.jid}
      empty={empty}
      initial={{ column: isOfEnded ? 'End' : 'Start', descending: true }}
    />
  )
}
