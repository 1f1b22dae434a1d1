import { describe, expect, it } from 'vitest'
import { describeErrors } from '../../src/api/client'
import { formatOf } from '../../src/components/metrics'
import { splitArguments } from '../../src/lib/arguments'
import { rootCause } from '../../src/lib/causes'
import { aligned, line, POINTS, record } from '../../src/lib/history'
import { lowest } from '../../src/lib/live'
import { sorted } from '../../src/lib/sorting'
import { hasEnded, tone } from '../../src/lib/states'
import { MOST_LINES, tail } from '../../src/lib/tail'
import { place, spans } from '../../src/lib/timeline'
import { processesOf } from '../../src/lib/workers'

describe('errors of the API', () => {
  it('are shown by their text', () => {
    expect(describeErrors('{"errors":["Job 7 not found"]}', 404)).toEqual({ message: 'Job 7 not found' })
  })

  it('of the server are freed from what Flink puts around them', () => {
    const text = '<Exception on server side:\nit broke\nbecause of rust\nEnd of exception on server side>'
    const body = JSON.stringify({ errors: ['Internal server error.', text] })
    expect(describeErrors(body, 500)).toEqual({ message: 'it broke', details: 'it broke\nbecause of rust' })
  })

  it('without a text are their status', () => {
    for (const body of ['', '<html>', '{}', '{"errors":[]}', 'null']) {
      expect(describeErrors(body, 502).message).toContain('502')
    }
  })
})

describe('arguments', () => {
  it('are split as a shell does', () => {
    expect(splitArguments('  --input "a b"  --name \'it is\' c\\ d "" ')).toEqual([
      '--input', 'a b', '--name', 'it is', 'c d', '',
    ])
    expect(splitArguments('')).toEqual([])
    expect(splitArguments('"say \\"hi\\" \\n"')).toEqual(['say "hi" \\n'])
  })

  it('with an open quotation mark are refused', () => {
    expect(() => splitArguments('--name "x')).toThrow('isn’t closed')
  })
})

describe('the root cause', () => {
  it('is the innermost one', () => {
    const stacktrace = 'Outer: a\n\tat x\nCaused by: Middle: b\n\tat y\nCaused by: Inner: c\n\tat z\n'
    expect(rootCause({ stacktrace, exceptionName: 'Outer' })).toBe('Inner: c')
    expect(rootCause({ stacktrace: 'Only: one', exceptionName: 'Only' })).toBe('Only: one')
    expect(rootCause({ stacktrace: '', exceptionName: 'Name' })).toBe('Name')
  })
})

describe('lines of charts', () => {
  it('keep the latest points', () => {
    for (let at = 1; at <= POINTS + 5; at++) record('k', at, at)
    record('k', 3, 99)
    expect(line('k').times).toHaveLength(POINTS)
    expect([line('k').times[0], line('k').values.at(-1)]).toEqual([6, POINTS + 5])
    expect(line('unknown').times).toEqual([])
  })

  it('share one axis, with gaps', () => {
    const a = { times: [1, 3], values: [10, 30] }
    const b = { times: [2, 3], values: [null, 31] }
    expect(aligned([a, b])).toEqual([[1, 2, 3], [10, undefined, 30], [undefined, null, 31]])
  })
})

describe('rows', () => {
  it('are sorted by number or text, and equal ones keep their order', () => {
    const rows = [{ n: 10, t: 'b' }, { n: 9, t: 'a10' }, { n: 10, t: 'a9' }]
    expect(sorted(rows, (row) => row.n, true).map((row) => row.t)).toEqual(['b', 'a9', 'a10'])
    expect(sorted(rows, (row) => row.t, false).map((row) => row.t)).toEqual(['a9', 'a10', 'b'])
  })
})

describe('states', () => {
  it('have tones, unknown ones too', () => {
    expect([tone('RUNNING'), tone('failed'), tone('SOMETHING')]).toEqual(['good', 'bad', 'quiet'])
  })

  it('are final or not', () => {
    expect(['FINISHED', 'CANCELED', 'FAILED', 'FAILING', 'RUNNING'].filter(hasEnded))
      .toEqual(['FINISHED', 'CANCELED', 'FAILED'])
  })
})

describe('the timeline', () => {
  it('has a span for each state that was entered', () => {
    const times = { CREATED: 10, SCHEDULED: 12, DEPLOYING: 12, RUNNING: 20, FAILED: 0 }
    expect(spans(times, 50)).toEqual([
      { state: 'CREATED', from: 10, to: 12 },
      { state: 'SCHEDULED', from: 12, to: 12 },
      { state: 'DEPLOYING', from: 12, to: 20 },
      { state: 'RUNNING', from: 20, to: 50 },
    ])
    expect(spans({ RUNNING: 5, FINISHED: 9 }, 50).at(-1)).toEqual({ state: 'FINISHED', from: 9, to: 9 })
  })

  it('is from 0 to 1', () => {
    expect([place(5, 0, 10), place(-5, 0, 10), place(50, 0, 10), place(5, 7, 7)]).toEqual([0.5, 0, 1, 0])
  })
})

describe('watermarks of a vertex', () => {
  it('are as low as the lowest of a subtask', () => {
    expect(lowest([{ id: '0.currentInputWatermark', value: '7' }, { id: '1.currentInputWatermark', value: '5' }]))
      .toBe(5)
    expect(lowest([])).toBeUndefined()
    expect(lowest([{ id: '0.currentInputWatermark' }])).toBeUndefined()
  })
})

describe('logs', () => {
  it('are shown by their end', () => {
    const text = Array.from({ length: MOST_LINES + 3 }, (_, index) => `line ${index}`).join('\n')
    const { lines, left } = tail(`${text}\n`)
    expect([lines.length, left, lines.at(-1)]).toEqual([MOST_LINES, 3, `line ${MOST_LINES + 2}`])
  })

  it('can be searched without regard to case', () => {
    expect(tail('a WARN b\nINFO\nwarn', 'Warn ').lines).toEqual(['a WARN b', 'warn'])
  })
})

describe('processes', () => {
  it('are found by their threads', () => {
    const job = 'ab'.repeat(16)
    const thread = (owner: string, ms: number) => ({
      threadName: `${owner}: main`,
      stringifiedThreadInfo: `"main" #1 waiting in futex, ${ms} ms of CPU time of ${owner}\n\n`,
    })
    const worker = `Worker of job ${job} (process 7)`
    const processes = processesOf([thread('TaskManager (process 3)', 900), thread(worker, 10), thread(worker, 5)])
    expect(processes).toEqual([
      { pid: 7, job, threads: 2, cpuMs: 15 },
      { pid: 3, job: undefined, threads: 1, cpuMs: 900 },
    ])
  })
})

describe('metrics', () => {
  it('are written by what they measure', () => {
    expect(formatOf('Status.JVM.Memory.Heap.Used')(2048)).toBe('2 KiB')
    expect(formatOf('numBytesOutPerSecond')(2048)).toBe('2 KiB/s')
    expect(formatOf('lastCheckpointDuration')(2000)).toBe('2 s')
    expect(formatOf('numRecordsInPerSecond')(2000)).toBe('2k')
    expect(formatOf('lastCheckpointCompletedTimestamp')(2000)).toBe('2k')
  })
})
