/** The picture of a plan, made at once or, if that takes long, in the background. */
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Plan } from '../api/types'
import { type Picture, placed, shapeOf } from './plan'

/** Up to so many vertices a layout takes less than the eye notices. */
const SMALL = 40

/** Returns the picture of a plan; nothing while it is made. */
export function usePicture(plan: Plan): Picture | undefined {
  const shape = shapeOf(plan)
  const isSmall = plan.nodes.length <= SMALL
  const atOnce = useMemo(() => (isSmall ? placed(plan) : undefined), [shape])
  const [later, setLater] = useState<{ shape: string; picture: Picture }>()
  useEffect(() => {
    if (isSmall) return
    const worker = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' })
    worker.onmessage = ({ data }: MessageEvent<Picture>) => {
      setLater({ shape, picture: data })
      worker.terminate()
    }
    worker.onerror = () => setLater({ shape, picture: placed(plan) })
    worker.postMessage(plan)
    return () => worker.terminate()
  }, [shape])
  return atOnce ?? (later?.shape === shape ? later.picture : undefined)
}
