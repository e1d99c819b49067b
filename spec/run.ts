// run.ts: runs the specs in processes of their own, and ends with a line of totals.
//
//   node dist/spec/run.js [--check] [--all | --others] [--in=folder] [part of a path …]
//
// --check is the proof of the log: in its folders it adds *.check.ts, and sets SPOOLQ_CHECK=1, by which specs choose
// their long form; elsewhere it does so for files that are named. sharing.ts says which files share a process; in their
// long form none does. SPOOLQ_JOBS says how many processes run at once, SPOOLQ_FILE_SECONDS how long one may take for
// each of its files, SPOOLQ_TEST_SECONDS how long a test in its short form: some ten times what the longest takes. Fails if any test failed, if a file ran none, if a process ended before the tests of its files did,
// or badly after them, or if there was nothing to run. Files under mysql/ share one server, which is started when the
// first of them is.

import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { summary } from './layers.ts'
import { lacking, Server } from './mysql/server.ts'
import type { Line, Outcome, Verdict } from './reporter.ts'
import { processesOf } from './sharing.ts'
import { inSources } from './sources.ts'
import { inTurn } from './turns.ts'

const named = process.argv.find((word) => word.startsWith('--in='))?.slice('--in='.length)
const here = resolve(named ?? fileURLToPath(new URL('.', import.meta.url)))
const check = process.argv.includes('--check')
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'))
/** One more than there are cores: some wait for processes and disks. */
const jobs = Number(process.env.SPOOLQ_JOBS ?? availableParallelism() + 1)
/** Folders of the proof of the log, and files of others that are a part of the proof. */
const proof = /^(crash|disk|log|process|real|pairs)\b|^mysql.(flat|pairs)\b/
/** In a --check: files that keep all cores busy by themselves, or measure memory, one at a time. */
const busy = /^(crash|bench|process.million)\b/
/** Beside all others, one at a time too: what mostly waits for processes, disks and the kernel. */
const waiting = /^real\b/
const seed = Number(process.env.SPOOLQ_SEED ?? 1)
const fileSeconds = Number(process.env.SPOOLQ_FILE_SECONDS ?? (check ? 3600 : 200))
const testSeconds = process.env.SPOOLQ_TEST_SECONDS ?? '30'
const outputLines = 200

interface Report {
  readonly file: string
  readonly outcomes: readonly Outcome[]
  readonly notes: readonly string[]
  /** What its process printed, for this and other files. */
  readonly output: string
  readonly seconds: number
}

const running = new Set<number>()
let server: Promise<Server> | undefined
const scratch = mkdtempSync(join(tmpdir(), 'spoolq-specs-'))
process.on('exit', tidy)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))

const found = specFiles()
const files = chosen(found)
const [alone, beside] = [busy, waiting].map((which) => files.filter((file) => check && which.test(file)))
const together = files.filter((file) => !alone?.includes(file) && !beside?.includes(file))
const besides = runAll(beside ?? [], 1)
const reports = await runAll(together, jobs)
reports.push(...(await runAll(alone ?? [], 1)), ...(await besides))
await (await server)?.stop()
const isProved = !check || printLayers(reports)
if (files.length < found.length && !process.argv.includes('--others')) {
  const others = found.length - files.length
  console.log(
    `\n${others} long files are in turn with another SPOOLQ_SEED than ${seed}; all of them: npm test -- --all`,
  )
}
process.exitCode = printTotals(reports) && isProved ? 0 : 1

function specFiles(): string[] {
  const names = readdirSync(here, { recursive: true, encoding: 'utf8' })
  const specs = names.filter((name) => /\.spec\.m?js$/.test(name) || (/\.check\.m?js$/.test(name) && isLong(name)))
  return specs.filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part))).sort()
}

/** By the words of the call: all, or those whose turn it is, or all others. */
function chosen(found: readonly string[]): readonly string[] {
  if (check || wanted.length > 0 || process.argv.includes('--all')) return found
  const now = inTurn(found, seed)
  return process.argv.includes('--others') ? found.filter((file) => !now.includes(file)) : now
}

function isLong(file: string): boolean {
  return check && (wanted.length > 0 || named !== undefined || proof.test(file))
}

async function runAll(files: readonly string[], jobs: number): Promise<Report[]> {
  const long = files.filter(isLong)
  const short = files.filter((file) => !isLong(file))
  const left = [...long.map((file) => [file]), ...processesOf(short, here)]
  const done: Report[] = []
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const reports = await runProcess(next)
      reports.forEach(printReport)
      done.push(...reports)
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
  return done
}

async function runProcess(files: readonly string[]): Promise<Report[]> {
  const lines = join(scratch, `${files[0]?.replaceAll(/[\\/]/g, '-')}.ndjson`)
  const { output, ending } = await spawnSpecs(files, lines, await shared(files[0] ?? ''))
  const told = linesOf(lines)
  const reports = files.map((file) => reportOf(file, { told, ending, output }))
  const trouble = troubleWith(told, ending)
  if (trouble === '' || count(reports, 'failed') > 0) return reports
  const outcomes = [{ verdict: 'failed', title: '(the process)', detail: trouble } as const]
  return [...reports, { file: files.join(' '), outcomes, notes: notesIn(told), output, seconds: 0 }]
}

interface Told {
  readonly told: readonly Line[]
  readonly ending: string
  readonly output: string
}

function reportOf(file: string, { told, ending, output }: Told): Report {
  const path = join(here, file)
  const own = told.filter((line) => line.file === path)
  const outcomes = own.flatMap((line) => (line.kind === 'outcome' ? [line.outcome] : []))
  const last = own.findLast((line) => line.kind === 'start')?.title
  const end = own.find((line) => line.kind === 'end')
  if (!end) outcomes.push(failure(`it ${ending || 'ended'} before its tests were done; last begun: ${last ?? 'none'}`))
  else if (outcomes.length === 0) outcomes.push(failure('no test ran in it'))
  return { file, outcomes, notes: [...notesIn(told), ...notesIn(own, path)], output, seconds: end?.seconds ?? 0 }
}

/** Of a file, or of the whole process. */
function notesIn(told: readonly Line[], file?: string): string[] {
  return told.flatMap((line) => (line.kind === 'note' && line.file === file ? [line.text] : []))
}

function failure(detail: string): Outcome {
  return { verdict: 'failed', title: '(the file)', detail }
}

/** What is wrong with a process whose files are all well, or ''. */
function troubleWith(told: readonly Line[], ending: string): string {
  if (!told.some((line) => line.kind === 'end' && line.file === undefined))
    return `all its tests passed, but it ${ending || 'ended'} before it had told so`
  return ending === '' ? '' : `all its tests passed, but it ${ending}`
}

/** What several files share, as words of their environment. */
async function shared(file: string): Promise<Record<string, string>> {
  if (!/^mysql[\\/]/.test(file) || lacking() !== undefined) return {}
  server ??= Server.start()
  const { port, socketPath } = await server
  return { SPOOLQ_MYSQL_PORT: String(port), SPOOLQ_MYSQL_SOCKET: socketPath }
}

/** Runs files in one process, the leader of a process group, so that nothing it started outlives it. */
function spawnSpecs(
  files: readonly string[],
  lines: string,
  words: Record<string, string>,
): Promise<{ output: string; ending: string }> {
  const reporter = new URL('./reporter.js', import.meta.url).href
  const flags = [`--test-reporter=${reporter}`, `--test-reporter-destination=${lines}`]
  const program = fileURLToPath(new URL('./several.js', import.meta.url))
  const form = files.some(isLong) ? { SPOOLQ_CHECK: '1' } : { SPOOLQ_TEST_SECONDS: testSeconds }
  const env = { ...process.env, ...words, ...form }
  const child = spawn(process.execPath, [...flags, program, ...files.map((file) => join(here, file))], {
    detached: true,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const group = child.pid ?? 0
  const seconds = fileSeconds * files.length
  running.add(group)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  return new Promise((resolve, reject) => {
    let ending = ''
    const timer = setTimeout(() => {
      ending = `was still running after ${seconds} s, and was killed`
      killGroup(group)
    }, seconds * 1000)
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      clearTimeout(timer)
      if (code !== 0) ending ||= signal ? `was ended by ${signal}` : `ended with exit code ${code}`
      killGroup(group)
    })
    child.on('close', () => resolve({ output, ending }))
  })
}

function killGroup(group: number): void {
  if (!running.delete(group)) return
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // Nothing of it is left, which is how it should be.
  }
}

function tidy(): void {
  for (const group of running) killGroup(group)
  rmSync(scratch, { recursive: true, force: true })
}

function linesOf(path: string): Line[] {
  const whole = readFileSync(path, { encoding: 'utf8', flag: 'a+' }).split('\n').slice(0, -1)
  return whole.map((line) => JSON.parse(line))
}

function printReport({ file, outcomes, notes, output, seconds }: Report): void {
  const failures = outcomes.filter(({ verdict }) => verdict === 'failed')
  const skips = outcomes.filter(({ verdict }) => verdict === 'skipped')
  const tally = `${outcomes.length - failures.length - skips.length}/${outcomes.length}`
  console.log(
    `${failures.length > 0 ? 'FAILED' : 'ok    '} ${tally.padStart(9)} ${seconds.toFixed(1).padStart(7)} s  ${file}`,
  )
  for (const { title, detail } of skips) console.log(`       SKIPPED  ${title}: ${detail}`)
  for (const failure of failures) printFailure(file, failure)
  if (failures.length === 0) return
  for (const note of notes) console.log(`       note  ${note}`)
  const printed = output.trimEnd().split('\n').slice(-outputLines).join('\n')
  if (printed !== '') console.log(indent(`what its process printed:\n${inSources(printed)}`))
}

function printFailure(file: string, { title, detail }: Outcome): void {
  console.log(`\n  ✗ ${file}: ${title}\n${indent(inSources(detail))}\n`)
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '      ')
}

function count(reports: readonly Pick<Report, 'outcomes'>[], wantedVerdict: Verdict): number {
  return reports.flatMap(({ outcomes }) => outcomes).filter(({ verdict }) => verdict === wantedVerdict).length
}

/** Prints what was counted of each layer of the proof; false if a whole run fell short of a figure. */
function printLayers(reports: readonly Report[]): boolean {
  const notes = reports.flatMap(({ notes }) => notes)
  const { lines, isShort } = summary(notes, wanted.length === 0 && named === undefined)
  console.log(`\n${lines.join('\n')}`)
  return !isShort
}

/** Prints every failure and skip once more, so that the end of a log says it all; true if all is well. */
function printTotals(reports: readonly Report[]): boolean {
  const passed = count(reports, 'passed')
  const failed = count(reports, 'failed')
  const skipped = count(reports, 'skipped')
  console.log()
  for (const { file, outcomes } of reports) {
    for (const { verdict, title, detail } of outcomes) {
      if (verdict === 'failed') console.log(`✗ ${file}: ${title}`)
      if (verdict === 'skipped') console.log(`SKIPPED ${file}: ${title}: ${detail}`)
    }
  }
  if (passed + failed === 0) console.log('no test ran')
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  return failed === 0 && passed > 0
}
