/** Speaks with the REST API, and knows whether it can be reached. */

/** The API refused, or can't be reached. */
export class ApiError extends Error {
  constructor(
    message: string,
    /** The HTTP status; 0 where there was no answer. */
    readonly status: number,
    /** What the API said in detail, if anything. */
    readonly details?: string,
  ) {
    super(message)
    this.name = 'ApiError'
  }

  get isUnreachable(): boolean {
    return isUnreachable(this.status)
  }
}

/** No answer, or a proxy's that it got none. */
function isUnreachable(status: number): boolean {
  return status === 0 || status === 502 || status === 503 || status === 504
}

const TIMEOUT_MS = 30_000

type Listener = () => void
const listeners = new Set<Listener>()
let reachable = true

/** Whether the last request was answered. */
export const connection = {
  get isReachable() {
    return reachable
  },
  subscribe(listener: Listener): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  },
}

function setReachable(is: boolean) {
  if (reachable === is) return
  reachable = is
  for (const listener of [...listeners]) listener()
}

/** Takes the readable part out of `{"errors":[…]}`: of two texts the second says what happened. */
export function describeErrors(body: string, status: number): { message: string; details?: string } {
  let errors: unknown
  try {
    errors = (JSON.parse(body) as { errors?: unknown }).errors
  } catch {
    errors = undefined
  }
  const texts = Array.isArray(errors) ? errors.filter((e): e is string => typeof e === 'string') : []
  const wrapped = /^<Exception on server side:\n([\s\S]*?)\n?End of exception on server side>$/
  const last = texts.at(-1)?.trim() ?? ''
  const text = (wrapped.exec(last)?.[1] ?? last).trim()
  if (!text) return { message: `The JobManager answered with status ${status}.` }
  const [first = '', ...rest] = text.split('\n')
  return rest.length ? { message: first, details: text } : { message: first }
}

/** Paths are relative to the page, so that a proxy may put a prefix in front. */
export function url(path: string): string {
  return `./${path}`
}

export interface RequestOptions {
  method?: string
  body?: unknown
  signal?: AbortSignal
}

async function send(path: string, options: RequestOptions): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout
  let response: Response
  try {
    response = await fetch(url(path), {
      method: options.method ?? 'GET',
      signal,
      ...(options.body === undefined
        ? {}
        : {
            body: JSON.stringify(options.body),
            headers: { 'content-type': 'application/json' },
          }),
    })
  } catch (error) {
    if (options.signal?.aborted) throw error
    setReachable(false)
    throw new ApiError('The JobManager can’t be reached.', 0)
  }
  setReachable(!isUnreachable(response.status))
  if (!response.ok) {
    const { message, details } = describeErrors(await response.text(), response.status)
    throw new ApiError(message, response.status, details)
  }
  return response
}

/** Asks for JSON. */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const text = await (await send(path, options)).text()
  return (text ? JSON.parse(text) : {}) as T
}

/** Asks for text. */
export async function requestText(path: string, options: RequestOptions = {}): Promise<string> {
  return (await send(path, options)).text()
}

/** Uploads a file and tells how far it is, from 0 to 1. */
export function upload(
  path: string,
  file: File,
  onProgress: (share: number) => void,
  signal?: AbortSignal,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    // fetch can't tell how much has been sent.
    const xhr = new XMLHttpRequest()
    xhr.open('POST', url(path))
    xhr.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total)
    }
    xhr.onload = () => {
      if (xhr.status >= 200 && xhr.status < 300) return resolve(JSON.parse(xhr.responseText))
      const { message, details } = describeErrors(xhr.responseText, xhr.status)
      reject(new ApiError(message, xhr.status, details))
    }
    xhr.onerror = () => reject(new ApiError('The upload broke off.', 0))
    signal?.addEventListener('abort', () => xhr.abort())
    const form = new FormData()
    form.append('jarfile', file, file.name)
    xhr.send(form)
  })
}
