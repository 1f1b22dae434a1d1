/** A question that is asked before something is done, and what came of it. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { refresh } from '../api/queries'
import { Problem } from './parts'

export function ActionDialog({ title, verb, danger, run, done, onClose, children }: {
  title: string
  /** What the button says that does it. */
  verb: string
  danger?: boolean
  run: () => Promise<ComponentChildren | void>
  /** Where to go when it was done; without it the dialog says what came of it. */
  done?: () => void
  onClose: () => void
  children?: ComponentChildren
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const [result, setResult] = useState<ComponentChildren>()
  useEffect(() => dialog.current?.showModal(), [])
  const submit = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    setError(undefined)
    try {
      const outcome = await run()
      void refresh()
      if (outcome) setResult(outcome)
      else onClose()
      done?.()
    } catch (failure) {
      setError(failure)
    } finally {
      setBusy(false)
    }
  }
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id="dialog-title">{title}</h2>
        {result ? <div role="status">{result}</div> : children}
        <Problem error={error} />
        <div class="row end">
          {isBusy && <span class="note" role="status">Under way…</span>}
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {result ? 'Close' : 'Back'}
          </button>
          {!result && (
            <button type="submit" class={`button primary ${danger ? 'danger-fill' : ''}`} disabled={isBusy}>
              {verb}
            </button>
          )}
        </div>
      </form>
    </dialog>
  )
}
