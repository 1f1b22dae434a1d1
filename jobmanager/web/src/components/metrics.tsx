/** Charts of metrics that one chooses. */
import { useQuery } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { request } from '../api/client'
import { useInterval, usePoll } from '../api/queries'
import type { AggregatedMetric, MetricValue } from '../api/types'
import { bytes, duration, short } from '../lib/format'
import { line, record } from '../lib/history'
import { Chart } from './chart'
import { Card, Loaded } from './parts'

/** What was chosen, for as long as the page is open. */
const choices = new Map<string, string[]>()

/** How many charts there may be. */
const MOST = 12

const AGGREGATES = ['min', 'avg', 'max'] as const

/** How the values of a metric are written, which its name tells. */
export function formatOf(name: string): (value: number) => string {
  if (/bytes|memory|Memory|Size$|QueueSize|Capacity|(Heap|Metaspace)\.(Used|Max|Committed)$/i.test(name)
    && !/Segments|\.Count$|PerSecond$|Usage$/.test(name)) return bytes
  if (/Bytes.*PerSecond$/.test(name)) return (value) => `${bytes(value)}/s`
  if (/Ms$|Duration$|Time$|^uptime$|^downtime$/i.test(name) && !/Timestamp/.test(name)) return duration
  return short
}

/** Charts of the metrics below `path`; those of subtasks are aggregated by the API. */
export function MetricCharts({ path, scope, defaults, isAggregated = false }: {
  path: string
  /** What the choice is remembered for. */
  scope: string
  defaults: string[]
  isAggregated?: boolean
}) {
  const list = usePoll<{ id: string }[]>(path, { once: true })
  const [chosen, setChosen] = useState(() => choices.get(scope) ?? defaults)
  const choose = (names: string[]) => {
    choices.set(scope, names)
    setChosen(names)
  }
  return (
    <Loaded query={list}>
      {(metrics) => {
        const names = metrics.map((metric) => metric.id).sort()
        const shown = chosen.filter((name) => names.includes(name))
        return (
          <>
            <div class="row">
              <label class="row">
                <span class="note">Add a metric</span>
                <select
                  class="input short"
                  value=""
                  disabled={shown.length >= MOST}
                  onChange={(event) => {
                    const name = event.currentTarget.value
                    if (name) choose([...shown, name])
                    event.currentTarget.value = ''
                  }}
                >
                  <option value="">{`${names.length} metrics`}</option>
                  {names.filter((name) => !shown.includes(name)).map((name) => (
                    <option key={name} value={name}>{name}</option>
                  ))}
                </select>
              </label>
            </div>
            <Charts
              path={path}
              names={shown}
              isAggregated={isAggregated}
              onRemove={(name) => choose(shown.filter((one) => one !== name))}
            />
          </>
        )
      }}
    </Loaded>
  )
}

function Charts({ path, names, isAggregated, onRemove }: {
  path: string
  names: string[]
  isAggregated: boolean
  onRemove: (name: string) => void
}) {
  const interval = useInterval()
  useQuery({
    queryKey: ['metrics', path, names],
    enabled: names.length > 0,
    refetchInterval: interval,
    structuralSharing: false,
    queryFn: async ({ signal }) => {
      const asked = `${path}?get=${names.map(encodeURIComponent).join(',')}`
      const at = Date.now()
      if (isAggregated) {
        const values = await request<AggregatedMetric[]>(`${asked}&agg=min,avg,max`, { signal })
        for (const metric of values) {
          for (const kind of AGGREGATES) {
            record(`${path} ${metric.id} ${kind}`, at, metric[kind] ?? null)
          }
        }
      } else {
        for (const metric of await request<MetricValue[]>(asked, { signal })) {
          const value = Number(metric.value)
          record(`${path} ${metric.id}`, at, Number.isNaN(value) ? null : value)
        }
      }
      return at
    },
  })
  if (names.length === 0) return <p class="empty">No metric is chosen.</p>
  return (
    <div class="columns">
      {names.map((name) => (
        <Card
          key={name}
          title={name}
          right={
            <button
              type="button"
              class="button tiny plain"
              aria-label={`Remove ${name}`}
              onClick={() => onRemove(name)}
            >
              Remove
            </button>
          }
        >
          <Chart
            title={name}
            format={formatOf(name)}
            series={isAggregated
              ? AGGREGATES.map((kind) => ({ name: kind, line: line(`${path} ${name} ${kind}`) }))
              : [{ name: 'value', line: line(`${path} ${name}`) }]}
          />
        </Card>
      ))}
    </div>
  )
}
