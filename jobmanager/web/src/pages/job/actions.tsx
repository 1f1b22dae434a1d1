/** What can be done to a job that runs. */
import { useState } from 'preact/hooks'
import { cancelJob, rescale, savepoint, stopWithSavepoint } from '../../api/operations'
import { useConfig } from '../../api/queries'
import type { JobDetails } from '../../api/types'
import { ActionDialog } from '../../components/dialog'
import { plural } from '../../lib/format'
import { hasEnded } from '../../lib/states'

type Action = 'savepoint' | 'stop' | 'rescale' | 'cancel'

export function Actions({ job }: { job: JobDetails }) {
  const [action, setAction] = useState<Action>()
  const mayCancel = useConfig().data?.features['web-cancel'] ?? false
  const close = () => setAction(undefined)
  return (
    <>
      {!hasEnded(job.state) && <Buttons mayCancel={mayCancel} choose={setAction} />}
      {/* A dialog stays when the job has ended: it says where the savepoint is. */}
      {action === 'cancel' && <CancelDialog job={job} onClose={close} />}
      {action === 'savepoint' && <SavepointDialog job={job} onClose={close} />}
      {action === 'stop' && <StopDialog job={job} onClose={close} />}
      {action === 'rescale' && <RescaleDialog job={job} onClose={close} />}
    </>
  )
}

function Buttons({ mayCancel, choose }: { mayCancel: boolean; choose: (action: Action) => void }) {
  return (
    <>
      <button type="button" class="button" onClick={() => choose('rescale')}>Rescale</button>
      <button type="button" class="button" onClick={() => choose('savepoint')}>Savepoint</button>
      <button type="button" class="button" onClick={() => choose('stop')}>Stop with savepoint</button>
      {mayCancel && (
        <button type="button" class="button danger" onClick={() => choose('cancel')}>
          Cancel
        </button>
      )}
    </>
  )
}

interface DialogProps {
  job: JobDetails
  onClose: () => void
}

function CancelDialog({ job, onClose }: DialogProps) {
  return (
    <ActionDialog
      title={`Cancel ${job.name}?`}
      verb="Cancel the job"
      danger
      run={async () => {
        await cancelJob(job.jid)
      }}
      onClose={onClose}
    >
      <p>
        The job ends without a savepoint. What it has counted since its last checkpoint is lost to
        a job that goes on from there.
      </p>
    </ActionDialog>
  )
}

function Directory({ value, onInput }: { value: string; onInput: (value: string) => void }) {
  return (
    <label class="field">
      <span>Directory (the configured one, if left empty)</span>
      <input
        value={value}
        placeholder="file:///savepoints or s3://bucket/savepoints"
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  )
}

function Location({ location }: { location: string | undefined }) {
  return (
    <>
      <p>The savepoint is complete:</p>
      <p><code>{location}</code></p>
    </>
  )
}

function SavepointDialog({ job, onClose }: DialogProps) {
  const [directory, setDirectory] = useState('')
  return (
    <ActionDialog
      title={`Take a savepoint of ${job.name}`}
      verb="Take the savepoint"
      run={async () => <Location location={(await savepoint(job.jid, directory.trim())).location} />}
      onClose={onClose}
    >
      <p>The job goes on.</p>
      <Directory value={directory} onInput={setDirectory} />
    </ActionDialog>
  )
}

function StopDialog({ job, onClose }: DialogProps) {
  const [directory, setDirectory] = useState('')
  const [drain, setDrain] = useState(false)
  return (
    <ActionDialog
      title={`Stop ${job.name} with a savepoint`}
      verb="Stop the job"
      danger
      run={async () => (
        <Location location={(await stopWithSavepoint(job.jid, directory.trim(), drain)).location} />
      )}
      onClose={onClose}
    >
      <p>Sources stop, a savepoint is taken, and the job finishes.</p>
      <Directory value={directory} onInput={setDirectory} />
      <label class="check">
        <input
          type="checkbox"
          checked={drain}
          onChange={(event) => setDrain(event.currentTarget.checked)}
        />
        Drain: close all windows as at the end of the input
      </label>
    </ActionDialog>
  )
}

function RescaleDialog({ job, onClose }: DialogProps) {
  const [wanted, setWanted] = useState<Record<string, number>>(() =>
    Object.fromEntries(job.vertices.map((vertex) => [vertex.id, vertex.parallelism]))
  )
  const changed = job.vertices.filter((vertex) => wanted[vertex.id] !== vertex.parallelism)
  return (
    <ActionDialog
      title={`Change the parallelism of ${job.name}`}
      verb="Rescale"
      run={async () => {
        if (changed.length === 0) throw new Error('No parallelism is different from what it is.')
        await rescale(
          job.jid,
          Object.fromEntries(changed.map((vertex) => [vertex.id, wanted[vertex.id] ?? 1])),
        )
        return <p>The job runs with its new parallelism.</p>
      }}
      onClose={onClose}
    >
      <p>The job takes a checkpoint and goes on from it; nothing is lost or counted twice.</p>
      {job.vertices.map((vertex) => (
        <label class="field" key={vertex.id}>
          <span>
            {vertex.name} ({plural(vertex.parallelism, 'subtask')} now, at most{' '}
            {vertex.maxParallelism})
          </span>
          <input
            type="number"
            min={1}
            max={vertex.maxParallelism > 0 ? vertex.maxParallelism : undefined}
            required
            value={wanted[vertex.id]}
            onInput={(event) =>
              setWanted({ ...wanted, [vertex.id]: event.currentTarget.valueAsNumber })}
          />
        </label>
      ))}
    </ActionDialog>
  )
}
