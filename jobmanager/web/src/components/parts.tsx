/** The small parts that pages are made of. */
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Link, useLocation } from 'wouter-preact'
import { ApiError } from '../api/client'
import { tone } from '../lib/states'

type Children = { children?: ComponentChildren }

export function Card({
  title,
  right,
  body = true,
  children,
}: Children & { title?: ComponentChildren; right?: ComponentChildren; body?: boolean }) {
  return (
    <section class="card">
      {title && (
        <header>
          <h2>{title}</h2>
          {right && <div class="right">{right}</div>}
        </header>
      )}
      {body ? <div class="body">{children}</div> : children}
    </section>
  )
}

export function Tile({ label, value, more, isText }: {
  label: string
  value: ComponentChildren
  more?: ComponentChildren
  isText?: boolean
}) {
  return (
    <div class="card tile">
      <span class="label">{label}</span>
      <span class={isText ? 'value text' : 'value'}>{value}</span>
      {more && <span class="more">{more}</span>}
    </div>
  )
}

export function StateBadge({ state, amount }: { state: string; amount?: number }) {
  return (
    <span class={`badge ${tone(state)}`}>
      {amount === undefined ? state : `${amount} ${state.toLowerCase()}`}
    </span>
  )
}

/** How many tasks are in which state, without those in which there are none. */
export function TaskCounts({ tasks }: { tasks: Record<string, number> }) {
  const some = Object.entries(tasks).filter(([state, n]) => n > 0 && state !== 'total')
  return (
    <span class="counts">
      {some.map(([state, n]) => <StateBadge key={state} state={state} amount={n} />)}
    </span>
  )
}

/** What went wrong with a request. */
export function Problem({ error }: { error: unknown }) {
  if (!error) return null
  const details = error instanceof ApiError ? error.details : undefined
  return (
    <div class="problem" role="alert">
      {error instanceof Error ? error.message : String(error)}
      {details && (
        <details>
          <summary>Details</summary>
          <pre>{details}</pre>
        </details>
      )}
    </div>
  )
}

/** What is known of an answer: nothing yet, an error, or the data (with an error of the last poll). */
export function Loaded<T>({ query, children }: {
  query: { data?: T | undefined; error: unknown; isPending: boolean }
  children: (data: T) => ComponentChildren
}) {
  const { data, error } = query
  const isGone = error instanceof ApiError && !error.isUnreachable
  if (data === undefined) {
    return error ? <Problem error={error} /> : <Waiting />
  }
  return (
    <>
      {isGone && <Problem error={error} />}
      {children(data)}
    </>
  )
}

/** Says that something is coming, if that takes long enough to be noticed. */
export function Waiting() {
  const [isLong, setLong] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), 250)
    return () => clearTimeout(timer)
  }, [])
  return <p class="empty" aria-live="polite">{isLong ? 'Loading…' : ' '}</p>
}

export function Facts({ facts, wide }: { facts: [string, ComponentChildren][]; wide?: boolean }) {
  return (
    <dl class={wide ? 'facts wide' : 'facts'}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** Links to the parts of a page. The first stands for the page itself. */
export function Tabs({ label, base, tabs }: {
  label: string
  base: string
  tabs: readonly (readonly [path: string, name: ComponentChildren])[]
}) {
  const [location] = useLocation()
  const current =
    tabs.find(([path]) => location === `${base}/${path}` || location.startsWith(`${base}/${path}/`))
    ?? tabs[0]
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <Link
          key={tab[0]}
          href={`${base}/${tab[0]}`}
          aria-current={tab === current ? 'page' : undefined}
        >
          {tab[1]}
        </Link>
      ))}
    </nav>
  )
}

/** A part of a whole as a bar with its text beside it. */
export function Bar({ share, label, kind }: { share: number; label: string; kind?: string }) {
  const width = `${Math.min(Math.max(share, 0), 1) * 100}%`
  return (
    <div class="bar" role="img" aria-label={label} title={label}>
      <span class={kind} style={{ width }} />
    </div>
  )
}
