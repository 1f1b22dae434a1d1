/** What is triggered by one request and looked at by others. */
import { ApiError, request } from './client'
import type { OperationStatus } from './types'

const PAUSE_MS = 300

/** How long an operation is waited for. */
export const PATIENCE_MS = 15 * 60_000

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Triggers an operation, waits for its end and returns its result. */
export async function operate(
  path: string,
  body: unknown,
  patience = PATIENCE_MS,
): Promise<NonNullable<OperationStatus['operation']>> {
  const { 'request-id': id } = await request<{ 'request-id': string }>(path, {
    method: 'POST',
    body,
  })
  const until = Date.now() + patience
  // A savepoint of `stop` is looked at where savepoints are.
  const statusPath = `${path.replace(/\/stop$/, '/savepoints')}/${id}`
  while (Date.now() < until) {
    const status = await lookAt(statusPath)
    if (status?.status.id === 'COMPLETED') {
      const failure = status.operation?.['failure-cause']
      if (failure) throw failed(failure)
      return status.operation ?? {}
    }
    await pause(PAUSE_MS)
  }
  throw new ApiError('It takes very long; it may still go on.', 0)
}

/** A JobManager that is away for a moment doesn't end the wait. */
async function lookAt(path: string): Promise<OperationStatus | undefined> {
  try {
    return await request<OperationStatus>(path)
  } catch (error) {
    if (error instanceof ApiError && error.isUnreachable) return undefined
    throw error
  }
}

function failed(cause: { class: string; 'stack-trace': string }): ApiError {
  const trace = cause['stack-trace'].trim()
  const first = trace.split('\n')[0] ?? ''
  // The class in front tells a reader little.
  const message = first.replace(/^(?:[\w$]+\.)+[\w$]+:\s*/, '') || cause.class
  return new ApiError(message, 500, trace === message ? undefined : trace)
}

export const cancelJob = (job: string) => request(`jobs/${job}?mode=cancel`, { method: 'PATCH' })

export const savepoint = (job: string, directory: string) =>
  operate(`jobs/${job}/savepoints`, directory ? { 'target-directory': directory } : {})

export const stopWithSavepoint = (job: string, directory: string, drain: boolean) =>
  operate(`jobs/${job}/stop`, { drain, ...(directory ? { targetDirectory: directory } : {}) })

export const rescale = (job: string, vertices: Record<string, number>) =>
  operate(`jobs/${job}/rescale`, { vertices })
