/** The end of a log. */

/** How many lines are shown. */
export const MOST_LINES = 5_000

/** Returns the last lines that have `words` in them, and how many there are before those. */
export function tail(text: string, words = ''): { lines: string[]; left: number } {
  const wanted = words.trim().toLowerCase()
  let lines = text.replace(/\n$/, '').split('\n')
  if (wanted) lines = lines.filter((line) => line.toLowerCase().includes(wanted))
  const left = Math.max(lines.length - MOST_LINES, 0)
  return { lines: lines.slice(left), left }
}
