// agents.ts: starts and asks the agents of agent.ts; and what else several specs of the disk need.

import assert from 'node:assert/strict'
import { type ChildProcess, fork, type StdioOptions, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker, type WorkerOptions } from 'node:worker_threads'
import { codeOf } from '../../lib/disk/disk.ts'

export type Command =
  | { readonly act: 'tryLock' | 'unlock' | 'claim' | 'makeFolder' | 'watchOnly'; readonly path: string }
  | { readonly act: 'contend'; readonly path: string; readonly until: number }
  | { readonly act: 'release' | 'bootId' | 'warnings' | 'exit' }
export type Answer = boolean | number | string | readonly string[] | undefined
export type Reply = { readonly answer: Answer } | { readonly code: string; readonly message: string }

export interface Agent {
  readonly pid: number
  /** Rejects with the error's code and message as the agent met it, or with 'ENDED'. */
  ask(command: Command): Promise<Answer>
  /** kill -9, or worker.terminate(). */
  kill(): Promise<void>
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>
}

/** The compiled lib, with fs-ext in reach. */
export const ownLib = new URL('../../lib/', import.meta.url).href

let copied: string | undefined

/** A copy of lib in a place from which no fs-ext is found, the same for all specs of this process. */
export function libWithoutFsExt(): string {
  copied ??= copyLib()
  return copied
}

function copyLib(): string {
  const folder = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'spoolq-lib-'))
  process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }))
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }')
  const filter = (name: string) => !/\.(map|d\.ts)$/.test(name)
  fs.cpSync(fileURLToPath(ownLib), path.join(folder, 'lib'), { recursive: true, filter })
  return `${pathToFileURL(path.join(folder, 'lib')).href}/`
}

/** Gone when the spec has ended. */
export function newFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'spoolq-disk-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The code of what a call throws. */
export function codeThrown(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    return codeOf(error)
  }
  assert.fail('nothing was thrown')
}

/** What this process has open in or below a folder; [] where that can't be told. */
export function openIn(folder: string): string[] {
  if (!fs.existsSync('/proc/self/fd')) return []
  return openFiles().filter((name) => name === folder || name.startsWith(`${folder}/`))
}

/** All that this process has open. */
export function openFiles(): string[] {
  return fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return [] // the listing's own
    }
  })
}

/** What a spec does in its long form (npm run check), or else in its fast one. */
export function long<T>(longForm: T, fastForm: T): T {
  return process.env.SPOOLQ_CHECK === undefined ? fastForm : longForm
}

const program = new URL('./agent.js', import.meta.url)

export function startProcess(t: TestContext, lib = ownLib): Agent {
  return started(t, fork(fileURLToPath(program), [lib], { execArgv: [], stdio: STDIO }))
}

/** In a pid namespace of its own, as in a container: its pid there is 1. `kill` ends it as a whole. */
export function startContainer(t: TestContext, lib = ownLib): Agent {
  const execArgv = ['--pid', '--fork', '--mount-proc', '--kill-child', process.execPath]
  return started(t, fork(fileURLToPath(program), [lib], { execPath: 'unshare', execArgv, stdio: STDIO }))
}

/** Whether containers can be had; a spec says loudly where not. */
export function hasContainers(): boolean {
  return spawnSync('unshare', ['--pid', '--fork', '--mount-proc', '--kill-child', 'true']).status === 0
}

const STDIO: StdioOptions = ['ignore', 'inherit', 'ignore', 'ipc']

function started(t: TestContext, child: ChildProcess): Agent {
  t.after(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  async function kill(): Promise<void> {
    child.kill('SIGKILL')
    await ended
  }
  return { pid: child.pid ?? 0, ask: asker(child, (command) => child.send(command), ended), kill, ended }
}

export function startThread(t: TestContext, lib = ownLib, options: WorkerOptions = {}): Agent {
  const worker = new Worker(program, { ...options, workerData: lib, stderr: true })
  t.after(() => worker.terminate())
  const ended = once(worker, 'exit')
  async function kill(): Promise<void> {
    await worker.terminate()
  }
  return { pid: process.pid, ask: asker(worker, (command) => worker.postMessage(command), ended), kill, ended }
}

/** One command at a time. */
function asker(agent: NodeJS.EventEmitter, send: (command: Command) => void, ended: Promise<unknown>): Agent['ask'] {
  const end: Promise<Reply[]> = ended.then(() => [{ code: 'ENDED', message: 'the agent has ended' }])
  return async (command) => {
    const reply = once(agent, 'message')
    send(command)
    const [outcome]: Reply[] = await Promise.race([reply, end])
    if (outcome === undefined) throw new Error('no reply')
    if ('code' in outcome) throw Object.assign(new Error(outcome.message), { code: outcome.code })
    return outcome.answer
  }
}
