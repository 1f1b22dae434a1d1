/** A TaskManager: memory, slots, workers, metrics and logs. */
import { Link, Redirect, Route, Switch, useParams } from 'wouter-preact'
import { useJobs, usePoll } from '../../api/queries'
import type { TaskManager } from '../../api/types'
import { LogText, Logs } from '../../components/logs'
import { MetricCharts } from '../../components/metrics'
import { Bar, Card, Facts, Loaded, Tabs, Tile } from '../../components/parts'
import { Page } from '../../components/shell'
import { Table } from '../../components/table'
import { bytes, count, duration, percent, timestamp } from '../../lib/format'
import { processesOf, type ThreadInfo } from '../../lib/workers'

const TABS = [
  ['overview', 'Overview'],
  ['workers', 'Workers'],
  ['metrics', 'Metrics'],
  ['logs', 'Logs'],
  ['stdout', 'Output'],
] as const

const DEFAULTS = [
  'Status.JVM.CPU.Load',
  'Status.JVM.Memory.Heap.Used',
  'Status.Flink.Memory.Managed.Used',
  'Status.Shuffle.Netty.UsedMemory',
]

export function TaskManagerPage() {
  const id = decodeURIComponent(useParams<{ id: string }>().id ?? '')
  const base = `/task-manager/${encodeURIComponent(id)}`
  const path = `taskmanagers/${encodeURIComponent(id)}`
  const query = usePoll<TaskManager>(path)
  return (
    <Page title={id} crumb={<Link href="/task-manager">TaskManagers</Link>}>
      <Tabs label="Parts of the TaskManager" base={base} tabs={TABS} />
      <Switch>
        <Route path={`${base}/workers`}><Workers path={path} /></Route>
        <Route path={`${base}/metrics`}>
          <MetricCharts path={`${path}/metrics`} scope="taskmanager" defaults={DEFAULTS} />
        </Route>
        <Route path={`${base}/logs`}><Logs path={`${path}/logs`} /></Route>
        <Route path={`${base}/stdout`}><LogText path={`${path}/stdout`} name="Standard output" /></Route>
        <Route path={`${base}/overview`}>
          <Loaded query={query}>{(one) => <Overview one={one} />}</Loaded>
        </Route>
        <Route><Redirect to={`${base}/overview`} replace /></Route>
      </Switch>
    </Page>
  )
}

function Overview({ one }: { one: TaskManager }) {
  return (
    <>
      <div class="tiles">
        <Tile label="Free slots" value={count(one.freeSlots)} more={`of ${one.slotsNumber}`} />
        <Tile label="CPUs" value={count(one.hardware.cpuCores)} />
        <Tile
          label="Memory limit"
          value={bytes(one.memoryConfiguration.totalProcessMemory)}
          more={`The machine has ${bytes(one.hardware.physicalMemory)}`}
        />
        <Tile label="Last heartbeat" value={timestamp(one.timeSinceLastHeartbeat)} isText />
      </div>
      <div class="columns">
        <Card title="Memory pools"><Pools one={one} /></Card>
        <Card title="How the memory is divided">
          <Facts
            facts={Object.entries(MEMORY)
              .filter(([name]) => (one.memoryConfiguration[name] ?? 0) > 0)
              .map(([name, title]) => [title, bytes(one.memoryConfiguration[name])])}
          />
        </Card>
      </div>
      <Card title="Slots in use" body={false}><Slots one={one} /></Card>
    </>
  )
}

const MEMORY: Record<string, string> = {
  totalProcessMemory: 'The whole process',
  totalFlinkMemory: 'Total without overhead',
  taskHeap: 'Tasks',
  taskOffHeap: 'Tasks, off-heap',
  managedMemory: 'Managed: state backends',
  networkMemory: 'Network: exchanges',
  frameworkHeap: 'Framework',
  frameworkOffHeap: 'Framework, off-heap',
  jvmMetaspace: 'Metaspace',
  jvmOverhead: 'Overhead',
}

function Pools({ one }: { one: TaskManager }) {
  const path = `taskmanagers/${encodeURIComponent(one.id)}/metrics`
  const names = ['Managed.Used', 'Managed.Total'].map((name) => `Status.Flink.Memory.${name}`)
  const managed = usePoll<{ id: string; value?: string }[]>(`${path}?get=${names.join(',')}`).data
  const value = (name: string) => Number(managed?.find((metric) => metric.id === name)?.value ?? NaN)
  const metric = (name: string) => {
    const value = one.metrics?.[name]
    return typeof value === 'number' ? value : NaN
  }
  const pools: [string, number, number][] = [
    ['Resident memory', metric('heapUsed') + metric('nonHeapUsed'), metric('heapMax')],
    ['Managed', value(names[0] ?? ''), value(names[1] ?? '')],
    ['Network', metric('nettyShuffleMemoryUsed'), metric('nettyShuffleMemoryTotal')],
  ]
  return (
    <div class="pools">
      {pools.map(([name, used, total]) => {
        const share = total > 0 ? used / total : 0
        return (
          <div key={name}>
            <div class="row">
              <span>{name}</span>
              <span class="note small">{bytes(used)} of {bytes(total)}, {percent(share)}</span>
            </div>
            <Bar share={share} label={`${name}: ${percent(share)} used`} />
          </div>
        )
      })}
    </div>
  )
}

function useJobNames(): (id: string) => string {
  const jobs = useJobs().data?.jobs
  return (id) => jobs?.find((job) => job.jid === id)?.name ?? id
}

function Slots({ one }: { one: TaskManager }) {
  const nameOf = useJobNames()
  const slots = (one.allocatedSlots ?? []).map((slot, index) => ({ ...slot, index }))
  return (
    <Table
      label="Slots in use"
      rows={slots}
      id={(slot) => slot.index}
      empty="No slot is in use."
      columns={[
        { title: 'Job', kind: 'wrap', cell: (slot) => <Link href={`/job/running/${slot.jobId}`}>{nameOf(slot.jobId)}</Link> },
        { title: 'Tasks', kind: 'number', cell: (slot) => count(slot.assignedTasks) },
        { title: 'CPU', kind: 'number', cell: (slot) => slot.resource.cpuCores?.toFixed(2) ?? '–' },
        { title: 'Task memory', kind: 'number', cell: (slot) => mebibytes(slot.resource.taskHeapMemory) },
        { title: 'Managed', kind: 'number', cell: (slot) => mebibytes(slot.resource.managedMemory) },
        { title: 'Network', kind: 'number', cell: (slot) => mebibytes(slot.resource.networkMemory) },
      ]}
    />
  )
}

/** Resources of slots are in MiB. */
function mebibytes(value: number | undefined): string {
  return value === undefined ? '–' : bytes(value * 1024 * 1024)
}

function Workers({ path }: { path: string }) {
  const query = usePoll<{ threadInfos: ThreadInfo[] }>(`${path}/thread-dump`)
  const nameOf = useJobNames()
  return (
    <>
      <Card title="Processes" body={false}>
        <Loaded query={query}>
          {({ threadInfos }) => (
            <Table
              label="Processes"
              rows={processesOf(threadInfos)}
              id={(process) => process.pid}
              empty="Nothing is known of its processes."
              columns={[
                {
                  title: 'Process of',
                  kind: 'wrap',
                  by: (one) => one.job ?? '',
                  cell: (one) =>
                    one.job
                      ? <Link href={`/job/running/${one.job}`}>{nameOf(one.job)}</Link>
                      : 'the TaskManager itself',
                },
                { title: 'Process id', kind: 'number', by: (one) => one.pid, cell: (one) => one.pid },
                { title: 'Threads', kind: 'number', by: (one) => one.threads, cell: (one) => one.threads },
                { title: 'CPU time', kind: 'number', by: (one) => one.cpuMs, cell: (one) => duration(one.cpuMs) },
              ]}
            />
          )}
        </Loaded>
      </Card>
      <Threads path={path} />
    </>
  )
}

/** The threads of all processes of a manager. */
export function Threads({ path }: { path: string }) {
  const query = usePoll<{ threadInfos: ThreadInfo[] }>(`${path}/thread-dump`)
  return (
    <Card title="Threads" body={false}>
      <Loaded query={query}>
        {({ threadInfos }) => (
          <Table
            label="Threads"
            rows={threadInfos.map((thread, index) => ({ ...thread, index }))}
            id={(thread) => thread.index}
            columns={[
              { title: 'Thread', kind: 'wrap', by: (one) => one.threadName, cell: (one) => one.threadName },
              { title: 'State', kind: 'wrap', cell: (one) => one.stringifiedThreadInfo.trim().replace(/^"[^"]*" /, '') },
            ]}
          />
        )}
      </Loaded>
    </Card>
  )
}
