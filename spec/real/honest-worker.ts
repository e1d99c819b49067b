// honest-worker.ts: a word of the crash battery on the real disk: node honest-worker.js <folder> <word>, to be watched.

import { nodeDisk } from '../../lib/disk/node.ts'
import { rooted, runQuietly } from './honest.ts'

const [folder = '', word = ''] = process.argv.slice(2)
await runQuietly(word, rooted(nodeDisk, folder))
