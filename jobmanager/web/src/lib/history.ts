/** What charts show: the API tells only the present, so that what was polled is kept here. */

/** How many points of a line are kept: ten minutes at three seconds. */
export const POINTS = 200
/** How many lines are kept in all; those that were looked at the longest ago are forgotten. */
const LINES = 400

export interface Line {
  times: number[]
  values: (number | null)[]
}

const lines = new Map<string, Line>()

/** Adds a point to a line; one of the same time is ignored. */
export function record(key: string, at: number, value: number | null) {
  const line = lines.get(key) ?? { times: [], values: [] }
  lines.delete(key)
  lines.set(key, line)
  const last = line.times.at(-1)
  if (last !== undefined && at <= last) return
  line.times.push(at)
  line.values.push(value)
  if (line.times.length > POINTS) {
    line.times.shift()
    line.values.shift()
  }
  const oldest = lines.size > LINES ? lines.keys().next().value : undefined
  if (oldest !== undefined) lines.delete(oldest)
}

/** Returns a line as far as it is known. */
export function line(key: string): Line {
  return lines.get(key) ?? { times: [], values: [] }
}

/** Brings lines onto one axis of times; where one has no point there is a gap. */
export function aligned(of: readonly Line[]): [number[], ...(number | null | undefined)[][]] {
  const times = [...new Set(of.flatMap((one) => one.times))].sort((a, b) => a - b)
  const places = new Map(times.map((time, index) => [time, index]))
  const columns = of.map((one) => {
    const column = new Array<number | null | undefined>(times.length).fill(undefined)
    one.times.forEach((time, index) => {
      column[places.get(time) ?? 0] = one.values[index] ?? null
    })
    return column
  })
  return [times, ...columns]
}
