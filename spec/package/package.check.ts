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
import { AsyncQueue, PersistentMap, QueueError, QueueFullError } from 'spoolq'
import type { Codec, Delivery, MapOptions, QueueOptions } from 'spoolq'
interface Reading { readonly sensor: number }
const options: QueueOptions<Reading> = { durability: 'os', maxSize: 10, unique: ({ sensor }) => String(sensor) }
const queue: AsyncQueue<Reading> = await AsyncQueue.open<Reading>('memory:', options)
const id: number | undefined = await queue.put({ sensor: 7 })
// @ts-expect-error: an item of another type
await queue.put('seven')
const first: Reading | undefined = await queue.pop()
const some: Reading[] = [...(await queue.pop(2)), ...(await queue.get(3, { min: 2 })), await queue.get()]
const leased: Delivery<Reading> | undefined = await queue.lease()
const [delivery]: Delivery<Reading>[] = await queue.lease(1)
for await (const { sensor } of queue) console.log(sensor satisfies number, id, first)
for await (const batch of queue.batches(3)) batch satisfies Reading[]
for await (const { item } of queue.deliveries()) item satisfies Reading
await queue.consume((items, { ids, signal }) => [items satisfies Reading[], ids, signal satisfies AbortSignal])
try {
  await queue.put({ sensor: 1 }, { wait: false })
} catch (error) {
  if (error instanceof QueueFullError) console.log(error.code satisfies string, error instanceof QueueError)
}

// Options that say nothing of the type fit a queue of any.
const plain: QueueOptions = { durability: 'os', maxSize: 10 }
const opened: AsyncQueue<Reading> = await AsyncQueue.open<Reading>('memory:', plain)
const opening: AsyncQueue<Reading> = new AsyncQueue<Reading>('memory:', plain)
const copied: AsyncQueue<Reading> = await queue.copyTo('memory:', plain)
const unknown: AsyncQueue<unknown> = await AsyncQueue.open('memory:', plain)
function wrap<T>(options: QueueOptions<T>): Promise<AsyncQueue<T>> { return AsyncQueue.open<T>('memory:', options) }
const sizeOf = (queue: AsyncQueue): Promise<number> => queue.size()
console.log(sizeOf(queue), sizeOf(opened), opening, copied, wrap<Reading>(options), unknown.put(7), some, leased, delivery)

// The type comes from the codec, or from unique.
const ofReadings: Codec<Reading> = {
  name: 'readings',
  encode: ({ sensor }) => Buffer.of(sensor),
  decode: ([sensor = 0]) => ({ sensor }),
}
const ofStrings: Codec<string> = { name: 'strings', encode: (item) => Buffer.from(item), decode: String }
const ofAnything: Codec<unknown> = { name: 'any', encode: (item) => Buffer.from(String(item)), decode: String }
const inferred = await AsyncQueue.open('memory:', { codec: ofReadings })
// @ts-expect-error: an item of another type
await inferred.put('seven')
const equal = await AsyncQueue.open('memory:', { unique: (reading: Reading) => String(reading.sensor) })
// @ts-expect-error: an item of another type
await equal.put('seven')
await AsyncQueue.open<Reading>('memory:', { codec: ofAnything })
// @ts-expect-error: a codec for another type
await AsyncQueue.open<Reading>('memory:', { codec: ofStrings })
// @ts-expect-error: a codec for another type
await queue.copyTo('memory:', { codec: ofStrings })
// @ts-expect-error: a key of another type
await AsyncQueue.open<Reading>('memory:', { unique: (item: string) => item })
// @ts-expect-error: a number
await AsyncQueue.open<Reading>('memory:', { maxSize: '3' })
// @ts-expect-error: no such option
await AsyncQueue.open<Reading>('memory:', { maxSizes: 3 })

const mapOptions: MapOptions = { durability: 'os' }
const map: PersistentMap<Reading> = await PersistentMap.open<Reading>('memory:', mapOptions)
await map.set('one', { sensor: 1 })
const value: Reading | undefined = await map.get('one')
for await (const [key, { sensor }] of map) console.log(key satisfies string, sensor satisfies number, value)
// @ts-expect-error: a codec for another type
await PersistentMap.open<Reading>('memory:', { codec: ofStrings })
`

const IMPORTS = /^import .*$/gm

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
      const imports = typed.match(IMPORTS)?.join('\n')
      const source =
        ending === 'ts' ? typed : `${imports}\nasync function main() {\n${typed.replaceAll(IMPORTS, '')}\n}\nmain()`
      writeFileSync(join(project, `typed.${ending}`), source)
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
