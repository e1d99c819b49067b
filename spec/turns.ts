// turns.ts: long spec files take turns: `npm test` runs a quarter of them, which ones SPOOLQ_SEED says, so that it stays
// short. `npm test -- --all` runs all of them, as CI does on every Node; files that are named run in any case.

export const TURNS = 4

/** What takes long because it starts processes, servers or file systems, or kills them. */
const long = new RegExp(
  [
    '^(queue.alive|consume.stream-alive|disk.claim|log.folder|run|bench.bench)',
    '^process.(at-least-once|clocks|consumer-killed|copy-killed|decode-killed|in-flight|left-behind|producer-killed|million|rest)',
    '^real.(faults|kill|power|planted)',
    '^crash.(faults|neighbours|states)',
    '^sqlite.(processes|full-disk|file|trouble|ours|model)',
    '^map.(file|processes|model)',
    '^mysql.(attackers|flat|lost|neighbours|older|owners|plans|servers|traps)',
    '^log.(rot|damage-cursor|damage-files|history|journal-damage)',
    '^codec.(crafted|random-items|growing-documents)',
  ]
    .map((part) => `(?:${part}\\.spec)`)
    .join('|'),
)

/** Those that run in the turn of the seed, in the order given. */
export function inTurn(files: readonly string[], seed: number): string[] {
  let count = 0
  return files.filter((file) => {
    if (!long.test(file)) return true
    count += 1
    return (count + seed) % TURNS === 0
  })
}
