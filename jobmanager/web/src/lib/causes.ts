/** What lies behind a failure. */
import type { ExceptionEntry } from '../api/types'

/** Finds the innermost cause of a stack trace, or of a message that says causes after each other. */
export function rootCause({ stacktrace, exceptionName }: Pick<ExceptionEntry, 'stacktrace' | 'exceptionName'>): string {
  const lines = stacktrace.split('\n').filter((line) => line.trim() !== '')
  const causes = lines.filter((line) => /^\s*Caused by: /i.test(line))
  const innermost = (causes.at(-1) ?? lines[0] ?? exceptionName).replace(/^\s*Caused by: /i, '')
  return innermost.trim() || exceptionName
}
