/** Why a job failed or restarted. */
import { Link } from 'wouter-preact'
import { usePoll } from '../../api/queries'
import type { ExceptionEntry, Exceptions, JobDetails } from '../../api/types'
import { Card, Loaded } from '../../components/parts'
import { timestamp } from '../../lib/format'
import { rootCause } from '../../lib/causes'

export function ExceptionsTab({ job }: { job: JobDetails }) {
  const query = usePoll<Exceptions>(`jobs/${job.jid}/exceptions?maxExceptions=50`)
  return (
    <Loaded query={query}>
      {({ exceptionHistory: { entries, truncated } }) => {
        const [root, ...earlier] = entries
        if (!root) return <Card><p class="empty">Nothing has failed.</p></Card>
        return (
          <>
            <Card title={job.state === 'FAILED' ? 'Root cause' : 'Last failure'}>
              <Entry entry={root} isOpen />
            </Card>
            {earlier.length > 0 && (
              <Card title={`Earlier failures (${earlier.length}${truncated ? ' or more' : ''})`}>
                <div class="page">
                  {earlier.map((entry) => (
                    <Entry key={`${entry.timestamp}-${entry.taskName}`} entry={entry} />
                  ))}
                </div>
              </Card>
            )}
          </>
        )
      }}
    </Loaded>
  )
}

function Entry({ entry, isOpen = false }: { entry: ExceptionEntry; isOpen?: boolean }) {
  const cause = rootCause(entry)
  const labels = Object.entries(entry.failureLabels)
  return (
    <article class="failure">
      <p class="row note small">
        <span>{timestamp(entry.timestamp)}</span>
        {entry.taskName && <span>Task <b>{entry.taskName}</b></span>}
        {entry.taskManagerId && (
          <span>
            TaskManager{' '}
            <Link href={`/task-manager/${encodeURIComponent(entry.taskManagerId)}`}>
              {entry.taskManagerId}
            </Link>
          </span>
        )}
        {labels.map(([name, value]) => <span key={name} class="badge warn">{name}: {value}</span>)}
      </p>
      <p class="cause">{cause}</p>
      {entry.stacktrace.trim() !== cause && (
        <details open={isOpen}>
          <summary>All that was said</summary>
          <pre class="trace" tabIndex={0} role="region" aria-label="All that was said">
            {entry.stacktrace}
          </pre>
        </details>
      )}
      {(entry.concurrentExceptions?.length ?? 0) > 0 && (
        <details>
          <summary>{entry.concurrentExceptions?.length} more at the same time</summary>
          {entry.concurrentExceptions?.map((one, index) => <Entry key={index} entry={one} />)}
        </details>
      )}
    </article>
  )
}
