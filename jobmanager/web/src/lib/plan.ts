/** A job's plan as a picture: where vertices are, and the ways between them. */
import { Graph, layout } from '@dagrejs/dagre'
import type { Plan } from '../api/types'

export interface Point {
  x: number
  y: number
}

export interface PlacedVertex extends Point {
  id: string
  /** The operators of the chain. */
  operators: string[]
  parallelism: number
}

export interface PlacedEdge {
  id: string
  from: string
  to: string
  strategy: string
  points: Point[]
  /** Where the strategy is written. */
  label: Point
}

export interface Picture {
  width: number
  height: number
  vertices: PlacedVertex[]
  edges: PlacedEdge[]
}

export const VERTEX_WIDTH = 250
export const VERTEX_HEIGHT = 132

/** From so many vertices on the fast way to order them is taken. */
const LARGE = 120

/** Takes the operators out of Flink's description, in which `<br/>` and `+-` stand between them. */
export function operatorsOf(description: string): string[] {
  const names = unescaped(description)
    .split(/<br\s*\/?>/)
    .map((line) => line.replace(/^(?:[\s|]|:(?!-))*(?:\+-|:-)?\s*/, '').trim())
    .filter((line) => line !== '')
  return names.length ? names : ['(no name)']
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', '#39': '\'' }

function unescaped(text: string): string {
  return text.replace(/&(lt|gt|amp|quot|#39);/g, (_, name: string) => ENTITIES[name] ?? '')
}

/** What has to change before a plan is laid out anew. */
export function shapeOf(plan: Plan): string {
  return plan.nodes
    .map((n) => `${n.id}:${(n.inputs ?? []).map((i) => `${i.id}/${i.num}/${i.ship_strategy}`)}`)
    .join(' ')
}

/** Lays a plan out from left to right. */
export function placed(plan: Plan): Picture {
  const graph = new Graph({ multigraph: true })
  graph.setGraph({
    rankdir: 'LR',
    nodesep: 26,
    ranksep: 84,
    edgesep: 12,
    marginx: 12,
    marginy: 12,
    ranker: plan.nodes.length > LARGE ? 'longest-path' : 'network-simplex',
  })
  graph.setDefaultEdgeLabel(() => ({}))
  const known = new Set(plan.nodes.map((node) => node.id))
  for (const node of plan.nodes) {
    graph.setNode(node.id, { width: VERTEX_WIDTH, height: VERTEX_HEIGHT })
  }
  const strategies = new Map<string, { from: string; to: string; strategy: string }>()
  for (const node of plan.nodes) {
    for (const input of node.inputs ?? []) {
      if (!known.has(input.id)) continue
      const id = `${input.id}-${node.id}-${input.num}`
      strategies.set(id, { from: input.id, to: node.id, strategy: input.ship_strategy })
      graph.setEdge(input.id, node.id, { width: 0, height: 0 }, id)
    }
  }
  layout(graph)
  const vertices = plan.nodes.map((node) => {
    const { x = 0, y = 0 } = graph.node(node.id) as Partial<Point>
    return {
      id: node.id,
      operators: operatorsOf(node.description),
      parallelism: node.parallelism,
      x: x - VERTEX_WIDTH / 2,
      y: y - VERTEX_HEIGHT / 2,
    }
  })
  const edges = [...strategies].map(([id, edge]) => {
    const { points = [] } = graph.edge(edge.from, edge.to, id) as { points?: Point[] }
    const middle = points[Math.floor(points.length / 2)] ?? { x: 0, y: 0 }
    return { id, ...edge, points, label: middle }
  })
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number }
  return { width: Math.max(width, 1), height: Math.max(height, 1), vertices, edges }
}

const text = (value: number) => value.toFixed(1)

/** A smooth path through points, for an SVG path's `d`. */
export function curve(points: readonly Point[]): string {
  const [first, ...rest] = points
  if (!first) return ''
  let path = `M${text(first.x)},${text(first.y)}`
  let before = first
  for (const point of rest) {
    const middle = (before.x + point.x) / 2
    path += `C${text(middle)},${text(before.y)} ${text(middle)},${text(point.y)} ${text(point.x)},${text(point.y)}`
    before = point
  }
  return path
}
