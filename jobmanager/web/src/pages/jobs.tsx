/** All jobs that run, or all that have ended. */
import { useState } from 'preact/hooks'
import { useJobs } from '../api/queries'
import { JobTable } from '../components/jobs'
import { Card, Loaded } from '../components/parts'
import { Page } from '../components/shell'
import { plural } from '../lib/format'
import { hasEnded } from '../lib/states'

export function Jobs({ ended }: { ended: boolean }) {
  const jobs = useJobs()
  const [text, setText] = useState('')
  const title = ended ? 'Completed jobs' : 'Running jobs'
  const wanted = text.trim().toLowerCase()
  return (
    <Page title={title}>
      <Loaded query={jobs}>
        {({ jobs }) => {
          const all = jobs.filter((job) => hasEnded(job.state) === ended)
          const found = all.filter((job) =>
            `${job.name} ${job.jid} ${job.state}`.toLowerCase().includes(wanted)
          )
          return (
            <Card
              title={plural(found.length, 'job')}
              body={false}
              right={
                <input
                  class="input short"
                  type="search"
                  placeholder="Name, id or state"
                  aria-label="Filter by name, id or state"
                  value={text}
                  onInput={(event) => setText(event.currentTarget.value)}
                />
              }
            >
              <JobTable
                label={title}
                jobs={found}
                empty={wanted ? 'None is like that.' : ended ? 'No job has ended yet.' : 'No job runs.'}
              />
            </Card>
          )
        }}
      </Loaded>
    </Page>
  )
}
