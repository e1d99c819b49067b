// planted.spec.ts: who tests the tester. Each planted bug (planted-bugs.ts) is put into a copy of the built library, and
// the layer that should catch it is run on that copy. A bug that nothing catches is a hole in the battery.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Bug, bugs, type Layer } from './planted-bugs.ts'
import { CHECK, newFolder } from './workers.ts'

const LEAST = CHECK ? 21 : 3
/** Different ones: a sync, a name, a failure. */
const FEW = ['a put resolves without its sync', 'makeDurable forgets the folder', 'a refused frame becomes no void']
const LANES = 2
const STATES = '8'
const root = fileURLToPath(new URL('../../..', import.meta.url))
const chosen = CHECK ? bugs : bugs.filter(({ name }) => FEW.includes(name))

it('the queue with a bug planted in it is caught by the battery', async (t) => {
  assert.equal(new Set(bugs.map(({ name }) => name)).size, bugs.length)
  const waiting = [...chosen]
  const rows: string[] = []
  const missed: string[] = []
  const lane = async () => {
    const copy = newCopy(t)
    for (let bug = waiting.shift(); bug; bug = waiting.shift()) {
      const said = await tryBug(copy, bug)
      if (said === undefined) missed.push(bug.name)
      const row = `${said === undefined ? 'MISSED' : 'caught'} by ${nameOf(bug.layer)}: ${bug.name} (${said})`
      rows.push(row)
      if (CHECK) console.log(row)
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  for (const row of rows.sort()) t.diagnostic(row)
  assert.deepEqual(missed, [], rows.join('\n'))
  assert.ok(rows.length >= LEAST, `only ${rows.length} bugs were planted`)
})

it('the queue as it is passes what catches its bugs', async (t) => {
  const layers = new Map(chosen.map(({ layer }) => [nameOf(layer), layer]))
  const copy = newCopy(t)
  for (const [name, layer] of layers) assert.equal(await run(copy, layer), undefined, name)
})

function newCopy(t: TestContext): string {
  const folder = newFolder(t, 'planted')
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true })
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  // Some specs read what lies beside the sources.
  for (const name of ['spec', 'lib', 'docs']) symlinkSync(join(root, name), join(folder, name))
  return folder
}

/** What the layer said against it; undefined where it said nothing. */
async function tryBug(copy: string, { name, file, from, to, layer }: Bug): Promise<string | undefined> {
  const path = join(copy, 'dist', 'lib', 'log', file)
  const right = readFileSync(path, 'utf8')
  assert.equal(right.split(from).length, 2, `'${name}' must match once in ${file}, so that it is planted at all`)
  writeFileSync(
    path,
    right.replace(from, () => to),
  )
  try {
    const { code, output } = await node(copy, ['--check', path])
    assert.equal(code, 0, `'${name}' is no program: ${output}`)
    return await run(copy, layer)
  } finally {
    writeFileSync(path, right)
  }
}

async function run(copy: string, layer: Layer): Promise<string | undefined> {
  const spec = join(copy, 'dist', 'spec')
  if ('words' in layer) {
    const { code, output } = await node(copy, [
      join(spec, 'real', 'try-words.js'),
      layer.durability,
      STATES,
      ...layer.words,
    ])
    // Only what a trial says counts: a process that was killed because it took too long has caught nothing.
    return code === 1 ? lineOf(output, /\S/) : undefined
  }
  const path = join(spec, `${layer.spec}.spec.js`)
  assert.ok(existsSync(path), path)
  const { code, output } = await node(copy, ['--test-reporter=tap', path])
  return code === 1 ? lineOf(output, /^\s*not ok/) : undefined
}

function lineOf(output: string, wanted: RegExp): string {
  const line = output.split('\n').find((each) => wanted.test(each)) ?? ''
  return line.trim().slice(0, 160)
}

const MOST_MS = 60_000

async function node(copy: string, words: readonly string[]): Promise<{ code: number | null; output: string }> {
  const env = { ...process.env, SPOOLQ_CHECK: undefined, NODE_TEST_CONTEXT: undefined }
  const child = spawn(process.execPath, words, { cwd: copy, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: MOST_MS })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const [code] = await once(child, 'close')
  return { code, output }
}

function nameOf(layer: Layer): string {
  return 'words' in layer
    ? `crash states, '${layer.durability}'${layer.words[0]?.[0] === '~' ? ', slow syncs' : ''}`
    : `spec ${layer.spec}`
}
