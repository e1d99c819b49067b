// planted.spec.ts: who tests the tester. Each planted bug (planted/) is put into a copy of the built library, and the
// layer that should catch it is run on that copy. A bug that nothing catches is a hole in the battery.
//
//      SPOOLQ_PLANT=all node dist/spec/run.js --check real/planted       plants all of them
//      SPOOLQ_PLANT=wait/ node dist/spec/run.js --check real/planted     those whose name or file holds that word

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { CHECK, counting } from '../layers.ts'
import { bugs, pathOfPage, withTable } from './planted/all.ts'
import { type Bug, isOutside, planted } from './planted/bug.ts'
import { canTry, plantEach, root, runEach } from './planting.ts'

/** Different ones: a sync, a line, a codec. They are caught soon. */
const FEW = [
  'a put resolves without its sync',
  'who waits behind one that has gone is not tried',
  'after one broken document all others count as broken',
]
/** `npm run check` plants three of seven of the log, and a third of the others, different ones for each SPOOLQ_SEED. */
const SEED = Number(process.env.SPOOLQ_SEED ?? 1)
const WORD = process.env.SPOOLQ_PLANT
/** Bugs at least in each part of lib/ outside the log. */
const LEAST = { map: 11, consume: 105, codec: 35, wait: 32, memory: 20, sqlite: 24, mysql: 14 }

const [outside, inLog] = [true, false].map((is) => bugs.filter((bug) => isOutside(bug) === is))
const chosen = {
  inLog: inLog?.filter(chosenBy((i) => (i + SEED) % 7 < 3)) ?? [],
  outside: outside?.filter(chosenBy((i) => (i + SEED) % 3 === 0)) ?? [],
}

function chosenBy(isDue: (i: number) => boolean): (bug: Bug, i: number) => boolean {
  if (WORD === 'all') return () => true
  if (WORD !== undefined) return ({ name, file }) => name.includes(WORD) || file.includes(WORD)
  return CHECK ? (_, i) => isDue(i) : ({ name }) => FEW.includes(name)
}

it('the queue has a place in its code for each bug that is to be planted', () => {
  assert.equal(new Set(bugs.map(({ name }) => name)).size, bugs.length)
  for (const bug of bugs) planted(join(root, 'dist', 'lib', bug.file), bug)
})

it('the queue has a spec for each bug, and bugs in each of its parts', () => {
  const specs = bugs.flatMap(({ layer }) => ('spec' in layer ? [layer.spec] : []))
  assert.deepEqual(
    specs.filter((name) => !existsSync(join(root, 'dist', 'spec', `${name}.spec.js`))),
    [],
  )
  for (const [part, least] of Object.entries(LEAST)) {
    const count = bugs.filter(({ file }) => file.startsWith(`${part}/`) || file === `${part}.js`).length
    assert.ok(count >= least, `${part}: only ${count} bugs, not ${least}`)
  }
})

it('the queue has a page that says which layer catches which bug', () => {
  const page = readFileSync(pathOfPage(root), 'utf8')
  assert.equal(page, withTable(page), 'write the table anew: node dist/spec/real/planted/all.js')
})

const layers = { inLog: 'planted bugs caught', outside: 'bugs planted outside the log' } as const

for (const part of ['inLog', 'outside'] as const) {
  const all = chosen[part]
  const title = part === 'inLog' ? 'the queue with a bug planted in its log' : 'the queue with a bug planted elsewhere'
  it(`${title} is caught by the battery`, {
    skip: all.length === 0 && `nothing in it is called ${WORD}`,
  }, async (t) => {
    const counted = counting(t, layers[part])
    const few = all.filter(canTry)
    const missed = await plantEach(t, few)
    if (few.length < all.length) {
      const untried = all.filter((bug) => !canTry(bug)).map(({ name }) => name)
      t.diagnostic(`NOT TRIED, for want of strace or of a server: ${untried.join(', ')}`)
    }
    assert.deepEqual(missed, [], 'holes in the battery')
    counted(few.length - missed.length, Math.min(2, all.length))
  })
}

it('the queue as it is passes what catches its bugs', async () => {
  // Specs are run by themselves in the same check.
  await runEach(chosen.inLog.map(({ layer }) => layer).filter((layer) => 'words' in layer))
})
