import { defineConfig } from 'vitest/config'

/** Where `npm run dev` and `npm run preview` find a JobManager. */
const rest = process.env.SCIURUS_REST ?? 'http://localhost:8081'
const proxy = {
  '^/(config|overview|jobs|jars|taskmanagers|jobmanager|applications)([/?]|$)': rest,
}

export default defineConfig({
  // Relative, so that the pages work behind a proxy that puts a prefix in front.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: { proxy },
  preview: { proxy },
  build: {
    // What is built is committed; the JobManager has it inside.
    outDir: 'dist',
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: ['tests/unit/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['tests/e2e/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
          // A browser on a machine that is busy with other tests.
          retry: 1,
        },
      },
    ],
  },
})
