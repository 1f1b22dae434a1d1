/** What is around every page: navigation, the state of the connection, the theme. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Link, useLocation } from 'wouter-preact'
import { connection, request } from '../api/client'
import { refresh, useConfig, useOverview } from '../api/queries'
import { chooseTheme, currentTheme, type Theme } from '../lib/theme'
import { Icon, type IconName } from './icons'

/** How often it is tried whether a JobManager that was away is back. */
const RETRY_MS = 1_000

function NavItem({ path, icon, amount, children }: {
  path: string
  icon: IconName
  amount?: number | undefined
  children: ComponentChildren
}) {
  const [location] = useLocation()
  const isHere = location === path || location.startsWith(`${path}/`)
  return (
    <li>
      <Link href={path} aria-current={isHere ? 'page' : undefined}>
        <Icon name={icon} />
        {children}
        {amount !== undefined && <span class="amount">{amount}</span>}
      </Link>
    </li>
  )
}

function useIsReachable(): boolean {
  const [is, setIs] = useState(connection.isReachable)
  useEffect(() => connection.subscribe(() => setIs(connection.isReachable)), [])
  useEffect(() => {
    if (is) return
    const timer = setInterval(() => {
      request('config').then(refresh).catch(() => undefined)
    }, RETRY_MS)
    return () => clearInterval(timer)
  }, [is])
  return is
}

function ThemeButton() {
  const [theme, setTheme] = useState<Theme>(currentTheme)
  const other = theme === 'dark' ? 'light' : 'dark'
  const choose = () => {
    chooseTheme(other)
    setTheme(other)
  }
  return (
    <button type="button" class="button tiny" onClick={choose}>
      {other === 'dark' ? 'Dark' : 'Light'} colours
    </button>
  )
}

export function Shell({ children }: { children: ComponentChildren }) {
  const config = useConfig().data
  const overview = useOverview().data
  const isReachable = useIsReachable()
  const version = config?.['flink-revision'].split(' ')[0]?.replace(/^sciurus-/, 'Sciurus ')
  const ended = overview
    && overview['jobs-finished'] + overview['jobs-cancelled'] + overview['jobs-failed']
  const main = useRef<HTMLElement>(null)
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={(event) => {
        event.preventDefault()
        main.current?.querySelector<HTMLElement>('h1')?.focus()
      }}>
        Skip to the content
      </a>
      <header class="side">
        <Link class="brand" href="/overview">
          <img src="./icon.svg" alt="" width="28" height="28" />
          Sciurus
        </Link>
        <nav class="nav" aria-label="Main">
          <ul>
            <NavItem path="/overview" icon="overview">Overview</NavItem>
            <NavItem path="/job/running" icon="running" amount={overview?.['jobs-running']}>
              Running jobs
            </NavItem>
            <NavItem path="/job/completed" icon="completed" amount={ended}>Completed jobs</NavItem>
            <NavItem path="/task-manager" icon="taskmanagers" amount={overview?.taskmanagers}>
              TaskManagers
            </NavItem>
            <NavItem path="/job-manager" icon="jobmanager">JobManager</NavItem>
            {config?.features['web-submit'] !== false && (
              <NavItem path="/submit" icon="submit">Submit a job</NavItem>
            )}
          </ul>
        </nav>
        <div class="foot">
          <ThemeButton />
          <span class="version">
            {version}
            {config && <><br />Flink’s API {config['flink-version']}</>}
          </span>
        </div>
      </header>
      <main class="main" id="main" ref={main}>
        <div aria-live="assertive">
          {!isReachable && (
            <p class="offline">
              The JobManager can’t be reached. What is shown may be out of date; it goes on by
              itself once the JobManager is back.
            </p>
          )}
        </div>
        {children}
      </main>
    </div>
  )
}

/** A page with its title, which is read out when one comes to the page. */
export function Page({ title, crumb, badge, actions, children }: {
  title: string
  crumb?: ComponentChildren
  badge?: ComponentChildren
  actions?: ComponentChildren
  children: ComponentChildren
}) {
  useEffect(() => {
    document.title = `${title} · Sciurus`
  }, [title])
  return (
    <div class="page">
      <div class="heading">
        {crumb && <div class="crumb">{crumb}</div>}
        <h1 tabIndex={-1}>{title}</h1>
        {badge}
        {actions && <div class="actions">{actions}</div>}
      </div>
      {children}
    </div>
  )
}
