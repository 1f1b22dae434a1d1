/** Settings, which can be searched. */
import { useState } from 'preact/hooks'
import { Table } from './table'

/** From so many on they can be searched. */
const MANY = 12

export function KeyValues({ label, pairs }: { label: string; pairs: [string, string][] }) {
  const [text, setText] = useState('')
  const wanted = text.trim().toLowerCase()
  const found = pairs.filter((pair) => pair.join(' ').toLowerCase().includes(wanted))
  return (
    <>
      {pairs.length >= MANY && (
        <div class="body">
          <input
            class="input"
            type="search"
            placeholder="Search"
            aria-label={`Search: ${label}`}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </div>
      )}
      <Table
        label={label}
        rows={found}
        id={([key]) => key}
        empty="There are none."
        initial={{ column: 'Key', descending: false }}
        columns={[
          { title: 'Key', kind: 'wrap', by: ([key]) => key, cell: ([key]) => <code>{key}</code> },
          { title: 'Value', kind: 'wrap', by: ([, value]) => value, cell: ([, value]) => <code>{value}</code> },
        ]}
      />
    </>
  )
}
