// planted.spec.ts: who tests the tester. Each planted bug (planted/) is put into a copy of the built library, and the
// layer that should catch it is run on that copy. A bug that nothing catches is a hole in the battery.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CHECK, counting } from '../layers.ts'
import { lacking, Server } from '../mysql/server.ts'
import { bugs, pathOfPage, withTable } from './planted/all.ts'
import { type Bug, type Layer, nameOf, planted } from './planted/bug.ts'
import { newFolder } from './workers.ts'

/** Different ones: a sync, a checksum. */
const FEW = ['a put resolves without its sync', 'the checksum of a body is not looked at']
/** `npm run check` plants three of seven, others for each SPOOLQ_SEED. */
const SEED = Number(process.env.SPOOLQ_SEED ?? 1)
const LANES = 2
const root = fileURLToPath(new URL('../../..', import.meta.url))
const hasStrace = spawnSync('strace', ['-f', '-e', 'trace=none', 'true']).status === 0
const NEED_STRACE = ['real/honesty']
const needsServer = (layer: Layer): boolean => 'spec' in layer && layer.spec.startsWith('mysql/')
const needsStrace = (layer: Layer): boolean => 'spec' in layer && NEED_STRACE.includes(layer.spec)
const untried = bugs.filter(({ layer }) => {
  return (!hasStrace && needsStrace(layer)) || (lacking() !== undefined && needsServer(layer))
})
/** One for all of them: most of what such a spec takes by itself is its server. */
let server: Promise<Server> | undefined
after(async () => (await server)?.stop())
const isChosen = ({ name }: Bug, i: number) => (CHECK ? (i + SEED) % 7 < 3 : FEW.includes(name))
const chosen = bugs.filter(isChosen).filter((bug) => !untried.includes(bug))

it('the queue has a place in its code for each bug that is to be planted', () => {
  assert.equal(new Set(bugs.map(({ name }) => name)).size, bugs.length)
  for (const bug of bugs) planted(join(root, 'dist', 'lib', bug.file), bug)
})

it('the queue has a page that says which layer catches which bug', () => {
  const page = readFileSync(pathOfPage(root), 'utf8')
  assert.equal(page, withTable(page), 'write the table anew: node dist/spec/real/planted/all.js')
})

it('the queue with a bug planted in it is caught by the battery', async (t) => {
  const counted = counting(t, 'planted bugs caught')
  const waiting = [...chosen]
  const missed: string[] = []
  let caught = 0
  const lane = async () => {
    const copy = newCopy(t)
    for (let bug = waiting.shift(); bug; bug = waiting.shift()) {
      const { said, seconds } = await tryBug(copy, bug)
      if (said === undefined) missed.push(`${bug.name}: ${nameOf(bug.layer)}`)
      else caught++
      const row = `${bug.name}: ${said === undefined ? 'MISSED' : 'caught'} by ${nameOf(bug.layer)}`
      t.diagnostic(`${row}, ${seconds.toFixed(1)} s (${said ?? 'nothing was said'})`)
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  if (untried.length > 0)
    t.diagnostic(`NOT TRIED, for want of strace or of a server: ${untried.map(({ name }) => name).join(', ')}`)
  t.diagnostic(`${caught} of ${chosen.length} planted bugs caught`)
  assert.deepEqual(missed, [], 'holes in the battery')
  counted(caught, FEW.length)
})

it('the queue as it is passes what catches its bugs', async (t) => {
  // Whole specs are run by themselves in the same check.
  const layers = chosen.map(({ layer }) => layer).filter((layer) => !CHECK || 'words' in layer)
  const waiting = [...new Map(layers.map((layer) => [JSON.stringify(layer), layer])).values()]
  const lane = async () => {
    const copy = newCopy(t)
    for (let layer = waiting.shift(); layer; layer = waiting.shift()) {
      assert.equal(await run(copy, layer), undefined, nameOf(layer))
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
})

function newCopy(t: TestContext): string {
  const folder = newFolder(t, 'planted')
  // Neither maps nor types: they are half of the files.
  const filter = (path: string) => !/\.(map|d\.ts)$/.test(path)
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true, filter })
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  // Some specs read what lies beside the sources.
  for (const name of ['spec', 'lib', 'docs']) symlinkSync(join(root, name), join(folder, name))
  return folder
}

interface Tried {
  /** What the layer said against it; undefined where it said nothing. */
  readonly said: string | undefined
  readonly seconds: number
}

async function tryBug(copy: string, bug: Bug): Promise<Tried> {
  const path = join(copy, 'dist', 'lib', bug.file)
  const right = readFileSync(path, 'utf8')
  writeFileSync(path, planted(path, bug))
  try {
    const { code, output } = await node(copy, ['--check', path])
    assert.equal(code, 0, `'${bug.name}' is no program: ${output}`)
    const started = performance.now()
    const said = await run(copy, bug.layer)
    return { said, seconds: (performance.now() - started) / 1000 }
  } finally {
    writeFileSync(path, right)
  }
}

async function run(copy: string, layer: Layer): Promise<string | undefined> {
  const specs = join(copy, 'dist', 'spec')
  if ('words' in layer) {
    const words = [layer.subject, String(layer.limit), ...layer.words]
    const { code, output } = await node(copy, [join(specs, 'real', 'try-words.js'), ...words])
    // Only what a trial says counts: a process that was killed because it took too long has caught nothing.
    return code === 1 ? lineOf(output, /\S/) : undefined
  }
  const path = join(specs, `${layer.spec}.spec.js`)
  assert.ok(existsSync(path), path)
  const { code, output } = await node(copy, ['--test-reporter=tap', path], await served(layer))
  return code === 1 ? lineOf(output, /^\s*not ok/) : undefined
}

function lineOf(output: string, wanted: RegExp): string {
  const line = output.split('\n').find((each) => wanted.test(each))
  assert.ok(line !== undefined, `it failed without a word of a promise that was broken:\n${output}`)
  return line.trim().slice(0, 160)
}

const MOST_MS = 120_000

/** Where the server is that a spec needs. */
async function served(layer: Layer): Promise<Record<string, string>> {
  if (!needsServer(layer)) return {}
  server ??= Server.start()
  const { port, socketPath } = await server
  return { SPOOLQ_MYSQL_PORT: String(port), SPOOLQ_MYSQL_SOCKET: socketPath }
}

interface Ended {
  readonly code: number | null
  readonly output: string
}

async function node(copy: string, words: readonly string[], more: Record<string, string> = {}): Promise<Ended> {
  const env = { ...process.env, ...more, SPOOLQ_CHECK: undefined, NODE_TEST_CONTEXT: undefined }
  const child = spawn(process.execPath, words, { cwd: copy, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: MOST_MS })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const [code] = await once(child, 'close')
  return { code, output }
}
