/** A JobManager that goes away and comes back, and one that forbids things. */
import { afterEach, expect, it } from 'vitest'
import { Browser } from './browser'
import { Cluster } from './cluster'

let cluster: Cluster
let browser: Browser

afterEach(async () => {
  await browser?.stop()
  await cluster?.stop()
})

it('says that the JobManager is unreachable, and goes on when it is back', async () => {
  cluster = await Cluster.start(1, 3)
  browser = await Browser.start(cluster.url)
  const { page } = browser
  await browser.open('/overview')
  await page.getByText('3 free').waitFor()
  await cluster.killJobManager()
  await page.getByText('The JobManager can’t be reached').waitFor()
  // What was known stays.
  expect(await page.getByText('3 free').isVisible()).toBe(true)
  await browser.expectAccessible('an outage')
  await browser.expectFits('an outage')
  cluster.startJobManager()
  await page.getByText('The JobManager can’t be reached').waitFor({ state: 'detached' })
  await cluster.waitForTaskManagers(1)
  await page.getByText('3 free').waitFor()
  browser.complaints.length = 0
})

it('offers nothing that is forbidden', async () => {
  cluster = await Cluster.start(1, 2, ['web.submit.enable=false', 'web.cancel.enable=false'])
  browser = await Browser.start(cluster.url)
  const { page } = browser
  await browser.open('/submit')
  await page.getByText('web.submit.enable is false').waitFor()
  expect(await page.getByRole('link', { name: 'Submit a job' }).count()).toBe(0)
  browser.expectNoComplaints()
})

it('says of a job that isn’t there that it isn’t there', async () => {
  cluster = await Cluster.start(0, 1)
  browser = await Browser.start(cluster.url)
  const { page } = browser
  const job = 'ab'.repeat(16)
  await browser.open(`/job/running/${job}`)
  await page.getByRole('heading', { name: 'There is no such job' }).waitFor()
  expect(await page.getByRole('alert').textContent()).toContain(job)
  await browser.expectAccessible('no such job')
})
