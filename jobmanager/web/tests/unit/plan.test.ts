import { describe, expect, it } from 'vitest'
import type { Plan } from '../../src/api/types'
import { curve, operatorsOf, placed, shapeOf, VERTEX_HEIGHT, VERTEX_WIDTH } from '../../src/lib/plan'

/** A plan of layers, in which each vertex reads from two of the layer before. */
function layered(layers: number, width: number): Plan {
  const id = (layer: number, place: number) => `v${layer}-${place}`
  const nodes = Array.from({ length: layers * width }, (_, index) => {
    const [layer, place] = [Math.floor(index / width), index % width]
    const inputs = layer === 0 ? [] : [place, (place + 1) % width].map((from, num) => ({
      id: id(layer - 1, from),
      num,
      ship_strategy: 'HASH',
      exchange: 'pipelined_bounded',
    }))
    return { id: id(layer, place), parallelism: 1, description: `operator ${index}<br/>`, inputs }
  })
  return { jid: 'j', name: 'n', type: 'STREAMING', nodes }
}

describe('descriptions', () => {
  it('are the operators of a chain', () => {
    expect(operatorsOf('Source: generator<br/>+- tokenizer<br/>')).toEqual(['Source: generator', 'tokenizer'])
    expect(operatorsOf('counter<br/>:- one<br/>:  +- two<br/>')).toEqual(['counter', 'one', 'two'])
    expect(operatorsOf('map(a -&gt; b &amp; c)<br/>')).toEqual(['map(a -> b & c)'])
    expect(operatorsOf('')).toEqual(['(no name)'])
  })
})

describe('a picture', () => {
  it('goes from left to right along the edges', () => {
    const { vertices, edges } = placed(layered(3, 2))
    expect(edges).toHaveLength(8)
    const x = new Map(vertices.map((vertex) => [vertex.id, vertex.x]))
    for (const edge of edges) {
      expect(x.get(edge.to)).toBeGreaterThan((x.get(edge.from) ?? 0) + VERTEX_WIDTH)
    }
  })

  it('has room for every vertex, and no two at one place', () => {
    const { vertices, width, height } = placed(layered(20, 10))
    expect(vertices).toHaveLength(200)
    for (const [index, a] of vertices.entries()) {
      expect(a.x >= 0 && a.x + VERTEX_WIDTH <= width).toBe(true)
      expect(a.y >= 0 && a.y + VERTEX_HEIGHT <= height).toBe(true)
      for (const b of vertices.slice(index + 1)) {
        const isApart = Math.abs(a.x - b.x) >= VERTEX_WIDTH || Math.abs(a.y - b.y) >= VERTEX_HEIGHT
        if (!isApart) expect.fail(`${a.id} and ${b.id} overlap`)
      }
    }
  })

  it('shows a plan whose inputs are unknown, and one that is empty', () => {
    const plan = layered(2, 1)
    expect(placed({ ...plan, nodes: plan.nodes.slice(1) }).edges).toEqual([])
    expect(placed({ ...plan, nodes: [] })).toMatchObject({ vertices: [], edges: [] })
  })

  it('stays while only numbers change', () => {
    const plan = layered(3, 3)
    const busier = { ...plan, nodes: plan.nodes.map((node) => ({ ...node, parallelism: 7 })) }
    expect(shapeOf(busier)).toBe(shapeOf(plan))
    expect(shapeOf(layered(3, 2))).not.toBe(shapeOf(plan))
  })
})

describe('a curve', () => {
  it('begins and ends where it should', () => {
    expect(curve([{ x: 0, y: 0 }, { x: 10, y: 4 }])).toBe('M0.0,0.0C5.0,0.0 5.0,4.0 10.0,4.0')
    expect(curve([])).toBe('')
  })
})
