/** How a job is configured, and how its parallelism was changed. */
import { usePoll } from '../../api/queries'
import type { JobDetails, Rescale } from '../../api/types'
import { KeyValues } from '../../components/keyvalues'
import { Card, Facts, Loaded } from '../../components/parts'
import { type Column, Table } from '../../components/table'
import { duration, timestamp } from '../../lib/format'

interface JobConfig {
  'execution-config': {
    'restart-strategy': string
    'job-parallelism': number
    'object-reuse-mode': boolean
    'user-config': Record<string, string>
  }
}

export function ConfigurationTab({ job }: { job: JobDetails }) {
  const query = usePoll<JobConfig>(`jobs/${job.jid}/config`, { once: true })
  return (
    <>
      <Card title="Execution">
        <Loaded query={query}>
          {({ 'execution-config': config }) => (
            <Facts
              facts={[
                ['Kind', job['job-type'].toLowerCase()],
                ['Scheduler', job.schedulerType],
                ['Parallelism', config['job-parallelism']],
                ['Highest parallelism', job.maxParallelism > 0 ? job.maxParallelism : 'by vertex'],
                ['After a failure', config['restart-strategy']],
              ]}
            />
          )}
        </Loaded>
      </Card>
      <Card title="The job’s own settings" body={false}>
        <Loaded query={query}>
          {({ 'execution-config': config }) => (
            <KeyValues
              label="The job’s own settings"
              pairs={Object.entries(config['user-config'])}
            />
          )}
        </Loaded>
      </Card>
      {job.schedulerType === 'Adaptive' && <Rescales job={job} />}
    </>
  )
}

/** The API remembers them for the adaptive scheduler, if it is told to. */
function Rescales({ job }: { job: JobDetails }) {
  const query = usePoll<Rescale[]>(`jobs/${job.jid}/rescales/history`, { once: true })
  return (
    <Card title="Changes of parallelism" body={false}>
      <Loaded query={query}>
        {(rescales) => (
          <Table
            label="Changes of parallelism"
            rows={rescales}
            id={(one) => one.rescaleUuid}
            empty="The parallelism was never changed."
            columns={COLUMNS}
          />
        )}
      </Loaded>
    </Card>
  )
}

const COLUMNS: Column<Rescale>[] = [
  {
    title: 'Began',
    by: (one) => one.startTimestampInMillis,
    cell: (one) => timestamp(one.startTimestampInMillis),
  },
  {
    title: 'Took',
    kind: 'number',
    cell: (one) => duration(one.endTimestampInMillis - one.startTimestampInMillis),
  },
  { title: 'Cause', cell: (one) => words(one.triggerCause) },
  { title: 'Outcome', cell: (one) => words(one.terminatedReason ?? one.terminalState) },
]

function words(constant: string | null): string {
  return constant ? constant.toLowerCase().replaceAll('_', ' ') : 'under way'
}
