// What runs the specs: it may never call a failure a success.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const runner = fileURLToPath(new URL('./run.js', import.meta.url))
let folder = ''

describe('the run of the specs', { timeout: 60_000 }, () => {
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

  it('tells skipped tests and their reasons', () => {
    spec('one.spec.mjs', `it('a', () => {}); it('b', (t) => t.skip('no disk')); it('c', { skip: 'no net' }, () => {})`)
    const { result, output } = run()
    assert.deepEqual(result, { status: 0, totals: '1 passed, 0 failed, 2 skipped' })
    assert.match(output, /SKIPPED .*b: no disk/)
    assert.match(output, /SKIPPED .*c: no net/)
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
      assert.deepEqual(run().result, { status: 1, totals })
    })
  }
})

function spec(name: string, code: string): void {
  writeFileSync(join(folder, name), `import { after, describe, it } from 'node:test'\n${code}\n`)
}

function run(): { result: { status: number | null; totals: string | undefined }; output: string } {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const words = [runner, `--in=${folder}`]
  const { status, stdout } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
    env: { ...env, SPOOLQ_FILE_SECONDS: '3' },
  })
  return { result: { status, totals: stdout.trimEnd().split('\n').at(-1) }, output: stdout }
}
