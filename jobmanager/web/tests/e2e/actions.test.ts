/** What can be done from the pages, against a real cluster. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Browser } from './browser'
import { Cluster, until } from './cluster'

let cluster: Cluster
let browser: Browser

beforeAll(async () => {
  cluster = await Cluster.start(1, 4)
  browser = await Browser.start(cluster.url)
})

afterAll(async () => {
  await browser?.stop()
  await cluster?.stop()
})

/** What the tests, which are one story, hand on. */
let savepoint = ''
let job = ''

const parallelisms = async () => {
  const { vertices } = await cluster.get<{ vertices: { parallelism: number }[] }>(`jobs/${job}`)
  return vertices.map((vertex) => vertex.parallelism)
}

it('a package is uploaded, and its plan is shown', async () => {
  const { page } = browser
  const jar = cluster.package('billing', 'word_count')
  await browser.open('/submit')
  await page.getByLabel('Package to upload').setInputFiles(jar)
  const form = page.locator('form')
  await form.waitFor()
  await form.getByLabel('Job (entry class)').selectOption('billing')
  await form.getByLabel('Parallelism').fill('2')
  await form.getByLabel('Arguments').fill(`--rps 2000 --output "${cluster.folder}/bills of clicks"`)
  await form.getByRole('button', { name: 'Show the plan' }).click()
  await page.locator('.plan .vertex').nth(2).waitFor()
  expect(await page.locator('.plan').textContent()).toContain('Source: clicks')
  await browser.expectAccessible('a package with its plan')
  browser.expectNoComplaints()
})

it('wrong arguments are refused with the reason', async () => {
  const { page } = browser
  const form = page.locator('form')
  const args = form.getByLabel('Arguments')
  const right = await args.inputValue()
  await args.fill('--no-such-option')
  await form.getByRole('button', { name: 'Show the plan' }).click()
  expect(await page.getByRole('alert').textContent()).toContain('--no-such-option')
  // The browser itself reports the refusal.
  expect(browser.complaints.splice(0).join()).toMatch(/status of 4|status of 5/)
  await args.fill('--name "open')
  await form.getByRole('button', { name: 'Run' }).click()
  await page.getByRole('alert').getByText('isn’t closed').waitFor()
  await args.fill(right)
})

it('the job is run', async () => {
  const { page } = browser
  await page.locator('form').getByRole('button', { name: 'Run' }).click()
  await page.waitForURL(/#\/job\/running\/[0-9a-f]{32}/)
  job = /[0-9a-f]{32}/.exec(page.url())?.[0] ?? ''
  await cluster.waitForJob(job, 'RUNNING')
  await page.locator('.heading .badge').getByText('RUNNING').waitFor()
})

it('a savepoint is taken', async () => {
  const { page } = browser
  await page.getByRole('button', { name: 'Savepoint', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await browser.expectAccessible('a dialog')
  await dialog.getByRole('button', { name: 'Take the savepoint' }).click()
  await dialog.getByText('The savepoint is complete').waitFor()
  expect(await dialog.locator('code').textContent()).toContain('/savepoints/savepoint-')
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
})

it('a savepoint that can’t be written says why', async () => {
  const { page } = browser
  await page.getByRole('button', { name: 'Savepoint', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel(/Directory/).fill('nothing://nowhere')
  await dialog.getByRole('button', { name: 'Take the savepoint' }).click()
  expect(await dialog.getByRole('alert').textContent()).toContain('nothing')
  await dialog.getByRole('button', { name: 'Back' }).click()
  browser.complaints.length = 0
})

it('the parallelism of one vertex is changed', async () => {
  const { page } = browser
  await page.getByRole('button', { name: 'Rescale' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('spinbutton').last().fill('3')
  await dialog.getByRole('button', { name: 'Rescale' }).click()
  await dialog.getByText('runs with its new parallelism').waitFor()
  await dialog.getByRole('button', { name: 'Close' }).click()
  expect((await parallelisms()).sort()).toEqual([2, 2, 3])
})

it('the job is stopped with a savepoint', async () => {
  const { page } = browser
  await page.getByRole('button', { name: 'Stop with savepoint' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Stop the job' }).click()
  await dialog.getByText('The savepoint is complete').waitFor()
  savepoint = await dialog.locator('code').textContent() ?? ''
  await dialog.getByRole('button', { name: 'Close' }).click()
  await cluster.waitForJob(job, 'FINISHED')
  await page.locator('.heading .badge').getByText('FINISHED').waitFor()
  expect(await page.getByRole('button', { name: 'Cancel' }).count()).toBe(0)
})

it('another job goes on from the savepoint, and is cancelled', async () => {
  const { page } = browser
  await browser.open('/submit')
  await page.getByRole('button', { name: /examples/ }).first().click()
  const form = page.locator('form')
  await form.getByLabel('Job (entry class)').selectOption('billing')
  await form.getByLabel('Parallelism').fill('2')
  await form.getByLabel('Arguments').fill(`--rps 2000 --output "${cluster.folder}/bills of clicks"`)
  await form.getByLabel('Savepoint to start from').fill(savepoint)
  await form.getByRole('button', { name: 'Run' }).click()
  await page.waitForURL(/#\/job\/running\/[0-9a-f]{32}/)
  job = /[0-9a-f]{32}/.exec(page.url())?.[0] ?? ''
  await cluster.waitForJob(job, 'RUNNING')
  await page.getByRole('link', { name: 'Checkpoints' }).click()
  await page.getByText(savepoint).waitFor()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click()
  await cluster.waitForJob(job, 'CANCELED')
  await page.locator('.heading .badge').getByText('CANCELED').waitFor()
})

it('the package is deleted', async () => {
  const { page } = browser
  await browser.open('/submit')
  await page.getByRole('button', { name: /^Delete / }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete the package' }).click()
  await page.getByText('No package was uploaded yet').waitFor()
  await until('no packages', async () => (await cluster.get<{ files: unknown[] }>('jars')).files.length === 0)
  browser.expectNoComplaints()
})
