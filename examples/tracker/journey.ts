// journey.ts: the folder of one journey. What was stopped half-way is gone on with by the same command; what was brought
// to its end is removed, and begins anew.
//
//   queue/     the device's, with what waits
//   arrived    the server's lines
//   running    the process ids of who is at it

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const TEMPORARY = join(tmpdir(), `spoolq-tracker-${process.getuid?.() ?? ''}`)
const LOOKS = 200

export class Journey {
  readonly folder: string
  /** True where it was begun by an earlier run. */
  readonly goesOn: boolean
  readonly #pids: number[] = []

  /** With these readings: in the named folder, or a temporary one that the next run finds. */
  static async begin(lines: readonly string[], named = TEMPORARY): Promise<Journey> {
    const name = createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 8)
    for (let number = 1; ; number++) {
      const folder = join(named, number === 1 ? `tracker-${name}` : `tracker-${name}-${number}`)
      const before = pidsIn(folder)
      // Who has just been killed is there for a moment still, and its device until it sees that it is alone; who stays
      // has this journey for itself.
      for (let looked = 0; looked < LOOKS && before.some(isAlive); looked++) await sleep(10)
      if (!before.some(isAlive)) return new Journey(folder, existsSync(folder))
    }
  }

  private constructor(folder: string, goesOn: boolean) {
    this.folder = folder
    this.goesOn = goesOn
    mkdirSync(folder, { recursive: true })
    this.joined(process.pid)
  }

  get queue(): string {
    return join(this.folder, 'queue')
  }

  get arrived(): string {
    return join(this.folder, 'arrived')
  }

  /** One more process is at it. */
  joined(pid: number): void {
    this.#pids.push(pid)
    writeFileSync(join(this.folder, 'running'), this.#pids.join('\n'))
  }

  end(): void {
    rmSync(this.folder, { recursive: true, force: true })
    if (dirname(this.folder) === TEMPORARY && readdirSync(TEMPORARY).length === 0) rmdirSync(TEMPORARY)
  }
}

function pidsIn(folder: string): number[] {
  try {
    return readFileSync(join(folder, 'running'), 'utf8')
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 0)
  } catch {
    return []
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0) && !isZombie(pid)
  } catch {
    return false
  }
}

/** Dead, and its parent has not asked how it ended. */
function isZombie(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}
