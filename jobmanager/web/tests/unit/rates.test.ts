import { describe, expect, it } from 'vitest'
import type { IoMetrics, JobVertex } from '../../src/api/types'
import { addSample, ratesOf, type Sample, WINDOW_MS } from '../../src/lib/rates'

function sample(at: number, records: number, busy: number, pressed: number, idle: number): Sample {
  const metrics: IoMetrics = {
    'read-records': records,
    'write-records': 2 * records,
    'read-bytes': 10 * records,
    'write-bytes': 0,
    'accumulated-busy-time': busy,
    'accumulated-backpressured-time': pressed,
    'accumulated-idle-time': idle,
  }
  return { at, vertices: new Map([['v', metrics]]) }
}

const vertex = { id: 'v' } as JobVertex

describe('rates', () => {
  it('are what was counted between the first and the last look', () => {
    const rates = ratesOf([sample(1000, 100, 0, 0, 0), sample(3000, 300, 1000, 500, 2500)], vertex)
    expect(rates).toMatchObject({ recordsIn: 100, recordsOut: 200, bytesIn: 1000, bytesOut: 0 })
    // Of two subtasks, whose times add up to four seconds in two.
    expect(rates).toMatchObject({ busy: 0.25, pressed: 0.125, idle: 0.625 })
  })

  it('are unknown after one look, and where no time has passed', () => {
    expect(ratesOf([], vertex)).toBeUndefined()
    expect(ratesOf([sample(1000, 1, 1, 1, 1)], vertex)).toBeUndefined()
    expect(ratesOf([sample(1000, 1, 1, 1, 1), sample(3000, 2, 2, 2, 2)], { id: 'x' } as JobVertex))
      .toBeUndefined()
  })

  it('are zero where no time was accounted for', () => {
    expect(ratesOf([sample(0, 1, 0, 0, 0), sample(1000, 1, 0, 0, 0)], vertex))
      .toMatchObject({ recordsIn: 0, busy: 0, pressed: 0, idle: 0 })
  })
})

describe('samples', () => {
  it('are forgotten after a while', () => {
    let samples: Sample[] = []
    for (let at = 0; at <= 5 * WINDOW_MS; at += 1000) samples = addSample(samples, sample(at, at, 0, 0, 0))
    expect(samples.at(0)?.at).toBe(4 * WINDOW_MS)
    expect(samples.at(-1)?.at).toBe(5 * WINDOW_MS)
  })

  it('start afresh where counters went back, as after a restart', () => {
    const samples = addSample([sample(0, 500, 0, 0, 0)], sample(1000, 3, 0, 0, 0))
    expect(samples.map((one) => one.at)).toEqual([1000])
  })

  it('of the same time are taken once', () => {
    const one = sample(1000, 1, 0, 0, 0)
    expect(addSample([one], sample(1000, 2, 0, 0, 0))).toEqual([one])
  })
})
