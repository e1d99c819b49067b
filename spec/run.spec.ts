// What runs the specs: it may never call a failure a success.
// A process of its own: it starts others.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { processesOf } from './sharing.ts'
import { inTurn, TURNS } from './turns.ts'

const runner = fileURLToPath(new URL('./run.js', import.meta.url))
let folder = ''

describe('the run of the specs', { timeout: 240_000 }, () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'spoolq-run-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('adds up what passed, and ends well', () => {
    spec('one.spec.mjs', `it('a', () => {}); describe('s', () => { it('b', () => {}); it('c', () => {}) })`)
    spec('two.spec.mjs', `it('d', async () => {})`)
    assert.deepEqual(run().result, { status: 0, totals: '4 passed, 0 failed' })
  })

  it('fails with a failed test, and says which and why', () => {
    spec(
      'one.spec.mjs',
      `describe('s', () => { it('bad', () => { throw new Error('the reason') }); it('good', () => {}) })`,
    )
    const { result, output } = run()
    assert.deepEqual(result, { status: 1, totals: '1 passed, 1 failed' })
    assert.match(output, /one\.spec\.mjs: s › bad\n +Error: the reason/)
  })

  it('fails with a test that takes longer than a test may', () => {
    spec('one.spec.mjs', `it('waits', () => new Promise((resolve) => setTimeout(resolve, 1600))); it('b', () => {})`)
    const { result, output } = run({ SPOOLQ_TEST_SECONDS: '1' })
    assert.deepEqual(result, { status: 1, totals: '1 passed, 1 failed' })
    assert.match(output, /one\.spec\.mjs: waits\n +it took 2 s, and may take 1\n/)
  })

  it('tells skipped tests and their reasons', () => {
    spec('one.spec.mjs', `it('a', () => {}); it('b', (t) => t.skip('no disk')); it('c', { skip: 'no net' }, () => {})`)
    const { result, output } = run()
    assert.deepEqual(result, { status: 0, totals: '1 passed, 0 failed, 2 skipped' })
    assert.match(output, /SKIPPED .*b: no disk/)
    assert.match(output, /SKIPPED .*c: no net/)
  })

  it('runs files of a folder in one process, but for one that says that it needs its own', () => {
    const tell = `it('tells', (t) => { console.log(\`pid \${process.pid}\`); throw new Error('x') })`
    for (const name of ['one', 'two', 'three']) spec(`${name}.spec.mjs`, tell)
    spec('alone.spec.mjs', `// A process of its own: it says so.\n${tell}`)
    const { result, output } = run()
    assert.deepEqual(result, { status: 1, totals: '0 passed, 4 failed' })
    const printed = output.split(/^FAILED/m).slice(1)
    const pids = new Map(printed.map((text) => [/(\w+)\.spec/.exec(text)?.[1], /pid \d+/.exec(text)?.[0]]))
    assert.equal(pids.size, 4)
    assert.ok(pids.get('one') === pids.get('two') && pids.get('two') === pids.get('three'))
    assert.notEqual(pids.get('alone'), pids.get('one'))
  })

  it('tells of files in one process which of them failed', () => {
    spec('a.spec.mjs', `after(() => {}); it('a', () => {})`)
    spec('b.spec.mjs', `await 1; describe('s', () => { it('bad', () => { throw new Error('x') }) })`)
    spec(
      'c.spec.mjs',
      `it('c', () => {}); describe('s', () => { after(() => { throw new Error('y') }); it('d', () => {}) })`,
    )
    spec('d.spec.mjs', `throw new Error('z')`)
    spec('e.spec.mjs', '')
    spec('f.spec.mjs', `it('e', () => {})`)
    const { result, output } = run()
    assert.deepEqual(result, { status: 1, totals: '4 passed, 4 failed' })
    const failed = [...output.matchAll(/^✗ (.*)$/gm)].map(([, told]) => told)
    assert.deepEqual(failed, [
      'b.spec.mjs: s › bad',
      'c.spec.mjs: s',
      'd.spec.mjs: (the file)',
      'e.spec.mjs: (the file)',
    ])
    assert.match(output, /e\.spec\.mjs: \(the file\)\n +no test ran in it/)
  })

  it('holds nothing against a file whose tests were done when the process of several ended', () => {
    spec('a.spec.mjs', `it('a', () => {})`)
    spec('b.spec.mjs', `${UNTIL_TOLD}; it('b', async () => { await untilTold('"title":"b"'); process.exit(0) })`)
    spec('c.spec.mjs', `it('c', () => {})`)
    const { result, output } = run()
    assert.deepEqual(result, { status: 1, totals: '1 passed, 2 failed' })
    assert.match(output, /b\.spec\.mjs: \(the file\)\n +it ended before its tests were done; last begun: b\n/)
    assert.match(output, /c\.spec\.mjs: \(the file\)\n +it ended before its tests were done; last begun: none\n/)
  })

  it('has each long file in the turn of one seed in four, and all others in each', () => {
    const here = fileURLToPath(new URL('.', import.meta.url))
    const files = readdirSync(here, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.spec.js'))
    const turns = Array.from({ length: TURNS }, (_, seed) => new Set(inTurn(files, seed)))
    const times = files.map((file) => turns.filter((turn) => turn.has(file)).length)
    assert.ok(times.every((count) => count === 1 || count === TURNS))
    const long = times.filter((count) => count === 1).length
    assert.ok(long >= 40, `${long} files take turns`)
  })

  it('lets no file share a process that starts others', () => {
    const here = fileURLToPath(new URL('.', import.meta.url))
    const files = readdirSync(here, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.spec.js'))
    const shared = processesOf(files, here).filter(({ length }) => length > 1)
    assert.ok(shared.length > 3)
    const starts = /node:(child_process|worker_threads)|\/(parts|agents)\.js'.*start/
    assert.deepEqual(
      shared.flat().filter((file) => starts.test(readFileSync(join(here, file), 'utf8'))),
      [],
    )
  })

  const troubles = {
    'a hook that fails': [
      `describe('s', () => { after(() => { throw new Error('x') }); it('a', () => {}) })`,
      '1 passed, 1 failed',
    ],
    'a file that does not load': [`throw new Error('x')`, '0 passed, 1 failed'],
    'a file without tests': [`describe('s', () => {})`, '0 passed, 1 failed'],
    'a file that ends before its tests': [
      `it('a', () => { process.exit(0) }); it('b', () => {})`,
      '0 passed, 1 failed',
    ],
    'an error after the tests': [
      `it('a', () => { setTimeout(() => { throw new Error('x') }, 1) })`,
      '1 passed, 1 failed',
    ],
    'a file that does not end': [`it('a', () => new Promise(() => setInterval(() => {}, 1e6)))`, '0 passed, 1 failed'],
    'nothing to run': ['', '0 passed, 0 failed'],
  } as const
  for (const [trouble, [code, totals]] of Object.entries(troubles)) {
    it(`fails with ${trouble}`, () => {
      if (code !== '') spec('one.spec.mjs', code)
      assert.deepEqual(run(trouble === 'a file that does not end' ? { SPOOLQ_FILE_SECONDS: '3' } : {}).result, {
        status: 1,
        totals,
      })
    })
  }
})

/** Resolves when the reporter has written so, into the run's temporary folder, which is below the files'. */
const UNTIL_TOLD = `
import { readdirSync, readFileSync } from 'node:fs'
const here = new URL('.', import.meta.url)
const written = () => readdirSync(here, { recursive: true }).filter((name) => name.endsWith('.ndjson'))
async function untilTold(text) {
  while (!written().some((name) => readFileSync(new URL(name, here), 'utf8').includes(text)))
    await new Promise((resolve) => setTimeout(resolve, 5))
}`

function spec(name: string, code: string): void {
  writeFileSync(join(folder, name), `import { after, describe, it } from 'node:test'\n${code}\n`)
}

interface Run {
  readonly result: { readonly status: number | null; readonly totals: string | undefined }
  readonly output: string
}

/** `limits`: how long a file or a test may take, if that is not the runner's own limit. */
function run(limits: Readonly<Record<string, string>> = {}): Run {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const words = [runner, `--in=${folder}`]
  const { status, stdout } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
    env: { ...env, TMPDIR: folder, SPOOLQ_CHECK: undefined, ...limits },
  })
  return { result: { status, totals: stdout.trimEnd().split('\n').at(-1) }, output: stdout }
}
