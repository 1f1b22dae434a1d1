/** All TaskManagers. */
import { Link } from 'wouter-preact'
import { useTaskManagers } from '../../api/queries'
import type { TaskManager } from '../../api/types'
import { Bar, Card, Loaded } from '../../components/parts'
import { Page } from '../../components/shell'
import { type Column, Table } from '../../components/table'
import { bytes, timestamp } from '../../lib/format'

const COLUMNS: Column<TaskManager>[] = [
  {
    title: 'TaskManager',
    kind: 'wrap',
    by: (one) => one.id,
    cell: (one) => (
      <>
        <Link href={`/task-manager/${encodeURIComponent(one.id)}`}>{one.id}</Link>
        <br />
        <code class="note">{one.path}</code>
      </>
    ),
  },
  {
    title: 'Free slots',
    kind: 'number',
    by: (one) => one.freeSlots,
    cell: (one) => `${one.freeSlots} of ${one.slotsNumber}`,
  },
  {
    title: 'Used',
    by: (one) => used(one),
    cell: (one) => <Bar share={used(one)} label={`${one.slotsNumber - one.freeSlots} slots used`} />,
  },
  { title: 'Tasks', kind: 'number', by: (one) => one.assignedTasks ?? 0, cell: (one) => one.assignedTasks ?? '–' },
  { title: 'CPUs', kind: 'number', by: (one) => one.hardware.cpuCores, cell: (one) => one.hardware.cpuCores },
  {
    title: 'Memory limit',
    kind: 'number',
    by: (one) => one.memoryConfiguration.totalProcessMemory ?? 0,
    cell: (one) => bytes(one.memoryConfiguration.totalProcessMemory),
  },
  {
    title: 'Managed memory',
    kind: 'number',
    by: (one) => one.memoryConfiguration.managedMemory ?? 0,
    cell: (one) => bytes(one.memoryConfiguration.managedMemory),
  },
  {
    title: 'Machine’s memory',
    kind: 'number',
    by: (one) => one.hardware.physicalMemory,
    cell: (one) => bytes(one.hardware.physicalMemory),
  },
  {
    title: 'Last heartbeat',
    by: (one) => one.timeSinceLastHeartbeat,
    cell: (one) => timestamp(one.timeSinceLastHeartbeat),
  },
]

function used(one: TaskManager): number {
  return one.slotsNumber ? (one.slotsNumber - one.freeSlots) / one.slotsNumber : 0
}

export function TaskManagers() {
  const query = useTaskManagers()
  return (
    <Page title="TaskManagers">
      <Card body={false}>
        <Loaded query={query}>
          {({ taskmanagers }) => (
            <Table
              label="TaskManagers"
              columns={COLUMNS}
              rows={taskmanagers}
              id={(one) => one.id}
              empty="No TaskManager is registered. Start one: sciurus taskmanager"
              initial={{ column: 'TaskManager', descending: false }}
            />
          )}
        </Loaded>
      </Card>
    </Page>
  )
}
