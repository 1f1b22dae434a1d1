/** A job's plan, which can be moved and enlarged. */
import { select } from 'd3-selection'
import { type D3ZoomEvent, zoom, type ZoomBehavior, zoomIdentity } from 'd3-zoom'
import { memo } from 'preact/compat'
import { useEffect, useRef } from 'preact/hooks'
import type { Plan } from '../api/types'
import { bytes, percent, short } from '../lib/format'
import { usePicture } from '../lib/picture'
import { curve, type Picture, type PlacedVertex, VERTEX_HEIGHT, VERTEX_WIDTH } from '../lib/plan'
import type { VertexRates } from '../lib/rates'
import { tone } from '../lib/states'

/** What is known of a vertex besides the plan. */
export interface LiveVertex {
  status: string
  parallelism: number
  rates: VertexRates | undefined
  watermark: string | undefined
}

/** How many characters fit into the first line, which is bold, and into the others. */
const FIRST_LINE = 26
const OTHER_LINES = 32
/** How many operators of a chain are named. */
const LINES = 2

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}

function Shares({ rates, y }: { rates: VertexRates; y: number }) {
  const width = VERTEX_WIDTH - 24
  const [busy, pressed] = [rates.busy * width, rates.pressed * width]
  return (
    <g transform={`translate(12 ${y})`}>
      <rect class="share-idle" width={width} height={6} rx={3} />
      <rect class="share-busy" width={busy} height={6} rx={3} />
      <rect class="share-pressed" x={busy} width={pressed} height={6} rx={3} />
    </g>
  )
}

/** The colour of a vertex tells where to look: the one that is busy, and those that wait for it. */
function load(rates: VertexRates | undefined): string {
  if (!rates) return ''
  if (rates.pressed >= 0.5) return 'is-pressed'
  if (rates.busy >= 0.8) return 'is-hot'
  if (rates.busy >= 0.5) return 'is-busy'
  return ''
}

interface VertexProps {
  vertex: PlacedVertex
  live: LiveVertex | undefined
  isChosen: boolean
  href: string | undefined
}

const Vertex = memo(function Vertex({ vertex, live, isChosen, href }: VertexProps) {
  const rates = live?.rates
  const names = vertex.operators.slice(0, LINES)
  const more = vertex.operators.length - names.length
  const content = (
    <>
      <rect class="box" width={VERTEX_WIDTH} height={VERTEX_HEIGHT} rx={8}>
        <title>{vertex.operators.join('\n')}</title>
      </rect>
      <rect class={`edge ${live ? tone(live.status) : 'quiet'}`} y={10} width={4} height={VERTEX_HEIGHT - 20} rx={2} />
      {names.map((name, index) => (
        <text key={index} class={index ? 'second' : 'name'} x={14} y={24 + index * 17}>
          {cut(name, index ? OTHER_LINES : FIRST_LINE)}
          {more > 0 && index === LINES - 1 ? ` +${more}` : ''}
        </text>
      ))}
      <text class="second" x={14} y={64}>
        {`Parallelism ${live?.parallelism ?? vertex.parallelism}`}
        {live && live.status !== 'RUNNING' ? ` · ${live.status.toLowerCase()}` : ''}
      </text>
      {live?.watermark && (
        <text class="second end" x={VERTEX_WIDTH - 12} y={64}>{`WM ${live.watermark}`}</text>
      )}
      {rates && (
        <>
          <text class="rate" x={14} y={86}>
            {`↓ ${short(rates.recordsIn)}/s · ${bytes(rates.bytesIn)}/s`}
          </text>
          <text class="rate end" x={VERTEX_WIDTH - 12} y={86}>
            {`↑ ${short(rates.recordsOut)}/s · ${bytes(rates.bytesOut)}/s`}
          </text>
          <text class="second" x={14} y={107}>
            {`Busy ${percent(rates.busy)}`}
          </text>
          <text class="second end" x={VERTEX_WIDTH - 12} y={107}>
            {`Back-pressured ${percent(rates.pressed)}`}
          </text>
          <Shares rates={rates} y={116} />
        </>
      )}
    </>
  )
  const props = {
    class: `vertex ${load(rates)} ${isChosen ? 'is-chosen' : ''}`,
    transform: `translate(${vertex.x} ${vertex.y})`,
  }
  if (!href) {
    const name = `${vertex.operators.join(', ')}, parallelism ${vertex.parallelism}`
    return <g {...props} role="img" aria-label={name}>{content}</g>
  }
  return (
    <a {...props} href={href} aria-current={isChosen ? 'true' : undefined}>{content}</a>
  )
})

const Edges = memo(function Edges({ picture }: { picture: Picture }) {
  return (
    <g class="edges" aria-hidden="true">
      {picture.edges.map((edge) => (
        <g key={edge.id}>
          <path d={curve(edge.points)} marker-end="url(#arrow)" />
          <text x={edge.label.x} y={edge.label.y - 6}>{edge.strategy}</text>
        </g>
      ))}
    </g>
  )
})

function useZoom(picture: Picture) {
  const svg = useRef<SVGSVGElement>(null)
  const inner = useRef<SVGGElement>(null)
  const behaviour = useRef<ZoomBehavior<SVGSVGElement, unknown> | undefined>(undefined)
  const fit = () => {
    const element = svg.current
    if (!element || !behaviour.current) return
    const { width, height } = element.getBoundingClientRect()
    const scale = Math.min(width / picture.width, height / picture.height, 1)
    // Smaller than that nothing can be read: then one begins at the sources.
    const readable = Math.max(scale, Math.min(0.55, 1))
    const overflows = readable > scale
    const x = picture.width * readable > width ? 0 : (width - picture.width * readable) / 2
    const y = overflows && picture.height * readable > height
      ? 0
      : (height - picture.height * readable) / 2
    behaviour.current.transform(select(element), zoomIdentity.translate(x, y).scale(readable))
  }
  useEffect(() => {
    const element = svg.current
    if (!element) return
    behaviour.current = zoom<SVGSVGElement, unknown>()
      .scaleExtent([0.05, 2.5])
      // A page with a graph can still be scrolled; with Ctrl the wheel enlarges.
      .filter((event: WheelEvent & { button?: number }) =>
        event.type !== 'wheel' ? !event.button : event.ctrlKey || event.metaKey
      )
      .on('zoom', (event: D3ZoomEvent<SVGSVGElement, unknown>) =>
        inner.current?.setAttribute('transform', event.transform.toString()))
    select(element).call(behaviour.current).on('dblclick.zoom', null)
    fit()
    const observer = new ResizeObserver(fit)
    observer.observe(element)
    return () => {
      observer.disconnect()
      select(element).on('.zoom', null)
    }
  }, [picture])
  const by = (factor: number) => {
    if (svg.current) behaviour.current?.scaleBy(select(svg.current), factor)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, [number, number]> = {
      ArrowLeft: [80, 0],
      ArrowRight: [-80, 0],
      ArrowUp: [0, 80],
      ArrowDown: [0, -80],
    }
    const move = moves[event.key]
    if (move && svg.current) {
      const [{ k }, element] = [currentScale(inner.current), svg.current]
      behaviour.current?.translateBy(select(element), move[0] / k, move[1] / k)
    } else if (event.key === '+') by(1.25)
    else if (event.key === '-') by(0.8)
    else if (event.key === '0') fit()
    else return
    event.preventDefault()
  }
  return { svg, inner, by, fit, onKeyDown }
}

function currentScale(element: SVGGElement | null): { k: number } {
  const k = Number(/scale\(([\d.]+)/.exec(element?.getAttribute('transform') ?? '')?.[1] ?? 1)
  return { k: k || 1 }
}

interface ViewProps {
  live?: ReadonlyMap<string, LiveVertex>
  chosen?: string | undefined
  href?: (vertex: string) => string
}

export function PlanView({ plan, ...props }: ViewProps & { plan: Plan }) {
  const picture = usePicture(plan)
  if (!picture) return <p class="empty" role="status">The graph is laid out…</p>
  return <PictureView picture={picture} {...props} />
}

/** How high the view is: as high as the picture, within what leaves room for the rest of a page. */
function heightFor(picture: Picture): string {
  return `clamp(210px, ${Math.round(picture.height + 40)}px, 54vh)`
}

function PictureView({ picture, live, chosen, href }: ViewProps & { picture: Picture }) {
  const { svg, inner, by, fit, onKeyDown } = useZoom(picture)
  return (
    <div class="plan">
      <svg
        ref={svg}
        role="group"
        // Attributes of SVG elements are as they are written.
        tabindex={0}
        style={{ height: heightFor(picture) }}
        onKeyDown={onKeyDown}
        aria-label="Graph of the job. The arrow keys move it, plus and minus change its size, 0 fits it."
      >
        <defs>
          <marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M0 0 10 5 0 10z" />
          </marker>
        </defs>
        <g ref={inner}>
          <Edges picture={picture} />
          {picture.vertices.map((vertex) => (
            <Vertex
              key={vertex.id}
              vertex={vertex}
              live={live?.get(vertex.id)}
              isChosen={vertex.id === chosen}
              href={href?.(vertex.id)}
            />
          ))}
        </g>
      </svg>
      <div class="plan-tools">
        <button type="button" class="button tiny" aria-label="Enlarge" onClick={() => by(1.25)}>+</button>
        <button type="button" class="button tiny" aria-label="Reduce" onClick={() => by(0.8)}>−</button>
        <button type="button" class="button tiny" onClick={fit}>Fit</button>
      </div>
    </div>
  )
}
