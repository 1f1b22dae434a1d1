// Prints what vitest's JSON report (the argument) says as cargo's 'test result:' line.
import { readFileSync } from 'node:fs'

let report = {}
try {
  report = JSON.parse(readFileSync(process.argv[2], 'utf8'))
} catch {
  // Without a report the runner broke down, which counts as a failure.
}
const { numPassedTests: passed = 0, numFailedTests: failed = 0, numPendingTests: ignored = 0 } = report
const isOk = report.success === true && passed > 0
const counted = isOk || failed > 0 ? failed : 1
console.log(
  `test result: ${isOk ? 'ok' : 'FAILED'}. ${passed} passed; ${counted} failed; ${ignored} ignored; `
    + '0 measured; 0 filtered out',
)
