/** Many jobs, and a graph of many vertices. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Browser } from './browser'
import { Cluster, until } from './cluster'

const JOBS = 100

let cluster: Cluster
let browser: Browser

beforeAll(async () => {
  cluster = await Cluster.start(1, 8)
  browser = await Browser.start(cluster.url)
})

afterAll(async () => {
  await browser?.stop()
  await cluster?.stop()
})

/** Runs in the page: the longest time for which it didn't answer within so many milliseconds. */
async function longestPause(milliseconds: number): Promise<number> {
  return browser.page.evaluate(async (limit) => {
    let [longest, before] = [0, performance.now()]
    const end = before + limit
    while (before < end) {
      await new Promise((resolve) => setTimeout(resolve, 0))
      const now = performance.now()
      longest = Math.max(longest, now - before)
      before = now
    }
    return longest
  }, milliseconds)
}

it('paints the first page', async () => {
  const { page } = browser
  for (const when of ['of a new browser', 'again']) {
    await page.goto('about:blank')
    await browser.open('/overview')
    await page.getByText('8 free').waitFor()
    const paints = await page.evaluate(() =>
      performance.getEntriesByType('paint').map(({ name, startTime }) => [name, Math.round(startTime)] as const)
    )
    console.log(`paints ${when}, in ms:`, JSON.stringify(Object.fromEntries(paints)))
    expect(paints.map(([name]) => name)).toContain('first-contentful-paint')
  }
})

it('shows a hundred jobs, and finds one of them', async () => {
  const { page } = browser
  const jar = cluster.package('word_count')
  await browser.open('/submit')
  await page.getByLabel('Package to upload').setInputFiles(jar)
  await page.locator('form').waitFor()
  const { files: [file] } = await cluster.get<{ files: { id: string }[] }>('jars')
  const text = cluster.write('text', 'a squirrel\n')
  const run = async (number: number) => {
    const response = await fetch(`${cluster.url}/jars/${file?.id}/run`, {
      method: 'POST',
      body: JSON.stringify({
        programArgsList: ['--input', text, '--discard', '-D', `pipeline.name=job ${number}`],
        parallelism: 1,
      }),
    })
    expect(response.status).toBe(200)
  }
  for (let number = 0; number < JOBS; number += 4) {
    await Promise.all([0, 1, 2, 3].map((more) => run(number + more)))
  }
  await until('all jobs to end', async () => {
    const overview = await cluster.get<Record<string, number>>('overview')
    return overview['jobs-finished'] === JOBS
  })
  await browser.open('/job/completed')
  await page.getByRole('heading', { name: `${JOBS} jobs` }).waitFor()
  expect(await page.locator('tbody tr').count()).toBe(JOBS)
  console.log('longest pause with', JOBS, 'jobs, in ms:', Math.round(await longestPause(3_000)))
  await page.getByLabel('Filter by name').fill('job 77')
  await page.getByRole('heading', { name: '1 job' }).waitFor()
  await browser.expectFits('many jobs')
})

/** The answer for a job of so many layers of vertices, as the API would give it. */
function large(id: string, layers: number, width: number) {
  const vertex = (layer: number, place: number) => `${layer}x${place}`.padEnd(32, '0')
  const places = Array.from({ length: layers * width }, (_, index) =>
    [Math.floor(index / width), index % width] as const)
  const now = Date.now()
  return {
    jid: id,
    name: 'large',
    state: 'RUNNING',
    'job-type': 'STREAMING',
    schedulerType: 'Default',
    'start-time': now - 60_000,
    'end-time': -1,
    duration: 60_000,
    maxParallelism: -1,
    now,
    timestamps: {},
    vertices: places.map(([layer, place], index) => ({
      id: vertex(layer, place),
      name: `operator ${index}`,
      parallelism: 4,
      maxParallelism: 128,
      status: 'RUNNING',
      'start-time': now - 60_000,
      'end-time': -1,
      duration: 60_000,
      tasks: { RUNNING: 4 },
      metrics: {
        'read-bytes': now, 'write-bytes': now, 'read-records': now, 'write-records': now,
        'accumulated-busy-time': now * 2, 'accumulated-backpressured-time': 0, 'accumulated-idle-time': now * 2,
      },
    })),
    plan: {
      jid: id,
      name: 'large',
      type: 'STREAMING',
      nodes: places.map(([layer, place], index) => ({
        id: vertex(layer, place),
        parallelism: 4,
        description: `operator ${index}<br/>`,
        inputs: layer === 0 ? [] : [place, (place + 1) % width].map((from, num) => ({
          id: vertex(layer - 1, from), num, ship_strategy: 'HASH', exchange: 'pipelined_bounded',
        })),
      })),
    },
  }
}

it('stays fluid with a graph of two hundred vertices', async () => {
  const { page } = browser
  const id = 'cd'.repeat(16)
  // No example has so many vertices: the answer for the job is made up, all else is the real API.
  await page.route(`**/jobs/${id}`, (route) => route.fulfill({ json: large(id, 20, 10) }))
  await page.route(`**/jobs/${id}/vertices/*/watermarks`, (route) => route.fulfill({ json: [] }))
  await browser.open(`/job/running/${id}/overview`)
  await page.locator('.plan .vertex').nth(199).waitFor({ state: 'attached' })
  expect(await page.locator('.plan .edges path').count()).toBe(380)
  await page.locator('.plan .share-busy').nth(199).waitFor({ state: 'attached' })
  console.log('longest pause with 200 vertices, in ms:', Math.round(await longestPause(5_000)))
  const view = page.locator('.plan > svg > g')
  const before = await view.getAttribute('transform')
  await page.locator('.plan > svg').focus()
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('+')
  expect(await view.getAttribute('transform')).not.toBe(before)
  await page.getByRole('button', { name: 'Fit' }).click()
  expect(await view.getAttribute('transform')).toBe(before)
  await browser.expectFits('a large graph')
  browser.expectNoComplaints()
})
