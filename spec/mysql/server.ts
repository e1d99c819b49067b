// server.ts: a mariadbd of our own, in a temporary folder, on a free port of 127.0.0.1, with a user who has a password
// full of what has to be escaped. It is stopped by its pid, at the latest when this process exits. The files of one run
// share the server that the runner started and names in SPOOLQ_MYSQL_PORT and SPOOLQ_MYSQL_SOCKET.

import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { promisify } from 'node:util'
import { createConnection } from 'mysql2/promise'

const run = promisify(execFile)

export const USER = 'spooler'
export const PASSWORD = "p@ss:w/rd?#'%"
export const DATABASE = 'spool it'

const INIT = `CREATE DATABASE IF NOT EXISTS \`${DATABASE}\`;
CREATE USER IF NOT EXISTS '${USER}'@'%' IDENTIFIED BY '${PASSWORD.replaceAll("'", "''")}';
GRANT ALL PRIVILEGES ON *.* TO '${USER}'@'%' WITH GRANT OPTION;
`

const PLACES = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin', '/usr/libexec']
const STARTED_MS = 60_000

function binary(name: string): string | undefined {
  return PLACES.map((place) => join(place, name)).find(existsSync)
}

/** What the machine lacks of what a server needs, if anything. */
export function lacking(): string | undefined {
  const lacks = ['mariadbd', 'mariadb-install-db'].filter((name) => binary(name) === undefined)
  return lacks.length === 0 ? undefined : `there is no ${lacks.join(' and no ')} here: apt-get install mariadb-server`
}

/** Memory, where it holds a server: a killed process loses nothing of it, and each COMMIT is synced at once. */
async function roomy(): Promise<string> {
  const { bavail, bsize } = await statfs('/dev/shm').catch(() => ({ bavail: 0, bsize: 0 }))
  return bavail * bsize > 2 ** 30 ? '/dev/shm' : tmpdir()
}

export class Server {
  readonly folder: string
  readonly port: number
  readonly #flags: readonly string[]
  #pid = 0
  #child: ChildProcess | undefined
  #ended: Promise<unknown> = Promise.resolve()

  /** Makes one and starts it, with those flags too. */
  static async start(flags: readonly string[] = []): Promise<Server> {
    const folder = await mkdtemp(join(await roomy(), 'spoolq-mariadb-'))
    const server = new Server(folder, await freePort(), flags)
    process.once('exit', server.#stopNow)
    try {
      const basics = ['--no-defaults', `--datadir=${join(folder, 'data')}`, '--user=root']
      const install = ['--auth-root-authentication-method=normal', '--skip-test-db']
      await run(binary('mariadb-install-db') ?? '', [...basics, ...install], { cwd: folder })
      await writeFile(join(folder, 'init.sql'), INIT)
      await server.start()
      return server
    } catch (error) {
      await server.stop()
      throw error
    }
  }

  private constructor(folder: string, port: number, flags: readonly string[]) {
    this.folder = folder
    this.port = port
    this.#flags = flags
  }

  get pid(): number {
    return this.#pid
  }

  /** The URL of a queue. */
  url(queue: string): string {
    return urlOf(this.port, queue)
  }

  get socketPath(): string {
    return join(this.folder, 'socket')
  }

  /** Starts it, again too; resolves when it lets somebody in. */
  async start(): Promise<void> {
    const flags = [
      '--no-defaults',
      '--user=root',
      `--datadir=${join(this.folder, 'data')}`,
      `--socket=${this.socketPath}`,
      `--pid-file=${join(this.folder, 'pid')}`,
      `--init-file=${join(this.folder, 'init.sql')}`,
      `--log-error=${join(this.folder, 'errors')}`,
      '--bind-address=127.0.0.1',
      `--port=${this.port}`,
      '--innodb-buffer-pool-size=64M',
      '--innodb-log-file-size=32M',
      '--max-connections=5000',
      ...this.#flags,
    ]
    const child = spawn(binary('mariadbd') ?? '', flags, { stdio: 'ignore' })
    child.unref()
    this.#child = child
    this.#pid = child.pid ?? 0
    this.#ended = new Promise((resolve) => {
      child.once('exit', resolve)
      child.once('error', resolve)
    })
    await this.#isUp()
  }

  async #isUp(): Promise<void> {
    const until = Date.now() + STARTED_MS
    for (;;) {
      try {
        const connection = await createConnection(this.connecting)
        await connection.end()
        return
      } catch (error) {
        if (Date.now() > until) throw error
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }

  get connecting(): Connecting {
    return connectingTo(this.port)
  }

  /** As a power cut would, as far as the process can tell. */
  async kill(): Promise<void> {
    this.#child?.ref()
    this.#signal('SIGKILL')
    await this.#ended
  }

  async stop(): Promise<void> {
    await this.kill()
    await rm(this.folder, { recursive: true, force: true })
    process.off('exit', this.#stopNow)
  }

  readonly #stopNow = (): void => {
    this.#signal('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#pid === 0) return
    try {
      process.kill(this.#pid, signal)
    } catch {
      // It has ended already.
    }
    this.#pid = 0
  }
}

export interface Connecting {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

/** What mysql2 connects with. */
export function connectingTo(port: number): Connecting {
  return { host: '127.0.0.1', port, user: USER, password: PASSWORD, database: DATABASE }
}

/** `more`: parameters of the URL. */
export function urlOf(port: number, queue: string, more = 'connections=10'): string {
  const who = `${USER}:${encodeURIComponent(PASSWORD)}`
  const where = `127.0.0.1:${port}/${encodeURIComponent(DATABASE)}`
  return `mysql://${who}@${where}?queue=${encodeURIComponent(queue)}&${more}`
}

/** The port of the server that the files of this run share, or of one of this file's own. */
export async function sharedPort(): Promise<number> {
  const port = process.env.SPOOLQ_MYSQL_PORT
  if (port !== undefined) return Number(port)
  own ??= Server.start()
  return (await own).port
}

/** The URL of a queue in that server, through its socket: a spec of many calls takes much less time there. */
export async function sharedUrl(queue: string): Promise<string> {
  const port = await sharedPort()
  const socketPath = process.env.SPOOLQ_MYSQL_SOCKET ?? (await own)?.socketPath ?? ''
  return urlOf(port, queue, `connections=10&socketPath=${encodeURIComponent(socketPath)}`)
}

let own: Promise<Server> | undefined

/** Runs specs that need a server, or says loudly why not; where nothing may be missing (CI) that is a failure. */
export async function withServer(specs: () => void | Promise<void>): Promise<void> {
  const lacks = lacking()
  if (lacks === undefined) await specs()
  else it('is in a MySQL database', { skip: process.env.CI === 'true' ? false : lacks }, () => assert.fail(lacks))
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = address !== null && typeof address === 'object' ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}
