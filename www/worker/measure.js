/** @file A worker that measures annotations for the explorer's worker, which reads them from a file. */

import init, { Explorer } from '../pkg/explorer.js';
import { serve } from './rpc.js';

serve({
  measure: async ({ first, json, lengths }) => {
    await init();
    return { result: Explorer.measureBatch(first, json, lengths) };
  },
});
