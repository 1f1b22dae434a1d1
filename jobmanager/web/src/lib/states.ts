/** What states of jobs, tasks and checkpoints mean to the eye. */

export type Tone = 'good' | 'done' | 'bad' | 'warn' | 'quiet'

const TONES: Record<string, Tone> = {
  RUNNING: 'good',
  FINISHED: 'done',
  COMPLETED: 'done',
  FAILED: 'bad',
  FAILING: 'bad',
  CANCELED: 'quiet',
  SUSPENDED: 'quiet',
  CANCELLING: 'warn',
  CANCELING: 'warn',
  CREATED: 'warn',
  SCHEDULED: 'warn',
  DEPLOYING: 'warn',
  INITIALIZING: 'warn',
  RESTARTING: 'warn',
  RECONCILING: 'warn',
  IN_PROGRESS: 'warn',
}

export function tone(state: string): Tone {
  return TONES[state.toUpperCase()] ?? 'quiet'
}

const ENDED = new Set(['FINISHED', 'FAILED', 'CANCELED'])

/** Whether a job has ended for good. */
export function hasEnded(state: string): boolean {
  return ENDED.has(state)
}

/** The states of tasks in the order in which they are passed. */
export const TASK_STATES = [
  'CREATED',
  'SCHEDULED',
  'DEPLOYING',
  'INITIALIZING',
  'RUNNING',
  'FINISHED',
  'CANCELING',
  'CANCELED',
  'FAILED',
  'RECONCILING',
] as const
