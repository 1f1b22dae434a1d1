/** A table that can be sorted, and scrolls by itself where the page is narrow. */
import type { ComponentChildren } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { sorted, type Sorting } from '../lib/sorting'

export interface Column<T> {
  title: string
  cell: (row: T) => ComponentChildren
  /** What rows are sorted by; a column without it can't be sorted by. */
  by?: (row: T) => number | string
  kind?: 'number' | 'wrap'
}

/** How many rows are shown before one asks for more. */
const PAGE = 200

export function Table<T>({ label, columns, rows, id, empty = 'There are none.', initial }: {
  label: string
  columns: Column<T>[]
  rows: readonly T[]
  id: (row: T) => string | number
  empty?: ComponentChildren
  initial?: Sorting
}) {
  const [sorting, setSorting] = useState<Sorting | undefined>(initial)
  const [limit, setLimit] = useState(PAGE)
  const by = sorting && columns.find((column) => column.title === sorting.column)?.by
  const ordered = useMemo(
    () => (by && sorting ? sorted(rows, by, sorting.descending) : rows),
    [rows, sorting?.column, sorting?.descending],
  )
  if (rows.length === 0) return <p class="empty">{empty}</p>
  const toggle = (column: string) =>
    setSorting((now) => ({
      column,
      descending: now?.column === column ? !now.descending : false,
    }))
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      <table aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => {
              const isSorted = sorting?.column === column.title
              const direction = sorting?.descending ? 'descending' : 'ascending'
              return (
                <th
                  key={column.title}
                  scope="col"
                  class={column.kind}
                  aria-sort={isSorted ? direction : undefined}
                >
                  {column.by
                    ? (
                      <button type="button" onClick={() => toggle(column.title)}>
                        {column.title}
                        <span aria-hidden="true">
                          {isSorted ? (sorting.descending ? ' ↓' : ' ↑') : ''}
                        </span>
                      </button>
                    )
                    : column.title}
                </th>
              )
            })}
          </tr>
        </thead>
        <tbody>
          {ordered.slice(0, limit).map((row) => (
            <tr key={id(row)}>
              {columns.map((column) => (
                <td key={column.title} class={column.kind}>{column.cell(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > limit && (
        <p class="empty">
          <button type="button" class="button" onClick={() => setLimit(limit + PAGE)}>
            Show more ({rows.length - limit})
          </button>
        </p>
      )}
    </div>
  )
}
