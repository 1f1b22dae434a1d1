/** Packages: upload one, look at its plan, run it, delete it. */
import { useMutation } from '@tanstack/preact-query'
import { useRef, useState } from 'preact/hooks'
import { useLocation } from 'wouter-preact'
import { request, upload } from '../api/client'
import { refresh, useConfig, usePoll } from '../api/queries'
import type { Jar, Plan } from '../api/types'
import { ActionDialog } from '../components/dialog'
import { PlanView } from '../components/plan'
import { Card, Loaded, Problem } from '../components/parts'
import { Page } from '../components/shell'
import { Table } from '../components/table'
import { splitArguments } from '../lib/arguments'
import { percent, timestamp } from '../lib/format'

export function Submit() {
  const isAllowed = useConfig().data?.features['web-submit']
  const query = usePoll<{ files: Jar[] }>('jars', { enabled: isAllowed === true })
  const [chosen, setChosen] = useState<string>()
  const [deleting, setDeleting] = useState<Jar>()
  if (isAllowed === false) {
    return (
      <Page title="Submit a job">
        <Card><p class="empty">Jobs can’t be submitted here: web.submit.enable is false.</p></Card>
      </Page>
    )
  }
  return (
    <Page title="Submit a job" actions={<Upload onDone={setChosen} />}>
      <Loaded query={query}>
        {({ files }) => {
          const jar = files.find((one) => one.id === chosen)
          return (
            <>
              <Card title="Packages" body={false}>
                <Table
                  label="Packages"
                  rows={files}
                  id={(one) => one.id}
                  empty="No package was uploaded yet. `sciurus package` makes one."
                  initial={{ column: 'Uploaded', descending: true }}
                  columns={[
                    {
                      title: 'Package',
                      kind: 'wrap',
                      by: (one) => one.name,
                      cell: (one) => (
                        <button
                          type="button"
                          class="button tiny"
                          aria-expanded={one.id === chosen}
                          onClick={() => setChosen(one.id === chosen ? undefined : one.id)}
                        >
                          {one.name}
                        </button>
                      ),
                    },
                    { title: 'Uploaded', by: (one) => one.uploaded, cell: (one) => timestamp(one.uploaded) },
                    { title: 'Jobs', kind: 'wrap', cell: (one) => one.entry.map((entry) => entry.name).join(', ') || '–' },
                    {
                      title: 'Delete',
                      cell: (one) => (
                        <button
                          type="button"
                          class="button tiny danger"
                          aria-label={`Delete ${one.name}`}
                          onClick={() => setDeleting(one)}
                        >
                          Delete
                        </button>
                      ),
                    },
                  ]}
                />
              </Card>
              {jar && <Run key={jar.id} jar={jar} />}
            </>
          )
        }}
      </Loaded>
      {deleting && (
        <ActionDialog
          title={`Delete ${deleting.name}?`}
          verb="Delete the package"
          danger
          run={async () => {
            await request(`jars/${encodeURIComponent(deleting.id)}`, { method: 'DELETE' })
          }}
          onClose={() => setDeleting(undefined)}
        >
          <p>Jobs that run from it go on.</p>
        </ActionDialog>
      )}
    </Page>
  )
}

function Upload({ onDone }: { onDone: (id: string) => void }) {
  const input = useRef<HTMLInputElement>(null)
  const [share, setShare] = useState(0)
  const sending = useMutation({
    mutationFn: async (file: File) => {
      setShare(0)
      const { filename } = await upload('jars/upload', file, setShare) as { filename: string }
      void refresh()
      return filename.split('/').at(-1) ?? ''
    },
    onSuccess: onDone,
  })
  return (
    <>
      {sending.isPending && (
        <span class="note" role="status">
          {share < 1 ? `Uploading: ${percent(share)}` : 'Looking at the package…'}
        </span>
      )}
      {sending.error && <Problem error={sending.error} />}
      <input
        ref={input}
        type="file"
        accept=".jar"
        class="sr-only"
        aria-label="Package to upload"
        tabIndex={-1}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0]
          if (file) sending.mutate(file)
          event.currentTarget.value = ''
        }}
      />
      <button
        type="button"
        class="button primary"
        disabled={sending.isPending}
        onClick={() => input.current?.click()}
      >
        Upload a package
      </button>
    </>
  )
}

interface Form {
  entryClass: string
  parallelism: string
  arguments: string
  savepointPath: string
  allowNonRestoredState: boolean
}

/** What the API takes; what was left empty isn't said. */
function bodyOf(form: Form, forPlan: boolean) {
  const args = splitArguments(form.arguments)
  return {
    ...(form.entryClass ? { entryClass: form.entryClass } : {}),
    ...(form.parallelism ? { parallelism: Number(form.parallelism) } : {}),
    ...(args.length ? { programArgsList: args } : {}),
    ...(forPlan || !form.savepointPath.trim() ? {} : {
      savepointPath: form.savepointPath.trim(),
      allowNonRestoredState: form.allowNonRestoredState,
    }),
  }
}

function Run({ jar }: { jar: Jar }) {
  const [, navigate] = useLocation()
  const [form, setForm] = useState<Form>({
    entryClass: jar.entry[0]?.name ?? '',
    parallelism: '',
    arguments: '',
    savepointPath: '',
    allowNonRestoredState: false,
  })
  const set = (change: Partial<Form>) => setForm({ ...form, ...change })
  const path = `jars/${encodeURIComponent(jar.id)}`
  const plan = useMutation({
    mutationFn: async () =>
      request<{ plan: Plan }>(`${path}/plan`, { method: 'POST', body: bodyOf(form, true) }),
  })
  const run = useMutation({
    mutationFn: async () =>
      request<{ jobid: string }>(`${path}/run`, { method: 'POST', body: bodyOf(form, false) }),
    onSuccess: async ({ jobid }) => {
      void refresh()
      navigate(`/job/running/${jobid}`)
    },
  })
  const isBusy = plan.isPending || run.isPending
  return (
    <Card title={`Run ${jar.name}`}>
      <form
        class="page"
        onSubmit={(event) => {
          event.preventDefault()
          plan.reset()
          run.mutate()
        }}
      >
        <div class="grid-2">
          <label class="field">
            <span>Job (entry class)</span>
            {jar.entry.length > 0
              ? (
                <select
                  value={form.entryClass}
                  onChange={(event) => set({ entryClass: event.currentTarget.value })}
                >
                  {jar.entry.map((entry) => <option key={entry.name} value={entry.name}>{entry.name}</option>)}
                </select>
              )
              : (
                <input
                  value={form.entryClass}
                  onInput={(event) => set({ entryClass: event.currentTarget.value })}
                />
              )}
          </label>
          <label class="field">
            <span>Parallelism (the configured one, if left empty)</span>
            <input
              type="number"
              min={1}
              value={form.parallelism}
              onInput={(event) => set({ parallelism: event.currentTarget.value })}
            />
          </label>
        </div>
        <label class="field">
          <span>Arguments</span>
          <input
            value={form.arguments}
            placeholder="--input /data/text --output /data/counts"
            onInput={(event) => set({ arguments: event.currentTarget.value })}
          />
        </label>
        <label class="field">
          <span>Savepoint to start from</span>
          <input
            value={form.savepointPath}
            placeholder="file:///savepoints/savepoint-…"
            onInput={(event) => set({ savepointPath: event.currentTarget.value })}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={form.allowNonRestoredState}
            onChange={(event) => set({ allowNonRestoredState: event.currentTarget.checked })}
          />
          Leave out state that the job has no operator for any more
        </label>
        <Problem error={run.error ?? plan.error} />
        <div class="row">
          <button type="submit" class="button primary" disabled={isBusy}>Run</button>
          <button
            type="button"
            class="button"
            disabled={isBusy}
            onClick={() => {
              run.reset()
              plan.mutate()
            }}
          >
            Show the plan
          </button>
          {isBusy && <span class="note" role="status">Asking the package…</span>}
        </div>
      </form>
      {plan.data && <PlanView plan={plan.data.plan} />}
    </Card>
  )
}
