/** Every page: what it says, that all can use it, and its picture for the documentation. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Browser, DESKTOP, PHONE } from './browser'
import { Cluster, until } from './cluster'

let cluster: Cluster
let browser: Browser
const jobs = { bills: '', failed: '', finished: '' }

beforeAll(async () => {
  cluster = await Cluster.start(2, 4, ['restart-strategy.type=none'])
  browser = await Browser.start(cluster.url)
  const text = cluster.write('text', 'to be or not to be\n'.repeat(2000))
  jobs.bills = cluster.submit(2, 'billing', '--rps', '4000', '--output', `${cluster.folder}/bills`)
  jobs.finished = cluster.submit(2, 'word_count', '--input', text, '--discard')
  jobs.failed = cluster.submit(1, 'word_count', '--input', '/nowhere/text', '--discard')
  await cluster.waitForJob(jobs.finished, 'FINISHED')
  await cluster.waitForJob(jobs.failed, 'FAILED')
  await cluster.waitForJob(jobs.bills, 'RUNNING')
  await until('three checkpoints', async () => {
    const { counts } = await cluster.get<{ counts: { completed: number } }>(`jobs/${jobs.bills}/checkpoints`)
    return counts.completed >= 3
  })
})

afterAll(async () => {
  await browser?.stop()
  await cluster?.stop()
})

const bills = (part: string) => () => `/job/running/${jobs.bills}/${part}`

/** The pages, what has to be there before one is looked at, and the name of its picture if it has one. */
const PAGES: [name: string, path: () => string, awaited: string, picture?: string][] = [
  ['overview', () => '/overview', 'text=Billing', 'overview'],
  ['running jobs', () => '/job/running', 'text=Billing'],
  ['completed jobs', () => '/job/completed', 'text=FAILED'],
  ['graph', bills('overview'), '.share-busy', 'job'],
  ['timeline', bills('timeline'), 'text=Subtask 1', 'timeline'],
  ['no exceptions', bills('exceptions'), 'text=Nothing has failed'],
  ['exceptions', () => `/job/completed/${jobs.failed}/exceptions`, 'text=the input', 'exceptions'],
  ['checkpoints', bills('checkpoints'), '.chart canvas', 'checkpoints'],
  ['metrics', bills('metrics'), '.chart canvas', 'metrics'],
  ['configuration', bills('configuration'), 'text=After a failure'],
  ['finished job', () => `/job/completed/${jobs.finished}`, 'text=Records out'],
  ['TaskManagers', () => '/task-manager', 'text=taskmanager-2'],
  ['TaskManager', () => '/task-manager/taskmanager-1', 'text=Memory pools', 'taskmanager'],
  ['workers', () => '/task-manager/taskmanager-1/workers', 'text=the TaskManager itself'],
  ['TaskManager’s metrics', () => '/task-manager/taskmanager-1/metrics', '.chart canvas'],
  ['TaskManager’s logs', () => '/task-manager/taskmanager-1/logs', 'text=.log'],
  ['JobManager', () => '/job-manager', 'text=web.refresh-interval'],
  ['JobManager’s metrics', () => '/job-manager/metrics', '.chart canvas'],
  ['JobManager’s logs', () => '/job-manager/logs', 'text=jobmanager.out'],
  ['JobManager’s threads', () => '/job-manager/threads', 'text=tokio'],
  ['submit', () => '/submit', 'text=No package was uploaded yet'],
  ['unknown page', () => '/nowhere', 'text=There is no such page'],
]

const images = process.env.SCIURUS_SCREENSHOTS ? join(__dirname, '../../../../docs/images') : undefined

describe('every page', () => {
  it.each(PAGES)('can be used by all: %s', async (name, path, awaited, picture) => {
    const { page } = browser
    await page.setViewportSize(DESKTOP)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await browser.open(path())
      await page.locator(awaited).first().waitFor({ state: 'attached' })
      await browser.expectAccessible(`${name}, ${colorScheme}`)
      await browser.expectFits(name)
      if (images && picture) {
        mkdirSync(images, { recursive: true })
        // Rates need some looks at the counters, charts some points.
        await page.waitForTimeout(picture === 'metrics' ? 12_000 : 2_500)
        await page.screenshot({ path: join(images, `${picture}-${colorScheme}.png`) })
      }
    }
    await page.setViewportSize(PHONE)
    await browser.expectFits(`${name} on a phone`)
    browser.expectNoComplaints()
  })
})

describe('the graph', () => {
  it('leads to a vertex, by mouse and by keyboard', async () => {
    const { page } = browser
    await page.setViewportSize(DESKTOP)
    await browser.open(bills('overview')())
    const source = page.locator('.plan a.vertex').first()
    await source.click()
    await page.getByRole('region', { name: /^Subtasks of / }).getByText('RUNNING').first().waitFor()
    expect(page.url()).toMatch(/overview\/[0-9a-f]{32}$/)
    await page.getByRole('link', { name: 'Metrics' }).last().click()
    await page.locator('.card .chart canvas').first().waitFor()
    await browser.expectAccessible('metrics of a vertex')
    await page.getByRole('link', { name: 'Close' }).click()
    await source.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('region', { name: /^Subtasks of / }).waitFor()
    await browser.expectAccessible('subtasks')
  })

  it('shows rates that the API counts', async () => {
    const { page } = browser
    await browser.open(bills('overview')())
    const source = page.locator('.plan a.vertex').first()
    await source.getByText('Busy').waitFor({ state: 'attached' })
    const text = await source.textContent()
    expect(text).toMatch(/Source: clicks.*Parallelism 2.*↑ [1-9][\d.]*k?\/s · .*B\/sBusy \d+ %/)
  })
})

describe('a checkpoint', () => {
  it('opens down to its subtasks', async () => {
    const { page } = browser
    await browser.open(bills('checkpoints')())
    const history = page.getByRole('region', { name: 'History of checkpoints' })
    await history.getByRole('button', { expanded: false }).first().click()
    const vertices = page.getByRole('region', { name: /^Vertices in checkpoint/ })
    await vertices.getByRole('button', { expanded: false }).last().click()
    await page.getByRole('region', { name: /^Subtasks in checkpoint/ }).getByText('COMPLETED').first().waitFor()
    await browser.expectAccessible('a checkpoint')
  })
})

describe('a log', () => {
  it('is shown and searched', async () => {
    const { page } = browser
    await browser.open('/task-manager/taskmanager-1/logs')
    await page.getByRole('button', { name: /taskmanager.*\.log$/ }).last().click()
    const log = page.locator('pre.log')
    await log.waitFor()
    await page.getByLabel('Only lines with').fill('no line says this')
    expect(await log.textContent()).toBe('No line has that.')
    await browser.expectAccessible('a log')
  })
})

describe('the theme', () => {
  it('can be chosen, and is remembered', async () => {
    const { page } = browser
    await page.emulateMedia({ colorScheme: 'light' })
    await browser.open('/overview')
    await page.getByRole('button', { name: 'Dark colours' }).click()
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const dark = await background()
    await page.reload()
    expect(await background()).toBe(dark)
    await page.getByRole('button', { name: 'Light colours' }).click()
    expect(await background()).not.toBe(dark)
    await page.evaluate(() => localStorage.clear())
  })
})
