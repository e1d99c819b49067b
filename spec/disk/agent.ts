// agent.ts: a process or a worker thread that does to a disk what it is told (agents.ts tells it), for specs that need
// somebody else. Which lib it loads is told as well, because some specs hide fs-ext from a copy of it.

import { parentPort, workerData } from 'node:worker_threads'
import { codeOf, type DiskFile } from '../../lib/disk/disk.ts'
import { nodeDisk as witnessDisk } from '../../lib/disk/node.ts'
import type { Answer, Command, Reply } from './agents.ts'

const lib: string = parentPort === null ? process.argv[2] : workerData
const { nodeDisk }: typeof import('../../lib/disk/node.ts') = await import(`${lib}disk/node.js`)

const files = new Map<string, DiskFile>()
const claims: (() => void)[] = []
const warnings: string[] = []

process.on('warning', (warning) => {
  if ('code' in warning && warning.code === 'SPOOLQ_NO_FS_EXT') warnings.push(warning.message)
})

function open(path: string): DiskFile {
  const file = files.get(path) ?? nodeDisk.open(path, 'write')
  files.set(path, file)
  return file
}

async function act(command: Command): Promise<Answer> {
  switch (command.act) {
    case 'tryLock':
      return open(command.path).tryLock()
    case 'unlock':
      open(command.path).unlock()
      return undefined
    case 'claim':
      claims.push(await nodeDisk.claim(command.path))
      return undefined
    case 'release':
      claims.pop()?.()
      return undefined
    case 'contend':
      return await contend(command.path, command.until)
    case 'makeFolder':
      return nodeDisk.makeFolder(command.path)
    case 'bootId':
      return nodeDisk.bootId()
    case 'warnings':
      return warnings
    case 'watchOnly':
      nodeDisk.watch(command.path, () => {})
      setImmediate(() => process.disconnect()) // the last that keeps the process alive
      return undefined
    case 'exit':
      return process.exit(0)
  }
}

/** Claims and releases until then; whoever has the claim must be able to lock the witness. Returns how often it had. */
async function contend(folder: string, until: number): Promise<number> {
  const witness = witnessDisk.open(`${folder}/witness`, 'write')
  let claimed = 0
  while (Date.now() < until) {
    const release = await tryClaim(folder)
    if (release === undefined) continue
    if (!witness.tryLock()) throw Object.assign(new Error('two have the claim'), { code: 'TWO' })
    const end = performance.now() + Math.random() / 4
    while (performance.now() < end);
    witness.unlock()
    release()
    claimed++
  }
  witness.close()
  return claimed
}

async function tryClaim(folder: string): Promise<(() => void) | undefined> {
  try {
    return await nodeDisk.claim(folder)
  } catch (error) {
    if (codeOf(error) === 'ECLAIMED') return undefined
    throw error
  }
}

async function reply(command: Command): Promise<Reply> {
  try {
    return { answer: await act(command) }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { code: 'code' in error ? String(error.code) : '', message: error.message }
  }
}

if (parentPort === null) process.on('message', async (command: Command) => process.send?.(await reply(command)))
parentPort?.on('message', async (command: Command) => parentPort?.postMessage(await reply(command)))
