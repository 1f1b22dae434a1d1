/** How long tasks were in each of their states. */
import { TASK_STATES } from './states'

export interface Span {
  state: string
  from: number
  to: number
}

const FINAL = new Set(['FINISHED', 'CANCELED', 'FAILED'])

/**
 * Makes spans of the times at which states were entered. The last one goes on until `end`, unless
 * it is one that a task ends in: of that a moment is shown.
 */
export function spans(timestamps: Record<string, number>, end: number): Span[] {
  const entered = TASK_STATES
    .map((state, order) => ({ state, at: timestamps[state] ?? 0, order }))
    .filter(({ at }) => at > 0)
    .sort((a, b) => a.at - b.at || a.order - b.order)
  return entered.map(({ state, at }, index) => {
    const next = entered[index + 1]
    const to = next ? next.at : FINAL.has(state) ? at : Math.max(end, at)
    return { state, from: at, to }
  })
}

/** Brings a time onto a line from 0 to 1. */
export function place(at: number, from: number, to: number): number {
  return to <= from ? 0 : Math.min(Math.max((at - from) / (to - from), 0), 1)
}
