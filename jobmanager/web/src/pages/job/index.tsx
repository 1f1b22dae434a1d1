/** A job. */
import { Link, Redirect, Route, Switch, useParams } from 'wouter-preact'
import { ApiError } from '../../api/client'
import { useJob } from '../../api/queries'
import type { JobDetails } from '../../api/types'
import { Loaded, Problem, StateBadge, Tabs, TaskCounts } from '../../components/parts'
import { Page } from '../../components/shell'
import { duration, plural, timestamp } from '../../lib/format'
import { hasEnded } from '../../lib/states'
import { Actions } from './actions'
import { CheckpointsTab } from './checkpoints'
import { ConfigurationTab } from './configuration'
import { ExceptionsTab } from './exceptions'
import { JobMetricsTab } from './metrics'
import { OverviewTab } from './overview'
import { TimelineTab } from './timeline'

const TABS = [
  ['overview', 'Overview'],
  ['timeline', 'Timeline'],
  ['exceptions', 'Exceptions'],
  ['checkpoints', 'Checkpoints'],
  ['metrics', 'Metrics'],
  ['configuration', 'Configuration'],
] as const

export function JobPage() {
  const { list = 'running', job: id = '' } = useParams<{ list: string; job: string }>()
  const query = useJob(id)
  const crumb = (
    <Link href={`/job/${list}`}>{list === 'completed' ? 'Completed jobs' : 'Running jobs'}</Link>
  )
  if (!query.data && query.error instanceof ApiError && query.error.status === 404) {
    return (
      <Page title="There is no such job" crumb={crumb}>
        <Problem error={query.error} />
      </Page>
    )
  }
  if (!query.data) {
    return <Page title="Job" crumb={crumb}><Loaded query={query}>{() => null}</Loaded></Page>
  }
  return <Job job={query.data} base={`/job/${list}/${id}`} crumb={crumb} error={query.error} />
}

function Job({ job, base, crumb, error }: {
  job: JobDetails
  base: string
  crumb: preact.ComponentChild
  error: unknown
}) {
  const shortage = job['slot-shortage']
  return (
    <Page
      title={job.name}
      crumb={crumb}
      badge={<StateBadge state={job.state} />}
      actions={<Actions job={job} />}
    >
      <div class="row note small">
        <code>{job.jid}</code>
        <span>Started {timestamp(job['start-time'])}</span>
        <span>
          {hasEnded(job.state) ? 'Ran for ' : 'Running for '}
          {duration(job.duration)}
        </span>
        <TaskCounts tasks={tasksOf(job)} />
      </div>
      {error instanceof ApiError && !error.isUnreachable && <Problem error={error} />}
      {shortage && (
        <p class="hint" role="status">
          The job waits for {plural(shortage.missing, 'more slot')} since {timestamp(shortage.since)}
          . Start TaskManagers, or give the job a lower parallelism.
        </p>
      )}
      <Tabs label="Parts of the job" base={base} tabs={TABS} />
      <Switch>
        <Route path={`${base}/timeline`}><TimelineTab job={job} /></Route>
        <Route path={`${base}/exceptions`}><ExceptionsTab job={job} /></Route>
        <Route path={`${base}/checkpoints/:rest?`}><CheckpointsTab job={job} base={base} /></Route>
        <Route path={`${base}/metrics`}><JobMetricsTab job={job} /></Route>
        <Route path={`${base}/configuration`}><ConfigurationTab job={job} /></Route>
        <Route path={`${base}/overview/:vertex?/:tab?`}><OverviewTab job={job} base={base} /></Route>
        <Route path={base}><Redirect to={`${base}/overview`} replace /></Route>
        <Route><Redirect to={`${base}/overview`} replace /></Route>
      </Switch>
    </Page>
  )
}

function tasksOf(job: JobDetails): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const vertex of job.vertices) {
    for (const [state, amount] of Object.entries(vertex.tasks)) sum[state] = (sum[state] ?? 0) + amount
  }
  return sum
}
