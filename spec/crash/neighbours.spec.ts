// neighbours.spec.ts: a process that dies at any call of any step, in the middle of a write or before it, is no
// hindrance for the others: what was safe stays, what it held is ready again, puts and takes go on, nothing is left.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CrashState } from './crash-state.ts'
import { logSubject } from './log-subject.ts'
import { Program } from './program.ts'
import { RecordingDisk } from './recording-disk.ts'
import { SpecClock } from './spec-clock.ts'
import { newTold, tryState } from './trial.ts'
import { ALPHABET } from './workloads.ts'

const CHECK = process.env.SPOOLQ_CHECK === '1'
/** How much of its last write the dying process leaves. */
const CUTS = CHECK ? [0, 1, 4, 16, 31, 32, 33, 63, 64, 100, 600, 1055, 1056, 1057, 1100] : [0, 20, 1060]
/** Opening alone, or with one step more. */
const STEPS = ['', ...ALPHABET]
const MOST_CALLS = 100

interface Death {
  /** What the dying process does, and what the surviving one does before and after. */
  readonly step: string
  readonly call: number
  readonly cut: number
}

/** True if the neighbour died; false where its step was over before. */
async function outlives({ step, call, cut }: Death): Promise<boolean> {
  const disk = new RecordingDisk()
  const clock = new SpecClock()
  const subject = logSubject('disk', clock)
  const told = newTold()
  const survivor = new Program(disk, (chance) => subject.open(disk, told, chance))
  await survivor.open()
  for (const letter of '3Bp1B') await survivor.step(letter)

  const neighbour = disk.process()
  const doomed = new Program(disk, (chance) => subject.open(neighbour, newTold(), chance), 1001)
  neighbour.dieAt(call, cut)
  await act(doomed, step)
  const died = neighbour.dead
  if (!died) neighbour.kill()

  clock.pass(1000)
  for (const letter of '1p3Bp') await survivor.step(letter)
  assert.equal((await survivor.store.counts()).inFlight, 0, 'what the dead one held is ready again')
  await survivor.store.close()
  assert.deepEqual([told.corruptions, told.failures], [[], []])
  await afterwards(disk)
  return died
}

async function act(program: Program, step: string): Promise<void> {
  try {
    await program.open()
    if (step !== '') await program.step(step)
  } catch {
    // It died, which is what it was there for.
  }
}

async function afterwards(disk: RecordingDisk): Promise<void> {
  const marks = disk.log.flatMap((op) => (op.kind === 'mark' ? [op.mark] : []))
  const key = disk.key()
  const state: CrashState = {
    name: 'afterwards',
    kind: 'kill',
    prefix: disk.log.length,
    marks,
    key,
    disk,
    copy: () => disk,
  }
  assert.deepEqual(await tryState(state, logSubject('disk')), [])
}

describe('the queue, when a process beside it dies', () => {
  for (const step of STEPS) {
    it(`goes on: in ${step === '' ? 'its opening' : `step ${step}`}`, async (t) => {
      let deaths = 0
      for (const cut of CUTS) {
        for (let call = 1; call < MOST_CALLS; call++) {
          const died = await outlives({ step, call, cut }).catch((error: unknown) => {
            throw new Error(`step '${step}', death at call ${call}, ${cut} bytes written`, { cause: error })
          })
          if (!died) break
          deaths++
        }
      }
      t.diagnostic(`${deaths} deaths`)
      assert.ok(deaths > 0)
    })
  }
})
