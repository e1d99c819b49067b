// power.spec.ts: power cuts as the kernel makes them. An ext4 in a file is shut down by ioctl while a process puts and
// takes: what was not synced is gone, in the page cache and in the journal. Then it is mounted again, and judged.
//
// The process is stopped in the same breath. Nobody hears anything after a power cut, but a sync that is under way
// while the journal is being aborted may still end well: what would be told of it then counts for nothing.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { CHECK, counting, notTried } from '../layers.ts'
import { newSeed, randomFrom } from '../process/random.ts'
import { Judge } from './judge.ts'
import { look, newFolder, startWorker } from './workers.ts'

const CUTS_OF_MODE = CHECK ? 68 : 1
const CUTS_OF_IMAGE = 10
const IMAGE_BYTES = 48 * 2 ** 20
const MOST_MOUNTS = 50
/** EXT4_IOC_SHUTDOWN with all written first, with the journal written, and with nothing. */
const FLAGS = [2, 2, 1, 2, 0]

const SHUTDOWN = `
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
int main(int count, char **words) {
  unsigned int flags = atoi(words[2]);
  int folder = open(words[1], O_RDONLY);
  if (count > 3) kill(atoi(words[3]), SIGSTOP);
  return ioctl(folder, 0x8004587dUL, &flags) == 0 ? 0 : 1;
}
`
const SHUTDOWN_PY = `
import fcntl, os, signal, struct, sys
folder = os.open(sys.argv[1], 0)
if len(sys.argv) > 3: os.kill(int(sys.argv[3]), signal.SIGSTOP)
fcntl.ioctl(folder, 0x8004587d, struct.pack('I', int(sys.argv[2])))
`

/** An ext4 of its own, made anew every few cuts. */
class Image {
  readonly mount: string
  readonly #file: string
  readonly #options: string
  readonly #shutdown: readonly string[]
  #isMounted = false

  constructor(folder: string, options: string) {
    this.#file = join(folder, 'image')
    this.mount = join(folder, 'mount')
    this.#options = options
    mkdirSync(this.mount)
    this.#shutdown = shutdownIn(folder)
  }

  make(): void {
    this.unmountIt()
    writeFileSync(this.#file, '')
    truncateSync(this.#file, IMAGE_BYTES)
    run('mkfs.ext4', ['-q', '-F', '-E', 'lazy_itable_init=1', this.#file])
    this.mountIt()
    writeFileSync(this.#probe, 'probe', { flush: true })
  }

  mountIt(): void {
    run('mount', ['-t', 'ext4', '-o', `loop,${this.#options}`, this.#file, this.mount])
    this.#isMounted = true
  }

  /** Where the file system that was shut down is still in use somewhere, the kernel mounts that one again: all is EIO. */
  async remount(): Promise<void> {
    for (let tries = 1; ; tries++) {
      this.unmountIt()
      try {
        this.mountIt()
        readFileSync(this.#probe)
        return
      } catch (error) {
        if (tries === MOST_MOUNTS || !isInputOutputError(error)) throw error
      }
      await pause(100)
    }
  }

  get #probe(): string {
    return join(this.mount, 'probe')
  }

  unmountIt(): void {
    if (this.#isMounted) run('umount', [this.mount])
    this.#isMounted = false
  }

  /** `pid`: who is to hear nothing of it. */
  cut(flags: number, pid?: number): void {
    const [command = '', ...words] = this.#shutdown
    run(command, [...words, this.mount, String(flags), ...(pid === undefined ? [] : [String(pid)])])
  }
}

function run(command: string, words: readonly string[]): void {
  execFileSync(command, words, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, PATH: PATH() } })
}

/** Of a call, or as the program `mount` says it. */
function isInputOutputError(error: unknown): boolean {
  const { code, stderr } = Object(error)
  return code === 'EIO' || /Input\/output error|can't read superblock/.test(String(stderr))
}

function PATH(): string {
  return `${process.env.PATH}:/usr/sbin:/sbin`
}

function shutdownIn(folder: string): string[] {
  const program = join(folder, 'shutdown')
  writeFileSync(`${program}.c`, SHUTDOWN)
  if (spawnSync('gcc', ['-o', program, `${program}.c`]).status === 0) return [program]
  return ['python3', '-c', SHUTDOWN_PY]
}

/** Mounted and shut down once: or why that can't be done here. */
function newImage(t: TestContext, options: string): Image | undefined {
  const image: Image = new Image(
    newFolder(t, 'power', () => image.unmountIt()),
    options,
  )
  try {
    image.make()
    image.cut(0)
    image.unmountIt()
    image.mountIt()
    return image
  } catch (error) {
    const needs = 'they take root, loop devices, mkfs.ext4 and gcc or python3'
    notTried(t, 'power cuts of a real file system', `${needs}: ${error}`)
    return undefined
  }
}

for (const options of ['data=ordered', 'data=writeback,nobarrier,noauto_da_alloc', 'data=journal']) {
  it(`the queue on an ext4 with ${options} keeps its promises when the power is cut`, async (t) => {
    const image = newImage(t, options)
    if (!image) return
    const counted = counting(t, 'power cuts of a real file system')
    const seed = newSeed()
    const random = randomFrom(seed)
    let judge = new Judge()
    let resolved = 0
    let cuts = 0
    for (; cuts < CUTS_OF_MODE; cuts++) {
      if (cuts % CUTS_OF_IMAGE === 0) {
        resolved += judge.resolved
        judge = new Judge()
        image.make()
      }
      const flags = FLAGS[cuts % FLAGS.length] ?? 2
      await cutAndJudge(t, { image, judge, flags, random, isFirst: cuts === 0 }).catch((error: unknown) => {
        throw new Error(`cut ${cuts}, seed ${seed}`, { cause: error })
      })
    }
    resolved += judge.resolved
    t.diagnostic(`${cuts} power cuts, ${resolved} calls resolved, seed ${seed}`)
    counted(cuts, CUTS_OF_MODE)
    assert.ok(resolved > 0)
  })
}

interface Cut {
  readonly image: Image
  readonly judge: Judge
  readonly flags: number
  readonly random: () => number
  readonly isFirst: boolean
}

async function cutAndJudge(t: TestContext, { image, judge, flags, random, isFirst }: Cut): Promise<void> {
  const folder = join(image.mount, 'queue')
  const options = { durability: 'disk', segmentSize: 8192, flushLimit: 4096 } as const
  const seed = Math.floor(random() * 2 ** 31)
  const worker = startWorker(t, { folder, options, seed, first: judge.next, puts: true, takes: true })
  // Now and then while it opens; never the first, so that some calls resolve.
  if (isFirst) await worker.heard(50 + Math.floor(random() * 100))
  else if (random() < 0.1) await pause(30 + random() * 50)
  else await worker.heard(1 + Math.floor(random() * random() * 600))
  image.cut(flags, worker.pid)
  await worker.kill()
  for (const line of worker.lines) {
    assert.ok(!line.startsWith('corruption'), line)
    judge.hear(line)
  }
  await image.remount()
  try {
    judge.judge(await look(folder))
  } catch (error) {
    throw new Error(`flags ${flags}; the last told:\n${worker.lines.slice(-60).join('\n')}`, { cause: error })
  }
}
