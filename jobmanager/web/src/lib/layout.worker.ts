/** Lays out large plans beside the page, which stays responsive. */
import type { Plan } from '../api/types'
import { placed } from './plan'

self.onmessage = ({ data }: MessageEvent<Plan>) => self.postMessage(placed(data))
