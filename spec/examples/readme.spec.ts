// The README's first program, run as it stands there: an ES module of a project that has spoolq.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))

it("the README's first program runs", { timeout: 240_000 }, (t) => {
  const [, program] = /```js\n(.*?)```/s.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? []
  assert.ok(program, 'the README has a block of js')
  const project = mkdtempSync(join(tmpdir(), 'spoolq-readme-'))
  t.after(() => rmSync(project, { recursive: true, force: true }))
  mkdirSync(join(project, 'node_modules'))
  symlinkSync(root, join(project, 'node_modules', 'spoolq'), 'dir')
  writeFileSync(join(project, 'first.mjs'), program)
  for (const round of [1, 2]) {
    const printed = execFileSync(process.execPath, ['first.mjs'], { cwd: project, encoding: 'utf8' })
    assert.match(printed, /21\.5/, `round ${round}`)
  }
})
