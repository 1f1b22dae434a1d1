/** Rates of a job's vertices, from two looks at what has been counted. */
import type { IoMetrics, JobDetails, JobVertex } from '../api/types'

/** What the counters of a job's vertices said at a time. */
export interface Sample {
  at: number
  vertices: ReadonlyMap<string, IoMetrics>
}

export interface VertexRates {
  recordsIn: number
  recordsOut: number
  bytesIn: number
  bytesOut: number
  /** Shares of the time, of all subtasks together. */
  busy: number
  pressed: number
  idle: number
}

/** How far apart the two looks may be; counters are reported only now and then. */
export const WINDOW_MS = 10_000

export function sample(job: JobDetails): Sample {
  return { at: job.now, vertices: new Map(job.vertices.map((v) => [v.id, v.metrics])) }
}

/** Adds a sample, and forgets those before the window. Counters that went back start afresh. */
export function addSample(samples: readonly Sample[], next: Sample): Sample[] {
  const last = samples.at(-1)
  if (!last) return [next]
  if (next.at <= last.at) return [...samples]
  for (const [id, metrics] of next.vertices) {
    const before = last.vertices.get(id)
    if (!before || total(metrics) < total(before)) return [next]
  }
  const kept = samples.filter((s) => next.at - s.at <= WINDOW_MS)
  return [...kept, next]
}

function total(metrics: IoMetrics): number {
  return metrics['read-records'] + metrics['write-records']
}

function number(value: number | 'NaN' | undefined): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}

/** Returns the rates of a vertex over the samples; `undefined` where there are less than two. */
export function ratesOf(samples: readonly Sample[], vertex: JobVertex): VertexRates | undefined {
  const [first, last] = [samples[0], samples.at(-1)]
  const before = first?.vertices.get(vertex.id)
  const after = last?.vertices.get(vertex.id)
  if (!first || !last || !before || !after || last.at <= first.at) return undefined
  const ms = last.at - first.at
  const rate = (name: keyof IoMetrics) =>
    Math.max(0, (number(after[name]) - number(before[name])) * 1000 / ms)
  const times = [
    rate('accumulated-busy-time'),
    rate('accumulated-backpressured-time'),
    rate('accumulated-idle-time'),
  ]
  // What is reported late by some subtasks makes more than the whole of the time, or less.
  const sum = times.reduce((a, b) => a + b, 0)
  const whole = Math.max(sum, 1)
  const [busy = 0, pressed = 0, idle = 0] = times.map((time) => time / whole)
  return {
    recordsIn: rate('read-records'),
    recordsOut: rate('write-records'),
    bytesIn: rate('read-bytes'),
    bytesOut: rate('write-bytes'),
    busy,
    pressed,
    idle,
  }
}
