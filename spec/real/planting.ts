// planting.ts: plants bugs in copies of the built library, and runs on such a copy what should catch them.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { lacking, Server } from '../mysql/server.ts'
import { type Bug, type Layer, nameOf, planted } from './planted/bug.ts'

export const root = fileURLToPath(new URL('../../..', import.meta.url))

const LANES = 2
const MOST_MS = 120_000
/** What has failed may have left something that would keep its process alive. */
const LAST_MS = 2000
const FAILED = /^\s*not ok/m
const NEED_STRACE = ['real/honesty']

const hasStrace = spawnSync('strace', ['-f', '-e', 'trace=none', 'true']).status === 0
const needsServer = (layer: Layer): boolean => 'spec' in layer && layer.spec.startsWith('mysql/')
const needsStrace = (layer: Layer): boolean => 'spec' in layer && NEED_STRACE.includes(layer.spec)

/** Whether this machine has what catches the bug. */
export function canTry({ layer }: Bug): boolean {
  return (hasStrace || !needsStrace(layer)) && (lacking() === undefined || !needsServer(layer))
}

/** One for all of them: most of what such a spec takes by itself is its server. */
let server: Promise<Server> | undefined
/** Copies of the library that nobody works with now. */
const idle: string[] = []
const copies: string[] = []
after(async () => {
  await (await server)?.stop()
  for (const copy of copies) rmSync(copy, { recursive: true, force: true })
})

/** Plants each bug, tells `t` what became of it, and resolves to those that nothing caught. */
export async function plantEach(t: TestContext, bugs: readonly Bug[]): Promise<readonly string[]> {
  const missed: string[] = []
  await eachIn(bugs, async (copy, bug) => {
    const { said, seconds } = await tryBug(copy, bug)
    if (said === undefined) missed.push(`${bug.name}: ${nameOf(bug.layer)}`)
    const row = `${bug.name}: ${said === undefined ? 'MISSED' : 'caught'} by ${nameOf(bug.layer)}`
    t.diagnostic(`${row}, ${seconds.toFixed(1)} s (${said ?? 'nothing was said'})`)
  })
  t.diagnostic(`${bugs.length - missed.length} of ${bugs.length} planted bugs caught`)
  return missed
}

/** Runs layers on the library as it is. Rejects if one has anything to say against it. */
export async function runEach(layers: readonly Layer[]): Promise<void> {
  const different = [...new Map(layers.map((layer) => [JSON.stringify(layer), layer])).values()]
  await eachIn(different, async (copy, layer) => assert.equal(await run(copy, layer), undefined, nameOf(layer)))
}

async function eachIn<E>(all: readonly E[], work: (copy: string, one: E) => Promise<void>): Promise<void> {
  const waiting = [...all]
  const lane = async (): Promise<void> => {
    const copy = idle.pop() ?? newCopy()
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) await work(copy, one)
    idle.push(copy)
  }
  await Promise.all(Array.from({ length: Math.min(LANES, all.length) }, lane))
}

function newCopy(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'spoolq-planted-')))
  copies.push(folder)
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
    const started = performance.now()
    const said = await run(copy, bug.layer, () => assertProgram(copy, path, bug))
    return { said, seconds: (performance.now() - started) / 1000 }
  } finally {
    writeFileSync(path, right)
  }
}

/** `broken`: called where the program may be none. */
async function run(copy: string, layer: Layer, broken?: () => Promise<void>): Promise<string | undefined> {
  const { code, output, isCut } = await ran(copy, layer)
  if (/SyntaxError/.test(output)) await broken?.()
  assert.doesNotMatch(output, /ReferenceError: \S+ is not defined/, 'what is planted uses a name that is none')
  // Only what a trial says counts: a process that was killed because it took too long has caught nothing.
  return code === 1 || isCut ? lineOf(output, 'words' in layer ? /\S/ : FAILED) : undefined
}

async function ran(copy: string, layer: Layer): Promise<Ended> {
  const specs = join(copy, 'dist', 'spec')
  if ('words' in layer) {
    return node(copy, [join(specs, 'real', 'try-words.js'), layer.subject, String(layer.limit), ...layer.words])
  }
  const path = join(specs, `${layer.spec}.spec.js`)
  assert.ok(existsSync(path), path)
  const only = layer.only === undefined ? [] : [`--test-name-pattern=${literally(layer.only)}`]
  return node(copy, ['--test-reporter=tap', ...only, path], await served(layer))
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}

function lineOf(output: string, wanted: RegExp): string {
  const line = output.split('\n').find((each) => wanted.test(each))
  assert.ok(line !== undefined, `it failed without a word of a promise that was broken:\n${output}`)
  return line.trim().slice(0, 160)
}

/** What is planted has to be a program. */
async function assertProgram(copy: string, path: string, { name }: Bug): Promise<void> {
  const { code, output } = await node(copy, ['--check', path])
  assert.equal(code, 0, `'${name}' is no program: ${output}`)
}

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
  /** It was ended because a test had failed, and the process went on. */
  readonly isCut: boolean
}

async function node(copy: string, words: readonly string[], more: Record<string, string> = {}): Promise<Ended> {
  const env = { ...process.env, ...more, SPOOLQ_CHECK: undefined, NODE_TEST_CONTEXT: undefined }
  const child = spawn(process.execPath, words, { cwd: copy, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: MOST_MS })
  let output = ''
  let isCut = false
  let cut: NodeJS.Timeout | undefined
  const hear = (chunk: string): void => {
    output += chunk
    if (cut !== undefined || !FAILED.test(output)) return
    cut = setTimeout(() => {
      isCut = child.kill('SIGKILL')
    }, LAST_MS)
  }
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear)
  const [code] = await once(child, 'close')
  clearTimeout(cut)
  return { code, output, isCut }
}
