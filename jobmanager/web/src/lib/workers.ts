/** Which processes a TaskManager has, taken from the list of its threads. */

export interface ThreadInfo {
  threadName: string
  stringifiedThreadInfo: string
}

export interface Process {
  pid: number
  /** The job whose worker it is; nothing for the TaskManager itself. */
  job: string | undefined
  threads: number
  cpuMs: number
}

const OWNER = /^(?:Worker of job ([0-9a-f]{32})|TaskManager) \(process (\d+)\): /
const CPU = /(\d+) ms of CPU time/

/** Adds up threads by process; workers with the most CPU time come first, the TaskManager last. */
export function processesOf(threads: readonly ThreadInfo[]): Process[] {
  const processes = new Map<number, Process>()
  for (const thread of threads) {
    const owner = OWNER.exec(thread.threadName)
    if (!owner) continue
    const pid = Number(owner[2])
    const process = processes.get(pid) ?? { pid, job: owner[1], threads: 0, cpuMs: 0 }
    process.threads += 1
    process.cpuMs += Number(CPU.exec(thread.stringifiedThreadInfo)?.[1] ?? 0)
    processes.set(pid, process)
  }
  return [...processes.values()].sort((a, b) =>
    Number(!a.job) - Number(!b.job) || b.cpuMs - a.cpuMs
  )
}
