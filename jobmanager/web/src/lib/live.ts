/** What is known of a job's vertices from poll to poll. */
import { useQuery } from '@tanstack/preact-query'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { request } from '../api/client'
import { useInterval } from '../api/queries'
import type { JobDetails, MetricValue } from '../api/types'
import type { LiveVertex } from '../components/plan'
import { watermark } from './format'
import { record } from './history'
import { addSample, ratesOf, type Sample, sample, type VertexRates } from './rates'
import { hasEnded } from './states'

const samplesOfJobs = new Map<string, Sample[]>()
/** Of how many jobs the samples are kept. */
const JOBS = 50

/** Returns the rates of all vertices, and keeps them for charts. */
export function useRates(job: JobDetails): ReadonlyMap<string, VertexRates | undefined> {
  const isRunning = !hasEnded(job.state)
  const [, setAt] = useState(0)
  useEffect(() => {
    if (!isRunning) return
    const samples = addSample(samplesOfJobs.get(job.jid) ?? [], sample(job))
    samplesOfJobs.delete(job.jid)
    samplesOfJobs.set(job.jid, samples)
    const oldest = samplesOfJobs.size > JOBS ? samplesOfJobs.keys().next().value : undefined
    if (oldest !== undefined) samplesOfJobs.delete(oldest)
    for (const vertex of job.vertices) {
      const rates = ratesOf(samples, vertex)
      if (!rates) continue
      for (const [name, value] of Object.entries(rates)) {
        record(rateKey(job.jid, vertex.id, name as keyof VertexRates), job.now, value)
      }
    }
    setAt(job.now)
  }, [job.now])
  const samples = samplesOfJobs.get(job.jid) ?? []
  return new Map(
    job.vertices.map((vertex) => [vertex.id, isRunning ? ratesOf(samples, vertex) : undefined]),
  )
}

/** Where the line of a rate is kept. */
export function rateKey(job: string, vertex: string, name: keyof VertexRates): string {
  return `${job}/${vertex}/${name}`
}

/** How many vertices are asked for their watermarks at once: the API tells them one by one. */
const AT_ONCE = 12

/** Returns the lowest watermark of each vertex; in large jobs a few are asked for at a time. */
export function useWatermarks(job: JobDetails): ReadonlyMap<string, number> {
  const interval = useInterval()
  const turn = useMemo(() => ({ next: 0, known: new Map<string, number>() }), [job.jid])
  const query = useQuery({
    queryKey: ['watermarks', job.jid],
    enabled: !hasEnded(job.state) && job.vertices.length > 0,
    refetchInterval: interval,
    structuralSharing: false,
    queryFn: async ({ signal }) => {
      const ids = job.vertices.map((vertex) => vertex.id)
      const asked = Array.from(
        { length: Math.min(AT_ONCE, ids.length) },
        (_, index) => ids[(turn.next + index) % ids.length] ?? '',
      )
      turn.next = (turn.next + asked.length) % ids.length
      await Promise.all(asked.map(async (id) => {
        const path = `jobs/${job.jid}/vertices/${id}/watermarks`
        const low = lowest(await request<MetricValue[]>(path, { signal }))
        if (low === undefined) turn.known.delete(id)
        else turn.known.set(id, low)
      }))
      return new Map(turn.known)
    },
  })
  return query.data ?? turn.known
}

/** The lowest of a vertex's watermarks is the one that its results wait for. */
export function lowest(values: readonly MetricValue[]): number | undefined {
  const numbers = values.map((one) => Number(one.value)).filter((value) => !Number.isNaN(value))
  return numbers.length ? Math.min(...numbers) : undefined
}

/** Brings together what a graph shows of each vertex. */
export function useLiveVertices(job: JobDetails): ReadonlyMap<string, LiveVertex> {
  const rates = useRates(job)
  const watermarks = useWatermarks(job)
  return new Map(
    job.vertices.map((vertex) => {
      const low = watermarks.get(vertex.id)
      const text = low === undefined ? undefined : watermark(low)
      return [vertex.id, {
        status: vertex.status,
        parallelism: vertex.parallelism,
        rates: rates.get(vertex.id),
        watermark: text === 'none yet' ? undefined : text,
      }]
    }),
  )
}
