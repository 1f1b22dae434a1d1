/** The JobManager: configuration, metrics, logs, environment. */
import { Redirect, Route, Switch } from 'wouter-preact'
import { usePoll } from '../../api/queries'
import { KeyValues } from '../../components/keyvalues'
import { LogText, Logs } from '../../components/logs'
import { MetricCharts } from '../../components/metrics'
import { Card, Facts, Loaded, Tabs } from '../../components/parts'
import { Page } from '../../components/shell'
import { Threads } from './taskmanager'

const BASE = '/job-manager'
const TABS = [
  ['config', 'Configuration'],
  ['metrics', 'Metrics'],
  ['logs', 'Logs'],
  ['stdout', 'Output'],
  ['threads', 'Threads'],
] as const

const DEFAULTS = [
  'Status.JVM.CPU.Load',
  'Status.JVM.Memory.Heap.Used',
  'taskSlotsAvailable',
  'numRunningJobs',
]

export function JobManagerPage() {
  return (
    <Page title="JobManager">
      <Tabs label="Parts of the JobManager" base={BASE} tabs={TABS} />
      <Switch>
        <Route path={`${BASE}/config`}><Configuration /></Route>
        <Route path={`${BASE}/metrics`}>
          <MetricCharts path="jobmanager/metrics" scope="jobmanager" defaults={DEFAULTS} />
        </Route>
        <Route path={`${BASE}/logs`}><Logs path="jobmanager/logs" /></Route>
        <Route path={`${BASE}/stdout`}><LogText path="jobmanager/stdout" name="Standard output" /></Route>
        <Route path={`${BASE}/threads`}><Threads path="jobmanager" /></Route>
        <Route><Redirect to={`${BASE}/config`} replace /></Route>
      </Switch>
    </Page>
  )
}

interface Environment {
  jvm: { version: string; arch: string }
  classpath: string[]
}

function Configuration() {
  const settings = usePoll<{ key: string; value: string }[]>('jobmanager/config', { once: true })
  const environment = usePoll<Environment>('jobmanager/environment', { once: true })
  return (
    <>
      <Card title="Process">
        <Loaded query={environment}>
          {({ jvm, classpath }) => (
            <Facts
              facts={[
                ['Runs', jvm.version],
                ['Architecture', jvm.arch],
                ['Executable', <code>{classpath.join(' ')}</code>],
              ]}
            />
          )}
        </Loaded>
      </Card>
      <Card title="Settings" body={false}>
        <Loaded query={settings}>
          {(pairs) => (
            <KeyValues label="Settings" pairs={pairs.map(({ key, value }) => [key, value])} />
          )}
        </Loaded>
      </Card>
    </>
  )
}
