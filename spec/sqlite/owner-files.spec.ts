// The files of the handles that have a database open: who is seen alive, and what stays beside the database.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { Disk } from '../../lib/disk/disk.ts'
import { nodeDisk } from '../../lib/disk/node.ts'
import { AsyncQueue } from '../../lib/index.ts'
import { OwnerFiles } from '../../lib/sqlite/owner-files.ts'
import { cut } from '../queue/place.ts'
import { newFile } from './rig.ts'

/** Without claims, which are files in the folder where fs-ext is missing, and keep it there. */
const { enter: _, ...byPath } = nodeDisk
const unclaimed: Disk = { ...byPath, claim: async () => () => {} }

/** A disk on which the folder has gone when a file is made there for the first time. */
function forgetful(folder: string): Disk {
  let isGone = false
  return {
    ...unclaimed,
    open(path, how) {
      if (how === 'create' && !isGone) {
        isGone = true
        rmdirSync(folder)
      }
      return nodeDisk.open(path, how)
    },
  }
}

async function entered(disk: Disk, file: string): Promise<OwnerFiles> {
  const files = new OwnerFiles(disk, file)
  await files.enter()
  return files
}

describe('the queue', () => {
  it('leaves no folder beside its database when nobody has it open', async () => {
    const file = newFile()
    const one = await AsyncQueue.open(`sqlite:${file}`)
    const other = await AsyncQueue.open(`sqlite:${file}?queue=other`)
    assert.equal(readdirSync(`${file}-owners`).filter((name) => !name.startsWith('only.')).length, 2)
    await one.close()
    assert.ok(existsSync(`${file}-owners`))
    await other.close()
    // Without fs-ext the last claim stays: its number must not come again.
    const left = existsSync(`${file}-owners`) ? readdirSync(`${file}-owners`) : []
    assert.deepEqual(
      left.filter((name) => !name.startsWith('only.')),
      [],
    )
  })

  it('opens where those who close take the folder with them', async () => {
    const file = newFile()
    const joining = await entered(forgetful(`${file}-owners`), file)
    assert.ok(await joining.make(1))
    const other = await entered(unclaimed, file)
    assert.equal(other.isAlive(1), true)
    other.leave()
    assert.ok(existsSync(`${file}-owners/1`))
    joining.remove(1)
    joining.leave()
    assert.equal(other.isAlive(1), false)
  })

  it('takes over what is left of a database that stood there before, and passes by who is alive', async () => {
    const file = newFile()
    mkdirSync(`${file}-owners`)
    // Numbers that a new database gives next; of these, somebody holds the second.
    for (const number of [1, 3]) writeFileSync(`${file}-owners/${number}`, 'x'.repeat(48))
    const alive = await entered(nodeDisk, file)
    assert.ok(await alive.make(2))
    const queues = [await AsyncQueue.open(`sqlite:${file}`), await AsyncQueue.open(`sqlite:${file}`)]
    const names = readdirSync(`${file}-owners`).filter((name) => !name.startsWith('only.'))
    assert.deepEqual(names.sort(), ['1', '2', '3'])
    for (const queue of queues) await cut(queue)
    assert.equal(alive.isAlive(2), true)
    alive.remove(2)
    alive.leave()
  })
})
