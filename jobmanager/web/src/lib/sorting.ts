/** The order of rows. */

export interface Sorting {
  column: string
  descending: boolean
}

/** Sorts rows by a number or text; equal rows keep their order. */
export function sorted<T>(
  rows: readonly T[],
  by: (row: T) => number | string,
  descending: boolean,
): T[] {
  const sign = descending ? -1 : 1
  return [...rows].sort((a, b) => {
    const [x, y] = [by(a), by(b)]
    const order = typeof x === 'number' && typeof y === 'number'
      ? x - y
      : String(x).localeCompare(String(y), 'en', { numeric: true })
    return sign * order
  })
}
