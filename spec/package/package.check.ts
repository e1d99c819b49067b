// The package as its user gets it: packed, installed into an empty project, imported, required and type-checked there.
// Only in the long run, because installing asks the registry for the dependencies.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'spoolq-package-'))
const project = join(scratch, 'project')
const compilerOptions = { strict: true, noEmit: true, target: 'es2023', module: 'nodenext', types: ['node'] }

const program = `
async function main() {
  const queue = await AsyncQueue.open('./queue-' + process.argv[2])
  await queue.put({ sensor: 7 })
  const { sensor } = await queue.pop()
  await queue.close()
  console.log('sensor', sensor, new QueueError('CODE', 'message') instanceof Error)
}
main()
`

const typed = `
import { AsyncQueue, QueueError, type QueueOptions } from 'spoolq'
const options: QueueOptions<{ sensor: number }> = { durability: 'os', maxSize: 10 }
const queue: AsyncQueue<{ sensor: number }> = await AsyncQueue.open<{ sensor: number }>('./queue', options)
const id: number | undefined = await queue.put({ sensor: 7 })
// @ts-expect-error: an item of another type
await queue.put('seven')
const first: { sensor: number } | undefined = await queue.pop()
for await (const { sensor } of queue) console.log(sensor satisfies number, id, first)
console.log(QueueError)
`

describe('the package', { timeout: 300_000 }, () => {
  before(() => {
    const packed = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch], root)
    const [{ filename, files }] = JSON.parse(packed)
    writeFileSync(join(scratch, 'files'), files.map(({ path }: { path: string }) => path).join('\n'))
    mkdirSync(project)
    writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
    run('npm', ['install', '--no-package-lock', '--no-audit', join(scratch, filename)])
  })
  after(() => rmSync(scratch, { recursive: true, force: true }))

  it('holds the library and its papers, and nothing else', () => {
    const files = readFileSync(join(scratch, 'files'), 'utf8').split('\n')
    for (const file of [
      'package.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'dist/lib/index.js',
      'dist/lib/index.d.ts',
    ])
      assert.ok(files.includes(file), file)
    const foreign = files.filter(
      (file) => !/^(dist\/lib|lib|docs)\/|^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(file),
    )
    assert.deepEqual(foreign, [])
    const sources = new Set(
      files.filter((file) => file.endsWith('.ts')).map((file) => file.replace(/\.d\.ts$|\.ts$/, '')),
    )
    const orphans = files.filter(
      (file) => file.endsWith('.js') && !sources.has(file.slice('dist/'.length, -'.js'.length)),
    )
    assert.deepEqual(orphans, [], 'compiled files without a source')
  })

  it('is imported by an ES module', () => {
    writeFileSync(join(project, 'esm.js'), `import { AsyncQueue, QueueError } from 'spoolq'\n${program}`)
    assert.match(run(process.execPath, ['esm.js', 'esm']), /^sensor 7 true$/m)
  })

  it('is required by a CommonJS module', () => {
    writeFileSync(join(project, 'cjs.cjs'), `const { AsyncQueue, QueueError } = require('spoolq')\n${program}`)
    assert.match(run(process.execPath, ['cjs.cjs', 'cjs']), /^sensor 7 true$/m)
  })

  for (const ending of ['ts', 'cts']) {
    it(`has types that a strict project compiles, from .${ending}`, () => {
      const source =
        ending === 'ts' ? typed : `async function main() {\n${typed.replaceAll(/^import .*$/gm, '')}\n}\nmain()`
      const imports = ending === 'ts' ? '' : `import { AsyncQueue, QueueError, type QueueOptions } from 'spoolq'\n`
      writeFileSync(join(project, `typed.${ending}`), imports + source)
      const typeRoots = [join(root, 'node_modules/@types')]
      const config = { compilerOptions: { ...compilerOptions, typeRoots }, files: [`typed.${ending}`] }
      writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config))
      run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc')])
    })
  }

  it('names no address of a registry', () => {
    for (const file of ['package.json', 'package-lock.json']) {
      assert.doesNotMatch(readFileSync(join(root, file), 'utf8'), /"resolved"|registry/, file)
    }
  })
})

/** Runs a program in the project, or in another folder; throws, with what it printed, where it fails. */
function run(command: string, words: readonly string[], cwd = project): string {
  try {
    return execFileSync(command, words, { cwd, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const { stdout = '', stderr = '' } = Object(error)
    throw new Error(`${command} ${words.join(' ')} failed:\n${stdout}${stderr}`, { cause: error })
  }
}
