/** A browser, and what is always expected of the pages that it shows. */
import axe from 'axe-core'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { expect } from 'vitest'
import { LONG_MS } from './cluster'

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** As a desktop shows a page, and as a phone does. */
export const DESKTOP = { width: 1360, height: 860 }
export const PHONE = { width: 360, height: 740 }

export class Browser {
  /** What the console and the page complained about, and requests to elsewhere. */
  readonly complaints: string[] = []

  private constructor(
    private readonly context: BrowserContext,
    private readonly folder: string,
    readonly page: Page,
    private readonly url: string,
  ) {}

  static async start(url: string): Promise<Browser> {
    const folder = mkdtempSync(join(tmpdir(), 'sciurus-browser-'))
    const context = await chromium.launchPersistentContext(folder, {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      headless: true,
      args: FLAGS,
      viewport: DESKTOP,
      colorScheme: 'light',
      reducedMotion: 'reduce',
      // Scripts of the tests (axe) go into the page by the debugger, other than the page's own.
      bypassCSP: false,
    })
    context.setDefaultTimeout(LONG_MS)
    const page = await context.newPage()
    const browser = new Browser(context, folder, page, url)
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) browser.complaints.push(message.text())
    })
    page.on('pageerror', (error) => browser.complaints.push(`${error.message} ${error.stack ?? ''}`))
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url())
      if (/^(http|ws)s?:$/.test(protocol) && origin !== url) browser.complaints.push(request.url())
    })
    return browser
  }

  /** Goes to a page of the interface by its path. */
  async open(path: string) {
    await this.page.goto(`${this.url}/#${path}`)
    await this.page.locator('h1').waitFor()
  }

  /** Expects that nobody is shut out: axe finds nothing, and nothing hangs over on a phone. */
  async expectAccessible(what: string) {
    await this.page.evaluate(axe.source)
    const violations = await this.page.evaluate(async () => {
      const { axe } = globalThis as unknown as { axe: typeof import('axe-core') }
      const results = await axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
      })
      return results.violations.map(({ id, help, nodes }) =>
        `${id}: ${help}: ${nodes.slice(0, 3).map((node) => `${node.html} ${node.failureSummary}`).join(' | ')}`
      )
    })
    expect(violations, what).toEqual([])
  }

  async expectFits(what: string) {
    const { scrollWidth, innerWidth } = await this.page.evaluate(() => ({
      scrollWidth: document.documentElement.scrollWidth,
      innerWidth: window.innerWidth,
    }))
    expect(scrollWidth, `${what} is wider than the window`).toBeLessThanOrEqual(innerWidth)
  }

  expectNoComplaints() {
    expect(this.complaints.splice(0)).toEqual([])
  }

  async stop() {
    await this.context.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
