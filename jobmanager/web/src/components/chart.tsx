/** A chart of lines over time. */
import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { bytes, clock, percent } from '../lib/format'
import { aligned, type Line } from '../lib/history'

export interface Series {
  name: string
  line: Line
}

const COLOURS = ['--chart-1', '--chart-2', '--chart-3', '--chart-4', '--chart-5', '--chart-6']
const HEIGHT = 190

/** Steps between the lines of a grid: sizes are counted in powers of two. */
const BINARY_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power)

/** A canvas knows no variables of style sheets: an element tells what they mean. */
function colour(element: HTMLElement, name: string): string {
  const probe = element.appendChild(document.createElement('i'))
  probe.style.color = `var(${name})`
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

/** Changes whenever the page's colours do. */
function useThemeChanges(): number {
  const [changes, setChanges] = useState(0)
  useEffect(() => {
    const changed = () => setChanges((n) => n + 1)
    const system = matchMedia('(prefers-color-scheme: dark)')
    system.addEventListener('change', changed)
    window.addEventListener('themechange', changed)
    return () => {
      system.removeEventListener('change', changed)
      window.removeEventListener('themechange', changed)
    }
  }, [])
  return changes
}

export function Chart({ title, series, format }: {
  title: string
  series: Series[]
  format: (value: number) => string
}) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const theme = useThemeChanges()
  const names = series.map((one) => one.name).join('\n')

  useEffect(() => {
    const element = box.current
    if (!element) return
    const text = colour(element, '--muted')
    const grid = { stroke: colour(element, '--line'), width: 1 }
    const axis = { stroke: text, grid, ticks: { show: false }, font: '11px system-ui, sans-serif' }
    plot.current = new uPlot(
      {
        width: Math.max(element.clientWidth, 100),
        height: HEIGHT,
        ms: 1,
        cursor: { points: { size: 6 }, y: false },
        legend: { live: true },
        scales: {
          y: { range: (_u, min, max) => (format === percent ? [0, 1] : range(min, max)) },
        },
        axes: [
          { ...axis, space: 80, values: (_u, times) => times.map(clock) },
          {
            ...axis,
            size: 68,
            values: (_u, values) => values.map(format),
            ...(format === bytes ? { incrs: BINARY_STEPS } : {}),
          },
        ],
        series: [
          { label: 'Time', value: (u, time) => clockOrDash(time ?? last(u, 0)) },
          ...series.map((one, index) => ({
            label: one.name,
            stroke: colour(element, COLOURS[index % COLOURS.length] ?? '--text'),
            width: 1.75,
            points: { show: false },
            value: (u: uPlot, value: number | null) => {
              const shown = value ?? (u.cursor.idx == null ? last(u, index + 1) : null)
              return shown == null ? '–' : format(shown)
            },
          })),
        ],
      },
      aligned(series.map((one) => one.line)) as uPlot.AlignedData,
      element,
    )
    const observer = new ResizeObserver(() => {
      plot.current?.setSize({ width: Math.max(element.clientWidth, 100), height: HEIGHT })
    })
    observer.observe(element)
    return () => {
      observer.disconnect()
      plot.current?.destroy()
      plot.current = undefined
    }
  }, [names, theme])

  useEffect(() => {
    plot.current?.setData(aligned(series.map((one) => one.line)) as uPlot.AlignedData)
  })

  const now = series
    .map((one) => {
      const value = one.line.values.at(-1)
      return `${one.name}: ${value == null ? 'unknown' : format(value)}`
    })
    .join(', ')
  return (
    <div class="chart" ref={box} role="img" aria-label={`${title}. Now ${now || 'nothing is known'}.`} />
  )
}

/** The latest value of a line is shown while nobody points at another one. */
function last(u: uPlot, index: number): number | null {
  return u.data[index]?.at(-1) ?? null
}

function clockOrDash(time: number | null): string {
  return time == null ? '–' : clock(time)
}

/** Charts begin at zero, so that small changes don't look large. */
function range(min: number | null, max: number | null): [number, number] {
  if (min == null || max == null) return [0, 1]
  const low = Math.min(0, min)
  const high = Math.max(max, low)
  const room = (high - low) * 0.08 || 1
  return [low === 0 ? 0 : low - room, high + room]
}
