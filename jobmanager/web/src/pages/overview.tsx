/** The cluster at a glance. */
import { Link } from 'wouter-preact'
import { useJobs, useOverview } from '../api/queries'
import { JobTable } from '../components/jobs'
import { Bar, Card, Loaded, Tile } from '../components/parts'
import { Page } from '../components/shell'
import { count, plural } from '../lib/format'
import { hasEnded } from '../lib/states'

/** How many of the jobs that have ended are shown here. */
const LAST = 10

export function Overview() {
  const overview = useOverview()
  const jobs = useJobs()
  return (
    <Page title="Overview">
      <Loaded query={overview}>
        {(cluster) => {
          const total = cluster['slots-total']
          const used = total - cluster['slots-available']
          return (
            <div class="tiles">
              <Tile
                label="Task slots"
                value={`${count(cluster['slots-available'])} free`}
                more={
                  <>
                    <Bar share={total ? used / total : 0} label={`${used} of ${total} slots are used`} />
                    {count(used)} of {count(total)} used
                  </>
                }
              />
              <Tile
                label="TaskManagers"
                value={count(cluster.taskmanagers)}
                more={<Link href="/task-manager">{plural(total, 'slot')} in all</Link>}
              />
              <Tile
                label="Running jobs"
                value={count(cluster['jobs-running'])}
                more={<Link href="/job/running">Show them</Link>}
              />
              <Tile
                label="Finished jobs"
                value={count(cluster['jobs-finished'])}
                more={`${count(cluster['jobs-cancelled'])} cancelled · ${count(cluster['jobs-failed'])} failed`}
              />
            </div>
          )
        }}
      </Loaded>
      <Loaded query={jobs}>
        {({ jobs }) => {
          const ended = jobs
            .filter((job) => hasEnded(job.state))
            .sort((a, b) => b['end-time'] - a['end-time'])
          return (
            <>
              <Card title="Running jobs" body={false}>
                <JobTable
                  label="Running jobs"
                  jobs={jobs.filter((job) => !hasEnded(job.state))}
                  empty="No job runs."
                />
              </Card>
              <Card
                title="Completed jobs"
                body={false}
                right={ended.length > LAST && <Link href="/job/completed">All {ended.length}</Link>}
              >
                <JobTable
                  label="Completed jobs"
                  jobs={ended.slice(0, LAST)}
                  empty="No job has ended yet."
                />
              </Card>
            </>
          )
        }}
      </Loaded>
    </Page>
  )
}
