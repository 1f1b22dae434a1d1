/** Charts of a job: what its vertices do, and the job's own metrics. */
import type { JobDetails } from '../../api/types'
import { Chart } from '../../components/chart'
import { MetricCharts } from '../../components/metrics'
import { Card } from '../../components/parts'
import { bytes, percent, short } from '../../lib/format'
import { line } from '../../lib/history'
import { rateKey, useRates } from '../../lib/live'
import type { VertexRates } from '../../lib/rates'
import { hasEnded } from '../../lib/states'

/** More lines than that can't be told apart. */
const LINES = 6

const CHARTS: [name: keyof VertexRates, title: string, format: (value: number) => string][] = [
  ['recordsIn', 'Records in per second', short],
  ['recordsOut', 'Records out per second', short],
  ['bytesOut', 'Bytes out per second', bytes],
  ['busy', 'Busy', percent],
  ['pressed', 'Back-pressured', percent],
]

export function JobMetricsTab({ job }: { job: JobDetails }) {
  const rates = useRates(job)
  const shown = [...job.vertices]
    .sort((a, b) => (rates.get(b.id)?.busy ?? 0) - (rates.get(a.id)?.busy ?? 0))
    .slice(0, LINES)
    .map((vertex) => vertex.id)
  const vertices = job.vertices.filter((vertex) => shown.includes(vertex.id))
  const name = (text: string) => (text.length > 40 ? `${text.slice(0, 39)}…` : text)
  return (
    <>
      {!hasEnded(job.state) && (
        <>
          {job.vertices.length > LINES && (
            <p class="note">The {LINES} busiest of {job.vertices.length} vertices are shown.</p>
          )}
          <div class="columns">
            {CHARTS.map(([rate, title, format]) => (
              <Card key={rate} title={title}>
                <Chart
                  title={title}
                  format={format}
                  series={vertices.map((vertex) => ({
                    name: name(vertex.name),
                    line: line(rateKey(job.jid, vertex.id, rate)),
                  }))}
                />
              </Card>
            ))}
          </div>
        </>
      )}
      <h2>Metrics of the job</h2>
      <MetricCharts
        path={`jobs/${job.jid}/metrics`}
        scope="job"
        defaults={['lastCheckpointDuration', 'lastCheckpointSize', 'numRestarts']}
      />
    </>
  )
}
