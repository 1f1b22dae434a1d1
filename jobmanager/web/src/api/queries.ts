/** What pages ask for: each answer is shared by all who show it, and asked for again at intervals. */
import { QueryClient, useQuery } from '@tanstack/preact-query'
import { request, requestText } from './client'
import type * as t from './types'

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      // A poll that fails is followed by the next one; until then what is known stays.
      retry: false,
      networkMode: 'always',
      refetchOnWindowFocus: true,
      refetchOnReconnect: false,
      gcTime: 60_000,
      // What another page has asked for a moment ago is shown at once.
      staleTime: 1_000,
    },
    mutations: { networkMode: 'always' },
  },
})

const DEFAULT_INTERVAL_MS = 3_000
const NEVER: number | false = false

/** How pages have to behave: how often to ask, and what may be done. */
export function useConfig() {
  return useQuery({
    queryKey: ['config'],
    queryFn: ({ signal }) => request<t.Config>('config', { signal }),
    staleTime: 60_000,
    refetchInterval: 60_000,
  })
}

/** Milliseconds between two polls. */
export function useInterval(): number {
  const interval = useConfig().data?.['refresh-interval']
  return interval && interval > 0 ? interval : DEFAULT_INTERVAL_MS
}

export interface PollOptions {
  /** Nothing is asked while this is false. */
  enabled?: boolean
  /** Whether to ask only once. */
  once?: boolean
}

/** Asks at intervals while somebody looks. */
export function usePoll<T>(path: string, { enabled = true, once = false }: PollOptions = {}) {
  const interval = useInterval()
  return useQuery({
    queryKey: ['get', path],
    queryFn: ({ signal }) => request<T>(path, { signal }),
    enabled,
    refetchInterval: once ? NEVER : interval,
  })
}

/** Asks for text once; `refetch` asks again. */
export function useText(path: string, enabled = true) {
  return useQuery({
    queryKey: ['text', path],
    queryFn: ({ signal }) => requestText(path, { signal }),
    enabled,
    staleTime: 0,
  })
}

export const useOverview = () => usePoll<t.ClusterOverview>('overview')
export const useJobs = () => usePoll<{ jobs: t.JobOverview[] }>('jobs/overview')
export const useJob = (id: string) => usePoll<t.JobDetails>(`jobs/${id}`)
export const useTaskManagers = () => usePoll<{ taskmanagers: t.TaskManager[] }>('taskmanagers')

/** After something was done: what is shown may have changed. */
export function refresh() {
  return client.invalidateQueries()
}
