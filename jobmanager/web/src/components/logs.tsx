/** Log files: the list of them, and what one says. */
import { useState } from 'preact/hooks'
import { url } from '../api/client'
import { usePoll, useText } from '../api/queries'
import type { LogFile } from '../api/types'
import { bytes, timestamp } from '../lib/format'
import { tail } from '../lib/tail'
import { Card, Loaded } from './parts'
import { Table } from './table'

/** The files below `path`, which ends in `/logs`. */
export function Logs({ path, files: prefix = '' }: { path: string; files?: string }) {
  const query = usePoll<{ logs: LogFile[] }>(path)
  const [open, setOpen] = useState<string>()
  return (
    <>
      <Card title="Files" body={false}>
        <Loaded query={query}>
          {({ logs }) => (
            <Table
              label="Log files"
              rows={logs.filter((file) => file.name.startsWith(prefix))}
              id={(file) => file.name}
              empty="There are no log files: the log goes to the console."
              initial={{ column: 'Changed', descending: true }}
              columns={[
                {
                  title: 'File',
                  kind: 'wrap',
                  by: (file) => file.name,
                  cell: (file) => (
                    <button
                      type="button"
                      class="button tiny"
                      aria-expanded={open === file.name}
                      onClick={() => setOpen(open === file.name ? undefined : file.name)}
                    >
                      {file.name}
                    </button>
                  ),
                },
                { title: 'Size', kind: 'number', by: (file) => file.size, cell: (file) => bytes(file.size) },
                { title: 'Changed', by: (file) => file.mtime, cell: (file) => timestamp(file.mtime) },
              ]}
            />
          )}
        </Loaded>
      </Card>
      {open && <LogText key={open} path={`${path}/${encodeURIComponent(open)}`} name={open} />}
    </>
  )
}

/** The end of a text, as much as a browser shows without effort. */
export function LogText({ path, name }: { path: string; name: string }) {
  const query = useText(path)
  const [wrapped, setWrapped] = useState(true)
  const [words, setWords] = useState('')
  return (
    <Card
      title={name}
      right={
        <>
          <button type="button" class="button tiny" onClick={() => void query.refetch()}>Reload</button>
          <a class="button tiny" href={url(path)} download={name}>Download</a>
        </>
      }
      body={false}
    >
      <div class="body row">
        <input
          class="input short"
          type="search"
          placeholder="Only lines with …"
          aria-label="Only lines with"
          value={words}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={wrapped}
            onChange={(event) => setWrapped(event.currentTarget.checked)}
          />
          Wrap lines
        </label>
      </div>
      <Loaded query={query}>
        {(text) => {
          const { lines, left } = tail(text, words)
          return (
            <>
              {left > 0 && <p class="body note small">The last {lines.length} lines; {left} before them are in the file.</p>}
              <pre
                class={`log ${wrapped ? 'wrapped' : ''}`}
                tabIndex={0}
                role="region"
                aria-label={name}
                ref={(element) => {
                  if (element) element.scrollTop = element.scrollHeight
                }}
              >
                {lines.join('\n') || (words ? 'No line has that.' : 'It is empty.')}
              </pre>
            </>
          )
        }}
      </Loaded>
    </Card>
  )
}
