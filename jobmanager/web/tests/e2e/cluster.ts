/** A cluster of real processes, and the package that is run on it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const target = process.env.SCIURUS_TARGET ?? ''
const sciurus = join(target, 'sciurus')
const examples = join(target, 'sciurus-examples')

/** How long a test waits for what should take a moment; the machine may be busy. */
export const LONG_MS = 90_000

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Polls until `look` returns something. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const end = Date.now() + LONG_MS
  for (;;) {
    const found = await look().catch(() => undefined)
    if (found) return found
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`)
    await pause(50)
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(servers.map((server) =>
    new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
    })
  ))
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

export class Cluster {
  readonly url: string
  private readonly processes = new Map<string, ChildProcess>()

  private constructor(
    readonly folder: string,
    private readonly port: number,
    private readonly settings: string[],
  ) {
    this.url = `http://127.0.0.1:${port}`
  }

  /** Starts a cluster, and waits until its TaskManagers are registered. */
  static async start(taskManagers: number, slots: number, extra: string[] = []): Promise<Cluster> {
    if (!existsSync(sciurus)) throw new Error(`there is no ${sciurus}: SCIURUS_TARGET names its folder`)
    const folder = mkdtempSync(join(tmpdir(), 'sciurus-web-'))
    for (const name of ['log', 'tmp', 'checkpoints', 'savepoints']) mkdirSync(join(folder, name))
    const [rest = 0, rpc = 0] = await freePorts(2)
    const cluster = new Cluster(folder, rest, [
      'jobmanager.rpc.address=127.0.0.1',
      `jobmanager.rpc.port=${rpc}`,
      'jobmanager.bind-host=127.0.0.1',
      'rest.address=127.0.0.1',
      'rest.bind-address=127.0.0.1',
      `rest.port=${rest}`,
      'web.refresh-interval=1s',
      'taskmanager.host=127.0.0.1',
      'taskmanager.bind-host=127.0.0.1',
      `taskmanager.numberOfTaskSlots=${slots}`,
      'taskmanager.data.port=0',
      'taskmanager.memory.process.size=1g',
      `execution.checkpointing.dir=file://${folder}/checkpoints`,
      `execution.checkpointing.savepoint-dir=file://${folder}/savepoints`,
      'execution.checkpointing.interval=2s',
      `env.log.dir=${folder}/log`,
      `io.tmp.dirs=${folder}/tmp`,
      ...extra,
    ])
    process.once('exit', () => cluster.kill())
    cluster.startJobManager()
    for (let number = 1; number <= taskManagers; number++) {
      cluster.run(`taskmanager-${number}`, 'taskmanager', [`taskmanager.resource-id=taskmanager-${number}`])
    }
    await cluster.waitForTaskManagers(taskManagers)
    return cluster
  }

  startJobManager() {
    this.run('jobmanager', 'jobmanager', [])
  }

  private run(name: string, kind: string, extra: string[]) {
    const output = openSync(join(this.folder, 'log', `${name}.out`), 'a')
    const properties = [...this.settings, ...extra].map((setting) => `-D${setting}`)
    this.processes.set(
      name,
      spawn(sciurus, [kind, ...properties], { cwd: this.folder, stdio: ['ignore', output, output] }),
    )
  }

  async waitForTaskManagers(count: number) {
    await until(`${count} TaskManagers`, async () => {
      const overview = await this.get<{ taskmanagers: number }>('overview')
      return overview.taskmanagers === count
    })
  }

  /** Ends the JobManager at once, as a crash does. */
  async killJobManager() {
    const process = this.processes.get('jobmanager')
    const ended = new Promise((resolve) => process?.once('exit', resolve))
    process?.kill('SIGKILL')
    await ended
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.url}/${path}`)
    if (!response.ok) throw new Error(`${path}: ${response.status}`)
    return await response.json() as T
  }

  /** Submits a job and returns its id. */
  submit(parallelism: number, ...words: string[]): string {
    const said = execFileSync(
      sciurus,
      ['run', '-d', '-m', `127.0.0.1:${this.port}`, '-p', String(parallelism), examples, ...words],
      { encoding: 'utf8', cwd: this.folder },
    )
    const id = /[0-9a-f]{32}/.exec(said)?.[0]
    if (!id) throw new Error(`no job id in: ${said}`)
    return id
  }

  async waitForJob(id: string, state: string) {
    await until(`job ${id} ${state}`, async () => (await this.get<{ state: string }>(`jobs/${id}`)).state === state)
  }

  /** Makes a package of the example jobs. */
  package(...entries: string[]): string {
    const [small, jar] = [join(this.folder, 'sciurus-examples'), join(this.folder, 'examples.jar')]
    // Without its symbols it is uploaded in a moment.
    execFileSync('strip', ['-s', '-o', small, examples])
    execFileSync(sciurus, ['package', small, '-o', jar, ...entries.flatMap((entry) => ['-c', entry])])
    return jar
  }

  /** Writes a file for a job to read. */
  write(name: string, text: string): string {
    const path = join(this.folder, name)
    writeFileSync(path, text)
    return path
  }

  private kill() {
    for (const process of this.processes.values()) process.kill('SIGKILL')
  }

  async stop() {
    const ended = [...this.processes.values()]
      .filter((process) => process.exitCode === null && process.signalCode === null)
      .map((process) => new Promise((resolve) => {
        process.once('exit', resolve)
        process.kill('SIGTERM')
        setTimeout(() => process.kill('SIGKILL'), 10_000).unref()
      }))
    await Promise.all(ended)
    rmSync(this.folder, { recursive: true, force: true })
  }
}
